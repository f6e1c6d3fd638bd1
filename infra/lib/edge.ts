import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { numberAt, parseRecord, recordAt, recordsAt, stringAt } from "./json.ts";
import { runToEnd, type StartedProcess, startProcess, stopProcess } from "./processes.ts";

export const checkout = join(import.meta.dirname, "..", "..");
export const basaltProgram = join(checkout, "apps", "cli", "dist", "main.js");

export interface WorkerState {
  readonly slot: number;
  readonly pid: number;
  readonly state: string;
  readonly connections: number;
  readonly restarts: number;
  readonly rssBytes: number;
}

export interface EdgeStatus {
  readonly version: string;
  readonly primaryPid: number;
  readonly objects: number;
  readonly workers: readonly WorkerState[];
  readonly transform: WorkerState;
}

/** A real Basalt that this program has started on a home folder. */
export interface Edge {
  readonly home: string;
  readonly process: StartedProcess;
  command(...args: string[]): Promise<string>;
  status(): Promise<EdgeStatus>;
  stop(): Promise<void>;
}

export interface EdgeOptions {
  readonly cores?: readonly number[] | undefined;
  readonly environment?: Readonly<Record<string, string>>;
  readonly readyWithinMs?: number;
  /** Another build than that of this checkout. */
  readonly program?: string | undefined;
}

export async function startEdge(home: string, options: EdgeOptions = {}): Promise<Edge> {
  const edge = launchEdge(home, options);
  await waitUntilServing(edge, options.readyWithinMs ?? 60_000);
  return edge;
}

/** Starts without waiting until it serves. */
export function launchEdge(home: string, options: EdgeOptions = {}): Edge {
  const program = options.program ?? basaltProgram;
  if (!existsSync(program)) throw new Error(`${program} is not built; run scripts/basalt version there once`);
  const started = startProcess(process.execPath, [program, "start", "--foreground", "--home", home], {
    cores: options.cores,
    environment: options.environment ?? {},
  });
  const command = (...args: string[]) => runToEnd(process.execPath, [program, ...args, "--home", home]);
  return {
    home,
    process: started,
    command,
    status: async () => parseStatus(await command("status", "--json")),
    stop: () => stopProcess(started, 45_000),
  };
}

/** Resolves when every worker takes connections; rejects with its last output when it ends or takes too long. */
export async function waitUntilServing(edge: Edge, withinMs: number): Promise<EdgeStatus> {
  let ended: number | string | undefined;
  edge.process.exited.then((result) => {
    ended = result;
  });
  const deadline = Date.now() + withinMs;
  for (;;) {
    const status = await edge.status().catch(() => undefined);
    if (status !== undefined && status.workers.length > 0 && status.workers.every((w) => w.state === "serving")) {
      return status;
    }
    if (ended !== undefined || Date.now() > deadline) {
      if (ended === undefined) await edge.stop();
      const reason = ended === undefined ? `does not serve after ${withinMs / 1000} s` : `ended with ${ended}`;
      throw new Error(`the edge ${reason}:\n${edge.process.output().trim()}`);
    }
    await delay(50);
  }
}

function parseStatus(text: string): EdgeStatus {
  const report = parseRecord(text);
  return {
    version: stringAt(report, "version"),
    primaryPid: numberAt(report, "pid"),
    objects: numberAt(report, "objects"),
    workers: recordsAt(report, "workers").map(parseWorker),
    transform: parseWorker(recordAt(report, "transform")),
  };
}

function parseWorker(record: Record<string, unknown>): WorkerState {
  return {
    slot: numberAt(record, "slot"),
    pid: numberAt(record, "pid"),
    state: stringAt(record, "state"),
    connections: numberAt(record, "connections"),
    restarts: numberAt(record, "restarts"),
    rssBytes: numberAt(record, "rssBytes"),
  };
}

export interface RigHome {
  readonly port: number;
  readonly managerPort: number;
  readonly originPort: number;
  readonly workers: number;
  /** Further elements of `<Server>`. */
  readonly serverXml?: string;
  /** Further elements of `<Cache>`. */
  readonly cacheXml?: string;
  /** Further elements of the virtual host's `<Options>`. */
  readonly optionsXml?: string;
  /** Further elements of the virtual host. */
  readonly vhostXml?: string;
}

/** Writes the configuration of a rig: one virtual host, which also answers for every other name, and one disk. */
export async function writeRigHome(home: string, rig: RigHome): Promise<void> {
  await mkdir(join(home, "disk"), { recursive: true });
  await writeFile(
    join(home, "server.xml"),
    `<Server>
  <Host>
    <Name>rig</Name>
    <Manager Port="${rig.managerPort}"/>
  </Host>
  <Cache>
    <Storage><Disk>${join(home, "disk")}</Disk></Storage>
    <Listen>127.0.0.1</Listen>
    <Workers>${rig.workers}</Workers>
    <TransformThreads>1</TransformThreads>
    ${rig.cacheXml ?? ""}
  </Cache>
  ${rig.serverXml ?? ""}
</Server>
`,
  );
  await writeFile(
    join(home, "vhosts.xml"),
    `<Vhosts>
  <Default>rig.example</Default>
  <Vhost Name="rig.example">
    <Listen>*:${rig.port}</Listen>
    <Origin><Address>127.0.0.1:${rig.originPort}</Address></Origin>
    <Options>${rig.optionsXml ?? ""}</Options>
    ${rig.vhostXml ?? ""}
  </Vhost>
</Vhosts>
`,
  );
}
