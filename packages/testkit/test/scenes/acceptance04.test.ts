import { describe, expect } from "vitest";
import { patternBody } from "../../src/index.ts";
import { scenario, useEdge } from "../../src/scenario/index.ts";

/** Worked examples of the HTTP rules, as they stand there, through two workers. */
useEdge({ workers: 2 });

const LAST_MODIFIED = "Tue, 01 Jan 2019 00:00:00 GMT";

/** Connections of their own, so that both workers get some. */
const ASKED_OFTEN = 6;

describe("sessions", () => {
  scenario("A1 of spec 04: keep-alive with its time-out, close when the client says so", async (scene) => {
    const { origin, edge, client } = scene;
    origin.on("/a").reply(200, {}, "v1");
    for (let round = 0; round < ASKED_OFTEN; round++) {
      const kept = await client();
      const open = await kept.request({ path: "/a", host: edge.host });
      expect([open.field("connection")?.toLowerCase(), open.field("keep-alive")]).toEqual(["keep-alive", "timeout=10"]);
      const last = await kept.request({ path: "/a", host: edge.host, headers: { Connection: "close" } });
      expect([last.field("connection")?.toLowerCase(), last.field("keep-alive")]).toEqual(["close", undefined]);
      expect(await kept.closedByPeer()).toBe(true);
    }
    expect(origin.saw("/a")).toBe(1);
  });

  scenario(
    'A2 of spec 04: with Max="2" the third response ends the session',
    { xml: '<Options><KeepAliveHeader Max="2">ON</KeepAliveHeader></Options>' },
    async ({ origin, edge, client }) => {
      origin.on("/a").reply(200, {}, "v1");
      const session = await client();
      const told: (string | undefined)[] = [];
      for (let round = 0; round < 3; round++) {
        const response = await session.request({ path: "/a", host: edge.host });
        told.push(response.field("keep-alive"), response.field("connection")?.toLowerCase());
      }
      expect(told).toEqual(["timeout=10, max=2", "keep-alive", "timeout=10, max=1", "keep-alive", undefined, "close"]);
      expect(await session.closedByPeer()).toBe(true);
    },
  );
});

describe("response fields", () => {
  scenario("A5 of spec 04: the origin's Server is passed on by default, and none is made up", async (scene) => {
    const { origin, edge } = scene;
    origin.on("/named").reply(200, { Server: "nginx" }, "v1");
    origin.on("/unnamed").reply(200, {}, "v1");
    for (let round = 0; round < ASKED_OFTEN; round++) {
      await edge.get("/named").expect(200, "v1", { server: "nginx", via: /\S/ });
      await edge.get("/unnamed").expect(200, "v1", { server: undefined });
    }
    expect(origin.saw("/named")).toBe(1);
  });

  scenario(
    "A5 of spec 04: with ServerHeader OFF there is none",
    { xml: "<Options><ServerHeader>OFF</ServerHeader></Options>" },
    async ({ origin, edge }) => {
      origin.on("/named").reply(200, { Server: "nginx" }, "v1");
      for (let round = 0; round < 2; round++) await edge.get("/named").expect(200, "v1", { server: undefined });
    },
  );

  scenario(
    "REG-15, A5 of spec 04: with ViaHeader OFF there is no Via, on an error page neither",
    { xml: "<Options><ViaHeader>OFF</ViaHeader></Options>" },
    async ({ origin, edge }) => {
      origin.on("/a").reply(200, {}, "v1");
      for (let round = 0; round < 2; round++) await edge.get("/a").expect(200, "v1", { via: undefined });
      await origin.refuse();
      await edge.get("/b").expect(500, /\S/, { via: undefined });
    },
  );
});

describe("ranges", () => {
  const body = patternBody(100, 4);

  scenario("A6 of spec 04: one range, one that is out of reach, and two", async ({ origin, edge }) => {
    origin.on("/a").reply(200, { "Content-Type": "text/plain" }, body);
    await edge.get("/a").expect(200, body.slice(0, 100));
    const part = (range: string) => edge.get("/a", { headers: { Range: range } });
    for (let round = 0; round < ASKED_OFTEN; round++) {
      await part("bytes=90-200").expect(206, body.slice(90, 100), { "content-range": "bytes 90-99/100" });
      await part("bytes=150-").expect(416, undefined, { "content-range": "bytes */100" });
      const two = await part("bytes=0-0,99-99").expect(206, undefined, {
        "content-type": /^multipart\/byteranges; ?boundary=/i,
      });
      const boundary = /boundary="?([^";]+)"?/i.exec(two.field("content-type") ?? "")?.[1] ?? "";
      const parts = two.body.toString("latin1").split(`--${boundary}`);
      expect(parts).toHaveLength(4);
      expect(parts[1]).toMatch(/\r\ncontent-range: bytes 0-0\/100\r\n/i);
      expect(parts[1]?.endsWith(`\r\n\r\n${body.slice(0, 1).toString("latin1")}\r\n`)).toBe(true);
      expect(parts[2]).toMatch(/\r\ncontent-range: bytes 99-99\/100\r\n/i);
      expect(parts[2]?.endsWith(`\r\n\r\n${body.slice(99, 100).toString("latin1")}\r\n`)).toBe(true);
      expect(parts[3]).toMatch(/^--\r\n/);
    }
    expect(origin.saw("/a")).toBe(1);
  });
});

describe("conditions", () => {
  const IN_2020 = "Wed, 01 Jan 2020 00:00:00 GMT";

  scenario(
    "A7 of spec 04: with orlater a later date is 304, but not on a miss",
    { xml: "<Options><LastModifiedCheck>orlater</LastModifiedCheck></Options>" },
    async ({ origin, edge }) => {
      origin.on("/a").file("v1", { lastModified: LAST_MODIFIED });
      const conditional = () => edge.get("/a", { headers: { "If-Modified-Since": IN_2020 } });
      await conditional().expect(200, "v1");
      await edge.stored("/a");
      for (let round = 0; round < ASKED_OFTEN; round++) await conditional().expect(304, "");
      expect(origin.saw("/a")).toBe(1);
    },
  );

  scenario("A7 of spec 04: with exact, the default, a later date is 200", async ({ origin, edge }) => {
    origin.on("/a").file("v1", { lastModified: LAST_MODIFIED });
    await edge.get("/a").expect(200, "v1");
    await edge.stored("/a");
    for (let round = 0; round < ASKED_OFTEN; round++) {
      await edge.get("/a", { headers: { "If-Modified-Since": IN_2020 } }).expect(200, "v1");
    }
    expect(origin.saw("/a")).toBe(1);
  });
});

describe("methods and targets", () => {
  scenario("A12 of spec 04: PUT and DELETE are answered 501 and never reach the origin", async ({ origin, edge }) => {
    origin.on("/a").reply(200, {}, "v1");
    await edge.get("/a", { method: "PUT", body: "new" }).expect(501);
    await edge.get("/a", { method: "DELETE" }).expect(501);
    expect(origin.saw()).toBe(0);
  });

  scenario("A12 of spec 04: an absolute target is read like the same path", async ({ origin, edge, client }) => {
    origin.on("/a").reply(200, {}, "v1");
    for (let round = 0; round < ASKED_OFTEN; round++) {
      const session = await client();
      const response = await session.request({ path: `http://${edge.host}/a`, host: "elsewhere.test" });
      expect([response.status, response.text]).toEqual([200, "v1"]);
      await edge.get("/a").expect(200, "v1");
    }
    expect(origin.requests.map((request) => request.target)).toEqual(["/a"]);
  });
});
