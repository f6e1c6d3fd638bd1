import { createRequestHeadParser, FIELD, PARSE_REJECTED } from "@basalt/http";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RequestHeadReader } from "../../src/http2/requestHead.ts";

const LIMITS = { targetBytes: 8_192, headBytes: 65_536, fieldCount: 256 };

const BASE = [":method", "GET", ":scheme", "https", ":authority", "www.example.com", ":path", "/a"];

const listOf = (fields: readonly string[]) => ({ fields: [...fields], isTooLarge: false });

const read = (fields: readonly string[], hasEnded = true) => new RequestHeadReader().read(listOf(fields), hasEnded);

const parse = (text: string) => {
  const parser = createRequestHeadParser(LIMITS);
  const bytes = Buffer.from(text, "latin1");
  return { parser, behind: parser.parse(bytes, 0, bytes.length), bytes };
};

const text = (characters: string, constraints: { minLength?: number; maxLength?: number } = {}) =>
  fc.string({ unit: fc.constantFrom(...characters), maxLength: 20, ...constraints });

const LOWER = "abcdefghijklmnopqrstuvwxyz0123456789-_.!#$%&'*+^`|~";
const PATH = "abcXYZ019/?&=%-_.~:@!$'()*+,;[]";
const VALUE = "abc XYZ\t019\"'(),/:;<=>?@[]\\{}\u00e9\u00ff";

const RESERVED =
  /^(?:connection|keep-alive|proxy-connection|transfer-encoding|upgrade|host|content-length|te|cookie|expect)$/;

const field = fc.tuple(
  text(LOWER, { minLength: 1 }).filter((name) => !RESERVED.test(name)),
  text(VALUE).map((value) => value.trim()),
);

const validList = fc.record({
  method: fc.constantFrom("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"),
  path: text(PATH).map((rest) => `/${rest}`),
  host: fc.constantFrom("www.example.com", "www.example.com:8443", "192.0.2.1", "[2001:db8::1]:443"),
  named: fc.constantFrom("authority", "host", "both"),
  fields: fc.array(field, { maxLength: 20 }),
  cookies: fc.array(
    text("abc=019-").filter((crumb) => crumb !== ""),
    { maxLength: 4 },
  ),
  length: fc.option(fc.integer({ min: 1, max: 1_000_000 }), { nil: undefined }),
  hasEnded: fc.boolean(),
});

describe("the head of a request (RFC 9113 8.3)", () => {
  it("AWS-41: any valid list makes exactly one request, which says what the list says", () => {
    fc.assert(
      fc.property(validList, ({ method, path, host, named, fields, cookies, length, hasEnded }) => {
        const list = [":method", method, ":scheme", "https", ":path", path];
        if (named !== "host") list.push(":authority", host);
        if (named !== "authority") list.push("host", host);
        for (const [name, value] of fields) list.push(name, value);
        for (const crumb of cookies) list.push("cookie", crumb);
        if (length !== undefined && !hasEnded) list.push("content-length", String(length));
        const reading = read(list, hasEnded);
        if (reading.kind !== "request") throw new Error(JSON.stringify(reading));
        const { parser, behind, bytes } = parse(reading.text);
        expect(parser.rejection).toBeUndefined();
        expect(behind).toBe(bytes.length);
        expect([parser.methodName, parser.target, parser.fields.host]).toEqual([method, path, host]);
        expect(parser.fields.get("cookie")).toBe(cookies.length === 0 ? undefined : cookies.join("; "));
        for (const [name] of fields) {
          const values = fields.filter(([each]) => each === name).map(([, value]) => value);
          expect(parser.fields.get(name)).toBe(values.join(", "));
        }
        const isChunked = (parser.fields.flags & FIELD.CHUNKED) !== 0;
        expect(isChunked).toBe(!hasEnded && length === undefined);
        if (!hasEnded && length !== undefined) expect(parser.fields.contentLength).toBe(length);
      }),
      { numRuns: 300 },
    );
  });

  it("whatever the list, there are never two requests in what is made of it", () => {
    const anything = fc.string({
      unit: fc.constantFrom("a", "\r", "\n", "\0", " ", ":", "/", "é", "Ā", ","),
      maxLength: 8,
    });
    const name = fc.oneof(
      fc.constantFrom(":method", ":path", ":authority", ":scheme", "host", "content-length", "cookie", "te", "x"),
      anything,
    );
    const value = fc.oneof(
      fc.constantFrom("GET", "/", "https", "h", "1", "trailers", "\r\n\r\nGET / HTTP/1.1"),
      anything,
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(name, value), { maxLength: 12 }), fc.boolean(), (list, hasEnded) => {
        const reading = read(list.flat(), hasEnded);
        if (reading.kind !== "request") return;
        expect(reading.text.indexOf("\r\n\r\n")).toBe(reading.text.length - 4);
        const { behind, bytes } = parse(reading.text);
        expect(behind === bytes.length || behind === PARSE_REJECTED).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });

  it("a list that differs in its path only is read as one that is read for the first time", () => {
    const reader = new RequestHeadReader();
    const fields = [...BASE, "accept", "*/*"];
    reader.read(listOf(fields), true);
    for (const path of ["/b", "/c?d", "*", "nothing", "/ ", "/\r\n"]) {
      const other = fields.map((each) => (each === "/a" ? path : each));
      expect(reader.read(listOf(other), true)).toEqual(read(other));
      reader.read(listOf(fields), true);
    }
    expect(reader.read(listOf(fields), false)).toEqual(read(fields, false));
  });

  it.each<[string, readonly string[]]>([
    ["no method", BASE.slice(2)],
    ["no scheme", [...BASE.slice(0, 2), ...BASE.slice(4)]],
    ["a scheme that is not of HTTP", BASE.map((each) => (each === "https" ? "ftp" : each))],
    ["no path", BASE.slice(0, 6)],
    ["an empty path", [...BASE.slice(0, 7), ""]],
    ["a path that is none", [...BASE.slice(0, 7), "a"]],
    ["an absolute target", [...BASE.slice(0, 7), "http://other/"]],
    ["a star for a GET", [...BASE.slice(0, 7), "*"]],
    ["a blank in the path", [...BASE.slice(0, 7), "/a HTTP/1.1"]],
    ["no host", [...BASE.slice(0, 4), ...BASE.slice(6)]],
    ["an empty authority", BASE.map((each) => (each === "www.example.com" ? "" : each))],
    ["a user in the authority", BASE.map((each) => (each === "www.example.com" ? "me@www.example.com" : each))],
    ["two hosts", [...BASE, "host", "other.example.com"]],
    ["Host twice", [...BASE, "host", "www.example.com", "host", "www.example.com"]],
    ["a pseudo-field twice", [...BASE, ":path", "/b"]],
    ["a pseudo-field behind a field", [...BASE.slice(0, 6), "accept", "*/*", ":path", "/a"]],
    ["an unknown pseudo-field", [...BASE, ":protocol", "websocket"]],
    ["the status of an answer", [...BASE, ":status", "200"]],
    ["an upper-case name", [...BASE, "Accept", "*/*"]],
    ["an empty name", [...BASE, "", "a"]],
    ["a blank in a name", [...BASE, "a b", "a"]],
    ["a colon in a name", [...BASE, "a:b", "a"]],
    ["a line end in a value", [...BASE, "a", "b\r\nc: d"]],
    ["a bare LF in a value", [...BASE, "a", "b\nc"]],
    ["a NUL in a value", [...BASE, "a", "b\0"]],
    ["a blank in front of a value", [...BASE, "a", " b"]],
    ["a blank behind a value", [...BASE, "a", "b\t"]],
    ["a character of more than one byte", [...BASE, "a", "\u0100"]],
    ["Connection", [...BASE, "connection", "close"]],
    ["Keep-Alive", [...BASE, "keep-alive", "timeout=5"]],
    ["Proxy-Connection", [...BASE, "proxy-connection", "close"]],
    ["Transfer-Encoding", [...BASE, "transfer-encoding", "chunked"]],
    ["Upgrade", [...BASE, "upgrade", "websocket"]],
    ["TE of another kind", [...BASE, "te", "gzip"]],
    ["Content-Length that is no number", [...BASE, "content-length", "+1"]],
    ["two lengths", [...BASE, "content-length", "0", "content-length", "0"]],
    ["a length without a body", [...BASE, "content-length", "5"]],
  ])("refuses %s", (_, fields) => {
    expect(read(fields).kind).toBe("malformed");
  });

  it("a list that is too long is not looked at", () => {
    expect(new RequestHeadReader().read({ fields: [...BASE], isTooLarge: true }, true).kind).toBe("tooLarge");
  });

  it("knows a CONNECT, which has neither scheme nor path", () => {
    expect(read([":method", "CONNECT", ":authority", "example.com:443"]).kind).toBe("connect");
  });
});
