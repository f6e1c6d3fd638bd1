const MONTH_NAMES = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const MONTH = `(?<month>${MONTH_NAMES.join("|")})`;
const MONTHS = MONTH_NAMES.map((name) => name.toLowerCase());
const SHORT_DAY = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)";
const LONG_DAY = "(?:Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)";
const TIME = "(?<hour>[01][0-9]|2[0-3]):(?<minute>[0-5][0-9]):(?<second>[0-5][0-9]|60)";

const FORMS = [
  new RegExp(`^${SHORT_DAY}, (?<day>[0-9]{2}) ${MONTH} (?<year>[0-9]{4}) ${TIME} GMT$`, "i"),
  new RegExp(`^${LONG_DAY}, (?<day>[0-9]{2})-${MONTH}-(?<year>[0-9]{2}) ${TIME} GMT$`, "i"),
  new RegExp(`^${SHORT_DAY} ${MONTH} (?<day>[0-9]{2}| [0-9]) ${TIME} (?<year>[0-9]{4})$`, "i"),
];

/**
 * RFC 9110 5.6.7 reads a year of two digits as the past when it would be more than 50 years ahead. Counted from a fixed
 * year, so that the answer needs no clock.
 */
const REFERENCE_YEAR = 2025;

const fullYear = (text: string): number => {
  const year = Number(text);
  if (text.length === 4) return year;
  const century = REFERENCE_YEAR - (REFERENCE_YEAR % 100);
  return century + year > REFERENCE_YEAR + 50 ? century + year - 100 : century + year;
};

/**
 * Milliseconds since 1970 of an HTTP-date in any of its three forms; undefined when it is none. Letter case does not
 * matter; a zone other than GMT does (RFC 9111 4.2).
 */
export const parseHttpDate = (text: string): number | undefined => {
  for (const form of FORMS) {
    const groups = form.exec(text)?.groups;
    if (groups === undefined) continue;
    const day = Number(groups.day);
    const date = new Date(0);
    date.setUTCFullYear(fullYear(groups.year ?? ""), MONTHS.indexOf((groups.month ?? "").toLowerCase()), day);
    if (date.getUTCDate() !== day) return undefined;
    return date.setUTCHours(Number(groups.hour), Number(groups.minute), Number(groups.second));
  }
  return undefined;
};

const FIRST_SECOND = -62_167_219_200;
const LAST_SECOND = 253_402_300_799;
const REMEMBERED = 64;
const rememberedSeconds = new Float64Array(REMEMBERED).fill(Number.NaN);
const rememberedTexts: string[] = Array.from({ length: REMEMBERED }, () => "");

/** IMF-fixdate of the second that holds a moment; moments outside the years 0 to 9999 give the nearest one inside. */
export const formatHttpDate = (ms: number): string => {
  const second = Math.min(Math.max(Math.floor(ms / 1000), FIRST_SECOND), LAST_SECOND);
  const slot = ((second % REMEMBERED) + REMEMBERED) % REMEMBERED;
  if (rememberedSeconds[slot] !== second) {
    rememberedTexts[slot] = new Date(second * 1000).toUTCString();
    rememberedSeconds[slot] = second;
  }
  return rememberedTexts[slot] ?? "";
};
