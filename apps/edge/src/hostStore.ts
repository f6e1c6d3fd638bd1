import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { createStaleLog, type StaleLog } from "@basalt/cache";
import type { EdgeConfig } from "@basalt/config";
import type { CleanupReport, DiskOutcome, DiskStatus } from "@basalt/management";
import { decideDiskLoss, judgeDiskFailure } from "@basalt/policy";
import {
  type BodyStore,
  type BodyUpkeep,
  createSpaceKeeper,
  type DiskIndex,
  type DiskRegistry,
  type DiskSetting,
  KEEPER_WRITER,
  nextCleanupAt,
  openBodyStore,
  openDiskIndexWriter,
  openDiskRegistry,
  recoverTails,
  type SpaceKeeper,
} from "@basalt/store";
import { type CounterBlock, type InfoLog, PROCESS_SLOT } from "@basalt/telemetry";
import { type Clock, EdgeError, epochMs, formatProblem, type Problem } from "@basalt/types";
import { contentPlan } from "./memoryPlan.ts";
import { servingVhosts } from "./servingVhosts.ts";
import { configuredDisksOf, indexPathOf, isMemoryOnly } from "./storeDisks.ts";

const OPEN_FILES = 64;
const ORPHAN_FILES_PER_SECOND = 200;

export interface HostStoreParts {
  readonly home: string;
  readonly config: () => EdgeConfig;
  readonly clock: Clock;
  readonly log: InfoLog;
  readonly counters: CounterBlock;
  /** The disks in use, or the way of the service without any, have changed. */
  /** The time of the daily cleanup has come (CFG-47). */
  readonly onCleanup: () => void;
  readonly onChange: (disks: StoreDisks) => void;
  /** Whether a body file that no row names is kept for the time being. */
  readonly keepsFile: (file: number) => boolean;
  /** OnCrash `selfkill` (CFG-43). */
  readonly onTerminate: () => void;
}

/** What every process of the host must know of the disks. */
export interface StoreDisks {
  readonly disks: readonly DiskSetting[];
  /** Every request goes to the origin (CFG-43). */
  readonly isBypassing: boolean;
}

/** The store as the primary owns it: the index and its writer, the disks, their space, and what survives a crash. */
export class HostStore {
  readonly index: DiskIndex;
  readonly bodies: BodyStore & BodyUpkeep;
  readonly space: SpaceKeeper;
  /** Purge calls that a crash may undo (SyncStale, OPT-80). */
  readonly staleLog: StaleLog;
  readonly #parts: HostStoreParts;
  readonly #registry: DiskRegistry;
  #nextCleanup: number;
  #isClosed = false;

  private constructor(
    parts: HostStoreParts,
    opened: {
      readonly index: DiskIndex;
      readonly bodies: BodyStore & BodyUpkeep;
      readonly space: SpaceKeeper;
      readonly registry: DiskRegistry;
      readonly staleLog: StaleLog;
    },
  ) {
    this.#parts = parts;
    this.index = opened.index;
    this.bodies = opened.bodies;
    this.space = opened.space;
    this.#registry = opened.registry;
    this.staleLog = opened.staleLog;
    this.#nextCleanup = nextCleanupAt(parts.clock.now(), parts.config().server.cache.cleanup.timeMinutes);
  }

  /** Opens everything and brings it to the state in which a crash left it. Throws when there is no usable index. */
  static async open(parts: HostStoreParts): Promise<HostStore> {
    const { clock, log, home, counters } = parts;
    const config = parts.config();
    const { indexing } = config.server.cache;
    const plan = contentPlan(config);
    const onProblem = (problem: Problem): void =>
      log[problem.severity === "error" ? "error" : "warning"](formatProblem(problem));
    const indexPath = indexPathOf(config, home);
    mkdirSync(dirname(indexPath), { recursive: true });
    const index = openDiskIndexWriter(indexPath, { clock, onProblem, indexing, warmBytes: plan.contentBytes });
    let store: HostStore | undefined;
    const early: (() => void)[] = [];
    const registry = await openDiskRegistry({
      disks: configuredDisksOf(config),
      index,
      judgeFailure: (earlierMs, atMs) => {
        const { diskFailCount, diskFailSeconds } = parts.config().server.cache.storage;
        return judgeDiskFailure(earlierMs, atMs, { failCount: diskFailCount, failSeconds: diskFailSeconds });
      },
      decideLoss: (states) => decideDiskLoss(parts.config().server.cache.storage.onCrash, states),
      clock,
      onProblem,
      onChange: () => store?.applyDisks(),
      onTerminate: () => {
        if (store === undefined) early.push(parts.onTerminate);
        else parts.onTerminate();
      },
    });
    const bodies = openBodyStore({
      disks: registry.inUse,
      allocateSegment: (disk) => space.grantSegment(KEEPER_WRITER, disk),
      allocateFile: () => Promise.resolve(index.nextFileId()),
      onProblem,
      onDiskFailure: (disk) => registry.noteFailure(disk),
      onDiskFull: (disk) => void space.diskFull(disk),
      maxOpenFiles: OPEN_FILES,
      clock,
    });
    const space = createSpaceKeeper({
      disks: registry.inUse,
      index,
      bodies,
      clock,
      onProblem,
      keepsFile: parts.keepsFile,
      objectLimit: indexing === "Memory" ? plan.cachingCount : undefined,
    });
    const names = new Set(servingVhosts(config).map((vhost) => vhost.name));
    index.keepVhosts(names);
    const recovered = await recoverTails({
      index,
      bodies,
      isOwnSegment: (disk, segment) => registry.isOwnSegment(disk, segment),
      hasVhost: (name) => names.has(name),
    });
    if (recovered.objects > 0) log.notice(`${recovered.objects} objects were entered in the index after a crash`);
    counters.set(PROCESS_SLOT.recoveredObjects, recovered.objects);
    const isOn = (): boolean => parts.config().server.cache.syncStale;
    const staleLog = createStaleLog({ path: join(home, "stale.log"), isOn, onProblem });
    // A disk may have been excluded while its segments were read, and nobody was told.
    bodies.setDisks(registry.inUse);
    space.setDisks(registry.inUse);
    store = new HostStore(parts, { index, bodies, space, registry, staleLog });
    for (const run of early) setImmediate(run);
    return store;
  }

  get storeDisks(): StoreDisks {
    return { disks: this.#registry.inUse, isBypassing: this.#registry.isBypassing };
  }

  /** Any process of the host met a failure or a full disk. */
  noteFailure(disk: number): void {
    this.#registry.noteFailure(disk);
  }

  async noteFull(disk: number): Promise<void> {
    await this.space.diskFull(disk);
  }

  applyDisks(): void {
    const { inUse } = this.#registry;
    this.bodies.setDisks(inUse);
    this.space.setDisks(inUse);
    this.#parts.onChange(this.storeDisks);
  }

  /** A reload: hosts that are gone, and new quotas. */
  configure(config: EdgeConfig): void {
    this.index.keepVhosts(new Set(servingVhosts(config).map((vhost) => vhost.name)));
    void this.space.sweep().catch((cause: unknown) => this.#warn("rows could not be swept", cause));
    this.#registry.configure(configuredDisksOf(config));
    this.#nextCleanup = nextCleanupAt(this.#parts.clock.now(), config.server.cache.cleanup.timeMinutes);
  }

  /** What is to be done each second. */
  async keep(settledVersion: number): Promise<void> {
    if (this.#isClosed) return;
    await this.#registry.check();
    await this.space.check().catch((cause: unknown) => this.#warn("space could not be checked", cause));
    await this.sync(settledVersion).catch((cause: unknown) => this.#warn("not everything could be written", cause));
    this.#count();
    const now = this.#parts.clock.now();
    if (now < this.#nextCleanup) return;
    const { cleanup } = this.#parts.config().server.cache;
    this.#nextCleanup = nextCleanupAt(epochMs(now), cleanup.timeMinutes);
    this.#parts.onCleanup();
    if (!isMemoryOnly(this.#parts.config())) {
      void this.cleanup(cleanup.ageDays).catch((cause: unknown) => this.#warn("cleanup failed", cause));
    }
  }

  /** Everything that was written survives a power cut; purges that are settled leave the stale log (OPT-83). */
  async sync(settledVersion: number): Promise<void> {
    await this.bodies.sync();
    await this.index.sync();
    await this.staleLog.clear(settledVersion);
  }

  async cleanup(ageDays: number): Promise<CleanupReport> {
    const startedMs = performance.now();
    const { log, clock, config } = this.#parts;
    const { emptyFolder } = config().server.cache.cleanup;
    log.notice(`cleanup begins, age ${ageDays} days`);
    const report = await this.space.cleanup({ ageDays, emptyFolder, nowMs: epochMs(clock.now()) });
    const elapsedMs = Math.round(performance.now() - startedMs);
    const { objects, bytes, segments, folders } = report;
    log.notice(`cleanup done: ${objects} objects, ${bytes} bytes, ${segments} segments, ${folders} folders`);
    return { objects, bytes, segments, folders, elapsedMs };
  }

  async mount(path: string): Promise<DiskOutcome> {
    const outcome = await this.#registry.mount(path);
    if (outcome.kind === "done") this.#parts.log.notice(`disk ${path} is mounted`);
    return outcome;
  }

  unmount(path: string): DiskOutcome {
    const outcome = this.#registry.unmount(path);
    if (outcome.kind === "done") this.#parts.log.notice(`disk ${path} is unmounted`);
    return outcome;
  }

  /** Nothing that is stored can be found any more (CFG-27). */
  async clear(): Promise<void> {
    await this.#registry.clear();
    await this.space.sweep();
    await this.index.sync();
  }

  diskStatus(): DiskStatus[] {
    const usage = new Map(this.space.usage().map((use) => [use.disk, use]));
    return this.#registry.disks.map(({ path, state, number, quotaBytes }) => {
      const use = number === undefined ? undefined : usage.get(number);
      return {
        path,
        state,
        usedBytes: use === undefined ? 0 : use.segmentBytes + use.fileBytes + use.growingBytes,
        quotaBytes: quotaBytes ?? null,
        availableBytes: use?.availableBytes ?? 0,
      };
    });
  }

  /** Body files of fills that a crash cut off before they had a record. */
  async removeOrphans(): Promise<void> {
    const modifiedBefore = epochMs(Date.now() - Math.ceil(performance.now()));
    try {
      const isLive = await this.index.collectLiveFiles();
      const sweep = { modifiedBefore, filesPerSecond: ORPHAN_FILES_PER_SECOND };
      const count = await this.bodies.removeOrphanFiles(isLive, sweep);
      if (count > 0) this.#parts.log.notice(`removed ${count} body files without an object`);
    } catch (cause) {
      this.#warn("orphan files could not be removed", cause);
    }
  }

  async close(forgettableVersion: number): Promise<void> {
    this.#isClosed = true;
    await this.space.close();
    await this.bodies.close();
    await this.sync(forgettableVersion).catch((cause: unknown) => this.#warn("not everything could be written", cause));
    await this.staleLog.close();
    this.index.close();
  }

  #count(): void {
    const { counters } = this.#parts;
    const { objects, bytes } = this.index.totals;
    counters.set(PROCESS_SLOT.storedObjects, objects);
    counters.set(PROCESS_SLOT.storedBodyBytes, bytes);
    counters.set(PROCESS_SLOT.evictedObjects, this.space.counters.evictedObjects);
    counters.set(PROCESS_SLOT.evictedBytes, this.space.counters.evictedBytes);
    counters.set(PROCESS_SLOT.readmittedObjects, this.space.counters.readmittedObjects);
    counters.set(PROCESS_SLOT.storeDamaged, this.bodies.counters.damaged);
    counters.set(PROCESS_SLOT.storeMissing, this.bodies.counters.missing);
    counters.set(PROCESS_SLOT.storeFailed, this.bodies.counters.failed);
  }

  #warn(what: string, cause: unknown): void {
    this.#parts.log.warning(`${what}: ${EdgeError.from(cause).detail}`);
  }
}
