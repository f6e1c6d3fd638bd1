import { constants } from "node:http2";
import { PROCESS_SLOT, rejectionSlot } from "@basalt/telemetry";
import { afterEach, describe, expect, it } from "vitest";
import { HOST, TestEdge } from "../support/edge.ts";
import type { OriginCall } from "../support/fakeOrigin.ts";
import { turns, until } from "../support/waiting.ts";
import { ask, Http2Edge } from "./support.ts";

let opened: Http2Edge[] = [];
const open = async (edge = new TestEdge()): Promise<Http2Edge> => {
  const each = await Http2Edge.open(edge);
  opened.push(each);
  return each;
};

afterEach(async () => {
  for (const { edge } of opened) expect(edge.defects).toEqual([]);
  await Promise.all(opened.map((each) => each.close()));
  opened = [];
});

const bodyOf = async (call: OriginCall): Promise<Buffer> => {
  if (call.request.body.kind === "none") return Buffer.alloc(0);
  const chunks: Buffer[] = [];
  for await (const chunk of call.request.body.chunks) chunks.push(chunk);
  return Buffer.concat(chunks);
};

const patterned = (bytes: number): Buffer =>
  Buffer.from(Uint8Array.from({ length: bytes }, (_, at) => (at * 31 + (at >> 8)) & 255));

describe("requests over HTTP/2", () => {
  it("AWS-41: a hit is one transaction of HTTP/2.0, and says nothing of connections", async () => {
    const each = await open();
    const { edge } = each;
    await edge.store("/a", "stored");
    const client = each.client();
    for (let count = 1; count <= 3; count++) {
      const answer = await ask(client, "/a");
      expect([answer.status, String(answer.body), answer.code]).toEqual([200, "stored", 0]);
      for (const name of ["connection", "keep-alive", "transfer-encoding", "upgrade"]) {
        expect(Object.keys(answer.fields)).not.toContain(name);
      }
    }
    const hits = edge.logged.filter(({ result }) => result === "TCP_HIT");
    expect(hits).toHaveLength(3);
    expect(hits[0]).toMatchObject({
      target: "/a",
      status: 200,
      bodyBytesSent: 6,
      httpVersion: "2.0",
      isComplete: true,
    });
    expect(new Set(hits.map(({ sessionText }) => sessionText)).size).toBe(1);
  });

  it("a prepared response carries the Date of the second in which it is sent", async () => {
    const each = await open();
    await each.edge.store("/a", "stored");
    const client = each.client();
    const first = await ask(client, "/a");
    each.edge.clock.advanceSeconds(2);
    const second = await ask(client, "/a");
    expect(second.fields.date).not.toBe(first.fields.date);
    expect(second.body).toEqual(first.body);
  });

  it("a miss is fetched once for all streams that ask at the same time", async () => {
    const each = await open();
    const client = each.client();
    const answers = Promise.all([1, 2, 3].map(() => ask(client, "/miss")));
    const call = await each.edge.origin.call();
    call.reply(200, "fetched");
    expect((await answers).map(({ body }) => String(body))).toEqual(["fetched", "fetched", "fetched"]);
    expect(each.edge.origin.calls).toHaveLength(1);
  });

  it("HEAD and 304 have no DATA", async () => {
    const each = await open();
    await each.edge.store("/a", "stored");
    const client = each.client();
    const head = await ask(client, "/a", { ":method": "HEAD" });
    expect([head.status, head.fields["content-length"], head.body.length, head.code]).toEqual([200, "6", 0, 0]);
    const same = await ask(client, "/a", { "if-none-match": String(head.fields.etag) });
    expect([same.status, same.body.length, same.code]).toEqual([304, 0, 0]);
  });

  it("ranges come as they do over HTTP/1.1", async () => {
    const each = await open();
    await each.edge.store("/a", "0123456789");
    const client = each.client();
    const part = await ask(client, "/a", { range: "bytes=2-4" });
    expect([part.status, part.fields["content-range"], String(part.body)]).toEqual([206, "bytes 2-4/10", "234"]);
    const parts = await ask(client, "/a", { range: "bytes=0-1,4-5" });
    expect(parts.status).toBe(206);
    expect(String(parts.body)).toContain("01");
    expect((await ask(client, "/a", { range: "bytes=50-" })).status).toBe(416);
  });

  it.each([
    ["with its length", { "content-length": 11 }, 11],
    ["without", {}, -1],
  ])("a request body %s reaches the origin whole", async (_, fields, length) => {
    const each = await open();
    const answer = ask(each.client(), "/form", { ":method": "POST", ...fields }, [
      Buffer.from("hello "),
      Buffer.from("world"),
    ]);
    const call = await each.edge.origin.call();
    expect(call.request.body).toMatchObject({ kind: "stream", contentLength: length });
    expect(String(await bodyOf(call))).toBe("hello world");
    call.reply(200, "thanks");
    expect(String((await answer).body)).toBe("thanks");
  });

  it("a body without bytes, and one that the answer does not wait for", async () => {
    const each = await open();
    const client = each.client();
    const empty = ask(client, "/form", { ":method": "POST" }, Buffer.alloc(0));
    (await each.edge.origin.call(1)).reply(200, "empty");
    expect(String((await empty).body)).toBe("empty");

    const stream = client.request({ ":path": "/form", ":method": "POST", ":authority": HOST, ":scheme": "https" });
    stream.on("error", () => {});
    stream.write("the first of many");
    const pieces: Buffer[] = [];
    stream.on("data", (piece: Buffer) => pieces.push(piece));
    const closed = new Promise((resolve) => stream.on("close", resolve));
    (await each.edge.origin.call(2)).reply(413, "enough");
    await closed;
    expect(String(Buffer.concat(pieces))).toBe("enough");
    expect(stream.rstCode).toBe(constants.NGHTTP2_NO_ERROR);
  });

  it("100 Continue is an interim answer", async () => {
    const each = await open();
    const fields = { ":method": "POST", expect: "100-continue", "content-length": 4 };
    const answer = ask(each.client(), "/form", fields, Buffer.from("body"));
    const call = await each.edge.origin.call();
    expect(String(await bodyOf(call))).toBe("body");
    call.reply(200, "thanks");
    expect((await answer).status).toBe(200);
  });

  it("interim answers of the origin are passed on", async () => {
    const each = await open();
    const answer = ask(each.client(), "/hints", { "cache-control": "no-cache" });
    const call = await each.edge.origin.call();
    call.information(103, ["Link", "</style.css>"]);
    call.reply(200, "page");
    const { interim, status } = await answer;
    expect(status).toBe(200);
    if (interim.length > 0) expect(interim[0]).toMatchObject({ ":status": 103, link: "</style.css>" });
  });

  it("a long body is the same byte for byte, from the origin and from memory", async () => {
    const each = await open();
    const body = patterned(900_000);
    const client = each.client();
    const first = ask(client, "/long");
    (await each.edge.origin.call()).reply(200, body, ["Cache-Control", "max-age=60"]);
    expect((await first).body.equals(body)).toBe(true);
    expect((await ask(client, "/long")).body.equals(body)).toBe(true);
  });

  it("a body without a length ends with the stream", async () => {
    const each = await open();
    const answer = ask(each.client(), "/growing");
    const call = await each.edge.origin.call();
    call.head(200);
    call.data("one ");
    await turns(5);
    call.data("two");
    await turns(5);
    call.complete();
    const { body, fields, code } = await answer;
    expect([String(body), fields["content-length"], code]).toEqual(["one two", undefined, 0]);
  });

  it("a hundred streams at once over one connection", async () => {
    const each = await open();
    await each.edge.store("/a", patterned(40_000));
    const client = each.client();
    const answers = await Promise.all(Array.from({ length: 100 }, () => ask(client, "/a")));
    expect(answers.every(({ status, body }) => status === 200 && body.equals(patterned(40_000)))).toBe(true);
    expect(each.edge.server.connectionCount).toBe(1);
    await until(() => each.edge.counters.get(PROCESS_SLOT.http2StreamsOpen) === 0, "all streams are over");
    expect(each.edge.counters.get(PROCESS_SLOT.http2Streams)).toBe(100);
  });

  it("an origin that breaks off in the middle resets the stream, and no other", async () => {
    const each = await open();
    await each.edge.store("/a", "stored");
    const client = each.client();
    const broken = client.request({ ":path": "/broken", ":authority": HOST, ":scheme": "https" });
    broken.on("error", () => {});
    const call = await each.edge.origin.call(2);
    call.head(200, ["Content-Length", "100"]);
    call.data("only this");
    await new Promise((resolve) => broken.once("data", resolve));
    const closed = new Promise((resolve) => broken.on("close", resolve));
    call.fail("ORIGIN_CLOSED");
    await closed;
    expect(broken.rstCode).toBe(constants.NGHTTP2_INTERNAL_ERROR);
    expect((await ask(client, "/a")).status).toBe(200);
  });
});

describe("streams that the client does not see to their end", () => {
  it("a reset in the middle of an answer ends the request, and the connection goes on", async () => {
    const each = await open();
    await each.edge.store("/a", "stored");
    const client = each.client();
    const stream = client.request({ ":path": "/slow", ":authority": HOST, ":scheme": "https" });
    stream.on("error", () => {});
    const call = await each.edge.origin.call(2);
    call.head(200, ["Content-Length", "100"]);
    call.data("first");
    await new Promise((resolve) => stream.once("data", resolve));
    stream.close(constants.NGHTTP2_CANCEL);
    await until(() => each.edge.logged.some(({ target }) => target === "/slow"), "logged");
    expect(each.edge.logged.find(({ target }) => target === "/slow")).toMatchObject({ isComplete: false, status: 200 });
    expect((await ask(client, "/a")).status).toBe(200);
    expect(each.edge.counters.get(PROCESS_SLOT.http2StreamsReset)).toBe(1);
  });

  it("a client that takes nothing holds its own stream only, and is cut after the send time-out", async () => {
    const each = await open();
    await each.edge.store("/a", patterned(600_000));
    await each.edge.store("/b", "short");
    const client = each.client({ settings: { initialWindowSize: 1_000 } });
    const held = client.request({ ":path": "/a", ":authority": HOST, ":scheme": "https" });
    held.on("error", () => {});
    const closed = new Promise((resolve) => held.on("close", resolve));
    held.pause();
    await until(() => each.edge.logged.filter(({ target }) => target === "/a").length === 2, "answered");
    expect(String((await ask(client, "/b")).body)).toBe("short");
    for (let count = 0; count < 4; count++) each.edge.advanceSeconds(61);
    held.resume();
    await closed;
    expect(held.rstCode).not.toBe(constants.NGHTTP2_NO_ERROR);
  });

  it("a stream whose copies are not taken is ended too", async () => {
    const each = await open();
    await each.edge.store("/b", patterned(2_000));
    const client = each.client({ settings: { initialWindowSize: 0 } });
    const held = client.request({ ":path": "/b", ":authority": HOST, ":scheme": "https" });
    held.on("error", () => {});
    const closed = new Promise((resolve) => held.on("close", resolve));
    await until(() => each.edge.logged.filter(({ target }) => target === "/b").length === 2, "answered");
    for (let count = 0; count < 3; count++) each.edge.advanceSeconds(61);
    await closed;
    expect(held.rstCode).toBe(constants.NGHTTP2_CANCEL);
  });
});

describe("what is no request", () => {
  it("is refused by resetting its stream, CONNECT by 501; the connection goes on", async () => {
    const each = await open();
    await each.edge.store("/a", "stored");
    const client = each.client();
    const refused = await ask(client, "/a", { host: "other.example.com" });
    expect([refused.status, refused.code]).toEqual([0, constants.NGHTTP2_PROTOCOL_ERROR]);
    expect(each.edge.counters.get(rejectionSlot("REQUEST_MALFORMED"))).toBe(1);
    const connect = client.request({ ":method": "CONNECT", ":authority": "example.com:443" });
    connect.on("error", () => {});
    const status = await new Promise((resolve) => connect.on("response", (head) => resolve(head[":status"])));
    expect(status).toBe(501);
    connect.close();
    expect((await ask(client, "/a")).status).toBe(200);
  });

  it("fields beyond the limits are refused", async () => {
    const each = await open();
    const client = each.client({ maxSendHeaderBlockLength: 500_000 });
    const large = await ask(client, "/a", { "x-large": "x".repeat(60_000) });
    expect(large.status === 431 || large.code !== 0).toBe(true);
    const many = Object.fromEntries(Array.from({ length: 200 }, (_, at) => [`x-${at}`, "1"]));
    const numerous = await ask(each.client(), "/a", many);
    expect(numerous.status === 431 || numerous.code !== 0).toBe(true);
    expect(each.edge.logged).toEqual([]);
  });
});

describe("the life of a connection", () => {
  it("one that is idle for too long is closed in order", async () => {
    const each = await open();
    await each.edge.store("/a", "stored");
    const client = each.client();
    await ask(client, "/a");
    await until(() => each.edge.counters.get(PROCESS_SLOT.http2StreamsOpen) === 0);
    each.edge.advanceSeconds(59);
    expect(client.closed).toBe(false);
    const goaway = new Promise((resolve) => client.on("goaway", resolve));
    each.edge.advanceSeconds(2);
    expect(await goaway).toBe(constants.NGHTTP2_NO_ERROR);
    await until(() => each.edge.server.connectionCount === 0, "gone");
    expect(each.edge.counters.get(PROCESS_SLOT.http2ConnectionsOpen)).toBe(0);
  });

  it("one without a first request ends with the head time-out", async () => {
    const each = await open();
    const client = each.client();
    await new Promise((resolve) => client.on("remoteSettings", resolve));
    const closed = new Promise((resolve) => client.on("close", resolve));
    each.edge.advanceSeconds(16);
    await closed;
  });

  it("a worker that drains finishes what is under way and takes no more", async () => {
    const each = await open();
    const client = each.client();
    const answer = ask(client, "/under-way");
    const call = await each.edge.origin.call();
    const goaway = new Promise((resolve) => client.on("goaway", resolve));
    const drained = each.edge.server.drain(60_000);
    expect(await goaway).toBe(constants.NGHTTP2_NO_ERROR);
    call.reply(200, "still answered");
    expect(String((await answer).body)).toBe("still answered");
    await drained;
    expect(each.edge.server.connectionCount).toBe(0);
  });

  it("a client that goes away in the middle leaves nothing behind", async () => {
    const each = await open();
    const client = each.client();
    ask(client, "/gone").catch(() => {});
    const call = await each.edge.origin.call();
    client.destroy();
    await until(() => each.edge.server.connectionCount === 0, "gone");
    expect(each.edge.counters.get(PROCESS_SLOT.http2StreamsOpen)).toBe(0);
    expect(each.edge.logged.at(-1)).toMatchObject({ target: "/gone", isComplete: false });
    call.reply(200, "late");
  });
});
