import type { VhostSettings } from "@basalt/config";
import type { OriginPool } from "@basalt/origin";
import type { CachingRules } from "@basalt/policy";
import { InvalidationList } from "./invalidations.ts";

/** Which of the objects of a URL is meant (KEY-01, KEY-02); the number is part of the memory tier's space. */
export const VARIANT = {
  /** Asked without, or regardless of, Accept-Encoding. */
  PLAIN: 0,
  /** Asked with `Accept-Encoding: gzip, deflate`. */
  ENCODED: 1,
  /** Compressed here from what was asked for (HTTP-59). */
  GZIP: 2,
  BROTLI: 3,
  ZSTD: 4,
  /** Made of another object and with a URL of its own, which begins with that of its source (DIMS-14, DRM-15). */
  DERIVED: 5,
} as const;
export type Variant = (typeof VARIANT)[keyof typeof VARIANT];

/** Spaces of the memory tier per virtual host: one per variant, one for blocks of long bodies. */
export const SPACES_PER_VHOST = 7;
export const BLOCK_SPACE = 6;

/** Text of the variant inside the cache key. */
export const VARIANT_NAMES: readonly string[] = ["", "encoded", "gzip", "br", "zstd", "derived"];

/** A virtual host as the cache sees it. A reload makes a new one that keeps `index` and `invalidations`. */
export interface CacheVhost {
  readonly name: string;
  /** Stable over reloads while the worker lives. */
  readonly index: number;
  readonly settings: VhostSettings;
  readonly pool: OriginPool;
  readonly invalidations: InvalidationList;
  /** Offset of its counters. */
  readonly counters: number;
  /** Storing, freshness and reuse by the profile of the host. */
  readonly rules: CachingRules;
  /** ttl.txt (TTL-19). */
  readonly customTtl: (url: string) => { readonly seconds: number; readonly line: number } | undefined;
}

/** Numbers virtual hosts by name and keeps what must outlive a reload. */
export class VhostRegistry {
  readonly #known = new Map<string, { readonly index: number; readonly invalidations: InvalidationList }>();
  #nextIndex = 0;

  enter(name: string): { readonly index: number; readonly invalidations: InvalidationList } {
    let entry = this.#known.get(name);
    if (entry === undefined) {
      entry = { index: this.#nextIndex++, invalidations: new InvalidationList() };
      this.#known.set(name, entry);
    }
    return entry;
  }

  /** Forgets a host that is gone: one of that name that comes later is another (CFG-56). Returns its index. */
  remove(name: string): number | undefined {
    const entry = this.#known.get(name);
    this.#known.delete(name);
    return entry?.index;
  }

  get entries(): Iterable<readonly [name: string, { readonly index: number }]> {
    return this.#known.entries();
  }

  get names(): Iterable<string> {
    return this.#known.keys();
  }

  get all(): Iterable<{ readonly index: number; readonly invalidations: InvalidationList }> {
    return this.#known.values();
  }
}
