import type { LineBuffer } from "./lineBuffer.ts";
import { dashedMoment, dottedMoment } from "./moments.ts";

/** One resolution of an origin domain. */
export interface LoggedResolution {
  readonly domain: string;
  readonly ttlSeconds: number;
  /** Empty: it failed. */
  readonly ips: readonly string[];
  readonly durationMs: number;
}

const writeFields = (line: LineBuffer, values: readonly (string | number | undefined)[]): void => {
  for (const [index, value] of values.entries()) {
    if (index > 0) line.text(" ");
    if (typeof value === "number") line.number(Math.round(value));
    else line.field(value);
  }
};

/** LOG-50. */
export const DNS_HEADER = "#Fields: date time domain ttl ip-list ip-count time-taken result\n";

export const writeDnsLine = (line: LineBuffer, resolution: LoggedResolution, atMs: number): void => {
  const { domain, ttlSeconds, ips, durationMs } = resolution;
  line.text(`${dashedMoment(atMs)} `);
  const isSuccess = ips.length > 0;
  const ttl = isSuccess ? ttlSeconds : 0;
  writeFields(line, [domain, ttl, ips.join(","), ips.length, durationMs, isSuccess ? "success" : "fail"]);
};

/** LOG-36. */
export const DENY_HEADER = "#Fields: date time c-ip deny\n";

/** `rule`: what matched: an address, a range or a country code. */
export const writeDenyLine = (line: LineBuffer, clientIp: string, rule: string, atMs: number): void => {
  line.text(`${dottedMoment(atMs)} `);
  writeFields(line, [clientIp, rule]);
};
