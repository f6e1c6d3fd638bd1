import { setTimeout as pause } from "node:timers/promises";
import { unreachable } from "@basalt/types";
import type { DiskSetting, DiskState } from "../contract.ts";
import { describeCause, storeProblem } from "../storeProblem.ts";
import {
  clearMarker,
  isSameMarker,
  type MarkerReading,
  readMarker,
  segmentAfterAllOn,
  writeMarker,
} from "./diskMarker.ts";
import {
  createSlots,
  type DiskCondition,
  type DiskSlot,
  type Entering,
  isSamePath,
  markerOf,
  reasonOf,
  stateOf,
} from "./diskSlot.ts";
import { instanceOf, namesInstance } from "./instanceId.ts";
import type { ConfiguredDisk, DiskChange, DiskRegistry, DiskRegistrySettings, DiskStatus } from "./registryContract.ts";

/** The same news of a disk is told once in this time: one that fails for good would fill the log. */
const REPEAT_AFTER_MS = 60_000;
const REMEMBERED_NEWS = 32;
/** A disk that hangs holds up a check no longer than this. */
const CHECK_LIMIT_MS = 5_000;
/** A failed disk rests this long before it is tried again, where it is tried again (CFG-43, `bypass`). */
const RETRY_AFTER_MS = 60_000;

class PrimaryDiskRegistry implements DiskRegistry {
  readonly #settings: DiskRegistrySettings;
  readonly #slots: readonly DiskSlot[];
  #isOpen = false;
  #isTerminating = false;
  #told = "";

  constructor(settings: DiskRegistrySettings) {
    this.#settings = settings;
    this.#slots = createSlots(settings.disks);
  }

  async open(): Promise<void> {
    const waiting = this.#slots.filter(({ condition }) => condition.kind === "waiting");
    const found = await Promise.all(
      waiting.map(async (slot) => ({ slot, reading: await readMarker(slot.path) }) as const),
    );
    // Disks that are where they were come first: a copy elsewhere must not take their number.
    for (const { slot, reading } of found) this.#claim(slot, reading, (path) => isSamePath(path, slot.path));
    for (const { slot, reading } of found) this.#claim(slot, reading, () => true);
    await Promise.all(found.map(({ slot, reading }) => this.#enterAfter(slot, reading)));
    for (const slot of this.#slots) {
      const { condition } = slot;
      if (condition.kind === "foreign") this.#report(slot, "error", `The disk is not used: ${condition.reason}.`);
    }
    this.#settle();
    this.#isOpen = true;
  }

  get disks(): readonly DiskStatus[] {
    return this.#slots.map(({ path, quotaBytes, condition }) => ({
      path,
      quotaBytes,
      number: markerOf(condition)?.number,
      state: stateOf(condition),
      reason: reasonOf(condition),
    }));
  }

  get inUse(): readonly DiskSetting[] {
    const settings: DiskSetting[] = [];
    for (const { path, quotaBytes, condition } of this.#slots) {
      if (condition.kind !== "inUse") continue;
      const { number } = condition.marker;
      settings.push(quotaBytes === undefined ? { number, path } : { number, path, quotaBytes });
    }
    return settings;
  }

  get isBypassing(): boolean {
    return this.#settings.decideLoss(this.#states()) === "bypass";
  }

  isOwnSegment(disk: number, segment: number): boolean {
    const marker = this.#slotInUse(disk)?.condition.marker;
    return marker !== undefined && segment >= marker.firstSegment;
  }

  async check(): Promise<void> {
    const looking = this.#slots.map((slot) => {
      slot.looking ??= this.#look(slot)
        .catch((cause: unknown) => this.#report(slot, "warning", `Not checked: ${describeCause(cause)}.`))
        .finally(() => {
          slot.looking = undefined;
        });
      return slot.looking;
    });
    await Promise.race([Promise.all(looking), pause(CHECK_LIMIT_MS, undefined, { ref: false })]);
  }

  noteFailure(number: number): void {
    const found = this.#slotInUse(number);
    if (found === undefined) return;
    const { slot, condition } = found;
    const atMs = this.#settings.clock.monotonic();
    const { recentMs, isExcluded } = this.#settings.judgeFailure(slot.failuresMs, atMs);
    slot.failuresMs = recentMs;
    if (!isExcluded) return;
    const reason = `${recentMs.length} operations failed within a short time`;
    slot.failuresMs = [];
    slot.condition = { kind: "failing", marker: condition.marker, reason, sinceMs: atMs };
    this.#report(slot, "error", `The disk is excluded, state Invalid: ${reason}.`);
    this.#settle();
  }

  async mount(path: string): Promise<DiskChange> {
    const slot = this.#slotOf(path);
    if (slot === undefined) return { kind: "unknownDisk" };
    const before = slot.condition;
    if (before.kind === "inUse") return { kind: "done" };
    this.#giveUpContent(slot);
    slot.condition = { kind: "waiting", reason: "it is being mounted" };
    const outcome = await this.#enter(slot);
    const reason = reasonOf(slot.condition);
    if (outcome === "failed" && before.kind === "unmounted") slot.condition = before;
    this.#settle();
    return outcome === "entered" ? { kind: "done" } : { kind: "failed", reason };
  }

  unmount(path: string): DiskChange {
    const slot = this.#slotOf(path);
    if (slot === undefined) return { kind: "unknownDisk" };
    this.#giveUpContent(slot);
    slot.condition = { kind: "unmounted" };
    this.#settle();
    return { kind: "done" };
  }

  configure(disks: readonly ConfiguredDisk[]): void {
    for (const { path, quotaBytes } of disks) {
      const slot = this.#slotOf(path);
      if (slot !== undefined) slot.quotaBytes = quotaBytes;
    }
    this.#settle();
  }

  async clear(): Promise<void> {
    const { index } = this.#settings;
    const cleared = await Promise.all(
      this.#slots.map(async (slot) => {
        const firstSegment = await segmentAfterAllOn(slot.path).catch(() => Number.MAX_SAFE_INTEGER);
        return { slot, firstSegment } as const;
      }),
    );
    for (const { number, path } of [...index.disks()]) if (!namesInstance(path)) index.retireDisk(number);
    const writing: Promise<void>[] = [];
    for (const { slot, firstSegment } of cleared) {
      if (slot.condition.kind !== "inUse") continue;
      try {
        const marker = { number: index.numberDisk(slot.path), instance: instanceOf(index), firstSegment };
        slot.condition = { kind: "inUse", marker };
        // A disk that still shows its old number at the next check is prepared again.
        writing.push(writeMarker(slot.path, marker).catch(() => undefined));
      } catch (cause) {
        this.#wait(slot, cause);
      }
    }
    this.#settle();
    await Promise.all(writing);
  }

  async #look(slot: DiskSlot): Promise<void> {
    const { condition } = slot;
    switch (condition.kind) {
      case "inUse":
      case "failing": {
        const reading = await readMarker(slot.path);
        if (slot.condition === condition) await this.#judge(slot, condition, reading);
        return;
      }
      case "waiting": {
        const reading = await readMarker(slot.path);
        if (slot.condition !== condition || slot.entering !== undefined) return;
        this.#claim(slot, reading, () => true);
        await this.#enterAfter(slot, reading);
        this.#settle();
        return;
      }
      case "foreign":
      case "unmounted":
        return;
      default:
        unreachable(condition);
    }
  }

  /** Compares what a disk shows with what it showed before. */
  async #judge(
    slot: DiskSlot,
    condition: Extract<DiskCondition, { kind: "inUse" | "failing" }>,
    reading: MarkerReading,
  ): Promise<void> {
    const { marker } = condition;
    if (reading.kind === "failed") {
      this.noteFailure(marker.number);
      return;
    }
    if (!this.#settings.index.disks().some(({ number }) => number === marker.number)) {
      const isWanted = condition.kind === "inUse" || this.#mayRetry(condition.sinceMs);
      if (isWanted) await this.#replace(slot, "the index does not know it any more");
      return;
    }
    if (reading.kind === "unmarked") {
      await this.#replace(slot, reading.reason);
      return;
    }
    if (isSameMarker(reading.marker, marker)) {
      if (condition.kind === "failing") await this.#retry(slot, condition);
      return;
    }
    const { instance, number } = reading.marker;
    if (instance !== instanceOf(this.#settings.index)) {
      this.#yield(slot, "another instance has taken the folder or its disk lies there now");
    } else if (this.#isTaken(number, slot)) {
      this.#yield(slot, "the folder is that of another configured disk");
    } else {
      await this.#replace(slot, "another disk lies there now", reading);
    }
  }

  /** The content is gone: the folder is used again, under the number that is found there or a new one. */
  async #replace(slot: DiskSlot, reason: string, reading?: MarkerReading): Promise<void> {
    this.#report(slot, "error", `What the disk held is gone, ${reason}: it is prepared again.`);
    this.#retire(slot);
    slot.condition = { kind: "waiting", reason };
    this.#settle();
    if (reading !== undefined) this.#claim(slot, reading, () => true);
    await this.#enter(slot);
    this.#settle();
  }

  #yield(slot: DiskSlot, reason: string): void {
    this.#report(slot, "error", `The disk is excluded, state Invalid: ${reason}.`);
    this.#retire(slot);
    slot.condition = { kind: "foreign", reason };
    this.#settle();
  }

  /** With `bypass` a failed disk that can be written again ends the loss of all (CFG-43). */
  async #retry(slot: DiskSlot, condition: Extract<DiskCondition, { kind: "failing" }>): Promise<void> {
    if (!this.#mayRetry(condition.sinceMs)) return;
    try {
      await writeMarker(slot.path, condition.marker);
    } catch {
      return;
    }
    if (slot.condition !== condition) return;
    slot.condition = { kind: "inUse", marker: condition.marker };
    this.#report(slot, "warning", "The disk is used again.");
    this.#settle();
  }

  #mayRetry(sinceMs: number): boolean {
    return this.isBypassing && this.#settings.clock.monotonic() - sinceMs >= RETRY_AFTER_MS;
  }

  /** Lets the slot have the number that its folder shows, if it is one of ours that nobody else has. */
  #claim(slot: DiskSlot, reading: MarkerReading, isRightPlace: (path: string) => boolean): void {
    if (slot.claim !== undefined || reading.kind !== "marked") return;
    const { number, instance } = reading.marker;
    if (this.#isTaken(number, slot)) return;
    const known = this.#settings.index.disks().find((disk) => disk.number === number);
    if (known === undefined || instance !== instanceOf(this.#settings.index) || !isRightPlace(known.path)) return;
    slot.claim = reading.marker;
  }

  /** A disk that does not say who it is keeps its content until it does. */
  async #enterAfter(slot: DiskSlot, reading: MarkerReading): Promise<void> {
    if (reading.kind === "failed") this.#wait(slot, reading.cause);
    else await this.#enter(slot);
  }

  #wait(slot: DiskSlot, cause: unknown): void {
    const reason = describeCause(cause);
    slot.condition = { kind: "waiting", reason };
    this.#report(slot, "error", `The disk cannot be used: ${reason}.`);
  }

  /** Puts a disk in use under the claimed number or a new one; if it cannot be used it goes on waiting. */
  #enter(slot: DiskSlot): Promise<Entering> {
    const { condition } = slot;
    const entering = (slot.entering ?? Promise.resolve()).then(() => this.#enterNow(slot, condition));
    slot.entering = entering;
    return entering.finally(() => {
      if (slot.entering === entering) slot.entering = undefined;
    });
  }

  async #enterNow(slot: DiskSlot, condition: DiskCondition): Promise<Entering> {
    if (slot.condition !== condition) return "overtaken";
    try {
      if (slot.claim === undefined) {
        const firstSegment = await segmentAfterAllOn(slot.path);
        // Shows that the folder can be written before a number is spent on it.
        await clearMarker(slot.path);
        if (slot.condition !== condition) return "overtaken";
        this.#retireNumbersOf(slot);
        const instance = instanceOf(this.#settings.index);
        slot.claim = { number: this.#settings.index.numberDisk(slot.path), instance, firstSegment };
      }
      const marker = slot.claim;
      // Written again even when it is there: a disk that cannot be written is of no use.
      await writeMarker(slot.path, marker);
      if (slot.condition !== condition) return "overtaken";
      slot.failuresMs = [];
      slot.condition = { kind: "inUse", marker };
      return "entered";
    } catch (cause) {
      if (slot.condition !== condition) return "overtaken";
      this.#wait(slot, cause);
      return "failed";
    } finally {
      slot.claim = undefined;
    }
  }

  #giveUpContent(slot: DiskSlot): void {
    this.#retire(slot);
    this.#retireNumbersOf(slot);
    slot.claim = undefined;
    slot.failuresMs = [];
  }

  #retire(slot: DiskSlot): void {
    const marker = markerOf(slot.condition) ?? slot.claim;
    if (marker !== undefined) this.#settings.index.retireDisk(marker.number);
  }

  /** Numbers that this path was given before and that no disk shows now. */
  #retireNumbersOf(slot: DiskSlot): void {
    const { index } = this.#settings;
    for (const { number, path } of [...index.disks()]) {
      if (isSamePath(path, slot.path) && !this.#isTaken(number, slot)) index.retireDisk(number);
    }
  }

  #isTaken(number: number, asker: DiskSlot): boolean {
    return this.#slots.some(
      (slot) => slot !== asker && (markerOf(slot.condition)?.number === number || slot.claim?.number === number),
    );
  }

  #slotOf(path: string): DiskSlot | undefined {
    return this.#slots.find((slot) => isSamePath(slot.path, path));
  }

  #slotInUse(number: number) {
    for (const slot of this.#slots) {
      const { condition } = slot;
      if (condition.kind === "inUse" && condition.marker.number === number) return { slot, condition };
    }
    return undefined;
  }

  #states(): readonly DiskState[] {
    return this.#slots.map(({ condition }) => stateOf(condition));
  }

  /** Decides what a loss of all disks means and tells what changed. */
  #settle(): void {
    const decision = this.#settings.decideLoss(this.#states());
    if (decision === "reinsertAll") this.#reinsertAll();
    if (decision === "terminate" && !this.#isTerminating) {
      this.#isTerminating = true;
      this.#settings.onTerminate();
    }
    const now = JSON.stringify([this.disks, this.isBypassing]);
    if (now === this.#told) return;
    this.#told = now;
    if (this.#isOpen) this.#settings.onChange(this);
  }

  #reinsertAll(): void {
    for (const slot of this.#slots) {
      const { condition } = slot;
      if (condition.kind !== "failing") continue;
      slot.condition = { kind: "inUse", marker: condition.marker };
      this.#report(slot, "warning", "All disks are excluded: the disk is used again all the same.");
    }
  }

  #report(slot: DiskSlot, severity: "error" | "warning", message: string): void {
    const nowMs = this.#settings.clock.monotonic();
    const lastMs = slot.reported.get(message);
    if (lastMs !== undefined && nowMs - lastMs < REPEAT_AFTER_MS) return;
    if (slot.reported.size >= REMEMBERED_NEWS) slot.reported.clear();
    slot.reported.set(message, nowMs);
    this.#settings.onProblem(storeProblem(severity, slot.path, message));
  }
}

/** Reads who the disks are, and puts in use those that can be used. The others wait and are tried by each check. */
export const openDiskRegistry = async (settings: DiskRegistrySettings): Promise<DiskRegistry> => {
  const registry = new PrimaryDiskRegistry(settings);
  await registry.open();
  return registry;
};
