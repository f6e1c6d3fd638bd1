import { NAME_KEY, SORT_KEYS, type SortKey } from "./columns.ts";

const HIDE_CURSOR = "\u001b[?25l";
const SHOW_CURSOR = "\u001b[?25h";
const OTHER_SCREEN = "\u001b[?1049h";
const FIRST_SCREEN = "\u001b[?1049l";
const HOME = "\u001b[H";
const CLEAR_LINE = "\u001b[K";
const CLEAR_BELOW = "\u001b[J";

export type KeyAction =
  | { readonly kind: "quit" }
  | { readonly kind: "sort"; readonly by: SortKey }
  | { readonly kind: "scroll"; readonly lines: number | "page" | "pageBack" | "start" };

const ESCAPES: ReadonlyMap<string, KeyAction> = new Map([
  ["\u001b[A", { kind: "scroll", lines: -1 }],
  ["\u001b[B", { kind: "scroll", lines: 1 }],
  ["\u001bOA", { kind: "scroll", lines: -1 }],
  ["\u001bOB", { kind: "scroll", lines: 1 }],
  ["\u001b[5~", { kind: "scroll", lines: "pageBack" }],
  ["\u001b[6~", { kind: "scroll", lines: "page" }],
  ["\u001b[H", { kind: "scroll", lines: "start" }],
]);

/** One escape sequence of a terminal, or one other character. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with one
const KEY = /\u001b(?:\[[0-9;]*[A-Za-z~]|O[A-Za-z])?|[^\u001b]/gu;

/** What the keys in a chunk of input ask for; unknown ones ask for nothing. */
export const readKeys = (input: string): readonly KeyAction[] =>
  [...input.matchAll(KEY)].flatMap(([key]): readonly KeyAction[] => {
    if (key === "q" || key === "Q" || key === "\u0003" || key === "\u0004") return [{ kind: "quit" }];
    const by = SORT_KEYS.get(key.toLowerCase()) ?? (key === NAME_KEY ? "name" : undefined);
    if (by !== undefined) return [{ kind: "sort", by }];
    const action = ESCAPES.get(key);
    return action === undefined ? [] : [action];
  });

/** A terminal of which the whole screen is drawn; the screen that was there comes back in the end. */
export interface Screen {
  readonly columns: number;
  readonly rows: number;
  draw(lines: readonly string[]): void;
  close(): void;
}

export const openScreen = (
  output: NodeJS.WriteStream,
  input: NodeJS.ReadStream,
  onKeys: (actions: readonly KeyAction[]) => void,
  onResize: () => void,
): Screen => {
  const onData = (chunk: Buffer): void => onKeys(readKeys(chunk.toString("utf8")));
  output.write(`${OTHER_SCREEN}${HIDE_CURSOR}`);
  output.on("resize", onResize);
  const isInteractive = input.isTTY === true;
  if (isInteractive) {
    input.setRawMode(true);
    input.on("data", onData);
    input.resume();
  }
  return {
    get columns() {
      return output.columns;
    },
    get rows() {
      return output.rows;
    },
    draw: (lines) => {
      output.write(`${HOME}${lines.map((line) => `${line}${CLEAR_LINE}`).join("\r\n")}${CLEAR_BELOW}`);
    },
    close: () => {
      output.off("resize", onResize);
      if (isInteractive) {
        input.off("data", onData);
        input.setRawMode(false);
        input.pause();
      }
      output.write(`${SHOW_CURSOR}${FIRST_SCREEN}`);
    },
  };
};
