import type { EdgeError } from "@basalt/types";
import { onTestFinished } from "vitest";
import type {
  OriginBoard,
  OriginHandler,
  OriginPool,
  OriginRequest,
  OriginResponseHead,
  OriginSettings,
} from "../../src/contract.ts";
import type { OriginEvent } from "../../src/events.ts";
import { createOriginPool, type OriginPoolDependencies, type SharedOriginPool } from "../../src/pool.ts";
import { type BoardParts, openBoard } from "./board.ts";

export interface TestPool {
  readonly pool: SharedOriginPool;
  readonly board: OriginBoard;
  /** Failures of exchanges, exclusions and recoveries. */
  readonly events: OriginEvent[];
}

/** A pool and the board that it follows, as in one process. */
export const openPool = (
  settings: OriginSettings,
  parts: Partial<OriginPoolDependencies> & BoardParts = {},
): TestPool => {
  const events: OriginEvent[] = [];
  const pool = createOriginPool(settings, {
    onEvent: (event) => events.push(event),
    onOutcome: (outcome) => board.report(structuredClone(outcome)),
    ...parts,
  });
  const { board } = openBoard([settings], {
    ...parts,
    onView: (view) => pool.apply(structuredClone(view)),
    onEvent: (event) => {
      if (event.kind === "excluded" || event.kind === "recovered") events.push(event);
    },
  });
  onTestFinished(() => {
    void pool.close();
  });
  return { pool, board, events };
};

export const getRequest = (target: string, changes: Partial<OriginRequest> = {}): OriginRequest => ({
  method: "GET",
  target,
  fields: [],
  body: { kind: "none" },
  mode: "cache",
  ...changes,
});

/** All that one exchange told its handler. */
export interface Outcome {
  readonly information: number[];
  head: OriginResponseHead | undefined;
  body: string;
  bodyBytes: number;
  trailers: readonly string[];
  error: EdgeError | undefined;
  /** Calls of onComplete and onError: exactly one. */
  endings: number;
}

export const newOutcome = (): Outcome => ({
  information: [],
  head: undefined,
  body: "",
  bodyBytes: 0,
  trailers: [],
  error: undefined,
  endings: 0,
});

export const recordInto = (outcome: Outcome, onEnd: () => void): OriginHandler => ({
  onInformation: (status) => outcome.information.push(status),
  onHead: (head) => {
    outcome.head = head;
  },
  onData: (chunk) => {
    outcome.body += chunk.toString("latin1");
    outcome.bodyBytes += chunk.length;
    return true;
  },
  onComplete: (trailers) => {
    outcome.trailers = trailers;
    outcome.endings += 1;
    onEnd();
  },
  onError: (error) => {
    outcome.error = error;
    outcome.endings += 1;
    onEnd();
  },
});

export const fetchFrom = (pool: OriginPool, request: OriginRequest): Promise<Outcome> =>
  new Promise((resolve) => {
    const outcome = newOutcome();
    pool.send(
      request,
      recordInto(outcome, () => resolve(outcome)),
    );
  });

/** Status, or the code of the error: what most tests ask. */
export const resultOf = async (pool: OriginPool, request: OriginRequest): Promise<number | string> => {
  const outcome = await fetchFrom(pool, request);
  return outcome.error?.code ?? outcome.head?.status ?? "nothing";
};

/** Resolves when the condition holds, checked after each turn of the event loop. */
export const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
};
