export type { TracedTransaction } from "./exchangePart.ts";
export { TRACED_PHASE } from "./phaseParts.ts";
export { beginTrace, RequestTrace, type TracingRules } from "./requestTrace.ts";
export { Sampler, type SamplingRule } from "./sampling.ts";
export { COLLECTOR_HEADER, lateDocument, segmentDocument } from "./segmentDocument.ts";
export type { TraceHeader } from "./traceContext.ts";
export type { LatePart, TracedOriginExchange, TracedPart, TraceEvent, TraceRecord } from "./traceRecord.ts";
