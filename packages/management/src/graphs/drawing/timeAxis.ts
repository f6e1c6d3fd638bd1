import type { GraphTypeName } from "../graphTypes.ts";

export interface TimeTick {
  readonly atMs: number;
  /** Undefined: a line alone. */
  readonly label: string | undefined;
}

type Unit = "hours" | "days" | "weeks" | "months";

interface TickPlan {
  readonly unit: Unit;
  readonly every: number;
  readonly isLabelled: (at: Date) => boolean;
  readonly label: (at: Date) => string;
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"] as const;

const twoDigits = (value: number): string => String(value).padStart(2, "0");
const hourLabel = (at: Date): string => `${twoDigits(at.getHours())}:${twoDigits(at.getMinutes())}`;
const dayLabel = (at: Date): string => `${MONTHS[at.getMonth()] ?? ""} ${at.getDate()}`;
const monthLabel = (at: Date): string =>
  at.getMonth() === 0 ? String(at.getFullYear()) : (MONTHS[at.getMonth()] ?? "");

const always = (): boolean => true;

const PLANS: Readonly<Record<GraphTypeName, TickPlan>> = {
  dash: { unit: "hours", every: 3, isLabelled: always, label: hourLabel },
  day: {
    unit: "hours",
    every: 3,
    isLabelled: (at) => at.getHours() % 6 === 0,
    label: (at) => (at.getHours() === 0 ? dayLabel(at) : hourLabel(at)),
  },
  week: { unit: "days", every: 1, isLabelled: (at) => at.getDate() % 2 === 1 && at.getDate() < 31, label: dayLabel },
  month: { unit: "weeks", every: 1, isLabelled: always, label: dayLabel },
  year: { unit: "months", every: 1, isLabelled: (at) => at.getMonth() % 2 === 0, label: monthLabel },
};

/** The last full hour, day, Monday or month before a moment, by the local calendar. */
const startOf = (unit: Unit, at: Date, every: number): Date => {
  const [year, month, day] = [at.getFullYear(), at.getMonth(), at.getDate()];
  switch (unit) {
    case "hours":
      return new Date(year, month, day, at.getHours() - (at.getHours() % every));
    case "days":
      return new Date(year, month, day);
    case "weeks":
      return new Date(year, month, day - ((at.getDay() + 6) % 7));
    case "months":
      return new Date(year, month, 1);
  }
};

const next = (unit: Unit, at: Date, every: number): Date => {
  const [year, month, day] = [at.getFullYear(), at.getMonth(), at.getDate()];
  switch (unit) {
    case "hours":
      return new Date(year, month, day, at.getHours() + every);
    case "days":
      return new Date(year, month, day + every);
    case "weeks":
      return new Date(year, month, day + 7 * every);
    case "months":
      return new Date(year, month + every, 1);
  }
};

/** GRAPH-17: lines of the calendar between two moments, in local time. */
export const timeTicks = (type: GraphTypeName, fromMs: number, toMs: number): readonly TimeTick[] => {
  const { unit, every, isLabelled, label } = PLANS[type];
  const ticks: TimeTick[] = [];
  let at = startOf(unit, new Date(fromMs), every);
  while (at.getTime() <= toMs) {
    if (at.getTime() >= fromMs) ticks.push({ atMs: at.getTime(), label: isLabelled(at) ? label(at) : undefined });
    const following = next(unit, at, every);
    // An hour that a clock change takes away would be found again and again.
    at = following.getTime() > at.getTime() ? following : new Date(at.getTime() + 3_600_000);
  }
  return ticks;
};
