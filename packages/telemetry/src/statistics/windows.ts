import { type CounterAggregate, PROCESS_BLOCK } from "../counterAggregate.ts";
import { PROCESS_SLOT_COUNT, VHOST_SLOT_COUNT } from "../counterTable.ts";
import type { SystemSample } from "../system/sampleSystem.ts";
import { type CountingSettings, countedSlots, PARTS_OF_HOST } from "./countedSlots.ts";
import { type DiskFacts, type HostFacts, type StoredFileFacts, sumOfFiles } from "./facts.ts";
import { GroupSums, type VhostGroup } from "./groupSums.ts";
import type { StatisticsHistory } from "./history.ts";
import type { KeptMinute } from "./keptMinute.ts";
import type { Figures } from "./sources.ts";
import { PeriodFigures, type VhostSubject } from "./subjects.ts";
import type { SystemHistory } from "./systemHistory.ts";

/** How old the sums of what many hosts have stored may be. */
const FACTS_KEPT_SECONDS = 5;

const ALL_PROCESS_SLOTS: readonly boolean[] = new Array<boolean>(PROCESS_SLOT_COUNT).fill(true);

/** What the hosts of a group have stored together, and how long the oldest of them is served. */
export interface GroupFacts {
  readonly files: StoredFileFacts;
  readonly uptimeSeconds: number;
}

export interface WindowsParts {
  readonly history: StatisticsHistory;
  readonly machine: SystemHistory;
  /** Before and at the end of the last second. */
  readonly samples: () => readonly [before: SystemSample, now: SystemSample];
  readonly vhost: (name: string) => VhostSubject | undefined;
  readonly vhosts: () => readonly VhostSubject[];
  readonly statsOf: (name: string) => CountingSettings | undefined;
  readonly host: () => Pick<HostFacts, "version" | "name" | "state" | "uptimeSeconds" | "waitingEvents">;
  readonly disksBetween: (before: SystemSample, now: SystemSample) => readonly DiskFacts[];
}

/**
 * Figures over the last second (0) or any of the last 1 to 60 whole minutes, or as many as there are: for one that asks
 * for many things, each by itself (SNMP-18, SNMP-39). The cost of a virtual host is that of its own figures.
 */
export class StatisticsWindows {
  readonly #parts: WindowsParts;
  readonly #sums: GroupSums;
  #groups: readonly VhostGroup[] = [];
  readonly #facts = new Map<number, GroupFacts & { readonly second: number }>();
  /** What is asked of one host comes together. */
  #last: { readonly name: string; readonly minutes: number; readonly second: number; readonly figures: Figures };

  constructor(parts: WindowsParts) {
    this.#parts = parts;
    this.#sums = new GroupSums(parts.history, parts.statsOf);
    this.#last = { name: "", minutes: 0, second: -1, figures: this.#figuresOf(0, new Float64Array(0)) };
  }

  /** Groups by their position from now on; also to be told when hosts, or what they count, have changed. */
  setGroups(groups: readonly VhostGroup[]): void {
    this.#groups = groups;
    this.#sums.setGroups(groups);
    this.#facts.clear();
    this.#last = { ...this.#last, second: -1 };
  }

  /** Hosts, or what they count, have changed. */
  forget(): void {
    this.setGroups(this.#groups);
  }

  endSecond(): void {
    this.#sums.endSecond();
  }

  vhost(subject: Pick<VhostSubject, "name" | "stats">, minutes: number): Figures {
    const { history } = this.#parts;
    const { name } = subject;
    const second = history.secondsEnded;
    if (this.#last.name === name && this.#last.minutes === minutes && this.#last.second === second) {
      return this.#last.figures;
    }
    const figures =
      minutes === 0
        ? figuresOver(1, new PeriodFigures(history.aggregate, history.lastSecond.period).vhost(subject))
        : this.kept(minutes).vhost(subject);
    this.#last = { name, minutes, second, figures };
    return figures;
  }

  /** The last whole minutes, or as many as there are, for one host after another. */
  kept(minutes: number): KeptFigures {
    return new KeptFigures(this.#parts.history, minutes);
  }

  /** Throws NotSummedYet: to be asked for again. */
  group(group: number, minutes: number): Figures {
    if (minutes === 0) return this.#figuresOf(0, this.#sums.ofLastSecond(group));
    const { values, seconds } = this.#sums.ofMinutes(group, minutes);
    return figuresOver(seconds, values);
  }

  groupFacts(group: number): GroupFacts {
    const second = this.#parts.history.secondsEnded;
    const known = this.#facts.get(group);
    if (known !== undefined && second - known.second < FACTS_KEPT_SECONDS) return known;
    const { vhost, vhosts } = this.#parts;
    const names = this.#groups[group]?.names;
    const subjects = names === undefined ? vhosts() : [...names].map(vhost).filter((one) => one !== undefined);
    const facts = {
      second,
      files: sumOfFiles(subjects.map(({ files }) => files)),
      uptimeSeconds: subjects.reduce((longest, { uptimeSeconds }) => Math.max(longest, uptimeSeconds), 0),
    };
    this.#facts.set(group, facts);
    return facts;
  }

  /** The server and its machine. */
  host(minutes: number): HostFacts {
    const { history, machine, samples, host } = this.#parts;
    const values = new Float64Array(PROCESS_SLOT_COUNT);
    if (minutes === 0) {
      values.set((history.lastSecond.period.figuresOf(PROCESS_BLOCK) ?? values).subarray(0, PROCESS_SLOT_COUNT));
    } else {
      for (let age = 1; age <= minutes; age++) {
        history.minutes.find(age)?.addBlockTo(values, PROCESS_BLOCK, ALL_PROCESS_SLOTS);
      }
    }
    const { seconds, samples: count } = this.#figuresOf(minutes, values);
    const [before, now] = samples();
    const window = minutes === 0 ? undefined : machine.lastMinutes(minutes);
    const facts = { ...host(), process: values, seconds, samples: count, machine: { before, now } };
    return window === undefined ? facts : { ...facts, ...window };
  }

  /** In the order of the configuration; what grows is what has grown within the time. */
  disks(minutes: number): readonly DiskFacts[] {
    const { machine, samples, disksBetween } = this.#parts;
    const window = minutes === 0 ? undefined : machine.lastMinutes(minutes);
    const [before, now] = window === undefined ? samples() : [window.machine.before, window.machine.now];
    return disksBetween(before, now);
  }

  #figuresOf(minutes: number, values: Float64Array): Figures {
    let seconds = minutes === 0 ? 1 : 0;
    for (let age = 1; age <= minutes; age++) seconds += this.#parts.history.minutes.find(age)?.seconds ?? 0;
    return figuresOver(seconds, values);
  }
}

/** Figures of hosts over some minutes, which stay the same when others end. */
export class KeptFigures {
  readonly #aggregate: CounterAggregate;
  readonly #minutes: readonly KeptMinute[];
  /** Counted ones: fewer than asked for soon after a start. */
  readonly seconds: number;

  constructor({ aggregate, minutes: kept }: Pick<StatisticsHistory, "aggregate" | "minutes">, minutes: number) {
    this.#aggregate = aggregate;
    const ages = Array.from({ length: minutes }, (_, index) => index + 1);
    this.#minutes = ages.map((age) => kept.find(age)).filter((minute) => minute !== undefined);
    this.seconds = this.#minutes.reduce((sum, { seconds }) => sum + seconds, 0);
  }

  vhost({ name, stats }: Pick<VhostSubject, "name" | "stats">): Figures {
    const values = new Float64Array(VHOST_SLOT_COUNT);
    for (const scope of PARTS_OF_HOST) {
      const block = this.#aggregate.find({ vhost: name, port: undefined, ...scope });
      const mask = block === undefined ? undefined : countedSlots(stats, scope);
      if (block === undefined || mask === undefined) continue;
      for (const minute of this.#minutes) minute.addBlockTo(values, block, mask);
    }
    return figuresOver(this.seconds, values);
  }
}

const figuresOver = (seconds: number, values: Float64Array): Figures => {
  const divisor = Math.max(1, seconds);
  return { values, seconds: divisor, samples: divisor, isAverage: true };
};
