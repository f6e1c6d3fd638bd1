import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { element, elements, integer, oid } from "../../src/snmp/berWriter.ts";
import { decodeMessage, encodeAnswer, encodeVariable, type SnmpValue } from "../../src/snmp/message.ts";
import { below, readAnswer, requestBytes, TAG } from "./support.ts";

const SYS_UPTIME = [1, 3, 6, 1, 2, 1, 1, 3, 0];

const arbitraryOid = fc
  .tuple(
    fc.constantFrom([0, 5], [1, 3], [2, 40]),
    fc.array(fc.integer({ min: 0, max: 2 ** 32 - 1 }), { maxLength: 20 }),
  )
  .map(([head, rest]) => [...head, ...rest]);

describe("what a manager sends", () => {
  it("RFC 3416: a GETNEXT of snmpget's making is read as it is meant", () => {
    const bytes = Buffer.from(
      "302602010104067075626c6963a11902047fffffff020100020100300b300906052b060102010500",
      "hex",
    );
    expect(decodeMessage(bytes)).toMatchObject({
      kind: "request",
      request: { kind: "getNext", version: "v2c", requestId: 2 ** 31 - 1, oids: [[1, 3, 6, 1, 2, 1]] },
    });
  });

  it("any request is read back as it was written", () => {
    fc.assert(
      fc.property(
        fc.record({
          kind: fc.constantFrom("get", "getNext", "set", "getBulk"),
          community: fc.string({ maxLength: 60 }),
          requestId: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
          first: fc.integer({ min: -5, max: 2 ** 31 - 1 }),
          second: fc.integer({ min: -5, max: 2 ** 31 - 1 }),
          oids: fc.array(arbitraryOid, { maxLength: 10 }),
        }),
        (asked) => {
          const decoded = decodeMessage(requestBytes(asked));
          if (decoded.kind !== "request") throw new Error(decoded.kind);
          const { request } = decoded;
          expect(request).toMatchObject({ kind: asked.kind, requestId: asked.requestId, oids: asked.oids });
          expect(request.community.toString()).toBe(asked.community);
          if (request.kind !== "getBulk") return;
          expect([request.nonRepeaters, request.maxRepetitions]).toEqual([
            Math.max(0, asked.first),
            Math.max(0, asked.second),
          ]);
        },
      ),
      { numRuns: 200 },
    );
  });

  it.each([
    ["nothing", ""],
    ["one byte", "30"],
    ["an indefinite length", "3080020101040670"],
    ["a length beyond the end", "3082ffff0201010406"],
    ["a length of five bytes", "308500000000050201010400"],
    ["no sequence", "0203020101"],
    ["no version", "30020400"],
    ["a community that is no string", "30050201010201"],
    ["an integer without bytes", "30020200"],
    ["a trap", "302602010104067075626c6963a71902047fffffff020100020100300b300906052b060102010500"],
    ["a response", "302602010104067075626c6963a21902047fffffff020100020100300b300906052b060102010500"],
    ["bytes behind the message", "302602010104067075626c6963a11902047fffffff020100020100300b300906052b06010201050000"],
    ["an OID without its end", "302602010104067075626c6963a11902047fffffff020100020100300b300906052b060102810500"],
    [
      "a number of an OID with a leading 80",
      "302602010104067075626c6963a11902047fffffff020100020100300b300906052b800601010500",
    ],
  ])("SNMP-08 SNMP-A13 REG-280 %s is malformed", (_, hex) => {
    expect(decodeMessage(Buffer.from(hex, "hex")).kind).toBe("malformed");
  });

  it("an OID of too many numbers, or with one beyond 32 bits, is malformed", () => {
    const long = requestBytes({ oids: [[1, 3, ...new Array<number>(127).fill(1)]] });
    expect(decodeMessage(long).kind).toBe("malformed");
    const most = requestBytes({ oids: [[1, 3, ...new Array<number>(126).fill(1)]] });
    expect(decodeMessage(most).kind).toBe("request");
    const large = elements(0x30, [
      integer(0x02, 1),
      element(0x04, Buffer.from("public")),
      elements(0xa0, [
        ...[1, 0, 0].map((number) => integer(0x02, number)),
        elements(0x30, [
          elements(0x30, [
            element(0x06, Uint8Array.of(0x2b, 0x90, 0x80, 0x80, 0x80, 0x00)),
            element(0x05, Buffer.alloc(0)),
          ]),
        ]),
      ]),
    ]);
    expect(decodeMessage(large).kind).toBe("malformed");
  });

  it("GETBULK is no operation of version 1", () => {
    expect(decodeMessage(requestBytes({ kind: "getBulk", version: 0, oids: [SYS_UPTIME] })).kind).toBe("malformed");
  });

  it.each([2, 3, 77])("version %i is told apart, so that it can be dropped", (version) => {
    expect(decodeMessage(requestBytes({ version, oids: [SYS_UPTIME] })).kind).toBe("version");
  });

  it("SNMP-A13 no bytes make the reader fail otherwise", () => {
    const sound = requestBytes({ kind: "getBulk", second: 10, oids: [SYS_UPTIME, below("4.3.1.2")] });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        decodeMessage(bytes);
      }),
    );
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(sound.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 }),
        fc.nat(sound.length),
        (changes, length) => {
          const bytes = Buffer.from(sound);
          for (const [at, byte] of changes) bytes[at] = byte;
          decodeMessage(bytes);
          decodeMessage(bytes.subarray(0, length));
        },
      ),
      { numRuns: 2_000 },
    );
  });
});

describe("what the agent sends", () => {
  const asked = { version: "v2c", community: Buffer.from("public"), requestId: -5 } as const;
  const sentValue = (value: SnmpValue) => {
    const variable = encodeVariable({ oid: SYS_UPTIME, value });
    const { variables, ...rest } = readAnswer(encodeAnswer(asked, { status: "noError", index: 0 }, variable));
    expect(rest).toEqual({ version: 1, community: "public", requestId: -5, status: 0, index: 0 });
    return [variables[0]?.tag, variables[0]?.value];
  };

  it.each<[string, SnmpValue, number, number | string]>([
    ["a string is an OCTET STRING in UTF-8", { type: "string", value: "ä€" }, TAG.string, "ä€"],
    ["a gauge", { type: "gauge", value: 3_000_000_000 }, TAG.gauge, 3_000_000_000],
    ["a gauge is cut at its top", { type: "gauge", value: 2 ** 40 }, TAG.gauge, 2 ** 32 - 1],
    ["a gauge is never negative", { type: "gauge", value: -4 }, TAG.gauge, 0],
    ["what is no number is 0", { type: "gauge", value: Number.NaN }, TAG.gauge, 0],
    ["an integer has a sign", { type: "integer", value: -150 }, TAG.integer, -150],
    ["an integer is cut at its bottom", { type: "integer", value: -(2 ** 40) }, TAG.integer, -(2 ** 31)],
    ["an integer is cut at its top", { type: "integer", value: 2 ** 40 }, TAG.integer, 2 ** 31 - 1],
    ["ticks begin anew", { type: "ticks", value: 2 ** 32 + 5.7 }, TAG.ticks, 5],
  ])("SNMP-36 REG-286 %s", (_, value, tag, expected) => {
    expect(sentValue(value)).toEqual([tag, expected]);
  });

  it("a long string is cut between characters", () => {
    const [, value] = sentValue({ type: "string", value: `x${"ä".repeat(800)}` });
    expect(value).toBe(`x${"ä".repeat(511)}`);
  });

  it("any integer and OID is read back", () => {
    fc.assert(
      fc.property(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), (value) => {
        expect(sentValue({ type: "integer", value })[1]).toBe(value);
      }),
    );
    fc.assert(
      fc.property(arbitraryOid, (name) => {
        expect(
          readAnswer(
            encodeAnswer(
              asked,
              { status: "noError", index: 0 },
              elements(0x30, [oid(0x06, name), element(0x05, Buffer.alloc(0))]),
            ),
          ).variables[0]?.oid,
        ).toEqual(name);
      }),
    );
  });
});
