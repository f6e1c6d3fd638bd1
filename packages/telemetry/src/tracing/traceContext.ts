import { parseAmznTraceId, traceIdOf } from "./amznTraceId.ts";
import { makeTraceId, rootOf } from "./traceIds.ts";
import { parseTraceparent, readTracestate } from "./traceparent.ts";

export type TraceHeader = "amzn" | "w3c" | "both";

export const TRACE_FIELD = {
  amzn: "x-amzn-trace-id",
  traceparent: "traceparent",
  tracestate: "tracestate",
} as const;

/** Which trace a request belongs to. */
export interface TraceContext {
  /** 32 hexadecimal digits, lower case. */
  readonly traceId: string;
  /** The same as `1-{8 digits}-{24 digits}`, as received if it was. */
  readonly root: string;
  /** Segment of the caller; undefined: the trace begins here. */
  readonly parentId: string | undefined;
  /** The caller's decision; undefined: it left it to us. */
  readonly isSampled: boolean | undefined;
  readonly isRandom: boolean;
  /** Value of tracestate; empty: none. */
  readonly traceState: string;
  /** Further keys of X-Amzn-Trace-Id. */
  readonly amznOthers: string;
}

export type GetField = (lowerCaseName: string) => string | undefined;

const NO_FIELD: GetField = () => undefined;

/**
 * The trace that the fields of a request name, else a new one. Where both kinds of fields are read and name different
 * traces, traceparent decides; further keys of the other field are kept in any case.
 */
export const readTraceContext = (get: GetField, header: TraceHeader, nowMs: number): TraceContext => {
  const ofW3c = header === "amzn" ? NO_FIELD : get;
  const ofAmzn = header === "w3c" ? NO_FIELD : get;
  const traceparent = parseTraceparent(ofW3c(TRACE_FIELD.traceparent));
  const amzn = parseAmznTraceId(ofAmzn(TRACE_FIELD.amzn));
  if (traceparent !== undefined) {
    const { traceId, parentId, isSampled, isRandom } = traceparent;
    return {
      traceId,
      root: amzn.root !== undefined && traceIdOf(amzn.root) === traceId ? amzn.root : rootOf(traceId),
      parentId,
      isSampled,
      isRandom,
      traceState: readTracestate(ofW3c(TRACE_FIELD.tracestate) ?? ""),
      amznOthers: amzn.others,
    };
  }
  const traceId = amzn.root === undefined ? makeTraceId(nowMs) : traceIdOf(amzn.root);
  return {
    traceId,
    root: amzn.root ?? rootOf(traceId),
    parentId: amzn.root === undefined ? undefined : amzn.parentId,
    isSampled: amzn.isSampled,
    isRandom: false,
    traceState: "",
    amznOthers: amzn.others,
  };
};

/** Of a request whose sender is not to be believed. */
export const beginTraceContext = (header: TraceHeader, nowMs: number): TraceContext =>
  readTraceContext(NO_FIELD, header, nowMs);
