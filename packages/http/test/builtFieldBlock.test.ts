import { EdgeError } from "@basalt/types";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRequestHeadParser, FIELD, fieldBlockOf } from "../src/index.ts";

const LIMITS = { targetBytes: 1024, headBytes: 65_536, fieldCount: 128 };

const parsed = (lines: string) => {
  const parser = createRequestHeadParser(LIMITS);
  const head = Buffer.from(`GET / HTTP/1.1\r\n${lines}\r\n`, "latin1");
  return parser.parse(head, 0, head.length) === head.length ? parser.fields : undefined;
};

const FLAT = [
  "Host",
  "Example.com:80",
  "Accept-Encoding",
  "gzip;q=0.5",
  "cookie",
  "a=1",
  "Cookie",
  "b=2",
  "Cache-Control",
  "no-cache",
  "Content-Length",
  "12",
  "X-Empty",
  "",
];

describe("a built field block", () => {
  it("has the facts of the same lines when they are received", () => {
    const built = fieldBlockOf(FLAT);
    let lines = "";
    for (let index = 0; index < FLAT.length; index += 2) lines += `${FLAT[index]}: ${FLAT[index + 1]}\r\n`;
    const received = parsed(lines);
    expect(received).toBeDefined();
    expect([built.flags, built.host, built.contentLength, built.count]).toEqual([
      received?.flags,
      received?.host,
      received?.contentLength,
      received?.count,
    ]);
    expect(built.toFlatArray()).toEqual(FLAT);
    expect(built.get("cookie")).toBe("a=1; b=2");
    expect(built.get("x-empty")).toBe("");
    expect(built.flags & FIELD.ACCEPTS_GZIP).not.toBe(0);
  });

  it("may be empty", () => {
    expect(fieldBlockOf([]).count).toBe(0);
  });

  it.each([
    ["a line end in a value", ["X", "a\r\nHost: b"]],
    ["a line end at the end of a value", ["X", "a\r\n"]],
    ["a bare line feed", ["X", "a\nb"]],
    ["a NUL", ["X", "a\0b"]],
    ["a character that latin1 makes a line feed of", ["X", "a\u010ab"]],
    ["no name", ["", "a"]],
    ["a line end in a name", ["X: 1\r\nY", "a"]],
    ["a blank in a name", ["X Y", "a"]],
    ["two hosts", ["Host", "a", "Host", "b"]],
    ["two lengths", ["Content-Length", "1", "Content-Length", "2"]],
    ["a length beside a coding", ["Content-Length", "1", "Transfer-Encoding", "chunked"]],
    ["a head that ends early", ["X", "a\r\n\r\nGET / HTTP/1.1"]],
  ])("is refused with %s", (_, flat) => {
    expect(() => fieldBlockOf(flat)).toThrow(EdgeError);
  });

  it("gives back what a received block gave, or refuses it", () => {
    const text = fc.string({ unit: "binary", maxLength: 12 });
    fc.assert(
      fc.property(fc.array(fc.tuple(text, text), { maxLength: 6 }), (fields) => {
        let flat: string[];
        try {
          flat = fieldBlockOf(fields.flat()).toFlatArray();
        } catch (error) {
          expect(error).toBeInstanceOf(EdgeError);
          return;
        }
        expect(flat).toEqual(fields.flatMap(([name, value]) => [name, value.replace(/^[ \t]+|[ \t]+$/g, "")]));
        expect(fieldBlockOf(flat).toFlatArray()).toEqual(flat);
      }),
      { numRuns: 300 },
    );
  });
});
