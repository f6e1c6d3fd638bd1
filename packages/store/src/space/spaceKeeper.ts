import { type Clock, EdgeError } from "@basalt/types";
import type { DiskSetting } from "../bodies/diskSet.ts";
import type { BodyStore, BodyUpkeep, DiskIndex, IndexRow, ReleasedFile, SegmentFile } from "../contract.ts";
import { describeCause, type ReportProblem, storeProblem } from "../storeProblem.ts";
import { type FileSystemRoom, lackingBytes, measureFileSystem } from "./fileSystemRoom.ts";

export interface SpaceKeeperSettings {
  readonly disks: readonly DiskSetting[];
  readonly index: DiskIndex;
  readonly bodies: BodyStore & BodyUpkeep;
  readonly clock: Clock;
  readonly onProblem: ReportProblem;
  /** Told about objects that were given up to make room. */
  readonly onEvicted?: (rows: readonly IndexRow[]) => void;
  readonly measureRoom?: (path: string) => Promise<FileSystemRoom>;
}

/** What a disk holds, as measured by the last check. */
export interface DiskUse {
  readonly disk: number;
  readonly segmentBytes: number;
  /** Share of `segmentBytes` that no row points to any more. */
  readonly deadBytes: number;
  readonly fileBytes: number;
  readonly growingBytes: number;
  readonly quotaBytes: number | undefined;
}

/**
 * Keeps every disk below its quota and its file system from filling up (CFG-39, CFG-40). Lives in the primary, which
 * gives out segment ids by `grantSegment` only and calls `check` every second; then the disks never hold more than the
 * quota and one segment per writer.
 */
export interface SpaceKeeper {
  /**
   * Makes room, then gives a writer (a process) the id of its next segment on that disk; the one it wrote before is
   * closed. The store that the keeper was given must ask as KEEPER_WRITER: it never waits for room, because a check
   * may be what it writes for.
   */
  grantSegment(writer: string, disk: number): Promise<number>;
  /** A writer that outlived the primary tells which segment it has open. */
  segmentOpened(writer: string, disk: number, segment: number): void;
  /** The process ended: its segments are closed. */
  writerGone(writer: string): void;
  /** Length of a body file that is being filled; 0 when it is complete or abandoned. */
  noteGrowing(disk: number, file: number, fileBytes: number): void;
  /** Measures, reclaims what is dead, and evicts what is oldest until there is room. Calls during a run share the next one. */
  check(): Promise<void>;
  usage(): readonly DiskUse[];
}

/** Name under which the keeper's own store asks for segments. */
export const KEEPER_WRITER = "keeper";

/** A segment without rows may only wait for them to arrive: it is garbage when it was not written for this long. */
const DEAD_AFTER_MS = 60_000;
const COLD_FILES_AT_ONCE = 32;

interface DiskState {
  readonly use: DiskUse;
  /** Closed segments, oldest first. */
  readonly closed: SegmentFile[];
}

class DiskSpaceKeeper implements SpaceKeeper {
  readonly #settings: SpaceKeeperSettings;
  /** Open segment by writer and disk. */
  readonly #open = new Map<string, Map<number, number>>();
  /** Lengths of files being filled, by disk and file. */
  readonly #growing = new Map<number, Map<number, number>>();
  /** What the disk refused to delete: not tried again in every run. */
  readonly #stuck = new Set<number>();
  /** Released before the last run: readers that found their row have had time to open them. */
  #released: ReleasedFile[] = [];
  /** Body files deleted at once by the last run: the index will still name them as released. */
  readonly #evictedFiles = new Set<number>();
  #usage: readonly DiskUse[] = [];
  #running: Promise<void> | undefined;
  /** The run after this one: what it measures is newer than the calls that wait for it. */
  #next: Promise<void> | undefined;

  constructor(settings: SpaceKeeperSettings) {
    this.#settings = settings;
  }

  async grantSegment(writer: string, disk: number): Promise<number> {
    const segment = this.#settings.index.nextSegmentId();
    this.segmentOpened(writer, disk, segment);
    if (writer === KEEPER_WRITER) return segment;
    await this.check().catch((cause: unknown) => {
      const message = `No room could be made: ${describeCause(cause)}.`;
      this.#settings.onProblem(storeProblem("error", `disk ${disk}`, message));
    });
    return segment;
  }

  segmentOpened(writer: string, disk: number, segment: number): void {
    let segments = this.#open.get(writer);
    if (segments === undefined) {
      segments = new Map();
      this.#open.set(writer, segments);
    }
    segments.set(disk, segment);
  }

  writerGone(writer: string): void {
    this.#open.delete(writer);
  }

  noteGrowing(disk: number, file: number, fileBytes: number): void {
    let files = this.#growing.get(disk);
    if (files === undefined) {
      files = new Map();
      this.#growing.set(disk, files);
    }
    if (fileBytes > 0) files.set(file, fileBytes);
    else files.delete(file);
  }

  check(): Promise<void> {
    if (this.#running === undefined) {
      this.#running = this.#run().finally(() => {
        this.#running = undefined;
      });
      return this.#running;
    }
    this.#next ??= this.#running
      .catch(() => undefined)
      .then(() => {
        this.#next = undefined;
        return this.check();
      });
    return this.#next;
  }

  usage(): readonly DiskUse[] {
    return this.#usage;
  }

  async #run(): Promise<void> {
    await this.#deleteReleased();
    const segments = await this.#settings.bodies.listSegments();
    this.#forgetGone(segments);
    const usage: DiskUse[] = [];
    for (const [disk, setting] of this.#settings.disks.entries()) {
      const state = this.#stateOf(
        disk,
        setting,
        segments.filter((segment) => segment.disk === disk),
      );
      const reclaimedBytes = await this.#reclaimDead(state);
      await this.#evict(state, reclaimedBytes, setting);
      usage.push(state.use);
    }
    this.#usage = usage;
  }

  /** Drops what the index remembers of segments that are neither on a disk nor named by a row. */
  #forgetGone(segments: readonly SegmentFile[]): void {
    const present = new Set(segments.map(({ segment }) => segment));
    for (const use of this.#settings.index.segmentUse()) {
      if (use.liveObjects === 0 && !present.has(use.segment)) this.#settings.index.forgetSegment(use.segment);
    }
  }

  #stateOf(disk: number, setting: DiskSetting, segments: readonly SegmentFile[]): DiskState {
    const { index } = this.#settings;
    const open = new Set([...this.#open.values()].map((byDisk) => byDisk.get(disk)));
    let segmentBytes = 0;
    for (const segment of segments) segmentBytes += segment.fileBytes;
    let liveBytes = 0;
    for (const use of index.segmentUse()) if (use.disk === disk) liveBytes += use.liveBytes;
    let growingBytes = 0;
    for (const fileBytes of this.#growing.get(disk)?.values() ?? []) growingBytes += fileBytes;
    let fileBytes = index.fileUse(disk).liveBytes;
    for (const { location } of this.#released) if (location.disk === disk) fileBytes += location.bodyBytes;
    return {
      use: {
        disk,
        segmentBytes,
        deadBytes: Math.max(0, segmentBytes - liveBytes),
        fileBytes,
        growingBytes,
        quotaBytes: setting.quotaBytes,
      },
      closed: segments
        .filter(({ segment }) => !open.has(segment) && !this.#stuck.has(segment))
        .sort((left, right) => left.segment - right.segment),
    };
  }

  async #deleteReleased(): Promise<void> {
    const { index, bodies } = this.#settings;
    const unnamed = this.#released.filter(({ key, location }) => index.find(key)?.location.file !== location.file);
    this.#released = index.takeReleasedFiles().filter(({ location }) => !this.#evictedFiles.has(location.file));
    this.#evictedFiles.clear();
    await bodies.removeBodies(unnamed.map(({ location }) => location));
  }

  /** Deletes closed segments that nothing points into; returns the bytes. */
  async #reclaimDead(state: DiskState): Promise<number> {
    const live = new Set<number>();
    for (const use of this.#settings.index.segmentUse()) if (use.liveObjects > 0) live.add(use.segment);
    const deadBefore = this.#settings.clock.now() - DEAD_AFTER_MS;
    const dead = state.closed.filter(({ segment, modifiedAt }) => !live.has(segment) && modifiedAt < deadBefore);
    let freed = 0;
    for (const segment of dead) {
      state.closed.splice(state.closed.indexOf(segment), 1);
      freed += await this.#deleteSegment(segment);
    }
    return freed;
  }

  async #evict(state: DiskState, reclaimedBytes: number, setting: DiskSetting): Promise<void> {
    const needed = await this.#neededBytes(state.use, reclaimedBytes, setting);
    let freed = 0;
    let coldFiles: IndexRow[] = [];
    let mayHaveFiles = true;
    while (freed < needed) {
      if (coldFiles.length === 0 && mayHaveFiles) {
        coldFiles = this.#settings.index.coldestFiles(state.use.disk, COLD_FILES_AT_ONCE);
        mayHaveFiles = coldFiles.length > 0;
      }
      const segment = state.closed[0];
      const file = coldFiles[0];
      if (segment === undefined && file === undefined) return;
      if (file !== undefined && (segment === undefined || file.lastAccess < segment.modifiedAt)) {
        coldFiles.shift();
        freed += await this.#evictFile(file);
      } else if (segment !== undefined) {
        state.closed.shift();
        freed += await this.#evictSegment(segment);
      }
    }
  }

  /** Bytes above the quota or lacking on the file system, whichever is more. */
  async #neededBytes(use: DiskUse, reclaimedBytes: number, setting: DiskSetting): Promise<number> {
    const usedBytes = use.segmentBytes - reclaimedBytes + use.fileBytes + use.growingBytes;
    const aboveQuota = setting.quotaBytes === undefined ? 0 : usedBytes - setting.quotaBytes;
    try {
      const room = await (this.#settings.measureRoom ?? measureFileSystem)(setting.path);
      return Math.max(0, aboveQuota, lackingBytes(room));
    } catch (cause) {
      this.#settings.onProblem(storeProblem("error", setting.path, `Free space is unknown: ${describeCause(cause)}.`));
      return Math.max(0, aboveQuota);
    }
  }

  async #evictFile(row: IndexRow): Promise<number> {
    const { index, bodies } = this.#settings;
    const current = index.find(row.key);
    if (current?.location.file !== row.location.file) return 0;
    index.remove(row.key);
    this.#evictedFiles.add(current.location.file);
    this.#settings.onEvicted?.([current]);
    await bodies.removeBodies([current.location]);
    return current.location.bodyBytes;
  }

  async #evictSegment(segment: SegmentFile): Promise<number> {
    const { index } = this.#settings;
    const evicted: IndexRow[] = [];
    const withFile: IndexRow[] = [];
    await index.scanSegment(segment.segment, (row) => {
      if (row.location.file !== 0) {
        withFile.push(row);
        return;
      }
      index.remove(row.key);
      evicted.push(row);
    });
    for (const row of withFile) if (!(await this.#moveHead(row))) evicted.push(row);
    if (evicted.length > 0) this.#settings.onEvicted?.(evicted);
    return this.#deleteSegment(segment);
  }

  /** A body file outlives the segment that its head lies in: the head is written anew. False when the object is lost. */
  async #moveHead(row: IndexRow): Promise<boolean> {
    const { index, bodies } = this.#settings;
    const stored = await bodies.load(row.location);
    const location =
      stored === undefined ? undefined : await bodies.replaceHead(row.location, stored.head).catch(() => undefined);
    const current = index.find(row.key);
    const isUnchanged =
      current?.location.segment === row.location.segment && current.location.offset === row.location.offset;
    if (!isUnchanged) return true;
    if (location === undefined) index.remove(row.key);
    else index.update(row.key, { location });
    return location !== undefined;
  }

  /**
   * The rows go first, so that the index never names what is gone. When the index cannot be written the segment is
   * deleted all the same: a full disk may be the reason, and a row without bytes is only a miss.
   */
  async #deleteSegment(segment: SegmentFile): Promise<number> {
    const { index, bodies, onProblem } = this.#settings;
    await index.flush().catch((cause: unknown) => {
      if (!(cause instanceof EdgeError)) throw cause;
    });
    if (!(await bodies.deleteSegment(segment.disk, segment.segment))) {
      this.#stuck.add(segment.segment);
      onProblem(storeProblem("warning", `segment ${segment.segment}`, "It could not be deleted to make room."));
      return 0;
    }
    index.forgetSegment(segment.segment);
    return segment.fileBytes;
  }
}

export const createSpaceKeeper = (settings: SpaceKeeperSettings): SpaceKeeper => new DiskSpaceKeeper(settings);
