import { afterEach, describe, expect, it } from "vitest";
import { translateAnswerHead } from "../../src/http2/answerHead.ts";
import { CODE } from "../../src/http2/frames.ts";
import { HOST, TestEdge } from "../support/edge.ts";
import { turns, until } from "../support/waiting.ts";
import { RawClient } from "./rawClient.ts";
import {
  FLAG,
  FRAME,
  frame,
  headers,
  literalField,
  PREFACE,
  ping,
  requestBlock,
  resetStream,
  settings,
} from "./rawFrames.ts";
import { Http2Edge } from "./support.ts";

/** What a client has sent and asked for is accounted for, however it ends. */

let opened: Http2Edge | undefined;

afterEach(async () => {
  expect(opened?.edge.defects ?? []).toEqual([]);
  await opened?.close();
  opened = undefined;
});

const open = async (cache = "") => {
  const http2 = await Http2Edge.open(new TestEdge({ cache }));
  opened = http2;
  return { http2, edge: http2.edge, raw: new RawClient(http2.rawClient()).send(PREFACE, settings()) };
};

const odd = (index: number): number => index * 2 + 1;
const upload = (stream: number, more: readonly Buffer[] = []): Buffer =>
  headers(stream, requestBlock(HOST, "/form", more, "POST"), FLAG.END_HEADERS);
const grantedTo = (raw: RawClient, stream: number): number =>
  raw
    .of(FRAME.WINDOW_UPDATE)
    .filter((each) => each.stream === stream)
    .reduce((sum, { payload }) => sum + payload.readUInt32BE(), 0);

const SMALL_WINDOWS = "<Http2><StreamWindow>65535</StreamWindow><ConnectionWindow>65535</ConnectionWindow></Http2>";

describe("windows", () => {
  it("6.9.1 padding is given back with the data that it surrounds", async () => {
    const { edge, raw } = await open(SMALL_WINDOWS);
    raw.send(upload(1));
    const call = await edge.origin.call(1);
    const { body } = call.request;
    if (body.kind === "none") throw new Error("no body");
    let received = 0;
    const reading = (async () => {
      for await (const chunk of body.chunks) received += chunk.length;
    })();
    const padded = Buffer.concat([Buffer.from([255]), Buffer.alloc(200, "x"), Buffer.alloc(255)]);
    let sent = 0;
    for (let round = 0; round < 20; round++) {
      raw.send(...Array.from({ length: 100 }, () => frame(FRAME.DATA, 8, 1, padded)));
      sent += 100 * padded.length;
      await until(() => sent - grantedTo(raw, 1) < 40_000 && sent - grantedTo(raw, 0) < 40_000, "room for more");
    }
    raw.send(frame(FRAME.DATA, FLAG.END_STREAM, 1));
    await reading;
    expect(received).toBe(400_000);
    call.reply(200, "thanks");
    await until(() => raw.of(FRAME.HEADERS).length === 1, "an answer");
  });

  it("6.9.1 the rest of a frame whose stream ends in the middle of it is given back", async () => {
    const { edge, raw } = await open(SMALL_WINDOWS);
    const whole = frame(FRAME.DATA, 0, 1, Buffer.alloc(16_000));
    let sent = 0;
    for (let at = 0; at < 10; at++) {
      raw.send(upload(odd(at)));
      const call = await edge.origin.call(at + 1);
      whole.writeUInt32BE(odd(at), 5);
      raw.send(Buffer.from(whole.subarray(0, 100)));
      await turns(5);
      call.reply(413, "enough");
      await until(() => raw.of(FRAME.RST_STREAM).length === at + 1, "the rest is not wanted");
      raw.send(Buffer.from(whole.subarray(100)));
      sent += 16_000;
      await until(() => sent - grantedTo(raw, 0) < 40_000, "room for more");
    }
  });
});

const LARGE_WINDOWS = "<Http2><StreamWindow>1048576</StreamWindow><ConnectionWindow>8388608</ConnectionWindow></Http2>";

describe("a body that nobody takes", () => {
  it("is not asked for when the one of a stream before it is let go", async () => {
    const { edge, raw } = await open(LARGE_WINDOWS);
    const send = (stream: number): void => {
      for (let at = 0; at < 50; at++) raw.send(frame(FRAME.DATA, 0, stream, Buffer.alloc(16_000)));
    };
    raw.send(upload(1));
    const { body } = (await edge.origin.call(1)).request;
    if (body.kind === "none") throw new Error("no body");
    const reading = body.chunks[Symbol.asyncIterator]();
    raw.send(frame(FRAME.DATA, 0, 1, Buffer.from("begin")));
    await reading.next();
    send(1);
    await turns(50);
    raw.send(resetStream(1), ping());
    await turns(50);
    raw.send(upload(3));
    await edge.origin.call(2);
    send(3);
    await turns(100);
    const granted = grantedTo(raw, 3);
    await reading.return?.();
    await turns(50);
    expect(grantedTo(raw, 3)).toBe(granted);
  });
});

describe("errors that a client provokes", () => {
  it("8.1.1 bodies that differ from their length count as streams that are reset", async () => {
    const { http2, raw } = await open();
    const length = literalField("content-length", "5");
    for (let at = 0; at < 400; at++) raw.send(upload(odd(at), [length]), frame(FRAME.DATA, FLAG.END_STREAM, odd(at)));
    await until(() => raw.of(FRAME.GOAWAY).length > 0 || raw.of(FRAME.RST_STREAM).length === 400, "judged");
    expect(raw.of(FRAME.GOAWAY)[0]?.payload.readUInt32BE(4)).toBe(CODE.ENHANCE_YOUR_CALM);
    expect(http2.edge.defects).toEqual([]);
  });
});

describe("fields of answers", () => {
  it("RFC 9110 5.5: only blanks around a value are no part of it", () => {
    const { fields } = translateAnswerHead("HTTP/1.1 200 OK\r\nX-City: \t Cefal\xc3\xa0 \r\nX-Empty: \r\n\r\n");
    expect(fields).toEqual([":status", "200", "x-city", "Cefal\xc3\xa0", "x-empty", ""]);
  });
});
