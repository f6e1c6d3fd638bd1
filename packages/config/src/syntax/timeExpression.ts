import { type Seconds, seconds } from "@basalt/types";

/** OPT-50 to OPT-56. A month is 30 days, a year 365. */
const SECONDS_PER_UNIT: ReadonlyMap<string, number> = new Map([
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["week", 604_800],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["min", 60],
  ["second", 1],
  ["sec", 1],
]);

const TERM = /\s*(\d{1,15})\s*([a-z]*)/iy;

/**
 * A duration as operators write it (CFG-71, OPT-57): `90`, `30min`, `1 day 12 hours`. Terms are added; a number
 * without a unit means seconds and can only stand last. Undefined when it is none.
 */
export const parseTimeExpression = (text: string): Seconds | undefined => {
  const source = text.trim();
  if (source === "") return undefined;
  let total = 0;
  TERM.lastIndex = 0;
  while (TERM.lastIndex < source.length) {
    const [, digits, word] = TERM.exec(source) ?? [];
    if (digits === undefined || word === undefined) return undefined;
    if (word === "") {
      if (TERM.lastIndex < source.length) return undefined;
      total += Number(digits);
    } else {
      const unit = word.toLowerCase();
      const factor = SECONDS_PER_UNIT.get(unit) ?? SECONDS_PER_UNIT.get(unit.replace(/s$/, ""));
      if (factor === undefined) return undefined;
      total += Number(digits) * factor;
    }
  }
  return Number.isSafeInteger(total) ? seconds(total) : undefined;
};
