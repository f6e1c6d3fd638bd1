import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { numberAt, parseRecord } from "./json.ts";
import { startProcess, stopProcess } from "./processes.ts";

export interface RigOrigin {
  readonly port: number;
  readonly pid: number;
  /** How many requests for bodies it has answered. */
  requests(): Promise<number>;
  stop(): Promise<void>;
}

export async function startRigOrigin(cores?: readonly number[]): Promise<RigOrigin> {
  const started = startProcess(process.execPath, [join(import.meta.dirname, "rigOriginMain.ts")], {
    cores,
    environment: { NODE_OPTIONS: "" },
  });
  const deadline = Date.now() + 60_000;
  let port: number | undefined;
  while (port === undefined) {
    const line = /^(\d+)\n/m.exec(started.output());
    if (line !== null) port = Number(line[1]);
    else if (Date.now() > deadline) throw new Error(`the rig's origin does not start: ${started.output()}`);
    else await delay(20);
  }
  return {
    port,
    pid: started.pid,
    requests: async () =>
      numberAt(parseRecord(await (await fetch(`http://127.0.0.1:${port}/-/requests`)).text()), "requests"),
    stop: () => stopProcess(started, 2000),
  };
}
