import { describe, expect } from "vitest";
import { patternBody, renderRequest, startOrigin } from "../../src/index.ts";
import { type Scene, scenario, useEdge } from "../../src/scenario/index.ts";

/** Sections C and D of spec 22: origins and what bypasses the cache, through two workers. */
useEdge({ workers: 2 });

const NEVER_EXCLUDED = "<OriginOptions><Exclusion>100000</Exclusion></OriginOptions>";
const LAST_MODIFIED = "Tue, 01 Jan 2019 00:00:00 GMT";
const ASKED_OFTEN = 4;

/** Puts other settings of this scene's host in service. */
const reloadHost = async ({ edge }: Scene, changes: { origin?: readonly string[]; xml?: string }): Promise<void> => {
  const { vhosts } = edge.cluster.configuration;
  const changed = vhosts.map((vhost) => (vhost.name === edge.host ? { ...vhost, ...changes } : vhost));
  expect((await edge.cluster.reload({ vhosts: changed })).status).toBe("OK");
};

describe("answers of origins", () => {
  scenario(
    "REG-80: a negative Content-Length is a failure, and the stored object stays",
    { xml: NEVER_EXCLUDED },
    async (scene) => {
      const { origin, edge, clock } = scene;
      const negative = ["-5"];
      for (const [index, length] of negative.entries()) {
        const path = `/${index}`;
        const bad = `HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n\r\nhello`;
        origin.on(path).garbage(bad);
        await edge.get(path).expect(500, /\S/);
        await edge.get(path, { method: "POST", body: "x" }).expect(500, /\S/);
        await clock.advance(4);
        origin.on(path).reply(200, {}, "v1");
        await edge.get(path).expect(200, "v1");
        await clock.advance(1_801);
        origin.on(path).garbage(bad);
        await edge.get(path).expect(200, "v1");
      }
    },
  );

  scenario("REG-81: a status line without a phrase is one, with and without the blank", async ({ origin, edge }) => {
    for (const [index, line] of ["HTTP/1.1 200", "HTTP/1.1 200 "].entries()) {
      origin.on(`/${index}`).garbage(`${line}\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok`);
      for (let round = 0; round < 2; round++) await edge.get(`/${index}`).expect(200, "ok");
      await edge.get(`/${index}`, { method: "POST", body: "x" }).expect(200, "ok");
    }
  });

  scenario("REG-82: an answer of no bytes is a completed one", async ({ origin, edge }) => {
    origin.on(() => true).reply(200, { "Cache-Control": "max-age=600" }, "");
    for (const path of ["/1", "/2", "/1"]) await edge.get(path).expect(200, "", { "content-length": "0" });
    await edge.get("/3", { method: "POST", body: "x" }).expect(200, "");
    await edge.head("/4").expect(200, "");
    await edge.counted({ origin_requests: 4, "origin_responses_completed{class=2xx}": 4, origin_failures: 0 });
  });

  scenario("REG-97: a close behind a response without a length is no error", async ({ origin, edge }) => {
    origin
      .on(() => true)
      .reply(200, {}, "to the end")
      .untilClose();
    for (let index = 0; index < ASKED_OFTEN; index++) await edge.get(`/${index}`).expect(200, "to the end");
    await edge.get("/p", { method: "POST", body: "x" }).expect(200, "to the end");
    await edge.counted({ "origin_responses_completed{class=2xx}": ASKED_OFTEN + 1, origin_failures: 0 });
    expect(await edge.cluster.log()).not.toContain(`[${edge.host}] ${origin.address} Server-Close`);
  });

  scenario(
    "REG-95: items of a query string without value reach the origin, from the cache and beside it",
    { conditions: { "bypass.txt": "/live, bypass" } },
    async ({ origin, edge }) => {
      origin.on(() => true).reply((request) => ({ status: 200, body: request.target }));
      for (const query of ["?a&b=1", "?a", "?a=&b", "?&&a", "?=1&a", "?a&a&a=", "?"]) {
        for (const path of ["/a", "/live"]) await edge.get(path + query).expect(200, path + query);
      }
    },
  );

  scenario(
    "REG-93: with PartSize a film with a large header is delivered from the first request on",
    {
      xml: `<OriginOptions><PartSize>1</PartSize></OriginOptions><Options><BandwidthThrottling><Throttling>ON</Throttling></BandwidthThrottling></Options>`,
      conditions: { "throttling.txt": "*.mp4, 80000, 100, 10\n" },
    },
    async ({ origin, edge }) => {
      const film = filmWithLargeHeader(3_000_000, 500_000);
      origin.on("/a.mp4").file(film, { lastModified: LAST_MODIFIED, etag: '"f"', type: "video/mp4" });
      for (let round = 0; round < 2; round++) {
        const answer = await edge.get("/a.mp4").expect(200);
        expect(answer.body.equals(film)).toBe(true);
      }
      const tail = await edge.get("/a.mp4", { headers: { Range: "bytes=-1000" } }).expect(206);
      expect(tail.body.equals(film.subarray(-1_000))).toBe(true);
    },
  );
});

const box = (type: string, content: Buffer): Buffer => {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(8 + content.length, 0);
  head.write(type, 4, "latin1");
  return Buffer.concat([head, content]);
};

/** No player could show it: what counts here is where its boxes lie. */
const filmWithLargeHeader = (headerBytes: number, mediaBytes: number): Buffer =>
  Buffer.concat([
    box("ftyp", Buffer.from("isom\0\0\0\0isommp42", "latin1")),
    box("moov", box("udta", patternBody(headerBytes, 93).slice(0, headerBytes))),
    box("mdat", patternBody(mediaBytes, 94).slice(0, mediaBytes)),
  ]);

describe("settings of origins", () => {
  scenario(
    "REG-94: another Host of OriginOptions is sent behind a reload",
    { xml: "<OriginOptions><Host>first.test</Host></OriginOptions><Log><Origin Local='ON'>ON</Origin></Log>" },
    async (scene) => {
      const { origin, edge } = scene;
      origin.on(() => true).reply(200, {}, "v1");
      const hosts: (string | undefined)[] = [];
      for (const [index, name] of ["first.test", "second.test:81", ""].entries()) {
        const log = "<Log><Origin Local='ON'>ON</Origin></Log>";
        const xml = name === "" ? log : `<OriginOptions><Host>${name}</Host></OriginOptions>${log}`;
        if (index > 0) await reloadHost(scene, { xml });
        for (let round = 0; round < ASKED_OFTEN; round++) await edge.get(`/${index}/${round}`).expect(200);
        hosts.push(
          ...new Set(origin.seen(({ path }) => path.startsWith(`/${index}/`)).map((each) => each.field("host"))),
        );
      }
      expect(hosts).toEqual(["first.test", "second.test:81", `${edge.host}:${origin.port}`]);
    },
  );

  scenario(
    "REG-86 REG-87 REG-89 REG-90: addresses change under load, with health checks and resets; what was removed is not asked again",
    { xml: NEVER_EXCLUDED },
    async (scene) => {
      const { origin, edge, client } = scene;
      const others = [await startOrigin(), await startOrigin()];
      const all = [origin, ...others];
      for (const each of all) each.on(() => true).reply((request) => ({ status: 200, body: request.target }));
      const { vhosts } = edge.cluster.configuration;
      const checker = '<HealthChecker ResCode="200" Cycle="1">/alive</HealthChecker>';
      const lists = [[0, 1, 2], [2], [1, 0], [0, 1, 2], [2, 1]];
      try {
        const workers = await edge.cluster.workers();
        let isOver = false;
        let asked = 0;
        const wrong: string[] = [];
        const load = async (session: number): Promise<void> => {
          const opened = await client();
          while (!isOver) {
            const path = `/${session}/${asked++}`;
            const { status, text } = await opened.request({ path, host: edge.host });
            if (status !== 200 || text !== path) wrong.push(`${status} ${path} ${text}`);
          }
        };
        const loads = Array.from({ length: 8 }, (_, session) => load(session));
        for (const list of lists) {
          const origins = list.flatMap((index) => all[index]?.address ?? []);
          const changed = vhosts.map((vhost) =>
            vhost.name === edge.host ? { ...vhost, origin: origins, originXml: checker } : vhost,
          );
          expect((await edge.cluster.reload({ vhosts: changed })).status).toBe("OK");
          const reset = await edge.cluster.apiJson(`/command/resetorigin?vhost=${edge.host}`);
          expect(reset.httpStatus).toBe(200);
          const before = asked;
          await expect.poll(() => asked).toBeGreaterThan(before + 50);
        }
        for (const other of others) await expect.poll(() => other.saw("/alive")).toBeGreaterThan(0);
        const reset = await edge.cluster.apiJson(`/command/resetorigin?vhost=${edge.host}`);
        expect(reset.httpStatus).toBe(200);
        await expect.poll(() => origin.openConnections).toBe(0);
        const removed = origin.saw();
        const before = asked;
        await expect.poll(() => asked).toBeGreaterThan(before + 50);
        isOver = true;
        await Promise.all(loads);
        expect(wrong).toEqual([]);
        expect(origin.saw()).toBe(removed);
        expect(await edge.cluster.workers()).toEqual(workers);
      } finally {
        await reloadHost(scene, { origin: [origin.address] });
        for (const other of others) await other.close();
      }
    },
  );
});

describe("bypassed requests", () => {
  scenario(
    "REG-105 REG-113: hundreds of them under load, each answered for itself, and their bytes counted exactly",
    { conditions: { "bypass.txt": "/live*, bypass" } },
    async (scene) => {
      const { origin, edge, client } = scene;
      origin
        .on(() => true)
        .reply((request) => ({ status: 200, body: `${request.method} ${request.target} ${request.body}` }));
      const sent = { bytes: 0, bodies: 0, requests: 0 };
      const bodyOf = (index: number): string => "b".repeat((index * 37) % 3_000);
      const play = async (session: number): Promise<void> => {
        const opened = await client();
        const expected: string[] = [];
        const requests = Array.from({ length: 30 }, (_, index) => {
          const path = `/live/${session}/${index}`;
          const isPost = index % 3 > 0;
          const body = bodyOf(index);
          expected.push(isPost ? `POST ${path} ${body}` : `GET ${path} `);
          const spec = isPost ? { path, host: edge.host, method: "POST", body } : { path, host: edge.host };
          const bytes = renderRequest(spec);
          sent.bytes += bytes.length;
          sent.bodies += isPost ? body.length : 0;
          sent.requests += 1;
          return bytes;
        });
        void opened.send(Buffer.concat(requests));
        for (const wanted of expected) {
          const { status, text } = await opened.readResponse();
          expect([status, text]).toEqual([200, wanted]);
        }
      };
      await Promise.all(Array.from({ length: 10 }, (_, session) => play(session)));
      await edge.counted({
        client_requests: sent.requests,
        client_request_body_bytes: sent.bodies,
        client_request_bytes: sent.bytes,
        origin_request_body_bytes: sent.bodies,
        TCP_CLIENT_REFRESH_MISS: sent.requests,
      });
    },
  );

  scenario("REG-113: of a chunked body the bytes of its content count", async ({ origin, edge }) => {
    origin.on("/p").reply((request) => ({ status: 200, body: String(request.bodyBytes) }));
    const pieces = Array.from({ length: 20 }, (_, index) => "c".repeat(1 + index * 100));
    const bytes = pieces.join("").length;
    await edge.get("/p", { method: "POST", body: pieces }).expect(200, String(bytes));
    await edge.counted({ client_request_body_bytes: bytes, origin_request_body_bytes: bytes });
  });

  scenario(
    "REG-107 REG-109: clients and origins that leave at the same time leave nothing behind",
    { xml: NEVER_EXCLUDED },
    async ({ origin, edge, client }) => {
      const body = patternBody(400_000, 9);
      origin.on("/close").reply(200, {}, body).closeAfter(100_000);
      origin.on("/reset").reply(200, {}, body).resetAfter(100_000);
      origin.on("/until").reply(200, {}, body).untilClose();
      origin.on("/long").reply(200, {}, body).drip(2_000_000);
      const workers = await edge.cluster.workers();
      const leave = async (index: number): Promise<void> => {
        const opened = await client();
        const path = ["/close", "/reset", "/until", "/long"][index % 4] ?? "/";
        await opened.send(renderRequest({ path, host: edge.host, method: "POST", body: "x".repeat(index * 100) }));
        if (index % 3 > 0) await opened.readSome(1_000);
        if (index % 2 === 0) opened.reset();
        else opened.close();
      };
      await Promise.all(Array.from({ length: 120 }, (_, index) => leave(index)));
      origin.on("/a").reply(200, {}, "v1");
      await edge.get("/a", { method: "POST", body: "x" }).expect(200, "v1");
      await expect.poll(() => origin.openConnections).toBeLessThan(10);
      expect(await edge.cluster.workers()).toEqual(workers);
    },
  );

  scenario("REG-108: an origin that closes first has given everything", async ({ origin, edge, client }) => {
    const body = patternBody(700_000, 108);
    origin.on("/until").reply(200, {}, body).untilClose();
    origin.on("/length").reply(200, { Connection: "close" }, body);
    origin.on("/chunks").reply(200, { Connection: "close" }, body).chunked([5_000]);
    const session = await client();
    for (const path of ["/length", "/chunks", "/length", "/until"]) {
      const answer = await session.request({ path, host: edge.host, method: "POST", body: "x" });
      expect([path, answer.status, answer.body.equals(body.slice(0, 700_000))]).toEqual([path, 200, true]);
    }
  });

  scenario(
    "REG-112: a POST while the origin is excluded gets an answer, whatever its body",
    { xml: "<OriginOptions><Exclusion>1</Exclusion><Recovery>0</Recovery></OriginOptions>" },
    async ({ origin, edge, client }) => {
      await origin.refuse();
      for (let round = 0; round < ASKED_OFTEN; round++) await edge.get(`/${round}`).expect(500);
      const bodies = ["", "x", "y".repeat(300_000), ["a", "b".repeat(70_000)]];
      for (const body of bodies) await edge.get("/p", { method: "POST", body }).expect(500, /\S/);
      const waiting = await client();
      const head = `POST /p HTTP/1.1\r\nHost: ${edge.host}\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n`;
      await waiting.send(head);
      expect((await waiting.readHead("POST")).status).toBeGreaterThanOrEqual(100);
      await origin.listen();
    },
  );

  scenario(
    "REG-116 REG-117: conditions of any kind, and a bypass list before the caching of POST",
    {
      xml: "<Options><BypassPostRequest>OFF</BypassPostRequest><PostRequest>ON</PostRequest></Options>",
      conditions: {
        "bypass.txt": [
          "$URL[/live/*], bypass",
          "$HEADER[x-live] & /q, bypass",
          "$IP[127.0.0.1] & !HEADER[x-cached] & /ip/*, bypass",
          "$IP[10.0.0.0/8] & /other/*, bypass",
        ].join("\n"),
      },
    },
    async ({ origin, edge }) => {
      origin.on(() => true).reply(200, {}, "v1");
      const timesAsked = async (path: string, headers = {}): Promise<number> => {
        const before = origin.saw(path);
        for (let round = 0; round < 3; round++) {
          await edge.get(path, { method: "POST", body: "a=1", headers }).expect(200, "v1");
          if (round === 0) await edge.settled();
        }
        return origin.saw(path) - before;
      };
      expect(await timesAsked("/live/a")).toBe(3);
      expect(await timesAsked("/q")).toBe(1);
      expect(await timesAsked("/q", { "X-Live": "1" })).toBe(3);
      expect(await timesAsked("/ip/a")).toBe(3);
      expect(await timesAsked("/ip/b", { "X-Cached": "1" })).toBe(1);
      expect(await timesAsked("/other/a")).toBe(1);
    },
  );
});
