import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { isEdgeBuilt, startEdge, startOrigin, type TestEdge, type TestOrigin } from "../../src/index.ts";
import { useShared } from "../../src/scenario/index.ts";
import { until } from "./support/originState.ts";

/** Scenes of traces: one edge with two workers, a collector on UDP and a receiver of OTLP. */

const AMZN = "amzn.test";
const OTLP = "otlp.test";
const PLAIN = "plain.test";
const PARENT = "53995c3f42cd8ad8";

let origin: TestOrigin;
let edge: TestEdge;
let collector: Socket;
let receiver: Server;
const datagrams: string[] = [];
const spans: Span[] = [];

interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly process: string;
  readonly service: string;
  readonly events: readonly { readonly name: string }[];
  readonly attributes: Readonly<Record<string, unknown>>;
}

interface Pair {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}

const attributesOf = (pairs: readonly Pair[]): Record<string, unknown> =>
  Object.fromEntries(pairs.map(({ key, value }) => [key, Object.values(value)[0]]));

/** Boundary: the JSON of OTLP. */
const takeSpans = (text: string): void => {
  for (const { resource, scopeSpans } of JSON.parse(text).resourceSpans) {
    const { "process.pid": pid, "service.name": service } = attributesOf(resource.attributes);
    for (const scope of scopeSpans)
      for (const span of scope.spans) {
        spans.push({ ...span, process: String(pid), service, attributes: attributesOf(span.attributes) });
      }
  }
};

const startReceiver = async (): Promise<Server> => {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      takeSpans(Buffer.concat(chunks).toString());
      response.writeHead(200, { "Content-Type": "application/json" }).end("{}");
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
};

const portOf = (server: Server): number => {
  const address: AddressInfo | string | null = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
};

const ROOT_TAIL = "bd862e3fe1be46a994272793";
let roots = 0;
const nextRoot = (): string => `1-${(++roots).toString(16).padStart(8, "0")}-${ROOT_TAIL}`;

const linesOf = async (host: string, kind: string): Promise<readonly string[]> => {
  const folder = join(edge.home, "log", host);
  const names = (await readdir(folder).catch(() => [])).filter((name) => name.startsWith(`${kind}_`));
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), "utf8")));
  return texts.flatMap((text) => text.split("\n").filter((line) => line !== ""));
};

interface Segment {
  readonly id: string;
  readonly trace_id: string;
  readonly parent_id?: string;
  readonly name: string;
  readonly http: { readonly request: { readonly url: string } };
  readonly annotations: Readonly<Record<string, unknown>>;
  readonly subsegments?: readonly { readonly name: string; readonly namespace?: string }[];
}

const segments = async (host: string): Promise<readonly Segment[]> =>
  (await linesOf(host, "trace")).map((line): Segment => JSON.parse(line));

const segmentOf = async (host: string, root: string): Promise<Segment> => {
  let found: readonly Segment[] = [];
  await until(`the segment of ${root}`, async () => {
    found = (await segments(host)).filter((segment) => segment.trace_id === root);
    return found.length > 0;
  });
  expect(found).toHaveLength(1);
  const [segment] = found;
  if (segment === undefined) throw new Error("no segment");
  return segment;
};

interface MappedNode {
  readonly name: string;
  readonly type: string;
  readonly requests: number;
  readonly latencyMs: number;
  readonly tracesPerMinute: number;
}

interface ServiceMap {
  readonly nodes: readonly MappedNode[];
  readonly edges: readonly { readonly from: number; readonly to: number }[];
}

/** Boundary: the JSON of the management API. */
const mapOf = async (host: string): Promise<ServiceMap> => {
  const { result } = await edge.apiJson(`/monitoring/servicemap.json?vhost=${host}`);
  return JSON.parse(JSON.stringify(result));
};

const nodeOf = ({ nodes }: ServiceMap, name: string): MappedNode => {
  const node = nodes.find((one) => one.name === name);
  return node ?? { name, type: "", requests: 0, latencyMs: 0, tracesPerMinute: 0 };
};

const log = `<Log><Access Local="ON">ON</Access><Origin Local="ON">ON</Origin>
  <AccessExtra Local="ON" Form="custom">ON</AccessExtra><AccessFormat>%u %{X-Amzn-Trace-Id}i %{traceparent}i</AccessFormat></Log>`;

const vhosts = (status: "Active" | "Inactive") => [
  {
    name: AMZN,
    origin: origin.address,
    xml: `<Options><Tracing Status="${status}" Header="amzn" PerSecond="0" Rate="0">
      <Collector Dest="127.0.0.1:${collector.address().port}">ON</Collector></Tracing></Options>${log}`,
  },
  {
    name: OTLP,
    origin: origin.address,
    xml: `<Options><BypassPostRequest>ON</BypassPostRequest><Tracing Status="${status}" PerSecond="0" Rate="0">
      <Rule Rate="100">/all/*</Rule><Otlp>http://127.0.0.1:${portOf(receiver)}/v1/traces</Otlp></Tracing></Options>${log}`,
  },
  { name: PLAIN, origin: origin.address, xml: log },
];

const open = async (): Promise<void> => {
  origin = await startOrigin();
  origin.on(() => true).reply(200, { "Cache-Control": "max-age=600" }, "body");
  collector = createSocket("udp4");
  collector.on("message", (bytes) => datagrams.push(bytes.toString("utf8")));
  collector.bind(0, "127.0.0.1");
  await once(collector, "listening");
  receiver = await startReceiver();
  edge = await startEdge({ workers: 2, vhosts: vhosts("Active") });
};

useShared(open, async () => {
  await edge?.close();
  collector?.close();
  receiver?.close();
  await origin?.close();
});

describe.skipIf(!isEdgeBuilt() && process.env.CI === undefined)("traces", () => {
  it("AWS-A17 AWS-94 AWS-96 to AWS-99 AWS-101 of a sampled request a segment is written, of another nothing", async () => {
    const [root, unwanted] = [nextRoot(), nextRoot()];
    const request = (of: string, sampled: 0 | 1) => ({
      host: AMZN,
      headers: { "X-Amzn-Trace-Id": `Root=${of};Parent=${PARENT};Sampled=${sampled};Lineage=a:1` },
    });
    await edge.get("/not-sampled", request(unwanted, 0)).expect(200);
    await edge.get("/sampled", request(root, 1)).expect(200);
    const segment = await segmentOf(AMZN, root);
    const sent = (path: string) => origin.requests.find((request) => request.path === path)?.field("x-amzn-trace-id");
    expect(sent("/sampled")).toBe(`Root=${root};Parent=${segment.id};Sampled=1;Lineage=a:1`);
    expect(sent("/not-sampled")).toMatch(new RegExp(`^Root=${unwanted};Parent=(?!${PARENT})[0-9a-f]{16};Sampled=0;L`));
    expect(segment).toMatchObject({ name: AMZN, parent_id: PARENT, annotations: { cache_result: "TCP_MISS" } });
    expect(segment.subsegments?.filter(({ namespace }) => namespace === "remote")).toHaveLength(1);
    expect(segment.subsegments?.map(({ name }) => name)).toContain("cache lookup");
    await until("the datagram", () => datagrams.some((text) => text.includes(root)));
    expect(datagrams.some((text) => text.includes(unwanted))).toBe(false);
    const [header, document] = datagrams.find((text) => text.includes(root))?.split("\n") ?? [];
    expect(header).toBe('{"format":"json","version":1}');
    expect(JSON.parse(document ?? "")).toEqual(segment);
    for (const [kind, end] of [
      ["access", root],
      ["origin", root],
    ] as const) {
      await until(`the line of the ${kind} log`, async () =>
        (await linesOf(AMZN, kind)).some((line) => line.includes(" /sampled ") && line.endsWith(` ${end}`)),
      );
    }
    const [names] = await linesOf(AMZN, "access");
    expect(names).toMatch(/ session-id sc-content-length trace-id$/);
    expect((await linesOf(AMZN, "origin"))[0]).toMatch(/ session-id session-type trace-id$/);
    const own = `/sampled Root=${root};Parent=${segment.id};Sampled=1;Lineage=a:1 -`;
    await until("the line of the custom log", async () => (await linesOf(AMZN, "accessextra")).includes(own));
    expect((await segments(AMZN)).map(({ trace_id }) => trace_id)).not.toContain(unwanted);
    await edge.get("/sampled", request(root.replace("1-0", "1-f"), 1)).expect(200);
    const hit = await segmentOf(AMZN, root.replace("1-0", "1-f"));
    expect(hit.annotations).toMatchObject({ session_id: expect.stringMatching(/^\d+$/) });
    expect(hit.subsegments?.filter(({ namespace }) => namespace === "remote")).toHaveLength(0);
  });

  it("AWS-95 issue 7 spans of both workers come by OTLP, with the traceparent that went to the origin", async () => {
    const traceId = `${"0af7651916cd43dd8448eb211c8031"}9c`;
    const traceparent = `00-${traceId}-b7ad6b7169203331-01`;
    await edge.get("/joined", { host: OTLP, headers: { traceparent, tracestate: "a=1" } }).expect(200);
    let sent = 0;
    await until("spans of both workers", async () => {
      for (let count = 0; count < 4; count++) await edge.get(`/all/${sent++}`, { host: OTLP }).expect(200);
      return new Set(spans.map((span) => span.process)).size === 2;
    });
    await until("the span of the request", () => spans.some((span) => span.traceId === traceId && span.kind === 2));
    const own = spans.filter((span) => span.traceId === traceId);
    const request = own.find(({ kind }) => kind === 2);
    const exchange = own.find(({ kind }) => kind === 3);
    expect(request).toMatchObject({ parentSpanId: "b7ad6b7169203331", service: "basalt", name: "GET" });
    expect(request?.attributes).toMatchObject({ "basalt.vhost": OTLP, "http.response.status_code": 200 });
    expect(request?.events.map(({ name }) => name)).toEqual(expect.arrayContaining(["lookup", "miss", "deliver"]));
    expect(exchange).toMatchObject({ parentSpanId: request?.spanId });
    const asked = origin.requests.find(({ path }) => path === "/joined");
    expect(asked?.field("traceparent")).toBe(`00-${traceId}-${request?.spanId}-01`);
    expect(asked?.field("tracestate")).toBe("a=1");
    const root = `1-${traceId.slice(0, 8)}-${traceId.slice(8)}`;
    expect(asked?.field("x-amzn-trace-id")).toBe(`Root=${root};Parent=${request?.spanId};Sampled=1`);
    await until("metrics", async () => {
      const metrics = await edge.metrics();
      return metrics.sum("basalt_trace_spans_exported_total") >= own.length;
    });
  });

  it("AWS-94 AWS-95 a bypassed request has the fields of the trace once, in place of the client's", async () => {
    const given = nextRoot();
    await edge
      .get("/bypassed", {
        host: OTLP,
        method: "POST",
        headers: { "X-Amzn-Trace-Id": `Root=${given}`, traceparent: "nonsense" },
        body: "x",
      })
      .expect(200);
    const asked = origin.requests.find(({ path }) => path === "/bypassed");
    const names = asked?.fields.filter((_, index) => index % 2 === 0).map((name) => String(name).toLowerCase()) ?? [];
    expect(names.filter((name) => name === "traceparent")).toHaveLength(1);
    expect(names.filter((name) => name === "x-amzn-trace-id")).toHaveLength(1);
    expect(asked?.field("x-amzn-trace-id")).toMatch(new RegExp(`^Root=${given};Parent=[0-9a-f]{16};Sampled=0$`));
  });

  it("AWS-100 AWS-A18 the service map adds up what both workers have served and asked of the origin", async () => {
    const sampled = { "X-Amzn-Trace-Id": `Root=${nextRoot()};Sampled=1` };
    const answers = [
      [200, 10],
      [404, 5],
      [429, 3],
      [500, 2],
    ] as const;
    for (const [status, count] of answers) {
      origin.on(({ path }) => path.startsWith(`/map/${status}/`)).reply(status, {}, "answer");
      for (let each = 0; each < count; each++) await edge.get(`/map/${status}/${each}`, { host: PLAIN }).expect(status);
    }
    await edge.get("/map/traced", { host: AMZN, headers: sampled }).expect(200);
    let map = await mapOf(PLAIN);
    await until("the figures of all requests", async () => {
      map = await mapOf(PLAIN);
      return nodeOf(map, PLAIN).requests === 20 && nodeOf(map, origin.address).requests === 20;
    });
    expect(map.nodes.map(({ name, type }) => [name, type])).toEqual([
      ["client", "client"],
      [PLAIN, "vhost"],
      [origin.address, "origin"],
    ]);
    for (const node of map.nodes) {
      expect(node).toMatchObject({ success: 0.5, error: 0.25, throttle: 0.15, fault: 0.1, tracesPerMinute: 0 });
      expect(node.latencyMs).toBeGreaterThan(0);
    }
    expect(map.edges.map(({ from, to }) => [from, to])).toEqual([
      [0, 1],
      [1, 2],
    ]);
    await until("the traces of the other host", async () => {
      const { tracesPerMinute } = nodeOf(await mapOf(AMZN), AMZN);
      return tracesPerMinute > 0 && nodeOf(await mapOf(AMZN), origin.address).tracesPerMinute > 0;
    });
  });

  it("AWS-99 a host without tracing makes no fields; switched off, others do not either", async () => {
    await edge.get("/plain", { host: PLAIN }).expect(200);
    await edge.reload({ vhosts: vhosts("Inactive") });
    await edge.get("/off", { host: AMZN, headers: { "X-Amzn-Trace-Id": `Root=${nextRoot()};Sampled=1` } });
    for (const path of ["/plain", "/off"]) {
      const asked = origin.requests.find((request) => request.path === path);
      expect(asked).toBeDefined();
      expect(asked?.field("x-amzn-trace-id")).toBeUndefined();
      expect(asked?.field("traceparent")).toBeUndefined();
    }
    expect((await segments(AMZN)).map(({ http }) => http.request.url).join()).not.toContain("/off");
    expect(await linesOf(PLAIN, "trace")).toEqual([]);
    const [names] = await linesOf(PLAIN, "access");
    expect(names).toMatch(/ session-id sc-content-length$/);
  });
});
