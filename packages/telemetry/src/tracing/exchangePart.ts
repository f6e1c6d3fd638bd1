import { readableText } from "../logs/escape.ts";
import { makeSpanId } from "./traceIds.ts";
import type { TracedPart } from "./traceRecord.ts";

/** What traces read of a transaction with an origin; `OriginTransaction` of the package origin has it all. */
export interface TracedTransaction {
  /** Begins with `https://` where the exchange was encrypted. */
  readonly server: string;
  readonly serverIp: string;
  readonly serverPort: number;
  readonly domain: string;
  readonly purpose: string;
  readonly method: string;
  readonly target: string;
  readonly status: number;
  readonly responseBodyBytes: number;
  readonly startedAtMs: number;
  /** Before the beginning. */
  readonly dnsMs: number;
  readonly connectMs: number;
  readonly sendMs: number;
  readonly firstByteMs: number;
  readonly completeMs: number;
  readonly isReused: boolean;
  readonly ended: string;
}

const localPart = (name: string, startMs: number, durationMs: number): TracedPart[] =>
  durationMs <= 0
    ? []
    : [{ id: makeSpanId(), name, startMs, endMs: startMs + durationMs, exchange: undefined, parts: [] }];

/** One exchange with an origin and its parts that took time: resolution, connect, request until the first byte. */
export const tracedExchange = (transaction: TracedTransaction): TracedPart => {
  const { server, serverPort, domain, startedAtMs, dnsMs, connectMs, sendMs, firstByteMs } = transaction;
  const isEncrypted = server.startsWith("https://");
  const port = serverPort === (isEncrypted ? 443 : 80) ? "" : `:${serverPort}`;
  const host = domain.includes(":") ? `[${domain}]` : domain;
  const waitedMs = sendMs + firstByteMs;
  return {
    id: makeSpanId(),
    name: domain,
    startMs: startedAtMs - dnsMs,
    endMs: startedAtMs + connectMs + waitedMs + transaction.completeMs,
    exchange: {
      method: transaction.method,
      url: `${isEncrypted ? "https" : "http"}://${host}${port}${readableText(transaction.target)}`,
      serverIp: transaction.serverIp,
      serverPort,
      purpose: transaction.purpose,
      status: transaction.status,
      bodyBytes: transaction.responseBodyBytes,
      isReused: transaction.isReused,
      failure: transaction.ended === "complete" ? undefined : transaction.ended,
    },
    parts: [
      ...localPart("dns", startedAtMs - dnsMs, dnsMs),
      ...localPart("connect", startedAtMs, connectMs),
      ...localPart("request", startedAtMs + connectMs, waitedMs),
    ],
  };
};
