import { existsSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Edge, launchEdge, waitUntilServing } from "../../infra/lib/edge.ts";
import { type MetricSample, parseMetrics } from "../../infra/lib/metrics.ts";
import { findFreePortFrom } from "../../infra/lib/ports.ts";
import { print, printError } from "../../infra/lib/print.ts";
import { onInterrupt, signal } from "../../infra/lib/processes.ts";
import { isAlive, listProcessTree } from "../../infra/lib/procfs.ts";
import { type PositionedOrigin, startPositionedOrigin } from "../../infra/perf/positionedOrigin.ts";
import { Findings } from "./findings.ts";

const START_WITHIN_MS = 60_000;
/**
 * Below the ports that the system hands out by itself: while the instance is down nobody else may get its port, least
 * of all a client that tries to connect to it (which would then be connected to itself).
 */
const FIRST_PORT = 15_000;
const PORT_PLACES = 4000;

export interface StoreSceneSettings {
  readonly workers: number;
  /** Folders of the disks in the home, in order; `disk` alone when nothing is said. */
  readonly disks?: readonly string[];
  /** Attributes of `<Storage>`. */
  readonly storageXml?: string;
  /** Attributes of every `<Disk>`. */
  readonly diskXml?: string;
  /** Further elements of `<Cache>`. */
  readonly cacheXml?: string;
  /** Further elements of the virtual host's `<Options>`. */
  readonly optionsXml?: string;
  /** `<PartSize>` of the virtual host, MB. */
  readonly partSize?: number;
  /** Takes up this home and leaves it behind. */
  readonly keptHome?: string | undefined;
  /** Of another origin than that of positioned bodies. */
  readonly originPort?: number;
}

/** A real instance in front of an origin of positioned bodies; it may be killed and started again on the same home. */
export interface StoreScene {
  readonly home: string;
  readonly disks: readonly string[];
  readonly indexPath: string;
  readonly port: number;
  readonly origin: PositionedOrigin;
  /** The running one. */
  readonly edge: Edge;
  start(): Promise<void>;
  /** Starts without waiting until it serves. */
  launch(): void;
  stop(): Promise<void>;
  /** `kill -9` of every process of the instance at once; resolves when they are gone. */
  killAll(): Promise<void>;
  metrics(): Promise<MetricSample[]>;
  /** A call of the management API. */
  api(path: string): Promise<{ readonly status: number; readonly text: string }>;
  /** All lines of the information log. */
  logLines(): readonly string[];
  /** Called when the instance has ended, before its home is removed. */
  beforeRemoval(undo: () => void): void;
  dispose(): Promise<void>;
}

/** Called in reverse order when the program ends, by itself or by a signal. */
const undoing: (() => Promise<void> | void)[] = [];

export function whenDone(undo: () => Promise<void> | void): void {
  undoing.push(undo);
}

async function undoAll(): Promise<void> {
  for (let undo = undoing.pop(); undo !== undefined; undo = undoing.pop()) await undo();
}

/** Runs a check, takes down everything that `whenDone` was told of, and ends with its exit code. */
export async function runStoreCheck(body: (findings: Findings) => Promise<void>): Promise<never> {
  const findings = new Findings();
  onInterrupt(undoAll);
  try {
    await body(findings);
  } catch (error) {
    findings.fail();
    printError(error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  await undoAll();
  print(findings.verdict());
  process.exit(findings.failures === 0 ? 0 : 1);
}

export async function openStoreScene(settings: StoreSceneSettings): Promise<StoreScene> {
  const { keptHome } = settings;
  const home = keptHome ?? (await mkdtemp(join(tmpdir(), "basalt-check-store-")));
  const origin = await startPositionedOrigin();
  const firstPort = FIRST_PORT + 2 * (process.pid % PORT_PLACES);
  const port = await findFreePortFrom(firstPort);
  const managerPort = await findFreePortFrom(port + 1);
  const disks = (settings.disks ?? ["disk"]).map((name) => join(home, name));
  for (const disk of disks) await mkdir(disk, { recursive: true });
  await writeHome(home, disks, { settings, port, managerPort, originPort: settings.originPort ?? origin.port });
  const removing: (() => void)[] = [];
  let running: Edge | undefined;
  const runningEdge = () => {
    if (running === undefined) throw new Error("no edge has been started");
    return running;
  };
  const launch = () => {
    running = launchEdge(home);
  };
  const scene: StoreScene = {
    home,
    disks,
    indexPath: join(home, "data", "index.sqlite"),
    port,
    origin,
    get edge() {
      return runningEdge();
    },
    launch,
    start: async () => {
      launch();
      await waitUntilServing(runningEdge(), START_WITHIN_MS);
    },
    stop: async () => {
      await running?.stop();
      running = undefined;
    },
    killAll: async () => {
      const pids = listProcessTree(runningEdge().process.pid);
      for (const pid of pids) signal(pid, "SIGKILL");
      while (pids.some(isAlive)) await new Promise((resolve) => setTimeout(resolve, 5));
      running = undefined;
    },
    metrics: async () => parseMetrics(await (await fetch(`http://127.0.0.1:${managerPort}/metrics`)).text()),
    api: async (path) => {
      const answer = await fetch(`http://127.0.0.1:${managerPort}${path}`);
      return { status: answer.status, text: await answer.text() };
    },
    logLines: () => {
      const path = join(home, "log", "info.log");
      return existsSync(path) ? readFileSync(path, "utf8").split("\n").filter(Boolean) : [];
    },
    beforeRemoval: (undo) => removing.push(undo),
    dispose: async () => {
      const index = undoing.indexOf(scene.dispose);
      if (index >= 0) undoing.splice(index, 1);
      await scene.stop();
      await origin.stop();
      for (const undo of removing.splice(0)) undo();
      if (keptHome === undefined) await rm(home, { recursive: true, force: true });
    },
  };
  whenDone(scene.dispose);
  return scene;
}

interface HomePlan {
  readonly settings: StoreSceneSettings;
  readonly port: number;
  readonly managerPort: number;
  readonly originPort: number;
}

async function writeHome(home: string, disks: readonly string[], plan: HomePlan): Promise<void> {
  const { settings, port, managerPort, originPort } = plan;
  const { storageXml = "", diskXml = "", cacheXml = "", optionsXml = "", partSize = 0 } = settings;
  const diskElements = disks.map((disk) => `<Disk ${diskXml}>${disk}</Disk>`).join("");
  await writeFile(
    join(home, "server.xml"),
    `<Server>
  <Host>
    <Name>check</Name>
    <Manager Port="${managerPort}"/>
  </Host>
  <Cache>
    <Storage ${storageXml}>${diskElements}</Storage>
    <Listen>127.0.0.1</Listen>
    <Workers>${settings.workers}</Workers>
    <TransformThreads>1</TransformThreads>
    ${cacheXml}
  </Cache>
</Server>
`,
  );
  await writeFile(
    join(home, "vhosts.xml"),
    `<Vhosts>
  <Default>rig.example</Default>
  <Vhost Name="rig.example">
    <Listen>*:${port}</Listen>
    <Origin><Address>127.0.0.1:${originPort}</Address></Origin>
    <Options><ClientKeepAliveSec>120</ClientKeepAliveSec>${optionsXml}</Options>
    <OriginOptions>${partSize > 0 ? `<PartSize>${partSize}</PartSize>` : ""}</OriginOptions>
  </Vhost>
</Vhosts>
`,
  );
}
