import { rejectionSlot } from "@basalt/telemetry";
import { describe, expect, it } from "vitest";
import { requestText, TestEdge } from "./support/edge.ts";
import { turns, until } from "./support/waiting.ts";

describe("deadlines", () => {
  it("a head that does not come to its end within 15 s is answered 408", () => {
    const edge = new TestEdge();
    const client = edge.connect().send("GET / HT");
    edge.advanceSeconds(14.9);
    client.send("TP/1.1\r\nHost: a\r\n");
    expect(client.socket.received).toHaveLength(0);
    edge.advanceSeconds(0.1);
    expect(client.all().map(({ status }) => status)).toEqual([408]);
    expect(client.socket.hasEnded).toBe(true);
    expect(edge.counters.get(rejectionSlot("REQUEST_TIMEOUT"))).toBe(1);
  });

  it("a connection that sends nothing is closed without an answer", () => {
    const edge = new TestEdge();
    const client = edge.connect();
    edge.advanceSeconds(15);
    expect([client.socket.received.length, client.socket.hasEnded]).toEqual([0, true]);
  });

  it("HTTP-02 AWS-39 OPT-23: an idle session is closed after ClientKeepAliveSec, counted from its last answer", async () => {
    const edge = new TestEdge({ vhost: "<Options><ClientKeepAliveSec>20</ClientKeepAliveSec></Options>" });
    await edge.store("/a", "x");
    const client = edge.connect().get("/a");
    edge.advanceSeconds(19);
    client.get("/a");
    edge.advanceSeconds(19.9);
    expect(client.socket.hasEnded).toBe(false);
    edge.advanceSeconds(0.1);
    expect(client.socket.hasEnded).toBe(true);
    expect(client.all()).toHaveLength(2);
  });

  it("the head of a next request has its own time", async () => {
    const edge = new TestEdge();
    await edge.store("/a", "x");
    const client = edge.connect().get("/a");
    edge.advanceSeconds(9);
    client.send("GET ");
    edge.advanceSeconds(14);
    client.send(requestText("/a").slice(4));
    expect(client.all()).toHaveLength(2);
  });

  it("a request that waits for a slow origin is not cut", async () => {
    const edge = new TestEdge();
    const client = edge.connect().get("/a");
    const call = await edge.origin.call();
    edge.advanceSeconds(3600);
    call.reply(200, "at last");
    expect(String((await client.response()).body)).toBe("at last");
  });

  it("a body that stops coming for 30 s fails the request to the origin with 408", async () => {
    const edge = new TestEdge();
    const client = edge.connect().send(`${requestText("/a", ["Content-Length: 2000"], "POST")}01234`);
    const call = await edge.origin.call();
    if (call.request.body.kind === "none") throw new Error("no body");
    const reading = call.request.body.chunks[Symbol.asyncIterator]();
    await reading.next();
    edge.advanceSeconds(29);
    client.send("5".repeat(600));
    await reading.next();
    edge.advanceSeconds(29);
    expect(client.socket.received).toHaveLength(0);
    const next = reading.next();
    const failed = expect(next).rejects.toMatchObject({ code: "REQUEST_TIMEOUT" });
    edge.advanceSeconds(1);
    await failed;
    call.fail("REQUEST_TIMEOUT");
    expect((await client.response()).status).toBe(408);
    await client.ended();
  });

  it("a body that trickles is as late as one that stops (slowhttptest -B)", async () => {
    const edge = new TestEdge();
    const client = edge.connect().send(requestText("/a", ["Content-Length: 4096"], "POST"));
    const call = await edge.origin.call();
    if (call.request.body.kind === "none") throw new Error("no body");
    const { chunks } = call.request.body;
    const drained = (async () => {
      for await (const _ of chunks);
    })();
    const failed = expect(drained).rejects.toMatchObject({ code: "REQUEST_TIMEOUT" });
    for (let second = 0; second < 30; second += 5) {
      client.send("0123456789012345");
      edge.advanceSeconds(5);
    }
    await failed;
  });

  it("a client that waits for 100 Continue while the origin is being connected is not late", async () => {
    const edge = new TestEdge();
    const fields = ["Content-Length: 5", "Expect: 100-continue"];
    const client = edge.connect().send(requestText("/a", fields, "POST"));
    const call = await edge.origin.call();
    edge.advanceSeconds(100);
    if (call.request.body.kind === "none") throw new Error("no body");
    const next = call.request.body.chunks[Symbol.asyncIterator]().next();
    expect(client.all().map(({ status }) => status)).toEqual([100]);
    client.send("hello");
    expect(await next).toMatchObject({ done: false });
  });

  it("a body that this server itself holds back is not late", async () => {
    const edge = new TestEdge();
    const client = edge.connect().send(requestText("/a", ["Content-Length: 1000000"], "POST"));
    const call = await edge.origin.call();
    client.send(Buffer.alloc(1_000_000), 16_384);
    expect(client.socket.isPaused).toBe(true);
    edge.advanceSeconds(31);
    if (call.request.body.kind === "none") throw new Error("no body");
    const next = await call.request.body.chunks[Symbol.asyncIterator]()
      .next()
      .catch((cause: unknown) => cause);
    expect(next).toMatchObject({ done: false });
  });

  it("a client that takes nothing of its answer for two periods of 60 s is cut", async () => {
    const edge = new TestEdge();
    await edge.store("/a", Buffer.alloc(200_000));
    const client = edge.connect();
    client.socket.room = 1000;
    client.get("/a");
    for (let seconds = 0; seconds < 131 && !client.socket.isDestroyed; seconds++) edge.advanceSeconds(1);
    expect(client.socket.isDestroyed).toBe(true);
    expect(edge.server.connectionCount).toBe(0);
  });

  it("a client that takes little but takes is not", async () => {
    const edge = new TestEdge();
    await edge.store("/a", Buffer.alloc(200_000));
    const client = edge.connect();
    client.socket.room = 0;
    client.get("/a");
    for (let minute = 0; minute < 60; minute++) {
      client.socket.take(1000);
      edge.advanceSeconds(60);
    }
    expect(client.socket.isDestroyed).toBe(false);
  });

  it("a client that takes next to nothing is (slowhttptest -X)", async () => {
    const edge = new TestEdge();
    await edge.store("/a", Buffer.alloc(200_000));
    const client = edge.connect();
    client.socket.room = 0;
    client.get("/a");
    for (let second = 0; second < 130; second += 5) {
      client.socket.take(25);
      edge.advanceSeconds(5);
    }
    expect(client.socket.isDestroyed).toBe(true);
  });

  it("a client that takes nothing of a long body is cut as well", async () => {
    const edge = new TestEdge();
    await edge.store("/long", Buffer.alloc(3 * 1024 * 1024));
    const client = edge.connect();
    client.socket.room = 1000;
    client.get("/long");
    await until(() => client.socket.unsentBytes > 0);
    for (let seconds = 0; seconds < 300; seconds++) edge.advanceSeconds(1);
    expect(client.socket.isDestroyed).toBe(true);
  });

  it("a client that takes nothing of a bypassed answer is cut as well", async () => {
    const edge = new TestEdge();
    const client = edge.connect();
    client.socket.room = 10;
    client.send(requestText("/a", ["Content-Length: 1"], "POST").concat("x"));
    const call = await edge.origin.call();
    call.head(200, ["Content-Length", "1000000"]).data(Buffer.alloc(500_000));
    for (let seconds = 0; seconds < 300; seconds++) edge.advanceSeconds(1);
    expect(client.socket.isDestroyed).toBe(true);
  });
});

describe("draining", () => {
  it("answers close their connection, idle ones end with their time, and the drain is over", async () => {
    const edge = new TestEdge();
    await edge.store("/a", "x");
    const idle = edge.connect().get("/a");
    const busy = edge.connect().get("/slow");
    const call = await edge.origin.call(2);
    let isOver = false;
    const drained = edge.server.drain(60_000).then(() => {
      isOver = true;
    });
    const late = edge.connect().get("/a");
    expect((await late.response()).field("connection")).toBe("close");
    call.reply(200, "done");
    expect((await busy.response()).field("connection")).toBe("close");
    await busy.ended();
    edge.advanceSeconds(10);
    expect(idle.socket.hasEnded).toBe(true);
    for (const client of [idle, busy, late]) {
      expect(isOver).toBe(false);
      client.socket.destroy();
      await turns(2);
    }
    await drained;
  });

  it("without connections is over at once", async () => {
    await new TestEdge().server.drain(60_000);
  });

  it("AWS-28 is shortened by another call, never made longer", async () => {
    const edge = new TestEdge();
    const client = edge.connect().get("/slow");
    await edge.origin.call();
    const drained = edge.server.drain(3_600_000);
    await Promise.all([edge.server.drain(1), edge.server.drain(60_000), drained]);
    expect(client.socket.isDestroyed).toBe(true);
  });

  it("cuts what is left after its time", async () => {
    const edge = new TestEdge();
    const client = edge.connect().get("/slow");
    const call = await edge.origin.call();
    await edge.server.drain(1);
    expect(client.socket.isDestroyed).toBe(true);
    expect(edge.server.connectionCount).toBe(0);
    call.reply(200, "late");
    await turns(10);
    expect(edge.defects).toEqual([]);
  });
});
