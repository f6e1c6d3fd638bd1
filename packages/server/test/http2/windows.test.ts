import { afterEach, describe, expect, it } from "vitest";
import { CODE } from "../../src/http2/frames.ts";
import { HOST, TestEdge } from "../support/edge.ts";
import { turns, until } from "../support/waiting.ts";
import { RawClient } from "./rawClient.ts";
import {
  FRAME,
  frame,
  headers,
  literalField,
  PREFACE,
  requestBlock,
  resetStream,
  settings,
  windowUpdate,
} from "./rawFrames.ts";
import { ask, Http2Edge } from "./support.ts";

let opened: Http2Edge | undefined;

afterEach(async () => {
  expect(opened?.edge.defects).toEqual([]);
  await opened?.close();
  opened = undefined;
});

const open = async (entries: readonly (readonly [number, number])[] = []) => {
  const http2 = await Http2Edge.open(new TestEdge());
  opened = http2;
  return { http2, edge: http2.edge, raw: new RawClient(http2.rawClient()).send(PREFACE, settings(entries)) };
};

const get = (stream: number, path: string): Buffer => headers(stream, requestBlock(HOST, path));
const bytesOf = (raw: RawClient, stream?: number): number =>
  raw
    .of(FRAME.DATA)
    .filter((each) => stream === undefined || each.stream === stream)
    .reduce((sum, { payload }) => sum + payload.length, 0);
const hasEnded = (raw: RawClient, stream: number): boolean =>
  raw.frames.some((each) => each.stream === stream && each.type <= FRAME.HEADERS && (each.flags & 1) !== 0);

const LARGE = 300_000;
const INITIAL = 65_535;

describe("what the client takes", () => {
  it("is never exceeded, of a stream and of all together, and all of it comes in the end", async () => {
    const { edge, raw } = await open([[4, 10_000]]);
    await edge.store("/large", "x".repeat(LARGE));
    raw.send(get(1, "/large"), get(3, "/large"));
    await until(() => bytesOf(raw) === 20_000, "the windows of both streams");
    raw.send(windowUpdate(1, LARGE), windowUpdate(3, LARGE));
    await until(() => bytesOf(raw) === INITIAL, "the window of the connection");
    await turns(20);
    expect(bytesOf(raw)).toBe(INITIAL);
    raw.send(windowUpdate(0, 2 * LARGE));
    await until(() => hasEnded(raw, 1) && hasEnded(raw, 3), "both answers");
    expect([bytesOf(raw, 1), bytesOf(raw, 3)]).toEqual([LARGE, LARGE]);
  });

  it("streams take turns: two long answers go side by side, and a short one is not kept waiting", async () => {
    const { edge, raw } = await open([[4, 2 ** 30]]);
    await edge.store("/large", "x".repeat(LARGE));
    await edge.store("/small", "small");
    raw.send(windowUpdate(0, 2 ** 30), get(1, "/large"), get(3, "/large"), get(5, "/small"));
    await until(() => hasEnded(raw, 1) && hasEnded(raw, 3) && hasEnded(raw, 5), "all answers");
    const order = raw.of(FRAME.DATA).map(({ stream }) => stream);
    expect(order.indexOf(3)).toBeLessThan(3);
    expect(order.indexOf(5)).toBeLessThan(8);
    expect(order.lastIndexOf(1)).toBeGreaterThan(order.length - 8);
    expect(raw.of(FRAME.DATA).every(({ payload }) => payload.length <= 16_384)).toBe(true);
  });

  it("6.9.2 a smaller window may become negative, and is waited for", async () => {
    const { edge, raw } = await open([[4, 20_000]]);
    await edge.store("/large", "x".repeat(LARGE));
    raw.send(get(1, "/large"));
    await until(() => bytesOf(raw) === 20_000, "the first window");
    raw.send(settings([[4, 5_000]]), windowUpdate(1, 15_000));
    await turns(20);
    expect(bytesOf(raw)).toBe(20_000);
    raw.send(windowUpdate(1, 1));
    await until(() => bytesOf(raw) === 20_001, "one byte more");
    raw.send(settings([[4, 6_000]]));
    await until(() => bytesOf(raw) === 21_001, "a thousand more");
  });

  it("a stream that is reset leaves its share of the connection to others", async () => {
    const { edge, raw } = await open([[4, 2 ** 30]]);
    await edge.store("/large", "x".repeat(LARGE));
    raw.send(get(1, "/large"));
    await until(() => bytesOf(raw) === INITIAL, "the window of the connection");
    raw.send(resetStream(1), get(3, "/large"), windowUpdate(0, LARGE));
    await until(() => hasEnded(raw, 3), "the other answer");
    expect(bytesOf(raw, 1)).toBe(INITIAL);
  });

  it("heads do not wait for windows", async () => {
    const { edge, raw } = await open([[4, 0]]);
    await edge.store("/large", "x".repeat(LARGE));
    raw.send(get(1, "/large"));
    await until(() => raw.of(FRAME.HEADERS).length === 1, "the head");
    expect(bytesOf(raw)).toBe(0);
  });
});

describe("what the client may send", () => {
  const upload = (stream: number): Buffer => headers(stream, requestBlock(HOST, "/form", [], "POST"), 4);
  const piece = frame(FRAME.DATA, 0, 1, Buffer.alloc(16_384, "x"));
  const grantedTo = (raw: RawClient, stream: number): number =>
    raw
      .of(FRAME.WINDOW_UPDATE)
      .filter((each) => each.stream === stream)
      .reduce((sum, { payload }) => sum + payload.readUInt32BE(), 0);

  it("is bounded while nobody takes it, and goes on when somebody does", async () => {
    const { edge, raw } = await open();
    const { streamWindowBytes } = edge.server.state.http2;
    raw.send(upload(1));
    const call = await edge.origin.call(1);
    const count = streamWindowBytes / 16_384;
    const half = Array.from({ length: count }, () => piece);
    raw.send(...half);
    await turns(50);
    const { body } = call.request;
    if (body.kind === "none") throw new Error("no body");
    let received = 0;
    const reading = (async () => {
      for await (const chunk of body.chunks) received += chunk.length;
    })();
    await until(() => grantedTo(raw, 1) >= streamWindowBytes / 2, "room for more");
    raw.send(frame(FRAME.DATA, 1, 1, Buffer.from("end")));
    await reading;
    expect(received).toBe(streamWindowBytes + 3);
    call.reply(200, "thanks");
    await until(() => hasEnded(raw, 1), "an answer");
  });

  it("keeps within the memory of the connection, however many bodies wait", async () => {
    const { edge, raw } = await open();
    const { streamWindowBytes, connectionMemoryBytes, maxConcurrentStreams } = edge.server.state.http2;
    raw.send(upload(1));
    await edge.origin.call(1);
    raw.send(...Array.from({ length: streamWindowBytes / 16_384 }, () => piece));
    await edge.store("/a", "stored");
    raw.send(get(3, "/a"));
    await until(() => hasEnded(raw, 3), "all was read");
    expect(connectionMemoryBytes / maxConcurrentStreams).toBeLessThan(streamWindowBytes / 2);
    expect(grantedTo(raw, 1)).toBe(0);
  });

  it("beyond the window of a stream: FLOW_CONTROL_ERROR, and the others go on", async () => {
    const http2 = await Http2Edge.open(new TestEdge({ cache: "<Http2><StreamWindow>65535</StreamWindow></Http2>" }));
    opened = http2;
    const raw = new RawClient(http2.rawClient()).send(PREFACE, settings(), upload(1));
    await http2.edge.origin.call(1);
    raw.send(frame(FRAME.DATA, 8, 1, Buffer.concat([Buffer.from([255]), Buffer.alloc(16_383)])));
    raw.send(piece, piece, piece, piece, piece);
    await until(() => raw.of(FRAME.RST_STREAM).length === 1 || grantedTo(raw, 1) > 0, "judged");
    if (raw.of(FRAME.RST_STREAM).length === 1) {
      expect(raw.of(FRAME.RST_STREAM)[0]?.payload.readUInt32BE()).toBe(CODE.FLOW_CONTROL_ERROR);
    }
    await http2.edge.store("/a", "stored");
    raw.send(get(3, "/a"));
    await until(() => hasEnded(raw, 3), "the other stream");
  });

  it("what comes for a request that was answered early is passed over, and its window given back", async () => {
    const { edge, raw } = await open();
    raw.send(upload(1));
    (await edge.origin.call(1)).reply(413, "enough");
    await until(() => raw.of(FRAME.RST_STREAM).length === 1, "the rest is not wanted");
    expect(raw.of(FRAME.RST_STREAM)[0]?.payload.readUInt32BE()).toBe(CODE.NO_ERROR);
    raw.send(...Array.from({ length: 16 }, () => piece), headers(1, literalField("x-sum", "1")));
    await edge.store("/a", "stored");
    for (let count = 0; count < 4; count++) edge.advanceSeconds(1);
    raw.send(get(3, "/a"));
    await until(() => hasEnded(raw, 3), "the connection goes on");
  });

  it("a long upload over Node's client is whole", async () => {
    const { http2, edge } = await open();
    const sent = Buffer.from(Uint8Array.from({ length: 3_000_000 }, (_, at) => (at * 7 + (at >> 9)) & 255));
    const answer = ask(http2.client(), "/form", { ":method": "POST" }, sent);
    const call = await edge.origin.call(1);
    if (call.request.body.kind === "none") throw new Error("no body");
    const chunks: Buffer[] = [];
    for await (const chunk of call.request.body.chunks) chunks.push(Buffer.from(chunk));
    expect(Buffer.concat(chunks).equals(sent)).toBe(true);
    call.reply(200, "thanks");
    expect((await answer).status).toBe(200);
  });
});

describe("many requests in one piece", () => {
  it("are all answered, in as many turns as it takes", async () => {
    const { edge, raw } = await open([[4, 2 ** 30]]);
    await edge.store("/a", "x".repeat(1_000));
    const count = 1_000;
    raw.send(windowUpdate(0, 2 ** 30), ...Array.from({ length: count }, (_, at) => get(at * 2 + 1, "/a")));
    await until(() => raw.of(FRAME.DATA).length === count, "all answers");
    expect(bytesOf(raw)).toBe(count * 1_000);
    expect(new Set(raw.of(FRAME.DATA).map(({ stream }) => stream)).size).toBe(count);
  });

  it("those that are taken back at once are not even looked at", async () => {
    const { edge, raw } = await open();
    raw.send(
      ...Array.from({ length: 100 }, (_, at) => Buffer.concat([get(at * 2 + 1, "/new"), resetStream(at * 2 + 1)])),
    );
    await edge.store("/a", "stored");
    raw.send(get(1001, "/a"));
    await until(() => hasEnded(raw, 1001), "an answer");
    expect(edge.logged.filter(({ target }) => target === "/new")).toEqual([]);
  });
});
