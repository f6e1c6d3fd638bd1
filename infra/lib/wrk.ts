import { join } from "node:path";
import { numberAt, parseRecord } from "./json.ts";
import { signal, startProcess } from "./processes.ts";

export interface WrkOptions {
  readonly url: string;
  readonly connections: number;
  readonly seconds: number;
  readonly fields?: readonly string[];
  /** Goes round these numbered paths instead of asking for one URL. */
  readonly rotate?: readonly { readonly pathPattern: string; readonly count: number }[];
  readonly cores?: readonly number[] | undefined;
}

export interface WrkResult {
  readonly requests: number;
  readonly seconds: number;
  readonly bytes: number;
  readonly connectErrors: number;
  readonly readErrors: number;
  readonly writeErrors: number;
  /** Answers with a status of 400 and more. */
  readonly statusErrors: number;
  readonly timeouts: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly maxUs: number;
}

export interface WrkRun {
  readonly pid: number;
  readonly result: Promise<WrkResult>;
  /** Ends the run early; what was measured so far is the result. */
  finish(): void;
}

export function startWrk(options: WrkOptions): WrkRun {
  const script = join(import.meta.dirname, "wrk", options.rotate === undefined ? "report.lua" : "rotate.lua");
  const args = [
    ...["-t", "1", "-c", String(options.connections), "-d", `${options.seconds}s`, "--timeout", "20s", "-s", script],
    ...(options.fields ?? []).flatMap((field) => ["-H", field]),
    options.url,
    ...(options.rotate === undefined
      ? []
      : ["--", ...options.rotate.flatMap(({ pathPattern, count }) => [pathPattern, String(count)])]),
  ];
  const started = startProcess("wrk", args, { cores: options.cores });
  return {
    pid: started.pid,
    result: started.exited.then(() => parseWrkResult(started.output())),
    finish: () => signal(started.pid, "SIGINT"),
  };
}

export function runWrk(options: WrkOptions): Promise<WrkResult> {
  return startWrk(options).result;
}

function parseWrkResult(output: string): WrkResult {
  const line = /^RESULT (\{.*\})$/m.exec(output)?.[1];
  if (line === undefined) throw new Error(`wrk gave no result: ${output.trim().slice(-1000)}`);
  const report = parseRecord(line);
  return {
    requests: numberAt(report, "requests"),
    seconds: numberAt(report, "durationUs") / 1e6,
    bytes: numberAt(report, "bytes"),
    connectErrors: numberAt(report, "connectErrors"),
    readErrors: numberAt(report, "readErrors"),
    writeErrors: numberAt(report, "writeErrors"),
    statusErrors: numberAt(report, "statusErrors"),
    timeouts: numberAt(report, "timeouts"),
    p50Us: numberAt(report, "p50Us"),
    p99Us: numberAt(report, "p99Us"),
    maxUs: numberAt(report, "maxUs"),
  };
}

export function countFailures(result: WrkResult): number {
  return result.connectErrors + result.readErrors + result.writeErrors + result.statusErrors + result.timeouts;
}
