import { blockKey } from "./blockKey.ts";
import type { CounterReport } from "./contract.ts";
import { PROCESS_COUNTERS, PROCESS_SLOT_COUNT, VHOST_COUNTERS, VHOST_SLOT_COUNT } from "./counterTable.ts";
import { gaugeMask } from "./gaugeMask.ts";
import { FolderCounters } from "./statistics/folderCounters.ts";

/** Tells processes of different versions apart. */
export const LAYOUT = PROCESS_SLOT_COUNT * 10_000 + VHOST_SLOT_COUNT;

const PROCESS_GAUGES = gaugeMask(PROCESS_COUNTERS, PROCESS_SLOT_COUNT);
const VHOST_GAUGES = gaugeMask(VHOST_COUNTERS, VHOST_SLOT_COUNT);

/** So that a few more blocks than were reserved do not move all. */
const ROOM_TO_GROW = 1.25;

/**
 * The counters of one process. A block keeps its offset for the life of the process, also when its virtual host leaves
 * the configuration: requests under way may still count on it.
 */
export class CounterBlock {
  /** Replaced when a block is added: read it at each use, never keep it. */
  values: Float64Array = new Float64Array(PROCESS_SLOT_COUNT + 8 * VHOST_SLOT_COUNT);
  readonly folders = new FolderCounters();
  readonly #offsets = new Map<string, number>();
  /** As last reported. */
  #reported: Float64Array = new Float64Array(0);

  /** Room for so many blocks at once: what is not written to takes no memory, what is moved does. */
  reserve(blocks: number): void {
    const length = PROCESS_SLOT_COUNT + blocks * VHOST_SLOT_COUNT;
    if (length <= this.values.length) return;
    const larger = new Float64Array(Math.ceil(length * ROOM_TO_GROW));
    larger.set(this.values.subarray(0, PROCESS_SLOT_COUNT + this.#offsets.size * VHOST_SLOT_COUNT));
    this.values = larger;
  }

  /** Offset of the virtual host's block, allocated at its first use: add slots of VHOST_SLOT to it. */
  vhost(name: string): number {
    return this.block(blockKey({ vhost: name, isLocal: false, port: undefined }));
  }

  /** Of a key that `blockKey` has made. */
  block(key: string): number {
    const known = this.#offsets.get(key);
    if (known !== undefined) return known;
    const offset = PROCESS_SLOT_COUNT + this.#offsets.size * VHOST_SLOT_COUNT;
    if (offset + VHOST_SLOT_COUNT > this.values.length) {
      const larger = new Float64Array(2 * this.values.length);
      larger.set(this.values);
      this.values = larger;
    }
    this.#offsets.set(key, offset);
    return offset;
  }

  /** Offsets of all blocks so far. */
  get blocks(): Iterable<number> {
    return this.#offsets.values();
  }

  add(slot: number, amount: number): void {
    const values = this.values;
    values[slot] = (values[slot] ?? 0) + amount;
  }

  /** Gauges, and counters whose sum since the start of this process is kept elsewhere. */
  set(slot: number, value: number): void {
    this.values[slot] = value;
  }

  get(slot: number): number {
    return this.values[slot] ?? 0;
  }

  /** What has changed since the last report. Each report is to be accepted once, in order. */
  report(): CounterReport {
    if (this.#reported.length < this.values.length) {
      const larger = new Float64Array(this.values.length);
      larger.set(this.#reported);
      this.#reported = larger;
    }
    const found = new FoundChanges();
    this.#find("", 0, PROCESS_GAUGES, found);
    // Most of thousands of blocks have not changed: these are compared as bytes.
    const values = Buffer.from(this.values.buffer);
    const reported = Buffer.from(this.#reported.buffer);
    for (const [key, offset] of this.#offsets) {
      const start = offset * Float64Array.BYTES_PER_ELEMENT;
      const end = start + VHOST_SLOT_COUNT * Float64Array.BYTES_PER_ELEMENT;
      if (values.compare(reported, start, end, start, end) !== 0) this.#find(key, offset, VHOST_GAUGES, found);
    }
    return { layout: LAYOUT, ...found.result, ...this.folders.take() };
  }

  /** Whoever gets the next report knows nothing of those before: gauges are told again, counters go on. */
  forgetReportedGauges(): void {
    const forget = (offset: number, gauges: readonly boolean[]): void => {
      for (let slot = 0; slot < gauges.length; slot++) if (gauges[slot] === true) this.#reported[offset + slot] = 0;
    };
    forget(0, PROCESS_GAUGES);
    for (const offset of this.#offsets.values()) forget(offset, VHOST_GAUGES);
  }

  #find(key: string, offset: number, gauges: readonly boolean[], found: FoundChanges): void {
    const { values } = this;
    const reported = this.#reported;
    const before = found.count;
    for (let slot = 0; slot < gauges.length; slot++) {
      const value = values[offset + slot] ?? 0;
      const last = reported[offset + slot] ?? 0;
      if (value === last) continue;
      found.add(slot, gauges[slot] === true ? value : value - last);
      reported[offset + slot] = value;
    }
    if (found.count > before) found.endBlock(key);
  }
}

class FoundChanges {
  count = 0;
  #slots = new Uint16Array(256);
  #values = new Float64Array(256);
  readonly #blocks: string[] = [];
  readonly #ends: number[] = [];

  add(slot: number, value: number): void {
    if (this.count === this.#slots.length) this.#grow();
    this.#slots[this.count] = slot;
    this.#values[this.count] = value;
    this.count += 1;
  }

  endBlock(key: string): void {
    this.#blocks.push(key);
    this.#ends.push(this.count);
  }

  get result() {
    return {
      blocks: this.#blocks,
      ends: Uint32Array.from(this.#ends),
      slots: this.#slots.slice(0, this.count),
      values: this.#values.slice(0, this.count),
    };
  }

  #grow(): void {
    const slots = new Uint16Array(2 * this.count);
    slots.set(this.#slots);
    this.#slots = slots;
    const values = new Float64Array(2 * this.count);
    values.set(this.#values);
    this.#values = values;
  }
}
