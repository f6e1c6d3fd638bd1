import type { CacheKey } from "@basalt/store";
import type { CachedObject } from "./cachedObject.ts";
import { type CacheVhost, VARIANT, type Variant } from "./cacheVhost.ts";
import { variantIn } from "./objectName.ts";

/** The primary gives up what it has not heard of for three times as long. */
const TELL_SECONDS = 5;
/** Without use for so long an object leaves the memory of this worker too. */
const KEPT_SECONDS = 15;

/** Names the object instead of holding it: what the memory tier gives up is to be free. */
interface Use {
  readonly vhost: CacheVhost;
  readonly variant: Variant;
  readonly name: string;
  readonly key: CacheKey;
  file: number;
  usedSecond: number;
  toldSecond: number;
}

export interface TransientUseParts {
  /** Whether somebody is being sent the body in that file. */
  readonly isRead: (file: number) => boolean;
  readonly touch: (key: CacheKey) => void;
  readonly forget: (vhost: CacheVhost, variant: Variant, name: string) => void;
}

/** What this worker uses of objects that are kept only while somebody does (MEDIA-44). Seconds are of one clock that only goes on. */
export class TransientUse {
  readonly #parts: TransientUseParts;
  readonly #uses = new Map<string, Use>();

  constructor(parts: TransientUseParts) {
    this.#parts = parts;
  }

  get count(): number {
    return this.#uses.size;
  }

  /** A request is answered with it. The first is told at once: another worker may have used it long before. */
  note(vhost: CacheVhost, object: CachedObject, second: number): void {
    const id = object.keyView.toString("latin1");
    const file = object.location?.file ?? 0;
    const use = this.#uses.get(id);
    if (use !== undefined) {
      use.usedSecond = second;
      use.file = file;
      return;
    }
    const { name, key } = object;
    const variant = variantIn(object.variant) ?? VARIANT.DERIVED;
    this.#uses.set(id, { vhost, variant, name, key, file, usedSecond: second, toldSecond: second - TELL_SECONDS });
  }

  /** Tells of those in use, and forgets the others; call it each second. */
  sweep(second: number): void {
    for (const [id, use] of this.#uses) {
      if (use.file !== 0 && this.#parts.isRead(use.file)) use.usedSecond = second;
      if (second - use.usedSecond >= KEPT_SECONDS) {
        this.#uses.delete(id);
        this.#parts.forget(use.vhost, use.variant, use.name);
      } else if (second - use.toldSecond >= TELL_SECONDS && use.usedSecond > use.toldSecond) {
        use.toldSecond = second;
        this.#parts.touch(use.key);
      }
    }
  }
}
