import { describe, expect, it } from "vitest";
import { CIPHER_SUITES, describeSuite, orderSuites, readCipherString } from "../../src/index.ts";
import { compileServerNames } from "../../src/tls/serverNames.ts";

describe("the choice by server name", () => {
  const first = { names: ["a.com", "*.c.com"] };
  const exact = { names: ["x.b.com"] };
  const wildcard = { names: ["*.b.com", "*.c.com"] };
  const names = compileServerNames(first, [wildcard, exact]);

  it.each([
    ["a.com", first],
    ["x.b.com", exact],
    ["y.b.com", wildcard],
    ["x.y.b.com", first],
    ["b.com", first],
    ["z.c.com", first],
    [".b.com", first],
    ["", first],
    [undefined, first],
  ])("TLS-22 TLS-23 finds %s", (name, expected) => {
    expect(names.find(name)).toBe(expected);
  });
});

const namesOf = async (text: string): Promise<readonly string[] | string> => {
  const outcome = await readCipherString(text);
  return outcome.ok ? outcome.suites.map(({ name }) => name) : outcome.reason;
};

describe("cipher strings", () => {
  it("TLS-14 gives suites in the order of the string, and leaves out what there is none of", async () => {
    expect(await namesOf("AES256-SHA:AES128-SHA")).toEqual(["AES256-SHA", "AES128-SHA"]);
    expect(await namesOf("RC4-SHA:DES-CBC3-SHA:ECDHE-RSA-AES128-GCM-SHA256")).toEqual(["ECDHE-RSA-AES128-GCM-SHA256"]);
    expect(await namesOf("ALL:!ADH:RC4+RSA:+HIGH:+MEDIUM:+LOW:+SSLv2:+EXP")).toContain("AES128-SHA");
    expect(await namesOf("TLS_CHACHA20_POLY1305_SHA256:ECDHE+AESGCM")).toContain("TLS_CHACHA20_POLY1305_SHA256");
    expect(await namesOf("HIGH:!kRSA")).not.toContain("AES128-SHA");
  });

  it.each(["NOSUCHSUITE", "RC4-MD5", "a b;c", "@SECLEVEL=0", "\u0000"])("TLS-10 refuses %j", async (text) => {
    expect(typeof (await namesOf(text))).toBe("string");
  });

  it("A6 of spec 07, TLS-16: describes suites as OpenSSL does", async () => {
    const outcome = await readCipherString("AES128-SHA:AES256-SHA");
    expect(outcome.ok && outcome.suites.map(describeSuite)).toEqual([
      { Name: "AES128-SHA", Ver: "SSLv3", Kx: "RSA", Au: "RSA", Enc: "AES(128)", Mac: "SHA1" },
      { Name: "AES256-SHA", Ver: "SSLv3", Kx: "RSA", Au: "RSA", Enc: "AES(256)", Mac: "SHA1" },
    ]);
  });

  it("TLS-13 every suite of the table has its code and is one of the library's", async () => {
    for (const { name, version } of CIPHER_SUITES) {
      if (version !== "TLSv1.3") expect(await namesOf(name)).toEqual([name]);
    }
  });
});

describe("the order of suites", () => {
  const given = CIPHER_SUITES.filter(({ name }) =>
    ["AES128-SHA", "ECDHE-RSA-AES128-SHA", "ECDHE-RSA-CHACHA20-POLY1305"].includes(name),
  ).toReversed();
  const namesIn = (prefersForwardSecrecy: boolean, prefersAes: boolean): readonly string[] =>
    orderSuites(given, { prefersForwardSecrecy, prefersAes }).map(({ name }) => name);

  it("TLS-15 TLS-12 puts forward secrecy first, and AES behind where it is not wanted", () => {
    expect(namesIn(true, true)).toEqual(["ECDHE-RSA-AES128-SHA", "ECDHE-RSA-CHACHA20-POLY1305", "AES128-SHA"]);
    expect(namesIn(false, true)).toEqual(["AES128-SHA", "ECDHE-RSA-AES128-SHA", "ECDHE-RSA-CHACHA20-POLY1305"]);
    expect(namesIn(true, false)).toEqual(["ECDHE-RSA-CHACHA20-POLY1305", "ECDHE-RSA-AES128-SHA", "AES128-SHA"]);
  });
});
