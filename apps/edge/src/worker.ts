import { setTimeout as pause } from "node:timers/promises";
import { type Invalidation, MemoryBudget, ObjectCache, VhostRegistry } from "@basalt/cache";
import type { EdgeConfig } from "@basalt/config";
import { Channel, portToParent } from "@basalt/ipc";
import {
  type Acceptor,
  acceptTls,
  DrainLimit,
  EdgeServer,
  openSendFile,
  receivedListeningSocket,
  serveHttp2,
  TlsService,
} from "@basalt/server";
import { createMemoryTier, type DiskIndexReader, openBodyStore, openDiskIndexReader } from "@basalt/store";
import {
  CounterBlock,
  type CounterReport,
  markRequest,
  PROCESS_SLOT,
  readableStack,
  VHOST_SLOT,
} from "@basalt/telemetry";
import { AdjustableClock, formatProblem, milliseconds, PRODUCT_NAME, PRODUCT_VERSION } from "@basalt/types";
import { unpackConfig } from "./configTransfer.ts";
import { WorkerMount } from "./fileSystem/workerMount.ts";
import { HostLink } from "./hostLink.ts";
import type { StoreDisks } from "./hostStore.ts";
import { WorkerLogs } from "./logs/workerLogs.ts";
import { MemoryCounting } from "./memoryCounting.ts";
import { OrphanLife, type SurvivalSettings } from "./orphanLife.ts";
import { ownFigures } from "./processFigures.ts";
import type {
  ExplainProbe,
  ExplainSight,
  LogLevel,
  PrimaryService,
  WorkerConfiguration,
  WorkerFigures,
  WorkerService,
} from "./protocol.ts";
import { RedirectingPools } from "./redirecting.ts";
import { WorkerTracing } from "./tracing/workerTracing.ts";
import { inTurns } from "./turns.ts";
import { WorkerAccess } from "./workerAccess.ts";
import { answerProbe } from "./workerExplain.ts";
import { WorkerOrigins } from "./workerOrigins.ts";
import { WorkerTraffic } from "./workerTraffic.ts";
import { WorkerVhosts } from "./workerVhosts.ts";

/** Composition root of an accept worker: wires the parts together and answers the primary. */

const FIGURES_MS = 1_000;
const SWEEP_MS = 500;
const SAMPLE_MS = 100;
/** Read descriptors of one worker at most. */
const OPEN_FILES = 2_048;

const clock = new AdjustableClock();
const counters = new CounterBlock();
const tls = new TlsService(counters);
const registry = new VhostRegistry();
const acceptors = new Map<string, Acceptor>();
const redirecting = new RedirectingPools((transaction) => origins.noteTransaction(transaction));
let running:
  | {
      readonly cache: ObjectCache;
      readonly server: EdgeServer;
      readonly budget: MemoryBudget;
      readonly index: DiskIndexReader;
      readonly tier: ObjectCacheTier;
      readonly bodies: ReturnType<typeof openBodyStore>;
      readonly countTier: () => void;
    }
  | undefined;
let survival: SurvivalSettings = { launcher: undefined, socketPath: "", drainMs: 0 };
let isInService = false;
let isDraining = false;
const drainLimit = new DrainLimit();

const primary = new Channel<WorkerService, PrimaryService>(
  portToParent(),
  {
    configure: (request) => configure(request),
    figures: () => figures(),
    counts: ({ endsInterval }) => counts(endsInterval),
    setClock: ({ offsetMs }) => {
      clock.setOffset(milliseconds(offsetMs));
      return null;
    },
    explain: (probe) => explain(probe),
    challenges: (challenges) => {
      tls.setChallenges(challenges);
      return null;
    },
    invalidate: async (invalidations) => {
      for (const { version } of invalidations) channel.noteVersion(version);
      await Promise.all(invalidations.map(invalidate));
      return null;
    },
    mount: async (settings) => ({ problem: await mount.begin(settings) }),
    leave: async ({ limitMs }) => {
      await leave(limitMs);
      return null;
    },
  },
  {
    fillUpdate: (update) => {
      if (update.kind === "stored") channel.noteVersion(update.row.version);
      running?.cache.followers.receive(update);
    },
    shareFill: ({ fillId }) => running?.cache.filling.share(fillId),
    partUpdate: (update) => running?.cache.parted.update(update),
    sharePart: ({ partId }) => running?.cache.parted.share(partId),
    trimPart: ({ partId, end }) => running?.cache.parted.trim(partId, end),
    store: (store) => applyStore(store),
    emergency: ({ isActive }) => running?.server.setEmergency(isActive),
    originView: (change) => origins.applyView(change),
    admitted: (report) => running?.server.rateLimits.takeOff(report, clock.now()),
    trafficShares: ({ fractions }) => traffic.follow(fractions),
    ticketKeys: ({ keys }) => tls.setTicketKeys(keys),
    staples: ({ staples }) => {
      for (const staple of staples) tls.staple(staple);
    },
    share: (share) => {
      traffic.setShare(share);
      origins.setShare(share);
      tracing.setShare(share);
    },
    settled: ({ version }) => {
      running?.index.refresh();
      for (const { index, invalidations } of registry.all) running?.cache.settle(index, invalidations, version);
    },
    listen: ({ place, port }, handle) => {
      if (running === undefined || handle === undefined) return;
      const { server } = running;
      const acceptor = acceptTls(
        receivedListeningSocket(handle),
        { server, service: tls, localPort: port },
        (socket, attach) => server.serve(socket, attach, port),
        (socket, attach) => serveHttp2(server, socket, attach, port),
      );
      acceptors.set(place, acceptor);
    },
    unlisten: ({ place }) => unlisten(place),
    logFiles: ({ notices }) => whenConfigured(() => logs.apply(notices)),
    logTraces: ({ logs: traced }) => whenConfigured(() => logs.setTraced(traced)),
    inService: () => {
      isInService = true;
    },
    drain: ({ limitMs }) => void drain(limitMs),
  },
);
const channel = new HostLink(primary);

const say = (level: LogLevel, text: string): void => {
  if (channel.isCutOff) orphanLife.log(level, text);
  else channel.tell("log", { level, text });
};

const logs = new WorkerLogs({
  clock,
  tellWritten: (log, path, bytes) => channel.tell("logWritten", { log, path, bytes }),
  tellReleased: (path) => channel.tell("logReleased", { path }),
  tellTraced: (lines) => channel.tell("logTraced", lines),
  warn: (text) => say("warning", text),
  onDropped: (lines) => counters.add(PROCESS_SLOT.logLinesDropped, lines),
});

const access = new WorkerAccess({ logDenied: (clientIp, rule) => logs.logDenied(clientIp, rule) });

const tracing = new WorkerTracing({ counters, log: logs.logTrace, warn: (text) => say("warning", text) });

const origins = new WorkerOrigins({
  clock,
  counters,
  log: {
    notice: (text) => channel.tell("log", { level: "notice", text }),
    warning: (text) => channel.tell("log", { level: "warning", text }),
  },
  tellOutcomes: (outcomes) => channel.tell("originOutcomes", { outcomes }),
  tellTransactions: (byVhost) => channel.tell("originTransactions", { byVhost }),
  onTransaction: (transaction) => {
    logs.logOrigin(transaction);
    tracing.noteOrigin(transaction);
  },
});

const traffic = new WorkerTraffic({
  pacer: () => running?.server.pacer,
  tellDemands: (byVhost) => channel.tell("trafficDemands", { byVhost }),
});

const mount = new WorkerMount({
  clock,
  counters,
  server: () => running?.server,
  logAccess: logs.logFileAccess,
  onUnmounted: () => channel.tell("unmounted", null),
  onDefect: (error) => say("error", `unexpected: ${readableStack(error)}`),
});

const orphanLife = new OrphanLife({
  link: channel,
  settings: () => survival,
  seal: async () => running?.bodies.seal(),
  cutOff: () => {
    traffic.cutOff();
    running?.cache.followers.cutOff();
    running?.cache.parted.cutOff();
  },
  invalidate: (invalidation) => invalidate(invalidation),
  unlisten: (place) => unlisten(place),
  drain: (limitMs) => void drain(limitMs),
  exit: () => void closeRecords().then(() => process.exit(0)),
  print: (text) => process.stdout.write(`${new Date().toISOString()} worker, pid ${process.pid}: ${text}\n`),
});

/** A process that has not been configured has nothing to outlive its primary for. */
const becomeOrphan = (reason: string): void => {
  if (running === undefined) process.exit(0);
  orphanLife.begin({ isInService, isDraining, reason });
};

/** What is on its way to the disk may arrive there; then the next primary owns it. */
const leave = async (limitMs: number): Promise<void> => {
  if (running === undefined) return;
  await Promise.race([running.cache.filling.whenAllStored(() => true), pause(limitMs)]);
  becomeOrphan("the primary is being replaced");
  await running.bodies.seal();
};

const invalidate = async (invalidation: Invalidation): Promise<void> => {
  const { index, invalidations } = registry.enter(invalidation.vhost);
  if (running === undefined) invalidations.add(invalidation);
  else await running.cache.invalidate(index, invalidations, invalidation);
};

const unlisten = (place: string): void => {
  acceptors.get(place)?.close();
  acceptors.delete(place);
  const port = place.slice(place.lastIndexOf(":"));
  if (![...acceptors.keys()].some((other) => other.endsWith(port))) running?.server.leavePort(Number(port.slice(1)));
};

let configuring: Promise<unknown> | undefined;
let configured: EdgeConfig | undefined;
/** Those of the configuration in service. */
let servedVhosts: WorkerVhosts | undefined;

/** One after the other, each in turns: with thousands of hosts it takes longer than clients should wait. */
const configure = async (request: WorkerConfiguration): Promise<null> => {
  const before = configuring;
  const mine = (async () => {
    await before?.catch(() => undefined);
    await inTurns(putInService(request));
  })();
  configuring = mine;
  try {
    await mine;
  } finally {
    if (configuring === mine) configuring = undefined;
  }
  return null;
};

/** What is told while a configuration is put in service concerns that one already. */
const whenConfigured = (run: () => void): void => {
  if (configuring === undefined) run();
  else void configuring.then(run, run);
};

function* putInService(request: WorkerConfiguration): Generator<void, void> {
  const config = unpackConfig(request.config, configured);
  survival = request.survival;
  clock.setOffset(milliseconds(request.clockOffsetMs));
  const enterLogs = yield* logs.prepare(config, request.logs);
  running ??= assemble(request, config);
  tls.configure(request.tls);
  running.budget.setLimit(request.memoryTierBytes);
  running.server.setEmergency(request.isEmergency);
  applyStore(request.store);
  origins.setShare(request.share);
  tracing.setShare(request.share);
  tracing.configure(config);
  access.configure(config);
  const { pools, enter: enterOrigins } = yield* origins.prepare(config, request.originViews);
  redirecting.configure(config);
  const vhosts = new WorkerVhosts({ registry, counters, redirecting, pools });
  yield* vhosts.add(config);
  const enterServer = yield* running.server.prepare(config, vhosts, config.server.cache.workers);
  enterLogs();
  if (servedVhosts !== undefined) vhosts.goOnWith(servedVhosts);
  servedVhosts = vhosts;
  // A host may be one of a name that was removed a moment ago: a view of the index from before shows its objects (CFG-56).
  running.index.refresh();
  enterServer();
  enterOrigins();
  forgetRemovedVhosts(vhosts, running.cache);
  traffic.setShare(request.share);
  configured = config;
}

const applyStore = ({ disks, isBypassing }: StoreDisks): void => {
  running?.cache.setDisks(disks);
  running?.server.setBypassing(isBypassing);
};

/** Their objects are not to come back with a host of the same name (CFG-56). */
const forgetRemovedVhosts = (vhosts: WorkerVhosts, cache: ObjectCache): void => {
  for (const name of [...registry.names]) {
    const index = vhosts.has(name) ? undefined : registry.remove(name);
    if (index !== undefined) cache.removeVhost(index);
  }
};

const assemble = ({ indexPath, memoryTierBytes, store }: WorkerConfiguration, config: EdgeConfig) => {
  const tier = createMemoryTier<Parameters<ObjectCacheTier["insert"]>[2]>(memoryTierBytes);
  const bodies = openBodyStore({
    disks: store.disks,
    allocateSegment: (disk) => channel.call("nextSegment", { disk }),
    allocateFile: (disk) => channel.call("nextFile", { disk }),
    onProblem: (problem) => say("warning", formatProblem(problem)),
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
    onSearchRule: (news) => channel.tell("searchRule", news),
    accessLog: logs.logAccess,
    serviceAccess: access.admits,
    challengePage: (target) => tls.challenges?.pageAt(target),
    onTooOften: access.noteTooOften,
    countryOf: access.countryOf,
    tracing,
    onDefect: (error, request) => say("error", markRequest(`unexpected: ${readableStack(error)}`, request)),
  });
  const budget = new MemoryBudget({ limitBytes: memoryTierBytes, tier, sending: server, filling: cache.filling });
  const memory = new MemoryCounting(counters);
  const countTier = (): void => {
    const { limitBytes, pinnedBytes, tierBytes } = budget.use;
    counters.set(PROCESS_SLOT.contentMemoryLimitBytes, limitBytes);
    counters.set(PROCESS_SLOT.contentMemoryUsedBytes, tierBytes + pinnedBytes);
    counters.set(PROCESS_SLOT.storeDamaged, bodies.counters.damaged);
    counters.set(PROCESS_SLOT.storeMissing, bodies.counters.missing);
    counters.set(PROCESS_SLOT.storeFailed, bodies.counters.failed);
    counters.set(PROCESS_SLOT.memoryTierBytes, tier.bytes);
    counters.set(PROCESS_SLOT.memoryTierObjects, tier.count);
    for (const [name, { index: vhost }] of registry.entries) memory.count(name, vhost, (space) => tier.useOf(space));
    counters.set(PROCESS_SLOT.fillsRunning, cache.filling.inProgress);
    counters.set(PROCESS_SLOT.connectionsOpen, server.connectionCount);
    counters.set(PROCESS_SLOT.tlsUnderWay, tls.handshakesUnderWay);
  };
  setInterval(() => server.sweep(), SWEEP_MS);
  setInterval(() => {
    budget.sample();
    const report = budget.takeReport();
    if (report !== undefined) channel.tell("memory", report);
    const admitted = server.rateLimits.report();
    if (admitted.length > 0) channel.tell("admitted", admitted);
  }, SAMPLE_MS);
  setInterval(() => {
    cache.reportTouched();
    cache.stored.closeUnusedBodies();
    void bodies.sync().catch(() => undefined);
    channel.tell("figures", figures());
  }, FIGURES_MS);
  return { cache, server, budget, index, tier, bodies, countTier };
};

type ObjectCacheTier = ConstructorParameters<typeof ObjectCache>[0]["tier"];

const explain = (probe: ExplainProbe): ExplainSight => {
  if (running === undefined) return { url: probe.url, memory: "none", waitingInvalidations: 0 };
  const { server, tier } = running;
  return answerProbe(probe, { server, tier });
};

const figures = (): WorkerFigures => {
  return {
    connections: running?.server.connectionCount ?? 0,
    requests: requestsServed(),
    ...ownFigures(),
  };
};

const requestsServed = (): number => {
  let total = 0;
  for (const block of counters.blocks) total += counters.get(block + VHOST_SLOT.clientRequests);
  return total;
};

/** What was counted since the last call. */
const counts = (endsInterval: boolean): CounterReport => {
  running?.server.count(endsInterval);
  running?.countTier();
  origins.count();
  if (endsInterval) origins.beginInterval();
  const metrics = logs.takeMetrics();
  if (metrics.length > 0) channel.tell("logMetrics", { counts: metrics });
  return counters.report();
};

/** What logs and traces have on their way goes out, within a moment. */
const closeRecords = async (): Promise<void> => {
  await tracing.close();
  await logs.close();
};

const drain = async (limitMs: number): Promise<void> => {
  if (!drainLimit.shorten(limitMs)) return;
  if (isDraining) {
    void running?.server.drain(limitMs);
    return;
  }
  isDraining = true;
  for (const acceptor of acceptors.values()) acceptor.close();
  acceptors.clear();
  const unmounted = mount.unmount();
  await running?.server.drain(limitMs);
  await unmounted;
  const filled = running?.cache.filling.whenIdle(Number.POSITIVE_INFINITY);
  await Promise.race([Promise.all([filled, mount.whenQuiet()]), drainLimit.over]);
  mount.close();
  running?.cache.reportTouched();
  await closeRecords();
  await channel.call("drained", { figures: figures(), counts: counts(true) }).catch(() => null);
  process.exit(0);
};

/** Lets the last messages reach the primary. */
const EXIT_MS = 50;

process.on("uncaughtException", (error) => {
  say("error", `worker ends: ${readableStack(error)}`);
  setTimeout(() => process.exit(1), EXIT_MS);
});
// Signals of the terminal and of service managers go to the primary, which drains its workers; without one, the launcher
// tells them to end.
process.on("SIGINT", () => {});
process.on("SIGTERM", () => {
  if (orphanLife.isOrphan) orphanLife.drain(survival.drainMs);
});
primary.onClose(() => becomeOrphan("the primary has ended"));

channel.tell("ready", null);
// Nobody waits for it: until then, and where it cannot be had, bodies are read and written.
void openSendFile();
