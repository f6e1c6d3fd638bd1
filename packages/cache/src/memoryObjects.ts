import type { MemoryTier } from "@basalt/store";
import { CachedObject } from "./cachedObject.ts";
import { BLOCK_SPACE, type CacheVhost, SPACES_PER_VHOST, type Variant } from "./cacheVhost.ts";
import { applyInvalidation, type InvalidationList } from "./invalidations.ts";
import { SETTLE_DELAY_MS } from "./limits.ts";
import { sourceUrlOf, variantIn } from "./objectName.ts";
import type { Invalidation } from "./protocol.ts";
import type { TierEntry } from "./tierEntry.ts";

/** The objects in a worker's memory, each shown only with every invalidation applied. */
export class MemoryObjects {
  readonly #tier: MemoryTier<TierEntry>;
  /** Lists of which a part is about to be forgotten. */
  readonly #settling = new Map<InvalidationList, { nextVersion: number }>();

  constructor(tier: MemoryTier<TierEntry>) {
    this.#tier = tier;
  }

  get count(): number {
    return this.#tier.count;
  }

  /** Fresh or not, under the name of `nameOf`; the hot path. */
  find(vhost: CacheVhost, variant: Variant, name: string): CachedObject | undefined {
    const entry = this.#tier.find(vhost.index * SPACES_PER_VHOST + variant, name);
    if (!(entry instanceof CachedObject)) return undefined;
    if (entry.checkedVersion < vhost.invalidations.latest) return this.recheck(vhost, variant, entry);
    return entry;
  }

  /** Makes the object findable, unless it was deleted for good or a later one is there. */
  keep(vhost: CacheVhost, variant: Variant, object: CachedObject): void {
    if (object.isGone) return;
    const space = vhost.index * SPACES_PER_VHOST + variant;
    const { name } = object;
    const present = this.#tier.find(space, name);
    if (present instanceof CachedObject && present.version > object.version) return;
    this.#tier.insert(space, name, object);
  }

  /** Charges the tier with what the object costs now, if it is there. */
  resized(vhost: CacheVhost, object: CachedObject): void {
    const { name } = object;
    const space = vhost.index * SPACES_PER_VHOST + (variantIn(object.variant) ?? 0);
    if (this.#tier.find(space, name) === object) this.#tier.insert(space, name, object);
  }

  remove(vhost: CacheVhost, variant: Variant, name: string): void {
    this.#tier.remove(vhost.index * SPACES_PER_VHOST + variant, name);
  }

  /** Everything of a virtual host that is gone (CFG-56). */
  removeVhost(vhostIndex: number): void {
    for (let space = 0; space < SPACES_PER_VHOST; space++) {
      this.#tier.removeSpace(vhostIndex * SPACES_PER_VHOST + space);
    }
  }

  /** Objects that lie on a disk which is not in use any more (OPT-75). */
  removeWithoutDisk(hasDisk: (disk: number) => boolean): void {
    this.#tier.forEach((entry, name, space) => {
      if (!(entry instanceof CachedObject) || entry.location === undefined || hasDisk(entry.location.disk)) return;
      entry.isGone = true;
      this.#tier.remove(space, name);
    });
  }

  /** Applies what came since the object was last checked; undefined when that was its end. */
  recheck(vhost: CacheVhost, variant: Variant, object: CachedObject): CachedObject | undefined {
    const space = vhost.index * SPACES_PER_VHOST + variant;
    for (const invalidation of missedBy(object, vhost.invalidations)) {
      if (!this.#applyTo(space, object, invalidation)) return undefined;
    }
    object.checkedVersion = vhost.invalidations.latest;
    return object;
  }

  /**
   * An exact target is applied at once to what is found by the URL alone, so that memory is given back; others wait
   * until an object is looked at.
   */
  invalidate(vhostIndex: number, list: InvalidationList, invalidation: Invalidation): void {
    list.add(invalidation);
    const { target } = invalidation;
    if (target.kind !== "url") return;
    for (let variant = 0; variant < BLOCK_SPACE; variant++) {
      const space = vhostIndex * SPACES_PER_VHOST + variant;
      const entry = this.#tier.find(space, target.url);
      if (entry instanceof CachedObject && entry.version < invalidation.version) {
        this.#applyTo(space, entry, invalidation);
      }
    }
  }

  /**
   * The index shows all invalidations up to `version`: applies them to what memory holds and forgets them. All that is in
   * memory of the host is looked at for that, so what is told soon after waits for its turn: clients cause invalidations
   * too.
   */
  settle(vhostIndex: number, list: InvalidationList, version: number): void {
    const running = this.#settling.get(list);
    if (running !== undefined) {
      running.nextVersion = Math.max(running.nextVersion, version);
      return;
    }
    if (list.size === 0) return;
    const settling = { nextVersion: version };
    this.#settling.set(list, settling);
    this.#applyAll(vhostIndex, list);
    // A read of an older row from the disk may still be on its way.
    const forget = (): void => {
      this.#settling.delete(list);
      list.settle(version);
      if (settling.nextVersion > version) this.settle(vhostIndex, list, settling.nextVersion);
    };
    setTimeout(forget, SETTLE_DELAY_MS).unref();
  }

  #applyAll(vhostIndex: number, list: InvalidationList): void {
    const first = vhostIndex * SPACES_PER_VHOST;
    const apply = (entry: TierEntry, _name: string, space: number): void => {
      if (!(entry instanceof CachedObject) || entry.checkedVersion >= list.latest) return;
      for (const invalidation of missedBy(entry, list)) this.#applyTo(space, entry, invalidation);
      entry.checkedVersion = list.latest;
    };
    // A purge by tag may concern every virtual host, each with its own list: none looks at what others have.
    this.#tier.forEach(apply, first, first + BLOCK_SPACE);
  }

  #applyTo(space: number, object: CachedObject, invalidation: Invalidation): boolean {
    object.checkedVersion = Math.max(object.checkedVersion, invalidation.version);
    if (applyInvalidation(object, invalidation)) return true;
    object.isGone = true;
    const { name } = object;
    if (this.#tier.find(space, name) === object) this.#tier.remove(space, name);
    return false;
  }
}

/** What has come since it was checked last. What is made of another object ends with that (DIMS-17). */
const missedBy = (object: CachedObject, list: InvalidationList): readonly Invalidation[] => {
  const own = list.matching(object.url, object.checkedVersion, object);
  const source = sourceUrlOf(object.url, object.variant);
  return source === undefined ? own : [...own, ...list.matching(source, object.checkedVersion)];
};
