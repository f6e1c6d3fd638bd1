import { cacheResultSlot, VHOST_SLOT } from "@basalt/telemetry";
import { describe, expect, it } from "vitest";
import { HOST, requestText, type TestClient, TestEdge } from "./support/edge.ts";
import { turns, until } from "./support/waiting.ts";

const DATE = "Fri, 02 Jan 2026 03:04:05 GMT";
const LAST_MODIFIED = "Thu, 01 Jan 2026 00:00:00 GMT";
const SECONDS_HEX = Math.floor(Date.UTC(2026, 0, 2, 3, 4, 5) / 1000).toString(16);
const ETAG = `"${SECONDS_HEX}:a"`;
const TEXT = "0123456789";

const stored = async (vhost = "", fields: readonly string[] = ["Content-Type", "text/plain"]): Promise<TestEdge> => {
  const edge = new TestEdge({ vhost });
  await edge.store("/a", TEXT, [...fields, "Last-Modified", LAST_MODIFIED, "X-Private", "no"]);
  return edge;
};

const COMMON = `Content-Type: text/plain\r\nLast-Modified: ${LAST_MODIFIED}\r\nETag: ${ETAG}\r\nVia: Basalt/1.2.3\r\n`;
const TAIL = `Connection: keep-alive\r\nKeep-Alive: timeout=10\r\nDate: ${DATE}\r\n\r\n`;

const text = (client: TestClient): string => client.socket.received.toString("latin1");

describe("answers from memory, byte by byte", () => {
  it("200, the first time and later", async () => {
    const edge = await stored();
    const whole = `HTTP/1.1 200 OK\r\n${COMMON}Content-Length: 10\r\n${TAIL}${TEXT}`;
    for (let time = 0; time < 3; time++) expect(text(edge.connect().get("/a"))).toBe(whole);
  });

  it("HEAD", async () => {
    const edge = await stored();
    expect(text(edge.connect().get("/a", [], "HEAD"))).toBe(
      `HTTP/1.1 200 OK\r\n${COMMON}Content-Length: 10\r\n${TAIL}`,
    );
  });

  it.each([
    ["HTTP-28 If-None-Match", `If-None-Match: ${ETAG}`],
    ["HTTP-28 the weak form", `If-None-Match: W/${ETAG}`],
    ["HTTP-28 any", "If-None-Match: *"],
    ["HTTP-26 If-Modified-Since", `If-Modified-Since: ${LAST_MODIFIED}`],
  ])("STAT-44.2 OPT-31 304 by %s", async (_, condition) => {
    const edge = await stored();
    const fields = `Last-Modified: ${LAST_MODIFIED}\r\nETag: ${ETAG}\r\nVia: Basalt/1.2.3\r\n`;
    for (const method of ["GET", "HEAD"]) {
      expect(text(edge.connect().get("/a", [condition], method))).toBe(`HTTP/1.1 304 Not Modified\r\n${fields}${TAIL}`);
    }
    expect(edge.counters.get(edge.vhostCounters() + cacheResultSlot("TCP_IMS_HIT"))).toBe(2);
    expect(edge.counters.get(edge.vhostCounters() + VHOST_SLOT.clientNotModified)).toBe(2);
  });

  it.each([
    ["bytes=2-4", "2-4", "234"],
    ["bytes=8-200", "8-9", "89"],
    ["bytes=-3", "7-9", "789"],
    ["bytes=0-", "0-9", TEXT],
  ])("HTTP-30: 206 to %s", async (range, contentRange, body) => {
    const edge = await stored();
    expect(text(edge.connect().get("/a", [`Range: ${range}`]))).toBe(
      `HTTP/1.1 206 Partial Content\r\n${COMMON}Content-Range: bytes ${contentRange}/10\r\nContent-Length: ${body.length}\r\n${TAIL}${body}`,
    );
  });

  it("HTTP-30: 416 behind the end, with the size", async () => {
    const response = await (await stored()).connect().get("/a", ["Range: bytes=10-"]).response();
    expect([response.status, response.field("content-range"), response.body.length]).toEqual([416, "bytes */10", 0]);
  });

  it.each([
    ["a malformed range is ignored (OPEN 10)", "Range: bytes=a-b"],
    ["HTTP-26 another moment", "If-Modified-Since: Wed, 31 Dec 2025 23:59:59 GMT"],
    ["another tag", 'If-None-Match: "x"'],
    ["no condition at all", "X: y"],
  ])("200 where %s", async (_, field) => {
    expect((await (await stored()).connect().get("/a", [field]).response()).status).toBe(200);
  });

  it.each([
    ["If-Match", 'If-Match: "x"'],
    ["If-Unmodified-Since", "If-Unmodified-Since: Wed, 31 Dec 2025 23:59:59 GMT"],
  ])("412 by %s", async (_, condition) => {
    const response = await (await stored()).connect().get("/a", [condition]).response();
    expect([response.status, response.body.length, response.isComplete]).toEqual([412, 0, true]);
  });

  it("HTTP-12: Age where it is switched on, also when it gets longer", async () => {
    const edge = await stored("<Options><AgeHeader>ON</AgeHeader></Options>");
    const client = edge.connect();
    for (const [seconds, age] of [
      [0, "0"],
      [9, "9"],
      [1, "10"],
      [0, "10"],
      [95, "105"],
    ] as const) {
      edge.clock.advanceSeconds(seconds);
      client.get("/a");
      expect(client.all().at(-1)?.field("age")).toBe(age);
      expect(String(client.all().at(-1)?.body)).toBe(TEXT);
    }
  });

  it("HTTP-20, HTTP-24, HTTP-25, OPT-93: fields that settings let through", async () => {
    const edge = await stored(
      "<Options><OriginalHeader>ON</OriginalHeader><ViaHeader>OFF</ViaHeader><ETagHeader>OFF</ETagHeader></Options>",
      ["Server", "nginx", "Set-Cookie", "secret=1"],
    );
    const response = await edge.connect().get("/a").response();
    expect(["server", "x-private", "via", "etag", "set-cookie"].map((name) => response.field(name))).toEqual([
      "nginx",
      "no",
      undefined,
      undefined,
      undefined,
    ]);
  });
});

describe("Date", () => {
  it("is that of the second in which the answer leaves", async () => {
    const edge = await stored();
    const client = edge.connect();
    for (let second = 0; second < 5; second++) {
      client.get("/a");
      client.get("/a", [`If-None-Match: ${ETAG}`]);
      edge.clock.advanceSeconds(1);
    }
    const dates = client.all().map((response) => response.field("date"));
    expect(dates).toEqual(
      [5, 6, 7, 8, 9].flatMap((second) => [DATE, DATE].map((date) => date.replace("04:05", `04:0${second}`))),
    );
  });

  it("is never changed in a buffer that a write still holds", async () => {
    const edge = await stored();
    const fast = edge.connect();
    fast.get("/a").get("/a");
    const slow = edge.connect();
    slow.socket.room = 0;
    slow.get("/a");
    slow.send(requestText("/a", [`If-None-Match: ${ETAG}`]));
    edge.clock.advanceSeconds(1);
    fast.get("/a");
    fast.get("/a", [`If-None-Match: ${ETAG}`]);
    expect(fast.all().at(-1)?.field("date")).toBe(DATE.replace("04:05", "04:06"));
    slow.socket.take(Number.POSITIVE_INFINITY);
    expect(slow.all()[0]?.field("date")).toBe(DATE);
  });

  it("a client that leaves gives the buffer back", async () => {
    const edge = await stored();
    edge.connect().get("/a").get("/a");
    const prepared = edge.cache.find(edge.server.state.served.get(HOST)?.cache ?? expect.fail(), 0, "/a")?.prepared;
    const slow = edge.connect();
    slow.socket.room = 0;
    slow.get("/a");
    expect(prepared?.holds).toBe(1);
    slow.socket.destroy();
    expect(prepared?.holds).toBe(0);
  });
});

describe("answers that are still arriving", () => {
  it("of known length: headed and streamed as they come", async () => {
    const edge = new TestEdge();
    const client = edge.connect().get("/a");
    const call = (await edge.origin.call()).head(200, ["Content-Length", "10"]);
    await until(() => client.socket.received.length > 0, "the head");
    expect(text(client)).toContain("Content-Length: 10\r\n");
    call.data("01234");
    expect(text(client)).toMatch(/01234$/);
    call.data("56789");
    call.complete();
    expect(String((await client.response()).body)).toBe(TEXT);
    expect(edge.counters.get(edge.vhostCounters() + cacheResultSlot("TCP_MISS"))).toBe(1);
  });

  it("REG-10, HTTP-32: of unknown length go out chunked, without a Content-Length, and later hits carry one (OPEN 11)", async () => {
    const edge = new TestEdge();
    const client = edge.connect().get("/a");
    const call = (await edge.origin.call()).head(200);
    await until(() => client.socket.received.length > 0, "the head");
    call.data("01234");
    call.data("56789");
    call.complete();
    const response = await client.response();
    expect([response.field("transfer-encoding"), response.field("content-length")]).toEqual(["chunked", undefined]);
    expect(String(response.body)).toBe(TEXT);
    client.get("/a");
    expect((await client.responses(2))[1]?.field("content-length")).toBe("10");
  });

  it("of unknown length to HTTP/1.0 end with the connection", async () => {
    const edge = new TestEdge();
    const client = edge.connect().send(requestText("/a", ["Connection: keep-alive"], "GET", "1.0"));
    const call = (await edge.origin.call()).head(200);
    await until(() => client.socket.received.length > 0, "the head");
    call.data(TEXT);
    call.complete();
    await client.ended();
    const response = await client.response();
    expect([response.field("transfer-encoding"), response.field("connection")]).toEqual([undefined, "close"]);
    expect(String(response.body)).toBe(TEXT);
  });

  it("a range of known length is answered from what comes", async () => {
    const edge = new TestEdge();
    const client = edge.connect().get("/a", ["Range: bytes=2-4"]);
    const call = (await edge.origin.call()).head(200, ["Content-Length", "10"]);
    await turns(3);
    call.data("0123");
    call.data("456789");
    const response = await client.response();
    expect([response.status, response.field("content-range"), String(response.body)]).toEqual([
      206,
      "bytes 2-4/10",
      "234",
    ]);
    call.complete();
  });

  it("HEAD gets the head at once and the body is stored all the same", async () => {
    const edge = new TestEdge();
    const client = edge.connect().get("/a", [], "HEAD");
    const call = (await edge.origin.call()).head(200, ["Content-Length", "10"]);
    expect((await client.response("HEAD")).field("content-length")).toBe("10");
    call.data(TEXT);
    call.complete();
    await until(() => edge.index.findVariants(HOST, "/a").length > 0, "stored");
  });

  it("a body that breaks off ends the connection: nobody takes the part for the whole", async () => {
    const edge = new TestEdge();
    const clients = [requestText("/a"), requestText("/a", [], "GET", "1.0")].map((each) => edge.connect().send(each));
    const call = (await edge.origin.call()).head(200, ["Content-Length", "100"]);
    await until(() => clients.every(({ socket }) => socket.received.length > 0), "the heads");
    call.data("part");
    call.fail("ORIGIN_CLOSED");
    for (const client of clients) {
      await client.ended();
      expect(client.all()[0]).toMatchObject({ isComplete: false });
    }
  });

  it("a client that leaves does not end the fill", async () => {
    const edge = new TestEdge();
    const client = edge.connect().get("/a");
    const call = (await edge.origin.call()).head(200, ["Content-Length", "10"]);
    await until(() => client.socket.received.length > 0, "the head");
    client.socket.destroy();
    call.data(TEXT);
    call.complete();
    await until(() => edge.index.findVariants(HOST, "/a").length > 0, "stored");
    expect(edge.counters.get(edge.vhostCounters() + VHOST_SLOT.clientAborted)).toBe(1);
    expect(call.aborted).toBe(false);
  });
});

describe("error pages", () => {
  it("REG-15, HTTP-39, TTL-18, OPT-48, STAT-44.5, STAT-44.11: 500 with a page that states the reason and Via, repeated for 3 s", async () => {
    const edge = new TestEdge();
    const client = edge.connect().get("/a");
    (await edge.origin.call()).fail("ORIGIN_CONNECT_FAILED");
    const first = await client.response();
    expect(first.status).toBe(500);
    expect(first.field("via")).toBe("Basalt/1.2.3");
    expect(String(first.body)).toContain("could not be connected");
    expect(String(first.body)).not.toContain("as the test wants it");
    client.get("/a");
    expect((await client.responses(2))[1]?.status).toBe(500);
    expect(edge.origin.calls).toHaveLength(1);
    expect(edge.counters.get(edge.vhostCounters() + cacheResultSlot("TCP_ERROR"))).toBe(1);
    expect(edge.counters.get(edge.vhostCounters() + cacheResultSlot("TCP_NEGATIVE_HIT"))).toBe(1);
  });

  it("HEAD gets the head of the page", async () => {
    const edge = new TestEdge();
    const client = edge.connect().get("/a", [], "HEAD");
    (await edge.origin.call()).fail("ORIGIN_CLOSED");
    const response = await client.response("HEAD");
    expect(Number(response.field("content-length"))).toBeGreaterThan(0);
    expect(client.all(["HEAD"])).toHaveLength(1);
  });

  it("HTTP-36: 501 to other methods, and the connection stays", async () => {
    const edge = new TestEdge();
    const client = edge.connect();
    for (const method of ["DELETE", "PATCH", "TRACE", "BREW"]) client.get("/a", [], method);
    expect(client.all().map(({ status }) => status)).toEqual([501, 501, 501, 501]);
  });

  it("an error leaves nothing for the next request on its connection", async () => {
    const edge = await stored();
    const client = edge.connect().get("/bad");
    (await edge.origin.call(2)).fail("ORIGIN_CLOSED");
    await client.response();
    client.get("/a").get("/a", ["Range: bytes=0-1"]).get("/a", [], "DELETE").get("/a");
    expect(client.all().map(({ status }) => status)).toEqual([500, 200, 206, 501, 200]);
    expect(edge.defects).toEqual([]);
  });
});

describe("PURGE on a service port", () => {
  it("PRG-26: the primary answers it", async () => {
    const edge = new TestEdge();
    edge.purgeAnswer = { status: 401, body: "" };
    const client = edge.connect().get("/a?x=1", ["X-Expire-After: 60"], "PURGE");
    const response = await client.response();
    expect([response.status, response.body.length]).toEqual([401, 0]);
    expect(edge.purges).toEqual([
      { verb: "purge", target: `${HOST}/a?x=1`, clientIp: "192.0.2.7", expireAfterSeconds: 60, isOfMount: false },
    ]);
    expect(edge.counters.get(edge.vhostCounters() + cacheResultSlot("TCP_DENIED"))).toBe(1);
  });
});

describe("objects on disk", () => {
  const long = Buffer.alloc(2 * 1024 * 1024 + 7, "abcdefg");

  it("are sent whole and in ranges, by hits without end", async () => {
    const edge = new TestEdge();
    await edge.store("/long", long);
    const client = edge.connect();
    for (let time = 1; time <= 3; time++) {
      client.get("/long").get("/long", ["Range: bytes=1000000-1500000"]);
      const responses = await client.responses(2 * time);
      expect(responses.at(-2)?.body.equals(long)).toBe(true);
      expect(responses.at(-1)?.body.equals(long.subarray(1_000_000, 1_500_001))).toBe(true);
    }
    expect(edge.origin.calls).toHaveLength(1);
  });

  it("TTL-38: whose body is lost are fetched anew", async () => {
    const edge = new TestEdge();
    await edge.store("/long", long);
    edge.bodies.isLost = true;
    const client = edge.connect().get("/long");
    (await edge.origin.call(2)).reply(200, "short now");
    expect(String((await client.response()).body)).toBe("short now");
  });
});

describe("objects that pass through memory which is used again", () => {
  const passing = async (): Promise<TestEdge> => {
    const edge = new TestEdge();
    for (const path of ["/1", "/2", "/3"]) await edge.store(path, path.repeat(1000));
    edge.tier.clear();
    edge.bodies.isQuick = true;
    return edge;
  };

  it("a client that is slow gets its own body, whatever others ask for meanwhile", async () => {
    const edge = await passing();
    const slow = ["/1", "/2"].map((path) => {
      const client = edge.connect();
      client.socket.room = 100;
      return client.get(path);
    });
    const fast = edge.connect().get("/3", ["Range: bytes=0-5"]);
    expect(String(fast.all()[0]?.body)).toBe("/3/3/3");
    for (const client of slow) client.socket.take(Number.POSITIVE_INFINITY);
    expect(slow.map((client) => String(client.all()[0]?.body))).toEqual(["/1".repeat(1000), "/2".repeat(1000)]);
    expect(edge.origin.calls).toHaveLength(3);
  });

  it("a head that does not fit in front of the body is sent all the same", async () => {
    const edge = await passing();
    const long = "x".repeat(5000);
    const client = edge.connect().get("/long");
    (await edge.origin.call(4)).reply(200, "/l".repeat(1000), ["Content-Language", long]);
    await client.response();
    await until(() => edge.index.findVariants(HOST, "/long").length > 0, "stored");
    edge.tier.clear();
    for (let time = 0; time < 2; time++) {
      const [response] = edge.connect().get("/long").all();
      expect([response?.field("content-language"), String(response?.body)]).toEqual([long, "/l".repeat(1000)]);
    }
    expect(edge.origin.calls).toHaveLength(4);
  });

  it("the second request for one takes its body into memory", async () => {
    const edge = await passing();
    const client = edge.connect().get("/1").get("/1").get("/1");
    expect(client.all().map(({ body }) => String(body))).toEqual(Array(3).fill("/1".repeat(1000)));
    const served = edge.server.state.served.get(HOST)?.cache ?? expect.fail();
    expect(edge.cache.find(served, 0, "/1")?.hasBody).toBe(true);
    edge.connect().get("/2", [], "HEAD").get("/2", ["If-Modified-Since: Fri, 02 Jan 2026 03:04:05 GMT"]);
    expect(edge.cache.find(served, 0, "/2")?.hasBody).toBe(false);
  });

  it("pipelined, conditional and partial requests for them do not mix either", async () => {
    const edge = await passing();
    const client = edge.connect();
    client.socket.room = 0;
    client.send(requestText("/1") + requestText("/2", ["Range: bytes=-2"]) + requestText("/3", [], "HEAD"));
    edge.connect().get("/2").get("/3");
    client.socket.take(Number.POSITIVE_INFINITY);
    const responses = await client.responses(3, ["GET", "GET", "HEAD"]);
    expect(responses.map(({ body }) => String(body))).toEqual(["/1".repeat(1000), "/2", ""]);
  });
});

describe("reload", () => {
  it("acts on objects that are in memory, and each request sees one configuration", async () => {
    const edge = await stored();
    const client = edge.connect().get("/a").get("/a");
    edge.configure(
      { vhost: "<Options><ViaHeader>OFF</ViaHeader><ConnectionHeader>close</ConnectionHeader></Options>" },
      2,
    );
    client.get("/a");
    const responses = client.all();
    expect(responses.map((response) => response.field("via"))).toEqual(["Basalt/1.2.3", "Basalt/1.2.3", undefined]);
    expect(responses[2]?.field("connection")).toBe("close");
    expect(client.socket.hasEnded).toBe(true);
  });
});
