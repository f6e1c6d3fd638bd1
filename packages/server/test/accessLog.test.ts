import { VHOST_SLOT } from "@basalt/telemetry";
import { describe, expect, it } from "vitest";
import { requestText, TestEdge } from "./support/edge.ts";
import { turns, until } from "./support/waiting.ts";

/** What the access log learns of each request (LOG-52 to LOG-78). */
describe("a finished request", () => {
  it("LOG-69 LOG-70 LOG-75 LOG-78 is told of once, with what was sent", async () => {
    const edge = new TestEdge();
    await edge.store("/a", "0123456789");
    edge.logged.length = 0;
    const client = edge.connect();
    client.get("/a").get("/a", [], "HEAD").get("/a", ["Range: bytes=2-4"]).get("/a?b=1", ["Range: bytes=99-"]);
    await client.responses(3, ["GET", "HEAD", "GET"]);
    const common = { vhostName: "www.example.com", isComplete: true, bypassKind: "none", result: "TCP_HIT" };
    expect(edge.logged.slice(0, 3)).toMatchObject([
      { ...common, method: "GET", target: "/a", status: 200, bodyBytesSent: 10, contentLength: 10 },
      { ...common, method: "HEAD", target: "/a", status: 200, bodyBytesSent: 0, contentLength: 10 },
      { ...common, status: 206, bodyBytesSent: 3, contentLength: 3 },
    ]);
    expect(new Set(edge.logged.map(({ sessionText }) => sessionText)).size).toBe(1);
    expect(edge.logged[0]?.addresses).toBe("192.0.2.7:40000 192.0.2.1:80");
  });

  it("LOG-60 LOG-71 carries its beginning and how long it took", async () => {
    const edge = new TestEdge();
    const startedAtMs = edge.clock.now();
    const client = edge.connect().get("/slow");
    const call = await edge.origin.call();
    edge.clock.advanceSeconds(3);
    call.reply(200, "x");
    await client.response();
    await until(() => edge.logged.length > 0, "the line");
    expect(edge.logged).toMatchObject([{ startedAtMs, elapsedMs: 3000, result: "TCP_MISS", contentLength: 1 }]);
  });

  it("LOG-73 tells of a content coding, of a 304 that it has none, and no Content-Length", async () => {
    const edge = new TestEdge();
    await edge.store("/a", "zipped", ["Content-Encoding", "gzip", "ETag", '"1"']);
    edge.logged.length = 0;
    const client = edge.connect();
    client.get("/a");
    const [whole] = await client.responses(1);
    client.get("/a", [`If-None-Match: ${whole?.field("etag")}`]);
    await client.responses(2);
    expect(edge.logged).toMatchObject([
      { status: 200, contentCoding: "gzip" },
      { status: 304, contentCoding: undefined, contentLength: -1, bodyBytesSent: 0 },
    ]);
  });

  it("LOG-73 LOG-103 tells of a bypass, with the bytes both ways", async () => {
    const edge = new TestEdge();
    const client = edge.connect().send(`${requestText("/form", ["Content-Length: 3"], "POST")}abc`);
    (await edge.origin.call()).reply(200, "done", ["Content-Encoding", "deflate"]);
    await client.response("POST");
    expect(edge.logged).toMatchObject([
      {
        method: "POST",
        bypassKind: "bypass",
        requestBodyBytes: 3,
        bodyBytesSent: 4,
        contentLength: 4,
        contentCoding: "deflate",
      },
    ]);
  });

  it("LOG-32 LOG-56 LOG-102 tells of a client that left before any answer, and of one that left within it", async () => {
    const edge = new TestEdge();
    const silent = edge.connect().get("/silent");
    await edge.origin.call(1);
    silent.socket.destroy();
    const leaving = edge.connect();
    leaving.send(requestText("/form", ["Content-Length: 1"], "POST").concat("x"));
    const call = (await edge.origin.call(2)).head(200, ["Content-Length", "100"]);
    call.data("begun");
    await until(() => leaving.socket.received.length > 0, "a beginning");
    leaving.socket.destroy();
    expect(edge.logged).toMatchObject([
      { target: "/silent", status: 0, bodyBytesSent: 0, contentLength: -1, isComplete: false },
      { target: "/form", status: 200, bodyBytesSent: 5, contentLength: 100, isComplete: false },
    ]);
  });

  it("REG-276 STAT-27 a session counts as active once in each interval in which it carries data", async () => {
    const edge = new TestEdge();
    await edge.store("/a", "body");
    const offset = edge.vhostCounters() + VHOST_SLOT.clientSessionsActive;
    const activeIn = async (...requests: readonly number[]): Promise<number> => {
      edge.server.count(true);
      const before = edge.counters.get(offset);
      for (const [at, count] of requests.entries()) {
        const client = clients[at];
        for (let n = 0; n < count; n++) client?.get("/a");
        answered[at] = (answered[at] ?? 0) + count;
        await client?.responses(answered[at] ?? 0);
      }
      return edge.counters.get(offset) - before;
    };
    const clients = [edge.connect(), edge.connect(), edge.connect()];
    const answered: number[] = [];
    expect(await activeIn(5, 1, 0)).toBe(2);
    expect(await activeIn(0, 0, 0)).toBe(0);
    expect(await activeIn(1, 30, 2)).toBe(3);
    await edge.store("/long", Buffer.alloc(3_000_000));
    const slow = edge.connect();
    slow.socket.room = 10_000;
    slow.get("/long");
    for (let second = 0; second < 4; second++) {
      edge.server.count(true);
      const before = edge.counters.get(offset);
      slow.socket.take(300_000);
      await turns(5);
      edge.server.count(false);
      expect(edge.counters.get(offset) - before).toBe(1);
    }
  });

  it("LOG-48 LOG-52 tells of refusals, those of no virtual host too", async () => {
    const edge = new TestEdge();
    const client = edge.connect().send("GET /x HTTP/1.1\r\nHost: nobody.test\r\n\r\n");
    await client.response();
    expect(edge.logged).toMatchObject([{ vhostName: undefined, status: 404, target: "/x", isComplete: true }]);
    expect(edge.logged[0]?.contentLength).toBeGreaterThan(0);
  });

  it("AWS-90 is named in the info log, by the id of all its logs, when something unexpected happens to it", async () => {
    const edge = new TestEdge();
    edge.tier.find = () => {
      throw new Error("a defect");
    };
    expect((await edge.connect().get("/broken").response()).status).toBe(500);
    expect(edge.defectMarks).toEqual([`<session ${edge.logged[0]?.sessionText}> `]);
  });
});
