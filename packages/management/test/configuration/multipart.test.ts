import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readFormField } from "../../src/configuration/multipart.ts";

const TYPE = "multipart/form-data; boundary=b";

const form = (...parts: readonly (readonly [head: string, content: string | Uint8Array])[]): Buffer =>
  Buffer.concat([
    ...parts.flatMap(([head, content]) => [
      Buffer.from(`--b\r\n${head}\r\n\r\n`),
      Buffer.from(content),
      Buffer.from("\r\n"),
    ]),
    Buffer.from("--b--\r\n"),
  ]);

const FIELD = 'Content-Disposition: form-data; name="confile"; filename="conf.tgz"';

const read = (body: Buffer, type = TYPE): string | undefined =>
  readFormField(body, type, "confile")?.toString("latin1");

describe("a field of a form", () => {
  it("CFG-80 gives back any bytes, also those that look like the boundary", () => {
    const tricky = fc.constantFrom("--b", "\r\n--b", "\r\n--bb\r\n", "--b--", "\r\n", "\n", "-", "\r\n--");
    const content = fc.array(fc.oneof(tricky, fc.string({ unit: "binary", maxLength: 5 })), { maxLength: 12 });
    fc.assert(
      fc.property(content, fc.boolean(), (pieces, isFirst) => {
        const text = pieces.join("");
        fc.pre(!/\r\n--b[ \t]*(?:\r\n|--[ \t]*(?:\r\n|$))/.test(`\r\n${text}\r\n`));
        fc.pre(!/(?:^|\r\n)--b(?:--)?[ \t]*(?:\r\n|$)/.test(text));
        const bytes = Buffer.from(text, "utf8");
        const other = ['Content-Disposition: form-data; name="note"', "hello"] as const;
        const parts = isFirst ? ([[FIELD, bytes], other] as const) : ([other, [FIELD, bytes]] as const);
        expect(readFormField(form(...parts), TYPE, "confile")).toEqual(bytes);
      }),
      { numRuns: 300 },
    );
  });

  it("never throws, whatever is sent", () => {
    const piece = fc.constantFrom("--b", "--b--", "\r\n", "\r\n\r\n", FIELD, "x", " ", "\t", "-");
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), fc.string(), (pieces, type) => {
        const body = Buffer.from(pieces.join(""));
        readFormField(body, TYPE, "confile");
        readFormField(body, `multipart/form-data; boundary=${type}`, "confile");
      }),
    );
  });

  it.each([
    ["a token as boundary", form([FIELD, "x"]), TYPE],
    [
      "a quoted boundary behind another parameter",
      form([FIELD, "x"]),
      'Multipart/Form-Data; charset=utf-8; boundary="b"',
    ],
    ["a token as name", form(["content-disposition:form-data;name=confile", "x"]), TYPE],
    ["more fields of the part", form([`Content-Type: application/gzip\r\n${FIELD}\r\nX: y`, "x"]), TYPE],
    ["the first of two", form([FIELD, "x"], [FIELD, "y"]), TYPE],
    ["text before and behind", Buffer.concat([Buffer.from("hello\r\n"), form([FIELD, "x"]), Buffer.from("bye")]), TYPE],
    ["blanks behind the boundary", Buffer.from(`--b \t\r\n${FIELD}\r\n\r\nx\r\n--b-- `), TYPE],
    ["no line feed at the end", form([FIELD, "x"]).subarray(0, -2), TYPE],
  ])("takes %s", (_, body, type) => {
    expect(read(body, type)).toBe("x");
  });

  it.each([
    ["another name", form(['Content-Disposition: form-data; name="other"; filename="confile"', "x"]), TYPE],
    ["no disposition", form(["Content-Type: text/plain", "x"]), TYPE],
    ["no form", form(["Content-Disposition: attachment; name=confile", "x"]), TYPE],
    ["no boundary", form([FIELD, "x"]), "multipart/form-data"],
    ["another boundary", form([FIELD, "x"]), "multipart/form-data; boundary=c"],
    ["no end", form([FIELD, "x"]).subarray(0, -9), TYPE],
    ["half a head", Buffer.from(`--b\r\n${FIELD}\r\n--b--\r\n`), TYPE],
    ["a head without end", form([`${FIELD}\r\nX: ${"y".repeat(10_000)}`, "x"]), TYPE],
    [
      "more parts than a form has",
      form(...Array.from({ length: 200 }, () => ["X: y", "x"] as const), [FIELD, "x"]),
      TYPE,
    ],
    ["nothing", Buffer.alloc(0), TYPE],
  ])("has none with %s", (_, body, type) => {
    expect(read(body, type)).toBeUndefined();
  });
});
