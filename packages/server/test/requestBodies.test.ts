import { describe, expect, it } from "vitest";
import { RequestBody } from "../src/requestBody.ts";
import { HOST, requestText, TestEdge } from "./support/edge.ts";
import type { OriginCall } from "./support/fakeOrigin.ts";
import { isSettled, turns, until } from "./support/waiting.ts";

/** Reads the body as an origin connection does. */
const bodyOf = async (call: OriginCall): Promise<Buffer> => {
  if (call.request.body.kind === "none") return Buffer.alloc(0);
  const chunks: Buffer[] = [];
  for await (const chunk of call.request.body.chunks) chunks.push(chunk);
  return Buffer.concat(chunks);
};

const chunked = (...chunks: readonly string[]): string =>
  `${chunks.map((text) => `${text.length.toString(16)}\r\n${text}\r\n`).join("")}0\r\n\r\n`;

const post = (length: number): string => requestText("/form", [`Content-Length: ${length}`], "POST");
const POST_CHUNKED = requestText("/form", ["Transfer-Encoding: chunked"], "POST");

describe("bodies on their way through (BYP-15)", () => {
  it.each([
    ["fixed length", `${post(11)}hello world`, 11],
    ["chunked", `${POST_CHUNKED}${chunked("hello", " ", "world")}`, -1],
  ])(
    "%s: reaches the origin whole, in any pieces, and the next request is found behind it",
    async (_, text, length) => {
      const edge = new TestEdge();
      await edge.store("/a", "after");
      for (let piece = 1; piece < text.length; piece += 7) {
        const client = edge.connect();
        client.send(text + requestText("/a"), piece);
        const call = await edge.origin.call(edge.origin.calls.length);
        expect(call.request.body).toMatchObject({ kind: "stream", contentLength: length });
        expect(String(await bodyOf(call))).toBe("hello world");
        call.reply(200, "thanks");
        expect((await client.responses(2)).map(({ body }) => String(body))).toEqual(["thanks", "after"]);
        client.socket.destroy();
      }
    },
  );

  it("pause the client while the origin is behind, and resume it", async () => {
    const edge = new TestEdge();
    const client = edge.connect().send(post(1_000_000));
    const call = await edge.origin.call();
    client.send(Buffer.alloc(1_000_000, "x"), 16_384);
    expect(client.socket.isPaused).toBe(true);
    expect(client.socket.unreadBytes).toBeGreaterThan(700_000);
    const reading = bodyOf(call);
    await until(() => {
      client.socket.deliver();
      return client.socket.unreadBytes === 0;
    });
    expect((await reading).length).toBe(1_000_000);
    expect(client.socket.isPaused).toBe(false);
  });

  it("a client that leaves in the middle ends the origin's request", async () => {
    const edge = new TestEdge();
    const client = edge.connect().send(`${post(100)}part`);
    const call = await edge.origin.call();
    const reading = bodyOf(call);
    client.socket.destroy();
    await expect(reading).rejects.toMatchObject({ code: "CLIENT_GONE" });
    expect(call.aborted).toBe(true);
  });

  it("a client that ends its side in the middle of a body gets no answer to half a request", async () => {
    const edge = new TestEdge();
    const client = edge.connect().send(`${post(100)}part`);
    const call = await edge.origin.call();
    const reading = bodyOf(call);
    client.socket.sendEnd();
    await expect(reading).rejects.toMatchObject({ code: "CLIENT_GONE" });
  });

  it("an answer before the end of the body closes the connection behind it", async () => {
    const edge = new TestEdge();
    const client = edge.connect().send(`${post(100)}part`);
    (await edge.origin.call()).reply(403, "no");
    expect((await client.response()).status).toBe(403);
    await client.ended();
    expect(client.socket.lateBytes).toBe(0);
  });
});

describe("Expect: 100-continue", () => {
  const expecting = (length: number): string =>
    requestText("/form", [`Content-Length: ${length}`, "Expect: 100-continue"], "POST");

  it("is answered when the origin wants the body, and not handed on", async () => {
    const edge = new TestEdge();
    const client = edge.connect().send(expecting(5));
    const call = await edge.origin.call();
    expect(client.socket.received).toHaveLength(0);
    const reading = bodyOf(call);
    await turns(2);
    expect(String(client.socket.received)).toBe("HTTP/1.1 100 Continue\r\n\r\n");
    client.send("hello");
    expect(String(await reading)).toBe("hello");
    expect(call.request.fields.map((text) => text.toLowerCase())).not.toContain("expect");
    call.reply(200, "ok");
    expect((await client.response()).status).toBe(200);
  });

  it("is not answered where the final answer comes first, and the connection ends", async () => {
    const edge = new TestEdge();
    const client = edge.connect().send(expecting(5));
    (await edge.origin.call()).reply(401, "no");
    expect((await client.responses(1)).map(({ status }) => status)).toEqual([401]);
    expect(client.all()).toHaveLength(1);
    await client.ended();
  });

  it("an expectation that nobody can meet is answered 417", async () => {
    const edge = new TestEdge();
    const client = edge.connect().send(requestText("/a", ["Expect: wonders"]));
    expect((await client.response()).status).toBe(417);
    expect(edge.origin.calls).toHaveLength(0);
  });
});

describe("bodies that nobody wants", () => {
  it.each([
    ["complete", "Content-Length: 5", "hello", false],
    ["complete and chunked", "Transfer-Encoding: chunked", chunked("hello"), false],
    ["still to come", "Content-Length: 500", "hello", true],
  ])(
    "a cached GET with a body that is %s is answered, and no byte of the body is taken for a request",
    async (...row) => {
      const [, framing, body, closes] = row;
      const edge = new TestEdge();
      await edge.store("/a", "cached");
      const smuggled = requestText("/smuggled");
      const client = edge.connect().send(requestText("/a", [framing]) + body + (closes ? smuggled : ""));
      expect(String((await client.response()).body)).toBe("cached");
      await turns(20);
      expect(client.socket.hasEnded).toBe(closes);
      expect(edge.origin.calls).toHaveLength(1);
      if (!closes) expect(client.get("/a").all()).toHaveLength(2);
    },
  );

  it("a method that is not implemented is answered 501 and its body not read as a request (HTTP-36)", async () => {
    const edge = new TestEdge();
    const text = requestText("/a", ["Content-Length: 500"], "DELETE") + requestText("/smuggled");
    const client = edge.connect().send(text);
    expect((await client.response()).status).toBe(501);
    await client.ended();
    expect(client.all()).toHaveLength(1);
  });
});

describe("malformed chunks", () => {
  it.each(["x\r\n", "-1\r\n", "5\nhello", "5\r\nhello!\r\n", "10000000000000000\r\n", "0\r\nbad trailer\r\n\r\n"])(
    "%j: 400, the connection ends, the origin's request is given up",
    async (bad) => {
      const edge = new TestEdge();
      const client = edge.connect().send(`${POST_CHUNKED}5\r\nhello\r\n`);
      const call = await edge.origin.call();
      const reading = bodyOf(call);
      const failed = expect(reading).rejects.toMatchObject({ code: "REQUEST_MALFORMED" });
      client.send(bad);
      await failed;
      const [response] = client.all();
      expect([response?.status, response?.field("connection")]).toEqual([400, "close"]);
      expect(client.socket.hasEnded).toBe(true);
      call.fail("REQUEST_MALFORMED");
      expect(client.all()).toHaveLength(1);
      expect(client.socket.lateBytes).toBe(0);
    },
  );

  it("in the first piece: no origin request at all", async () => {
    const edge = new TestEdge();
    const client = edge.connect().send(`${POST_CHUNKED}zz\r\n`);
    expect(client.all().map(({ status }) => status)).toEqual([400]);
    await turns(10);
    expect(edge.origin.calls).toHaveLength(0);
  });

  it("behind the beginning of an answer: nothing is written into the answer's body", async () => {
    const edge = new TestEdge();
    const client = edge.connect().send(`${POST_CHUNKED}5\r\nhello\r\n`);
    const call = await edge.origin.call();
    call.head(200, ["Content-Length", "1000"]).data("the beginning");
    client.send("zz\r\n");
    await turns(5);
    expect(client.all()[0]?.body.toString()).toBe("the beginning");
  });
});

describe("limits on bodies", () => {
  const edgeWithLimit = (): TestEdge =>
    new TestEdge({ cache: "<ClientLimits><BodyBytes>10</BodyBytes></ClientLimits>" });

  it("a longer Content-Length is answered 413 without asking the origin", async () => {
    const edge = edgeWithLimit();
    const client = edge.connect().send(`${post(11)}hello`);
    expect((await client.response()).status).toBe(413);
    await client.ended();
    expect(edge.origin.calls).toHaveLength(0);
  });

  it("a body of just that length passes", async () => {
    const edge = edgeWithLimit();
    edge.connect().send(`${post(10)}0123456789`);
    expect(String(await bodyOf(await edge.origin.call()))).toBe("0123456789");
  });

  it.each([
    ["with its head", false],
    ["behind its head", true],
  ])("LOG-48 hold for a chunked body that comes %s, and the access log tells of it", async (_, isLate) => {
    const edge = edgeWithLimit();
    const client = edge.connect();
    client.send(`${POST_CHUNKED}${isLate ? "" : chunked("0123456789", "and more")}`);
    if (isLate) {
      await edge.origin.call();
      client.send(chunked("0123456789", "and more"));
    }
    const { status, body } = await client.response();
    expect(status).toBe(413);
    await client.ended();
    const { length } = body;
    expect(edge.logged).toMatchObject([
      { method: "POST", status: 413, bodyBytesSent: length, contentLength: length, isComplete: true },
    ]);
  });

  it("a malformed chunk that comes with its head is a 400, whatever is stored, and is logged", async () => {
    const edge = edgeWithLimit();
    await edge.store("/a", Buffer.from("stored"));
    const client = edge
      .connect()
      .send("GET /a HTTP/1.1\r\nHost: www.example.com\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n");
    expect((await client.response()).status).toBe(400);
    await client.ended();
    expect(edge.logged.at(-1)).toMatchObject({ method: "GET", status: 400 });
  });
});

describe("the body itself", () => {
  const open = () => {
    const flow = { paused: 0, resumed: 0, started: 0 };
    const body = new RequestBody({
      pause: () => flow.paused++,
      resume: () => flow.resumed++,
      started: () => flow.started++,
    });
    return { body, flow };
  };

  it("copies what it is given: the read buffer is used again", async () => {
    const { body } = open();
    const shared = Buffer.from("..hello..");
    body.push(shared, 2, 7);
    shared.fill("x");
    body.complete();
    const chunks: Buffer[] = [];
    for await (const chunk of body) chunks.push(chunk);
    expect(String(Buffer.concat(chunks))).toBe("hello");
  });

  it("pauses once above 256 KiB and resumes once below 64 KiB", async () => {
    const { body, flow } = open();
    const piece = Buffer.alloc(64 * 1024);
    for (let number = 0; number < 6; number++) body.push(piece, 0, piece.length);
    expect(flow).toMatchObject({ paused: 1, resumed: 0, started: 0 });
    body.complete();
    let count = 0;
    for await (const _ of body) {
      count++;
      expect(flow.resumed).toBe(count >= 5 ? 1 : 0);
    }
    expect(flow).toEqual({ paused: 1, resumed: 1, started: 1 });
  });

  it("lets a consumer that stops early go, and resumes the client", async () => {
    const { body, flow } = open();
    const piece = Buffer.alloc(300 * 1024);
    body.push(piece, 0, piece.length);
    body.push(piece, 0, piece.length);
    for await (const _ of body) break;
    expect(flow).toMatchObject({ paused: 1, resumed: 1 });
  });

  it("ends for a consumer that waits when nobody wants the rest any more", async () => {
    const { body } = open();
    const next = body[Symbol.asyncIterator]().next();
    await turns(2);
    body.discard();
    expect(await isSettled(next, 20)).toBe(true);
  });
});

it("a Host of another virtual host in a body changes nothing", async () => {
  const edge = new TestEdge();
  const inner = `POST / HTTP/1.1\r\nHost: other.example\r\nContent-Length: 0\r\n\r\n`;
  const client = edge.connect().send(post(inner.length) + inner);
  const call = await edge.origin.call();
  expect(String(await bodyOf(call))).toBe(inner);
  call.reply(200, HOST);
  await client.response();
  expect(edge.origin.calls).toHaveLength(1);
});
