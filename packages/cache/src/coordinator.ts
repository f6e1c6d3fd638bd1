import type { Channel } from "@basalt/ipc";
import { ArrivedBlocks, type CacheKey, type DiskIndexWriter, type IndexRow, ROW_FLAG } from "@basalt/store";
import { type Clock, EdgeError, type ErrorCode, epochMs, unreachable } from "@basalt/types";
import { Fallbacks } from "./fallbacks.ts";
import { applyInvalidation, InvalidationList, targetMatches } from "./invalidations.ts";
import { PartTable } from "./parts/partTable.ts";
import type {
  AcquireReply,
  AcquireRequest,
  DeriveReply,
  DeriveRequest,
  FallBackRequest,
  FillEnd,
  FillProgress,
  FillUpdate,
  Invalidation,
  InvalidationAction,
  InvalidationTarget,
  ObjectClient,
  ObjectService,
  PartProgress,
  PartReply,
  PartRequest,
  PartUpdate,
  SharedFill,
} from "./protocol.ts";

/** The channel to one worker, seen from the primary. */
export type WorkerChannel = Pick<Channel<ObjectService, ObjectClient>, "call" | "tell">;

interface Fill {
  readonly id: number;
  readonly version: number;
  readonly key: string;
  readonly vhost: string;
  readonly url: string;
  readonly worker: number;
  readonly followers: Set<number>;
  /** Version of the copy that the worker had; 0 when it had none. */
  readonly heldVersion: number;
  shareAsked: boolean;
  shared: SharedFill | undefined;
  /** Checksums of what is shared. */
  readonly arrived: ArrivedBlocks;
  /** Its virtual host was removed: what it brings is not kept, though one of that name may be there again (CFG-56). */
  isUnwanted: boolean;
}

interface RecentFailure {
  readonly code: ErrorCode;
  readonly untilMs: number;
}

/** Remembers invalidations until the index shows them for good (OPT-80); a failure of it is its own business. */
export interface InvalidationJournal {
  append(invalidation: Invalidation): Promise<void> | undefined;
}

export interface CoordinatorParts {
  readonly clock: Clock;
  readonly journal?: InvalidationJournal;
  readonly index: DiskIndexWriter;
  /** Whether objects on that disk can be had now. */
  readonly hasDisk: (disk: number) => boolean;
  /** A file that several workers read has grown to that many bytes before it is in the index; 0: it is no more. */
  readonly onGrowing?: (place: Pick<SharedFill, "disk" | "file">, bytes: number) => void;
  /** Sends a derive job to the transform host. */
  readonly derive: (request: DeriveRequest) => Promise<DeriveReply>;
  readonly onDefect: (error: unknown) => void;
}

/** Who is at work on a stored object. */
export interface ObjectUse {
  /** Id of the fill that renews it. */
  readonly renewedBy: number | undefined;
  /** Requests to origins that are under way for it. */
  readonly downloads: number;
  /** Those that make them, and those that wait for what they bring. */
  readonly processes: number;
}

const NO_PARTS = { parts: 0, followers: 0 };

/** Recent failures kept at most: beyond it the oldest go, and the origin may be asked once more. */
const RECENT_FAILURES = 100_000;

/**
 * The host-wide side of the life of objects, in the primary: who fetches what, the order of versions, the index, and
 * invalidations that are in force everywhere before their call returns. Never touches a body.
 */
export class ObjectCoordinator {
  readonly #parts: CoordinatorParts;
  readonly #workers = new Map<number, WorkerChannel>();
  readonly #fills = new Map<number, Fill>();
  readonly #fillByKey = new Map<string, Fill>();
  readonly #partTable = new PartTable({
    share: (worker, partId) => this.#workers.get(worker)?.tell("sharePart", { partId }),
    trim: (worker, partId, end) => this.#workers.get(worker)?.tell("trimPart", { partId, end }),
  });
  readonly #fallbacks: Fallbacks;
  readonly #failures = new Map<string, RecentFailure>();
  readonly #invalidations = new Map<string, InvalidationList>();
  /** Versions of calls in progress, and of the latest invalidation. */
  readonly #unapplied = new Set<number>();
  #latestInvalidation = 0;
  /** What calls in progress have affected so far, by version: objects that arrive meanwhile are added. */
  readonly #running = new Map<number, { count: number; bytes: number }>();
  /** The index file shows all invalidations up to the first; workers were told up to the second. */
  #flushedVersion = 0;
  #settledVersion = 0;
  #nextFillId = 1;
  #version: number;
  /** Undefined: all. */
  #vhosts: ReadonlySet<string> | undefined;

  constructor(parts: CoordinatorParts) {
    this.#parts = parts;
    this.#fallbacks = new Fallbacks(parts.clock);
    this.#version = parts.index.highestVersion;
  }

  get fillsInProgress(): number {
    return this.#fills.size + this.#partTable.running;
  }

  /** Virtual hosts that exist: what is fetched for others is not kept (CFG-56). */
  setVhosts(names: ReadonlySet<string>): void {
    this.#vhosts = names;
    for (const fill of this.#fills.values()) {
      if (names.has(fill.vhost)) continue;
      fill.isUnwanted = true;
      if (this.#fillByKey.get(fill.key) === fill) this.#fillByKey.delete(fill.key);
    }
  }

  /** Applies what a crash may have undone (OPT-81), before any worker is there. */
  async replay(invalidations: readonly Invalidation[]): Promise<void> {
    const byScan: Invalidation[] = [];
    const nothing = { count: 0, bytes: 0 };
    for (const invalidation of invalidations) {
      const { target, vhost, version } = invalidation;
      this.#version = Math.max(this.#version, version);
      this.#latestInvalidation = Math.max(this.#latestInvalidation, version);
      if (target.kind !== "url") byScan.push(invalidation);
      else for (const row of this.#parts.index.findVariants(vhost, target.url)) this.#apply(row, invalidation, nothing);
    }
    if (byScan.length > 0) {
      await this.#parts.index.scan({}, (row) => {
        for (const invalidation of byScan) {
          if (invalidation.vhost !== row.vhost || !targetMatches(invalidation.target, row.url)) continue;
          const current = this.#parts.index.find(row.key);
          if (current !== undefined) this.#apply(current, invalidation, nothing);
        }
      });
    }
    if (invalidations.length > 0) await this.#settle().catch(this.#parts.onDefect);
  }

  /** Invalidations up to this version are in the index, and nothing that began before them is still on its way. */
  get settledVersion(): number {
    return this.#settledVersion;
  }

  /** Every invalidation up to this version has changed the rows that it means. */
  get appliedVersion(): number {
    let applied = this.#latestInvalidation;
    for (const version of this.#unapplied) applied = Math.min(applied, version - 1);
    return applied;
  }

  get newestVersion(): number {
    return this.#version;
  }

  /** Versions up to this one are known to somebody: those that are given from now on are later. */
  startBehind(version: number): void {
    this.#version = Math.max(this.#version, version);
  }

  addWorker(id: number, channel: WorkerChannel): void {
    this.#workers.set(id, channel);
  }

  /** The worker is gone: its fills are orphans, and those it followed have one reader less. */
  removeWorker(id: number): void {
    this.#workers.delete(id);
    for (const fill of [...this.#fills.values()]) {
      fill.followers.delete(id);
      if (fill.worker === id) this.#end(fill, { fillId: fill.id, kind: "orphaned" });
    }
    for (const partId of this.#partTable.partsOf(id)) this.#endPart(partId);
  }

  acquire(worker: number, request: AcquireRequest): AcquireReply {
    this.#expectKnown(worker);
    const key = request.key.toString("latin1");
    const found = this.#parts.index.find(request.key);
    const row = found !== undefined && this.#parts.hasDisk(found.location.disk) ? found : undefined;
    if (row !== undefined && row.version > request.heldVersion) return { kind: "stored", row };
    const running = this.#fillByKey.get(key);
    if (running !== undefined && running.worker !== worker && !request.isAlone) return this.#join(running, worker);
    const failure = this.#failures.get(key);
    if (failure !== undefined && row === undefined) {
      if (this.#parts.clock.now() < failure.untilMs) return { kind: "failed", code: failure.code };
      this.#failures.delete(key);
    }
    const fill: Fill = {
      id: this.#nextFillId++,
      version: ++this.#version,
      key,
      vhost: request.vhost,
      url: request.url,
      worker,
      followers: new Set(),
      heldVersion: request.heldVersion,
      shareAsked: false,
      shared: undefined,
      arrived: new ArrivedBlocks(),
      isUnwanted: false,
    };
    this.#fills.set(fill.id, fill);
    this.#fillByKey.set(key, fill);
    return { kind: "granted", fillId: fill.id, version: fill.version };
  }

  derive(request: DeriveRequest): Promise<DeriveReply> {
    return this.#parts.derive(request);
  }

  fillShared(fillId: number, shared: SharedFill): void {
    const fill = this.#fills.get(fillId);
    if (fill === undefined) return;
    fill.shared = shared;
    fill.arrived.enter(shared.availableBytes, 0, shared.checksums);
    this.#parts.onGrowing?.(shared, shared.availableBytes);
    this.#tell(fill, { fillId, kind: "shared", shared });
  }

  fillProgress(fillId: number, progress: FillProgress): void {
    const fill = this.#fills.get(fillId);
    if (fill?.shared === undefined) return;
    fill.arrived.enter(progress.availableBytes, progress.firstBlock, progress.checksums);
    this.#parts.onGrowing?.(fill.shared, progress.availableBytes);
    this.#tell(fill, { fillId, kind: "progress", ...progress });
  }

  acquirePart(worker: number, request: PartRequest): PartReply {
    this.#expectKnown(worker);
    return this.#partTable.acquire(worker, request, () => this.#nextFillId++);
  }

  partProgress(partId: number, progress: PartProgress): void {
    const news = this.#partTable.progress(partId, progress);
    if (news === undefined) return;
    this.#tellPart(news.followers, { partId, kind: "progress", ...progress });
    const row = this.#parts.index.find(news.key);
    if (row?.location.file !== news.file || news.filledBytes === 0) return;
    this.#noteMissing(row, Math.max(0, row.missingBytes - news.filledBytes));
  }

  partEnd(partId: number, missingBytes: number): void {
    const news = this.#endPart(partId);
    if (news === undefined) return;
    const row = this.#parts.index.find(news.key);
    if (row?.location.file === news.file && row.missingBytes !== missingBytes) {
      this.#noteMissing(row, missingBytes);
    }
  }

  fillEnd(end: FillEnd): void {
    const fill = this.#fills.get(end.fillId);
    if (fill === undefined) return;
    switch (end.kind) {
      case "stored": {
        const { row, partEnd, isRenewal, mayFallBack } = end;
        const replaced = mayFallBack === true ? this.#parts.index.find(row.key) : undefined;
        if (partEnd !== undefined) {
          const request = { key: row.key, file: row.location.file, first: 0, end: partEnd };
          this.#partTable.begin(fill.id, fill.worker, request);
        }
        const update = isRenewal === true ? this.#renew(fill, row) : this.#store(fill, row);
        if (replaced !== undefined && update.kind === "stored") {
          this.#fallbacks.replace(replaced, row.location.file);
        }
        this.#end(fill, update);
        return;
      }
      case "unstored":
        this.#end(fill, { fillId: fill.id, kind: "unstored" });
        return;
      case "ended":
        this.#end(fill, end);
        return;
      case "failed":
        if (end.negativeSeconds > 0) this.#rememberFailure(fill.key, end.code, end.negativeSeconds);
        this.#end(fill, { fillId: fill.id, kind: "failed", code: end.code });
        return;
      default:
        unreachable(end);
    }
  }

  /**
   * Puts what a body that cannot be completed has replaced in its place again. Undefined when there is no such thing;
   * else the row that holds by now, whoever has put it there.
   */
  fallBack({ key, file, freshUntilMs }: FallBackRequest): IndexRow | undefined {
    const present = this.#parts.index.find(key);
    if (present === undefined || present.location.file !== file) return present;
    const previous = this.#fallbacks.take(file);
    if (previous === undefined || !this.#parts.hasDisk(previous.location.disk)) return undefined;
    const state = { freshUntilMs, purged: false, expiredByForce: false };
    const row = withState({ ...previous, version: ++this.#version }, state);
    this.#parts.index.put(row);
    return row;
  }

  /** Whether a body file is kept although no row names it. */
  keepsFile(file: number): boolean {
    return this.#fallbacks.keeps(file);
  }

  touched(keys: readonly CacheKey[], atMs: number): void {
    for (const key of keys) this.#parts.index.update(key, { lastAccess: epochMs(atMs) });
  }

  damaged(key: CacheKey, location: IndexRow["location"]): void {
    const row = this.#parts.index.find(key);
    if (row?.location.segment === location.segment && row.location.offset === location.offset) {
      this.#parts.index.remove(key);
    }
  }

  lost(key: CacheKey, file: number): void {
    const row = this.#parts.index.find(key);
    if (row?.location.file !== file) return;
    const target = { kind: "url", url: row.url } as const;
    this.invalidate(row.vhost, target, { kind: "hardpurge" }).catch(this.#parts.onDefect);
  }

  /**
   * Invalidates objects on the whole host. Resolves when every worker has confirmed and every row is changed; the
   * count is of objects that were affected (PRG-15: an object already purged does not count).
   */
  async invalidate(
    vhost: string,
    target: InvalidationTarget,
    action: InvalidationAction,
  ): Promise<{ readonly count: number; readonly bytes: number }> {
    const invalidation: Invalidation = { version: ++this.#version, vhost, target, action };
    this.#listOf(vhost).add(invalidation);
    this.#unapplied.add(invalidation.version);
    this.#latestInvalidation = invalidation.version;
    this.#detachFills(invalidation);
    const affected = { count: 0, bytes: 0 };
    this.#running.set(invalidation.version, affected);
    const journaled = this.#isOutlivedBy(invalidation) ? this.#parts.journal?.append(invalidation) : undefined;
    const confirmed = this.#confirmAll(invalidation);
    // It may fail before it is awaited.
    confirmed.catch(() => undefined);
    if (target.kind === "url") {
      for (const row of this.#parts.index.findVariants(vhost, target.url)) this.#apply(row, invalidation, affected);
    } else {
      await this.#parts.index.scan({ vhost }, (row) => {
        if (targetMatches(target, row.url)) this.#apply(row, invalidation, affected);
      });
    }
    await confirmed;
    await journaled;
    this.#running.delete(invalidation.version);
    this.#unapplied.delete(invalidation.version);
    void this.#settle().catch(this.#parts.onDefect);
    return affected;
  }

  /** What an unsafe method has made out of date goes for good (RFC 9111 4.4). */
  async outdated(vhost: string, urls: readonly string[]): Promise<null> {
    const action = { kind: "hardpurge" } as const;
    await Promise.all(urls.map((url) => this.invalidate(vhost, { kind: "url", url }, action)));
    return null;
  }

  /** State of the stored variants of a URL, for fileinfo. */
  variantsOf(vhost: string, url: string): readonly IndexRow[] {
    return this.#parts.index.findVariants(vhost, url);
  }

  /** What is on its way from origins for a stored object, for fileinfo. */
  underWay({ key, location }: IndexRow): ObjectUse {
    const fill = this.#fillByKey.get(key.toString("latin1"));
    const { parts, followers } = location.file === 0 ? NO_PARTS : this.#partTable.useOf(location.file);
    return {
      renewedBy: fill?.id,
      downloads: parts + (fill === undefined ? 0 : 1),
      processes: parts + followers + (fill === undefined ? 0 : 1 + fill.followers.size),
    };
  }

  /** What is read from the pipe of a worker after its end must not be granted: nobody would give it back. */
  #expectKnown(worker: number): void {
    if (!this.#workers.has(worker)) throw new EdgeError("SHUTTING_DOWN", { detail: `worker ${worker} is gone` });
  }

  #noteMissing(row: IndexRow, missingBytes: number): void {
    this.#parts.index.update(row.key, { missingBytes });
    if (missingBytes === 0) this.#fallbacks.drop(row.location.file);
  }

  #endPart(partId: number): ReturnType<PartTable["end"]> {
    const news = this.#partTable.end(partId);
    if (news !== undefined) this.#tellPart(news.followers, { partId, kind: "ended" });
    return news;
  }

  #tellPart(followers: ReadonlySet<number>, update: PartUpdate): void {
    for (const follower of followers) this.#workers.get(follower)?.tell("partUpdate", update);
  }

  #join(fill: Fill, worker: number): AcquireReply {
    fill.followers.add(worker);
    if (!fill.shareAsked) {
      fill.shareAsked = true;
      this.#workers.get(fill.worker)?.tell("shareFill", { fillId: fill.id });
    }
    const { shared, arrived } = fill;
    const now = shared && { ...shared, availableBytes: arrived.bytes, checksums: arrived.from(0) };
    return { kind: "follow", fillId: fill.id, shared: now };
  }

  #tell(fill: Fill, update: FillUpdate): void {
    for (const follower of fill.followers) this.#workers.get(follower)?.tell("fillUpdate", update);
  }

  #end(fill: Fill, update: FillUpdate): void {
    this.#tell(fill, update);
    this.#fills.delete(fill.id);
    if (fill.shared !== undefined) this.#parts.onGrowing?.(fill.shared, 0);
    if (this.#fillByKey.get(fill.key) === fill) this.#fillByKey.delete(fill.key);
    if (this.#flushedVersion > this.#settledVersion) this.#tellSettled();
  }

  /**
   * The row of an object whose body stays. It may have been moved or given up since the worker learned where it lies:
   * the place in the row is believed only while nobody knows better.
   */
  #renew(fill: Fill, row: IndexRow): FillUpdate {
    const present = this.#parts.index.find(row.key);
    if (present === undefined) return { fillId: fill.id, kind: "ended", availableBytes: row.location.bodyBytes };
    const isSameState = present.version === fill.heldVersion;
    return this.#store(fill, isSameState ? { ...row, location: present.location } : row);
  }

  /** Puts the row in the index, with what was invalidated while the fill ran applied to it. */
  #store(fill: Fill, row: IndexRow): FillUpdate {
    this.#failures.delete(fill.key);
    const present = this.#parts.index.find(row.key);
    if (present !== undefined && present.version > row.version) {
      // A fill that was overtaken by an invalidation and a newer fill: what it brought is out of date.
      this.#parts.index.passOver(row.location);
      return { fillId: fill.id, kind: "ended", availableBytes: row.location.bodyBytes };
    }
    if (fill.isUnwanted || this.#vhosts?.has(row.vhost) === false) {
      this.#parts.index.passOver(row.location);
      return { fillId: fill.id, kind: "ended", availableBytes: row.location.bodyBytes };
    }
    const newer = this.#listOf(row.vhost).matching(row.url, row.version);
    const state = stateOf(row);
    for (const invalidation of newer) {
      const affected = this.#running.get(invalidation.version);
      if (affected !== undefined && (row.flags & ROW_FLAG.DERIVED) === 0) {
        affected.count++;
        affected.bytes += row.location.bodyBytes;
      }
      if (!applyInvalidation(state, invalidation)) {
        // Put and removed, so that the keeper of the disks learns of the body to delete.
        this.#parts.index.put(row);
        this.#parts.index.remove(row.key);
        return { fillId: fill.id, kind: "ended", availableBytes: row.location.bodyBytes };
      }
    }
    // A worker that renews an object with a long body does not know what others have filled of it.
    const isSameFile = row.location.file !== 0 && present?.location.file === row.location.file;
    const known = isSameFile ? { ...row, missingBytes: Math.min(row.missingBytes, present.missingBytes) } : row;
    const stored = newer.length === 0 ? known : withState(known, state);
    this.#parts.index.put(stored);
    return { fillId: fill.id, kind: "stored", row: stored };
  }

  #apply(row: IndexRow, invalidation: Invalidation, affected: { count: number; bytes: number }): void {
    if (row.version > invalidation.version) return;
    const wasPurged = (row.flags & ROW_FLAG.PURGED) !== 0;
    if (wasPurged && invalidation.action.kind === "purge") return;
    const state = stateOf(row);
    if (applyInvalidation(state, invalidation)) {
      const changed = withState(row, state);
      this.#parts.index.update(row.key, { freshUntil: changed.freshUntil, flags: changed.flags });
    } else {
      this.#parts.index.remove(row.key);
      this.#fallbacks.drop(row.location.file);
    }
    if ((row.flags & ROW_FLAG.DERIVED) !== 0) return;
    affected.count++;
    affected.bytes += row.location.bodyBytes;
  }

  /**
   * Whether a crash could bring back what it is about. Not where nothing of a URL is on disk or on its way there: anybody
   * can send unsafe requests, and each would cost a write that waits for the disk.
   */
  #isOutlivedBy({ vhost, target }: Invalidation): boolean {
    if (target.kind !== "url" || this.#parts.index.findVariants(vhost, target.url).length > 0) return true;
    for (const fill of this.#fills.values()) if (fill.vhost === vhost && fill.url === target.url) return true;
    return false;
  }

  /** A fill that started before an invalidation may go on for those who wait, but nobody new may join it. */
  #detachFills(invalidation: Invalidation): void {
    for (const [key, fill] of this.#fillByKey) {
      if (fill.vhost === invalidation.vhost && targetMatches(invalidation.target, fill.url))
        this.#fillByKey.delete(key);
    }
  }

  async #confirmAll(invalidation: Invalidation): Promise<void> {
    const calls = [...this.#workers.values()].map((worker) =>
      worker.call("invalidate", invalidation).catch((cause: unknown) => {
        // A worker that died has no memory left to serve from.
        if (EdgeError.from(cause).code !== "SHUTTING_DOWN") throw cause;
      }),
    );
    await Promise.all(calls);
  }

  /** What could not be written is written with the next. */
  async #settle(): Promise<void> {
    const { appliedVersion } = this;
    await this.#parts.index.flush();
    this.#flushedVersion = Math.max(this.#flushedVersion, appliedVersion);
    this.#tellSettled();
  }

  /** An invalidation may be forgotten when the index shows it and no fill that began before it is still running. */
  #tellSettled(): void {
    let settled = this.#flushedVersion;
    for (const fill of this.#fills.values()) settled = Math.min(settled, fill.version - 1);
    if (settled <= this.#settledVersion) return;
    this.#settledVersion = settled;
    for (const worker of this.#workers.values()) worker.tell("settled", { version: settled });
    for (const list of this.#invalidations.values()) list.settle(settled);
  }

  #rememberFailure(key: string, code: ErrorCode, seconds: number): void {
    if (this.#failures.size >= RECENT_FAILURES) {
      const [oldest] = this.#failures.keys();
      if (oldest !== undefined) this.#failures.delete(oldest);
    }
    this.#failures.set(key, { code, untilMs: this.#parts.clock.now() + seconds * 1000 });
  }

  #listOf(vhost: string): InvalidationList {
    let list = this.#invalidations.get(vhost);
    if (list === undefined) {
      list = new InvalidationList();
      this.#invalidations.set(vhost, list);
    }
    return list;
  }
}

const stateOf = (row: IndexRow) => ({
  version: row.version,
  freshUntilMs: Number(row.freshUntil),
  purged: (row.flags & ROW_FLAG.PURGED) !== 0,
  expiredByForce: (row.flags & ROW_FLAG.EXPIRED_BY_FORCE) !== 0,
});

const withState = (
  row: IndexRow,
  state: { readonly freshUntilMs: number; readonly purged: boolean; readonly expiredByForce: boolean },
): IndexRow => ({
  ...row,
  freshUntil: epochMs(state.freshUntilMs),
  flags:
    (row.flags & ROW_FLAG.DERIVED) |
    (state.purged ? ROW_FLAG.PURGED : 0) |
    (state.expiredByForce ? ROW_FLAG.EXPIRED_BY_FORCE : 0),
});
