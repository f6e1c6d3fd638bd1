import { type CacheVhost, MemoryBudget, ObjectCache, VhostRegistry } from "@basalt/cache";
import type { EdgeConfig } from "@basalt/config";
import { Channel, portToParent } from "@basalt/ipc";
import type { OriginPool } from "@basalt/origin";
import { compileCachingRules, compileCustomTtl } from "@basalt/policy";
import { type Acceptor, acceptRaw, EdgeServer, receivedListeningSocket } from "@basalt/server";
import { createMemoryTier, type DiskIndexReader, openBodyStore, openDiskIndexReader } from "@basalt/store";
import { CounterBlock, PROCESS_SLOT, VHOST_SLOT } from "@basalt/telemetry";
import { AdjustableClock, EdgeError, formatProblem, milliseconds, PRODUCT_NAME, PRODUCT_VERSION } from "@basalt/types";
import type { StoreDisks } from "./hostStore.ts";
import { ownFigures } from "./processFigures.ts";
import type {
  ExplainProbe,
  ExplainSight,
  PrimaryService,
  WorkerConfiguration,
  WorkerFigures,
  WorkerService,
} from "./protocol.ts";
import { RedirectingPools } from "./redirecting.ts";
import { answerProbe } from "./workerExplain.ts";
import { WorkerOrigins } from "./workerOrigins.ts";

/** Composition root of an accept worker: wires the parts together and answers the primary. */

const FIGURES_MS = 1_000;
const SWEEP_MS = 500;
const SAMPLE_MS = 100;
/** Read descriptors of one worker at most. */
const OPEN_FILES = 2_048;

const clock = new AdjustableClock();
const counters = new CounterBlock();
const registry = new VhostRegistry();
const acceptors = new Map<string, Acceptor>();
const redirecting = new RedirectingPools();
let running:
  | {
      readonly cache: ObjectCache;
      readonly server: EdgeServer;
      readonly budget: MemoryBudget;
      readonly index: DiskIndexReader;
      readonly tier: ObjectCacheTier;
    }
  | undefined;

const channel = new Channel<WorkerService, PrimaryService>(
  portToParent(),
  {
    configure: (request) => configure(request),
    figures: () => figures(),
    setClock: ({ offsetMs }) => {
      clock.setOffset(milliseconds(offsetMs));
      return null;
    },
    explain: (probe) => explain(probe),
    invalidate: async (invalidation) => {
      const { index, invalidations } = registry.enter(invalidation.vhost);
      if (running === undefined) invalidations.add(invalidation);
      else await running.cache.invalidate(index, invalidations, invalidation);
      return null;
    },
  },
  {
    fillUpdate: (update) => running?.cache.followers.receive(update),
    shareFill: ({ fillId }) => running?.cache.filling.share(fillId),
    partUpdate: (update) => running?.cache.parted.update(update),
    sharePart: ({ partId }) => running?.cache.parted.share(partId),
    trimPart: ({ partId, end }) => running?.cache.parted.trim(partId, end),
    store: (store) => applyStore(store),
    emergency: ({ isActive }) => running?.server.setEmergency(isActive),
    originView: (change) => origins.applyView(change),
    share: (share) => origins.setShare(share),
    settled: ({ version }) => {
      running?.index.refresh();
      for (const { index, invalidations } of registry.all) running?.cache.settle(index, invalidations, version);
    },
    listen: ({ place, port }, handle) => {
      if (running === undefined || handle === undefined) return;
      acceptors.set(place, acceptRaw(receivedListeningSocket(handle), running.server.acceptor(port)));
    },
    unlisten: ({ place }) => {
      acceptors.get(place)?.close();
      acceptors.delete(place);
    },
    drain: ({ limitMs }) => void drain(limitMs),
  },
);

const origins = new WorkerOrigins({
  clock,
  counters,
  log: {
    notice: (text) => channel.tell("log", { level: "notice", text }),
    warning: (text) => channel.tell("log", { level: "warning", text }),
  },
  tellOutcomes: (outcomes) => channel.tell("originOutcomes", { outcomes }),
  tellTransactions: (byVhost) => channel.tell("originTransactions", { byVhost }),
});

const configure = (request: WorkerConfiguration): null => {
  const { config } = request;
  clock.setOffset(milliseconds(request.clockOffsetMs));
  running ??= assemble(request);
  running.budget.setLimit(request.memoryTierBytes);
  running.server.setEmergency(request.isEmergency);
  applyStore(request.store);
  forgetRemovedVhosts(config, running.cache);
  origins.setShare(request.share);
  const vhosts = cacheVhostsOf(config, origins.configure(config, request.originViews));
  running.server.configure(config, vhosts, config.server.cache.workers);
  return null;
};

const applyStore = ({ disks, isBypassing }: StoreDisks): void => {
  running?.cache.setDisks(disks);
  running?.server.setBypassing(isBypassing);
};

/** Their objects are not to come back with a host of the same name (CFG-56). */
const forgetRemovedVhosts = (config: EdgeConfig, cache: ObjectCache): void => {
  const names = new Set(config.vhosts.map((vhost) => vhost.name));
  for (const name of [...registry.names]) {
    const index = names.has(name) ? undefined : registry.remove(name);
    if (index !== undefined) cache.removeVhost(index);
  }
};

const assemble = ({ config, indexPath, memoryTierBytes, store }: WorkerConfiguration) => {
  const tier = createMemoryTier<Parameters<ObjectCacheTier["insert"]>[2]>(memoryTierBytes);
  const bodies = openBodyStore({
    disks: store.disks,
    allocateSegment: (disk) => channel.call("nextSegment", { disk }),
    allocateFile: (disk) => channel.call("nextFile", { disk }),
    onProblem: (problem) => channel.tell("log", { level: "warning", text: formatProblem(problem) }),
    onDiskFailure: (disk) => channel.tell("diskFailed", { disk }),
    onDiskFull: (disk) => channel.tell("diskFull", { disk }),
    maxOpenFiles: OPEN_FILES,
    clock,
  });
  const index = openDiskIndexReader(indexPath, { indexing: config.server.cache.indexing });
  const cache = new ObjectCache({ clock, channel, index, bodies, tier, counters });
  const server = new EdgeServer({
    clock,
    cache,
    counters,
    product: { name: PRODUCT_NAME, version: PRODUCT_VERSION },
    purge: (call) => channel.call("purge", call),
    onDefect: (error) => channel.tell("log", { level: "error", text: `unexpected: ${describe(error)}` }),
  });
  const budget = new MemoryBudget({ limitBytes: memoryTierBytes, tier, sending: server, filling: cache.filling });
  const countTier = (): void => {
    const { limitBytes, pinnedBytes, tierBytes } = budget.use;
    counters.set(PROCESS_SLOT.contentMemoryLimitBytes, limitBytes);
    counters.set(PROCESS_SLOT.contentMemoryUsedBytes, tierBytes + pinnedBytes);
    counters.set(PROCESS_SLOT.storeDamaged, bodies.counters.damaged);
    counters.set(PROCESS_SLOT.storeMissing, bodies.counters.missing);
    counters.set(PROCESS_SLOT.storeFailed, bodies.counters.failed);
    counters.set(PROCESS_SLOT.memoryTierBytes, tier.bytes);
    counters.set(PROCESS_SLOT.memoryTierObjects, tier.count);
    counters.set(PROCESS_SLOT.fillsRunning, cache.filling.inProgress);
    counters.set(PROCESS_SLOT.connectionsOpen, server.connectionCount);
  };
  setInterval(() => server.sweep(), SWEEP_MS);
  setInterval(() => {
    budget.sample();
    const report = budget.takeReport();
    if (report !== undefined) channel.tell("memory", report);
  }, SAMPLE_MS);
  setInterval(() => {
    countTier();
    cache.reportTouched();
    cache.stored.closeUnusedBodies();
    void bodies.sync().catch(() => undefined);
    channel.tell("figures", figures());
  }, FIGURES_MS);
  return { cache, server, budget, index, tier };
};

type ObjectCacheTier = ConstructorParameters<typeof ObjectCache>[0]["tier"];

const explain = (probe: ExplainProbe): ExplainSight => {
  if (running === undefined) return { url: probe.url, memory: "none", waitingInvalidations: 0 };
  const { server, tier } = running;
  return answerProbe(probe, { server, tier });
};

const cacheVhostsOf = (config: EdgeConfig, pools: ReadonlyMap<string, OriginPool>): ReadonlyMap<string, CacheVhost> => {
  const vhosts = new Map<string, CacheVhost>();
  redirecting.configure(config);
  for (const settings of config.vhosts) {
    const { name } = settings;
    const pool = pools.get(name);
    if (pool === undefined) throw new EdgeError("INTERNAL", { detail: `no origin pool of ${name}` });
    const { index, invalidations } = registry.enter(name);
    vhosts.set(name, {
      name,
      index,
      settings,
      pool: redirecting.inFrontOf(pool, settings),
      invalidations,
      counters: counters.vhost(name),
      rules: compileCachingRules(settings),
      customTtl: compileCustomTtl(settings),
    });
  }
  return vhosts;
};

const figures = (): WorkerFigures => {
  origins.count();
  return {
    counters: counters.snapshot(),
    connections: running?.server.connectionCount ?? 0,
    requests: requestsServed(),
    ...ownFigures(),
  };
};

const requestsServed = (): number => {
  let total = 0;
  for (const vhost of counters.vhosts) total += counters.get(vhost + VHOST_SLOT.clientRequests);
  return total;
};

const drain = async (limitMs: number): Promise<void> => {
  for (const acceptor of acceptors.values()) acceptor.close();
  acceptors.clear();
  const startedMs = performance.now();
  await running?.server.drain(limitMs);
  await running?.cache.filling.whenIdle(Math.max(0, limitMs - (performance.now() - startedMs)));
  running?.cache.reportTouched();
  await channel.call("drained", figures()).catch(() => null);
  process.exit(0);
};

/** Lets the last messages reach the primary. */
const EXIT_MS = 50;

const describe = (error: unknown): string => (error instanceof Error ? (error.stack ?? error.message) : String(error));

process.on("uncaughtException", (error) => {
  channel.tell("log", { level: "error", text: `worker ends: ${describe(error)}` });
  setTimeout(() => process.exit(1), EXIT_MS);
});
// Signals of the terminal and of service managers go to the primary, which drains its workers.
process.on("SIGINT", () => {});
process.on("SIGTERM", () => {});

channel.tell("ready", null);
