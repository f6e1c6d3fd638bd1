import type { Channel } from "@basalt/ipc";
import { ArrivedBlocks, type CacheKey, type DiskIndexWriter, type IndexRow, ROW_FLAG, type Tally } from "@basalt/store";
import { type Clock, EdgeError, type ErrorCode, epochMs, unreachable } from "@basalt/types";
import { Fallbacks } from "./fallbacks.ts";
import {
  HostInvalidations,
  type InvalidationJournal,
  type InvalidationRequest,
  withState,
} from "./hostInvalidations.ts";
import { targetMatches } from "./invalidations.ts";
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
import { Transients } from "./transients.ts";

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
  /** The transform host need not go on with it. */
  readonly abandonDerivation: (id: number) => void;
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

/** A fill whose worker has died: its record may lie at the end of a segment, for a start after a crash to find. */
type LostFill = Pick<Fill, "version" | "vhost" | "url"> & { readonly untilMs: number };

/** Beyond it a start passes over what nobody has reported, but where nothing was stored since. */
const LOST_MS = 600_000;

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
  /** The oldest first. */
  readonly #lost: LostFill[] = [];
  readonly #failures = new Map<string, RecentFailure>();
  readonly #invalidations: HostInvalidations;
  readonly #transients: Transients;
  #nextFillId = 1;
  #version: number;
  /** Undefined: all. */
  #vhosts: ReadonlySet<string> | undefined;

  constructor(parts: CoordinatorParts) {
    this.#parts = parts;
    this.#fallbacks = new Fallbacks(parts.clock);
    this.#version = parts.index.highestVersion;
    this.#transients = new Transients(parts.index, () => parts.clock.monotonic());
    this.#invalidations = new HostInvalidations({
      index: parts.index,
      journal: parts.journal,
      workers: () => this.#workers.values(),
      nextVersion: () => ++this.#version,
      isComing: (vhost, url) => this.#isComing(vhost, url),
      oldestFill: () => this.#oldestFill(),
      detachFills: (invalidation) => this.#detachFills(invalidation),
      onRemoved: (row) => this.#fallbacks.drop(row.location.file),
      onDefect: parts.onDefect,
    });
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

  /** Takes over what a crash may have undone (OPT-81), before any worker is there. */
  async replay(invalidations: readonly Invalidation[]): Promise<void> {
    for (const { version } of invalidations) this.startBehind(version);
    await this.#invalidations.replay(invalidations);
  }

  /** Invalidations up to this version are in the index, and nothing that began before them is still on its way. */
  get settledVersion(): number {
    return this.#invalidations.settledVersion;
  }

  /** Every invalidation up to this version has changed the rows that it means. */
  get appliedVersion(): number {
    return this.#invalidations.appliedVersion;
  }

  /** Whether the sweep behind one of these invalidations has still to pass; versions of one call follow each other. */
  areOutstanding(firstVersion: number, lastVersion: number): boolean {
    return this.#invalidations.areOutstanding(firstVersion, lastVersion);
  }

  /**
   * What a start need not repeat: every row shows it, and nothing that began before it may be found behind the last row of
   * a segment.
   */
  get forgettableVersion(): number {
    return Math.min(this.appliedVersion, this.#oldestFill() - 1);
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
    const unsettled = this.#invalidations.unsettled();
    // A worker that dies has no memory left to serve from.
    if (unsettled.length > 0) channel.call("invalidate", unsettled).catch(() => undefined);
  }

  /** The worker is gone: its fills are orphans, and those it followed have one reader less. */
  removeWorker(id: number): void {
    this.#workers.delete(id);
    for (const fill of [...this.#fills.values()]) {
      fill.followers.delete(id);
      if (fill.worker !== id) continue;
      const { version, vhost, url } = fill;
      this.#lost.push({ version, vhost, url, untilMs: this.#parts.clock.now() + LOST_MS });
      this.#end(fill, { fillId: fill.id, kind: "orphaned" });
    }
    for (const partId of this.#partTable.partsOf(id)) this.#endPart(partId);
  }

  acquire(worker: number, request: AcquireRequest): AcquireReply {
    this.#expectKnown(worker);
    const key = request.key.toString("latin1");
    const found = this.#find(request.key);
    const row = found !== undefined && this.#parts.hasDisk(found.location.disk) ? found : undefined;
    if (row !== undefined && row.version > request.heldVersion) {
      if ((row.flags & ROW_FLAG.TRANSIENT) !== 0) this.#transients.note(request.key);
      return { kind: "stored", row };
    }
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

  /** The worker that asked for it has nobody left who waits; others may have. */
  abandonDerivation(id: number): void {
    const fill = this.#fills.get(id);
    if (fill !== undefined && fill.followers.size === 0) this.#parts.abandonDerivation(id);
  }

  fillShared(fillId: number, shared: SharedFill): void {
    const fill = this.#fills.get(fillId);
    if (fill === undefined) return;
    fill.shared = shared;
    if (this.#invalidations.concernsHead(fill.vhost, fill.version, shared.head)) this.#detach(fill);
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
        const replaced = mayFallBack === true ? this.#replacedBy(row) : undefined;
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
    const kept = this.#fallbacks.take(file);
    const seen = this.#invalidations.view(present);
    if (kept === undefined || seen === undefined || !this.#parts.hasDisk(kept.previous.location.disk)) return undefined;
    // What came since the new body began holds for whatever stands in its place.
    const purged = kept.purged || (seen.flags & ROW_FLAG.PURGED) !== 0;
    const expiredByForce = kept.expiredByForce || (seen.flags & ROW_FLAG.EXPIRED_BY_FORCE) !== 0;
    const state = { freshUntilMs: purged || expiredByForce ? 0 : freshUntilMs, purged, expiredByForce };
    const row = withState({ ...kept.previous, version: ++this.#version }, state);
    this.#parts.index.put(row);
    return row;
  }

  /** What is there under the key of a row that comes, with its own tags. */
  #replacedBy({ key }: IndexRow): IndexRow | undefined {
    const present = this.#find(key);
    return present === undefined ? undefined : { ...present, tags: this.#invalidations.taggedOf(present).tags };
  }

  /** Whether a body file is kept although no row names it. */
  keepsFile(file: number): boolean {
    return this.#fallbacks.keeps(file);
  }

  touched(keys: readonly CacheKey[], atMs: number): void {
    for (const key of keys) {
      if (!this.#transients.touch(key)) this.#parts.index.update(key, { lastAccess: epochMs(atMs) });
    }
  }

  /** What is kept only while it is in use goes; call it each second. */
  dropUnused(): void {
    this.#transients.sweep();
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
   * Invalidates objects on the whole host. Resolves when no worker serves what it forbids any more, nor will after a
   * crash; rows may follow in the background. The count is of objects that were affected (PRG-15).
   */
  async invalidate(vhost: string, target: InvalidationTarget, action: InvalidationAction): Promise<Tally> {
    const [affected] = await this.#invalidations.invalidate([{ vhost, target, action }]);
    return affected ?? { count: 0, bytes: 0 };
  }

  /** As `invalidate`, for several at once: what each has affected, in their order. */
  invalidateAll(requests: readonly InvalidationRequest[]): Promise<Tally[]> {
    return this.#invalidations.invalidate(requests);
  }

  /** What `invalidateAll` would affect; changes nothing. */
  measure(requests: readonly InvalidationRequest[]): Promise<Tally[]> {
    return this.#invalidations.measure(requests);
  }

  /** Resolves when every row shows what was invalidated. */
  finishSweeps(): Promise<void> {
    return this.#invalidations.finish();
  }

  /** Nothing is changed in the background any more. */
  stop(): void {
    this.#transients.clear();
    this.#invalidations.stop();
  }

  /** What an unsafe method has made out of date goes for good (RFC 9111 4.4). */
  async outdated(vhost: string, urls: readonly string[]): Promise<null> {
    const action = { kind: "hardpurge" } as const;
    await this.invalidateAll(urls.map((url) => ({ vhost, target: { kind: "url", url }, action })));
    return null;
  }

  /** State of the stored variants of a URL, for fileinfo. */
  variantsOf(vhost: string, url: string): readonly IndexRow[] {
    const views = this.#parts.index.findVariants(vhost, url).map((row) => this.#invalidations.view(row));
    return views.filter((row) => row !== undefined);
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
    return { kind: "follow", fillId: fill.id, version: fill.version, shared: now };
  }

  #tell(fill: Fill, update: FillUpdate): void {
    for (const follower of fill.followers) this.#workers.get(follower)?.tell("fillUpdate", update);
  }

  #end(fill: Fill, update: FillUpdate): void {
    this.#tell(fill, update);
    this.#fills.delete(fill.id);
    if (fill.shared !== undefined) this.#parts.onGrowing?.(fill.shared, 0);
    this.#detach(fill);
    this.#invalidations.tellSettled();
  }

  /**
   * The row of an object whose body stays. It may have been moved or given up since the worker learned where it lies:
   * the place in the row is believed only while nobody knows better.
   */
  #renew(fill: Fill, row: IndexRow): FillUpdate {
    const present = this.#find(row.key);
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
    const arrived = this.#invalidations.arrived(row, present === undefined);
    if (arrived === undefined) {
      // Put and removed, so that the keeper of the disks learns of the body to delete.
      this.#parts.index.put(row);
      this.#parts.index.remove(row.key);
      return { fillId: fill.id, kind: "ended", availableBytes: row.location.bodyBytes };
    }
    // A worker that renews an object with a long body does not know what others have filled of it.
    const isSameFile = row.location.file !== 0 && present?.location.file === row.location.file;
    const missingBytes = isSameFile ? Math.min(row.missingBytes, present.missingBytes) : row.missingBytes;
    const stored = { ...arrived, missingBytes };
    this.#parts.index.put(stored);
    if ((stored.flags & ROW_FLAG.TRANSIENT) !== 0) this.#transients.note(stored.key);
    return { fillId: fill.id, kind: "stored", row: stored };
  }

  #find(key: CacheKey): IndexRow | undefined {
    const row = this.#parts.index.find(key);
    return row === undefined ? undefined : this.#invalidations.view(row);
  }

  #isComing(vhost: string, url: string): boolean {
    for (const fill of this.#fills.values()) if (fill.vhost === vhost && fill.url === url) return true;
    return this.#lostFills().some((fill) => fill.vhost === vhost && fill.url === url);
  }

  #lostFills(): readonly LostFill[] {
    const now = this.#parts.clock.now();
    while ((this.#lost[0]?.untilMs ?? now + 1) <= now) this.#lost.shift();
    return this.#lost;
  }

  #oldestFill(): number {
    let oldest = Number.POSITIVE_INFINITY;
    for (const fill of this.#fills.values()) oldest = Math.min(oldest, fill.version);
    for (const { version } of this.#lostFills()) oldest = Math.min(oldest, version);
    return oldest;
  }

  /**
   * A fill that started before an invalidation may go on for those who wait, but nobody new may join it. Its tags are
   * known when its head is: `fillShared`, and whoever follows it, look once more. What is kept as a stand-in learns of it.
   */
  #detachFills(invalidation: Invalidation): void {
    const { vhost, target, version } = invalidation;
    this.#fallbacks.invalidate(invalidation);
    for (const fill of this.#fillByKey.values()) {
      if (fill.vhost !== vhost) continue;
      const isMeant =
        target.kind === "tag"
          ? fill.shared !== undefined && this.#invalidations.concernsHead(vhost, version - 1, fill.shared.head)
          : targetMatches(target, fill.url);
      if (isMeant) this.#detach(fill);
    }
  }

  #detach(fill: Fill): void {
    if (this.#fillByKey.get(fill.key) === fill) this.#fillByKey.delete(fill.key);
  }

  #rememberFailure(key: string, code: ErrorCode, seconds: number): void {
    if (this.#failures.size >= RECENT_FAILURES) {
      const [oldest] = this.#failures.keys();
      if (oldest !== undefined) this.#failures.delete(oldest);
    }
    this.#failures.set(key, { code, untilMs: this.#parts.clock.now() + seconds * 1000 });
  }
}
