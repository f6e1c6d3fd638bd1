import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type CountryLookup, compileAddressTable, compileServiceAccess } from "../src/index.ts";

const admits = (
  entries: readonly (readonly ["Allow" | "Deny", string])[],
  otherwise: "Allow" | "Deny" = "Allow",
  countryOf?: CountryLookup,
) => {
  const access = compileServiceAccess({
    default: otherwise,
    geoIp: "",
    entries: entries.map(([action, address]) => ({ action, address })),
  });
  return (address: string) => access?.(address, countryOf) ?? { isAllowed: true, rule: "" };
};

describe("address expressions", () => {
  it.each([
    ["ACL-01", "192.168.1.1", ["192.168.1.1"], ["192.168.1.0", "192.168.1.2", "::1", "192.168.1.11"]],
    ["ACL-02", "192.168.7.9-255", ["192.168.7.9", "192.168.7.255"], ["192.168.7.8", "192.168.8.0"]],
    ["ACL-03", "192.168.3.0/24", ["192.168.3.0", "192.168.3.255"], ["192.168.2.255", "192.168.4.0"]],
    ["ACL-03", "0.0.0.0/0", ["0.0.0.0", "255.255.255.255", "::ffff:9.9.9.9"], ["::1", "2001:db8::1"]],
    ["ACL-04", "192.168.8.10/255.255.255.0", ["192.168.8.0", "192.168.8.255"], ["192.168.9.0"]],
    ["ACL-01", "2001:db8::1", ["2001:db8::1", "2001:DB8:0:0::1"], ["2001:db8::2", "32.1.13.184"]],
    ["ACL-03", "2001:db8::/33", ["2001:db8::", "2001:db8:7fff:ffff::1"], ["2001:db8:8000::", "2001:db7::"]],
    ["ACL-03", "::/0", ["::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"], ["1.2.3.4"]],
    ["ACL-01", "::ffff:10.1.2.3", ["10.1.2.3", "::ffff:10.1.2.3", "::ffff:a01:203"], ["10.1.2.4"]],
    ["ACL-03", "fe80::/10", ["fe80::1", "fe80::1%eth0"], ["2001:db8::1"]],
    ["ACL-03", "::ffff:10.1.2.0/120", ["10.1.2.3", "10.1.2.255"], ["10.1.3.0"]],
  ])("%s %s", (_id, expression, meant, others) => {
    const table = compileAddressTable([expression]);
    for (const address of meant) expect([address, table.firstMatch(address, undefined)]).toEqual([address, 0]);
    for (const address of others) expect([address, table.firstMatch(address, undefined)]).toEqual([address, -1]);
  });

  it.each([
    ["KR", "KR"],
    ["kr", "KR"],
    ["JPN", "JP"],
    ["gin", "GN"],
    ["AP", "AP"],
    ["A1", "A1"],
  ])("ACL-05 %s means the country %s", (expression, country) => {
    const table = compileAddressTable([expression]);
    expect(table.firstMatch("1.1.1.1", () => country)).toBe(0);
    expect(table.firstMatch("1.1.1.1", () => "XX")).toBe(-1);
    expect(table.firstMatch("1.1.1.1", () => undefined)).toBe(-1);
    expect(table.firstMatch("1.1.1.1", undefined)).toBe(-1);
  });

  it.each(["", "1.2.3", "01.2.3.4", "1.2.3.4/33", "1.2.3.9-3", "::/129", "1::2::3", "12345::", "fe80::1%eth0", "XYZQ"])(
    "%j is none and means nobody",
    (expression) => {
      const table = compileAddressTable([expression, "1.2.3.4"]);
      expect(table.firstMatch("1.2.3.4", () => "XX")).toBe(1);
      expect(table.firstMatch("5.6.7.8", () => "XX")).toBe(-1);
    },
  );

  it("takes anything for an address without harm", () => {
    const table = compileAddressTable(["0.0.0.0/0", "::/0"]);
    fc.assert(fc.property(fc.string(), (text) => table.firstMatch(text, undefined) <= 1));
  });
});

const octets = fc.tuple(fc.nat(3), fc.nat(3), fc.nat(3), fc.nat(3));
const ipv4 = octets.map((parts) => parts.join("."));
const groups = fc.tuple(fc.nat(2), fc.nat(2), fc.nat(2));
const ipv6 = groups.map(([one, two, three]) => `${one}::${two}:${three}`);
const expression = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(ipv4, fc.integer({ min: 0, max: 32 })).map(([ip, bits]) => `${ip}/${bits}`) },
  {
    weight: 4,
    arbitrary: fc.tuple(octets, fc.nat(252)).map(([parts, more]) => `${parts.join(".")}-${parts[3] + more}`),
  },
  { weight: 2, arbitrary: ipv4 },
  { weight: 3, arbitrary: fc.tuple(ipv6, fc.integer({ min: 0, max: 128 })).map(([ip, bits]) => `${ip}/${bits}`) },
  { weight: 1, arbitrary: fc.constantFrom("KR", "JPN", "AP") },
);
const COUNTRIES: readonly (string | undefined)[] = ["KR", "JP", "AP", "DE", undefined];

/** Each expression by itself, from the top: what the table has to agree with. */
const naively = (expressions: readonly string[], address: string, countryOf: CountryLookup): number =>
  expressions.findIndex((one) => compileAddressTable([one]).firstMatch(address, countryOf) === 0);

describe("many expressions", () => {
  it("ACL-11 the first that matches counts, as in the naive model", () => {
    fc.assert(
      fc.property(
        fc.array(expression, { maxLength: 40 }),
        fc.array(fc.tuple(fc.oneof(ipv4, ipv6), fc.constantFrom(...COUNTRIES)), { minLength: 1, maxLength: 20 }),
        (expressions, clients) => {
          const table = compileAddressTable(expressions);
          for (const [address, country] of clients) {
            const countryOf = () => country;
            expect(table.firstMatch(address, countryOf)).toBe(naively(expressions, address, countryOf));
          }
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe("service access", () => {
  it("ACL-11 goes from top to bottom", () => {
    const decide = admits([
      ["Allow", "1.1.1.1"],
      ["Deny", "1.1.1.0/24"],
    ]);
    expect(decide("1.1.1.1")).toEqual({ isAllowed: true, rule: "1.1.1.1" });
    expect(decide("1.1.1.2")).toEqual({ isAllowed: false, rule: "1.1.1.0/24" });
    expect(decide("1.1.2.1").isAllowed).toBe(true);
  });

  it("ACL-12 with Default Deny only listed clients come in; ACL-14 the log names Default", () => {
    const decide = admits([["Allow", "10.0.0.0/8"]], "Deny");
    expect(decide("10.1.2.3").isAllowed).toBe(true);
    expect(decide("11.0.0.1")).toEqual({ isAllowed: false, rule: "Default" });
  });

  it("ACL-14 names the expression as it is written, ACL-16 also that of a country", () => {
    const decide = admits(
      [
        ["Deny", "3.3.3.1-255"],
        ["Deny", "GIN"],
      ],
      "Allow",
      (ip) => (ip === "1.1.1.1" ? "GN" : "DE"),
    );
    expect(decide("3.3.3.3").rule).toBe("3.3.3.1-255");
    expect(decide("1.1.1.1")).toEqual({ isAllowed: false, rule: "GIN" });
    expect(decide("2.2.2.2").isAllowed).toBe(true);
  });

  it("costs nothing when nobody is refused", () => {
    const settings = { default: "Allow", geoIp: "", entries: [{ action: "Allow", address: "1.1.1.1" }] } as const;
    expect(compileServiceAccess(settings)).toBeUndefined();
  });

  it("a country is only looked up where it can decide", () => {
    let lookups = 0;
    const countryOf = () => {
      lookups++;
      return "KR";
    };
    const decide = admits(
      [
        ["Deny", "1.0.0.0/8"],
        ["Deny", "KR"],
      ],
      "Allow",
      countryOf,
    );
    expect(decide("1.2.3.4").rule).toBe("1.0.0.0/8");
    expect(lookups).toBe(0);
    expect(decide("2.2.3.4").rule).toBe("KR");
    expect(lookups).toBe(1);
  });
});
