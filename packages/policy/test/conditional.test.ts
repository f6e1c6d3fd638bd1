import { FIELD, METHOD, type Method } from "@basalt/http";
import { describe, expect, it } from "vitest";
import { type ConditionalFields, decideConditional, type SelectedRepresentation } from "../src/index.ts";

const BITS: Readonly<Record<string, number>> = {
  "if-match": FIELD.IF_MATCH,
  "if-none-match": FIELD.IF_NONE_MATCH,
  "if-modified-since": FIELD.IF_MODIFIED_SINCE,
  "if-unmodified-since": FIELD.IF_UNMODIFIED_SINCE,
};

const fieldsOf = (fields: Readonly<Record<string, string>>): ConditionalFields => ({
  flags: Object.keys(fields).reduce((flags, name) => flags | (BITS[name] ?? 0), 0),
  get: (name) => fields[name],
});

const at = (hour: number) => `Tue, 01 Jan 2019 ${String(hour).padStart(2, "0")}:00:00 GMT`;
const STORED: SelectedRepresentation = { status: 200, etag: '"a:1"', lastModifiedMs: Date.UTC(2019, 0, 1, 10) };
const EXACT = { lastModifiedCheck: "exact", cachingProfile: "guide" } as const;
const OR_LATER = { lastModifiedCheck: "orlater", cachingProfile: "guide" } as const;
const CONFORMING = { lastModifiedCheck: "orlater", cachingProfile: "rfc9111" } as const;

const decide = (
  fields: Readonly<Record<string, string>>,
  options: typeof EXACT | typeof OR_LATER | typeof CONFORMING = EXACT,
  stored = STORED,
  method: Method = METHOD.GET,
) => decideConditional(method, fieldsOf(fields), stored, options);

describe("conditions of the client", () => {
  it.each([
    [9, "full", "full"],
    [10, "notModified", "notModified"],
    [11, "full", "notModified"],
  ])("HTTP-26 answers If-Modified-Since %d h: exact %s, orlater %s", (hour, exact, orLater) => {
    expect(decide({ "if-modified-since": at(hour) }, EXACT)).toBe(exact);
    expect(decide({ "if-modified-since": at(hour) }, OR_LATER)).toBe(orLater);
  });

  it("HTTP-27 REG-01 gives no 304 for any date with orlater while the object is cached first", () => {
    const first = (hour: number, rules: typeof EXACT | typeof OR_LATER = OR_LATER) =>
      decideConditional(METHOD.GET, fieldsOf({ "if-modified-since": at(hour) }), STORED, rules, true);
    for (const hour of [9, 10, 11]) expect(first(hour)).toBe("full");
    expect(first(10, EXACT)).toBe("notModified");
  });

  it.each([
    ['"a:1"', "notModified"],
    ['W/"a:1"', "notModified"],
    ['"x", "a:1"', "notModified"],
    ["*", "notModified"],
    ['"x"', "full"],
    ["a:1", "full"],
    ["", "full"],
  ])("HTTP-28 answers If-None-Match %s: %s", (list, expected) => {
    expect(decide({ "if-none-match": list })).toBe(expected);
  });

  it("rfc9111 lets If-None-Match decide alone (RFC 9110 13.2.2)", () => {
    expect(decide({ "if-none-match": '"x"', "if-modified-since": at(10) }, CONFORMING)).toBe("full");
    expect(decide({ "if-none-match": '"a:1"', "if-modified-since": at(9) }, CONFORMING)).toBe("notModified");
  });

  it("rfc9111 compares with Date where there is no Last-Modified (RFC 9111 4.3.2)", () => {
    const stored = { ...STORED, lastModifiedMs: undefined, dateMs: STORED.lastModifiedMs };
    expect(decide({ "if-modified-since": at(11) }, CONFORMING, stored)).toBe("notModified");
    expect(decide({ "if-modified-since": at(9) }, CONFORMING, stored)).toBe("full");
    expect(decide({ "if-modified-since": at(11) }, OR_LATER, stored)).toBe("full");
    expect(decide({ "if-modified-since": at(11) }, CONFORMING, { ...stored, dateMs: undefined })).toBe("full");
  });

  it("rfc9111 compares the first time as any other", () => {
    const fields = fieldsOf({ "if-modified-since": at(11) });
    expect(decideConditional(METHOD.GET, fields, STORED, CONFORMING, true)).toBe("notModified");
  });

  it("HTTP-28 needs one of both conditions only", () => {
    expect(decide({ "if-none-match": '"x"', "if-modified-since": at(10) })).toBe("notModified");
    expect(decide({ "if-none-match": '"a:1"', "if-modified-since": at(9) })).toBe("notModified");
    expect(decide({ "if-none-match": '"x"', "if-modified-since": at(9) })).toBe("full");
  });

  it("HTTP-28 compares with nothing when no ETag is sent", () => {
    expect(decide({ "if-none-match": '"a:1"' }, EXACT, { ...STORED, etag: undefined })).toBe("full");
  });

  it.each([
    [{ "if-match": '"a:1"' }, "full"],
    [{ "if-match": '"x", "a:1"' }, "full"],
    [{ "if-match": "*" }, "full"],
    [{ "if-match": 'W/"a:1"' }, "preconditionFailed"],
    [{ "if-match": '"x"' }, "preconditionFailed"],
    [{ "if-unmodified-since": at(9) }, "preconditionFailed"],
    [{ "if-unmodified-since": at(10) }, "full"],
    [{ "if-unmodified-since": "garbage" }, "full"],
    [{ "if-match": '"a:1"', "if-unmodified-since": at(9) }, "full"],
    [{ "if-match": '"a:1"', "if-none-match": '"a:1"' }, "notModified"],
    [{ "if-match": '"x"', "if-none-match": '"a:1"' }, "preconditionFailed"],
    [{ "if-unmodified-since": at(10), "if-modified-since": at(10) }, "notModified"],
  ])("RFC 9110 13.2.2 judges %j as %s", (fields, expected) => {
    expect(decide(fields)).toBe(expected);
  });

  it("HTTP-26 ignores dates that are none and objects without Last-Modified", () => {
    expect(decide({ "if-modified-since": "0" })).toBe("full");
    expect(decide({ "if-modified-since": at(10) }, OR_LATER, { ...STORED, lastModifiedMs: undefined })).toBe("full");
    expect(decide({ "if-unmodified-since": at(9) }, EXACT, { ...STORED, lastModifiedMs: undefined })).toBe("full");
  });

  it("HTTP-28 judges nothing but stored 2xx, and gives 304 to GET and HEAD only", () => {
    expect(decide({ "if-none-match": "*" }, EXACT, { ...STORED, status: 404 })).toBe("full");
    expect(decide({ "if-match": '"x"' }, EXACT, { ...STORED, status: 302 })).toBe("full");
    expect(decide({ "if-none-match": "*" }, EXACT, STORED, METHOD.HEAD)).toBe("notModified");
    expect(decide({ "if-none-match": "*" }, EXACT, STORED, METHOD.POST)).toBe("full");
  });
});
