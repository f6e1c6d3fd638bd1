import type { VhostSettings } from "@basalt/config";
import type { ClientTransaction, RequestTrace, TraceRecord, TracingRules } from "@basalt/telemetry";
import { describe, expect, it } from "vitest";
import type { RequestTracing } from "../src/index.ts";
import { HOST, requestText, TestEdge } from "./support/edge.ts";

const ROOT = "1-5759e988-bd862e3fe1be46a994272793";
const sampledBy = (flag: 0 | 1): string => `X-Amzn-Trace-Id: Root=${ROOT};Sampled=${flag}`;

/** Rules for every host, and what was recorded. */
class Recorder implements RequestTracing {
  readonly records: TraceRecord[] = [];
  readonly traces: RequestTrace[] = [];

  rulesOf({ name: vhost }: VhostSettings): TracingRules {
    return { vhost, header: "amzn", fromClients: true, decide: () => false };
  }

  finished(trace: RequestTrace, transaction: ClientTransaction): void {
    this.traces.push(trace);
    this.records.push(trace.finish(transaction));
  }
}

const tracedEdge = (options = "") => {
  const tracing = new Recorder();
  return { edge: new TestEdge({ tracing, vhost: `<Options>${options}</Options>` }), tracing };
};

const sentField = (fields: readonly string[], name: string): string | undefined => {
  const index = fields.findIndex((text, at) => at % 2 === 0 && text.toLowerCase() === name);
  return index < 0 ? undefined : fields[index + 1];
};

describe("traces of requests", () => {
  it("AWS-94 AWS-96 a miss hands the trace on and notes its phases", async () => {
    const { edge, tracing } = tracedEdge();
    const client = edge.connect().get("/a", [sampledBy(1)]);
    const call = await edge.origin.call(1);
    call.reply(200, "body");
    await client.response();
    const [record] = tracing.records;
    expect(sentField(call.request.fields, "x-amzn-trace-id")).toBe(`Root=${ROOT};Parent=${record?.id};Sampled=1`);
    expect(call.request.cause).toBe(tracing.traces[0]);
    expect(record).toMatchObject({ vhost: HOST, root: ROOT, status: 200, result: "TCP_MISS", isComplete: true });
    const phases = record?.events.map(({ name }) => name);
    expect(phases).toEqual(["checkAccess", "decideBypass", "deriveKey", "lookup", "miss", "deliver"]);
    expect(record?.parts.map(({ name }) => name)).toEqual(["cache lookup", "obtain"]);
  });

  it("AWS-96 a hit is recorded, and the requests behind it on the connection are by themselves", async () => {
    const { edge, tracing } = tracedEdge();
    await edge.store("/a", "body");
    const client = edge.connect();
    client.send(requestText("/a", [sampledBy(1)]) + requestText("/a") + requestText("/a", [sampledBy(0)]));
    client.send(requestText("/a", [sampledBy(1)]));
    await client.responses(4);
    expect(tracing.records).toHaveLength(2);
    for (const { events, result } of tracing.records) {
      expect(result).toBe("TCP_HIT");
      expect(events.map(({ name }) => name)).toEqual([
        "checkAccess",
        "decideBypass",
        "deriveKey",
        "lookup",
        "hit",
        "deliver",
      ]);
    }
    expect(edge.logged).toHaveLength(5);
  });

  it("AWS-94 of what is not sampled nothing is noted, but the fields are handed on", async () => {
    const { edge, tracing } = tracedEdge();
    const client = edge.connect().get("/a");
    const call = await edge.origin.call(1);
    call.reply(200, "body");
    await client.response();
    expect(sentField(call.request.fields, "x-amzn-trace-id")).toMatch(
      /^Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0$/,
    );
    expect(tracing.records).toEqual([]);
  });

  it("AWS-94 a bypassed request has the fields in place of the client's", async () => {
    const { edge, tracing } = tracedEdge("<BypassGetRequest>ON</BypassGetRequest>");
    const client = edge.connect().get("/a", [sampledBy(1)]);
    const call = await edge.origin.call(1);
    call.reply(200, "body");
    await client.response();
    const names = call.request.fields.filter((text, at) => at % 2 === 0 && text.toLowerCase() === "x-amzn-trace-id");
    expect(names).toHaveLength(1);
    expect(sentField(call.request.fields, "x-amzn-trace-id")).toContain(`Parent=${tracing.records[0]?.id}`);
    expect(call.request.cause).toBe(tracing.traces[0]);
    expect(tracing.records[0]).toMatchObject({ bypassKind: "bypass" });
  });

  it("AWS-97 a failure of the origin is recorded with the answer that the client got", async () => {
    const { edge, tracing } = tracedEdge();
    const client = edge.connect().get("/a", [sampledBy(1)]);
    (await edge.origin.call(1)).fail("ORIGIN_CONNECT_FAILED");
    const { status } = await client.response();
    expect(tracing.records[0]?.status).toBe(status);
    expect(tracing.records[0]?.events.at(-1)?.name).toBe("deliver");
    expect(edge.defects).toEqual([]);
  });

  it("AWS-96 a client that leaves is recorded", async () => {
    const { edge, tracing } = tracedEdge();
    const client = edge.connect().get("/a", [sampledBy(1)]);
    await edge.origin.call(1);
    client.socket.destroy();
    expect(tracing.records).toHaveLength(1);
    expect(tracing.records[0]).toMatchObject({ status: 0, isComplete: false });
  });

  it("AWS-99 without rules there is no trace at all", async () => {
    const edge = new TestEdge();
    const client = edge.connect().get("/a", [sampledBy(1)]);
    const call = await edge.origin.call(1);
    call.reply(200, "body");
    await client.response();
    expect(sentField(call.request.fields, "x-amzn-trace-id")).toBeUndefined();
    expect(call.request.cause).toBeUndefined();
  });
});
