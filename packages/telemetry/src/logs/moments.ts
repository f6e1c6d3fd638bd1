import type { LineBuffer } from "./lineBuffer.ts";

const digits = (value: number, count = 2): string => String(value).padStart(count, "0");

const dateWith = (separator: string, moment: Date): string =>
  `${digits(moment.getFullYear(), 4)}${separator}${digits(moment.getMonth() + 1)}${separator}${digits(moment.getDate())}`;

const timeOf = (moment: Date): string =>
  `${digits(moment.getHours())}:${digits(moment.getMinutes())}:${digits(moment.getSeconds())}`;

/** `YYYY.MM.DD HH:MM:SS`, local. */
export const dottedMoment = (ms: number): string => {
  const moment = new Date(ms);
  return `${dateWith(".", moment)} ${timeOf(moment)}`;
};

/** `YYYY-MM-DD HH:MM:SS`, local. */
export const dashedMoment = (ms: number): string => {
  const moment = new Date(ms);
  return `${dateWith("-", moment)} ${timeOf(moment)}`;
};

/** `YYYY-MM-DD HH:MM:SS`, UTC. */
export const utcMoment = (ms: number): string => new Date(ms).toISOString().slice(0, 19).replace("T", " ");

/** `+hhmm`. */
export const zoneOffset = (moment: Date): string => {
  const minutes = -moment.getTimezoneOffset();
  const size = Math.abs(minutes);
  return `${minutes < 0 ? "-" : "+"}${digits(Math.floor(size / 60))}${digits(size % 60)}`;
};

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** `[10/Oct/2000:13:55:36 -0700]`. */
export const apacheMoment = (ms: number): string => {
  const moment = new Date(ms);
  const month = MONTHS[moment.getMonth()] ?? "";
  return `[${digits(moment.getDate())}/${month}/${digits(moment.getFullYear(), 4)}:${timeOf(moment)} ${zoneOffset(moment)}]`;
};

/** `Mar 12 11:24:24`, as RFC 3164 has it. */
export const syslogMoment = (ms: number): string => {
  const moment = new Date(ms);
  return `${MONTHS[moment.getMonth()] ?? ""} ${String(moment.getDate()).padStart(2, " ")} ${timeOf(moment)}`;
};

/** Text of a moment that is made anew once a second. */
export class SecondText {
  readonly #textOf: (ms: number) => string;
  #second = -1;
  #bytes: Uint8Array = new Uint8Array(0);

  constructor(textOf: (ms: number) => string) {
    this.#textOf = textOf;
  }

  write(line: LineBuffer, ms: number): void {
    line.bytes(this.bytesAt(ms));
  }

  /** The same bytes for as long as the second lasts. */
  bytesAt(ms: number): Uint8Array {
    const second = Math.floor(ms / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#bytes = new Uint8Array(Buffer.from(this.#textOf(ms), "latin1"));
    }
    return this.#bytes;
  }
}
