import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { numberAt, parseRecord, stringAt } from "../../infra/lib/json.ts";
import { signal, startProcess, stopProcess } from "../../infra/lib/processes.ts";

export interface KeyedOriginPlan {
  /** 0: a free one. */
  readonly port: number;
  /** Said in the field `X-Origin` of its answers. */
  readonly name: string;
  /** For one answer. */
  readonly takesMs: number;
  /** Requests that it works at; the others wait. */
  readonly atOnce: number;
  /** Gets a line for each POST, so that a kill does not lose it. */
  readonly deedFile: string;
}

export interface KeyedOriginCounts {
  readonly requests: number;
  /** Most requests that were there at a time, waiting ones included. */
  readonly mostPresent: number;
  /** Requests for a path that had been asked for before. */
  readonly askedTwice: number;
}

/** See `keyedOriginMain.ts`. */
export interface KeyedOrigin {
  readonly name: string;
  readonly port: number;
  counts(): Promise<KeyedOriginCounts>;
  /** SIGKILL: its connections are reset, its port is closed. */
  kill(): Promise<void>;
  stop(): Promise<void>;
}

export function parseKeyedOriginPlan(text: string): KeyedOriginPlan {
  const record = parseRecord(text);
  return {
    port: numberAt(record, "port"),
    name: stringAt(record, "name"),
    takesMs: numberAt(record, "takesMs"),
    atOnce: numberAt(record, "atOnce"),
    deedFile: stringAt(record, "deedFile"),
  };
}

export async function startKeyedOrigin(plan: KeyedOriginPlan): Promise<KeyedOrigin> {
  const program = join(import.meta.dirname, "keyedOriginMain.ts");
  const started = startProcess(process.execPath, [program, JSON.stringify(plan)], {
    environment: { NODE_OPTIONS: "" },
  });
  const deadline = Date.now() + 15_000;
  let port: number | undefined;
  while (port === undefined) {
    const line = /^port (\d+)\n/m.exec(started.output());
    if (line !== null) port = Number(line[1]);
    else if (Date.now() > deadline) throw new Error(`origin ${plan.name} does not start: ${started.output()}`);
    else await delay(20);
  }
  const listening = port;
  return {
    name: plan.name,
    port: listening,
    counts: async () => {
      const record = parseRecord(await (await fetch(`http://127.0.0.1:${listening}/-/counts`)).text());
      return {
        requests: numberAt(record, "requests"),
        mostPresent: numberAt(record, "mostPresent"),
        askedTwice: numberAt(record, "askedTwice"),
      };
    },
    kill: async () => {
      signal(started.pid, "SIGKILL");
      await started.exited;
    },
    stop: () => stopProcess(started, 2000),
  };
}
