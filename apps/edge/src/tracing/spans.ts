import type { LatePart, TracedOriginExchange, TracedPart, TraceEvent, TraceRecord } from "@basalt/telemetry";
import { PRODUCT_NAME, PRODUCT_VERSION } from "@basalt/types";
import {
  type Attributes,
  type HrTime,
  SpanKind,
  type SpanStatus,
  SpanStatusCode,
  TraceFlags,
} from "@opentelemetry/api";
import type { Resource } from "@opentelemetry/resources";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";

const NANOSECONDS_PER_SECOND = 1_000_000_000;

/** What all spans of a request, or of a part that came late, have in common. */
interface SpanTrace {
  readonly traceId: string;
  readonly traceState: string;
  readonly resource: Resource;
}

interface SpanFacts {
  readonly id: string;
  readonly parent: { readonly id: string; readonly isRemote: boolean } | undefined;
  readonly name: string;
  readonly kind: SpanKind;
  readonly startMs: number;
  readonly endMs: number;
  readonly status: SpanStatus;
  readonly attributes: Attributes;
  readonly events?: readonly TraceEvent[];
}

const SCOPE = { name: PRODUCT_NAME.toLowerCase(), version: PRODUCT_VERSION };
const UNSET: SpanStatus = { code: SpanStatusCode.UNSET };

const hrTime = (ms: number): HrTime => {
  const seconds = Math.floor(ms / 1000);
  const nanoseconds = Math.round((ms - seconds * 1000) * 1_000_000);
  return nanoseconds >= NANOSECONDS_PER_SECOND
    ? [seconds + 1, nanoseconds - NANOSECONDS_PER_SECOND]
    : [seconds, nanoseconds];
};

/** The list is handed on as it came; nothing here changes its members. */
const traceStateOf = (text: string) => {
  const state = {
    get: (key: string) =>
      text
        .split(",")
        .find((member) => member.startsWith(`${key}=`))
        ?.slice(key.length + 1),
    set: () => state,
    unset: () => state,
    serialize: () => text,
  };
  return state;
};

const spanOf = ({ traceId, traceState, resource }: SpanTrace, facts: SpanFacts): ReadableSpan => {
  const { id, parent, events = [] } = facts;
  const context = { traceId, spanId: id, traceFlags: TraceFlags.SAMPLED };
  const own = traceState === "" ? context : { ...context, traceState: traceStateOf(traceState) };
  return {
    name: facts.name,
    kind: facts.kind,
    spanContext: () => own,
    ...(parent === undefined
      ? {}
      : {
          parentSpanContext: { traceId, spanId: parent.id, traceFlags: TraceFlags.SAMPLED, isRemote: parent.isRemote },
        }),
    startTime: hrTime(facts.startMs),
    endTime: hrTime(facts.endMs),
    duration: hrTime(Math.max(0, facts.endMs - facts.startMs)),
    status: facts.status,
    attributes: facts.attributes,
    links: [],
    events: events.map(({ name, atMs }) => ({ name, time: hrTime(atMs) })),
    ended: true,
    resource,
    instrumentationScope: SCOPE,
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  };
};

const statusOf = (exchange: TracedOriginExchange): SpanStatus => {
  const hasFailed = exchange.failure !== undefined && exchange.failure !== "aborted";
  return hasFailed || exchange.status >= 400 ? { code: SpanStatusCode.ERROR } : UNSET;
};

/** Names of the semantic conventions for HTTP. */
const exchangeAttributes = (exchange: TracedOriginExchange, domain: string): Attributes => ({
  "http.request.method": exchange.method,
  "url.full": exchange.url,
  "server.address": domain,
  "server.port": exchange.serverPort,
  "network.peer.address": exchange.serverIp,
  "network.peer.port": exchange.serverPort,
  "basalt.origin.purpose": exchange.purpose,
  "basalt.origin.is_reused": exchange.isReused,
  ...(exchange.status === 0
    ? {}
    : { "http.response.status_code": exchange.status, "http.response.body.size": exchange.bodyBytes }),
  ...(exchange.failure === undefined ? {} : { "error.type": exchange.failure }),
});

const partSpans = (trace: SpanTrace, parentId: string, part: TracedPart): ReadableSpan[] => {
  const { id, name, startMs, endMs, exchange, parts } = part;
  const times = { id, parent: { id: parentId, isRemote: false }, startMs, endMs };
  const span =
    exchange === undefined
      ? spanOf(trace, { ...times, name, kind: SpanKind.INTERNAL, status: UNSET, attributes: {} })
      : spanOf(trace, {
          ...times,
          name: exchange.method,
          kind: SpanKind.CLIENT,
          status: statusOf(exchange),
          attributes: exchangeAttributes(exchange, name),
        });
  return [span, ...parts.flatMap((inner) => partSpans(trace, id, inner))];
};

const requestAttributes = (record: TraceRecord): Attributes => {
  const { target, host, forwardedFor, userAgent, status } = record;
  const query = target.indexOf("?");
  const [forwarded = ""] = (forwardedFor ?? "").split(",");
  return {
    "http.request.method": record.method,
    "url.scheme": record.scheme,
    "url.path": query < 0 ? target : target.slice(0, query),
    ...(query < 0 ? {} : { "url.query": target.slice(query + 1) }),
    "server.address": host.replace(/:\d+$/, ""),
    "server.port": record.serverPort,
    "client.address": forwarded.trim() === "" ? record.peerIp : forwarded.trim(),
    "network.peer.address": record.peerIp,
    ...(userAgent === undefined ? {} : { "user_agent.original": userAgent }),
    ...(status === 0 ? {} : { "http.response.status_code": status, "http.response.body.size": record.bodyBytesSent }),
    "basalt.vhost": record.vhost,
    "basalt.cache_result": record.result,
    "basalt.session_id": record.session,
    "basalt.is_complete": record.isComplete,
    ...(record.bypassKind === "none" ? {} : { "basalt.bypass": record.bypassKind }),
    ...(record.lostParts === 0 ? {} : { "basalt.lost_parts": record.lostParts }),
  };
};

/** The request, its parts as children. */
export const recordSpans = (record: TraceRecord, resource: Resource): ReadableSpan[] => {
  const trace = { ...record, resource };
  const { id, parentId, startMs, endMs, status, events } = record;
  const span = spanOf(trace, {
    id,
    parent: parentId === undefined ? undefined : { id: parentId, isRemote: true },
    name: record.method,
    kind: SpanKind.SERVER,
    startMs,
    endMs,
    // A 4xx is the client's own failure (semantic conventions for HTTP).
    status: status >= 500 ? { code: SpanStatusCode.ERROR } : UNSET,
    attributes: requestAttributes(record),
    events,
  });
  return [span, ...record.parts.flatMap((part) => partSpans(trace, id, part))];
};

export const lateSpans = (late: LatePart, resource: Resource): ReadableSpan[] =>
  partSpans({ ...late, resource }, late.parentId, late.part);
