import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CachedObject, encodeHead, type ResponseHead, type StoredHead } from "../src/index.ts";
import { readHead } from "../src/storedHead.ts";

const KEY = Buffer.from("0123456789abcdef");
const LOCATION = { disk: 3, segment: 2 ** 40, offset: 2 ** 41, headBytes: 77, bodyBytes: 4, file: 2 ** 47 };
const HEAD: StoredHead = {
  url: "/a",
  variant: "gzip",
  status: 203,
  fields: ["Date", "now", "Vary", "A", "X", "1", "Vary", "B"],
  bodyBytes: 4,
  storedAtMs: 1_700_000_000_123,
  validatedAtMs: 1_700_000_000_123,
  selection: "",
  initialAgeSeconds: 9,
  bodyVersion: 2 ** 50,
  sourceVersion: 12,
};
const STATE = {
  key: KEY,
  location: LOCATION,
  version: 2 ** 50 + 1,
  freshUntilMs: 1_800_000_000_001,
  ttlSeconds: 1800.5,
  updatedAtMs: 1_700_000_000_456,
  purged: false,
  expiredByForce: true,
};

const objectOf = (head = HEAD, body: Buffer | undefined = Buffer.from("body")): CachedObject =>
  new CachedObject({ ...STATE, head, body });

/** What a delivering side would make, with the fields given. */
const responseOf = (fields: readonly string[], second = 1): ResponseHead => {
  let lines = "";
  for (let index = 0; index < fields.length; index += 2) lines += `${fields[index]}: ${fields[index + 1]}\r\n`;
  const status = "HTTP/1.1 203 OK\r\n";
  const text = `${status}${lines}Content-Length: 4\r\nDate: x\r\n\r\n`;
  const fieldsEnd = status.length + lines.length;
  return {
    fields,
    text,
    fieldsStart: status.length,
    fieldsEnd,
    connectionStart: fieldsEnd + 19,
    generation: 7,
    second,
  };
};

describe("an object in memory", () => {
  it("tells what it was made of, from a head or from one as it was read", () => {
    const encoded = readHead(encodeHead(HEAD)) ?? expect.fail();
    for (const object of [
      objectOf(),
      new CachedObject({ ...STATE, head: encoded, url: "/a", body: Buffer.from("body") }),
    ]) {
      expect(object.head).toEqual(HEAD);
      expect(object).toMatchObject({ ...STATE, key: KEY, location: LOCATION, checkedVersion: STATE.version });
      expect([object.hasBody, String(object.body), object.prepared]).toEqual([true, "body", undefined]);
    }
  });

  it("keeps what is changed in it, each by itself", () => {
    const object = objectOf();
    object.purged = true;
    object.expiredByForce = false;
    object.isPartial = true;
    object.renewing = true;
    object.freshUntilMs = 5;
    object.touchedSecond = 1_900_000_000;
    object.location = undefined;
    expect(object).toMatchObject({
      status: 203,
      purged: true,
      expiredByForce: false,
      isPartial: true,
      renewing: true,
      isGone: false,
      hasBody: true,
      freshUntilMs: 5,
      touchedSecond: 1_900_000_000,
      location: undefined,
      isStored: false,
    });
    expect(object.isFresh(4)).toBe(false);
    object.purged = false;
    expect([object.isFresh(4), object.isFresh(5)]).toEqual([true, false]);
  });

  it("CMP-06 forgets with the next configuration which copies are useless", () => {
    const object = objectOf();
    expect(object.uselessCopies(1)).toBe(0);
    object.noteUselessCopies(1, 0b100);
    object.noteUselessCopies(1, 0b10000);
    expect([object.uselessCopies(1), object.uselessCopies(2), object.status]).toEqual([0b10100, 0, 203]);
    object.body = undefined;
    expect(object.uselessCopies(1)).toBe(0b10100);
    object.noteUselessCopies(2, 0b1000);
    expect([object.uselessCopies(1), object.uselessCopies(2)]).toEqual([0, 0b1000]);
  });

  it("gives its body up and takes it again without losing its head", () => {
    const object = objectOf();
    object.prepare(responseOf(["X", "1"]));
    const before = object.memoryBytes;
    object.body = undefined;
    expect([object.body, object.hasBody, object.prepared, object.fields]).toEqual([
      undefined,
      false,
      undefined,
      expect.arrayContaining(HEAD.fields.slice()),
    ]);
    expect(object.memoryBytes).toBeLessThan(before);
    object.body = Buffer.from("anew");
    expect(String(object.body)).toBe("anew");
    expect(object.location).toEqual(LOCATION);
  });

  it("parses Last-Modified once, and knows when there is none", () => {
    const dated = objectOf({ ...HEAD, fields: ["Last-Modified", "Fri, 02 Jan 2026 03:04:05 GMT"] });
    expect([dated.lastModifiedMs, dated.lastModifiedMs]).toEqual(Array(2).fill(Date.UTC(2026, 0, 2, 3, 4, 5)));
    const bare = objectOf();
    expect([bare.lastModifiedMs, bare.lastModifiedMs]).toEqual([undefined, undefined]);
  });
});

describe("the response of an object in memory", () => {
  it("is one piece with the body", () => {
    const object = objectOf();
    const head = responseOf(["Vary", "A", "ETag", "1"]);
    object.prepare(head);
    const { prepared } = object;
    expect(String(prepared?.buffer)).toBe(`${head.text}body`);
    expect(prepared).toMatchObject({
      headBytes: head.text.length,
      fieldsStart: head.fieldsStart,
      fieldsEnd: head.fieldsEnd,
      connectionStart: head.connectionStart,
      generation: 7,
      second: 1,
    });
    expect(prepared?.buffer.buffer).toBe(object.body?.buffer);
  });

  it("holds the stored fields that it shows, which are kept nowhere else", () => {
    const object = objectOf({ ...HEAD, fields: [...HEAD.fields, "Long", "x".repeat(10_000)] });
    const shown = [...HEAD.fields.slice(2), "Long", "x".repeat(10_000), "ETag", "1"];
    const before = object.memoryBytes;
    object.prepare(responseOf(shown));
    expect(object.memoryBytes).toBe(before);
    expect(object.fields).toEqual([...HEAD.fields, "Long", "x".repeat(10_000)]);
  });

  it("moves elsewhere when it is too long for its place", () => {
    const object = objectOf();
    const before = object.memoryBytes;
    const head = responseOf(["X", "1", "Made-Here", "y".repeat(1000)]);
    object.prepare(head);
    expect(String(object.buffer)).toBe(`${head.text}body`);
    expect(object.memoryBytes).toBeGreaterThan(before + 500);
  });

  it("leaves bytes alone that are still being sent, and forgets them when they are", () => {
    const object = objectOf();
    object.prepare(responseOf(["X", "1"], 1));
    const sent = object.buffer;
    const text = String(sent);
    const release = object.hold();
    expect(object.holds).toBe(1);
    object.prepare(responseOf(["X", "1"], 2));
    expect([String(sent), object.holds]).toEqual([text, 0]);
    const releaseSecond = object.hold();
    release();
    expect(object.holds).toBe(1);
    releaseSecond();
    expect(object.holds).toBe(0);
  });

  it("never changes what is stored, whatever it shows and however often it is made", () => {
    const pair = fc.tuple(fc.constantFrom("A", "B", "C"), fc.constantFrom("", "1", "2"));
    const fields = fc.array(pair, { maxLength: 8 }).map((pairs) => pairs.flat());
    const sorted = (flat: readonly string[]): string[] =>
      flat.flatMap((name, index) => (index % 2 === 0 ? [`${name}: ${flat[index + 1]}`] : [])).sort();
    fc.assert(
      fc.property(fields, fc.array(fields, { maxLength: 4 }), (stored, shownEachTime) => {
        const object = objectOf({ ...HEAD, fields: stored });
        for (const shown of shownEachTime) {
          const head = responseOf(shown);
          object.prepare(head);
          expect(String(object.buffer)).toBe(`${head.text}body`);
          expect(sorted(object.fields)).toEqual(sorted(stored));
        }
      }),
    );
  });
});
