import type { LatePart, TraceRecord } from "@basalt/telemetry";
import { PRODUCT_NAME, PRODUCT_VERSION } from "@basalt/types";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { lateSpans, recordSpans } from "./spans.ts";

/** Longest try to hand over a batch, repetitions included. */
const EXPORT_LIMIT_MS = 10_000;
/** `ExportResultCode.SUCCESS`. */
const SUCCESS = 0;

export interface SpanExporter {
  /** Number of spans that the receiver has taken; rejects when it has taken none. */
  send(records: readonly (TraceRecord | LatePart)[]): Promise<number>;
  close(): Promise<void>;
}

/** This file brings the libraries of OpenTelemetry along: only to be imported where spans are to be exported. */
export const createSpanExporter = (url: string, hostName: string): SpanExporter => {
  const exporter = new OTLPTraceExporter({ url, timeoutMillis: EXPORT_LIMIT_MS, concurrencyLimit: 1 });
  const resource = resourceFromAttributes({
    "service.name": PRODUCT_NAME.toLowerCase(),
    "service.version": PRODUCT_VERSION,
    "host.name": hostName,
    "process.pid": process.pid,
  });
  return {
    send: (records) => {
      const spans = records.flatMap((record) =>
        "part" in record ? lateSpans(record, resource) : recordSpans(record, resource),
      );
      return new Promise((resolve, reject) => {
        exporter.export(spans, ({ code, error }) => {
          if (code === SUCCESS) resolve(spans.length);
          else reject(error ?? new Error("the spans were not taken"));
        });
      });
    },
    close: () => exporter.shutdown(),
  };
};
