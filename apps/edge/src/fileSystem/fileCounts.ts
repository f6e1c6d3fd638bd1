import type { FileCounting } from "@basalt/filesystem";
import { inHundredthsOfMs } from "@basalt/origin";
import { type CounterBlock, VHOST_SLOT } from "@basalt/telemetry";
import { CACHE_RESULTS, type CacheResult } from "@basalt/types";

const SLOT = VHOST_SLOT.fileSystem;

const ATTRIBUTE_SLOTS = {
  file: SLOT.attributeFiles,
  folder: SLOT.attributeFolders,
  failed: SLOT.attributeFailures,
} as const;

/** Counts calls of the mounted file system, apart from all that HTTP counts (FS-40). */
export class FileCounts implements FileCounting {
  readonly #counters: CounterBlock;
  readonly #running = new Map<string, number>();

  constructor(counters: CounterBlock) {
    this.#counters = counters;
  }

  running(vhost: string, change: 1 | -1): void {
    const count = Math.max(0, (this.#running.get(vhost) ?? 0) + change);
    if (count === 0) this.#running.delete(vhost);
    else this.#running.set(vhost, count);
    this.#counters.set(this.#counters.vhost(vhost) + SLOT.threads, count);
  }

  attributes(vhost: string, kind: "file" | "folder" | "failed", elapsedMs: number): void {
    const block = this.#counters.vhost(vhost);
    this.#counters.add(block + ATTRIBUTE_SLOTS[kind], 1);
    this.#counters.add(block + SLOT.attributeTime, inHundredthsOfMs(elapsedMs));
  }

  opened(vhost: string, elapsedMs: number): void {
    const block = this.#counters.vhost(vhost);
    this.#counters.add(block + SLOT.opens, 1);
    this.#counters.add(block + SLOT.openTime, inHundredthsOfMs(elapsedMs));
  }

  read(vhost: string, askedBytes: number, givenBytes: number, elapsedMs: number): void {
    const block = this.#counters.vhost(vhost);
    this.#counters.add(block + SLOT.reads, 1);
    this.#counters.add(block + SLOT.readTime, inHundredthsOfMs(elapsedMs));
    this.#counters.add(block + SLOT.readAskedBytes, askedBytes);
    this.#counters.add(block + SLOT.readGivenBytes, givenBytes);
    this.#counters.add(block + SLOT.sentBytes, givenBytes);
  }

  closed(vhost: string, result: CacheResult): void {
    this.#counters.add(this.#counters.vhost(vhost) + SLOT.result + CACHE_RESULTS.indexOf(result), 1);
  }
}
