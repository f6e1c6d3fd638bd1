/** `29 min 40 s`: the two largest units. */
export const durationWords = (seconds: number): string => {
  const total = Math.max(0, Math.round(seconds));
  const parts: readonly (readonly [number, string])[] = [
    [Math.floor(total / 86_400), "d"],
    [Math.floor(total / 3_600) % 24, "h"],
    [Math.floor(total / 60) % 60, "min"],
    [total % 60, "s"],
  ];
  const first = parts.findIndex(([value]) => value > 0);
  if (first === -1) return "0 s";
  return parts
    .slice(first, first + 2)
    .filter(([value]) => value > 0)
    .map(([value, unit]) => `${value} ${unit}`)
    .join(" ");
};

const UNITS = ["bytes", "KB", "MB", "GB", "TB"] as const;

export const byteWords = (bytes: number): string => {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return unit === 0 ? `${bytes} bytes` : `${value.toFixed(1)} ${UNITS[unit]} (${bytes} bytes)`;
};

/** UTC to the second, so that it compares with Date fields and logs of other hosts. */
export const momentWords = (momentMs: number, nowMs: number): string => {
  if (momentMs <= 0) return "never";
  if (Math.abs(momentMs) > 8.64e15) return "for ever";
  const text = new Date(momentMs).toISOString().replace("T", " ").slice(0, 19);
  const seconds = Math.round((momentMs - nowMs) / 1000);
  if (seconds === 0) return `${text} UTC, now`;
  return `${text} UTC, ${seconds > 0 ? `in ${durationWords(seconds)}` : `${durationWords(-seconds)} ago`}`;
};

export const listWords = (words: readonly string[]): string =>
  words.length < 2 ? (words[0] ?? "none") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;

export const onOffWord = (isOn: boolean): string => (isOn ? "ON" : "OFF");
