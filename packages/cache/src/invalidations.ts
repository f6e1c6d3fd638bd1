import { matchesGlob } from "@basalt/policy";
import { unreachable } from "@basalt/types";
import type { Invalidation, InvalidationTarget } from "./protocol.ts";

/** What an object is tagged by; `tags` are parted by one blank, and only asked for where there are any. */
export interface Tagged {
  readonly isTagged: boolean;
  readonly tags: string;
}

/** Whether a text of tags parted by one blank has this one. */
export const hasTag = (tags: string, tag: string): boolean => {
  for (let at = tags.indexOf(tag); at >= 0; at = tags.indexOf(tag, at + 1)) {
    const end = at + tag.length;
    if ((at === 0 || tags.charCodeAt(at - 1) === BLANK) && (end === tags.length || tags.charCodeAt(end) === BLANK)) {
      return true;
    }
  }
  return false;
};

const BLANK = 32;
const QUESTION_MARK = 63;

/** True when the target means this URL of its vhost, or one of the tags of what is stored for it. */
export const targetMatches = (target: InvalidationTarget, url: string, tagged?: Tagged): boolean => {
  switch (target.kind) {
    case "url":
      return target.url === url;
    case "collective":
      return url === target.url || (url.startsWith(target.url) && url.charCodeAt(target.url.length) === QUESTION_MARK);
    case "pattern":
      return matchesGlob(target.pattern, url);
    case "tag": {
      if (tagged?.isTagged !== true) return false;
      const { tags } = tagged;
      return target.tags.some((tag) => hasTag(tags, tag));
    }
    default:
      return unreachable(target);
  }
};

/** What an invalidation changes, in memory or in a row that the index has not yet caught up with. */
export interface Invalidatable {
  readonly version: number;
  freshUntilMs: number;
  purged: boolean;
  expiredByForce: boolean;
}

/** Applies an invalidation; false means the object is gone for good (HardPurge). */
export const applyInvalidation = (object: Invalidatable, invalidation: Invalidation): boolean => {
  switch (invalidation.action.kind) {
    case "purge":
      object.purged = true;
      return true;
    case "expire":
      object.freshUntilMs = 0;
      object.expiredByForce = true;
      return true;
    case "expireafter":
      object.freshUntilMs = invalidation.action.untilMs;
      return true;
    case "hardpurge":
      return false;
    default:
      return unreachable(invalidation.action);
  }
};

const noteIn = (known: Map<string, Invalidation[]>, name: string, invalidation: Invalidation): void => {
  const list = known.get(name);
  if (list === undefined) known.set(name, [invalidation]);
  else list.push(invalidation);
};

const forgetIn = (known: Map<string, Invalidation[]>, version: number): void => {
  for (const [name, list] of known) {
    const left = list.filter((invalidation) => invalidation.version > version);
    if (left.length === 0) known.delete(name);
    else known.set(name, left);
  }
};

/**
 * Invalidations of one vhost that a process must still hold against objects older than them: those in its memory, and
 * rows of the index until the primary says that the index shows them (`settle`). Exact ones cost a map look-up, tags one
 * for each tag of a tagged object, patterns are tried one by one; and only for objects that have not been checked since.
 */
export class InvalidationList {
  /** Version of the newest entry: an object checked up to it needs no look at the list. */
  latest = 0;
  readonly #exact = new Map<string, Invalidation[]>();
  readonly #tags = new Map<string, Invalidation[]>();
  #patterns: Invalidation[] = [];
  readonly #versions = new Set<number>();

  /** An invalidation that is there already is not added again. */
  add(invalidation: Invalidation): void {
    const { version, target } = invalidation;
    if (this.#versions.has(version)) return;
    this.#versions.add(version);
    this.latest = Math.max(this.latest, version);
    if (target.kind === "url") noteIn(this.#exact, target.url, invalidation);
    else if (target.kind === "tag") for (const tag of new Set(target.tags)) noteIn(this.#tags, tag, invalidation);
    else this.#patterns.push(invalidation);
  }

  /** Invalidations newer than `sinceVersion` that mean this object, oldest first. */
  matching(url: string, sinceVersion: number, tagged?: Tagged): Invalidation[] {
    const found: Invalidation[] = [];
    for (const invalidation of this.#exact.get(url) ?? []) {
      if (invalidation.version > sinceVersion) found.push(invalidation);
    }
    for (const invalidation of this.#patterns) {
      if (invalidation.version > sinceVersion && targetMatches(invalidation.target, url)) found.push(invalidation);
    }
    if (this.#tags.size > 0 && tagged?.isTagged === true) this.#addByTags(found, sinceVersion, tagged.tags);
    return found.sort((left, right) => left.version - right.version);
  }

  /** Whether one newer than `sinceVersion` means a tag of an object. */
  concernsTags(sinceVersion: number, tagged: Tagged): boolean {
    if (this.#tags.size === 0 || !tagged.isTagged) return false;
    const found: Invalidation[] = [];
    this.#addByTags(found, sinceVersion, tagged.tags);
    return found.length > 0;
  }

  /** Each once, in no order. */
  *all(): Iterable<Invalidation> {
    for (const list of this.#exact.values()) yield* list;
    yield* new Set([...this.#tags.values()].flat());
    yield* this.#patterns;
  }

  /** Forgets what the index shows by now. The caller has applied those to its own memory before. */
  settle(version: number): void {
    this.#patterns = this.#patterns.filter((invalidation) => invalidation.version > version);
    forgetIn(this.#exact, version);
    forgetIn(this.#tags, version);
    for (const known of this.#versions) if (known <= version) this.#versions.delete(known);
  }

  get size(): number {
    return this.#versions.size;
  }

  #addByTags(found: Invalidation[], sinceVersion: number, tags: string): void {
    for (const tag of tags.split(" ")) {
      for (const invalidation of this.#tags.get(tag) ?? []) {
        if (invalidation.version > sinceVersion && !found.includes(invalidation)) found.push(invalidation);
      }
    }
  }
}
