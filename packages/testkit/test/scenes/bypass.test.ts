import { describe, expect } from "vitest";
import { patternBody, type RawResponse, startOrigin, type TestOrigin, verifyPattern } from "../../src/index.ts";
import { type Scene, type SceneEdge, scenario, useEdge } from "../../src/scenario/index.ts";

/** The worked examples of spec 06, through two workers. */
useEdge({ workers: 2 });

/** Connections of their own, so that both workers get some. */
const OFTEN = 6;

const post = (edge: SceneEdge, path: string, body = "x") => edge.get(path, { method: "POST", body });

const postOn = async (client: Scene["client"], host: string, path: string): Promise<RawResponse> =>
  (await client()).request({ path, host, method: "POST", body: "x" });

describe("what is bypassed", () => {
  scenario("A1 of spec 06: POST is relayed as it is, and its answer", async ({ origin, edge }) => {
    origin.on("/api").reply(200, { "Set-Cookie": ["a=1", "b=2"] }, "done");
    for (let round = 1; round <= 2; round++) {
      const headers = { "User-Agent": "Browser/1", Cookie: "c=3" };
      const answer = await edge.get("/api?x=1", { method: "POST", headers, body: "content" });
      expect([answer.status, answer.text, answer.fieldLines("set-cookie")]).toEqual([200, "done", ["a=1", "b=2"]]);
      const seen = origin.lastSeen("/api");
      expect([seen.method, seen.target, String(seen.body)]).toEqual(["POST", "/api?x=1", "content"]);
      expect([seen.field("user-agent"), seen.field("cookie")]).toEqual(["Browser/1", "c=3"]);
      expect([seen.field("host"), seen.field("x-forwarded-for")]).toEqual([`${edge.host}:${origin.port}`, "127.0.0.1"]);
      expect(origin.saw("/api")).toBe(round);
    }
    await edge.counted({ TCP_CLIENT_REFRESH_MISS: 2, client_bypassed: 2 });
  });

  scenario(
    "A2 of spec 06: BypassGet ON with a line of bypass.txt that turns it round",
    { xml: "<Options><BypassGetRequest>ON</BypassGetRequest></Options>", conditions: { "bypass.txt": "/img/*\n" } },
    async ({ origin, edge }) => {
      for (const path of ["/a", "/img/a"]) origin.on(path).reply(200, {}, "v");
      for (let round = 0; round < OFTEN; round++) {
        for (const path of ["/a", "/img/a"]) await edge.get(path).expect(200, "v");
      }
      expect([origin.saw("/a"), origin.saw("/img/a")]).toEqual([OFTEN, 1]);
    },
  );

  scenario(
    "A3 of spec 06: a line marked bypass counts before one marked cache, whatever their order",
    { conditions: { "bypass.txt": "/a*, cache\n/a1, bypass\n" } },
    async ({ origin, edge }) => {
      for (const path of ["/a1", "/a2"]) origin.on(path).reply(200, {}, "v");
      for (let round = 0; round < OFTEN; round++) {
        for (const path of ["/a1", "/a2"]) await edge.get(path).expect(200, "v");
      }
      expect([origin.saw("/a1"), origin.saw("/a2")]).toEqual([OFTEN, 1]);
    },
  );

  scenario(
    "A4 of spec 06: BypassNoCacheRequest comes before a line marked cache",
    {
      xml: "<Options><BypassNoCacheRequest>ON</BypassNoCacheRequest></Options>",
      conditions: { "bypass.txt": "/a, cache\n" },
    },
    async ({ origin, edge }) => {
      origin.on("/a").reply(200, {}, "v");
      await edge.get("/a").expect(200, "v");
      await edge.get("/a").expect(200, "v");
      expect(origin.saw("/a")).toBe(1);
      for (const headers of [
        { "Cache-Control": "no-cache" },
        { "Cache-Control": "max-age=0" },
        { Pragma: "no-cache" },
      ]) {
        await edge.get("/a", { headers }).expect(200, "v");
      }
      expect(origin.saw("/a")).toBe(4);
    },
  );

  scenario(
    "A5 of spec 06: conditions joined by &",
    { conditions: { "bypass.txt": "$HEADER[cookie: *login=1*] & $URL[*.jsp], bypass\n" } },
    async ({ origin, edge }) => {
      const asked: Record<string, number> = {};
      for (const path of ["/a.jsp", "/a.html"]) {
        origin.on(path).reply(200, {}, "v");
        for (const cookie of ["x=0; login=1", "login=2"]) {
          for (let round = 0; round < 3; round++)
            await edge.get(path, { headers: { Cookie: cookie } }).expect(200, "v");
        }
        asked[path] = origin.saw(path);
      }
      expect(asked).toEqual({ "/a.jsp": 4, "/a.html": 1 });
    },
  );

  scenario("A9 of spec 06: PUT is not implemented", async ({ origin, edge }) => {
    await edge.get("/a", { method: "PUT", body: "x" }).expect(501);
    expect(origin.saw()).toBe(0);
  });

  scenario(
    "A9 of spec 06: PUT is relayed with BypassPutRequest ON",
    { xml: "<Options><BypassPutRequest>ON</BypassPutRequest></Options>" },
    async ({ origin, edge }) => {
      origin.on("/a").reply(201, {}, "made");
      await edge.get("/a", { method: "PUT", body: ["in ", "chunks"] }).expect(201, "made");
      expect(String(origin.lastSeen("/a").body)).toBe("in chunks");
    },
  );
});

/** Two more origins beside the scene's, on its port. */
const siblings = async (origin: TestOrigin): Promise<TestOrigin[]> => {
  const others = [];
  for (const ip of ["127.0.0.2", "127.0.0.3"]) others.push(await startOrigin({ ip, port: origin.port }));
  for (const each of [origin, ...others]) each.on("/p").reply(200, {}, "v");
  return [origin, ...others];
};

const THREE = {
  address: ({ port }: TestOrigin) => ["127.0.0.1", "127.0.0.2", "127.0.0.3"].map((ip) => `${ip}:${port}`),
};

describe("one origin server for a client", () => {
  scenario(
    "A6 of spec 06, BYP-11: ten POSTs over five connections reach one origin; when it is gone, one other",
    { ...THREE, xml: "<OriginOptions><Exclusion>1</Exclusion></OriginOptions>" },
    async ({ origin, edge, client }) => {
      const origins = await siblings(origin);
      try {
        const sessions = await Promise.all(Array.from({ length: 5 }, client));
        const ask = async (): Promise<number[]> => {
          const before = origins.map((each) => each.saw("/p"));
          for (const session of [...sessions, ...sessions]) {
            const answer = await session.request({ path: "/p", host: edge.host, method: "POST", body: "x" });
            expect(answer.status).toBe(200);
          }
          return origins.map((each, index) => each.saw("/p") - (before[index] ?? 0));
        };
        const first = await ask();
        expect(first.toSorted()).toEqual([0, 0, 10]);
        const gone = first.indexOf(10);
        await origins[gone]?.refuse();
        const second = await ask();
        expect([second[gone], ...second.toSorted()]).toEqual([0, 0, 0, 10]);
      } finally {
        for (const other of origins.slice(1)) await other.close();
      }
    },
  );

  scenario(
    'A6 of spec 06: OriginAffinity="OFF" spreads them',
    { ...THREE, xml: '<Options><BypassPostRequest OriginAffinity="OFF">ON</BypassPostRequest></Options>' },
    async ({ origin, edge }) => {
      const origins = await siblings(origin);
      try {
        for (let round = 0; round < 12; round++) await post(edge, "/p").expect(200, "v");
        for (const each of origins) expect(each.saw("/p")).toBeGreaterThanOrEqual(2);
      } finally {
        for (const other of origins.slice(1)) await other.close();
      }
    },
  );

  scenario(
    "A7 of spec 06, BYP-12: a private origin connection for each client connection, ended with either side",
    { xml: '<Options><BypassPostRequest Private="ON">ON</BypassPostRequest></Options>' },
    async ({ origin, edge, client }) => {
      origin.on("/p").reply(200, {}, "v");
      const sessions = [await client(), await client()];
      for (let round = 0; round < 3; round++) {
        for (const session of sessions) {
          expect((await session.request({ path: "/p", host: edge.host, method: "POST", body: "x" })).text).toBe("v");
        }
      }
      const [one, two] = origin.seen("/p").map(({ connection }) => connection);
      expect(origin.seen("/p").map(({ connection }) => connection)).toEqual([one, two, one, two, one, two]);
      expect([one === two, origin.openConnections]).toEqual([false, 2]);
      sessions[0]?.close();
      await expect.poll(() => origin.openConnections).toBe(1);
      origin.dropConnections();
      expect(await sessions[1]?.closedByPeer()).toBe(true);
    },
  );
});

describe("time-outs and failures", () => {
  scenario(
    "A8 of spec 06: a slow origin may take longer for a bypassed request than for a cached one",
    {
      xml: "<OriginOptions><ReceiveTimeout>1</ReceiveTimeout><BypassReceiveTimeout>20</BypassReceiveTimeout></OriginOptions>",
    },
    async ({ origin, edge }) => {
      origin.on("/slow").reply(200, {}, "at last").delay(2_500);
      const [bypassed, cached] = await Promise.all([post(edge, "/slow"), edge.get("/slow")]);
      expect([bypassed.status, bypassed.text, cached.status]).toEqual([200, "at last", 500]);
    },
  );

  scenario(
    "BYP-13, BYP-20: a bypassed request fails with 500 after its own time-out, and counts for Exclusion",
    { xml: "<OriginOptions><BypassReceiveTimeout>1</BypassReceiveTimeout><Exclusion>1</Exclusion></OriginOptions>" },
    async ({ origin, edge }) => {
      origin.on("/never").reply(200).silent();
      origin.on("/a").reply(200, {}, "v");
      await post(edge, "/never").expect(500, /\S/);
      await expect.poll(async () => (await post(edge, "/a")).status).toBe(500);
    },
  );

  scenario(
    "REG-108, BYP-16: an origin that closes first ends the answer, whole or cut",
    async ({ origin, edge, client }) => {
      origin.on("/whole").reply(200, {}, "until the close").untilClose();
      origin.on("/cut").reply(200, {}, patternBody(100_000, 1)).closeAfter(50_000);
      expect((await postOn(client, edge.host, "/whole")).text).toBe("until the close");
      await expect(postOn(client, edge.host, "/cut")).rejects.toThrow();
    },
  );

  scenario(
    "REG-106, BYP-19: a bypass in progress survives the loss of the only disk",
    { ownEdge: { disks: 1, storage: { OnCrash: "bypass" } } },
    async ({ origin, edge }) => {
      const held = origin.on("/p").reply(200, {}, patternBody(3_000_000, 7)).hold(1_000_000);
      const answer = post(edge, "/p");
      await origin.sawAtLeast("/p", 1);
      const [disk = ""] = edge.cluster.diskPaths;
      const change = await edge.cluster.apiJson(`/command/unmount?disk=${encodeURIComponent(disk)}`);
      expect(change.status).toBe("OK");
      origin.on("/g").reply(200, {}, "v");
      for (let round = 0; round < 2; round++) await edge.get("/g").expect(200, "v");
      held.release();
      const { status, body } = await answer;
      expect([status, body.length, verifyPattern(7, 0, body)]).toEqual([200, 3_000_000, undefined]);
    },
  );
});

describe("fields of bypassed requests", () => {
  const SENT = { "User-Agent": "Browser/1", "X-Forwarded-For": "220.61.7.150", "WL-Proxy-Client-IP": "6.6.6.6" };
  const WANTED = ["host", "user-agent", "x-forwarded-for", "wl-proxy-client-ip"];

  const fieldsOf = async ({ origin, edge }: Scene): Promise<(string | undefined)[]> => {
    origin.on("/p").reply(200, {}, "v");
    await edge.get("/p", { method: "POST", headers: SENT, body: "x" }).expect(200);
    return WANTED.map((name) => origin.lastSeen("/p").field(name));
  };

  scenario(
    "BYP-14, ORG-42 to ORG-45: Bypass ON sends what is configured",
    {
      xml: `<OriginOptions><Host>h.test:81</Host><UserAgent Bypass="ON">STON</UserAgent><XFFClientIPOnly>ON</XFFClientIPOnly><WLProxyClientIP>ON</WLProxyClientIP></OriginOptions>`,
    },
    async (scene) => expect(await fieldsOf(scene)).toEqual(["h.test:81", "STON", "220.61.7.150", "127.0.0.1"]),
  );

  scenario(
    "BYP-14: Bypass OFF sends what the client sent",
    {
      xml: `<OriginOptions><Host Bypass="OFF">h.test:81</Host><UserAgent Bypass="OFF">STON</UserAgent><XFFClientIPOnly Bypass="OFF">ON</XFFClientIPOnly><WLProxyClientIP Bypass="OFF">ON</WLProxyClientIP></OriginOptions>`,
      host: "off.test",
    },
    async (scene) => expect(await fieldsOf(scene)).toEqual(["off.test", "Browser/1", "220.61.7.150", "6.6.6.6"]),
  );

  scenario(
    "ORG-53, OPEN 17 of spec 05: $ORGREQ applies behind these, and Range stays as it is",
    {
      xml: "<OriginOptions><ModifyHeader>ON</ModifyHeader></OriginOptions>",
      conditions: {
        "headers.txt": "*, $ORGREQ[X-Forwarded-For: 9.9.9.9], set\n*, $ORGREQ[User-Agent], unset\n",
      },
    },
    async ({ origin, edge }) => {
      origin.on("/p").reply(200, {}, "v");
      await edge.get("/p", { method: "POST", headers: { ...SENT, Range: "bytes=0-1" }, body: "x" }).expect(200);
      const seen = origin.lastSeen("/p");
      expect(["x-forwarded-for", "user-agent", "range"].map((name) => seen.field(name))).toEqual([
        "9.9.9.9",
        undefined,
        "bytes=0-1",
      ]);
    },
  );
});
