import { tagsIn } from "@basalt/policy";
import { type DiskIndexWriter, type IndexRow, ROW_FLAG, type Tally } from "@basalt/store";
import { EdgeError, epochMs } from "@basalt/types";
import { applyInvalidation, InvalidationList, type Tagged, targetMatches } from "./invalidations.ts";
import type { Invalidation, InvalidationAction, InvalidationTarget, ObjectClient } from "./protocol.ts";
import { decodeHead } from "./storedHead.ts";
import { Sweeps } from "./sweeps.ts";

/** Remembers invalidations until the index shows them for good (OPT-80); a failure of it is its own business. */
export interface InvalidationJournal {
  append(invalidation: Invalidation): Promise<void> | undefined;
}

/** Worker's side of an invalidation, and of the end of one. */
export interface InvalidatedWorker {
  call(name: "invalidate", request: readonly Invalidation[]): Promise<null>;
  tell(name: "settled", event: ObjectClient["events"]["settled"]): void;
}

export type InvalidationRequest = Omit<Invalidation, "version">;

export interface HostInvalidationParts {
  readonly index: DiskIndexWriter;
  readonly journal?: InvalidationJournal | undefined;
  readonly workers: () => Iterable<InvalidatedWorker>;
  readonly nextVersion: () => number;
  /** Whether a fill of that URL is under way. */
  readonly isComing: (vhost: string, url: string) => boolean;
  /** Version of the oldest fill under way; Infinity without any. */
  readonly oldestFill: () => number;
  /** Nobody new may join fills that it concerns. */
  readonly detachFills: (invalidation: Invalidation) => void;
  /** An object is gone for good. */
  readonly onRemoved: (row: IndexRow) => void;
  readonly onDefect: (error: unknown) => void;
}

/** Calls return before their rows are written: those of this time are written, and told of, together. */
const SETTLE_DELAY_MS = 25;

/** What calls have affected: objects, and bytes of their bodies. */
interface Affected {
  count: number;
  bytes: number;
}

/**
 * Invalidations of the whole host. One is in force when every worker has confirmed it and the journal has it; then rows
 * may still have to follow: those of a URL follow at once, those of patterns and tags behind it (`Sweeps`), and whoever
 * reads one until then sees it by `view`.
 */
export class HostInvalidations {
  readonly #parts: HostInvalidationParts;
  readonly #lists = new Map<string, InvalidationList>();
  readonly #sweeps: Sweeps;
  /** Versions of those that rows do not show yet, and of the latest. */
  readonly #unapplied = new Set<number>();
  #latest = 0;
  /** What calls in progress have affected so far, by version: objects that arrive meanwhile are added. */
  readonly #running = new Map<number, Affected>();
  /** The index file shows all up to the first; workers were told up to the second. */
  #flushedVersion = 0;
  #settledVersion = 0;
  #settling: NodeJS.Timeout | undefined;

  constructor(parts: HostInvalidationParts) {
    this.#parts = parts;
    this.#sweeps = new Sweeps({
      index: parts.index,
      update: (row) => this.#bringUpToDate(row),
      onSwept: (invalidations) => this.#noteApplied(invalidations),
      onDefect: parts.onDefect,
    });
  }

  /** Those up to this version are in the index, and nothing that began before them is still on its way. */
  get settledVersion(): number {
    return this.#settledVersion;
  }

  /** Every one up to this version has changed the rows that it means. */
  get appliedVersion(): number {
    let applied = this.#latest;
    for (const version of this.#unapplied) applied = Math.min(applied, version - 1);
    return applied;
  }

  /** Whether rows do not show yet what one of these versions means, of which all were given without a pause. */
  areOutstanding(firstVersion: number, lastVersion: number): boolean {
    for (const version of this.#unapplied) if (version >= firstVersion && version <= lastVersion) return true;
    return false;
  }

  /** All that somebody who starts now has to know of. */
  unsettled(): Invalidation[] {
    const all: Invalidation[] = [];
    for (const list of this.#lists.values()) all.push(...list.all());
    return all.sort((left, right) => left.version - right.version);
  }

  /** Takes over what a crash may have undone (OPT-81), before any worker is there: in force at once, as ever. */
  async replay(invalidations: readonly Invalidation[]): Promise<void> {
    for (const invalidation of invalidations) this.#enter(invalidation);
    for (const { target, vhost } of invalidations) {
      if (target.kind !== "url") continue;
      for (const row of this.#parts.index.findVariants(vhost, target.url)) this.#bringUpToDate(row);
    }
    this.#noteApplied(invalidations.filter(({ target }) => target.kind === "url"));
    this.#sweeps.start();
  }

  /**
   * The row as what is in force makes it; undefined when it is gone for good. What the index shows already comes out the
   * same when it is applied once more.
   */
  view(row: IndexRow): IndexRow | undefined {
    const list = this.#lists.get(row.vhost);
    if (list === undefined || list.latest <= row.version) return row;
    const newer = list.matching(row.url, row.version, this.taggedOf(row));
    if (newer.length === 0) return row;
    const state = stateOf(row);
    for (const invalidation of newer) if (!applyInvalidation(state, invalidation)) return undefined;
    return withState(row, state);
  }

  /**
   * A row that has just come, with what was invalidated while it was on its way; undefined when that was its end. Calls in
   * progress count it; `isNew`: no object of its key was there for them to count.
   */
  arrived(row: IndexRow, isNew: boolean): IndexRow | undefined {
    const newer = this.#listOf(row.vhost).matching(row.url, row.version, this.taggedOf(row));
    if (newer.length === 0) return row;
    const state = stateOf(row);
    for (const invalidation of newer) {
      const affected = this.#running.get(invalidation.version);
      if (affected !== undefined && isNew && (row.flags & ROW_FLAG.DERIVED) === 0) add(affected, row);
      if (!applyInvalidation(state, invalidation)) return undefined;
    }
    return withState(row, state);
  }

  /** Whether one that came after `version` means something of that head: then nobody new may join its fill. */
  concernsHead(vhost: string, version: number, head: Buffer): boolean {
    const list = this.#lists.get(vhost);
    if (list === undefined || list.latest <= version) return false;
    const tags = tagsOfHead(head);
    return list.concernsTags(version, { isTagged: tags !== "", tags });
  }

  /**
   * Invalidates objects on the whole host. Resolves when all of it is in force and counted: of each request the objects
   * that it affected (PRG-15: an object already purged does not count).
   */
  async invalidate(requests: readonly InvalidationRequest[]): Promise<Tally[]> {
    const { journal } = this.#parts;
    const invalidations = requests.map((request) => ({ ...request, version: this.#parts.nextVersion() }));
    const rowsOf = new Map(invalidations.map((invalidation) => [invalidation, this.#rowsOfUrl(invalidation)]));
    const journaled: (Promise<void> | undefined)[] = [];
    for (const invalidation of invalidations) {
      this.#running.set(invalidation.version, { count: 0, bytes: 0 });
      if (this.#isOutlivedBy(invalidation, rowsOf.get(invalidation))) journaled.push(journal?.append(invalidation));
      this.#enter(invalidation);
      this.#parts.detachFills(invalidation);
    }
    const confirmed = this.#confirmAll(invalidations);
    // It may fail before it is awaited.
    confirmed.catch(() => undefined);
    const exact = invalidations.filter(({ target }) => target.kind === "url");
    let areRowsChanged = false;
    try {
      const counting: Promise<void>[] = [];
      const byTags: Invalidation[] = [];
      for (const invalidation of invalidations) {
        const { target, vhost } = invalidation;
        if (target.kind === "url") {
          for (const row of rowsOf.get(invalidation) ?? []) this.#applyTo(row, invalidation);
        } else if (target.kind === "tag") byTags.push(invalidation);
        else
          counting.push(
            this.#count(invalidation, this.#sweeps.outstanding(vhost)).then((tally) =>
              this.#addTo(invalidation, tally),
            ),
          );
      }
      areRowsChanged = true;
      if (byTags.length > 0) counting.push(this.#countTagged(byTags));
      await Promise.all(counting);
      await confirmed;
      await Promise.all(journaled);
      return invalidations.map(({ version }) => this.#running.get(version) ?? { count: 0, bytes: 0 });
    } finally {
      for (const { version } of invalidations) this.#running.delete(version);
      if (areRowsChanged) this.#noteApplied(exact);
      else for (const invalidation of exact) this.#sweeps.add(invalidation);
      this.#sweeps.start();
    }
  }

  /** What `invalidate` would affect now, one request behind the other; changes nothing. */
  async measure(requests: readonly InvalidationRequest[]): Promise<Tally[]> {
    const assumed = requests.map((request, place) => ({
      ...request,
      version: Number.MAX_SAFE_INTEGER - requests.length + place,
    }));
    const tallies: Promise<Tally>[] = [];
    for (const [place, invalidation] of assumed.entries()) {
      const { vhost, target } = invalidation;
      const before = assumed.slice(0, place).filter((earlier) => earlier.vhost === vhost);
      tallies.push(
        target.kind === "url"
          ? Promise.resolve(this.#measureUrl(target.url, invalidation, before))
          : this.#count(invalidation, [...this.#sweeps.outstanding(vhost), ...before]),
      );
    }
    return await Promise.all(tallies);
  }

  /** Tells workers what they may forget, when that has changed. */
  tellSettled(): void {
    const settled = Math.min(this.#flushedVersion, this.#parts.oldestFill() - 1);
    if (settled <= this.#settledVersion) return;
    this.#settledVersion = settled;
    for (const worker of this.#parts.workers()) worker.tell("settled", { version: settled });
    for (const list of this.#lists.values()) list.settle(settled);
  }

  /** Resolves when rows show everything. */
  finish(): Promise<void> {
    return this.#sweeps.finish();
  }

  stop(): void {
    clearTimeout(this.#settling);
    this.#sweeps.stop();
  }

  /** Tags of a row that is being stored, or of one in the index. */
  taggedOf(row: IndexRow): Tagged {
    const { index } = this.#parts;
    const isTagged = row.tags === undefined ? (row.flags & ROW_FLAG.TAGGED) !== 0 : row.tags !== "";
    return {
      isTagged,
      get tags() {
        return row.tags ?? index.tagsOf(row.key);
      },
    };
  }

  #enter(invalidation: Invalidation): void {
    const { version, vhost, target } = invalidation;
    this.#listOf(vhost).add(invalidation);
    this.#unapplied.add(version);
    this.#latest = Math.max(this.#latest, version);
    if (target.kind !== "url") this.#sweeps.add(invalidation);
  }

  #noteApplied(invalidations: readonly Invalidation[]): void {
    if (invalidations.length === 0) return;
    for (const { version } of invalidations) this.#unapplied.delete(version);
    this.#settling ??= setTimeout(() => this.#settle().catch(this.#parts.onDefect), SETTLE_DELAY_MS);
  }

  /** What could not be written is written with the next. */
  async #settle(): Promise<void> {
    this.#settling = undefined;
    const { appliedVersion } = this;
    await this.#parts.index.flush();
    this.#flushedVersion = Math.max(this.#flushedVersion, appliedVersion);
    this.tellSettled();
  }

  #bringUpToDate(row: IndexRow): void {
    const view = this.view(row);
    if (view === row) return;
    if (view === undefined) {
      this.#parts.index.remove(row.key);
      this.#parts.onRemoved(row);
    } else if (view.flags !== row.flags || view.freshUntil !== row.freshUntil) {
      this.#parts.index.update(row.key, { freshUntil: view.freshUntil, flags: view.flags });
    }
  }

  /** Brings a row of a URL up to date and counts it, unless what came before has ended or purged it. */
  #applyTo(row: IndexRow, invalidation: Invalidation): void {
    if (this.#isAffected(row, invalidation)) this.#addTo(invalidation, { count: 1, bytes: row.location.bodyBytes });
    this.#bringUpToDate(row);
  }

  /** Whether it changes the row as those before it have left it, and the row counts. */
  #isAffected(row: IndexRow, invalidation: Invalidation, assumed: readonly Invalidation[] = []): boolean {
    if (row.version > invalidation.version || (row.flags & ROW_FLAG.DERIVED) !== 0) return false;
    const tagged = this.taggedOf(row);
    const list = this.#listOf(row.vhost);
    const isOnly = list.size === 1 && this.#running.has(invalidation.version);
    const newer = isOnly ? [] : list.matching(row.url, row.version, tagged);
    const before = newer.filter(({ version }) => version < invalidation.version);
    for (const earlier of assumed) if (targetMatches(earlier.target, row.url, tagged)) before.push(earlier);
    const state = stateOf(row);
    for (const earlier of before) if (!applyInvalidation(state, earlier)) return false;
    return !(state.purged && invalidation.action.kind === "purge");
  }

  #addTo({ version }: Invalidation, tally: Tally): void {
    const affected = this.#running.get(version);
    if (affected === undefined) return;
    affected.count += tally.count;
    affected.bytes += tally.bytes;
  }

  #measureUrl(url: string, invalidation: Invalidation, before: readonly Invalidation[]): Tally {
    const affected = { count: 0, bytes: 0 };
    for (const row of this.#parts.index.findVariants(invalidation.vhost, url)) {
      if (this.#isAffected(row, invalidation, before)) add(affected, row);
    }
    return affected;
  }

  /** Objects that it affects, as they are at the moment of the call. `others`: what rows do not show yet. */
  #count(invalidation: Invalidation, others: readonly Invalidation[]): Promise<Tally> {
    const { vhost, target, action, version } = invalidation;
    const { index } = this.#parts;
    const countsPurged = action.kind !== "purge";
    const before = others.filter((other) => other.version < version && hides(other, action));
    if (isRoot(target) && before.length === 0) {
      const { objects, bytes, purgedObjects, purgedBytes } = index.objectsOf(vhost);
      return Promise.resolve(
        countsPurged ? { count: objects + purgedObjects, bytes: bytes + purgedBytes } : { count: objects, bytes },
      );
    }
    const except = before.map((other) => ({ target: other.target, beforeVersion: other.version }));
    const question = { vhost, target, beforeVersion: version, countsPurged, except };
    return index.tally(question).catch(() => this.#countByWalk(invalidation, before));
  }

  /** Where the index cannot be written, what waits is counted too. */
  async #countByWalk(invalidation: Invalidation, before: readonly Invalidation[]): Promise<Tally> {
    const affected = { count: 0, bytes: 0 };
    const { vhost, target } = invalidation;
    const assumed = before.filter(({ version }) => !this.#unapplied.has(version));
    await this.#parts.index.scan({ vhost }, (row) => {
      if (!targetMatches(target, row.url, this.taggedOf(row))) return;
      if (this.#isAffected(row, invalidation, assumed)) add(affected, row);
    });
    return affected;
  }

  /** Of one call, with the same tags: hosts of which rows show everything are counted together. */
  async #countTagged(invalidations: readonly Invalidation[]): Promise<void> {
    const together: Invalidation[] = [];
    const counting: Promise<void>[] = [];
    for (const invalidation of invalidations) {
      const others = this.#sweeps.outstanding(invalidation.vhost);
      const isAlone = others.some((other) => other.version < invalidation.version);
      if (isAlone || !isAlike(invalidation, together[0] ?? invalidation)) {
        counting.push(this.#count(invalidation, others).then((tally) => this.#addTo(invalidation, tally)));
      } else together.push(invalidation);
    }
    if (together.length > 0) counting.push(this.#countAlike(together));
    await Promise.all(counting);
  }

  async #countAlike(invalidations: readonly Invalidation[]): Promise<void> {
    const [first] = invalidations;
    if (first === undefined) return;
    const { target, version, action } = first;
    const question = { target, beforeVersion: version, countsPurged: action.kind !== "purge", except: [] };
    const tallies = await this.#parts.index.tallyByHost(question).catch(() => undefined);
    for (const invalidation of invalidations) {
      const tally = tallies === undefined ? await this.#countByWalk(invalidation, []) : tallies.get(invalidation.vhost);
      this.#addTo(invalidation, tally ?? { count: 0, bytes: 0 });
    }
  }

  /**
   * Whether a crash could bring back what it is about. Not where nothing of a URL is on disk or on its way there: anybody
   * can send unsafe requests, and each would cost a write that waits for the disk.
   */
  #isOutlivedBy({ vhost, target }: Invalidation, rows: readonly IndexRow[] = []): boolean {
    return target.kind !== "url" || rows.length > 0 || this.#parts.isComing(vhost, target.url);
  }

  #rowsOfUrl({ vhost, target }: Invalidation): readonly IndexRow[] {
    return target.kind === "url" ? this.#parts.index.findVariants(vhost, target.url) : [];
  }

  async #confirmAll(invalidations: readonly Invalidation[]): Promise<void> {
    const calls = [...this.#parts.workers()].map((worker) =>
      worker.call("invalidate", invalidations).catch((cause: unknown) => {
        // A worker that died has no memory left to serve from.
        if (EdgeError.from(cause).code !== "SHUTTING_DOWN") throw cause;
      }),
    );
    await Promise.all(calls);
  }

  #listOf(vhost: string): InvalidationList {
    let list = this.#lists.get(vhost);
    if (list === undefined) {
      list = new InvalidationList();
      this.#lists.set(vhost, list);
    }
    return list;
  }
}

/** Whether what the first has done keeps an object from being counted for an action. */
const hides = (earlier: Invalidation, action: InvalidationAction): boolean =>
  earlier.action.kind === "hardpurge" || (earlier.action.kind === "purge" && action.kind === "purge");

const isAlike = (left: Invalidation, right: Invalidation): boolean =>
  left.target.kind === "tag" &&
  right.target.kind === "tag" &&
  left.target.tags.join(" ") === right.target.tags.join(" ") &&
  (left.action.kind === "purge") === (right.action.kind === "purge");

/** The whole content of a host (PRG-04). */
const isRoot = (target: InvalidationTarget): boolean =>
  target.kind === "pattern" && (target.pattern === "/*" || target.pattern === "*");

const add = (affected: Affected, row: IndexRow): void => {
  affected.count++;
  affected.bytes += row.location.bodyBytes;
};

const tagsOfHead = (head: Buffer): string => {
  const decoded = decodeHead(head);
  return decoded === undefined ? "" : tagsIn(decoded.fields);
};

export const stateOf = (row: IndexRow) => ({
  version: row.version,
  freshUntilMs: Number(row.freshUntil),
  purged: (row.flags & ROW_FLAG.PURGED) !== 0,
  expiredByForce: (row.flags & ROW_FLAG.EXPIRED_BY_FORCE) !== 0,
});

export const withState = (
  row: IndexRow,
  state: { readonly freshUntilMs: number; readonly purged: boolean; readonly expiredByForce: boolean },
): IndexRow => ({
  ...row,
  freshUntil: epochMs(state.freshUntilMs),
  flags:
    (row.flags & ~(ROW_FLAG.PURGED | ROW_FLAG.EXPIRED_BY_FORCE)) |
    (state.purged ? ROW_FLAG.PURGED : 0) |
    (state.expiredByForce ? ROW_FLAG.EXPIRED_BY_FORCE : 0),
});
