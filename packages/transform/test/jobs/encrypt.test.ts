import { createDecipheriv, hash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encryptPiece, encryptWhole } from "../../src/jobs/encrypt.ts";
import { applyRc4, scheduleRc4 } from "../../src/jobs/rc4.ts";

type Algorithm = "RC4" | "AES-128-CTR" | "AES-128-CBC";
type Bytes = Uint8Array<ArrayBuffer>;

const bytesOf = (text: string): Bytes => Uint8Array.from(Buffer.from(text));
const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

const operationOf = (algorithm: Algorithm, key: Uint8Array, iv: Uint8Array = new Uint8Array(0)) =>
  ({ kind: "encrypt", algorithm, key, iv }) as const;

const whole = (operation: ReturnType<typeof operationOf>, source: Bytes): Bytes => {
  const outcome = encryptWhole(operation, Uint8Array.from(source));
  if (outcome.kind !== "done") throw new Error(outcome.kind);
  return outcome.body;
};

const inPieces = (operation: ReturnType<typeof operationOf>, source: Bytes, pieceBytes: number): Buffer => {
  const bodies: Bytes[] = [];
  let state: Bytes | undefined;
  for (let at = 0; at === 0 || at < source.length; at += pieceBytes) {
    const piece = source.slice(at, at + pieceBytes);
    const outcome = encryptPiece(operation, piece, state, at + pieceBytes >= source.length);
    bodies.push(outcome.body);
    state = outcome.state;
  }
  return Buffer.concat(bodies);
};

const AES_KEY = Buffer.from("000102030405060708090a0b0c0d0e0f", "hex");
const IV = Buffer.from("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff", "hex");
const LAST_COUNTER = Buffer.from("ffffffffffffffffffffffffffffffff", "hex");

describe("RC4", () => {
  const digest = (name: string): Buffer => hash(name, "iuABC/music/iu.mp3", "buffer");
  it.each([
    ["ABC", "864132ff2082668534d562"],
    ["/music/iu.mp3ABC", "a37cdb34e10bc7c3aea9b4"],
    ["ABCiu.mp3", "3dece86b8bac569c97405d"],
    ["iuABC/music/iu.mp3", "9d67304059a2ba1bf2e57c"],
    [digest("md5"), "ed5a3bb128a2d26fb7f9b6"],
    [digest("sha1"), "7bf1a14093a347090233ce"],
    [digest("sha256"), "703d31e35dbd9fcb26c45f"],
  ])("DRM-14 HTTP-67 encrypts the vector of spec 21 under the key %s", (key, expected) => {
    expect(hexOf(whole(operationOf("RC4", Buffer.from(key)), bytesOf("Hello, DRM!")))).toBe(expected);
  });

  it.each([
    ["Key", "Plaintext", "bbf316e8d940af0ad3"],
    ["Wiki", "pedia", "1021bf0420"],
    ["Secret", "Attack at dawn", "45a01f645fc35b383552544b9bf5"],
  ])("DRM-05 agrees with the published vector of %s", (key, text, expected) => {
    expect(hexOf(whole(operationOf("RC4", Buffer.from(key)), bytesOf(text)))).toBe(expected);
  });

  it.each([
    ["0102030405", "b2396305f03dc027ccc3524a0a1118a8"],
    ["0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20", "eaa6bd25880bf93d3f5d1e4ca2611d91"],
  ])("DRM-05 agrees with RFC 6229 for the key %s", (key, stream) => {
    expect(hexOf(whole(operationOf("RC4", Buffer.from(key, "hex")), new Uint8Array(16)))).toBe(stream);
  });

  it("DRM-05 takes keys of 1 to 256 bytes and no others", () => {
    for (const length of [0, 257]) expect(() => scheduleRc4(new Uint8Array(length))).toThrow();
    for (const length of [1, 256]) expect(scheduleRc4(new Uint8Array(length).fill(7)).length).toBe(258);
  });

  it("DRM-14 is undone by the same key", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 256 }), fc.uint8Array({ maxLength: 2_000 }), (key, text) => {
        const bytes = Uint8Array.from(text);
        applyRc4(scheduleRc4(key), bytes);
        applyRc4(scheduleRc4(key), bytes);
        expect(hexOf(bytes)).toBe(hexOf(text));
      }),
    );
  });
});

describe("AES-128", () => {
  it.each([
    ["AES-128-CTR", "aes-128-ctr"],
    ["AES-128-CBC", "aes-128-cbc"],
  ] as const)("DRM-14 %s is undone by a standard player", (algorithm, cipher) => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 500 }), (text) => {
        const body = whole(operationOf(algorithm, AES_KEY, IV), Uint8Array.from(text));
        const decipher = createDecipheriv(cipher, AES_KEY, IV);
        expect(hexOf(Buffer.concat([decipher.update(body), decipher.final()]))).toBe(hexOf(text));
      }),
    );
  });

  it("agrees with NIST SP 800-38A F.5.1", () => {
    const key = Buffer.from("2b7e151628aed2a6abf7158809cf4f3c", "hex");
    const text = Uint8Array.from(
      Buffer.from("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51", "hex"),
    );
    expect(hexOf(whole(operationOf("AES-128-CTR", key, IV), text))).toBe(
      "874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff",
    );
  });
});

describe("bodies in pieces", () => {
  it.each([
    ["RC4", Buffer.from("ABC"), Buffer.alloc(0)],
    ["AES-128-CTR", AES_KEY, IV],
    ["AES-128-CTR", AES_KEY, LAST_COUNTER],
    ["AES-128-CBC", AES_KEY, IV],
  ] as const)("DRM-14 %s gives the bytes of the whole, however it is cut", (algorithm, key, iv) => {
    const operation = operationOf(algorithm, key, iv);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.integer({ min: 1, max: 6 }), (text, blocks) => {
        const source = Uint8Array.from(text);
        expect(hexOf(inPieces(operation, source, blocks * 16))).toBe(hexOf(whole(operation, source)));
      }),
    );
  });

  it("carries the counter of AES-128-CTR over every byte", () => {
    const operation = operationOf("AES-128-CTR", AES_KEY, Buffer.from("00000000000000000000000000fffffe", "hex"));
    const source = new Uint8Array(16 * 600);
    expect(inPieces(operation, source, 16 * 300).equals(whole(operation, source))).toBe(true);
  });

  it("refuses a piece in the middle that is no whole number of blocks", () => {
    expect(() => encryptPiece(operationOf("AES-128-CBC", AES_KEY, IV), new Uint8Array(20), undefined, false)).toThrow();
  });
});
