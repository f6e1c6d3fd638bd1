import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatAmznTraceId, parseAmznTraceId, traceIdOf } from "../../src/tracing/amznTraceId.ts";
import { makeSpanId, makeTraceId, rootOf } from "../../src/tracing/traceIds.ts";
import { formatTraceparent, parseTraceparent, readTracestate } from "../../src/tracing/traceparent.ts";

const ROOT = "1-5759e988-bd862e3fe1be46a994272793";
const TRACE = "5759e988bd862e3fe1be46a994272793";
const SPAN = "53995c3f42cd8ad8";

const hex = (length: number) =>
  fc
    .array(fc.constantFrom(..."0123456789abcdef"), { minLength: length, maxLength: length })
    .map((digits) => digits.join(""))
    .filter((text) => !/^0+$/.test(text));

describe("ids", () => {
  it("AWS-94 a new trace id begins with the time, and no two are the same", () => {
    const ids = Array.from({ length: 2000 }, () => makeTraceId(0x57_59_e9_88 * 1000 + 999));
    expect(new Set(ids).size).toBe(2000);
    for (const id of ids) expect(id).toMatch(/^5759e988[0-9a-f]{24}$/);
    expect(rootOf(TRACE)).toBe(ROOT);
    expect(traceIdOf(ROOT)).toBe(TRACE);
  });

  it("AWS-97 a segment id has 16 digits", () => {
    const ids = Array.from({ length: 2000 }, makeSpanId);
    expect(new Set(ids).size).toBe(2000);
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{16}$/);
  });
});

describe("X-Amzn-Trace-Id", () => {
  it.each([
    ["all", `Root=${ROOT};Parent=${SPAN};Sampled=1`, { root: ROOT, parentId: SPAN, isSampled: true, others: "" }],
    ["not sampled", `Root=${ROOT};Sampled=0`, { root: ROOT, parentId: undefined, isSampled: false, others: "" }],
    ["left to us", `Root=${ROOT};Sampled=?`, { root: ROOT, parentId: undefined, isSampled: undefined, others: "" }],
    ["blanks", ` Root=${ROOT} ; Sampled=1 `, { root: ROOT, parentId: undefined, isSampled: true, others: "" }],
    [
      "other keys",
      `Self=1-67891234-12456789abcdef012345678;Root=${ROOT};CalledFrom=app;Lineage=a:1|b:2`,
      {
        root: ROOT,
        parentId: undefined,
        isSampled: undefined,
        others: "Self=1-67891234-12456789abcdef012345678;CalledFrom=app;Lineage=a:1|b:2",
      },
    ],
    [
      "a Root that is none",
      "Root=1-2-3;Sampled=1",
      { root: undefined, parentId: undefined, isSampled: true, others: "" },
    ],
    [
      "zeros",
      `Root=1-00000000-${"0".repeat(24)};Parent=${"0".repeat(16)}`,
      { root: undefined, parentId: undefined, isSampled: undefined, others: "" },
    ],
    [
      "twice",
      `Root=${ROOT};Root=1-11111111-${"1".repeat(24)};Sampled=0;Sampled=1`,
      { root: ROOT, parentId: undefined, isSampled: false, others: "" },
    ],
    [
      "two lines in one",
      `Root=${ROOT}, Root=${ROOT}`,
      { root: undefined, parentId: undefined, isSampled: undefined, others: "" },
    ],
    ["nothing", "", { root: undefined, parentId: undefined, isSampled: undefined, others: "" }],
  ])("AWS-94 %s", (_, value, expected) => {
    expect(parseAmznTraceId(value)).toEqual(expected);
  });

  it("AWS-94 whatever was formatted is read back", () => {
    fc.assert(
      fc.property(hex(32), hex(16), fc.boolean(), (traceId, segmentId, isSampled) => {
        const root = rootOf(traceId);
        const text = formatAmznTraceId(root, segmentId, isSampled, "Self=1-a;X=y");
        expect(parseAmznTraceId(text)).toEqual({ root, parentId: segmentId, isSampled, others: "Self=1-a;X=y" });
      }),
    );
  });

  it("AWS-94 any value is read without failing, and what is handed on is short, printable and injects nothing", () => {
    const parts = fc.array(
      fc.oneof(
        fc.constantFrom(
          "Root=",
          `Root=${ROOT}`,
          "Parent=",
          `Parent=${SPAN}`,
          "Sampled=1",
          "Sampled=",
          "=",
          "\r\n",
          ",",
        ),
        fc.string({ unit: "binary", maxLength: 40 }),
        fc.tuple(fc.string({ maxLength: 9 }), fc.string({ maxLength: 300 })).map(([key, value]) => `${key}=${value}`),
      ),
      { maxLength: 8 },
    );
    fc.assert(
      fc.property(parts, (texts) => {
        const { root, parentId, others } = parseAmznTraceId(texts.join(";"));
        return (
          (root === undefined || /^1-[0-9a-f]{8}-[0-9a-f]{24}$/i.test(root)) &&
          (parentId === undefined || /^[0-9a-f]{16}$/.test(parentId)) &&
          /^[\x21-\x7e]{0,512}$/.test(others) &&
          !/(^|;)(root|parent|sampled)=/i.test(others)
        );
      }),
      { numRuns: 40 },
    );
  });
});

describe("traceparent", () => {
  const of = (flags: string, version = "00", more = "") => `${version}-${TRACE}-${SPAN}-${flags}${more}`;

  it.each([
    ["sampled", of("01"), { isSampled: true, isRandom: false }],
    ["not sampled", of("00"), { isSampled: false, isRandom: false }],
    ["random", of("03"), { isSampled: true, isRandom: true }],
    ["unknown flags", of("fd"), { isSampled: true, isRandom: false }],
    ["a later version", of("01", "cc", "-what-the-future-brings"), { isSampled: true, isRandom: false }],
  ])("AWS-95 %s", (_, value, flags) => {
    expect(parseTraceparent(value)).toEqual({ traceId: TRACE, parentId: SPAN, ...flags });
  });

  it.each([
    ["version ff", of("01", "ff")],
    ["more than version 00 has", of("01", "00", "-x")],
    ["a later version without a dash", of("01", "cc", "x")],
    ["upper case", of("01").toUpperCase()],
    ["zeros for the trace", `00-${"0".repeat(32)}-${SPAN}-01`],
    ["zeros for the parent", `00-${TRACE}-${"0".repeat(16)}-01`],
    ["two lines in one", `${of("01")}, ${of("01")}`],
    ["flags of one digit", of("1")],
    ["nothing", ""],
  ])("AWS-95 %s is no traceparent", (_, value) => {
    expect(parseTraceparent(value)).toBeUndefined();
  });

  it("AWS-95 whatever was formatted is read back", () => {
    fc.assert(
      fc.property(hex(32), hex(16), fc.boolean(), fc.boolean(), (traceId, parentId, isSampled, isRandom) => {
        const traceparent = { traceId, parentId, isSampled, isRandom };
        expect(parseTraceparent(formatTraceparent(traceparent))).toEqual(traceparent);
      }),
    );
  });

  it("AWS-95 any value is read without failing", () => {
    fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => parseTraceparent(text) === undefined));
  });
});

describe("tracestate", () => {
  it.each([
    ["one member", "rojo=00f067aa0ba902b7", "rojo=00f067aa0ba902b7"],
    ["several, blanks, an empty one", "a=1 , , b@c=2\t,z-9_*/=x y", "a=1,b@c=2,z-9_*/=x y"],
    ["a key twice", "a=1,a=2", ""],
    ["a key in upper case", "A=1", ""],
    ["no value", "a=", ""],
    ["no equals sign", "a", ""],
    ["33 members", Array.from({ length: 33 }, (_, index) => `k${index}=1`).join(","), ""],
    ["too long", `a=${"x".repeat(256)},${"b".repeat(4096)}=1`, ""],
    ["nothing", "", ""],
  ])("AWS-95 %s", (_, value, expected) => {
    expect(readTracestate(value)).toBe(expected);
  });

  it("AWS-95 what is handed on is printable and short, and reading it again changes nothing", () => {
    const members = fc.array(fc.oneof(fc.constantFrom("a=1", "b=2", "vendor@x=1", ""), fc.string({ unit: "binary" })));
    fc.assert(
      fc.property(members, (texts) => {
        const state = readTracestate(texts.join(","));
        expect(state).toMatch(/^[\x20-\x7e]{0,4096}$/);
        expect(readTracestate(state)).toBe(state);
      }),
    );
  });
});
