import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FrameReader, type FrameSink } from "../../src/http2/frameReader.ts";
import { ConnectionError } from "../../src/http2/frames.ts";
import { FRAME, frame, PREFACE } from "./rawFrames.ts";

/** Notes what it hears, the pieces of data of a frame as one. */
class NotingSink implements FrameSink {
  readonly heard: string[] = [];
  #data = "";
  limit = Number.POSITIVE_INFINITY;

  mayRead(): boolean {
    return this.heard.length < this.limit;
  }

  frame(type: number, flags: number, stream: number, buffer: Buffer, from: number, to: number): void {
    this.heard.push(`${type} ${flags} ${stream} ${buffer.toString("hex", from, to)}`);
  }

  dataFrame(stream: number, payloadBytes: number): void {
    this.#data = `data ${stream} ${payloadBytes} `;
    this.heard.push(this.#data);
  }

  data(_stream: number, buffer: Buffer, from: number, to: number, isLast: boolean): void {
    this.#data += buffer.toString("hex", from, to);
    this.heard[this.heard.length - 1] = this.#data + (isLast ? " last" : "");
  }
}

const feed = (bytes: Buffer, cuts: readonly number[], sink = new NotingSink()): NotingSink => {
  const reader = new FrameReader(sink);
  let at = 0;
  for (const cut of [...cuts, bytes.length]) {
    const piece = Buffer.from(bytes.subarray(at, at + cut));
    expect(reader.read(piece, 0, piece.length)).toBe(piece.length);
    at += piece.length;
  }
  return sink;
};

const padded = (data: Buffer, padding: number): Buffer =>
  Buffer.concat([Buffer.from([padding]), data, Buffer.alloc(padding)]);

const anyFrame = fc
  .record({
    type: fc.constantFrom<number>(...Object.values(FRAME), 0x10, 0xfe),
    flags: fc.constantFrom(0, 1, 4, 5),
    stream: fc.integer({ min: 0, max: 2 ** 31 - 1 }),
    payload: fc.uint8Array({ maxLength: 60 }),
    padding: fc.option(fc.integer({ min: 0, max: 20 }), { nil: undefined }),
  })
  .map(({ type, flags, stream, payload, padding }) => {
    const isPadded = type === FRAME.DATA && padding !== undefined;
    const content = Buffer.from(payload);
    return frame(type, isPadded ? flags | 8 : flags, stream, isPadded ? padded(content, padding) : content);
  });

describe("frames", () => {
  it("are the same in whatever pieces they come", () => {
    fc.assert(
      fc.property(
        fc.array(anyFrame, { maxLength: 12 }),
        fc.array(fc.integer({ min: 1, max: 70 }), { maxLength: 40 }),
        (frames, cuts) => {
          const bytes = Buffer.concat([PREFACE, ...frames]);
          expect(feed(bytes, cuts).heard).toEqual(feed(bytes, []).heard);
        },
      ),
    );
  });

  it("data is handed on as it comes, its padding never", () => {
    const sink = new NotingSink();
    const reader = new FrameReader(sink);
    const bytes = Buffer.concat([PREFACE, frame(FRAME.DATA, 9, 1, padded(Buffer.from("abcd"), 3))]);
    reader.read(bytes, 0, 24 + 10 + 2);
    expect(sink.heard).toEqual([`data 1 8 ${Buffer.from("ab").toString("hex")}`]);
    reader.read(bytes, 24 + 10 + 2, bytes.length);
    expect(sink.heard).toEqual([`data 1 8 ${Buffer.from("abcd").toString("hex")} last`]);
  });

  it("are not read while the sink has enough", () => {
    const sink = new NotingSink();
    sink.limit = 2;
    const bytes = Buffer.concat([PREFACE, ...[1, 3, 5].map((stream) => frame(FRAME.PRIORITY, 0, stream))]);
    const reader = new FrameReader(sink);
    expect(reader.read(bytes, 0, bytes.length)).toBe(24 + 18);
    sink.limit = 3;
    expect(reader.read(bytes, 24 + 18, bytes.length)).toBe(bytes.length);
    expect(sink.heard).toHaveLength(3);
  });

  it.each<[string, Buffer]>([
    ["HTTP/1.1", Buffer.from("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")],
    ["a frame beyond the limit", Buffer.concat([PREFACE, frame(FRAME.HEADERS, 4, 1, Buffer.alloc(16_385))])],
    ["a padding as long as its frame", Buffer.concat([PREFACE, frame(FRAME.DATA, 8, 1, Buffer.from([1]))])],
    ["a padding without its length", Buffer.concat([PREFACE, frame(FRAME.DATA, 8, 1), frame(FRAME.DATA, 0, 1)])],
  ])("%s is refused", (_, bytes) => {
    expect(() => feed(bytes, [])).toThrow(ConnectionError);
    expect(() =>
      feed(
        bytes,
        Array.from({ length: 40 }, () => 1),
      ),
    ).toThrow(ConnectionError);
  });
});
