/**
 * How long an object plays, as CTA-5006 (Common Media Server Data) says it in a response: `d`, milliseconds. Players and
 * caches behind this one may use it; here it is what throttling knows the bit rate of a segment by (BW-24).
 */
export const PLAY_TIME_FIELD = "CMSD-Static";

export const playTimeValue = (seconds: number): string => `d=${Math.round(seconds * 1_000)}`;

const DURATION_KEY = /(?:^|,)\s*d=(\d{1,12})\s*(?:[,;]|$)/;

/** Undefined where the value does not say. */
export const playSecondsIn = (value: string): number | undefined => {
  const milliseconds = Number(DURATION_KEY.exec(value)?.[1] ?? 0);
  return milliseconds > 0 ? milliseconds / 1_000 : undefined;
};
