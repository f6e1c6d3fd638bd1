import type { SystemSample } from "../system/sampleSystem.ts";
import type { MachineFacts } from "./facts.ts";

/** The machine over some minutes: what grows as it was before and after, levels as means of the seconds. */
export interface MachineWindow {
  readonly machine: MachineFacts;
  readonly waitingEvents: number;
}

interface Second {
  readonly sample: SystemSample;
  readonly waitingEvents: number;
}

type Levels = ReturnType<typeof levelsOf>;

const levelsOf = ({ sample, waitingEvents }: Second) => ({
  freeBytes: sample.memory.freeBytes,
  availableBytes: sample.memory.availableBytes,
  residentBytes: sample.processes.residentBytes,
  minute1: sample.load.minute1,
  minutes5: sample.load.minutes5,
  minutes15: sample.load.minutes15,
  inUse: sample.sockets.inUse,
  orphan: sample.sockets.orphan,
  timeWait: sample.sockets.timeWait,
  allocated: sample.sockets.allocated,
  memoryPages: sample.sockets.memoryPages,
  established: sample.sockets.established,
  waitingEvents,
});

type Sums = { -readonly [Level in keyof Levels]: number };

interface KeptMinute {
  /** The last second before it. */
  readonly before: SystemSample;
  readonly end: SystemSample;
  readonly sums: Levels;
  readonly seconds: number;
}

const MOST_MINUTES = 60;

const addLevels = (sums: Sums, more: Levels): void => {
  let level: keyof Levels;
  for (level in more) sums[level] += more[level];
};

const nothing = (): Sums => ({
  ...{ freeBytes: 0, availableBytes: 0, residentBytes: 0, minute1: 0, minutes5: 0, minutes15: 0, inUse: 0, orphan: 0 },
  ...{ timeWait: 0, allocated: 0, memoryPages: 0, established: 0, waitingEvents: 0 },
});

const withLevels = (sample: SystemSample, levels: Levels): SystemSample => ({
  ...sample,
  memory: { ...sample.memory, freeBytes: levels.freeBytes, availableBytes: levels.availableBytes },
  processes: { ...sample.processes, residentBytes: levels.residentBytes },
  load: { minute1: levels.minute1, minutes5: levels.minutes5, minutes15: levels.minutes15 },
  sockets: {
    inUse: levels.inUse,
    orphan: levels.orphan,
    timeWait: levels.timeWait,
    allocated: levels.allocated,
    memoryPages: levels.memoryPages,
    established: levels.established,
  },
});

/** The last sixty minutes of the machine, as `MinuteHistory` has those of what was counted. */
export class SystemHistory {
  readonly #minutes: KeptMinute[] = [];
  #before: SystemSample;
  #last: Second;
  #sums = nothing();
  #seconds = 0;

  constructor(first: SystemSample) {
    this.#before = first;
    this.#last = { sample: first, waitingEvents: 0 };
  }

  endSecond(sample: SystemSample, waitingEvents: number): void {
    this.#last = { sample, waitingEvents };
    addLevels(this.#sums, levelsOf(this.#last));
    this.#seconds += 1;
  }

  endMinute(): void {
    const { sample } = this.#last;
    this.#minutes.push({ before: this.#before, end: sample, sums: this.#sums, seconds: this.#seconds });
    if (this.#minutes.length > MOST_MINUTES) this.#minutes.shift();
    this.#before = sample;
    this.#sums = nothing();
    this.#seconds = 0;
  }

  /** The last whole minutes, 1 to 60, or as many as there are; undefined before the first is over. */
  lastMinutes(count: number): MachineWindow | undefined {
    const minutes = this.#minutes.slice(-count);
    const [first] = minutes;
    const last = minutes.at(-1);
    if (first === undefined || last === undefined) return undefined;
    const means = nothing();
    let seconds = 0;
    for (const minute of minutes) {
      addLevels(means, minute.sums);
      seconds += minute.seconds;
    }
    let level: keyof Levels;
    for (level in means) means[level] = Math.trunc(means[level] / Math.max(1, seconds));
    return {
      machine: { before: first.before, now: withLevels(last.end, means) },
      waitingEvents: means.waitingEvents,
    };
  }
}
