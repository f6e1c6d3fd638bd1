import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HOST, requestText, TestEdge } from "./support/edge.ts";
import { turns, until } from "./support/waiting.ts";

const bodyFor = (number: number, length: number): Buffer => Buffer.alloc(length, `<${number}>`);

describe("requests on one connection", () => {
  it("200 in one buffer are answered in their order", async () => {
    const edge = new TestEdge();
    for (let number = 0; number < 10; number++) await edge.store(`/${number}`, `body ${number}`);
    const client = edge.connect();
    client.send(Array.from({ length: 200 }, (_, index) => requestText(`/${index % 10}`)).join(""));
    const responses = await client.responses(200);
    expect(responses.map(({ body }) => String(body))).toEqual(
      Array.from({ length: 200 }, (_, index) => `body ${index % 10}`),
    );
    expect(edge.server.connectionCount).toBe(1);
  });

  it("may be split at each byte", async () => {
    const edge = new TestEdge();
    await edge.store("/a", "hello");
    const text = requestText("/a", ["User-Agent: x", 'If-None-Match: "no"']) + requestText("/a?missing", [], "PUT");
    for (let at = 1; at < text.length; at++) {
      const client = edge.connect();
      client.send(text.slice(0, at));
      client.send(text.slice(at));
      expect(client.all().map(({ status }) => status)).toEqual([200, 501]);
      client.socket.destroy();
    }
    const client = edge.connect().send(text, 1);
    expect(client.all().map(({ status }) => status)).toEqual([200, 501]);
  });

  it("misses and hits mixed keep their order", async () => {
    const edge = new TestEdge();
    await edge.store("/hit", "hit");
    const client = edge.connect();
    client.send(["/m1", "/hit", "/m2", "/hit"].map((path) => requestText(path)).join(""));
    const first = await edge.origin.call(2);
    expect(first.request.target).toBe("/m1");
    expect(client.socket.received).toHaveLength(0);
    first.reply(200, "one");
    (await edge.origin.call(3)).reply(200, "two");
    const responses = await client.responses(4);
    expect(responses.map(({ body }) => String(body))).toEqual(["one", "hit", "two", "hit"]);
  });

  it("no more than 64 KiB wait behind a running one", async () => {
    const edge = new TestEdge();
    await edge.store("/hit", "hit");
    const client = edge.connect().get("/slow");
    const call = await edge.origin.call(2);
    const one = requestText("/hit", [`X-Padding: ${"x".repeat(900)}`]);
    client.send(one.repeat(200), 16 * 1024);
    expect(client.socket.isPaused).toBe(true);
    expect(client.socket.unreadBytes).toBeGreaterThan(100_000);
    call.reply(200, "slow");
    await until(() => {
      client.socket.deliver();
      return client.all().length === 201;
    });
  });

  it("one at a time, whatever ends first (HTTP-40)", async () => {
    const edge = new TestEdge();
    const client = edge.connect();
    client.send(requestText("/1") + requestText("/2"));
    await turns(20);
    expect(edge.origin.calls.map(({ request }) => request.target)).toEqual(["/1"]);
    client.socket.destroy();
    (await edge.origin.call(1)).reply(200, "late");
    await turns(20);
    expect(edge.origin.calls).toHaveLength(1);
    expect(edge.server.connectionCount).toBe(0);
  });

  it("any mix in any pieces gives the same answers", async () => {
    const edge = new TestEdge();
    for (const number of [0, 1, 2, 3]) await edge.store(`/${number}`, bodyFor(number, number * 700));
    const requests = fc.constantFrom(
      ...[0, 1, 2, 3].flatMap((number) => [
        { text: requestText(`/${number}`), method: "GET", body: bodyFor(number, number * 700) },
        { text: requestText(`/${number}`, ["Range: bytes=0-1"]), method: "GET", body: undefined },
        { text: requestText(`/${number}`, [], "HEAD"), method: "HEAD", body: Buffer.alloc(0) },
      ]),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(requests, { minLength: 1, maxLength: 20 }), fc.nat(300), async (wanted, piece) => {
        const client = edge.connect();
        client.send(wanted.map(({ text }) => text).join(""), piece + 1);
        const methods = wanted.map(({ method }) => method);
        const responses = await client.responses(wanted.length, methods);
        for (const [position, { body }] of wanted.entries()) {
          if (body !== undefined) expect(responses[position]?.body.equals(body)).toBe(true);
        }
        client.socket.destroy();
      }),
      { numRuns: 60 },
    );
  });
});

describe("a client that reads slowly", () => {
  const MIB = 1024 * 1024;

  it("gets 1 MiB responses whole and in order, however little it takes at a time", async () => {
    const edge = new TestEdge();
    for (let number = 0; number < 4; number++) await edge.store(`/${number}`, bodyFor(number, MIB));
    const client = edge.connect();
    client.socket.room = 0;
    client.send(Array.from({ length: 12 }, (_, index) => requestText(`/${index % 4}`)).join(""));
    for (let round = 0; round < 400 && client.socket.received.length < 12 * MIB; round++) {
      client.socket.take(77_777);
      await turns(1);
    }
    const responses = await client.responses(12);
    for (const [index, { body }] of responses.entries()) expect(body.equals(bodyFor(index % 4, MIB))).toBe(true);
  });

  it("has the requests that it sends meanwhile answered in their order", async () => {
    const edge = new TestEdge();
    await edge.store("/large", bodyFor(1, 200_000));
    await edge.store("/small", "small");
    const client = edge.connect();
    client.socket.room = 1000;
    const second = requestText("/small");
    client.send(requestText("/large") + second.slice(0, 10));
    client.send(second.slice(10));
    client.socket.take(Number.POSITIVE_INFINITY);
    await turns(5);
    expect(client.all().map(({ status, body }) => [status, body.length])).toEqual([
      [200, 200_000],
      [200, 5],
    ]);
  });

  it("does not make the server write more while it takes nothing", async () => {
    const edge = new TestEdge();
    await edge.store("/large", bodyFor(1, 200_000));
    const client = edge.connect();
    client.socket.room = 0;
    for (let number = 0; number < 50; number++) client.get("/large");
    expect(client.socket.unsentBytes).toBeLessThan(2 * 210_000);
  });

  it("gets a body that lies on disk whole", async () => {
    const edge = new TestEdge();
    const body = Buffer.alloc(3 * MIB + 5);
    for (let position = 0; position + 4 < body.length; position += 4) body.writeUInt32LE(position, position);
    await edge.store("/long", body);
    const client = edge.connect();
    client.socket.room = 10;
    client.send(requestText("/long") + requestText("/long", [], "HEAD"));
    for (let round = 0; round < 400 && client.socket.received.length < body.length; round++) {
      client.socket.take(100_000);
      await turns(2);
    }
    const [first] = await client.responses(2, ["GET", "HEAD"]);
    expect(first?.body.equals(body)).toBe(true);
    expect(edge.bodies.openReaders).toBeLessThanOrEqual(1);
  });
});

describe("a client that sends no more", () => {
  it("still gets the answer that it waits for", async () => {
    const edge = new TestEdge();
    const client = edge.connect().get("/a");
    const call = await edge.origin.call();
    client.socket.sendEnd();
    call.reply(200, "hello");
    expect(String((await client.response()).body)).toBe("hello");
    await client.ended();
  });

  it("gets all answers to what it sent before", async () => {
    const edge = new TestEdge();
    await edge.store("/hit", "hit");
    const client = edge.connect();
    client.send(requestText("/slow") + requestText("/hit"));
    const call = await edge.origin.call(2);
    client.socket.sendEnd();
    call.reply(200, "slow");
    await client.ended();
    expect(client.all()).toHaveLength(2);
  });

  it("in the middle of a head gets nothing", () => {
    const edge = new TestEdge();
    const client = edge.connect().send(`GET / HTTP/1.1\r\nHost: ${HOST}`);
    client.socket.sendEnd();
    expect([client.socket.received.length, client.socket.hasEnded]).toEqual([0, true]);
  });
});
