import { SPACES_PER_VHOST } from "@basalt/cache";
import { type CounterBlock, VHOST_SLOT } from "@basalt/telemetry";

/** What a space of the memory tier has, and what has left it for lack of room. */
export interface SpaceUse {
  readonly bytes: number;
  readonly evictedEntries: number;
  readonly evictedBytes: number;
}

interface Counted {
  readonly index: number;
  readonly evictedObjects: number;
  readonly evictedBytes: number;
}

/** What the objects of virtual hosts take in memory, and what has left it for lack of room, as counters of a worker. */
export class MemoryCounting {
  readonly #counters: CounterBlock;
  /** Hosts that have had anything in memory: most of thousands never have. One that comes back has another index. */
  readonly #counted = new Map<string, Counted>();

  constructor(counters: CounterBlock) {
    this.#counters = counters;
  }

  count(name: string, index: number, useOf: (space: number) => SpaceUse): void {
    let [bytes, evictedObjects, evictedBytes] = [0, 0, 0];
    for (let space = index * SPACES_PER_VHOST; space < (index + 1) * SPACES_PER_VHOST; space++) {
      const use = useOf(space);
      bytes += use.bytes;
      evictedObjects += use.evictedEntries;
      evictedBytes += use.evictedBytes;
    }
    const counted = this.#counted.get(name);
    if (bytes === 0 && evictedObjects === 0 && counted === undefined) return;
    const before = counted?.index === index ? counted : { evictedObjects: 0, evictedBytes: 0 };
    const offset = this.#counters.vhost(name);
    this.#counters.set(offset + VHOST_SLOT.memoryBytes, bytes);
    this.#counters.add(offset + VHOST_SLOT.swappedObjects, evictedObjects - before.evictedObjects);
    this.#counters.add(offset + VHOST_SLOT.swappedBytes, evictedBytes - before.evictedBytes);
    this.#counted.set(name, { index, evictedObjects, evictedBytes });
  }
}
