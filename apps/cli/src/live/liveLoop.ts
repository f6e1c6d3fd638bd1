import { EXIT } from "../exitCodes.ts";
import { print, printError } from "../output.ts";
import { type KeyAction, openScreen, type Screen } from "./terminal.ts";

const PERIOD_MS = 1000;
/** Between the end of one look and the beginning of the next, however long it took. */
const SHORTEST_PAUSE_MS = 200;

export type LiveLook =
  | {
      readonly kind: "shown";
      /** Printed as one line. */
      readonly json: unknown;
      readonly render: (room: LiveRoom) => readonly string[];
    }
  /** Nothing to compare with yet. */
  | { readonly kind: "pending" }
  | { readonly kind: "absent"; readonly reason: string };

export interface LiveRoom {
  readonly columns: number;
  /** Undefined outside a terminal: everything is shown. */
  readonly rows: number | undefined;
  readonly hasColour: boolean;
}

export interface LiveParts {
  /** Asked once a second. */
  readonly look: () => Promise<LiveLook>;
  readonly isJson: boolean;
  /** Ends after so many; undefined: when it is told to. */
  readonly times: number | undefined;
  readonly onKey?: (action: KeyAction, room: LiveRoom) => void;
}

const PLAIN_ROOM: LiveRoom = { columns: 120, rows: undefined, hasColour: false };

/**
 * Shows a live view until a key, a signal or its number of looks ends it; resolves with the exit code. In a terminal it
 * waits for an instance that is not there (any more); elsewhere it ends when there was none from the beginning.
 */
export const runLive = (parts: LiveParts): Promise<number> =>
  new Promise((resolve) => {
    const { stdin, stdout } = process;
    let last: LiveLook = { kind: "pending" };
    let timer: NodeJS.Timeout | undefined;
    let screen: Screen | undefined;
    let isEnded = false;
    let shown = 0;

    const end = (): void => {
      if (isEnded) return;
      isEnded = true;
      clearTimeout(timer);
      screen?.close();
      for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.off(signal, end);
      stdout.off("error", end);
      resolve(last.kind === "absent" && shown === 0 ? EXIT.notRunning : EXIT.done);
    };

    const room = (): LiveRoom =>
      screen === undefined
        ? PLAIN_ROOM
        : { columns: screen.columns, rows: screen.rows, hasColour: process.env.NO_COLOR === undefined };

    const show = (): void => {
      if (last.kind === "pending") return;
      if (screen !== undefined) screen.draw(last.kind === "shown" ? last.render(room()) : [last.reason]);
      else if (last.kind === "absent") printError(last.reason);
      else if (parts.isJson) print(JSON.stringify(last.json));
      else print(`${last.render(room()).join("\n")}\n`);
    };

    const step = async (): Promise<void> => {
      const startedMs = performance.now();
      last = await parts.look();
      if (isEnded) return;
      show();
      if (last.kind === "shown") shown += 1;
      const isUseless = last.kind === "absent" && shown === 0 && screen === undefined;
      if (isUseless || shown === parts.times) {
        end();
        return;
      }
      timer = setTimeout(step, Math.max(SHORTEST_PAUSE_MS, PERIOD_MS - (performance.now() - startedMs)));
    };

    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, end);
    // The reader of a pipe has gone.
    stdout.on("error", end);
    if (stdout.isTTY === true && !parts.isJson) {
      const onKeys = (actions: readonly KeyAction[]): void => {
        if (actions.some(({ kind }) => kind === "quit")) {
          end();
          return;
        }
        for (const action of actions) parts.onKey?.(action, room());
        show();
      };
      screen = openScreen(stdout, stdin, onKeys, show);
    }
    void step();
  });
