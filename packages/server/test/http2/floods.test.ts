import { constants } from "node:http2";
import { PROCESS_SLOT, rejectionSlot } from "@basalt/telemetry";
import { afterEach, describe, expect, it } from "vitest";
import { HOST, TestEdge } from "../support/edge.ts";
import { until } from "../support/waiting.ts";
import { RawClient } from "./rawClient.ts";
import {
  continuation,
  FLAG,
  FRAME,
  frame,
  headers,
  indexingField,
  literalField,
  NEWEST_ENTRY,
  PREFACE,
  ping,
  priority,
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

const open = async (): Promise<{ readonly http2: Http2Edge; readonly raw: RawClient }> => {
  const http2 = await Http2Edge.open(new TestEdge());
  opened = http2;
  await http2.edge.store("/a", "stored");
  return { http2, raw: new RawClient(http2.rawClient()).send(PREFACE, settings()) };
};

const GET = requestBlock(HOST, "/a");
const odd = (index: number): number => index * 2 + 1;
const many = (count: number, make: (index: number) => Buffer): Buffer[] =>
  Array.from({ length: count }, (_, at) => make(at));

const isServed = async (http2: Http2Edge): Promise<boolean> => (await ask(http2.client(), "/a")).status === 200;

/** The connection is looked after until it is gone. */
const gone = (http2: Http2Edge, raw: RawClient): Promise<void> =>
  until(() => {
    http2.edge.server.sweep();
    return raw.isClosed;
  }, "the flooding connection is closed");

const code = (raw: RawClient): number | undefined => raw.of(FRAME.GOAWAY).at(-1)?.payload.readUInt32BE(4);

describe("half a request", () => {
  it("half a body is never taken for a whole one, however its stream ends", async () => {
    const { http2, raw } = await open();
    for (const [index, resetCode] of [constants.NGHTTP2_NO_ERROR, constants.NGHTTP2_CANCEL].entries()) {
      const stream = odd(index);
      raw.send(headers(stream, requestBlock(HOST, "/form", [], "POST"), FLAG.END_HEADERS));
      raw.send(frame(FRAME.DATA, 0, stream, Buffer.from("half of it")));
      const call = await http2.edge.origin.call(index + 2);
      const { body } = call.request;
      if (body.kind === "none") throw new Error("no body");
      const reading = (async () => {
        for await (const chunk of body.chunks) expect(String(chunk)).toBe("half of it");
      })();
      raw.send(resetStream(stream, resetCode));
      await expect(reading).rejects.toMatchObject({ code: "CLIENT_GONE" });
    }
  });

  it("a body that differs from its length resets the stream", async () => {
    const { http2, raw } = await open();
    const block = requestBlock(HOST, "/form", [literalField("content-length", "5")], "POST");
    raw.send(headers(1, block, FLAG.END_HEADERS), frame(FRAME.DATA, FLAG.END_STREAM, 1, Buffer.from("four")));
    await until(() => raw.of(FRAME.RST_STREAM).length === 1, "reset");
    expect(raw.of(FRAME.RST_STREAM)[0]?.payload.readUInt32BE()).toBe(constants.NGHTTP2_PROTOCOL_ERROR);
    expect(await isServed(http2)).toBe(true);
  });

  it("an answer that breaks off never looks whole", async () => {
    const { http2, raw } = await open();
    raw.send(headers(1, requestBlock(HOST, "/growing")));
    const call = await http2.edge.origin.call(2);
    call.head(200);
    call.data("some of it");
    await until(() => raw.of(FRAME.DATA).length > 0, "its beginning");
    call.fail("ORIGIN_CLOSED");
    await until(() => raw.of(FRAME.RST_STREAM).length === 1, "reset");
    expect(raw.frames.some(({ stream, flags, type }) => stream === 1 && type < 2 && (flags & 1) !== 0)).toBe(false);
  });
});

describe("floods", () => {
  it.each<[string, () => readonly Buffer[]]>([
    ["PING frames", () => many(150, ping)],
    ["SETTINGS frames", () => many(50, () => settings([[1, 4096]]))],
    [
      "requests that are reset at once",
      () => many(400, (at) => Buffer.concat([headers(odd(at), GET), resetStream(odd(at))])),
    ],
    [
      "empty DATA frames",
      () => [
        headers(1, requestBlock(HOST, "/form", [], "POST"), FLAG.END_HEADERS),
        ...many(40_000, () => frame(FRAME.DATA, 0, 1)),
      ],
    ],
    [
      "CONTINUATION frames",
      () => [
        headers(1, GET, FLAG.END_STREAM),
        ...many(2_000, () => continuation(1, literalField("x", "y".repeat(1_000)))),
      ],
    ],
    ["PRIORITY frames", () => many(40_000, (at) => priority(odd(at)))],
    ["WINDOW_UPDATE frames", () => many(40_000, () => windowUpdate(0, 1))],
    ["frames of an unknown type", () => many(40_000, () => frame(0xfe, 0, 0, Buffer.alloc(8)))],
    [
      "streams beyond the limit",
      () => many(2_000, (at) => headers(odd(at), requestBlock(HOST, "/form", [], "POST"), FLAG.END_HEADERS)),
    ],
  ])("%s end the connection of the client that sends them", async (_, make) => {
    const { http2, raw } = await open();
    raw.send(...make());
    await gone(http2, raw);
    expect(await isServed(http2)).toBe(true);
    expect(http2.edge.counters.get(PROCESS_SLOT.http2StreamsOpen)).toBeLessThanOrEqual(1);
  });

  it("those that are counted here say ENHANCE_YOUR_CALM, and are counted", async () => {
    const { http2, raw } = await open();
    raw.send(...many(150, ping));
    await gone(http2, raw);
    expect(code(raw)).toBe(constants.NGHTTP2_ENHANCE_YOUR_CALM);
    expect(http2.edge.counters.get(PROCESS_SLOT.http2Floods)).toBe(1);
  });

  it("a header table that makes large heads of few bytes is held to the limits of heads", async () => {
    const { http2, raw } = await open();
    const bomb = Buffer.concat([indexingField("x", "y".repeat(3_900)), ...many(100, () => NEWEST_ENTRY)]);
    raw.send(...many(20, (at) => headers(odd(at), requestBlock(HOST, "/a", [bomb]))));
    await until(() => raw.of(FRAME.HEADERS).length === 20, "refused");
    expect(http2.edge.counters.get(rejectionSlot("REQUEST_HEAD_TOO_LARGE"))).toBe(20);
    expect(http2.edge.logged.filter(({ target }) => target === "/a")).toHaveLength(1);
    expect(await isServed(http2)).toBe(true);
  });

  it("requests whose answers are not taken are given up after the send time-out", async () => {
    const { http2, raw } = await open();
    raw.send(settings([[4, 0]]), ...many(100, (at) => headers(odd(at), GET)));
    await until(() => http2.edge.logged.filter(({ target }) => target === "/a").length === 101, "answered");
    http2.edge.advanceSeconds(61);
    http2.edge.advanceSeconds(61);
    await until(() => raw.of(FRAME.RST_STREAM).length === 100 || raw.isClosed, "given up");
    expect(await isServed(http2)).toBe(true);
  });
});
