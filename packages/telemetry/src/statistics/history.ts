import type { CountedLatencies } from "../contract.ts";
import { CounterAggregate, type CounterListener } from "../counterAggregate.ts";
import { LevelSums } from "./levelSums.ts";
import { MinuteHistory } from "./minuteHistory.ts";
import { Period } from "./period.ts";
import { WindowClock } from "./windowClock.ts";

/** A period that is over, and when it ended by the clock of the host. */
export interface EndedPeriod {
  readonly period: Period;
  readonly endedAtMs: number;
}

const SECONDS_PER_MINUTE = 60;

/**
 * The last second, the last window of five minutes and the last sixty minutes of everything that the processes report.
 * The cost of a second is that of what was counted in it.
 */
export class StatisticsHistory implements CounterListener {
  readonly aggregate = new CounterAggregate(this);
  readonly minutes = new MinuteHistory();
  readonly #clock: WindowClock;
  readonly #levels = new LevelSums(() => this.aggregate.levels);
  #arriving = new Period();
  #lastSecond: Period = new Period();
  readonly #minute = new Period();
  #window = new Period();
  #lastWindow = new Period();
  #secondEndedAtMs = 0;
  #minuteEndedAtMs = 0;
  #windowEndedAtMs = 0;
  #minutesEnded = 0;
  #secondsEnded = 0;
  /** The second whose levels `#lastSecond` has. */
  #levelsAreOf = -1;

  constructor(nowMs: number, monotonicMs: number) {
    this.#clock = new WindowClock(nowMs, monotonicMs);
  }

  counted(block: number, slot: number, amount: number): void {
    this.#arriving.counts.add(block, slot, amount);
  }

  levelChanges(place: number, from: number, to: number): void {
    this.#levels.changes(place, from, to);
  }

  folderCounted(key: string, values: Float64Array): void {
    this.#arriving.addFolder(key, values);
  }

  originCounted(key: string, values: Float64Array): void {
    this.#arriving.addOrigin(key, values);
  }

  latenciesCounted(latencies: CountedLatencies): void {
    this.#arriving.latencies.add(latencies);
  }

  /** STAT-04; empty before the first second is over (STAT-10). */
  get lastSecond(): EndedPeriod {
    if (this.#levelsAreOf !== this.#secondsEnded) {
      this.#lastSecond.levels.clear();
      this.#levels.addSecondTo(this.#lastSecond.levels);
      this.#levelsAreOf = this.#secondsEnded;
    }
    return { period: this.#lastSecond, endedAtMs: this.#secondEndedAtMs };
  }

  /** STAT-32; empty before the first whole window is over. */
  get lastWindow(): EndedPeriod {
    return { period: this.#lastWindow, endedAtMs: this.#windowEndedAtMs };
  }

  /** The last whole minutes, or as many as there are. */
  lastMinutes(count: number): EndedPeriod {
    const period = new Period();
    this.minutes.addLastTo(period, count);
    return { period, endedAtMs: this.#minuteEndedAtMs };
  }

  /** Whole minutes since the start. */
  get minutesEnded(): number {
    return this.#minutesEnded;
  }

  /** Seconds since the start. */
  get secondsEnded(): number {
    return this.#secondsEnded;
  }

  /** The minute that runs and the whole ones before it, so many in all, or as many as there are. Without levels. */
  minutesUntilNow(count: number): EndedPeriod {
    const period = new Period();
    if (count > 1) this.minutes.addLastTo(period, count - 1);
    this.#minute.addTo(period);
    return { period, endedAtMs: this.#secondEndedAtMs };
  }

  /** All processes have reported for this second. True when a window has ended with it. */
  endSecond(nowMs: number, monotonicMs: number): boolean {
    const ended = this.#arriving;
    ended.seconds = 1;
    this.#secondsEnded += 1;
    this.#levels.endSecond();
    this.#arriving = this.#lastSecond;
    this.#arriving.clear();
    this.#lastSecond = ended;
    this.#secondEndedAtMs = nowMs;
    ended.addTo(this.#minute);
    const hasWindowEnded = this.#clock.hasEnded(monotonicMs);
    // No minute of a few seconds at the end of a window.
    const isMinuteOver = this.#minute.seconds >= SECONDS_PER_MINUTE && !this.#clock.isAboutToEnd(monotonicMs);
    if (isMinuteOver || hasWindowEnded) this.#endMinute(nowMs);
    if (hasWindowEnded) this.#endWindow(nowMs, monotonicMs);
    return hasWindowEnded;
  }

  #endMinute(nowMs: number): void {
    this.#minuteEndedAtMs = nowMs;
    this.#minutesEnded += 1;
    this.#levels.moveTo(this.#minute.levels);
    this.minutes.push(this.#minute);
    this.#minute.addTo(this.#window);
    this.#minute.clear();
  }

  #endWindow(nowMs: number, monotonicMs: number): void {
    if (this.#clock.isWhole) {
      const ended = this.#window;
      this.#window = this.#lastWindow;
      this.#lastWindow = ended;
      this.#windowEndedAtMs = nowMs;
    }
    this.#window.clear();
    this.#clock.next(nowMs, monotonicMs);
  }
}
