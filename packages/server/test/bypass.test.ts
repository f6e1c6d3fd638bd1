import { type Duplex, duplexPair } from "node:stream";
import { cacheResultSlot, VHOST_SLOT } from "@basalt/telemetry";
import { describe, expect, it } from "vitest";
import { requestText, TestEdge } from "./support/edge.ts";
import { FakeOrigin } from "./support/fakeOrigin.ts";
import { turns, until } from "./support/waiting.ts";

const POST = requestText("/form", ["Content-Length: 1"], "POST").concat("x");

describe("answers that pass through (BYP-15)", () => {
  it("STAT-44.9 OPT-38 carry the origin's fields as they are, cookies included (HTTP-21)", async () => {
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

  it("REG-357 BYP-04 POST is bypassed or refused as <BypassPostRequest> says, thousands of times, and harms no other request", async () => {
    const edge = new TestEdge();
    edge.origin.answer = (call) => call.reply(200, `to ${call.request.method}`);
    for (let round = 1; round <= 1_000; round++) {
      const client = edge.connect().send(POST).send(requestText("/a"));
      const answers = await client.responses(2, ["POST", "GET"]);
      client.socket.destroy();
      expect(answers.map(({ status, body }) => [status, String(body)])).toEqual([
        [200, "to POST"],
        [200, "to GET"],
      ]);
    }
    edge.configure({ vhost: "<Options><BypassPostRequest>OFF</BypassPostRequest></Options>" }, 2);
    const { length } = edge.origin.calls;
    const refused = edge.connect().send(POST);
    await refused.ended();
    expect(edge.origin.calls).toHaveLength(length);
    expect(String((await edge.connect().get("/a").response()).body)).toBe("to GET");
    expect(edge.defects).toEqual([]);
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
    edge.origin.acceptUpgrade({
      head: { status: 101, reason: "", fields, address: "10.0.0.1" },
      socket: ours,
      moved: () => {},
    });
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

  it("an origin that ends its side has everything delivered, and still gets what the client says", async () => {
    const { client, theirs, received, edge } = await openTunnel();
    const ended = new Promise((resolve) => theirs.on("end", resolve));
    theirs.end("bye");
    await client.ended();
    expect(String(client.socket.received)).toMatch(/bye$/);
    expect([client.socket.hasEndedWriting, client.socket.isEnding]).toEqual([true, false]);
    client.send("and thanks");
    client.socket.sendEnd();
    await ended;
    expect(received()).toBe("and thanks");
    await until(() => client.socket.isEnding, "the end of the connection");
    client.socket.destroy();
    expect(edge.server.connectionCount).toBe(0);
  });

  it("an origin that breaks off ends it at once", async () => {
    const { client, theirs, ours, edge } = await openTunnel();
    theirs.on("error", () => {});
    ours.destroy(new Error("reset"));
    await until(() => client.socket.isReset, "the reset");
    expect(edge.server.connectionCount).toBe(0);
  });

  it("BYP-16 counts what went both ways", async () => {
    const { client, theirs, edge } = await openTunnel();
    client.send("12345");
    theirs.end("123");
    await client.ended();
    client.socket.destroy();
    const head = UPGRADE.length;
    const counted = (slot: number) => edge.counters.get(edge.vhostCounters() + slot);
    expect(counted(VHOST_SLOT.clientRequestBytes)).toBe(head + 5);
    expect(counted(VHOST_SLOT.clientResponseBodyBytes)).toBe(3);
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

  it("BYP-13 ends when nothing has moved for BypassReceiveTimeout, and no other time-out touches it", async () => {
    const { client, edge, theirs, ours, received } = await openTunnel();
    edge.advanceSeconds(299);
    client.send("still here");
    await until(() => received() === "still here");
    edge.advanceSeconds(299);
    theirs.write("and I");
    await until(() => String(client.socket.received).endsWith("and I"));
    edge.advanceSeconds(299);
    expect(client.socket.hasEnded).toBe(false);
    edge.advanceSeconds(1);
    expect([client.socket.hasEnded, ours.destroyed]).toEqual([true, true]);
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
    edge.origin.acceptUpgrade({
      head: { status: 101, reason: "", fields: [], address: "" },
      socket: ours,
      moved: () => {},
    });
    await turns(3);
    expect(ours.destroyed).toBe(true);
  });
});

describe("a bypassed request and its origin server", () => {
  const GET_BYPASSED = "<BypassGetRequest>ON</BypassGetRequest>";
  const put = requestText("/p", ["Content-Length: 0"], "PUT");

  it("BYP-11 names its client by default, for the method whose element says so", async () => {
    const options = `<Options><BypassGetRequest OriginAffinity="OFF">ON</BypassGetRequest><BypassPutRequest>ON</BypassPutRequest></Options>`;
    const edge = new TestEdge({ vhost: options });
    for (const text of [POST, requestText("/a"), requestText("/a", [], "HEAD"), put]) edge.connect().send(text);
    await edge.origin.call(4);
    expect(edge.origin.calls.map(({ request }) => [request.method, request.affinity, request.session])).toEqual([
      ["POST", "192.0.2.7", undefined],
      ["GET", undefined, undefined],
      ["HEAD", undefined, undefined],
      ["PUT", "192.0.2.7", undefined],
    ]);
  });

  it("ORG-33 is spread by the URL of the key", async () => {
    const edge = new TestEdge({ vhost: `<Options><CaseSensitive>OFF</CaseSensitive>${GET_BYPASSED}</Options>` });
    edge.connect().get("/A?b");
    expect((await edge.origin.call()).request).toMatchObject({ key: "/a?b", target: "/A?b" });
  });

  it("VHT-17 ORG-41 is asked by the client's own URL, whatever URLRewrite says", async () => {
    const rewrite =
      "<OriginOptions><URLRewrite><Pattern>/(.*)</Pattern><Replace>/new/#1</Replace></URLRewrite></OriginOptions>";
    const edge = new TestEdge({ vhost: rewrite });
    edge.connect().get("/a");
    await edge.origin.call();
    edge.connect().send(POST);
    await edge.origin.call(2);
    expect(edge.origin.calls.map(({ request }) => request.target)).toEqual(["/new/a", "/form"]);
  });
});

describe("BYP-12: a private origin session", () => {
  const PRIVATE = '<Options><BypassPostRequest Private="ON">ON</BypassPostRequest></Options>';

  const begin = async () => {
    const edge = new TestEdge({ vhost: PRIVATE });
    const client = edge.connect().send(POST);
    (await edge.origin.call()).reply(200, "one");
    await client.responses(1);
    const [session] = edge.origin.sessions;
    if (session === undefined) throw new Error("no session");
    return { edge, client, session };
  };

  it("is the same for all requests of a client connection, and of no other", async () => {
    const { edge, client, session } = await begin();
    client.send(POST);
    (await edge.origin.call(2)).reply(200, "two");
    await client.responses(2);
    edge.connect().send(POST);
    const other = await edge.origin.call(3);
    expect(edge.origin.calls[1]?.request.session).toBe(session);
    expect(other.request.session).toBe(edge.origin.sessions[1]);
    expect(edge.origin.sessions).toHaveLength(2);
  });

  it("is opened by the first private bypass only (OPEN 5), and not for methods without it", async () => {
    const edge = new TestEdge({ vhost: PRIVATE });
    await edge.store("/a", "cached");
    const client = edge.connect().get("/a");
    await client.responses(1);
    expect(edge.origin.sessions).toHaveLength(0);
  });

  it("A7 of spec 06: ends the client's connection when the origin closes it", async () => {
    const { client, session } = await begin();
    session.breakOff();
    expect(client.socket.isEnding).toBe(true);
  });

  it("is closed when the client leaves", async () => {
    const { client, session } = await begin();
    client.socket.destroy();
    expect(session.isLetGo).toBe(true);
  });

  it("that ends while a response runs lets it end, as the last one", async () => {
    const { edge, client, session } = await begin();
    client.send(POST + POST);
    const call = await edge.origin.call(2);
    session.breakOff();
    call.reply(200, "two");
    await client.ended();
    const [, second, third] = client.all();
    expect([String(second?.body), second?.field("connection"), third]).toEqual(["two", "close", undefined]);
    expect(edge.origin.calls).toHaveLength(2);
  });

  it("that ends within a response cuts the response", async () => {
    const { edge, client, session } = await begin();
    client.send(POST);
    const call = (await edge.origin.call(2)).head(200, ["Content-Length", "10"]);
    call.data("half");
    call.fail("ORIGIN_CLOSED");
    session.breakOff();
    expect([client.socket.isReset, client.socket.isEnding]).toEqual([true, false]);
  });

  it("AWS-31: goes on with the pool of the next configuration as long as that does not end it", async () => {
    const { edge, client, session } = await begin();
    edge.origin = new FakeOrigin();
    edge.configure({ vhost: PRIVATE }, 2);
    client.send(POST);
    const call = await edge.origin.call();
    expect([session.isLetGo, edge.origin.sessions.length]).toEqual([false, 0]);
    expect(call.request.session).toBe(session);
  });
});

describe("BYP-16: bodies of clients", () => {
  it("count as inbound, chunked ones too", async () => {
    const edge = new TestEdge();
    const head = requestText("/form", ["Transfer-Encoding: chunked"], "POST");
    const client = edge.connect().send(`${head}3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n`);
    const call = await edge.origin.call();
    if (call.request.body.kind === "stream") for await (const _ of call.request.body.chunks);
    call.reply(200, "ok");
    await client.responses(1);
    expect(edge.counters.get(edge.vhostCounters() + VHOST_SLOT.clientRequestBytes)).toBe(head.length + 5);
  });
});
