import http2 from "node:http2";
import net, { type AddressInfo } from "node:net";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { HpackDecoder, HpackError } from "../../src/http2/hpack/decoder.ts";
import { encodeFields } from "../../src/http2/hpack/encoder.ts";
import { decodeHuffman, encodeHuffman, huffmanBytes } from "../../src/http2/hpack/huffman.ts";
import { until } from "../support/waiting.ts";
import { FRAME, readFrames, settings } from "./rawFrames.ts";

const LIMITS = { bytes: 1_000_000, count: 1_000 };

const bytesOf = (hex: string): Buffer => Buffer.from(hex.replace(/\s/g, ""), "hex");

const decodeAll = (blocks: readonly string[]): string[][] => {
  const decoder = new HpackDecoder(LIMITS);
  return blocks.map((hex) => {
    const block = bytesOf(hex);
    return [...decoder.decode(block, 0, block.length).fields];
  });
};

const decode = (block: Buffer): string[] => [...new HpackDecoder(LIMITS).decode(block, 0, block.length).fields];

const REQUESTS = [
  [":method", "GET", ":scheme", "http", ":path", "/", ":authority", "www.example.com"],
  [":method", "GET", ":scheme", "http", ":path", "/", ":authority", "www.example.com", "cache-control", "no-cache"],
  [
    ...[":method", "GET", ":scheme", "https", ":path", "/index.html", ":authority", "www.example.com"],
    ...["custom-key", "custom-value"],
  ],
];

const answer = (status: string, date: string, more: readonly string[] = []): string[] => [
  ...[":status", status, "cache-control", "private", "date", date, "location", "https://www.example.com"],
  ...more,
];
const FIRST_DATE = "Mon, 21 Oct 2013 20:13:21 GMT";
const LAST_DATE = "Mon, 21 Oct 2013 20:13:22 GMT";
const ANSWERS = [
  answer("302", FIRST_DATE),
  answer("307", FIRST_DATE),
  answer("200", LAST_DATE, [
    ...["content-encoding", "gzip"],
    ...["set-cookie", "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1"],
  ]),
];

/** The answers of the RFC are for a table of 256 bytes. */
const TABLE_OF_256 = "3fe101";

describe("RFC 7541, appendix C", () => {
  it.each<[string, readonly string[], readonly (readonly string[])[]]>([
    ["C.2.1", ["400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572"], [["custom-key", "custom-header"]]],
    ["C.2.2", ["040c 2f73 616d 706c 652f 7061 7468"], [[":path", "/sample/path"]]],
    ["C.2.3", ["1008 7061 7373 776f 7264 0673 6563 7265 74"], [["password", "secret"]]],
    ["C.2.4", ["82"], [[":method", "GET"]]],
    [
      "C.3",
      [
        "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
        "8286 84be 5808 6e6f 2d63 6163 6865",
        "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
      ],
      REQUESTS,
    ],
    [
      "C.4",
      [
        "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
        "8286 84be 5886 a8eb 1064 9cbf",
        "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
      ],
      REQUESTS,
    ],
    [
      "C.5",
      [
        `${TABLE_OF_256} 4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133
         2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d`,
        "4803 3330 37c1 c0bf",
        `88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970
         7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61
         6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31`,
      ],
      ANSWERS,
    ],
    [
      "C.6",
      [
        `${TABLE_OF_256} 4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b
         ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3`,
        "4883 640e ffc1 c0bf",
        `88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2
         e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07`,
      ],
      ANSWERS,
    ],
  ])("%s", (_, blocks, expected) => {
    expect(decodeAll(blocks)).toEqual(expected);
  });

  it("C.1 integers, as the lengths of texts", () => {
    const long = "x".repeat(1337);
    expect(decode(bytesOf(`00 0161 7f ba09 ${Buffer.from(long).toString("hex")}`))).toEqual(["a", long]);
  });
});

const latin1 = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)) });
const lists = fc.array(fc.tuple(fc.oneof(latin1, fc.constantFrom("etag", "date", ":status", "set-cookie")), latin1), {
  maxLength: 30,
});

describe("fields", () => {
  it("are read as they were written", () => {
    fc.assert(
      fc.property(lists, (pairs) => {
        const fields = pairs.flat();
        expect(decode(encodeFields(fields))).toEqual(fields);
      }),
    );
  });

  it("texts are codes, and back", () => {
    fc.assert(
      fc.property(latin1, (text) => {
        const [coded, decoded] = [Buffer.alloc(huffmanBytes(text)), Buffer.alloc(text.length)];
        expect(encodeHuffman(text, coded, 0)).toBe(coded.length);
        expect(decodeHuffman(coded, 0, coded.length, decoded)).toBe(text.length);
        expect(decoded.toString("latin1")).toBe(text);
      }),
    );
  });

  it("cookies that are set are never to be remembered in between", () => {
    const block = encodeFields(["set-cookie", "a=1"]);
    expect((block[0] ?? 0) & 0xf0).toBe(0x10);
  });

  it("beyond the limits are counted and not kept, the table goes on", () => {
    const decoder = new HpackDecoder({ bytes: 20, count: 3 });
    const block = bytesOf("400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572 be be");
    const list = decoder.decode(block, 0, block.length);
    expect([list.isTooLarge, list.fields]).toEqual([true, []]);
    const many = bytesOf("82 82 82 82");
    expect(decoder.decode(many, 0, many.length)).toMatchObject({ isTooLarge: true });
    const small = bytesOf("82");
    expect(decoder.decode(small, 0, small.length)).toEqual({ isTooLarge: false, fields: [":method", "GET"] });
  });
});

describe("what is no block", () => {
  it.each([
    ["index 0", "80"],
    ["an index without an entry", "be"],
    ["a name without an entry", "7f 20 0161"],
    ["an integer without an end", "ff ff ff ff ff ff ff ff"],
    ["an integer that breaks off", "ff"],
    ["a text beyond the block", "00 05 61 62"],
    ["a field without its value", "00 01 61"],
    ["a name alone", "41"],
    ["a padding of eight bits", "00 0161 82 1f ff"],
    ["a padding of zeros", "00 0161 81 18"],
    ["the end symbol in a text", "00 0161 84 ff ff ff fc"],
    ["a table larger than was offered", "3f e2 1f"],
    ["a table size behind a field", "82 20"],
  ])("%s", (_, hex) => {
    expect(() => decode(bytesOf(hex))).toThrow(HpackError);
  });

  it("any bytes are fields or refused, and the table stays within its bounds", () => {
    const decoder = new HpackDecoder(LIMITS);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const block = Buffer.from(bytes);
        try {
          const { fields } = decoder.decode(block, 0, block.length);
          expect(fields.length % 2).toBe(0);
        } catch (error) {
          expect(error).toBeInstanceOf(HpackError);
        }
      }),
      { numRuns: 500 },
    );
  });
});

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

describe("another implementation", () => {
  it("nghttp2 writes with its table what is read here", async () => {
    const blocks: Buffer[] = [];
    const server = net.createServer((socket) => {
      let rest: Buffer = Buffer.alloc(0);
      let isBehindPreface = false;
      socket.on("error", () => {});
      socket.write(settings());
      socket.on("data", (data) => {
        rest = Buffer.concat([rest, data]);
        if (!isBehindPreface) {
          if (rest.length < 24) return;
          rest = rest.subarray(24);
          isBehindPreface = true;
        }
        const read = readFrames(rest);
        rest = read.rest;
        for (const { type, payload, flags } of read.frames) {
          if (type === FRAME.HEADERS) blocks.push(Buffer.from(payload.subarray((flags & 0x20) === 0 ? 0 : 5)));
        }
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port }: AddressInfo = server.address() as AddressInfo;
    const client = http2.connect(`http://127.0.0.1:${port}`);
    client.on("error", () => {});
    closers.push(
      () => client.destroy(),
      () => server.close(),
    );
    const names = ["accept", "user-agent", "x-one", "x-two", "referer", "a", "if-none-match"];
    const values = ["", "*/*", "x".repeat(200), "Mozilla/5.0 (X11; Linux) \u00e9\u00ff", "~!@#$%^&*()_+", "0123456789"];
    const sent = fc.sample(
      fc.uniqueArray(fc.tuple(fc.constantFrom(...names), fc.constantFrom(...values)), { selector: ([name]) => name }),
      { numRuns: 60, seed: 7 },
    );
    for (const [index, pairs] of sent.entries()) {
      const stream = client.request({ ":path": `/${index}`, ":authority": "a.test", ...Object.fromEntries(pairs) });
      stream.on("error", () => {});
    }
    await until(() => blocks.length === sent.length, "all requests");
    const decoder = new HpackDecoder(LIMITS);
    for (const [index, block] of blocks.entries()) {
      const { fields } = decoder.decode(block, 0, block.length);
      const read = new Map<string, string>();
      for (let at = 0; at < fields.length; at += 2) read.set(fields[at] ?? "", fields[at + 1] ?? "");
      expect(read.get(":path")).toBe(`/${index}`);
      for (const [name, value] of sent[index] ?? []) expect(read.get(name)).toBe(value);
    }
  });
});
