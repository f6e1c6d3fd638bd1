import { type Duplex, duplexPair } from "node:stream";
import { cacheResultSlot, VHOST_SLOT } from "@basalt/telemetry";
import { describe, expect, it } from "vitest";
import { requestText, TestEdge } from "./support/edge.ts";
import { turns, until } from "./support/waiting.ts";

const POST = requestText("/form", ["Content-Length: 1"], "POST").concat("x");

describe("answers that pass through (BYP-15)", () => {
  it("carry the origin's fields as they are, cookies included (HTTP-21)", async () => {
    const edge = new TestEdge();
    const client = edge.connect().send(POST);
    (await edge.origin.call()).reply(302, "", [
      "Location",
      "/b",
      "Set-Cookie",
      "a=1",
      "Set-Cookie",
      "b=2",
      "X-Foo",
      "1",
    ]);
    const response = await client.response();
    expect(response.fields.slice(0, 5)).toEqual([
      ["Content-Length", "0"],
      ["Location", "/b"],
      ["Set-Cookie", "a=1"],
      ["Set-Cookie", "b=2"],
      ["X-Foo", "1"],
    ]);
    expect(edge.counters.get(edge.vhostCounters() + cacheResultSlot("TCP_CLIENT_REFRESH_MISS"))).toBe(1);
    expect(edge.counters.get(edge.vhostCounters() + VHOST_SLOT.clientBypassed)).toBe(1);
  });

  it("BYP-01, BYP-02: leave the cache as it is, request by request", async () => {
    const edge = new TestEdge();
    await edge.store("/form", "cached");
    const client = edge.connect().send(requestText("/form") + POST + requestText("/form"));
    (await edge.origin.call(2)).reply(200, "posted");
    expect((await client.responses(3)).map(({ body }) => String(body))).toEqual(["cached", "posted", "cached"]);
  });

  it("are chunked where the origin gives no length, and close a 1.0 client's connection", async () => {
    const edge = new TestEdge();
    for (const [version, coding] of [
      ["1.1", "chunked"],
      ["1.0", undefined],
    ] as const) {
      const fields = ["Content-Length: 1", "Connection: keep-alive"];
      const client = edge.connect().send(requestText("/form", fields, "POST", version).concat("x"));
      const call = (await edge.origin.call(edge.origin.calls.length)).head(200);
      call.data("one ");
      call.data("");
      call.data("two");
      call.complete();
      if (version === "1.0") await client.ended();
      const response = await client.response();
      expect([response.field("transfer-encoding"), String(response.body)]).toEqual([coding, "one two"]);
      expect(client.socket.hasEnded).toBe(version === "1.0");
    }
  });

  it.each([204, 304])("%i has no body and no framing", async (status) => {
    const edge = new TestEdge();
    const client = edge.connect().send(POST);
    (await edge.origin.call()).head(status).complete();
    const response = await client.response();
    expect([response.field("transfer-encoding"), response.body.length]).toEqual([undefined, 0]);
    expect(client.get("/nothing", [], "DELETE").all()).toHaveLength(2);
  });

  it("slow clients pause the origin, and resume it", async () => {
    const edge = new TestEdge();
    const client = edge.connect();
    client.socket.room = 1000;
    client.send(POST);
    const call = (await edge.origin.call()).head(200, ["Content-Length", "3000"]);
    expect(call.data(Buffer.alloc(2000))).toBe(false);
    client.socket.take(500);
    expect(call.resumed).toBe(0);
    client.socket.take(5000);
    expect(call.resumed).toBe(1);
    expect(call.data(Buffer.alloc(1000))).toBe(true);
    call.complete();
    expect((await client.response()).body.length).toBe(3000);
  });

  it("interim answers are handed on, except 100 and to HTTP/1.0", async () => {
    const edge = new TestEdge();
    const client = edge.connect().send(POST);
    const call = await edge.origin.call();
    call.information(100);
    call.information(103, ["Link", "</a.css>", "Connection", "x"]);
    call.reply(200, "x");
    await client.response();
    expect(client.all().map(({ status }) => status)).toEqual([103, 200]);
    expect(client.all()[0]?.fields).toEqual([["Link", "</a.css>"]]);
  });

  it("a client that leaves ends the exchange with the origin", async () => {
    const edge = new TestEdge();
    const client = edge.connect().send(POST);
    const call = (await edge.origin.call()).head(200, ["Content-Length", "10"]);
    client.socket.destroy();
    expect(call.aborted).toBe(true);
    expect(edge.server.connectionCount).toBe(0);
  });

  it("an origin that breaks off ends the client's connection; before its head it is an error page", async () => {
    const edge = new TestEdge();
    const early = edge.connect().send(POST);
    (await edge.origin.call(1)).fail("ORIGIN_RECEIVE_TIMEOUT");
    expect((await early.response()).status).toBe(500);
    expect(edge.counters.get(edge.vhostCounters() + cacheResultSlot("TCP_ERROR"))).toBe(1);
    const late = edge.connect().send(POST);
    const call = (await edge.origin.call(2)).head(200, ["Content-Length", "10"]);
    call.data("part");
    call.fail("ORIGIN_CLOSED");
    await late.ended();
    expect(late.all()[0]).toMatchObject({ isComplete: false });
  });
});

describe("upgrades (RFC 9110 7.8)", () => {
  const UPGRADE = requestText("/chat", ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: k"]);

  const openTunnel = async (early = "") => {
    const edge = new TestEdge();
    const client = edge.connect().send(UPGRADE + early);
    const call = await edge.origin.call();
    const [ours, theirs]: readonly [Duplex, Duplex] = duplexPair();
    const received: Buffer[] = [];
    theirs.on("data", (chunk: Buffer) => received.push(chunk));
    const fields = ["Connection", "Upgrade", "Upgrade", "websocket"];
    edge.origin.acceptUpgrade({ head: { status: 101, reason: "", fields, address: "10.0.0.1" }, socket: ours });
    await until(() => client.socket.received.length > 0, "the 101");
    return { edge, client, call, ours, theirs, received: () => String(Buffer.concat(received)) };
  };

  it("hand the request on with its upgrade fields and the answer back", async () => {
    const { client, call } = await openTunnel();
    expect(call.request.fields.slice(-4)).toEqual(["Connection", "Upgrade", "Upgrade", "websocket"]);
    expect(String(client.socket.received)).toBe(
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    );
  });

  it("carry bytes both ways, those that came early too", async () => {
    const { client, theirs, received } = await openTunnel("early ");
    client.send("and late");
    theirs.write("hello");
    await until(() => received() === "early and late", "the client's bytes");
    await until(() => String(client.socket.received).endsWith("\r\n\r\nhello"), "the origin's bytes");
  });

  it("are paused both ways while the other side is behind", async () => {
    const { client, theirs, ours } = await openTunnel();
    client.socket.room = 0;
    theirs.write(Buffer.alloc(1000));
    await until(() => client.socket.unsentBytes > 0);
    expect(ours.isPaused()).toBe(true);
    client.socket.take(Number.POSITIVE_INFINITY);
    expect(ours.isPaused()).toBe(false);
    theirs.pause();
    client.send(Buffer.alloc(1_000_000), 16_384);
    expect(client.socket.isPaused).toBe(true);
    theirs.resume();
    await until(() => {
      client.socket.deliver();
      return client.socket.unreadBytes === 0;
    });
  });

  it("end for the client when the origin ends, with everything delivered", async () => {
    const { client, theirs, edge } = await openTunnel();
    theirs.end("bye");
    await client.ended();
    expect(String(client.socket.received)).toMatch(/bye$/);
    client.socket.destroy();
    expect(edge.server.connectionCount).toBe(0);
  });

  it("a client that ends its side still gets what the origin says", async () => {
    const { client, theirs, received } = await openTunnel();
    const ended = new Promise((resolve) => theirs.on("end", resolve));
    client.send("last words");
    client.socket.sendEnd();
    await ended;
    expect(received()).toBe("last words");
    theirs.end("answer");
    await client.ended();
    expect(String(client.socket.received)).toMatch(/answer$/);
  });

  it("a client that leaves ends the origin's side", async () => {
    const { client, ours } = await openTunnel();
    client.socket.destroy();
    await turns(2);
    expect(ours.destroyed).toBe(true);
  });

  it("time-outs do not touch it", async () => {
    const { client, edge } = await openTunnel();
    edge.advanceSeconds(100_000);
    expect(client.socket.hasEnded).toBe(false);
  });

  it("a refusal is an ordinary answer, and the connection goes on", async () => {
    const edge = new TestEdge();
    const client = edge.connect().send(UPGRADE);
    (await edge.origin.call()).reply(403, "no");
    edge.origin.acceptUpgrade(undefined);
    expect((await client.response()).status).toBe(403);
    expect(client.get("/a", [], "DELETE").all()).toHaveLength(2);
  });

  it("a tunnel for a client that has left is closed", async () => {
    const edge = new TestEdge();
    const client = edge.connect().send(UPGRADE);
    await edge.origin.call();
    client.socket.destroy();
    const [ours] = duplexPair();
    edge.origin.acceptUpgrade({ head: { status: 101, reason: "", fields: [], address: "" }, socket: ours });
    await turns(3);
    expect(ours.destroyed).toBe(true);
  });
});
