import { describe, expect } from "vitest";
import { garbageConnections, patternBody, renderRequest } from "../../src/index.ts";
import { scenario, useEdge } from "../../src/scenario/index.ts";

useEdge({ workers: 2 });

const KEEP_ALIVE = /^keep-alive$/i;
const CLOSE = /^close$/i;

describe("keep-alive", () => {
  scenario(
    "HTTP-09, A1 of spec 04: by default the session is kept and the time-out told",
    async ({ origin, edge, client }) => {
      origin.on("/a").reply(200, {}, "v1");
      const session = await client();
      for (let round = 0; round < 3; round++) {
        const response = await session.request({ path: "/a", host: edge.host });
        expect(response.field("connection")).toMatch(KEEP_ALIVE);
        expect(response.field("keep-alive")).toBe("timeout=10");
      }
    },
  );

  scenario(
    "HTTP-06, A1 of spec 04: a client that says close gets close and the end of the connection",
    async ({ origin, edge, client }) => {
      origin.on("/a").reply(200, {}, "v1");
      for (let round = 0; round < 2; round++) {
        const session = await client();
        const response = await session.request({ path: "/a", host: edge.host, headers: { Connection: "close" } });
        expect(response.field("connection")).toMatch(CLOSE);
        expect(response.field("keep-alive")).toBeUndefined();
        expect(await session.closedByPeer()).toBe(true);
      }
    },
  );

  scenario(
    "HTTP-07: ConnectionHeader close ends every session after one response",
    { xml: "<Options><ConnectionHeader>close</ConnectionHeader></Options>" },
    async ({ origin, edge, client }) => {
      origin.on("/a").reply(200, {}, "v1");
      const session = await client();
      const response = await session.request({ path: "/a", host: edge.host, headers: { Connection: "keep-alive" } });
      expect([response.text, response.field("keep-alive")]).toEqual(["v1", undefined]);
      expect(response.field("connection")).toMatch(CLOSE);
      expect(await session.closedByPeer()).toBe(true);
    },
  );

  scenario(
    "HTTP-08: KeepAliveHeader OFF keeps the session without the Keep-Alive field",
    { xml: "<Options><KeepAliveHeader>OFF</KeepAliveHeader></Options>" },
    async ({ origin, edge, client }) => {
      origin.on("/a").reply(200, {}, "v1");
      const session = await client();
      for (let round = 0; round < 2; round++) {
        const response = await session.request({ path: "/a", host: edge.host });
        expect(response.field("connection")).toMatch(KEEP_ALIVE);
        expect(response.field("keep-alive")).toBeUndefined();
      }
    },
  );

  scenario(
    "HTTP-04, HTTP-10, HTTP-11, A2 of spec 04: Max counts down and the last response closes",
    { xml: '<Options><KeepAliveHeader Max="2">ON</KeepAliveHeader></Options>' },
    async ({ origin, edge, client }) => {
      origin.on("/a").reply(200, {}, "v1");
      const session = await client();
      for (const told of ["timeout=10, max=2", "timeout=10, max=1"]) {
        const response = await session.request({ path: "/a", host: edge.host });
        expect([response.text, response.field("keep-alive")]).toEqual(["v1", told]);
      }
      const last = await session.request({ path: "/a", host: edge.host });
      expect([last.text, last.field("keep-alive")]).toEqual(["v1", undefined]);
      expect(last.field("connection")).toMatch(CLOSE);
      expect(await session.closedByPeer()).toBe(true);
    },
  );

  scenario(
    "HTTP-02: an idle session is closed without a word",
    { xml: "<Options><ClientKeepAliveSec>1</ClientKeepAliveSec></Options>" },
    async ({ origin, edge, client }) => {
      origin.on("/a").reply(200, {}, "v1");
      const session = await client();
      const response = await session.request({ path: "/a", host: edge.host });
      expect(response.field("keep-alive")).toBe("timeout=1");
      expect(await session.closedByPeer()).toBe(true);
    },
  );

  scenario("HTTP-06: an HTTP/1.0 client is closed unless it asks to be kept", async ({ origin, edge, client }) => {
    origin.on("/a").reply(200, {}, "v1");
    const plain = await client();
    await plain.request({ path: "/a", host: edge.host, version: "1.0" });
    expect(await plain.closedByPeer()).toBe(true);
    const keeping = await client();
    for (let round = 0; round < 2; round++) {
      const headers = { Connection: "keep-alive" };
      const response = await keeping.request({ path: "/a", host: edge.host, version: "1.0", headers });
      expect(response.field("connection")).toMatch(KEEP_ALIVE);
    }
  });

  scenario("an HTTP/1.0 client never gets the chunked coding", async ({ origin, edge, client }) => {
    origin.on("/c").reply(200, {}, "0123456789").chunked([3]);
    for (let round = 0; round < 2; round++) {
      const session = await client();
      const response = await session.request({ path: "/c", host: edge.host, version: "1.0" });
      expect([response.text, response.field("transfer-encoding")]).toEqual(["0123456789", undefined]);
    }
  });
});

describe("pipelining", () => {
  scenario(
    "HTTP-40: 20 requests in one write are answered in order, misses and hits alike",
    async ({ origin, edge, client }) => {
      origin.on((request) => request.path.startsWith("/p/")).reply((request) => ({ status: 200, body: request.path }));
      const paths = Array.from({ length: 20 }, (_, index) => `/p/${index}`);
      const bytes = Buffer.concat(paths.map((path) => renderRequest({ path, host: edge.host })));
      const session = await client();
      for (let round = 0; round < 2; round++) {
        await session.send(bytes);
        for (const path of paths) expect((await session.readResponse()).text).toBe(path);
      }
      expect(origin.saw()).toBe(20);
    },
  );

  scenario("a mix of methods in one write keeps its order, bodies included", async ({ origin, edge, client }) => {
    origin.on("/a").reply(200, {}, "cached");
    origin.on("/post").reply((request) => ({ status: 200, body: `got ${request.body}` }));
    const session = await client();
    const requests = [
      { path: "/a" },
      { path: "/post", method: "POST", body: "one" },
      { path: "/a", method: "HEAD" },
      { path: "/post", method: "POST", body: ["t", "wo"] },
      { path: "/a", headers: { Connection: "close" } },
    ].map((request) => ({ ...request, host: edge.host }));
    await session.send(Buffer.concat(requests.map(renderRequest)));
    const texts: string[] = [];
    for (const { method } of requests) texts.push((await session.readResponse(method ?? "GET")).text);
    expect(texts).toEqual(["cached", "got one", "", "got two", "cached"]);
    expect(await session.closedByPeer()).toBe(true);
  });

  scenario("a head in single bytes and a client that half-closes are served", async ({ origin, edge, client }) => {
    origin.on("/a").reply(200, {}, "v1");
    const slow = await client();
    await slow.sendSlowly(renderRequest({ path: "/a", host: edge.host }), 1, 1);
    expect((await slow.readResponse()).text).toBe("v1");
    const done = await client();
    await done.send(renderRequest({ path: "/a", host: edge.host }));
    done.halfClose();
    expect((await done.readResponse()).text).toBe("v1");
  });
});

describe("bypass", () => {
  scenario(
    "BYP-04, BYP-15, HTTP-36, A1 of spec 06: a POST is relayed with its body, every time",
    async ({ origin, edge }) => {
      origin.on("/api").reply(201, { "Set-Cookie": "s=1", "X-Own": "kept" }, "made");
      for (let round = 1; round <= 2; round++) {
        const headers = { "User-Agent": "tester/1", Cookie: "c=1", "X-Custom": "yes" };
        await edge
          .get("/api?x=1", { method: "POST", headers, body: ["ab", "cd"] })
          .expect(201, "made", { "set-cookie": "s=1", "x-own": "kept" });
        const seen = origin.lastSeen("/api");
        expect(seen).toMatchObject({ method: "POST", target: "/api?x=1", bodyBytes: 4, bodyComplete: true });
        expect(seen.body.toString()).toBe("abcd");
        expect(["user-agent", "cookie", "x-custom", "host"].map((name) => seen.field(name))).toEqual([
          "tester/1",
          "c=1",
          "yes",
          `${edge.host}:${origin.port}`,
        ]);
        expect(seen.field("x-forwarded-for")).toContain("127.0.0.1");
        expect(origin.saw("/api")).toBe(round);
      }
      await edge.counted({ TCP_CLIENT_REFRESH_MISS: 2, client_bypassed: 2 });
    },
  );

  scenario("BYP-15: a large body streams through with its length", async ({ origin, edge }) => {
    const body = patternBody(3_000_000, 21);
    origin.on("/upload").reply(200, {}, "thanks");
    await edge.get("/upload", { method: "POST", body: body.slice(0, body.size) }).expect(200, "thanks");
    const seen = origin.lastSeen("/upload");
    expect([seen.bodyBytes, seen.bodySha256, seen.field("content-length")]).toEqual([
      body.size,
      body.digest(),
      "3000000",
    ]);
  });

  scenario("a client that waits for 100 Continue gets it before its body", async ({ origin, edge, client }) => {
    origin.on("/upload").reply((request) => ({ status: 200, body: request.body }));
    const session = await client();
    const head = `POST /upload HTTP/1.1\r\nHost: ${edge.host}\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n`;
    await session.send(head);
    expect((await session.readSome())?.toString()).toMatch(/^HTTP\/1\.1 100 /);
    await session.send("body");
    expect((await session.readResponse()).text).toBe("body");
  });

  scenario(
    "BYP-05, BYP-06, BYP-07, A2 of spec 06: with BypassGetRequest ON only what bypass.txt names is cached",
    { xml: "<Options><BypassGetRequest>ON</BypassGetRequest></Options>", conditions: { "bypass.txt": "/img/*\n" } },
    async ({ origin, edge }) => {
      origin.on(() => true).reply(200, {}, "x");
      for (const path of ["/a", "/a", "/img/a", "/img/a"]) await edge.get(path).expect(200, "x");
      expect([origin.saw("/a"), origin.saw("/img/a")]).toEqual([2, 1]);
    },
  );

  scenario("BYP-20: a bypass to an origin that is down ends with a 500 page", async ({ origin, edge }) => {
    await origin.refuse();
    await edge.get("/api", { method: "POST", body: "x" }).expect(500, /\S/);
  });
});

describe("methods", () => {
  scenario("HTTP-36, BYP-17, A12 of spec 04: other methods are not implemented", async ({ origin, edge }) => {
    for (const method of ["DELETE", "PUT", "PATCH", "BREW"]) {
      await edge.get("/a", { method, headers: { "Content-Length": "0" } }).expect(501);
    }
    expect(origin.saw()).toBe(0);
  });

  scenario("HTTP-33, A12 of spec 04: an absolute target is served as the path", async ({ origin, edge }) => {
    origin.on("/a").reply(200, {}, "v1");
    await edge.get("/a").expect(200, "v1");
    await edge.get(`http://${edge.host}/a`).expect(200, "v1");
    expect(origin.seen().map((request) => request.target)).toEqual(["/a"]);
  });

  scenario("HTTP-37: OPTIONS is handed to the origin and not cached", async ({ origin, edge }) => {
    origin.on("/a").reply(204, { Allow: "GET" });
    for (let round = 0; round < 2; round++)
      await edge.get("/a", { method: "OPTIONS" }).expect(204, "", { allow: "GET" });
    expect(origin.seen("/a").map((request) => request.method)).toEqual(["OPTIONS", "OPTIONS"]);
  });
});

describe("upgrades", () => {
  scenario("an upgrade is handed on and bytes go both ways until one side closes", async ({ origin, edge, client }) => {
    origin.on("/ws").echoUpgrade("websocket");
    const tunnel = await client();
    const headers = { Connection: "Upgrade", Upgrade: "websocket", "Sec-WebSocket-Key": "x" };
    await tunnel.send(renderRequest({ path: "/ws", host: edge.host, headers }));
    const head = await tunnel.readHead();
    expect(head.status).toBe(101);
    for (const message of ["first", "second"]) {
      await tunnel.send(message);
      let echoed = "";
      while (echoed.length < message.length)
        echoed += (await tunnel.readSome())?.toString() ?? "closed before the echo";
      expect(echoed).toBe(message);
    }
    expect(origin.lastSeen("/ws").field("sec-websocket-key")).toBe("x");
    tunnel.close();
    await expect.poll(() => origin.openConnections).toBe(0);
  });

  scenario("a refused upgrade is an ordinary answer and the session goes on", async ({ origin, edge, client }) => {
    origin.on("/ws").reply(403, {}, "no");
    origin.on("/a").reply(200, {}, "v1");
    const session = await client();
    const headers = { Connection: "Upgrade", Upgrade: "websocket" };
    const refused = await session.request({ path: "/ws", host: edge.host, headers });
    expect([refused.status, refused.text]).toEqual([403, "no"]);
    expect((await session.request({ path: "/a", host: edge.host })).text).toBe("v1");
  });
});

describe("refusals", () => {
  const head = (...lines: readonly string[]): string => `GET / HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`;
  const post = (...lines: readonly string[]): string =>
    `POST / HTTP/1.1\r\nHost: HOST\r\n${lines.join("\r\n")}\r\n\r\n`;
  const malformed: Readonly<Record<string, readonly [number, string]>> = {
    "no Host": [400, head("Accept: */*")],
    "two Hosts": [400, head("Host: HOST", "Host: HOST")],
    "a bare LF": [400, "GET / HTTP/1.1\nHost: HOST\n\n"],
    "a blank before the colon": [400, head("Host: HOST", "A : 1")],
    "a folded line": [400, head("Host: HOST", "A: 1", " 2")],
    "a control character in a value": [400, head("Host: HOST", "A: \x00")],
    "a name that is no token": [400, head("Host: HOST", "A(: 1")],
    "a line without a colon": [400, head("Host: HOST", "nothing")],
    "a blank in the target": [400, "GET /a b HTTP/1.1\r\nHost: HOST\r\n\r\n"],
    "no version": [400, "GET /\r\nHost: HOST\r\n\r\n"],
    "no request at all": [400, "\x16\x03\x01\x02\x00\r\n\r\n"],
    "Content-Length beside chunked": [400, post("Content-Length: 3", "Transfer-Encoding: chunked")],
    "two different lengths": [400, post("Content-Length: 3", "Content-Length: 4")],
    "a length with a sign": [400, post("Content-Length: +3")],
    "an unknown transfer coding": [501, post("Transfer-Encoding: gzip, chunked")],
    "a long target": [414, `GET /${"a".repeat(9_000)} HTTP/1.1\r\nHost: HOST\r\n\r\n`],
    "a large head": [431, head("Host: HOST", `A: ${"a".repeat(40_000)}`)],
    "many fields": [431, head("Host: HOST", ...Array.from({ length: 300 }, (_, index) => `A${index}: 1`))],
    "another major version": [505, "GET / HTTP/2.0\r\nHost: HOST\r\n\r\n"],
  };

  scenario(
    "REG-06, HTTP-34: malformed requests get their status and the end of the connection",
    async ({ origin, edge, client }) => {
      origin.on("/").reply(200, {}, "never");
      const outcomes: Record<string, readonly [number, boolean]> = {};
      const expected: Record<string, readonly [number, boolean]> = {};
      for (const [what, [status, bytes]] of Object.entries(malformed)) {
        const session = await client();
        await session.send(bytes.replaceAll("HOST", edge.host));
        const response = await session.readResponse();
        outcomes[what] = [response.status, await session.closedByPeer()];
        expected[what] = [status, true];
      }
      expect(outcomes).toEqual(expected);
      expect(origin.saw()).toBe(0);
    },
  );

  scenario("HTTP-34: a key without a blank behind the colon is accepted", async ({ origin, edge, client }) => {
    origin.on("/").reply(200, {}, "v1");
    const session = await client();
    await session.send(`GET / HTTP/1.1\r\nHost:${edge.host}\r\nA:1\r\n\r\n`);
    expect((await session.readResponse()).status).toBe(200);
  });

  scenario(
    "HTTP-34: what follows a malformed request on the connection is not read as a request",
    async ({ origin, edge, client }) => {
      origin.on("/").reply(200, {}, "smuggled");
      const session = await client();
      const bad = `POST / HTTP/1.1\r\nHost: ${edge.host}\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n`;
      await session.send(bad + renderRequest({ path: "/", host: edge.host }).toString());
      expect((await session.readResponse()).status).toBe(400);
      expect(await session.closedByPeer()).toBe(true);
      expect(origin.saw()).toBe(0);
    },
  );

  scenario("REG-06, HTTP-34: 200 garbage connections harm nobody, and no worker is lost", async ({ origin, edge }) => {
    origin.on("/a").reply(200, {}, "v1");
    origin.on("/garbage").reply(200, {}, "x");
    const before = await edge.cluster.workers();
    const tally = await garbageConnections(edge.port, 200, 1, { host: edge.host, holdMs: 100 });
    expect(tally["400"]).toBeGreaterThan(20);
    expect(tally["414"]).toBeGreaterThan(5);
    expect(tally["431"]).toBeGreaterThan(10);
    expect(tally.unanswered).toBeUndefined();
    await edge.get("/a").expect(200, "v1");
    expect(await edge.cluster.workers()).toEqual(before);
  });
});
