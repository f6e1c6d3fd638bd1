import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  CHUNK_DONE,
  CHUNK_NEED_MORE,
  CHUNK_REJECTED,
  type ChunkedDecoder,
  createChunkedDecoder,
  type HeadLimits,
} from "../src/index.ts";

const LIMITS: HeadLimits = { targetBytes: 100, headBytes: 64, fieldCount: 3 };

const decodeText = (decoder: ChunkedDecoder, text: string): { state: number; body: string } => {
  let body = "";
  const state = decoder.decode(Buffer.from(text, "latin1"), 0, text.length, (buffer, from, to) => {
    body += buffer.toString("latin1", from, to);
  });
  return { state, body };
};

describe("chunked decoder", () => {
  it("gives the data of all chunks and stops behind the message", () => {
    const decoder = createChunkedDecoder(LIMITS);
    expect(decodeText(decoder, "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nA: \t1 \r\nb:\r\n\r\nGET")).toEqual({
      state: CHUNK_DONE,
      body: "abcde",
    });
    expect(decoder.position).toBe("3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nA: \t1 \r\nb:\r\n\r\n".length);
    expect(decoder.trailers).toEqual(["A", "1", "b", ""]);
  });

  it("stays done, stays refused, and starts anew after a reset", () => {
    const decoder = createChunkedDecoder(LIMITS);
    decodeText(decoder, "1\r\na\r\n0\r\nA: b\r\n\r\n");
    expect(decodeText(decoder, "1\r\n")).toEqual({ state: CHUNK_DONE, body: "" });
    expect(decoder.position).toBe(0);
    decoder.reset();
    expect(decoder.trailers).toEqual([]);
    expect(decodeText(decoder, "z").state).toBe(CHUNK_REJECTED);
    expect(decodeText(decoder, "0\r\n\r\n").state).toBe(CHUNK_REJECTED);
    decoder.reset();
    expect(decoder.rejection).toBeUndefined();
    expect(decodeText(decoder, "0\r\n\r\n").state).toBe(CHUNK_DONE);
  });

  it("hands data on as it comes, without waiting for the end of a chunk", () => {
    const decoder = createChunkedDecoder(LIMITS);
    expect(decodeText(decoder, "a\r\nab")).toEqual({ state: CHUNK_NEED_MORE, body: "ab" });
    expect(decodeText(decoder, "cd")).toEqual({ state: CHUNK_NEED_MORE, body: "cd" });
  });

  it("limits extensions over the whole body, trailers in length and number", () => {
    const manyExtensions = `1;abcdefgh\r\na\r\n`.repeat(LIMITS.headBytes / 8);
    const cases = [
      `1;${"x".repeat(LIMITS.headBytes)}\r\n`,
      manyExtensions,
      `0\r\nA: ${"x".repeat(LIMITS.headBytes)}`,
      `0\r\n${"A:\r\n".repeat(LIMITS.fieldCount + 1)}`,
    ];
    for (const text of cases) {
      const decoder = createChunkedDecoder(LIMITS);
      expect(decodeText(decoder, text).state, text).toBe(CHUNK_REJECTED);
      expect(decoder.rejection?.code, text).toBe("REQUEST_HEAD_TOO_LARGE");
    }
  });

  it("limits the trailers by a limit of their own", () => {
    const text = `0\r\nA: ${"x".repeat(40)}\r\n\r\n`;
    expect(decodeText(createChunkedDecoder({ ...LIMITS, trailerBytes: 46 }), text).state).toBe(CHUNK_DONE);
    expect(decodeText(createChunkedDecoder({ ...LIMITS, trailerBytes: 45 }), text).state).toBe(CHUNK_REJECTED);
    const wide: HeadLimits = { ...LIMITS, headBytes: 1 << 20 };
    expect(decodeText(createChunkedDecoder(wide), `0\r\nA: ${"x".repeat(9000)}`).state).toBe(CHUNK_REJECTED);
  });

  it("gives any body back, however it was cut into chunks and pieces", () => {
    const chunks = fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 }), { maxLength: 8 });
    fc.assert(
      fc.property(chunks, fc.array(fc.nat(400), { maxLength: 20 }), (parts, cuts) => {
        const encoded = Buffer.concat([
          ...parts.flatMap((part) => [Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from("\r\n")]),
          Buffer.from("0\r\n\r\n"),
        ]);
        const ends = [...cuts.filter((cut) => cut < encoded.length), encoded.length].sort((a, b) => a - b);
        const decoder = createChunkedDecoder(LIMITS);
        const decoded: Buffer[] = [];
        let state: number = CHUNK_NEED_MORE;
        let position = 0;
        for (const end of ends) {
          state = decoder.decode(encoded, position, end, (buffer, from, to) =>
            decoded.push(Buffer.from(buffer.subarray(from, to))),
          );
          position = decoder.position;
        }
        expect(state).toBe(CHUNK_DONE);
        expect(Buffer.concat(decoded)).toEqual(Buffer.concat(parts));
      }),
    );
  });
});
