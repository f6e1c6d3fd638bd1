import type { ClientTransaction } from "../clientTransaction.ts";
import { readableText } from "../logs/escape.ts";
import { formatAmznTraceId } from "./amznTraceId.ts";
import { type TracedTransaction, tracedExchange } from "./exchangePart.ts";
import { workParts } from "./phaseParts.ts";
import {
  beginTraceContext,
  type GetField,
  readTraceContext,
  TRACE_FIELD,
  type TraceContext,
  type TraceHeader,
} from "./traceContext.ts";
import { makeSpanId } from "./traceIds.ts";
import { formatTraceparent } from "./traceparent.ts";
import type { LatePart, TracedPart, TraceEvent, TraceOwner, TraceRecord } from "./traceRecord.ts";

/** How requests of a virtual host are traced. */
export interface TracingRules {
  readonly vhost: string;
  readonly header: TraceHeader;
  /** Whether what clients send is followed. */
  readonly fromClients: boolean;
  /** For requests about which nobody has decided yet. */
  decide(path: string, nowMs: number): boolean;
}

/** A body that is fetched in parts can bring any number of exchanges. */
const MOST_PARTS = 64;
const MOST_EVENTS = 128;

const FIELD_NAMES: readonly (readonly [lowerCaseName: string, name: string])[] = [
  [TRACE_FIELD.traceparent, "traceparent"],
  [TRACE_FIELD.tracestate, "tracestate"],
  [TRACE_FIELD.amzn, "X-Amzn-Trace-Id"],
];

/** The trace of one client request: what its fields say, and, when it is sampled, what was done for it. */
export class RequestTrace {
  readonly rules: TracingRules;
  readonly context: TraceContext;
  readonly isSampled: boolean;
  #segmentId: string | undefined;
  readonly #startMs: number;
  /** Epoch ms at zero of the monotonic clock. */
  readonly #baseMs: number;
  readonly #events: TraceEvent[] = [];
  readonly #exchanges: TracedPart[] = [];
  #lostParts = 0;
  #isFinished = false;

  constructor(rules: TracingRules, context: TraceContext, isSampled: boolean, startMs: number, monotonicMs: number) {
    this.rules = rules;
    this.context = context;
    this.isSampled = isSampled;
    this.#startMs = startMs;
    this.#baseMs = startMs - monotonicMs;
  }

  /** Own segment of the trace: 16 hexadecimal digits. */
  get segmentId(): string {
    this.#segmentId ??= makeSpanId();
    return this.#segmentId;
  }

  /** The id as logs show it, in the form of the field that is handed on. */
  get idText(): string {
    return this.rules.header === "w3c" ? this.context.traceId : this.context.root;
  }

  /** Value that goes to origins under that name; undefined for none. */
  fieldOf(lowerCaseName: string): string | undefined {
    const { context, segmentId, isSampled } = this;
    const { header } = this.rules;
    switch (lowerCaseName) {
      case TRACE_FIELD.amzn:
        return header === "w3c" ? undefined : formatAmznTraceId(context.root, segmentId, isSampled, context.amznOthers);
      case TRACE_FIELD.traceparent:
        if (header === "amzn") return undefined;
        return formatTraceparent({ ...context, parentId: segmentId, isSampled });
      case TRACE_FIELD.tracestate:
        return header === "amzn" || context.traceState === "" ? undefined : context.traceState;
      default:
        return undefined;
    }
  }

  /** Flat fields of a request to an origin with those of the trace instead of the client's. */
  applyTo(fields: readonly string[]): string[] {
    const applied: string[] = [];
    for (let index = 0; index + 1 < fields.length; index += 2) {
      const name = fields[index] ?? "";
      if (!this.#writes(name.toLowerCase())) applied.push(name, fields[index + 1] ?? "");
    }
    for (const [lowerCaseName, name] of FIELD_NAMES) {
      const value = this.fieldOf(lowerCaseName);
      if (value !== undefined) applied.push(name, value);
    }
    return applied;
  }

  /** The request enters a phase; for sampled ones alone. */
  mark(name: string, monotonicMs: number): void {
    if (this.#events.length < MOST_EVENTS) this.#events.push({ name, atMs: this.#baseMs + monotonicMs });
  }

  /** An exchange with an origin has ended. What is returned comes too late for the record of the request. */
  noteExchange(transaction: TracedTransaction): LatePart | undefined {
    if (!this.isSampled) return undefined;
    if (this.#isFinished) return { ...this.#owner, parentId: this.segmentId, part: tracedExchange(transaction) };
    if (this.#exchanges.length < MOST_PARTS) this.#exchanges.push(tracedExchange(transaction));
    else this.#lostParts++;
    return undefined;
  }

  /** The client is done. Holds nothing of the transaction. */
  finish(transaction: ClientTransaction): TraceRecord {
    this.#isFinished = true;
    const { fields } = transaction;
    const field = (name: string): string | undefined => {
      const value = fields.get(name);
      return value === undefined ? undefined : readableText(value);
    };
    const endMs = this.#startMs + Math.max(0, transaction.elapsedMs);
    return {
      ...this.#owner,
      id: this.segmentId,
      parentId: this.context.parentId,
      startMs: this.#startMs,
      endMs,
      method: transaction.method,
      scheme: transaction.protocol,
      host: readableText(transaction.host ?? transaction.vhostName ?? this.rules.vhost),
      target: readableText(transaction.target),
      serverPort: transaction.serverPort,
      peerIp: transaction.clientIp,
      userAgent: field("user-agent"),
      forwardedFor: field("x-forwarded-for"),
      status: transaction.status,
      bodyBytesSent: transaction.bodyBytesSent,
      isComplete: transaction.isComplete,
      result: transaction.result,
      bypassKind: transaction.bypassKind,
      session: transaction.sessionText,
      events: this.#events,
      parts: [...workParts(this.#events, endMs), ...this.#exchanges],
      lostParts: this.#lostParts,
    };
  }

  get #owner(): TraceOwner {
    const { traceId, root, traceState } = this.context;
    return { vhost: this.rules.vhost, traceId, root, traceState };
  }

  #writes(lowerCaseName: string): boolean {
    const { header } = this.rules;
    if (lowerCaseName === TRACE_FIELD.amzn) return header !== "w3c";
    return header !== "amzn" && (lowerCaseName === TRACE_FIELD.traceparent || lowerCaseName === TRACE_FIELD.tracestate);
  }
}

/** `get`: field of the client's request; `startMs` and `monotonicMs` are the same moment. */
export const beginTrace = (
  rules: TracingRules,
  request: { readonly get: GetField; readonly path: string },
  startMs: number,
  monotonicMs: number,
): RequestTrace => {
  const context = rules.fromClients
    ? readTraceContext(request.get, rules.header, startMs)
    : beginTraceContext(rules.header, startMs);
  const isSampled = context.isSampled ?? rules.decide(request.path, startMs);
  return new RequestTrace(rules, context, isSampled, startMs, monotonicMs);
};
