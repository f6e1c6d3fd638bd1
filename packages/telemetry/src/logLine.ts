import type { EpochMs } from "@basalt/types";

export type LogLevel = "NOTICE" | "WARNING" | "ERROR";

const twoDigits = (value: number): string => String(value).padStart(2, "0");

const MAX_TEXT_CHARACTERS = 8192;

/** Whatever an event brings (a file name, an error text, bytes of a client) stays one line that a terminal can bear. */
export const escapeLogText = (text: string): string => {
  const shortened = text.length > MAX_TEXT_CHARACTERS ? `${text.slice(0, MAX_TEXT_CHARACTERS)}…` : text;
  return shortened
    .replaceAll("\r", "\\r")
    .replaceAll("\n", "\\n")
    .replace(/\p{Cc}/gu, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`);
};

/** `YYYY-MM-DD HH:MM:SS [LEVEL] text` in local time (LOG-34), with the line feed. */
export const formatLogLine = (moment: EpochMs, level: LogLevel, text: string): string => {
  const local = new Date(moment);
  const date = `${local.getFullYear()}-${twoDigits(local.getMonth() + 1)}-${twoDigits(local.getDate())}`;
  const time = `${twoDigits(local.getHours())}:${twoDigits(local.getMinutes())}:${twoDigits(local.getSeconds())}`;
  return `${date} ${time} [${level}] ${escapeLogText(text)}\n`;
};
