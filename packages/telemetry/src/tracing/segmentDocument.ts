import { isIP } from "node:net";
import { PRODUCT_VERSION } from "@basalt/types";
import type { LatePart, TracedOriginExchange, TracedPart, TraceRecord } from "./traceRecord.ts";

/** Below the 64 KB of AWS-97, and with the header line within one datagram. */
export const MOST_DOCUMENT_BYTES = 64_000;
const MOST_URL = 4096;
const MOST_USER_AGENT = 1024;
/** Characters that a segment's name may have. */
const MOST_NAME = 200;

/** In front of each document that goes to a collector (AWS-98). */
export const COLLECTOR_HEADER = '{"format":"json","version":1}\n';

const cut = (text: string, most: number): string => (text.length > most ? text.slice(0, most) : text);

const inSeconds = (ms: number): number => Number((ms / 1000).toFixed(6));

const nameOf = (name: string): string => cut(name.replace(/[^\p{L}\p{N} _.:/%&#=+\\\-@]/gu, "_"), MOST_NAME);

/** AWS-97: whose fault it was. */
const verdictOf = (status: number) => {
  if (status >= 500) return { fault: true };
  if (status === 429) return { error: true, throttle: true };
  return status >= 400 ? { error: true } : {};
};

const remoteFacts = (exchange: TracedOriginExchange) => {
  const { status, failure, bodyBytes, method, url, serverIp, serverPort, purpose, isReused } = exchange;
  const hasFailed = failure !== undefined && failure !== "aborted";
  return {
    namespace: "remote",
    http: {
      request: { method, url: cut(url, MOST_URL) },
      ...(status === 0 ? {} : { response: { status, content_length: bodyBytes } }),
    },
    ...(hasFailed ? { fault: true } : verdictOf(status)),
    annotations: {
      server: `${serverIp}:${serverPort}`,
      purpose,
      is_reused: isReused,
      ...(failure === undefined ? {} : { failure }),
    },
  };
};

const subsegment = ({ id, name, startMs, endMs, exchange, parts }: TracedPart): Readonly<Record<string, unknown>> => ({
  id,
  name: nameOf(name),
  start_time: inSeconds(startMs),
  end_time: inSeconds(endMs),
  ...(exchange === undefined ? {} : remoteFacts(exchange)),
  ...(parts.length === 0 ? {} : { subsegments: parts.map(subsegment) }),
});

/** The address that the client says it has, where it says one: that is the sender's word, and marked so. */
const clientFacts = ({ peerIp, forwardedFor }: TraceRecord) => {
  const [first = ""] = (forwardedFor ?? "").split(",");
  const forwarded = first.trim();
  return isIP(forwarded) === 0 ? { client_ip: peerIp } : { client_ip: forwarded, x_forwarded_for: true };
};

const segment = (record: TraceRecord, keptParts: number) => {
  const { root, parentId, startMs, endMs, status, userAgent, bypassKind, parts, events } = record;
  const lost = record.lostParts + parts.length - keptParts;
  return {
    name: nameOf(record.vhost),
    id: record.id,
    trace_id: root,
    ...(parentId === undefined ? {} : { parent_id: parentId }),
    start_time: inSeconds(startMs),
    end_time: inSeconds(endMs),
    service: { version: PRODUCT_VERSION },
    http: {
      request: {
        method: record.method,
        url: cut(`${record.scheme}://${record.host}${record.target}`, MOST_URL),
        ...clientFacts(record),
        ...(userAgent === undefined ? {} : { user_agent: cut(userAgent, MOST_USER_AGENT) }),
      },
      ...(status === 0 ? {} : { response: { status, content_length: record.bodyBytesSent } }),
    },
    ...verdictOf(status),
    annotations: {
      cache_result: record.result,
      session_id: record.session,
      is_complete: record.isComplete,
      ...(bypassKind === "none" ? {} : { bypass: bypassKind }),
    },
    metadata: {
      basalt: {
        phases: events.map(({ name, atMs }) => ({ name, ms: Number((atMs - startMs).toFixed(3)) })),
        peer_ip: record.peerIp,
        ...(lost === 0 ? {} : { lost_parts: lost }),
      },
    },
    ...(keptParts === 0 ? {} : { subsegments: parts.slice(0, keptParts).map(subsegment) }),
  };
};

/** The segment document of a request (AWS-97), on one line; parts that make it too long are left out, the last ones first. */
export const segmentDocument = (record: TraceRecord): string => {
  for (let keptParts = record.parts.length; ; keptParts = Math.floor(keptParts / 2)) {
    const text = JSON.stringify(segment(record, keptParts));
    if (keptParts === 0 || Buffer.byteLength(text) <= MOST_DOCUMENT_BYTES) return text;
  }
};

/** A part on its own, for a request whose document is out. */
export const lateDocument = ({ root, parentId, part }: LatePart): string =>
  JSON.stringify({ type: "subsegment", trace_id: root, parent_id: parentId, ...subsegment(part) });
