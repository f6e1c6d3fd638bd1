import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { describe, expect, it } from "vitest";
import { lateSpans, recordSpans } from "../../src/tracing/spans.ts";
import { exchangePart, recordWith, START } from "./records.ts";

const resource = resourceFromAttributes({ "service.name": "basalt" });

describe("spans of a request", () => {
  it("issue 7 are the request, its parts and those of its exchanges, each below the other", () => {
    const spans = recordSpans(recordWith({ traceState: "a=1" }), resource);
    const tree = spans.map((span) => [span.name, span.kind, span.parentSpanContext?.spanId, span.spanContext().spanId]);
    expect(tree).toEqual([
      ["GET", SpanKind.SERVER, "2222222222222222", "1111111111111111"],
      ["cache lookup", SpanKind.INTERNAL, "1111111111111111", "aaaaaaaaaaaaaaaa"],
      ["GET", SpanKind.CLIENT, "1111111111111111", "bbbbbbbbbbbbbbbb"],
      ["request", SpanKind.INTERNAL, "bbbbbbbbbbbbbbbb", "cccccccccccccccc"],
    ]);
    expect(spans.map((span) => span.parentSpanContext?.isRemote)).toEqual([true, false, false, false]);
    for (const span of spans) {
      expect(span.spanContext()).toMatchObject({ traceId: "5759e988bd862e3fe1be46a994272793", traceFlags: 1 });
      expect(span.spanContext().traceState?.serialize()).toBe("a=1");
    }
  });

  it("issue 7 have the names of the semantic conventions, the times and the phases", () => {
    const [request, , exchange] = recordSpans(recordWith(), resource);
    expect(request?.attributes).toMatchObject({
      "http.request.method": "GET",
      "http.response.status_code": 200,
      "url.path": "/a",
      "url.query": "b=1",
      "url.scheme": "https",
      "server.address": "www.example.com",
      "server.port": 8443,
      "client.address": "61.50.7.9",
      "basalt.cache_result": "TCP_MISS",
      "basalt.session_id": "7",
    });
    expect(request?.startTime).toEqual([START / 1000, 0]);
    expect(request?.endTime).toEqual([START / 1000, 50_250_000]);
    expect(request?.events).toEqual([{ name: "lookup", time: [START / 1000, 1_000_000] }]);
    expect(exchange?.attributes).toMatchObject({
      "server.address": "origin.example.com",
      "url.full": expect.anything(),
    });
  });

  it.each([
    [recordWith({ status: 404 }), SpanStatusCode.UNSET],
    [recordWith({ status: 503 }), SpanStatusCode.ERROR],
    [recordWith({ status: 0, isComplete: false }), SpanStatusCode.UNSET],
  ])("issue 7 a failure of the server is an error (%#)", (record, code) => {
    expect(recordSpans(record, resource)[0]?.status.code).toBe(code);
  });

  it.each([
    [exchangePart({ status: 404 }), SpanStatusCode.ERROR],
    [exchangePart({ status: 0, failure: "ORIGIN_CLOSED" }), SpanStatusCode.ERROR],
    [exchangePart({ status: 200, failure: "aborted" }), SpanStatusCode.UNSET],
  ])("issue 7 an exchange that came too late is a span of its own (%#)", (part, code) => {
    const owner = { vhost: "a", traceId: "1".repeat(32), root: "", traceState: "" };
    const [span, inner] = lateSpans({ ...owner, parentId: "9".repeat(16), part }, resource);
    expect(span?.parentSpanContext?.spanId).toBe("9".repeat(16));
    expect(span?.status.code).toBe(code);
    expect(inner?.parentSpanContext?.spanId).toBe(part.id);
  });
});
