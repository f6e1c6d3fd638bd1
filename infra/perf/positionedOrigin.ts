import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { numberAt, parseRecord } from "../lib/json.ts";
import { startProcess, stopProcess } from "../lib/processes.ts";

export interface OriginCounts {
  readonly requests: number;
  /** Body bytes handed to the system. */
  readonly bytes: number;
  /** Bodies and ranges sent to their end. */
  readonly complete: number;
  /** Epoch ms of the last of them; 0 when there is none. */
  readonly lastCompleteAtMs: number;
}

/** See `positionedOriginMain.ts`. */
export interface PositionedOrigin {
  readonly port: number;
  counts(): Promise<OriginCounts>;
  /** How often each path was asked for. */
  paths(): Promise<ReadonlyMap<string, number>>;
  stop(): Promise<void>;
}

/** Path of a body; its content depends on all of it. */
export function bodyPath(bytes: number, name: string, bytesPerSecond = 0): string {
  return `/body/${bytes}/${bytesPerSecond}/${name}`;
}

export async function startPositionedOrigin(): Promise<PositionedOrigin> {
  const started = startProcess(process.execPath, [join(import.meta.dirname, "positionedOriginMain.ts")], {
    environment: { NODE_OPTIONS: "" },
  });
  const deadline = Date.now() + 10_000;
  let port: number | undefined;
  while (port === undefined) {
    const line = /^(\d+)\n/m.exec(started.output());
    if (line !== null) port = Number(line[1]);
    else if (Date.now() > deadline) throw new Error(`the origin does not start: ${started.output()}`);
    else await delay(20);
  }
  const ask = async (path: string) => parseRecord(await (await fetch(`http://127.0.0.1:${port}${path}`)).text());
  return {
    port,
    counts: async () => {
      const record = await ask("/-/counts");
      return {
        requests: numberAt(record, "requests"),
        bytes: numberAt(record, "bytes"),
        complete: numberAt(record, "complete"),
        lastCompleteAtMs: numberAt(record, "lastCompleteAtMs"),
      };
    },
    paths: async () => {
      const record = await ask("/-/paths");
      return new Map(Object.keys(record).map((path) => [path, numberAt(record, path)]));
    },
    stop: () => stopProcess(started, 2000),
  };
}
