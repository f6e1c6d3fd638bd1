import { join } from "node:path";
import { numberAt, parseRecord, recordAt } from "../lib/json.ts";
import { startProcess, stopProcess } from "../lib/processes.ts";

/** Requests at fixed moments: one half on connections that are kept, the other each on a connection of its own. */
export interface RestartPlan {
  readonly port: number;
  readonly requestsPerSecond: number;
  readonly keptConnections: number;
  readonly objects: number;
  readonly bytes: number;
  /** One of so many requests is for something that nobody has asked for before. */
  readonly missEvery: number;
  /** Part of the names of those. */
  readonly name: string;
}

/** How a request failed, as its client saw it. */
export const FAILURE_KINDS = ["refused", "reset", "5xx", "wrong", "silent"] as const;
export type FailureKind = (typeof FAILURE_KINDS)[number];

export interface RestartTally {
  readonly requests: number;
  readonly misses: number;
  readonly failures: Readonly<Record<string, number>>;
  /** Failures of requests for what nobody had asked for before. */
  readonly failedMisses: number;
  /** From the moment a request was due to the end of its answer. */
  readonly longestMs: number;
  /** What that request was. */
  readonly longest: string;
  /** Longest time in which nobody got an answer. */
  readonly longestGapMs: number;
  /** Epoch ms of the last failure; 0 without any. */
  readonly lastFailureAtMs: number;
  /** The first failures in words. */
  readonly words: readonly string[];
}

/** Path of an object that is asked for again and again. */
export const storedName = (index: number): string => `kept-${index}`;

export function parseRestartPlan(text: string): RestartPlan {
  const record = parseRecord(text);
  return {
    port: numberAt(record, "port"),
    requestsPerSecond: numberAt(record, "requestsPerSecond"),
    keptConnections: numberAt(record, "keptConnections"),
    objects: numberAt(record, "objects"),
    bytes: numberAt(record, "bytes"),
    missEvery: numberAt(record, "missEvery"),
    name: String(record.name),
  };
}

function parseRestartTally(text: string): RestartTally {
  const record = parseRecord(text);
  const failures = recordAt(record, "failures");
  const { words } = record;
  return {
    requests: numberAt(record, "requests"),
    misses: numberAt(record, "misses"),
    failures: Object.fromEntries(Object.keys(failures).map((kind) => [kind, numberAt(failures, kind)])),
    failedMisses: numberAt(record, "failedMisses"),
    longestMs: numberAt(record, "longestMs"),
    longest: String(record.longest),
    longestGapMs: numberAt(record, "longestGapMs"),
    lastFailureAtMs: numberAt(record, "lastFailureAtMs"),
    words: Array.isArray(words) ? words.filter((word) => typeof word === "string") : [],
  };
}

/** Starts the load in a process of its own. */
export function startRestartLoad(plan: RestartPlan): { readonly stop: () => Promise<RestartTally> } {
  const started = startProcess(
    process.execPath,
    [join(import.meta.dirname, "restartLoadMain.ts"), JSON.stringify(plan)],
    { environment: { NODE_OPTIONS: "" } },
  );
  return {
    stop: async () => {
      await stopProcess(started, 15_000);
      const line = /^RESULT (\{.*\})$/m.exec(started.output())?.[1];
      if (line === undefined) throw new Error(`the load gave no result: ${started.output().trim().slice(-2000)}`);
      return parseRestartTally(line);
    },
  };
}
