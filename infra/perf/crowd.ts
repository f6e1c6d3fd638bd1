import { join } from "node:path";
import { numberAt, parseRecord, recordAt } from "../lib/json.ts";
import { startProcess } from "../lib/processes.ts";

/** Clients that all ask for one body at the same moment. */
export interface CrowdPlan {
  readonly port: number;
  readonly path: string;
  readonly bytes: number;
  readonly clients: number;
  /** How many of them leave in the middle of the body. */
  readonly leaving: number;
  readonly processes: number;
  /** Digests every body (SHA-256) beside comparing it. */
  readonly digests: boolean;
}

/** A share of the crowd, for one process. */
export interface CrowdShare {
  readonly port: number;
  readonly path: string;
  readonly bytes: number;
  readonly clients: number;
  readonly leaving: number;
  readonly digests: boolean;
  /** Epoch ms at which all ask; they have connected before. */
  readonly askAtMs: number;
}

export interface CrowdResult {
  readonly right: number;
  readonly left: number;
  readonly wrong: number;
  readonly bytes: number;
  readonly lastFirstByteAtMs: number;
  readonly endedAtMs: number;
  /** How often what went wrong, in words. */
  readonly errors: string;
}

const CONNECT_MS = 2500;

export function parseCrowdShare(text: string): CrowdShare {
  const record = parseRecord(text);
  const { path, digests } = record;
  return {
    port: numberAt(record, "port"),
    path: String(path),
    bytes: numberAt(record, "bytes"),
    clients: numberAt(record, "clients"),
    leaving: numberAt(record, "leaving"),
    digests: digests === true,
    askAtMs: numberAt(record, "askAtMs"),
  };
}

/** Resolves when the crowd asks; its result comes when the last of them has ended. */
export async function startCrowd(
  plan: CrowdPlan,
): Promise<{ readonly startedAtMs: number; readonly result: Promise<CrowdResult> }> {
  const { processes, ...rest } = plan;
  const askAtMs = Date.now() + CONNECT_MS;
  const part = (total: number, index: number) =>
    Math.floor((total * (index + 1)) / processes) - Math.floor((total * index) / processes);
  const shares = Array.from({ length: processes }, (_, index) => {
    const share: CrowdShare = {
      ...rest,
      askAtMs,
      clients: part(plan.clients, index),
      leaving: part(plan.leaving, index),
    };
    return startProcess(process.execPath, [join(import.meta.dirname, "crowdMain.ts"), JSON.stringify(share)], {
      environment: { NODE_OPTIONS: "" },
    });
  });
  const result = Promise.all(
    shares.map(async (started) => {
      await started.exited;
      const line = /^RESULT (\{.*\})$/m.exec(started.output())?.[1];
      if (line === undefined) throw new Error(`the crowd gave no result: ${started.output().trim().slice(-2000)}`);
      return parseRecord(line);
    }),
  ).then(joinResults);
  result.catch(() => {});
  await new Promise((resolve) => setTimeout(resolve, askAtMs - Date.now()));
  return { startedAtMs: askAtMs, result };
}

function joinResults(records: readonly Record<string, unknown>[]): CrowdResult {
  const sum = (key: string) => records.reduce((total, record) => total + numberAt(record, key), 0);
  const last = (key: string) => Math.max(...records.map((record) => numberAt(record, key)));
  const errors = new Map<string, number>();
  for (const record of records) {
    const counts = recordAt(record, "errors");
    for (const reason of Object.keys(counts)) errors.set(reason, (errors.get(reason) ?? 0) + numberAt(counts, reason));
  }
  return {
    right: sum("right"),
    left: sum("left"),
    wrong: sum("wrong"),
    bytes: sum("bytes"),
    lastFirstByteAtMs: last("lastFirstByteAtMs"),
    endedAtMs: last("endedAtMs"),
    errors: [...errors].map(([reason, count]) => `${count} × ${reason}`).join(", "),
  };
}
