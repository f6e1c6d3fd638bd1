import { matchesGlob } from "@basalt/policy";
import { unreachable } from "@basalt/types";
import type { Invalidation, InvalidationTarget } from "./protocol.ts";

/** True when the target means this URL of its vhost. */
export const targetMatches = (target: InvalidationTarget, url: string): boolean => {
  switch (target.kind) {
    case "url":
      return target.url === url;
    case "collective":
      return url === target.url || (url.startsWith(target.url) && url.charCodeAt(target.url.length) === 63);
    case "pattern":
      return matchesGlob(target.pattern, url);
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

/**
 * Invalidations of one vhost that a worker must still hold against objects older than them: those in its memory, and
 * rows of the index until the primary says that the index shows them (`settle`). Exact ones cost a map look-up,
 * patterns are tried one by one, and only for objects that have not been checked since.
 */
export class InvalidationList {
  /** Version of the newest entry: an object checked up to it needs no look at the list. */
  latest = 0;
  readonly #exact = new Map<string, Invalidation[]>();
  #patterns: Invalidation[] = [];

  add(invalidation: Invalidation): void {
    this.latest = Math.max(this.latest, invalidation.version);
    if (invalidation.target.kind === "url") {
      const known = this.#exact.get(invalidation.target.url);
      if (known === undefined) this.#exact.set(invalidation.target.url, [invalidation]);
      else known.push(invalidation);
    } else {
      this.#patterns.push(invalidation);
    }
  }

  /** Invalidations newer than `sinceVersion` that mean this URL, oldest first. */
  matching(url: string, sinceVersion: number): Invalidation[] {
    const found: Invalidation[] = [];
    for (const invalidation of this.#exact.get(url) ?? []) {
      if (invalidation.version > sinceVersion) found.push(invalidation);
    }
    for (const invalidation of this.#patterns) {
      if (invalidation.version > sinceVersion && targetMatches(invalidation.target, url)) found.push(invalidation);
    }
    return found.sort((left, right) => left.version - right.version);
  }

  /** Forgets what the index shows by now. The caller has applied those to its own memory before. */
  settle(version: number): void {
    this.#patterns = this.#patterns.filter((invalidation) => invalidation.version > version);
    for (const [url, known] of this.#exact) {
      const left = known.filter((invalidation) => invalidation.version > version);
      if (left.length === 0) this.#exact.delete(url);
      else this.#exact.set(url, left);
    }
  }

  get size(): number {
    return this.#exact.size + this.#patterns.length;
  }
}
