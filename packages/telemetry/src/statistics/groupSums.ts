import { BLOCK_WIDTH, PROCESS_BLOCK } from "../counterAggregate.ts";
import { VHOST_SLOT_COUNT } from "../counterTable.ts";
import { type CountingSettings, countedSlots } from "./countedSlots.ts";
import type { StatisticsHistory } from "./history.ts";

/** Virtual hosts whose figures are wanted together. */
export interface VhostGroup {
  /** Undefined: all. */
  readonly names: ReadonlySet<string> | undefined;
}

/** Sums that are kept at most, about 10 bytes each: with thousands of busy views there are fewer minutes of them. */
const MOST_FIGURES = 5_000_000;

/** Figures of minutes that are summed in one second, some tens of milliseconds; one minute in any case. */
const MOST_SUMMED = 400_000;

/** Sums over some minutes that are kept until the next one ends. */
const MOST_WINDOWS = 1_024;

/** A row for each group, one behind the other. */
type GroupRows = Float64Array;

/** What is not 0 of such rows. */
interface MinuteSums {
  readonly seconds: number;
  /** Where those of each group end in the two arrays that follow. */
  readonly ends: Uint32Array;
  readonly slots: Uint16Array;
  readonly values: Float64Array;
}

export interface SumsOfMinutes {
  readonly values: Float64Array;
  readonly seconds: number;
}

/** There were too many minutes to sum within this second: to be asked for again, a moment later. */
export class NotSummedYet extends Error {}

type Slots = readonly boolean[];

/** What of a block counts, and for which groups. */
interface BlockShare {
  readonly slots: Slots;
  readonly groups: readonly number[];
}

/**
 * Sums of what many hosts have counted, minute by minute: all groups in one pass over what a minute holds, so that the
 * cost is that of the figures and not of the number of hosts or groups.
 */
export class GroupSums {
  readonly #history: StatisticsHistory;
  readonly #statsOf: (name: string) => CountingSettings | undefined;
  #groups: readonly VhostGroup[] = [];
  /** Groups of all hosts. */
  #ofAll: readonly number[] = [];
  /** By host: the groups that it is in. */
  readonly #groupsOf = new Map<string, readonly number[]>();
  /** By block. */
  readonly #shares = new Map<number, BlockShare | undefined>();
  /** By the number of the minute. */
  readonly #minutes = new Map<number, MinuteSums>();
  /** In `#minutes`. */
  #figures = 0;
  /** Minutes with a lower number are not kept: there was no room. */
  #firstKept = 0;
  /** Figures of the minutes that were summed in this second. */
  #summed = 0;
  /** By group and minutes. */
  readonly #windows = new Map<number, SumsOfMinutes>();
  #windowsEndAt = -1;
  #second: { readonly number: number; readonly rows: GroupRows } | undefined;

  constructor(history: StatisticsHistory, statsOf: (name: string) => CountingSettings | undefined) {
    this.#history = history;
    this.#statsOf = statsOf;
  }

  /** Groups by their position from now on; also to be told when hosts, or what they count, have changed. */
  setGroups(groups: readonly VhostGroup[]): void {
    this.#groups = groups;
    this.#ofAll = groups.flatMap(({ names }, group) => (names === undefined ? [group] : []));
    this.#groupsOf.clear();
    groups.forEach(({ names }, group) => {
      for (const name of names ?? []) {
        this.#groupsOf.set(name, [...(this.#groupsOf.get(name) ?? this.#ofAll), group]);
      }
    });
    this.#shares.clear();
    this.#minutes.clear();
    this.#figures = 0;
    this.#firstKept = 0;
    this.#windows.clear();
    this.#windowsEndAt = -1;
    this.#second = undefined;
  }

  /** Each second: makes the sums of one minute that lacks them, so that no question has to make those of an hour. */
  endSecond(): void {
    const { minutesEnded, minutes } = this.#history;
    this.#summed = 0;
    if (this.#groups.length === 0) return;
    for (let age = 1; age <= minutes.length && minutesEnded - age + 1 >= this.#firstKept; age++) {
      if (this.#minutes.has(minutesEnded - age + 1)) continue;
      this.#minuteOf(age);
      return;
    }
  }

  /** Sums over the last minutes, 1 to 60, or as many as there are. Throws NotSummedYet. */
  ofMinutes(group: number, minutes: number): SumsOfMinutes {
    const { minutesEnded } = this.#history;
    if (this.#windowsEndAt !== minutesEnded || this.#windows.size >= MOST_WINDOWS) this.#windows.clear();
    this.#windowsEndAt = minutesEnded;
    const key = group * 64 + minutes;
    const known = this.#windows.get(key);
    if (known !== undefined) return known;
    const values = new Float64Array(VHOST_SLOT_COUNT);
    let seconds = 0;
    for (let age = 1; age <= minutes; age++) {
      const minute = this.#minuteOf(age);
      if (minute === undefined) break;
      addGroup(values, minute, group);
      seconds += minute.seconds;
    }
    const sums = { values, seconds };
    this.#windows.set(key, sums);
    return sums;
  }

  ofLastSecond(group: number): Float64Array {
    const { secondsEnded, lastSecond } = this.#history;
    if (this.#second?.number !== secondsEnded) {
      const rows = this.#newRows();
      const { period } = lastSecond;
      for (const block of period.counts.keys) {
        if (this.#shareOf(block) === undefined) continue;
        period.counts.find(block)?.forEach((value, slot) => {
          if (value !== 0) this.#add(rows, block, slot, value);
        });
      }
      for (const [place, level] of period.levels) {
        this.#add(rows, Math.floor(place / BLOCK_WIDTH), place % BLOCK_WIDTH, level);
      }
      this.#second = { number: secondsEnded, rows };
    }
    return this.#second.rows.slice(group * VHOST_SLOT_COUNT, (group + 1) * VHOST_SLOT_COUNT);
  }

  #newRows(): GroupRows {
    return new Float64Array(this.#groups.length * VHOST_SLOT_COUNT);
  }

  #minuteOf(age: number): MinuteSums | undefined {
    const { minutesEnded, minutes } = this.#history;
    const number = minutesEnded - age + 1;
    const known = this.#minutes.get(number);
    if (known !== undefined) return known;
    const minute = number < this.#firstKept ? undefined : minutes.find(age);
    if (minute === undefined) return undefined;
    if (this.#summed > 0 && this.#summed + minute.size > MOST_SUMMED) throw new NotSummedYet();
    this.#summed += minute.size;
    const rows = this.#newRows();
    minute.forEachBlock((block, slots, values, start, end) => {
      const share = this.#shareOf(block);
      if (share === undefined) return;
      for (const group of share.groups)
        addFigures(rows, group * VHOST_SLOT_COUNT, share.slots, slots, values, start, end);
    });
    minute.forEachLevel((block, slot, sum) => this.#add(rows, block, slot, sum));
    const sums = compact(rows, minute.seconds);
    this.#minutes.set(number, sums);
    this.#figures += sums.slots.length;
    this.#makeRoom(minutesEnded - minutes.length);
    return sums;
  }

  /** Forgets minutes up to this one, and the oldest of the others while there is no room. */
  #makeRoom(gone: number): void {
    for (const number of [...this.#minutes.keys()].sort((left, right) => left - right)) {
      const hasRoom = this.#figures <= MOST_FIGURES || this.#minutes.size === 1;
      if (number > gone && hasRoom) return;
      this.#figures -= this.#minutes.get(number)?.slots.length ?? 0;
      this.#minutes.delete(number);
      this.#firstKept = Math.max(this.#firstKept, number + 1);
    }
  }

  #add(rows: GroupRows, block: number, slot: number, amount: number): void {
    const share = this.#shareOf(block);
    if (share?.slots[slot] !== true) return;
    for (const group of share.groups) {
      const at = group * VHOST_SLOT_COUNT + slot;
      rows[at] = (rows[at] ?? 0) + amount;
    }
  }

  #shareOf(block: number): BlockShare | undefined {
    const known = this.#shares.get(block);
    if (known !== undefined || this.#shares.has(block)) return known;
    const share = this.#makeShare(block);
    this.#shares.set(block, share);
    return share;
  }

  #makeShare(block: number): BlockShare | undefined {
    const scope = block === PROCESS_BLOCK ? undefined : this.#history.aggregate.scopeOf(block);
    if (scope === undefined || scope.port !== undefined) return undefined;
    const stats = this.#statsOf(scope.vhost);
    if (stats === undefined) return undefined;
    const slots = countedSlots(stats, { isLocal: scope.isLocal, isTls: scope.isTls ?? false });
    return slots === undefined ? undefined : { slots, groups: this.#groupsOf.get(scope.vhost) ?? this.#ofAll };
  }
}

const addFigures = (
  rows: GroupRows,
  offset: number,
  counted: Slots,
  slots: Uint16Array,
  values: Float64Array,
  start: number,
  end: number,
): void => {
  for (let at = start; at < end; at++) {
    const slot = slots[at] ?? 0;
    if (counted[slot] === true) rows[offset + slot] = (rows[offset + slot] ?? 0) + (values[at] ?? 0);
  }
};

/** Rows that are not kept any more: what is 0 of them is left out. */
const compact = (rows: GroupRows, seconds: number): MinuteSums => {
  const slots: number[] = [];
  const values: number[] = [];
  const ends = new Uint32Array(rows.length / VHOST_SLOT_COUNT);
  rows.forEach((value, at) => {
    if (value !== 0) {
      slots.push(at % VHOST_SLOT_COUNT);
      values.push(value);
    }
    ends[Math.floor(at / VHOST_SLOT_COUNT)] = slots.length;
  });
  return { seconds, ends, slots: Uint16Array.from(slots), values: Float64Array.from(values) };
};

const addGroup = (sums: Float64Array, { ends, slots, values }: MinuteSums, group: number): void => {
  const end = ends[group] ?? 0;
  for (let at = ends[group - 1] ?? 0; at < end; at++) {
    const slot = slots[at] ?? 0;
    sums[slot] = (sums[slot] ?? 0) + (values[at] ?? 0);
  }
};
