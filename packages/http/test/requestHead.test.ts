import { describe, expect, it } from "vitest";
import {
  CODING_RANKS,
  createRequestHeadParser,
  FIELD,
  type HeadLimits,
  METHOD,
  PARSE_NEED_MORE,
  PARSE_REJECTED,
  type RequestHeadParser,
} from "../src/index.ts";
import { readCorpus } from "./differential/corpus.ts";

const LIMITS: HeadLimits = { targetBytes: 100, headBytes: 400, fieldCount: 8 };

const parseText = (parser: RequestHeadParser, text: string): number =>
  parser.parse(Buffer.from(text, "latin1"), 0, text.length);

const parsed = (text: string, limits: HeadLimits = LIMITS): RequestHeadParser => {
  const parser = createRequestHeadParser(limits);
  expect(parseText(parser, text), parser.rejection?.detail).toBe(text.length);
  return parser;
};

const refused = (text: string, limits: HeadLimits = LIMITS): string | undefined => {
  const parser = createRequestHeadParser(limits);
  return parseText(parser, text) === PARSE_REJECTED ? parser.rejection?.code : undefined;
};

const get = (...lines: readonly string[]): string => `GET / HTTP/1.1\r\n${["Host: a", ...lines, "", ""].join("\r\n")}`;

describe("request head parser", () => {
  it("HTTP-34 reads `Key:value` without a blank", () => {
    expect(parsed(get("Key:value")).fields.get("key")).toBe("value");
  });

  it("HTTP-33 hands on an absolute request target as sent", () => {
    const parser = parsed("GET http://host/path HTTP/1.1\r\nHost: other\r\n\r\n");
    expect(parser.target).toBe("http://host/path");
    expect(parser.fields.host).toBe("other");
  });

  it.each(Object.entries(METHOD).filter(([name]) => name !== "OTHER" && name !== "CONNECT"))(
    "knows the method %s",
    (name, code) => {
      const parser = parsed(`${name} / HTTP/1.1\r\nHost: a\r\n\r\n`);
      expect([parser.method, parser.methodName]).toEqual([code, name]);
    },
  );

  it.each(["get", "OTHER", "GETS", "toString"])("takes %s for a method of another name", (name) => {
    const parser = parsed(`${name} / HTTP/1.1\r\nHost: a\r\n\r\n`);
    expect([parser.method, parser.methodName]).toEqual([METHOD.OTHER, name]);
  });

  it("gives names as sent, values without outer white space, and combined values", () => {
    const { fields } = parsed(get("X-A: \t1 ", "x-a:2", "Cookie: a=1", "Cookie: b=2", "Empty:"));
    expect(fields.toFlatArray()).toEqual(
      ["Host", "a", "X-A", "1", "x-a", "2", "Cookie", "a=1", "Cookie", "b=2"].concat("Empty", ""),
    );
    expect(fields.get("x-a")).toBe("1, 2");
    expect(fields.getAll("x-a")).toEqual(["1", "2"]);
    expect(fields.get("cookie")).toBe("a=1; b=2");
    expect(fields.get("empty")).toBe("");
    expect([fields.get("x-b"), fields.has("x-b"), fields.has("host")]).toEqual([undefined, false, true]);
    expect([fields.count, fields.name(1), fields.value(1)]).toEqual([6, "X-A", "1"]);
    expect([fields.name(6), fields.value(-1)]).toEqual(["", ""]);
  });

  it("keeps obs-text as one character per byte", () => {
    expect(parsed(get("X: \xe4\xff")).fields.get("x")).toBe("\xe4\xff");
  });

  const flagCases: readonly (readonly [line: string, flags: number])[] = [
    ["Connection: close", FIELD.CLOSE],
    ["Connection: Keep-Alive , CLOSE", FIELD.CLOSE | FIELD.KEEP_ALIVE],
    ["Connection: closed", 0],
    ["Connection: upgrade", 0],
    ["Upgrade: h2c", 0],
    ["Connection: x, Upgrade\r\nUpgrade: websocket", FIELD.UPGRADE],
    ["Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk", 0],
    ["Connection: Upgrade\r\nUpgrade: websocket, H2C", 0],
    ["Connection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: HTTP/2.0", 0],
    ["Connection: Upgrade\r\nUpgrade: TLS/1.2", 0],
    ["Connection: Upgrade\r\nUpgrade: h2cat", FIELD.UPGRADE],
    ["Expect: 100-Continue", FIELD.EXPECT_CONTINUE],
    ["Expect: 200-ok", FIELD.EXPECT_OTHER],
    ["Range: bytes=0-1", FIELD.RANGE],
    ["If-Range: x", FIELD.IF_RANGE],
    ["If-None-Match: *", FIELD.IF_NONE_MATCH],
    ["If-Modified-Since: x", FIELD.IF_MODIFIED_SINCE],
    ["If-Match: *", FIELD.IF_MATCH],
    ["If-Unmodified-Since: x", FIELD.IF_UNMODIFIED_SINCE],
    ["Authorization: Basic x", FIELD.AUTHORIZATION],
    ["Cookie: a=b", FIELD.COOKIE],
    ["Cache-Control: no-cache", FIELD.CACHE_CONTROL],
    ["Pragma: no-cache", FIELD.CACHE_CONTROL],
    ["TE: trailers", FIELD.TE],
    ["X-Forwarded-For: 1.2.3.4", FIELD.X_FORWARDED_FOR],
    ["Content-Length: 0", FIELD.CONTENT_LENGTH],
    ["Transfer-Encoding: Chunked", FIELD.CHUNKED],
    ["Accept-Encoding: gzip", FIELD.ACCEPTS_GZIP | FIELD.ACCEPTS_COMPRESSION],
    ["Accept-Encoding: X-GZIP;q=0.5", FIELD.ACCEPTS_GZIP | FIELD.ACCEPTS_COMPRESSION],
    [
      "Accept-Encoding: br\r\nAccept-Encoding: gzip",
      FIELD.ACCEPTS_GZIP | FIELD.ACCEPTS_BROTLI | FIELD.ACCEPTS_COMPRESSION,
    ],
    [
      "Accept-Encoding: gzip;q=0.1, zstd;q=0.5, br",
      FIELD.ACCEPTS_GZIP |
        FIELD.ACCEPTS_BROTLI |
        FIELD.ACCEPTS_ZSTD |
        FIELD.ACCEPTS_COMPRESSION |
        (0b01_00_10 << CODING_RANKS.shift),
    ],
    ["Accept-Encoding: zstd;q=0.001", FIELD.ACCEPTS_ZSTD],
    ["Accept-Encoding: deflate", FIELD.ACCEPTS_COMPRESSION],
    ["Accept-Encoding: gzip;q=0, deflate", FIELD.ACCEPTS_COMPRESSION],
    ["Accept-Encoding: gzip;q=0.000", 0],
    ["Accept-Encoding: gzip; q=0, *", 0],
    ["Accept-Encoding: *", FIELD.ACCEPTS_GZIP],
    ["Accept-Encoding: *;q=0", 0],
    ["Accept-Encoding: br, identity", FIELD.ACCEPTS_BROTLI],
    ["Accept-Encoding: br;q=0, zstd;q=2", 0],
    ["Accept-Encoding:", 0],
    ["Accept-Encodinq: gzip", 0],
  ];
  it.each(flagCases)("tells the facts of `%s`", (line, flags) => {
    expect(parsed(get(line)).fields.flags).toBe(flags);
  });

  const hostCases: readonly (readonly [sent: string, host: string])[] = [
    ["WWW.Example.COM", "www.example.com"],
    ["a:8080", "a:8080"],
    ["a:", "a"],
    ["[2001:DB8::1]:80", "[2001:db8::1]:80"],
    ["127.0.0.1", "127.0.0.1"],
    ["a_b.c~d", "a_b.c~d"],
    ["", ""],
  ];
  it.each(hostCases)("normalizes the Host `%s`", (sent, host) => {
    expect(parsed(`GET / HTTP/1.1\r\nHost: ${sent}\r\n\r\n`).fields.host).toBe(host);
  });

  it("has no host and no length where none was sent", () => {
    const { fields } = parsed("GET / HTTP/1.0\r\n\r\n");
    expect([fields.host, fields.contentLength, fields.count]).toEqual([undefined, -1, 0]);
  });
});

describe("the previous head of a connection", () => {
  it("gives the very same block for the same head and for a new target", () => {
    const parser = parsed(get("X: 1"));
    const { fields } = parser;
    expect(parseText(parser, get("X: 1"))).toBe(get("X: 1").length);
    expect(parser.fields).toBe(fields);
    const other = get("X: 1").replace("GET / ", "HEAD /other ");
    expect(parseText(parser, other)).toBe(other.length);
    expect([parser.method, parser.target, parser.fields === fields]).toEqual([METHOD.HEAD, "/other", true]);
    expect(parseText(parser, get("X: 1"))).toBe(get("X: 1").length);
    expect([parser.method, parser.target, parser.fields === fields]).toEqual([METHOD.GET, "/", true]);
  });

  it("gives another block for other bytes of the same length", () => {
    const parser = parsed(get("X: 1"));
    parseText(parser, get("X: 2"));
    expect(parser.fields.get("x")).toBe("2");
  });

  it("reads pipelined heads one after the other from any place in a buffer", () => {
    const parser = createRequestHeadParser(LIMITS);
    const heads = [get(), get(), get("X: 1"), get(), get().replace("/", "/b")];
    const buffer = Buffer.concat([Buffer.from("?"), Buffer.from(heads.join(""), "latin1"), Buffer.from("GET")]);
    let position = 1;
    for (const head of heads) {
      position = parser.parse(buffer, position, buffer.length);
      expect(parser.target).toBe(head.slice(4, head.indexOf(" ", 4)));
    }
    expect(position).toBe(buffer.length - 3);
    expect(parser.parse(buffer, position, buffer.length)).toBe(PARSE_NEED_MORE);
  });

  it("applies to the block again what depends on the request line", () => {
    const without = createRequestHeadParser(LIMITS);
    expect(parseText(without, "GET / HTTP/1.0\r\nX: 1\r\n\r\n")).toBeGreaterThan(0);
    expect(parseText(without, "GET / HTTP/1.1\r\nX: 1\r\n\r\n")).toBe(PARSE_REJECTED);
    const chunked = parsed(get("Transfer-Encoding: chunked"));
    const older = get("Transfer-Encoding: chunked").replace("HTTP/1.1", "HTTP/1.0");
    expect(parseText(chunked, older)).toBe(PARSE_REJECTED);
  });

  it("is compared as a whole for request lines of any length", () => {
    const limits = { targetBytes: 1000, headBytes: 2000, fieldCount: 8 };
    const parser = createRequestHeadParser(limits);
    for (const length of [1, 240, 241, 242, 243, 244, 300, 300, 1, 999, 2]) {
      const target = `/${"x".repeat(length)}`;
      const head = `GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`;
      expect(parseText(parser, head)).toBe(head.length);
      expect(parser.target).toBe(target);
    }
  });

  it("leaves nothing of a request behind when the next one is refused", () => {
    const parser = parsed("GET /secret HTTP/1.1\r\nHost: a\r\nCookie: b\r\n\r\n");
    expect(parseText(parser, "GET / HTTP/1.1\r\nHost : a\r\n\r\n")).toBe(PARSE_REJECTED);
    expect([parser.target, parser.methodName, parser.fields.count]).toEqual(["", "", 0]);
    expect(parser.rejection?.detail).toBe("white space in or behind a field name");
  });

  it("is compared while the next head is still arriving", () => {
    const parser = parsed(get("X: 1"));
    const { fields } = parser;
    for (let end = 1; end < get("X: 1").length; end++) {
      expect(parser.parse(Buffer.from(get("X: 1").slice(0, end)), 0, end)).toBe(PARSE_NEED_MORE);
    }
    expect(parseText(parser, get("X: 1"))).toBe(get("X: 1").length);
    expect(parser.fields).toBe(fields);
  });
});

describe("limits", () => {
  const target = (length: number): string => `GET /${"x".repeat(length - 1)} HTTP/1.1\r\nHost: a\r\n\r\n`;
  const head = (length: number): string => get(`X: ${"x".repeat(length - get("X: ").length)}`);
  const fields = (count: number): string => get(...Array.from({ length: count - 1 }, () => "X: 1"));

  it("take what just fits", () => {
    parsed(target(LIMITS.targetBytes));
    parsed(head(LIMITS.headBytes));
    parsed(fields(LIMITS.fieldCount));
  });

  it("refuse one more", () => {
    expect(refused(target(LIMITS.targetBytes + 1))).toBe("REQUEST_TARGET_TOO_LONG");
    expect(refused(head(LIMITS.headBytes + 1))).toBe("REQUEST_HEAD_TOO_LARGE");
    expect(refused(fields(LIMITS.fieldCount + 1))).toBe("REQUEST_HEAD_TOO_LARGE");
  });

  it("refuse before the head is complete", () => {
    expect(refused(target(LIMITS.targetBytes + 1).slice(0, LIMITS.targetBytes + 5))).toBe("REQUEST_TARGET_TOO_LONG");
    expect(refused(head(2 * LIMITS.headBytes).slice(0, LIMITS.headBytes + 1))).toBe("REQUEST_HEAD_TOO_LARGE");
  });

  it("hold for a repeated block behind a longer request line", () => {
    const parser = parsed(head(LIMITS.headBytes));
    const longer = head(LIMITS.headBytes).replace("GET / ", "GET /a ");
    expect(parseText(parser, longer)).toBe(PARSE_REJECTED);
    expect(parser.rejection?.code).toBe("REQUEST_HEAD_TOO_LARGE");
  });
});

describe("HTTP-34 a head that arrives byte by byte", () => {
  it("is refused at the very byte at which a parser that sees all of it at once would refuse", () => {
    for (const { bytes, title } of readCorpus()) {
      const parser = createRequestHeadParser(LIMITS);
      for (let end = 1; end <= bytes.length; end++) {
        const answer = parser.parse(bytes, 0, end);
        const fresh = createRequestHeadParser(LIMITS);
        expect(answer, `${title}, ${end} bytes`).toBe(fresh.parse(bytes, 0, end));
        expect(parser.rejection, title).toEqual(fresh.rejection);
        if (answer !== PARSE_NEED_MORE) break;
      }
    }
  });

  it("is read to its end however long one of its lines is", () => {
    const parser = createRequestHeadParser({ targetBytes: 100, headBytes: 70_000, fieldCount: 8 });
    const bytes = Buffer.from(get(`X: ${"x".repeat(65_000)}`), "latin1");
    for (let end = 1; end < bytes.length; end++) {
      if (parser.parse(bytes, 0, end) !== PARSE_NEED_MORE) expect.fail(`answered after ${end} bytes`);
    }
    expect(parser.parse(bytes, 0, bytes.length)).toBe(bytes.length);
  });
});
