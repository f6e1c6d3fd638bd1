import { expect } from "vitest";
import { fetchAll, patternBody, tallyOutcomes, verifyPattern } from "../../src/index.ts";
import { scenario } from "../../src/scenario/index.ts";

scenario("KEY-01: HEAD shares the object of GET and has its length but no body", async ({ origin, edge }) => {
  origin.on("/a").reply(200, { "Content-Type": "text/plain" }, "0123456789");
  await edge.get("/a").expect(200, "0123456789");
  const head = await edge.head("/a").expect(200, "", { "content-length": "10", "content-type": "text/plain" });
  expect(head.body).toHaveLength(0);
  expect(origin.saw("/a")).toBe(1);
});

scenario("KEY-01: a HEAD that comes first does not spoil the object for GET", async ({ origin, edge }) => {
  origin.on("/a").reply(200, {}, "0123456789");
  await edge.head("/a").expect(200, "", { "content-length": "10" });
  await edge.get("/a").expect(200, "0123456789");
  await edge.get("/a").expect(200, "0123456789");
  expect(origin.saw("/a")).toBeLessThanOrEqual(2);
});

scenario("KEY-02: clients with and without Accept-Encoding get two objects", async ({ origin, edge }) => {
  origin.on("/a").reply((request) => ({ status: 200, body: request.field("accept-encoding") ?? "none" }));
  const headers = { "Accept-Encoding": "gzip, deflate, br" };
  for (let round = 0; round < 2; round++) {
    await edge.get("/a").expect(200, "none");
    await edge.get("/a", { headers }).expect(200, "gzip, deflate");
  }
  expect(origin.saw("/a")).toBe(2);
});

scenario(
  "KEY-02: with AcceptEncoding OFF there is one object and the origin is asked without Accept-Encoding",
  { xml: "<Options><AcceptEncoding>OFF</AcceptEncoding></Options>" },
  async ({ origin, edge }) => {
    origin.on("/a").reply(200, {}, "one");
    await edge.get("/a", { headers: { "Accept-Encoding": "gzip" } }).expect(200, "one");
    await edge.get("/a").expect(200, "one");
    expect(origin.seen("/a").map((request) => request.field("accept-encoding"))).toEqual([undefined]);
  },
);

scenario(
  "KEY-04, A9 of spec 02: with CaseSensitive OFF the case of the URL does not matter",
  { xml: "<Options><CaseSensitive>OFF</CaseSensitive></Options>" },
  async ({ origin, edge }) => {
    origin.on("/image/logo.png").reply(200, {}, "logo");
    await edge.get("/Image/LOGO.png").expect(200, "logo");
    await edge.get("/image/logo.PNG").expect(200, "logo");
    expect(origin.seen().map((request) => request.target)).toEqual(["/image/logo.png"]);
  },
);

scenario(
  "KEY-05, KEY-06, A10 of spec 02: the query string is ignored except where querystring.txt says so",
  {
    xml: "<Options><ApplyQueryString>OFF</ApplyQueryString></Options>",
    conditions: { "querystring.txt": "/search*\n" },
  },
  async ({ origin, edge }) => {
    origin.on(() => true).reply((request) => ({ status: 200, body: request.target }));
    const first = await edge.get("/p?x=1");
    expect((await edge.get("/p?x=2")).text).toBe(first.text);
    await edge.get("/search?q=1").expect(200, "/search?q=1");
    await edge.get("/search?q=2").expect(200, "/search?q=2");
    expect(origin.saw()).toBe(3);
  },
);

scenario(
  "KEY-05, KEY-08: by default each query string is an object of its own and reaches the origin unchanged",
  async ({ origin, edge }) => {
    origin.on("/a").reply((request) => ({ status: 200, body: request.target }));
    for (const target of ["/a?x&y=1", "/a?y=1&x", "/a?", "/a", "/a?%7Efoo=%2F"]) {
      await edge.get(target).expect(200, target);
      await edge.get(target).expect(200, target);
    }
    expect(origin.saw("/a")).toBe(5);
  },
);

scenario("TTL-32: 100 clients of a cold object cause one origin request", async ({ origin, edge, client }) => {
  const body = patternBody(200_000, 11);
  const gate = origin.on("/cold").reply(200, {}, body).hold();
  const clients = await Promise.all(Array.from({ length: 100 }, client));
  const answers = clients.map((opened) => opened.request({ path: "/cold", host: edge.host }));
  await gate.arrived();
  gate.release();
  for (const answer of await Promise.all(answers)) expect(verifyPattern(11, 0, answer.body)).toBeUndefined();
  expect(origin.saw("/cold")).toBe(1);
  await edge.counted({ client_requests: 100, origin_requests: 1, fills: 1 });
});

scenario(
  "a fill streams to all who wait: bytes arrive before the origin has finished",
  async ({ origin, edge, client }) => {
    const body = patternBody(4_000_000, 12);
    const gate = origin.on("/big").reply(200, {}, body).hold(1_000_000);
    const received = [0, 0];
    const readings = received.map(async (_, index) => {
      const reader = await client();
      await reader.send(`GET /big HTTP/1.1\r\nHost: ${edge.host}\r\n\r\n`);
      await reader.readBody(await reader.readHead(), (bytes) => {
        const position = received[index] ?? 0;
        expect(verifyPattern(12, position, bytes)).toBeUndefined();
        received[index] = position + bytes.length;
      });
    });
    await gate.arrived();
    const all = Promise.all(readings);
    all.catch(() => {});
    await expect.poll(() => received.map((bytes) => bytes > 0)).toEqual([true, true]);
    expect(Math.max(...received)).toBeLessThanOrEqual(1_000_000);
    gate.release();
    await all;
    expect(received).toEqual([body.size, body.size]);
    await edge.get("/big").expect(200, body.slice(0, body.size));
    expect(origin.saw("/big")).toBe(1);
  },
);

scenario(
  "HTTP-32: a chunked answer streams without a length first, later hits know theirs",
  async ({ origin, edge, client }) => {
    const gate = origin.on("/c").reply(200, {}, "0123456789").chunked([3]).hold(6);
    const reader = await client();
    await reader.send(`GET /c HTTP/1.1\r\nHost: ${edge.host}\r\n\r\n`);
    const head = await reader.readHead();
    expect(head.framing.kind).toBe("chunked");
    let text = "";
    const reading = reader.readBody(head, (bytes) => {
      text += bytes.toString();
    });
    await expect.poll(() => text).toBe("012345");
    gate.release();
    await reading;
    expect(text).toBe("0123456789");
    await edge.get("/c").expect(200, "0123456789", { "content-length": "10" });
    expect(origin.saw("/c")).toBe(1);
  },
);

scenario("20 clients of one large cold object each get every byte", async ({ origin, edge }) => {
  const body = patternBody(3_000_000, 13);
  origin.on("/large").reply(200, {}, body);
  const outcomes = await fetchAll(edge.port, 20, { path: "/large", host: edge.host });
  const sha256 = body.digest();
  for (const outcome of outcomes) expect(outcome).toMatchObject({ status: 200, bytes: body.size, sha256 });
  expect(origin.saw("/large")).toBe(1);
});

scenario("a client that leaves does not stop the fill for the others", async ({ origin, edge, client }) => {
  const gate = origin.on("/a").reply(200, {}, patternBody(300_000, 14)).hold(100_000);
  const leaving = await client();
  await leaving.send(`GET /a HTTP/1.1\r\nHost: ${edge.host}\r\n\r\n`);
  await leaving.readHead();
  const staying = edge.get("/a");
  await gate.arrived();
  leaving.reset();
  gate.release();
  const { status, body } = await staying;
  expect([status, body.length, verifyPattern(14, 0, body)]).toEqual([200, 300_000, undefined]);
  expect(origin.saw("/a")).toBe(1);
});

scenario("a client that reads slowly holds nobody else up", async ({ origin, edge, client }) => {
  const body = patternBody(6_000_000, 15);
  origin.on("/a").reply(200, {}, body);
  const slow = await client();
  await slow.send(`GET /a HTTP/1.1\r\nHost: ${edge.host}\r\n\r\n`);
  const head = await slow.readHead();
  const outcomes = await fetchAll(edge.port, 3, { path: "/a", host: edge.host });
  expect(tallyOutcomes(outcomes)).toEqual({ "200": 3 });
  let received = 0;
  await slow.readBody(head, (bytes) => {
    expect(verifyPattern(15, received, bytes)).toBeUndefined();
    received += bytes.length;
  });
  expect([received, origin.saw("/a")]).toEqual([body.size, 1]);
});

const neverExcluded = { xml: "<OriginOptions><Exclusion>1000</Exclusion></OriginOptions>" };

scenario(
  "REG-24, TTL-27: an origin body that stops early is never presented as complete",
  neverExcluded,
  async ({ origin, edge, clock }) => {
    const faults = {
      "/length": () => origin.on("/length").reply(200, {}, patternBody(100_000, 16)).closeAfter(60_000),
      "/reset": () => origin.on("/reset").reply(200, {}, patternBody(100_000, 16)).resetAfter(60_000),
      "/chunks": () => origin.on("/chunks").reply(200, {}, patternBody(100_000, 16)).chunked().closeAfter(60_000),
      "/short": () => origin.on("/short").reply(200, {}, "0123456789").chunked([4]).closeAfter(4),
    };
    for (const [path, spoil] of Object.entries(faults)) {
      spoil();
      const [spoilt] = await fetchAll(edge.port, 1, { path, host: edge.host });
      expect([path, spoilt?.kind === "failed" || spoilt?.status === 500]).toEqual([path, true]);
      origin.on(path).reply(200, {}, "whole");
      await clock.advance(40);
      await edge.get(path).expect(200, "whole");
    }
  },
);

scenario(
  "REG-24, TTL-27: after an interrupted chunked renewal the earlier complete object is served",
  async ({ origin, edge, clock }) => {
    origin.on("/a").reply(200, {}, "complete").reply(200, {}, "0123456789").chunked([4]).closeAfter(4);
    await edge.get("/a").expect(200, "complete");
    await clock.advance(1_801);
    await edge.get("/a").expect(200, "complete");
  },
);

scenario("ORG-10: an origin that ends the body by closing is complete", async ({ origin, edge }) => {
  origin.on("/a").reply(200, {}, "until the close").untilClose();
  await edge.get("/a").expect(200, "until the close");
  await edge.get("/a").expect(200, "until the close");
  expect(origin.saw("/a")).toBe(1);
});

scenario(
  "an origin that answers no HTTP is a failure of the origin, and the edge goes on",
  async ({ origin, edge, clock }) => {
    origin.on("/g").garbage("SSH-2.0-OpenSSH_9\r\n\r\n");
    await edge.get("/g").expect(500);
    origin.on("/g").reply(200, {}, "sane");
    await clock.advance(40);
    await edge.get("/g").expect(200, "sane");
  },
);

scenario(
  "HTTP-20, HTTP-21, HTTP-25, A4 of spec 04: of the origin's fields only the standard ones reach the client",
  async ({ origin, edge }) => {
    const fields = { "X-A": "1", "Set-Cookie": "s=1", Server: "nginx", "Content-Language": "en" };
    origin.on("/a").reply(200, fields, "v1");
    for (let round = 0; round < 2; round++) {
      await edge.get("/a").expect(200, "v1", {
        "x-a": undefined,
        "set-cookie": undefined,
        server: "nginx",
        "content-language": "en",
        via: /./,
      });
    }
  },
);

scenario(
  "HTTP-20, HTTP-24, HTTP-25, A4 of spec 04, A5: OriginalHeader ON passes the rest, except cookies",
  {
    xml: "<Options><OriginalHeader>ON</OriginalHeader><ViaHeader>OFF</ViaHeader><ServerHeader>OFF</ServerHeader></Options>",
  },
  async ({ origin, edge }) => {
    origin.on("/a").reply(200, { "X-A": "1", "Set-Cookie": "s=1", Server: "nginx" }, "v1");
    for (let round = 0; round < 2; round++) {
      await edge
        .get("/a")
        .expect(200, "v1", { "x-a": "1", "set-cookie": undefined, server: undefined, via: undefined });
    }
  },
);
