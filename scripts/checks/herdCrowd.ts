import { join } from "node:path";
import { numberAt, parseRecord, recordAt } from "../../infra/lib/json.ts";
import { startProcess } from "../../infra/lib/processes.ts";

/** Clients with a connection each that all ask at one moment, spread evenly over the keys. */
export interface HerdPlan {
  readonly port: number;
  readonly clients: number;
  readonly keys: number;
  readonly bodyBytes: number;
  readonly processes: number;
  /** Time for all of them to connect. */
  readonly connectMs: number;
}

/** A share of the herd, for one process. */
export interface HerdShare {
  readonly port: number;
  readonly firstClient: number;
  readonly clients: number;
  readonly keys: number;
  readonly bodyBytes: number;
  /** Epoch ms at which all ask. */
  readonly askAtMs: number;
}

export interface HerdResult {
  readonly right: number;
  /** Until half of a process' clients had their answer, the largest of the processes. */
  readonly halfMs: number;
  readonly longestMs: number;
  /** How often what went wrong, in words. */
  readonly failures: string;
  /** All had connected when the first asked. */
  readonly isTogether: boolean;
}

export function parseHerdShare(text: string): HerdShare {
  const record = parseRecord(text);
  return {
    port: numberAt(record, "port"),
    firstClient: numberAt(record, "firstClient"),
    clients: numberAt(record, "clients"),
    keys: numberAt(record, "keys"),
    bodyBytes: numberAt(record, "bodyBytes"),
    askAtMs: numberAt(record, "askAtMs"),
  };
}

export async function runHerd(plan: HerdPlan): Promise<HerdResult> {
  const { port, clients, keys, bodyBytes, processes, connectMs } = plan;
  const askAtMs = Date.now() + connectMs;
  const shares = Array.from({ length: processes }, (_, index): HerdShare => {
    const firstClient = Math.floor((clients * index) / processes);
    const behind = Math.floor((clients * (index + 1)) / processes);
    return { port, keys, bodyBytes, askAtMs, firstClient, clients: behind - firstClient };
  });
  const outputs = await Promise.all(
    shares.map(async (share) => {
      const program = join(import.meta.dirname, "herdMain.ts");
      const started = startProcess(process.execPath, [program, JSON.stringify(share)], {
        environment: { NODE_OPTIONS: "" },
      });
      await started.exited;
      return started.output();
    }),
  );
  return joinResults(outputs, askAtMs);
}

function joinResults(outputs: readonly string[], askAtMs: number): HerdResult {
  const records = outputs.map((output) => {
    const line = /^RESULT (\{.*\})$/m.exec(output)?.[1];
    if (line === undefined) throw new Error(`the herd gave no result: ${output.trim().slice(-2000)}`);
    return parseRecord(line);
  });
  const failures = new Map<string, number>();
  for (const record of records) {
    const counts = recordAt(record, "failures");
    for (const reason of Object.keys(counts)) {
      failures.set(reason, (failures.get(reason) ?? 0) + numberAt(counts, reason));
    }
  }
  return {
    right: records.reduce((sum, record) => sum + numberAt(record, "right"), 0),
    halfMs: Math.max(...records.map((record) => numberAt(record, "half"))),
    longestMs: Math.max(...records.map((record) => numberAt(record, "longest"))),
    failures: [...failures].map(([reason, count]) => `${count} × ${reason}`).join(", "),
    isTogether: outputs.every((output) => Number(/^CONNECTED (\d+)$/m.exec(output)?.[1] ?? askAtMs) < askAtMs),
  };
}
