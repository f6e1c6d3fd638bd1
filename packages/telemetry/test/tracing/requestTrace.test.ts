import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  beginTrace,
  lateDocument,
  segmentDocument,
  type TracedTransaction,
  type TraceHeader,
  type TraceRecord,
  type TracingRules,
} from "../../src/tracing/index.ts";
import { fieldsOf, transactionWith } from "../logs/support.ts";

const ROOT = "1-5759e988-bd862e3fe1be46a994272793";
const TRACE = "5759e988bd862e3fe1be46a994272793";
const PARENT = "53995c3f42cd8ad8";
const AMZN = `Root=${ROOT};Parent=${PARENT};Sampled=1`;
const TRACEPARENT = `00-${TRACE}-${PARENT}-01`;
const START = Date.UTC(2026, 0, 2, 3, 4, 5);

const rulesWith = (changes: Partial<TracingRules> = {}): TracingRules => ({
  vhost: "www.example.com",
  header: "both",
  fromClients: true,
  decide: () => true,
  ...changes,
});

const begin = (fields: Readonly<Record<string, string>>, changes: Partial<TracingRules> = {}) =>
  beginTrace(rulesWith(changes), { get: (name) => fields[name], path: "/a" }, START, 1000);

/** Flat fields by their names in lower case. */
const sentBy = (trace: ReturnType<typeof begin>, fields: readonly string[] = []): Readonly<Record<string, string>> => {
  const flat = trace.applyTo(fields);
  const names = flat.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase());
  expect(new Set(names).size).toBe(names.length);
  return Object.fromEntries(names.map((name, index) => [name, flat[index * 2 + 1] ?? ""]));
};

const exchangeWith = (changes: Partial<TracedTransaction> = {}): TracedTransaction => ({
  server: "origin.example.com 10.1.2.3",
  serverIp: "10.1.2.3",
  serverPort: 8080,
  domain: "origin.example.com",
  purpose: "cache",
  method: "GET",
  target: "/a?b=\xc3\xa4",
  status: 200,
  responseBodyBytes: 100,
  startedAtMs: START + 10,
  dnsMs: 2,
  connectMs: 3,
  sendMs: 1,
  firstByteMs: 20,
  completeMs: 4,
  isReused: false,
  ended: "complete",
  ...changes,
});

const parsed = (text: string) => JSON.parse(text);

describe("the fields of a trace", () => {
  it("AWS-94 A17 of spec 12: Root is kept, Parent is the own segment, other keys stay", () => {
    const trace = begin({ "x-amzn-trace-id": `${AMZN};Lineage=a:1` }, { header: "amzn" });
    expect(trace.context.parentId).toBe(PARENT);
    expect(trace.isSampled).toBe(true);
    const sent = sentBy(trace, ["x-AMZN-trace-ID", "old", "A", "b"]);
    expect(sent).toEqual({ a: "b", "x-amzn-trace-id": `Root=${ROOT};Parent=${trace.segmentId};Sampled=1;Lineage=a:1` });
    expect(trace.segmentId).not.toBe(PARENT);
  });

  it("AWS-94 a request without a trace begins one", () => {
    const trace = begin({}, { header: "amzn", decide: () => false });
    expect(trace.isSampled).toBe(false);
    expect(sentBy(trace)["x-amzn-trace-id"]).toBe(`Root=${trace.context.root};Parent=${trace.segmentId};Sampled=0`);
    expect(Number.parseInt(trace.context.root.slice(2, 10), 16)).toBe(START / 1000);
  });

  it("AWS-95 traceparent and tracestate are handed on with the own segment", () => {
    const trace = begin({ traceparent: `00-${TRACE}-${PARENT}-03`, tracestate: "a=1, b=2" }, { header: "w3c" });
    expect(sentBy(trace, ["Traceparent", "old", "TraceState", "old", "X-Amzn-Trace-Id", "kept"])).toEqual({
      "x-amzn-trace-id": "kept",
      traceparent: `00-${TRACE}-${trace.segmentId}-03`,
      tracestate: "a=1,b=2",
    });
    expect(trace.idText).toBe(TRACE);
  });

  it.each<[string, TraceHeader, Readonly<Record<string, string>>, readonly string[]]>([
    ["amzn", "amzn", { "x-amzn-trace-id": AMZN }, ["x-amzn-trace-id"]],
    ["w3c", "w3c", { traceparent: TRACEPARENT }, ["traceparent"]],
    ["both, out of one", "both", { "x-amzn-trace-id": AMZN }, ["traceparent", "x-amzn-trace-id"]],
    ["both, out of the other", "both", { traceparent: TRACEPARENT }, ["traceparent", "x-amzn-trace-id"]],
    [
      "both, which disagree: traceparent decides",
      "both",
      { traceparent: TRACEPARENT, "x-amzn-trace-id": `Root=1-11111111-${"2".repeat(24)};Sampled=0` },
      ["traceparent", "x-amzn-trace-id"],
    ],
  ])("AWS-95 a virtual host chooses its fields: %s", (_, header, fields, names) => {
    const trace = begin(fields, { header });
    const sent = sentBy(trace);
    expect(Object.keys(sent).toSorted()).toEqual(names);
    if (sent.traceparent !== undefined) expect(sent.traceparent).toBe(`00-${TRACE}-${trace.segmentId}-01`);
    if (sent["x-amzn-trace-id"] !== undefined) {
      expect(sent["x-amzn-trace-id"]).toBe(`Root=${ROOT};Parent=${trace.segmentId};Sampled=1`);
    }
    expect(trace.context.parentId).toBe(PARENT);
  });

  it.each([
    ["traceparent says no", { traceparent: `00-${TRACE}-${PARENT}-00` }, true, false],
    ["traceparent says yes", { traceparent: TRACEPARENT }, false, true],
    ["Sampled=0", { "x-amzn-trace-id": `Root=${ROOT};Sampled=0` }, true, false],
    ["Sampled=1 alone", { "x-amzn-trace-id": "Sampled=1" }, false, true],
    ["nobody, the rules do", { "x-amzn-trace-id": `Root=${ROOT}` }, true, true],
    ["nobody, the rules do not", {}, false, false],
  ] as const)("AWS-99 the decision of the caller wins: %s", (_, fields, decision, expected) => {
    expect(begin(fields, { decide: () => decision }).isSampled).toBe(expected);
  });

  it("AWS-99 with FromClients OFF nothing of the client counts", () => {
    const trace = begin(
      { traceparent: TRACEPARENT, "x-amzn-trace-id": AMZN },
      { fromClients: false, decide: () => false },
    );
    expect(trace.context).toMatchObject({ parentId: undefined, isSampled: undefined, amznOthers: "" });
    expect(trace.context.traceId).not.toBe(TRACE);
    expect(trace.isSampled).toBe(false);
  });

  it("AWS-94 AWS-95 whatever a client sends, what goes to the origin is well-formed", () => {
    const value = fc.oneof(fc.constantFrom(AMZN, TRACEPARENT, "a=1"), fc.string({ unit: "binary" }));
    const fields = fc.record({ "x-amzn-trace-id": value, traceparent: value, tracestate: value }, { requiredKeys: [] });
    fc.assert(
      fc.property(fields, fc.constantFrom<TraceHeader>("amzn", "w3c", "both"), (sent, header) => {
        const made = sentBy(begin(sent as Record<string, string>, { header }));
        for (const text of Object.values(made)) expect(text).toMatch(/^[\x20-\x7e]{1,4096}$/);
        if (header !== "w3c") {
          expect(made["x-amzn-trace-id"]).toMatch(/^Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=[01]/i);
        }
        if (header !== "amzn") expect(made.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-0[0-3]$/);
      }),
    );
  });
});

describe("the record of a request", () => {
  const recordOf = (changes: Parameters<typeof transactionWith>[0] = {}, exchanges = [exchangeWith()]): TraceRecord => {
    const trace = begin({ "x-amzn-trace-id": AMZN });
    trace.mark("checkAccess", 1000);
    trace.mark("lookup", 1001);
    trace.mark("miss", 1002.5);
    for (const exchange of exchanges) expect(trace.noteExchange(exchange)).toBeUndefined();
    trace.mark("derive", 1045);
    trace.mark("deliver", 1049);
    return trace.finish(transactionWith({ elapsedMs: 50, result: "TCP_MISS", ...changes }));
  };

  it("AWS-97 is a segment document", () => {
    const fields = fieldsOf({ "user-agent": "curl/8", "x-forwarded-for": "1.2.3.4, 5.6.7.8" });
    const document = parsed(segmentDocument(recordOf({ fields })));
    expect(document).toMatchObject({
      name: "www.example.com",
      trace_id: ROOT,
      parent_id: PARENT,
      start_time: START / 1000,
      end_time: START / 1000 + 0.05,
      http: {
        request: {
          method: "GET",
          url: "http://www.example.com/web/h.gif",
          client_ip: "1.2.3.4",
          x_forwarded_for: true,
          user_agent: "curl/8",
        },
        response: { status: 200, content_length: 1000 },
      },
      annotations: { cache_result: "TCP_MISS", session_id: "7", is_complete: true },
      metadata: { basalt: { peer_ip: "61.50.7.9" } },
    });
    expect(document.id).toMatch(/^[0-9a-f]{16}$/);
    expect(document).not.toHaveProperty("fault");
  });

  it("AWS-96 has the parts of the work as subsegments, the exchange with its own", () => {
    const { subsegments } = parsed(segmentDocument(recordOf()));
    const names = subsegments.map(({ name }: { name: string }) => name);
    expect(names).toEqual(["cache lookup", "obtain", "compression", "origin.example.com"]);
    expect(subsegments.at(-1)).toMatchObject({
      namespace: "remote",
      start_time: (START + 8) / 1000,
      end_time: (START + 38) / 1000,
      http: {
        request: { method: "GET", url: "http://origin.example.com:8080/a?b=ä" },
        response: { status: 200, content_length: 100 },
      },
      subsegments: [{ name: "dns" }, { name: "connect" }, { name: "request" }],
    });
    expect(subsegments[0]).toMatchObject({ start_time: (START + 1) / 1000, end_time: (START + 2.5) / 1000 });
  });

  it.each([
    [
      ["lookup", "miss", "hit", "deliver"],
      ["cache lookup", "disk read"],
    ],
    [
      ["lookup", "hit", "deliver", "deliver"],
      ["cache lookup", "disk read"],
    ],
    [
      ["lookup", "revalidate", "miss", "deliver"],
      ["cache lookup", "obtain"],
    ],
    [["lookup", "hit", "deliver"], ["cache lookup"]],
    [["bypass"], []],
  ])("AWS-96 the phases %j have the parts %j", (phases, expected) => {
    const trace = begin({});
    phases.forEach((phase, index) => {
      trace.mark(phase, 1000 + index);
    });
    const { parts, events } = trace.finish(transactionWith());
    expect(parts.map(({ name }) => name)).toEqual(expected);
    expect(events.map(({ name }) => name)).toEqual(phases);
  });

  it.each([
    [404, { error: true }],
    [429, { error: true, throttle: true }],
    [503, { fault: true }],
    [200, {}],
    [0, {}],
  ])("AWS-97 a status of %i is told", (status, verdict) => {
    const document = parsed(segmentDocument(recordOf({ status })));
    const { error, throttle, fault } = document;
    expect({ error, throttle, fault }).toEqual({ error: undefined, throttle: undefined, fault: undefined, ...verdict });
    expect("response" in document.http).toBe(status !== 0);
  });

  it("AWS-97 an origin that failed is at fault", () => {
    const failed = exchangeWith({ status: 0, ended: "ORIGIN_CONNECT_FAILED", firstByteMs: 0, completeMs: 0 });
    const { subsegments } = parsed(segmentDocument(recordOf({}, [failed])));
    expect(subsegments.at(-1)).toMatchObject({ fault: true, annotations: { failure: "ORIGIN_CONNECT_FAILED" } });
  });

  it("AWS-97 is never longer than 64 KB, on one line, whatever a client sends", () => {
    const text = fc.string({ unit: "binary", maxLength: 40_000 });
    const changes = fc.record({ target: text, host: text, method: fc.string({ maxLength: 30 }), userAgent: text });
    fc.assert(
      fc.property(changes, fc.integer({ min: 0, max: 100 }), ({ userAgent, ...facts }, exchanges) => {
        const long = exchangeWith({ target: facts.target });
        const many = Array.from({ length: exchanges }, () => long);
        const document = segmentDocument(recordOf({ ...facts, fields: fieldsOf({ "user-agent": userAgent }) }, many));
        expect(Buffer.byteLength(document)).toBeLessThanOrEqual(64_000);
        expect(document).not.toContain("\n");
        const { subsegments = [], metadata } = parsed(document);
        expect(subsegments.length + (metadata.basalt.lost_parts ?? 0)).toBe(exchanges + 3);
      }),
      { numRuns: 40 },
    );
  });

  it("AWS-96 an exchange that ends when the client is gone is a document of its own", () => {
    const trace = begin({ "x-amzn-trace-id": AMZN });
    trace.finish(transactionWith());
    const late = trace.noteExchange(exchangeWith());
    expect(late).toBeDefined();
    if (late === undefined) return;
    expect(parsed(lateDocument(late))).toMatchObject({
      type: "subsegment",
      trace_id: ROOT,
      parent_id: trace.segmentId,
      name: "origin.example.com",
      namespace: "remote",
    });
  });

  it("AWS-99 nothing is kept of a request that is not sampled", () => {
    const trace = begin({ "x-amzn-trace-id": `Root=${ROOT};Sampled=0` });
    trace.finish(transactionWith());
    expect(trace.noteExchange(exchangeWith())).toBeUndefined();
  });
});
