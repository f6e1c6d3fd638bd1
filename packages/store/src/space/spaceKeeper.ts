import { setTimeout as pauseFor } from "node:timers/promises";
import type { EpochMs } from "@basalt/types";
import type { DiskSetting } from "../contract.ts";
import { describeCause, storeProblem } from "../storeProblem.ts";
import { type CleanupReport, type CleanupSettings, runCleanup } from "./cleanup.ts";
import { CLEANUP_ROOM, DiskAccount, type RoomWish, USUAL_ROOM } from "./diskAccount.ts";
import { Eviction } from "./eviction.ts";
import { type FileSystemRoom, measureFileSystem } from "./fileSystemRoom.ts";
import { type DiskUse, KEEPER_WRITER, type SpaceKeeper, type SpaceKeeperSettings } from "./keeperContract.ts";
import { ObjectLimit } from "./objectLimit.ts";
import { ReleasedFiles } from "./releasedFiles.ts";
import { makeRoom } from "./roomMaker.ts";
import { measureSegmentFile } from "./segmentFiles.ts";
import type { SpaceContext, SpaceCounters } from "./spaceContext.ts";
import { forgetGoneSegments, surveyGarbage } from "./survey.ts";

export { type DiskUse, KEEPER_WRITER, type SpaceKeeper, type SpaceKeeperSettings } from "./keeperContract.ts";

/** Corrects the accounts by what is really there. */
const LIST_INTERVAL_MS = 600_000;
/** Dead segments are deleted without need this often: who needs the room finds them sooner. */
const SURVEY_INTERVAL_MS = 300_000;
/** Who waits for room waits at most this long for a sweep; a small index is swept by then. */
const SWEEP_PATIENCE_MS = 500;

class DiskSpaceKeeper implements SpaceKeeper {
  readonly counters: SpaceCounters = {
    evictedObjects: 0,
    evictedBytes: 0,
    readmittedObjects: 0,
    readmittedBytes: 0,
    deletedSegments: 0,
    freedBytes: 0,
  };
  readonly #settings: SpaceKeeperSettings;
  readonly #context: SpaceContext;
  readonly #eviction: Eviction;
  readonly #released: ReleasedFiles;
  readonly #objectLimit: ObjectLimit | undefined;
  readonly #accounts = new Map<number, DiskAccount>();
  /** Open segment by writer and disk. */
  readonly #writers = new Map<string, Map<number, number>>();
  /** The last of the steps that exclude one another. */
  #lastStep: Promise<unknown> = Promise.resolve();
  /** A check that has not begun: it will see everything that happens until then. */
  #waitingCheck: Promise<void> | undefined;
  readonly #urgent = new Map<number, Promise<void>>();
  #sweeping: Promise<number> | undefined;
  #listing: Promise<void> | undefined;
  #cleaning: Promise<unknown> = Promise.resolve();
  #nextListing: number | undefined;
  #nextSurvey: number | undefined;
  #isStopped = false;

  constructor(settings: SpaceKeeperSettings) {
    this.#settings = settings;
    const { index, bodies, clock, onProblem, objectLimit } = settings;
    const onEvicted = settings.onEvicted ?? (() => undefined);
    const keepsFile = settings.keepsFile ?? (() => false);
    this.#context = { index, bodies, clock, onProblem, keepsFile, onEvicted, counters: this.counters };
    const measureSegment = settings.measureSegment ?? measureSegmentFile;
    this.#eviction = new Eviction(this.#context, (account, segment) => measureSegment(account.setting, segment));
    this.#released = new ReleasedFiles(this.#context, this.#eviction);
    this.#objectLimit =
      objectLimit === undefined ? undefined : new ObjectLimit(this.#context, this.#eviction, objectLimit);
    this.#takeDisks(settings.disks);
  }

  setDisks(disks: readonly DiskSetting[]): void {
    const before = [...this.#accounts.keys()];
    this.#takeDisks(disks);
    if (before.some((number) => !this.#accounts.has(number))) this.#sweepInBackground();
  }

  async grantSegment(writer: string, disk: number): Promise<number> {
    const segment = this.#context.index.nextSegmentId();
    this.segmentOpened(writer, disk, segment);
    const account = this.#accounts.get(disk);
    if (account === undefined || writer === KEEPER_WRITER || this.#hasRoom(account)) return segment;
    await this.check().catch((cause: unknown) => this.#noRoom(account, cause));
    return segment;
  }

  segmentOpened(writer: string, disk: number, segment: number): void {
    const account = this.#accounts.get(disk);
    if (account === undefined) return;
    let segments = this.#writers.get(writer);
    if (segments === undefined) {
      segments = new Map();
      this.#writers.set(writer, segments);
    }
    const previous = segments.get(disk);
    if (previous === segment) return;
    if (previous !== undefined) account.closeSegment(previous);
    segments.set(disk, segment);
    account.openSegment(segment, writer === KEEPER_WRITER);
  }

  writerGone(writer: string): void {
    for (const [disk, segment] of this.#writers.get(writer) ?? []) this.#accounts.get(disk)?.closeSegment(segment);
    this.#writers.delete(writer);
    this.#nextSurvey = undefined;
  }

  noteGrowing(disk: number, file: number, fileBytes: number): void {
    this.#accounts.get(disk)?.noteGrowing(file, fileBytes);
    if (fileBytes > 0) this.noteWritten();
  }

  noteWritten(): void {
    for (const account of this.#accounts.values()) {
      if (!account.isListed || account.room === undefined || this.#hasRoom(account)) continue;
      this.check().catch((cause: unknown) => this.#noRoom(account, cause));
      return;
    }
  }

  diskFull(disk: number): Promise<void> {
    const running = this.#urgent.get(disk);
    if (running !== undefined) return running;
    const account = this.#accounts.get(disk);
    if (account === undefined || this.#isStopped) return Promise.resolve();
    const run = this.#exclusively(async () => {
      await this.#prepare();
      await this.#makeRoom(account, USUAL_ROOM, account.segmentBytes);
    })
      .catch((cause: unknown) => this.#noRoom(account, cause))
      .finally(() => this.#urgent.delete(disk));
    this.#urgent.set(disk, run);
    return run;
  }

  check(): Promise<void> {
    if (this.#isStopped) return Promise.resolve();
    this.#waitingCheck ??= this.#exclusively(() => {
      this.#waitingCheck = undefined;
      return this.#check();
    });
    return this.#waitingCheck;
  }

  sweep(): Promise<number> {
    if (this.#isStopped) return Promise.resolve(0);
    this.#sweeping ??= this.#context.index.sweep().finally(() => {
      this.#sweeping = undefined;
    });
    return this.#sweeping;
  }

  cleanup(settings: CleanupSettings): Promise<CleanupReport> {
    const run = this.#cleaning.then(() =>
      runCleanup(
        {
          context: this.#context,
          eviction: this.#eviction,
          accounts: () => this.#accounts.values(),
          exclusively: (step) => this.#exclusively(step),
          sweep: () => this.sweep(),
          makeMuchRoom: async () => {
            await this.#prepare();
            for (const account of this.#accounts.values()) await this.#makeRoom(account, CLEANUP_ROOM, 0);
          },
          settle: async () => {
            await this.#released.deleteAll();
            await this.#prepare();
          },
          pause: (pauseMs) => this.#pause(pauseMs),
          isStopped: () => this.#isStopped,
        },
        settings,
      ),
    );
    this.#cleaning = run.catch(() => undefined);
    return run;
  }

  usage(): readonly DiskUse[] {
    const { index } = this.#context;
    const liveBytes = new Map<number, number>();
    for (const use of index.segmentUse()) liveBytes.set(use.disk, (liveBytes.get(use.disk) ?? 0) + use.liveBytes);
    return [...this.#accounts.values()].map((account) => {
      const segmentBytes = account.segmentBytesUsed((segment) => index.indexedTo(segment));
      return {
        disk: account.number,
        segmentBytes,
        deadBytes: Math.max(0, segmentBytes - (liveBytes.get(account.number) ?? 0)),
        fileBytes: index.fileUse(account.number).liveBytes,
        growingBytes: account.growingBytes,
        quotaBytes: account.setting.quotaBytes,
        availableBytes: account.room?.availableBytes,
        totalBytes: account.room?.totalBytes,
      };
    });
  }

  async close(): Promise<void> {
    this.#isStopped = true;
    await this.#lastStep;
    await this.#listing;
  }

  #takeDisks(disks: readonly DiskSetting[]): void {
    const numbers = new Set(disks.map(({ number }) => number));
    for (const number of this.#accounts.keys()) {
      if (numbers.has(number)) continue;
      this.#accounts.delete(number);
      for (const segments of this.#writers.values()) segments.delete(number);
    }
    for (const setting of disks) {
      const account = this.#accounts.get(setting.number);
      if (account === undefined) this.#accounts.set(setting.number, new DiskAccount(setting));
      else account.setting = setting;
    }
  }

  #exclusively<Result>(step: () => Promise<Result>): Promise<Result> {
    const result = this.#lastStep.then(step);
    this.#lastStep = result.catch(() => undefined);
    return result;
  }

  #noRoom(account: DiskAccount, cause: unknown): void {
    const message = `No room could be made: ${describeCause(cause)}.`;
    this.#context.onProblem(storeProblem("error", account.setting.path, message));
  }

  #hasRoom(account: DiskAccount): boolean {
    if (!account.isListed || account.room === undefined) return false;
    return account.neededBytes(this.#context.index, this.#released.waiting, USUAL_ROOM) <= 0;
  }

  async #check(): Promise<void> {
    await this.#released.turn();
    await this.#prepare();
    const nowMs = this.#context.clock.now();
    if (this.#nextSurvey === undefined || nowMs >= this.#nextSurvey) {
      this.#nextSurvey = nowMs + SURVEY_INTERVAL_MS;
      await this.#reclaimDead(nowMs);
    }
    for (const account of this.#accounts.values()) await this.#makeRoom(account, USUAL_ROOM, 0);
    if (this.#objectLimit?.isExceeded !== true) return;
    await this.#awaitSweep();
    await this.#objectLimit.enforce([...this.#accounts.values()]);
  }

  /** Brings the accounts up to date: disks not seen before, segments closed since, free space. */
  async #prepare(): Promise<void> {
    await this.#list();
    for (const account of [...this.#accounts.values()]) {
      await this.#settleClosing(account);
      account.noteRoom(await this.#roomOf(account));
    }
  }

  #makeRoom(account: DiskAccount, wish: RoomWish, urgentBytes: number): Promise<void> {
    return makeRoom(this.#context, account, this.#eviction, this.#released, {
      wish,
      urgentBytes,
      awaitSweep: () => this.#awaitSweep(),
    });
  }

  async #list(): Promise<void> {
    const nowMs = this.#context.clock.now();
    const accounts = [...this.#accounts.values()];
    const isNew = accounts.some(({ isListed }) => !isListed);
    if (this.#nextListing === undefined) this.#sweepInBackground();
    if (!isNew && this.#nextListing !== undefined && nowMs < this.#nextListing) return;
    this.#nextListing = nowMs + LIST_INTERVAL_MS;
    if (isNew) await this.#listing;
    this.#listing ??= this.#listSegments(accounts).finally(() => {
      this.#listing = undefined;
    });
    if (isNew) await this.#listing;
  }

  async #listSegments(accounts: readonly DiskAccount[]): Promise<void> {
    for (const account of accounts) account.listingBegins();
    try {
      const found = await this.#context.bodies.listSegments();
      for (const account of accounts) account.listingEnds(found.filter(({ disk }) => disk === account.number));
      forgetGoneSegments(this.#accounts, this.#context.index);
    } catch (cause) {
      for (const account of accounts) account.listingFailed();
      const message = `Segments could not be listed: ${describeCause(cause)}.`;
      this.#context.onProblem(storeProblem("error", "segments", message));
    }
  }

  async #settleClosing(account: DiskAccount): Promise<void> {
    const { index, clock } = this.#context;
    const measure = this.#settings.measureSegment ?? measureSegmentFile;
    for (const segment of [...account.closing.keys()]) {
      const assumed = {
        disk: account.number,
        segment,
        fileBytes: index.indexedTo(segment),
        modifiedAt: clock.now(),
      };
      account.settleSegment(segment, await measure(account.setting, segment), assumed);
    }
  }

  async #roomOf(account: DiskAccount): Promise<FileSystemRoom | undefined> {
    const { path } = account.setting;
    try {
      const room = await (this.#settings.measureRoom ?? measureFileSystem)(path);
      account.isRoomKnown = true;
      return room;
    } catch (cause) {
      if (account.isRoomKnown) {
        this.#context.onProblem(storeProblem("error", path, `Free space is unknown: ${describeCause(cause)}.`));
      }
      account.isRoomKnown = false;
      return undefined;
    }
  }

  async #reclaimDead(nowMs: EpochMs): Promise<void> {
    for (const account of this.#accounts.values()) {
      const { dead } = surveyGarbage(account, this.#context.index, nowMs);
      for (const segment of dead) await this.#eviction.deleteSegment(account, segment);
    }
  }

  #sweepInBackground(): void {
    this.sweep().catch((cause: unknown) => {
      const message = `Rows without a disk or host could not be removed: ${describeCause(cause)}.`;
      this.#context.onProblem(storeProblem("warning", "index", message));
    });
  }

  async #awaitSweep(): Promise<void> {
    if (this.#sweeping === undefined) return;
    await Promise.race([this.#sweeping.catch(() => 0), this.#pause(SWEEP_PATIENCE_MS)]);
  }

  #pause(pauseMs: number): Promise<void> {
    return this.#settings.pause?.(pauseMs) ?? pauseFor(pauseMs, undefined, { ref: false });
  }
}

export const createSpaceKeeper = (settings: SpaceKeeperSettings): SpaceKeeper => new DiskSpaceKeeper(settings);
