import type { CachedObject } from "./cachedObject.ts";
import type { CacheVhost } from "./cacheVhost.ts";

/** The primary gives up what it has not heard of for three times as long. */
const TELL_SECONDS = 5;
/** Without use for so long an object leaves the memory of this worker too. */
const KEPT_SECONDS = 15;

interface Use {
  readonly vhost: CacheVhost;
  usedSecond: number;
  toldSecond: number;
}

export interface TransientUseParts {
  /** Whether somebody is being sent its body. */
  readonly isRead: (object: CachedObject) => boolean;
  readonly touch: (object: CachedObject) => void;
  readonly forget: (vhost: CacheVhost, object: CachedObject) => void;
}

/** What this worker uses of objects that are kept only while somebody does (MEDIA-44). */
export class TransientUse {
  readonly #parts: TransientUseParts;
  readonly #uses = new Map<CachedObject, Use>();

  constructor(parts: TransientUseParts) {
    this.#parts = parts;
  }

  get count(): number {
    return this.#uses.size;
  }

  /** A request is answered with it. */
  note(vhost: CacheVhost, object: CachedObject, second: number): void {
    const use = this.#uses.get(object);
    if (use === undefined) this.#uses.set(object, { vhost, usedSecond: second, toldSecond: second });
    else use.usedSecond = second;
  }

  /** Tells of those in use, and forgets the others; call it each second. */
  sweep(second: number): void {
    for (const [object, use] of this.#uses) {
      if (this.#parts.isRead(object)) use.usedSecond = second;
      if (second - use.usedSecond >= KEPT_SECONDS) {
        this.#uses.delete(object);
        this.#parts.forget(use.vhost, object);
      } else if (second - use.toldSecond >= TELL_SECONDS && use.usedSecond > use.toldSecond) {
        use.toldSecond = second;
        this.#parts.touch(object);
      }
    }
  }
}
