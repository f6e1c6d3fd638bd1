import { join } from "node:path";
import { numberAt, parseRecord, recordAt, recordsAt, stringAt } from "../lib/json.ts";
import { signal, startProcess, stopProcess } from "../lib/processes.ts";

/** Objects of one size. */
export interface SizeClass {
  readonly name: string;
  readonly bytes: number;
  readonly count: number;
  /** Share of the requests, relative to the other classes. */
  readonly weight: number;
  /** Asks for ranges of this length at random places instead of whole bodies. */
  readonly rangeBytes?: number;
  /** How fast the origin sends them; as fast as they are taken when absent. */
  readonly bytesPerSecond?: number;
}

export interface LoadPlan {
  readonly port: number;
  readonly connections: number;
  readonly mix: readonly SizeClass[];
  /** 1: all objects of a class alike; larger: the first are asked for more often. */
  readonly skew: number;
  readonly seed: number;
  /** Of a connection between two requests. */
  readonly pauseMs: number;
}

/** Everything since the load began. */
export interface LoadTally {
  readonly elapsedMs: number;
  readonly requests: number;
  readonly right: number;
  readonly wrong: number;
  readonly bytes: number;
  readonly longestMs: number;
  /** Of the request that has waited longest for the end of its answer at this moment. */
  readonly waitingMs: number;
  /** Its path; empty when none is under way. */
  readonly waitingFor: string;
  /** By what went wrong: a status, or how the connection ended. */
  readonly errors: Readonly<Record<string, number>>;
  /** The first wrong answers in words. */
  readonly wrongs: readonly string[];
}

export interface VerifiedLoad {
  /** At most a quarter of a second old. */
  tally(): LoadTally;
  /** Nothing is asked and nothing is read until `resume`. */
  pause(): void;
  resume(): void;
  stop(): Promise<LoadTally>;
}

export function parseLoadPlan(text: string): LoadPlan {
  const record = parseRecord(text);
  return {
    port: numberAt(record, "port"),
    connections: numberAt(record, "connections"),
    mix: recordsAt(record, "mix").map((each) => ({
      name: stringAt(each, "name"),
      bytes: numberAt(each, "bytes"),
      count: numberAt(each, "count"),
      weight: numberAt(each, "weight"),
      ...(each.rangeBytes === undefined ? {} : { rangeBytes: numberAt(each, "rangeBytes") }),
      ...(each.bytesPerSecond === undefined ? {} : { bytesPerSecond: numberAt(each, "bytesPerSecond") }),
    })),
    skew: numberAt(record, "skew"),
    seed: numberAt(record, "seed"),
    pauseMs: numberAt(record, "pauseMs"),
  };
}

function parseTally(text: string): LoadTally {
  const record = parseRecord(text);
  const errors = recordAt(record, "errors");
  const { wrongs } = record;
  return {
    elapsedMs: numberAt(record, "elapsedMs"),
    requests: numberAt(record, "requests"),
    right: numberAt(record, "right"),
    wrong: numberAt(record, "wrong"),
    bytes: numberAt(record, "bytes"),
    longestMs: numberAt(record, "longestMs"),
    waitingMs: numberAt(record, "waitingMs"),
    waitingFor: stringAt(record, "waitingFor"),
    errors: Object.fromEntries(Object.keys(errors).map((reason) => [reason, numberAt(errors, reason)])),
    wrongs: Array.isArray(wrongs) ? wrongs.filter((reason) => typeof reason === "string") : [],
  };
}

export const NO_LOAD: LoadTally = {
  elapsedMs: 0,
  requests: 0,
  right: 0,
  wrong: 0,
  bytes: 0,
  longestMs: 0,
  waitingMs: 0,
  waitingFor: "",
  errors: {},
  wrongs: [],
};

export function startVerifiedLoad(plan: LoadPlan): VerifiedLoad {
  const program = join(import.meta.dirname, "verifiedLoadMain.ts");
  const started = startProcess(process.execPath, [program, JSON.stringify(plan)], {
    environment: { NODE_OPTIONS: "" },
  });
  const tally = () => {
    const last = [...started.output().matchAll(/^TALLY (\{.*\})\n/gm)].at(-1)?.[1];
    return last === undefined ? NO_LOAD : parseTally(last);
  };
  return {
    tally,
    pause: () => signal(started.pid, "SIGSTOP"),
    resume: () => signal(started.pid, "SIGCONT"),
    stop: async () => {
      await stopProcess(started, 5000);
      const last = tally();
      if (last === NO_LOAD) throw new Error(`the load did not run: ${started.output().trim()}`);
      return last;
    },
  };
}

/** What happened between two tallies; `longestMs`, what waits and `wrongs` are those of the later. */
export function since(before: LoadTally, after: LoadTally): LoadTally {
  const errors: Record<string, number> = {};
  for (const [reason, count] of Object.entries(after.errors)) {
    const more = count - (before.errors[reason] ?? 0);
    if (more > 0) errors[reason] = more;
  }
  return {
    ...after,
    elapsedMs: after.elapsedMs - before.elapsedMs,
    requests: after.requests - before.requests,
    right: after.right - before.right,
    wrong: after.wrong - before.wrong,
    bytes: after.bytes - before.bytes,
    errors,
  };
}

export function countErrors(tally: LoadTally): number {
  return Object.values(tally.errors).reduce((sum, count) => sum + count, 0);
}
