import { zoneOffset } from "./moments.ts";

const digits = (value: number, count = 2, pad = "0"): string => String(value).padStart(count, pad);

const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];

const hourOfTwelve = (moment: Date): number => moment.getHours() % 12 || 12;

const dayOfYear = (moment: Date): number =>
  Math.round(
    (Date.UTC(moment.getFullYear(), moment.getMonth(), moment.getDate()) - Date.UTC(moment.getFullYear(), 0, 0)) /
      86_400_000,
  );

const CONVERSIONS: Readonly<Record<string, (moment: Date) => string>> = {
  Y: (moment) => digits(moment.getFullYear(), 4),
  y: (moment) => digits(moment.getFullYear() % 100),
  m: (moment) => digits(moment.getMonth() + 1),
  d: (moment) => digits(moment.getDate()),
  e: (moment) => digits(moment.getDate(), 2, " "),
  j: (moment) => digits(dayOfYear(moment), 3),
  H: (moment) => digits(moment.getHours()),
  I: (moment) => digits(hourOfTwelve(moment)),
  M: (moment) => digits(moment.getMinutes()),
  S: (moment) => digits(moment.getSeconds()),
  p: (moment) => (moment.getHours() < 12 ? "AM" : "PM"),
  a: (moment) => (DAYS[moment.getDay()] ?? "").slice(0, 3),
  A: (moment) => DAYS[moment.getDay()] ?? "",
  b: (moment) => (MONTHS[moment.getMonth()] ?? "").slice(0, 3),
  h: (moment) => (MONTHS[moment.getMonth()] ?? "").slice(0, 3),
  B: (moment) => MONTHS[moment.getMonth()] ?? "",
  u: (moment) => String(moment.getDay() || 7),
  w: (moment) => String(moment.getDay()),
  z: zoneOffset,
  s: (moment) => String(Math.floor(moment.getTime() / 1000)),
  F: (moment) => `${digits(moment.getFullYear(), 4)}-${digits(moment.getMonth() + 1)}-${digits(moment.getDate())}`,
  D: (moment) => `${digits(moment.getMonth() + 1)}/${digits(moment.getDate())}/${digits(moment.getFullYear() % 100)}`,
  T: (moment) => `${digits(moment.getHours())}:${digits(moment.getMinutes())}:${digits(moment.getSeconds())}`,
  R: (moment) => `${digits(moment.getHours())}:${digits(moment.getMinutes())}`,
  "%": () => "%",
};

/** The conversions of strftime(3) in the C locale; undefined when the format has one that is not known. */
export const compileTimeFormat = (format: string): ((ms: number) => string) | undefined => {
  const pieces = format.split(/(%.?)/s).filter((piece) => piece !== "");
  const makers = pieces.map((piece) => (piece.startsWith("%") ? CONVERSIONS[piece.slice(1)] : (): string => piece));
  const known = makers.filter((maker) => maker !== undefined);
  if (known.length < makers.length) return undefined;
  return (ms) => {
    const moment = new Date(ms);
    return known.map((make) => make(moment)).join("");
  };
};
