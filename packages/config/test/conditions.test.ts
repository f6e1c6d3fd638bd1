import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { splitFields } from "../src/conditions/fields.ts";
import { parseCondition } from "../src/index.ts";

const termsOf = (text: string) => {
  const outcome = parseCondition(text);
  if (!outcome.ok) throw new Error(outcome.message);
  return outcome.condition.terms;
};

const url = (pattern: string, negated = false) => ({
  kind: "url",
  pattern,
  withQuery: pattern.includes("?"),
  negated,
});

describe("condition terms", () => {
  it.each([
    ["CFG-67", "/profile.zip", url("/profile.zip")],
    ["CFG-67", "$URL[/profile.zip]", url("/profile.zip")],
    ["CFG-69", "!URL[/a/*]", url("/a/*", true)],
    ["CFG-70", "*.jsp", url("*.jsp")],
    ["CFG-70", "*", url("*")],
    ["CFG-67 OPEN 11", "/personal.jsp?login=ok*", url("/personal.jsp?login=ok*")],
    ["CFG-67", "/a&b", url("/a&b")],
    ["CFG-67", "/a[1].jpg", url("/a[1].jpg")],
    ["CFG-67", "$URL[ /a[1],2.jpg ]", url("/a[1],2.jpg")],
    ["CFG-65", "$IP[192.168.2.1-255]", { kind: "ip", pattern: "192.168.2.1-255", negated: false }],
    ["CFG-65", "!ip[10.0.0.0/8]", { kind: "ip", pattern: "10.0.0.0/8", negated: true }],
    ["CFG-66", "$HEADER[Referer]", { kind: "header", name: "referer", value: { kind: "exists" }, negated: false }],
    ["CFG-66", "$HEADER[referer:]", { kind: "header", name: "referer", value: { kind: "empty" }, negated: false }],
    [
      "CFG-66",
      "$HEADER[cookie: *ILLEGAL*]",
      { kind: "header", name: "cookie", value: { kind: "pattern", pattern: "*ILLEGAL*" }, negated: false },
    ],
    [
      "CFG-66",
      "$HEADER[x: a:b, c & d [e]]",
      { kind: "header", name: "x", value: { kind: "pattern", pattern: "a:b, c & d [e]" }, negated: false },
    ],
    ["CFG-68", "$METHOD[post]", { kind: "method", method: "POST", negated: false }],
    ["CFG-68", "$MIME[image/*]", { kind: "mime", pattern: "image/*", negated: false }],
    ["CFG-68", "$PROTOCOL[HTTP]", { kind: "protocol", protocol: "HTTP", negated: false }],
  ])("%s reads %s", (_id, text, expected) => {
    expect(termsOf(text)).toEqual([expected]);
  });

  it("REG-115 CFG-69 joins terms by & with blanks on both sides", () => {
    expect(termsOf("$IP[1.1.1.1] & !HEADER[referer]  &  /a*")).toEqual([
      { kind: "ip", pattern: "1.1.1.1", negated: false },
      { kind: "header", name: "referer", value: { kind: "exists" }, negated: true },
      url("/a*"),
    ]);
  });

  it.each([
    ["", "A condition is empty."],
    ["/a &  & /b", "A condition is empty."],
    ["$IP[1.1.1.1]&!HEADER[referer]", "After $IP[1.1.1.1] follows &!HEADER[referer]; & needs blanks around it."],
    ["$IP[1.1.1.1", "The bracket of $IP[1.1.1.1 is not closed."],
    ["$IP[APX]", "APX is not an IP address, a.b.c.d-e, an address/bits, a.b.c.d/mask or a country code."],
    ["$IP[1.1.1]", "1.1.1 is not an IP address, a.b.c.d-e, an address/bits, a.b.c.d/mask or a country code."],
    ["$HEDER[a]", "There is no condition HEDER. Did you mean HEADER?"],
    ["$HEADER[]", '"" cannot be the name of a header field.'],
    ["$HEADER[a b: c]", '"a b" cannot be the name of a header field.'],
    ["$METHOD[DELETE]", "DELETE is none of the methods GET, POST, HEAD, OPTIONS."],
    ["$PROTOCOL[FTP]", "FTP is none of the protocols HTTP, HTTPS."],
    ["$MIME[]", "The MIME type is empty."],
    ["$URL[]", "The URL is empty."],
    ["index.html", "The URL index.html begins neither with / nor with *."],
    ["/a b", "The URL /a b holds a blank."],
  ])("REG-115 CFG-69 refuses %j", (text, message) => {
    expect(parseCondition(text)).toEqual({ ok: false, message });
  });

  it("CFG-68 refuses a condition that the file does not know", () => {
    expect(parseCondition("$METHOD[GET]", ["url", "ip"])).toEqual({
      ok: false,
      message: "METHOD cannot be used here, only URL, IP.",
    });
  });

  it("never throws, whatever is written", () => {
    const piece = fc.constantFrom("$IP[", "]", " & ", "!", "$", "HEADER", "[", "/a", "*", ",", ":", " //", "1.1.1.1");
    fc.assert(
      fc.property(fc.array(fc.oneof(piece, fc.string())), (pieces) => {
        parseCondition(pieces.join(""));
        splitFields(pieces.join(""));
      }),
    );
  });
});

describe("fields", () => {
  it.each([
    ["*.xml, , 9", ["*.xml", "", "9"]],
    [" /a ,b ", ["/a", "b"]],
    ["/a", ["/a"]],
    ["", [""]],
    ["*, $RES[cache-control: no-cache, private], set", ["*", "$RES[cache-control: no-cache, private]", "set"]],
    ["$HEADER[a: x,y] & !URL[/b,c], bypass", ["$HEADER[a: x,y] & !URL[/b,c]", "bypass"]],
    ["/a[1,2", ["/a[1", "2"]],
    ["/a, bypass // a note, with a comma", ["/a", "bypass"]],
    ["/a//b, cache", ["/a//b", "cache"]],
    ["$HEADER[referer: http //x] , cache", ["$HEADER[referer: http //x]", "cache"]],
  ])("CFG-63 splits %j", (line, fields) => {
    expect(splitFields(line)).toEqual({ ok: true, fields });
  });

  it("CFG-63 splits plain fields as a plain split does", () => {
    const field = fc.stringMatching(/^[a-z/*.?=0-9-]{0,12}$/);
    fc.assert(
      fc.property(fc.array(field, { minLength: 1, maxLength: 5 }), (fields) => {
        const plain = fields.filter((text) => !text.includes("//"));
        fc.pre(plain.length > 0);
        expect(splitFields(plain.join(" , "))).toEqual({ ok: true, fields: plain });
      }),
    );
  });
});
