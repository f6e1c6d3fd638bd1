import { afterEach, describe, expect, it } from "vitest";
import { CODE } from "../../src/http2/frames.ts";
import { HpackDecoder } from "../../src/http2/hpack/decoder.ts";
import { HOST, TestEdge } from "../support/edge.ts";
import { until } from "../support/waiting.ts";
import { RawClient } from "./rawClient.ts";
import {
  continuation,
  FLAG,
  FRAME,
  frame,
  headers,
  literalField,
  PREFACE,
  ping,
  priority,
  requestBlock,
  resetStream,
  settings,
  windowUpdate,
} from "./rawFrames.ts";
import { Http2Edge } from "./support.ts";

/** RFC 9113, clause by clause: what a client may not do, and what comes of it. */

let opened: Http2Edge | undefined;

afterEach(async () => {
  expect(opened?.edge.defects).toEqual([]);
  await opened?.close();
  opened = undefined;
});

const open = async (): Promise<{ readonly http2: Http2Edge; readonly raw: RawClient }> => {
  const http2 = await Http2Edge.open(new TestEdge());
  opened = http2;
  await http2.edge.store("/a", "stored");
  return { http2, raw: new RawClient(http2.rawClient()) };
};

const GET = requestBlock(HOST, "/a");
const POST = requestBlock(HOST, "/form", [], "POST");
const PADDED = 8;
const goAwayCode = (raw: RawClient): number | undefined => raw.of(FRAME.GOAWAY).at(-1)?.payload.readUInt32BE(4);

const statusesOf = (raw: RawClient): string[] => {
  const decoder = new HpackDecoder({ bytes: 10_000, count: 100 });
  return raw.of(FRAME.HEADERS).map(({ payload }) => String(decoder.decode(payload, 0, payload.length).fields[1]));
};

/** The connection still serves. */
const isServed = async (raw: RawClient, stream: number): Promise<void> => {
  raw.send(headers(stream, GET));
  await until(() => raw.of(FRAME.DATA).some((each) => each.stream === stream), "an answer");
};

describe("what ends the connection", () => {
  it.each<[string, string, readonly Buffer[]]>([
    ["3.4 another frame before SETTINGS", "PROTOCOL_ERROR", [ping()]],
    ["3.4 DATA before SETTINGS", "PROTOCOL_ERROR", [frame(FRAME.DATA, 0, 1)]],
    ["4.2 a frame beyond 16 KB", "FRAME_SIZE_ERROR", [settings(), frame(FRAME.HEADERS, 5, 1, Buffer.alloc(16_385))]],
    ["4.3 a block that is none", "COMPRESSION_ERROR", [settings(), headers(1, Buffer.from([0xff, 0xff]))]],
    ["4.3 a block within another", "PROTOCOL_ERROR", [settings(), headers(1, GET, 1), headers(3, GET)]],
    ["4.3 DATA within a block", "PROTOCOL_ERROR", [settings(), headers(1, GET, 1), frame(FRAME.DATA, 1, 1)]],
    ["4.3 an unknown frame within a block", "PROTOCOL_ERROR", [settings(), headers(1, GET, 1), frame(0xfe, 0, 1)]],
    ["5.1 DATA of an idle stream", "PROTOCOL_ERROR", [settings(), frame(FRAME.DATA, 1, 1, Buffer.from("x"))]],
    ["5.1 RST_STREAM of an idle stream", "PROTOCOL_ERROR", [settings(), resetStream(1)]],
    ["5.1 WINDOW_UPDATE of an idle stream", "PROTOCOL_ERROR", [settings(), windowUpdate(1, 1)]],
    ["5.1 HEADERS behind the end", "STREAM_CLOSED", [settings(), headers(1, GET), headers(1, GET)]],
    [
      "5.1 DATA behind a reset of the client",
      "STREAM_CLOSED",
      [settings(), headers(1, POST, 4), resetStream(1), frame(FRAME.DATA, 0, 1, Buffer.from("x"))],
    ],
    ["5.1.1 a stream with an even number", "PROTOCOL_ERROR", [settings(), headers(2, GET)]],
    ["5.1.1 a stream below the last one", "STREAM_CLOSED", [settings(), headers(5, GET), headers(3, GET)]],
    ["6.1 DATA of no stream", "PROTOCOL_ERROR", [settings(), frame(FRAME.DATA, 0, 0, Buffer.from("x"))]],
    [
      "6.1 a padding as long as its frame",
      "PROTOCOL_ERROR",
      [settings(), headers(1, POST, 4), frame(FRAME.DATA, PADDED, 1, Buffer.from([2, 0]))],
    ],
    ["6.2 HEADERS of no stream", "PROTOCOL_ERROR", [settings(), headers(0, GET)]],
    ["6.2 a padding longer than its HEADERS", "PROTOCOL_ERROR", [settings(), headers(1, Buffer.from([9, 0x82]), 13)]],
    ["6.3 PRIORITY of no stream", "PROTOCOL_ERROR", [settings(), priority(0)]],
    ["6.4 RST_STREAM of no stream", "PROTOCOL_ERROR", [settings(), resetStream(0)]],
    [
      "6.4 RST_STREAM of another length",
      "FRAME_SIZE_ERROR",
      [settings(), headers(1, POST, 4), frame(FRAME.RST_STREAM, 0, 1, Buffer.alloc(3))],
    ],
    ["6.5 SETTINGS of a stream", "PROTOCOL_ERROR", [frame(FRAME.SETTINGS, 0, 1)]],
    [
      "6.5 an acknowledgement with content",
      "FRAME_SIZE_ERROR",
      [settings(), frame(FRAME.SETTINGS, 1, 0, Buffer.alloc(6))],
    ],
    ["6.5 part of a setting", "FRAME_SIZE_ERROR", [settings(), frame(FRAME.SETTINGS, 0, 0, Buffer.alloc(5))]],
    ["6.5.2 ENABLE_PUSH of 2", "PROTOCOL_ERROR", [settings([[2, 2]])]],
    ["6.5.2 a window beyond the limit", "FLOW_CONTROL_ERROR", [settings([[4, 2 ** 31]])]],
    ["6.5.2 a frame size too small", "PROTOCOL_ERROR", [settings([[5, 16_383]])]],
    ["6.5.2 a frame size too large", "PROTOCOL_ERROR", [settings([[5, 2 ** 24]])]],
    ["6.6 PUSH_PROMISE", "PROTOCOL_ERROR", [settings(), frame(5, 4, 1, Buffer.alloc(4))]],
    ["6.7 PING of a stream", "PROTOCOL_ERROR", [settings(), frame(FRAME.PING, 0, 1, Buffer.alloc(8))]],
    ["6.7 PING of another length", "FRAME_SIZE_ERROR", [settings(), frame(FRAME.PING, 0, 0, Buffer.alloc(6))]],
    ["6.8 GOAWAY of a stream", "PROTOCOL_ERROR", [settings(), frame(FRAME.GOAWAY, 0, 1, Buffer.alloc(8))]],
    ["6.8 GOAWAY without a code", "FRAME_SIZE_ERROR", [settings(), frame(FRAME.GOAWAY, 0, 0, Buffer.alloc(4))]],
    ["6.9 WINDOW_UPDATE of another length", "FRAME_SIZE_ERROR", [settings(), frame(8, 0, 0, Buffer.alloc(3))]],
    ["6.9 a window of nothing", "PROTOCOL_ERROR", [settings(), windowUpdate(0, 0)]],
    ["6.9.1 a window beyond the limit", "FLOW_CONTROL_ERROR", [settings(), windowUpdate(0, 2 ** 31 - 1)]],
    [
      "6.9.2 a window of a stream grown beyond it by SETTINGS",
      "FLOW_CONTROL_ERROR",
      [settings(), headers(1, POST, 4), windowUpdate(1, 2 ** 31 - 1 - 65_535), settings([[4, 65_536]])],
    ],
    ["6.10 CONTINUATION of nothing", "PROTOCOL_ERROR", [settings(), continuation(1, GET, 4)]],
    [
      "6.10 CONTINUATION of another stream",
      "PROTOCOL_ERROR",
      [settings(), headers(1, GET, 1), continuation(3, GET, 4)],
    ],
    [
      "6.10 a block of too many frames",
      "ENHANCE_YOUR_CALM",
      [settings(), headers(1, GET, 1), ...Array.from({ length: 70 }, () => continuation(1, Buffer.alloc(0)))],
    ],
  ])("%s: %s", async (_, code, frames) => {
    const { raw } = await open();
    raw.send(PREFACE, ...frames);
    await until(() => goAwayCode(raw) !== undefined, "GOAWAY");
    expect(goAwayCode(raw)).toBe(CODE[code as keyof typeof CODE]);
    await until(() => raw.isClosed, "closed");
  });

  it("what is no HTTP/2 at all", async () => {
    const { raw } = await open();
    raw.send(Buffer.from("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"));
    await until(() => raw.isClosed, "closed");
    expect(goAwayCode(raw)).toBe(CODE.PROTOCOL_ERROR);
  });
});

const without = (name: string): Buffer =>
  Buffer.concat(
    (
      [
        [":method", "GET"],
        [":scheme", "https"],
        [":authority", HOST],
        [":path", "/a"],
      ] as const
    ).map(([each, value]) => (each === name ? Buffer.alloc(0) : literalField(each, value))),
  );

describe("what ends its stream only", () => {
  it.each<[string, string, readonly Buffer[]]>([
    [
      "5.1 DATA behind the end",
      "STREAM_CLOSED",
      [headers(1, requestBlock(HOST, "/slow")), frame(FRAME.DATA, 0, 1, Buffer.from("x"))],
    ],
    ["5.1 HEADERS behind the end", "STREAM_CLOSED", [headers(1, requestBlock(HOST, "/slow")), headers(1, GET)]],
    ["6.3 PRIORITY of another length", "FRAME_SIZE_ERROR", [frame(FRAME.PRIORITY, 0, 1, Buffer.alloc(4))]],
    ["6.9 a window of nothing", "PROTOCOL_ERROR", [headers(1, POST, 4), windowUpdate(1, 0)]],
    ["6.9.1 a window beyond the limit", "FLOW_CONTROL_ERROR", [headers(1, POST, 4), windowUpdate(1, 2 ** 31 - 1)]],
    [
      "8.1 a second section that ends nothing",
      "PROTOCOL_ERROR",
      [headers(1, POST, 4), headers(1, literalField("x", "y"), 4)],
    ],
    ["8.1 a pseudo-field in trailers", "PROTOCOL_ERROR", [headers(1, POST, 4), headers(1, literalField(":path", "/"))]],
    ["8.2 upper case", "PROTOCOL_ERROR", [headers(1, requestBlock(HOST, "/a", [literalField("X-Test", "1")]))]],
    [
      "8.2.1 a line end in a value",
      "PROTOCOL_ERROR",
      [headers(1, requestBlock(HOST, "/a", [literalField("x", "a\r\nb: c")]))],
    ],
    [
      "8.2.2 Connection",
      "PROTOCOL_ERROR",
      [headers(1, requestBlock(HOST, "/a", [literalField("connection", "close")]))],
    ],
    [
      "8.2.2 Transfer-Encoding",
      "PROTOCOL_ERROR",
      [headers(1, requestBlock(HOST, "/a", [literalField("transfer-encoding", "chunked")]))],
    ],
    ["8.2.2 TE", "PROTOCOL_ERROR", [headers(1, requestBlock(HOST, "/a", [literalField("te", "gzip")]))]],
    ["8.3 a pseudo-field behind a field", "PROTOCOL_ERROR", [headers(1, Buffer.concat([literalField("x", "y"), GET]))]],
    ["8.3 an unknown pseudo-field", "PROTOCOL_ERROR", [headers(1, Buffer.concat([literalField(":test", "y"), GET]))]],
    ["8.3 :status", "PROTOCOL_ERROR", [headers(1, Buffer.concat([literalField(":status", "200"), GET]))]],
    ["8.3 a pseudo-field twice", "PROTOCOL_ERROR", [headers(1, Buffer.concat([literalField(":method", "GET"), GET]))]],
    ["8.3.1 no :method", "PROTOCOL_ERROR", [headers(1, without(":method"))]],
    ["8.3.1 no :scheme", "PROTOCOL_ERROR", [headers(1, without(":scheme"))]],
    ["8.3.1 no :path", "PROTOCOL_ERROR", [headers(1, without(":path"))]],
    [
      "8.3.1 an empty :path",
      "PROTOCOL_ERROR",
      [headers(1, Buffer.concat([without(":path"), literalField(":path", "")]))],
    ],
    ["8.3.1 no :authority", "PROTOCOL_ERROR", [headers(1, without(":authority"))]],
    [
      "8.1.1 less DATA than Content-Length",
      "PROTOCOL_ERROR",
      [
        headers(1, requestBlock(HOST, "/form", [literalField("content-length", "5")], "POST"), 4),
        frame(FRAME.DATA, 1, 1, Buffer.from("four")),
      ],
    ],
    [
      "8.1.1 more DATA than Content-Length",
      "PROTOCOL_ERROR",
      [
        headers(1, requestBlock(HOST, "/form", [literalField("content-length", "1")], "POST"), 4),
        frame(FRAME.DATA, 0, 1, Buffer.from("four")),
      ],
    ],
    [
      "8.1.1 Content-Length without DATA",
      "PROTOCOL_ERROR",
      [headers(1, requestBlock(HOST, "/form", [literalField("content-length", "1")], "POST"))],
    ],
  ])("%s: %s", async (_, code, frames) => {
    const { raw } = await open();
    raw.send(PREFACE, settings(), ...frames);
    await until(() => raw.of(FRAME.RST_STREAM).length === 1, "RST_STREAM");
    const [reset] = raw.of(FRAME.RST_STREAM);
    expect([reset?.stream, reset?.payload.readUInt32BE()]).toEqual([1, CODE[code as keyof typeof CODE]]);
    await isServed(raw, 3);
    expect(raw.of(FRAME.GOAWAY)).toEqual([]);
  });
});

describe("what a client may do", () => {
  it.each<[string, readonly Buffer[]]>([
    [
      "4.1 unknown frames and flags",
      [frame(0x16, 0xff, 0, Buffer.alloc(8)), frame(0x10, 0, 0, Buffer.from("\0\0\0\x01u=1"))],
    ],
    ["5.1 PRIORITY of an idle stream", [priority(1)]],
    [
      "6.2 padding and priority",
      [headers(1, Buffer.concat([Buffer.from([4]), Buffer.alloc(5), GET, Buffer.alloc(4)]), 5 | PADDED | 0x20)],
    ],
    ["6.5.2 unknown settings", [settings([[0xff, 7]])]],
    ["6.7 an acknowledged PING", [frame(FRAME.PING, FLAG.ACK, 0, Buffer.alloc(8))]],
    [
      "6.10 a block in three frames",
      [
        headers(1, GET.subarray(0, 4), 1),
        continuation(1, GET.subarray(4, 9)),
        continuation(1, GET.subarray(9), FLAG.END_HEADERS),
      ],
    ],
    [
      "5.1 RST_STREAM and WINDOW_UPDATE of a stream that is over",
      [headers(1, GET), windowUpdate(1, 5), resetStream(1)],
    ],
  ])("%s", async (_, frames) => {
    const { raw } = await open();
    raw.send(PREFACE, settings(), ...frames);
    await isServed(raw, 3);
    expect([raw.of(FRAME.GOAWAY), raw.of(FRAME.RST_STREAM)]).toEqual([[], []]);
  });

  it("6.7 a PING comes back with its bytes", async () => {
    const { raw } = await open();
    raw.send(PREFACE, settings(), frame(FRAME.PING, 0, 0, Buffer.from("12345678")));
    await until(() => raw.of(FRAME.PING).length === 1, "PING");
    expect(raw.of(FRAME.PING)[0]).toMatchObject({ flags: FLAG.ACK, payload: Buffer.from("12345678") });
  });

  it("5.1.2 too many streams are refused, and may be asked for again", async () => {
    const { http2, raw } = await open();
    const { maxConcurrentStreams } = http2.edge.server.state.http2;
    const slow = Array.from({ length: maxConcurrentStreams + 2 }, (_, at) => headers(at * 2 + 1, POST, 4));
    raw.send(PREFACE, settings(), ...slow);
    await until(() => raw.of(FRAME.RST_STREAM).length === 2, "refused");
    for (const { payload } of raw.of(FRAME.RST_STREAM)) expect(payload.readUInt32BE()).toBe(CODE.REFUSED_STREAM);
  });

  it("RFC 7541 4.2 a smaller table is acknowledged before the next section", async () => {
    const { raw } = await open();
    raw.send(PREFACE, settings([[1, 0]]), headers(1, GET));
    await until(() => raw.of(FRAME.DATA).length === 1, "an answer");
    expect(raw.of(FRAME.HEADERS)[0]?.payload[0]).toBe(0x20);
    expect(statusesOf(raw)).toEqual(["200"]);
  });

  it("6.8 a client that says it goes gets the answers to what it has asked", async () => {
    const { http2, raw } = await open();
    raw.send(PREFACE, settings(), headers(1, requestBlock(HOST, "/slow")));
    const call = await http2.edge.origin.call(2);
    raw.send(frame(FRAME.GOAWAY, 0, 0, Buffer.alloc(8)));
    call.reply(200, "late");
    await until(() => raw.isClosed, "closed in order");
    expect(String(raw.of(FRAME.DATA)[0]?.payload)).toBe("late");
  });

  it("6.8 requests behind a client's own GOAWAY are refused at once", async () => {
    const { http2, raw } = await open();
    raw.send(PREFACE, settings(), headers(1, requestBlock(HOST, "/slow")));
    const call = await http2.edge.origin.call(2);
    raw.send(frame(FRAME.GOAWAY, 0, 0, Buffer.alloc(8)), headers(3, GET));
    await until(() => raw.of(FRAME.RST_STREAM).length === 1, "the refusal");
    expect(raw.of(FRAME.RST_STREAM)[0]?.stream).toBe(3);
    expect(raw.of(FRAME.RST_STREAM)[0]?.payload.readUInt32BE()).toBe(CODE.REFUSED_STREAM);
    call.reply(200, "late");
    await until(() => raw.isClosed, "closed in order");
    expect(String(raw.of(FRAME.DATA)[0]?.payload)).toBe("late");
  });

  it("6.8 requests on their way when a worker drains are served", async () => {
    const { http2, raw } = await open();
    raw.send(PREFACE, settings());
    await isServed(raw, 1);
    const drained = http2.edge.server.drain(60_000);
    await until(() => raw.of(FRAME.GOAWAY).length === 1, "the notice");
    expect(raw.of(FRAME.GOAWAY)[0]?.payload.readUInt32BE()).toBe(2 ** 31 - 1);
    await isServed(raw, 3);
    const notice = raw.of(FRAME.PING)[0];
    raw.send(frame(FRAME.PING, FLAG.ACK, 0, notice?.payload), headers(5, GET));
    await drained;
    expect(raw.of(FRAME.GOAWAY).at(-1)?.payload.readUInt32BE()).toBe(3);
    expect(raw.of(FRAME.HEADERS).map(({ stream }) => stream)).toEqual([1, 3]);
  });
});
