const DIGITS = String.raw`(\d{4})[-./](\d\d)[-./](\d\d)[ T](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?`;
const WRITTEN = new RegExp(`^${DIGITS}(Z?)`);
const APACHE = /^(\d\d)\/([A-Z][a-z]{2})\/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)/;
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

const fractionMs = (digits: string | undefined): number =>
  digits === undefined ? 0 : Math.floor(Number(`0.${digits}`) * 1000);

const sound = (ms: number): number | undefined => (Number.isFinite(ms) ? ms : undefined);

/** Of a text that begins with a moment as logs write it: local time unless it ends in Z, or `isUtc`. */
export const parseWrittenMoment = (text: string, isUtc = false): number | undefined => {
  const found = WRITTEN.exec(text);
  if (found === null) return undefined;
  const [, year, month, day, hour, minute, second, fraction, zulu] = found;
  const parts = [Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second)] as const;
  const whole = isUtc || zulu === "Z" ? Date.UTC(...parts) : new Date(...parts).getTime();
  return sound(whole + fractionMs(fraction));
};

/** `10/Oct/2000:13:55:36 -0700`. */
export const parseApacheMoment = (text: string): number | undefined => {
  const found = APACHE.exec(text);
  if (found === null) return undefined;
  const [, day, name = "", year, hour, minute, second, sign, zoneHours, zoneMinutes] = found;
  const month = MONTHS.indexOf(name);
  if (month < 0) return undefined;
  const utc = Date.UTC(Number(year), month, Number(day), Number(hour), Number(minute), Number(second));
  const offsetMs = (Number(zoneHours) * 60 + Number(zoneMinutes)) * 60_000;
  return sound(sign === "-" ? utc + offsetMs : utc - offsetMs);
};
