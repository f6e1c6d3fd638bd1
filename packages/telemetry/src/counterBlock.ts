import { blockKey } from "./blockKey.ts";
import type { CounterReport } from "./contract.ts";
import {
  ORIGIN_SERVER_SLOT_COUNT,
  PROCESS_COUNTERS,
  PROCESS_SLOT_COUNT,
  VHOST_COUNTERS,
  VHOST_SLOT_COUNT,
} from "./counterTable.ts";
import { gaugeMask } from "./gaugeMask.ts";
import { FolderCounters } from "./statistics/folderCounters.ts";
import { LatencyCounters } from "./statistics/latencyCounters.ts";
import { OriginCounters } from "./statistics/originCounters.ts";

/** Of reports beside their slots. */
const FORM = 1;

/** Tells processes of different versions apart. */
export const LAYOUT = ((PROCESS_SLOT_COUNT * 10_000 + VHOST_SLOT_COUNT) * 100 + ORIGIN_SERVER_SLOT_COUNT) * 10 + FORM;

const PROCESS_GAUGES = gaugeMask(PROCESS_COUNTERS, PROCESS_SLOT_COUNT);
const VHOST_GAUGES = gaugeMask(VHOST_COUNTERS, VHOST_SLOT_COUNT);

/** So that a few more blocks than were reserved do not move all. */
const ROOM_TO_GROW = 1.25;

/** Slots that are marked, and kept as reported, together: of most of thousands of blocks only a few are ever used. */
const PAGE_SLOTS = 64;
const PAGE_BITS = 6;

const pagesOf = (slots: number): number => Math.ceil(slots / PAGE_SLOTS);

/**
 * The counters of one process. A block keeps its offset for the life of the process, also when its virtual host leaves
 * the configuration: requests under way may still count on it.
 */
export class CounterBlock {
  /** Replaced when a block is added: read it at each use, never keep it. */
  values: Float64Array = new Float64Array(PROCESS_SLOT_COUNT + 8 * VHOST_SLOT_COUNT);
  readonly folders = new FolderCounters();
  readonly origins = new OriginCounters();
  readonly latencies = new LatencyCounters();
  readonly #offsets = new Map<string, number>();
  readonly #keys: string[] = [];
  /** By page: 1 where something was written since the last report. */
  #written: Uint8Array = new Uint8Array(pagesOf(this.values.length));
  /** As last reported, by page; undefined: nothing but 0. */
  readonly #reported: (number[] | undefined)[] = [];

  /** Room for so many blocks at once: what is not written to takes no memory, what is moved does. */
  reserve(blocks: number): void {
    const length = PROCESS_SLOT_COUNT + blocks * VHOST_SLOT_COUNT;
    if (length > this.values.length) this.#grow(Math.ceil(length * ROOM_TO_GROW));
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
    if (offset + VHOST_SLOT_COUNT > this.values.length) this.#grow(2 * this.values.length);
    this.#offsets.set(key, offset);
    this.#keys.push(key);
    return offset;
  }

  /** Offsets of all blocks so far. */
  get blocks(): Iterable<number> {
    return this.#offsets.values();
  }

  add(slot: number, amount: number): void {
    const values = this.values;
    values[slot] = (values[slot] ?? 0) + amount;
    this.#written[slot >> PAGE_BITS] = 1;
  }

  /** Gauges, and counters whose sum since the start of this process is kept elsewhere. */
  set(slot: number, value: number): void {
    this.values[slot] = value;
    this.#written[slot >> PAGE_BITS] = 1;
  }

  get(slot: number): number {
    return this.values[slot] ?? 0;
  }

  /** What has changed since the last report. Each report is to be accepted once, in order. Costs what was written. */
  report(): CounterReport {
    const found = new FoundChanges();
    const written = this.#written;
    let block = -1;
    for (let page = written.indexOf(1); page >= 0; page = written.indexOf(1, page + 1)) {
      written[page] = 0;
      block = this.#findIn(page, block, found);
    }
    found.endBlock(this.#keyOf(block));
    const latencies = this.latencies.take((offset) => this.#keyOf(blockOf(offset)));
    return { layout: LAYOUT, ...found.result, ...this.folders.take(), ...this.origins.take(), latencies };
  }

  /** Whoever gets the next report knows nothing of those before: gauges are told again, counters go on. */
  forgetReportedGauges(): void {
    this.#reported.forEach((reported, page) => {
      if (reported === undefined) return;
      for (let index = 0; index < PAGE_SLOTS; index++) {
        if (this.#isGauge(page * PAGE_SLOTS + index)) reported[index] = 0;
      }
      this.#written[page] = 1;
    });
  }

  /** Adds the changes of a page; blocks come in the order of their slots. Answers with the block of the last change. */
  #findIn(page: number, lastBlock: number, found: FoundChanges): number {
    const { values } = this;
    const first = page * PAGE_SLOTS;
    let block = lastBlock;
    let reported = this.#reported[page];
    for (let index = 0; index < PAGE_SLOTS; index++) {
      const value = values[first + index] ?? 0;
      const last = reported?.[index] ?? 0;
      if (value === last) continue;
      if (reported === undefined) {
        reported = new Array<number>(PAGE_SLOTS).fill(0);
        this.#reported[page] = reported;
      }
      reported[index] = value;
      const place = first + index;
      const changed = blockOf(place);
      if (changed !== block) found.endBlock(this.#keyOf(block));
      block = changed;
      const slot = place - startOf(changed);
      found.add(slot, this.#isGauge(place) ? value : value - last);
    }
    return block;
  }

  #isGauge(place: number): boolean {
    const block = blockOf(place);
    return (block < 0 ? PROCESS_GAUGES : VHOST_GAUGES)[place - startOf(block)] === true;
  }

  #keyOf(block: number): string {
    return block < 0 ? "" : (this.#keys[block] ?? "");
  }

  #grow(length: number): void {
    const larger = new Float64Array(length);
    larger.set(this.values.subarray(0, PROCESS_SLOT_COUNT + this.#offsets.size * VHOST_SLOT_COUNT));
    this.values = larger;
    const written = new Uint8Array(pagesOf(length));
    written.set(this.#written);
    this.#written = written;
  }
}

/** Number of a block in the order of the slots; -1 for the process part. */
const blockOf = (place: number): number =>
  place < PROCESS_SLOT_COUNT ? -1 : Math.floor((place - PROCESS_SLOT_COUNT) / VHOST_SLOT_COUNT);

const startOf = (block: number): number => (block < 0 ? 0 : PROCESS_SLOT_COUNT + block * VHOST_SLOT_COUNT);

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

  /** What was added since the last block belongs to this one; nothing: there is none. */
  endBlock(key: string): void {
    if (this.count === (this.#ends.at(-1) ?? 0)) return;
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
