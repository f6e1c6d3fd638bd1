import { setTimeout as pause } from "node:timers/promises";
import { describe, expect } from "vitest";
import { patternBody, type RawClient } from "../../src/index.ts";
import { type Scene, scenario, useEdge } from "../../src/scenario/index.ts";

/** Everything that is counted, through two workers, against what client and origin have counted themselves. */
useEdge({
  workers: 2,
  managerXml: '<Allow Role="User">127.0.0.1</Allow>',
  hostXml: '<Alarm Name="many errors" Metric="5xxError" Threshold="20"/>',
});

const COUNTED = "<Stats><ClientLocal>ON</ClientLocal><OriginLocal>ON</OriginLocal><DirDepth>1</DirDepth></Stats>";
const WINDOW_SECONDS = 300;
/** Of the first one behind a clock that was set. */
const LONGEST_WINDOW_SECONDS = 450;
const LIMIT_MS = 60_000;
const LAST_MODIFIED = "Sat, 29 Oct 1994 19:43:31 GMT";
const OFTEN = 8;

interface Wire {
  requests: number;
  sentBytes: number;
  receivedBytes: number;
  readonly statuses: Map<number, number>;
}

type Ask = (method: string, path: string, fields?: string, body?: string) => Promise<number>;

/** Asks on connections of its own and keeps account of every byte. */
const asker = (scene: Scene, clients: readonly RawClient[]): { readonly wire: Wire; readonly ask: Ask } => {
  const wire: Wire = { requests: 0, sentBytes: 0, receivedBytes: 0, statuses: new Map() };
  const ask: Ask = async (method, path, fields = "", body = "") => {
    const client = clients[wire.requests % clients.length];
    if (client === undefined) throw new Error("no client");
    const length = body === "" ? "" : `Content-Length: ${body.length}\r\n`;
    const request = `${method} ${path} HTTP/1.1\r\nHost: ${scene.edge.host}\r\n${fields}${length}\r\n${body}`;
    wire.requests += 1;
    wire.sentBytes += request.length;
    const before = client.bytesReceived;
    await client.send(request);
    const { status } = await client.readResponse(method);
    wire.receivedBytes += client.bytesReceived - before;
    wire.statuses.set(status, (wire.statuses.get(status) ?? 0) + 1);
    return status;
  };
  return { wire, ask };
};

/** The document at that place, as soon as it speaks of a time that has ended. */
const ended = async (scene: Scene, query: string): Promise<Document> => {
  for (const limit = Date.now() + LIMIT_MS; Date.now() < limit; await pause(100)) {
    const { text } = await scene.edge.cluster.api(`/monitoring/average.json?${query}`);
    const json: Document = JSON.parse(text);
    if (json.Host.Time !== undefined) return json;
  }
  throw new Error("no time has ended");
};

/** What this test reads of the document. */
interface Document {
  readonly Host: {
    readonly Time?: string;
    readonly HttpCountSum: Readonly<Record<string, number>>;
    readonly HttpRequestHitSum: Readonly<Record<string, number>>;
    readonly VirtualHost: readonly {
      readonly ClientInbound: number;
      readonly ClientOutbound: number;
      readonly OriginInbound: number;
      readonly OriginOutbound: number;
      readonly ClientHttpReqBypassSum: number;
      readonly ClientHttpReqDeniedSum: number;
      readonly FileTotal: number;
      readonly ClientTraffic: {
        readonly Traffic: readonly { readonly Path: string; readonly HttpReqCountSum: number }[];
      };
    }[];
  };
}

interface MetricStatistics {
  readonly result: {
    readonly hosts: readonly { readonly metrics: readonly Readonly<Record<string, number | string>>[] }[];
  };
}

const statusClass = ({ statuses }: Wire, first: number): number =>
  [...statuses].reduce((sum, [status, count]) => sum + (Math.trunc(status / 100) === first ? count : 0), 0);

describe("what is counted", () => {
  scenario(
    "REG-269 STAT-03 STAT-17 STAT-29 STAT-36 STAT-40 STAT-41 STAT-61 STAT-62 STAT-69 STAT-78: a workload of known totals is the same in JSON, XML and Prometheus",
    { xml: COUNTED, conditions: { "bypass.txt": "/pass/*, bypass\n" } },
    async (scene) => {
      const { origin, edge, clock } = scene;
      const body = patternBody(70_000, 5);
      origin.on("/img/a").reply(200, { "Last-Modified": LAST_MODIFIED, "Content-Type": "x/y" }, body);
      origin.on("/pass/b").reply(200, {}, "passed");
      origin.on("/none").reply(404, {}, "nothing");
      origin.on("/broken").reply(200, {}, "x").closeAfter(0);
      // The window in which the edge was started is left out; its minutes are not.
      await clock.advance(WINDOW_SECONDS);
      await ended(scene, "min=1");
      const clients = await Promise.all([scene.client(), scene.client(), scene.client(), scene.client()]);
      const { wire, ask } = asker(scene, clients);
      expect(await ask("GET", "/img/a")).toBe(200);
      await edge.stored("/img/a");
      for (let round = 0; round < OFTEN; round++) await ask("GET", "/img/a");
      for (let round = 0; round < OFTEN; round++) await ask("GET", "/img/a", "Range: bytes=100-1099\r\n");
      for (let round = 0; round < OFTEN; round++) await ask("GET", "/img/a", `If-Modified-Since: ${LAST_MODIFIED}\r\n`);
      for (let round = 0; round < OFTEN; round++) await ask("HEAD", "/img/a");
      for (let round = 0; round < OFTEN; round++) await ask("POST", "/pass/b", "", "content");
      await ask("GET", "/none");
      await edge.stored("/none");
      for (let round = 0; round < OFTEN; round++) await ask("GET", "/none");
      expect(await ask("PURGE", "/img/a")).toBe(401);
      const metrics = await edge.cluster.metrics();
      const counted = (name: string, labels: Readonly<Record<string, string>> = {}): number =>
        metrics.sum(`basalt_${name}_total`, { vhost: edge.host, ...labels });

      expect(counted("client_requests")).toBe(wire.requests);
      expect(counted("client_request_bytes")).toBe(wire.sentBytes);
      expect(counted("client_response_head_bytes") + counted("client_response_body_bytes")).toBe(wire.receivedBytes);
      for (const first of [2, 3, 4, 5]) {
        expect(counted("client_responses", { class: `${first}xx` })).toBe(statusClass(wire, first));
        expect(counted("client_responses_completed", { class: `${first}xx` })).toBe(statusClass(wire, first));
      }
      expect(counted("client_ranges")).toBe(OFTEN);
      expect(counted("client_not_modified")).toBe(OFTEN);
      expect(counted("client_bypassed")).toBe(OFTEN);
      expect(counted("cache_results")).toBe(wire.requests);
      const results = {
        TCP_MISS: 2,
        TCP_HIT: 3 * OFTEN,
        TCP_IMS_HIT: OFTEN,
        TCP_CLIENT_REFRESH_MISS: OFTEN,
        TCP_NEGATIVE_HIT: OFTEN,
        TCP_DENIED: 1,
      };
      for (const [result, count] of Object.entries(results)) {
        expect([result, counted("cache_results", { result })]).toEqual([result, count]);
      }
      const { in: received, out: sent } = origin.bytes;
      expect(counted("origin_requests")).toBe(origin.requests.length);
      expect(counted("origin_request_bytes")).toBe(received);
      expect(counted("origin_response_bytes")).toBe(sent);

      await clock.advance(LONGEST_WINDOW_SECONDS);
      const { Host } = await ended(scene, `vhost=${edge.host}`);
      const { text: xml } = await edge.cluster.api(`/monitoring/average?type=XML&vhost=${edge.host}`);
      expect(Host.HttpCountSum).toMatchObject({
        ...{ ClientReqCount: wire.requests, ClientResTotalCount: wire.requests },
        ...{
          ClientRes2xxCount: statusClass(wire, 2),
          ClientRes3xxCount: OFTEN,
          ClientRes4xxCount: statusClass(wire, 4),
        },
        ...{ OriginReqCount: origin.requests.length, OriginRes2xxCount: OFTEN + 1, OriginRes4xxCount: 1 },
      });
      expect(Host.HttpRequestHitSum).toMatchObject(results);
      const [vhost] = Host.VirtualHost;
      expect(vhost).toMatchObject({
        ClientInbound: Math.trunc(wire.sentBytes / WINDOW_SECONDS),
        ClientOutbound: Math.trunc(wire.receivedBytes / WINDOW_SECONDS),
        OriginInbound: Math.trunc(sent / WINDOW_SECONDS),
        OriginOutbound: Math.trunc(received / WINDOW_SECONDS),
        ClientHttpReqBypassSum: OFTEN,
        ClientHttpReqDeniedSum: 1,
        FileTotal: 2,
      });
      const folders = new Map(vhost?.ClientTraffic.Traffic.map((entry) => [entry.Path, entry.HttpReqCountSum]));
      expect(folders).toEqual(
        new Map([
          ["/", OFTEN + 1],
          ["/img", 4 * OFTEN + 2],
          ["/pass", OFTEN],
        ]),
      );
      expect(xml).toContain(`<ClientHttpReqBypass Sum="${OFTEN}">0</ClientHttpReqBypass>`);
      for (const [name, count] of Object.entries(Host.HttpCountSum)) expect(xml).toContain(` ${name}="${count}"`);
      for (const [name, count] of Object.entries(Host.HttpRequestHitSum)) expect(xml).toContain(` ${name}="${count}"`);
    },
  );

  scenario(
    "AWS-70 AWS-71 AWS-74 AWS-A13: statistics of metrics agree with what clients of both workers saw, 429 among it",
    { xml: '<Options><RateLimit Requests="20" Seconds="3600">/limited/*</RateLimit></Options>' },
    async (scene) => {
      const { origin, edge } = scene;
      origin.on("/a").reply(200, { "Cache-Control": "max-age=600" }, "v");
      origin.on("/limited/b").reply(200, { "Cache-Control": "max-age=600" }, "w");
      const { wire, ask } = asker(scene, await Promise.all([scene.client(), scene.client(), scene.client()]));
      for (const path of ["/a", "/limited/b"]) {
        await ask("GET", path);
        await edge.stored(path);
      }
      for (let round = 0; round < 2 * OFTEN; round++) await ask("GET", "/a");
      for (let round = 0; round < 60; round++) await ask("GET", "/limited/b");
      const throttled = wire.statuses.get(429) ?? 0;
      expect(throttled).toBeGreaterThan(0);
      expect(statusClass(wire, 2) + throttled).toBe(wire.requests);
      const shown = async (): Promise<Readonly<Record<string, Readonly<Record<string, number | string>>>>> => {
        const { text } = await edge.cluster.api(`/monitoring/metricstatistics?period=3600&vhost=${edge.host}`);
        const { result }: MetricStatistics = JSON.parse(text);
        return Object.fromEntries(
          result.hosts.flatMap(({ metrics }) => metrics).map((one) => [String(one.Metric), one]),
        );
      };
      await expect.poll(async () => (await shown()).Count?.Sum, { timeout: LIMIT_MS }).toBe(wire.requests);
      const { ThrottleCount, Latency, IntegrationLatency, CacheHitCount } = await shown();
      expect(ThrottleCount).toMatchObject({ Unit: "Count", Sum: throttled, SampleCount: wire.requests, Maximum: 1 });
      expect(CacheHitCount).toMatchObject({ Sum: statusClass(wire, 2) - 2 });
      expect(Latency).toMatchObject({ Unit: "Milliseconds", SampleCount: wire.requests });
      expect(IntegrationLatency).toMatchObject({ SampleCount: 2 });
      const ofLatency = ["Minimum", "p50", "p90", "p95", "p99", "p99.9", "Maximum"].map((name) =>
        Number(Latency?.[name]),
      );
      expect(ofLatency.toSorted((left, right) => left - right)).toEqual(ofLatency);
    },
  );

  scenario(
    "AWS-75 AWS-A14: an alarm begins with a minute of errors and ends with one without",
    async ({ origin, edge, clock }) => {
      const stateAfterMinute = async (): Promise<unknown> => {
        await clock.advance(WINDOW_SECONDS);
        const { text } = await edge.cluster.api("/monitoring/alarms");
        const { result }: { readonly result: { readonly alarms: readonly { readonly State: string }[] } } =
          JSON.parse(text);
        return result.alarms[0]?.State;
      };
      origin.on("/broken").reply(500, { "Cache-Control": "no-store" }, "x");
      for (let count = 0; count < 25; count++) await edge.get(`/broken?${count}`);
      await expect.poll(stateAfterMinute, { timeout: LIMIT_MS }).toBe("ALARM");
      await expect.poll(stateAfterMinute, { timeout: LIMIT_MS }).toBe("OK");
      expect(await edge.cluster.log()).toContain("alarm many errors: ALARM, was ");
    },
  );

  scenario(
    "STAT-14: loopback clients change no statistics unless they are to, Prometheus counts them",
    async ({ origin, edge }) => {
      origin.on("/a").reply(200, {}, "v");
      await edge.get("/a").expect(200);
      await edge.counted({ client_requests: 1 });
      const { cluster } = edge;
      const { text } = await cluster.api(`/monitoring/average?min=60&vhost=${edge.host}`);
      expect(text).toContain('"ClientReqCount":0');
    },
  );

  scenario(
    "REG-276 STAT-04 STAT-27 STAT-66: a session with traffic is active in that second and open as long as it stands",
    { xml: COUNTED },
    async (scene) => {
      const { origin, edge } = scene;
      origin.on("/a").reply(200, {}, "v");
      const client = await scene.client();
      const { ask } = asker(scene, [client]);
      const seen = { isActive: false, isOpen: false };
      for (
        const limit = Date.now() + LIMIT_MS;
        Date.now() < limit && !(seen.isActive && seen.isOpen);
        await pause(50)
      ) {
        await ask("GET", "/a");
        const { text } = await edge.cluster.api(`/monitoring/realtime.json?vhost=${edge.host}`);
        const session: unknown = JSON.parse(text).Host.VirtualHost[0].Session;
        seen.isActive ||= JSON.stringify(session).includes('"ActiveClient":1');
        seen.isOpen ||= JSON.stringify(session).includes('"Client":1,');
      }
      expect(seen).toEqual({ isActive: true, isOpen: true });
    },
  );
});

describe("the calls", () => {
  scenario(
    "STAT-01 STAT-02 STAT-09 AWS-77: formats by suffix and by type, and Prometheus below /monitoring",
    async ({ edge }) => {
      const { cluster } = edge;
      const asked = async (path: string): Promise<readonly [number, string, string]> => {
        const { status, contentType, text } = await cluster.api(path);
        return [status, contentType, text.slice(0, 8)];
      };
      const json = [200, "text/plain; charset=utf-8", '{"Host":'];
      const xml = [200, "text/xml; charset=utf-8", "<?xml ve"];
      for (const name of ["realtime", "average"]) {
        expect(await asked(`/monitoring/${name}`)).toEqual(json);
        expect(await asked(`/monitoring/${name}.json`)).toEqual(json);
        expect(await asked(`/monitoring/${name}?type=Json`)).toEqual(json);
        expect(await asked(`/monitoring/${name}.xml`)).toEqual(xml);
        expect(await asked(`/monitoring/${name}?type=XML`)).toEqual(xml);
      }
      expect((await cluster.api("/monitoring/average?min=61")).status).toBe(400);
      expect((await cluster.api("/monitoring/metrics")).text).toContain("basalt_build_info");
    },
  );
});
