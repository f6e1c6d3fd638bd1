import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { matchesIpPattern, parseIpPattern } from "../src/index.ts";

const matches = (pattern: string, address: string): boolean | undefined => {
  const parsed = parseIpPattern(pattern);
  return parsed === undefined ? undefined : matchesIpPattern(parsed, address);
};

const octet = fc.integer({ min: 0, max: 255 });
const address = fc.tuple(octet, octet, octet, octet);
const print = (octets: readonly number[]): string => octets.join(".");
const toBits = (octets: readonly number[]): string =>
  octets.map((value) => value.toString(2).padStart(8, "0")).join("");

describe("IP forms", () => {
  it.each([
    ["192.168.1.1", "192.168.1.1", true],
    ["192.168.1.1", "192.168.1.2", false],
    ["192.168.2.1-255", "192.168.2.200", true],
    ["192.168.2.1-255", "192.168.2.0", false],
    ["192.168.2.1-255", "192.168.3.200", false],
    ["192.168.3.0/24", "192.168.3.255", true],
    ["192.168.3.0/24", "192.168.4.0", false],
    ["192.168.4.0/255.255.255.0", "192.168.4.77", true],
    ["192.168.8.10/255.255.255.0", "192.168.8.200", true],
    ["10.1.2.3/8", "10.255.0.0", true],
    ["0.0.0.0/0", "255.255.255.255", true],
    ["1.2.3.4/32", "1.2.3.4", true],
    ["1.2.3.4/0.0.0.0", "9.9.9.9", true],
    ["127.0.0.1", "::ffff:127.0.0.1", true],
    ["0.0.0.0/0", "::1", false],
    ["0.0.0.0/0", "not an address", false],
  ])("CFG-64 %s and %s: %s", (pattern, client, expected) => {
    expect(matches(pattern, client)).toBe(expected);
  });

  it.each([
    "",
    "1.1.1",
    "1.1.1.1.1",
    "1.1.1.256",
    "01.1.1.1",
    "1.1.1.1-",
    "1.1.1.9-8",
    "1.1.1.1-256",
    "1.1.1.1-2-3",
    "1.1.1.0/33",
    "1.1.1.0/",
    "1.1.1.0/255.0.255.0",
    "1.1.1.0/24/24",
    "1.1.1.*",
    "::1",
    "AP",
    "localhost",
  ])("CFG-64 refuses %j", (pattern) => {
    expect(parseIpPattern(pattern)).toBeUndefined();
  });

  it("CFG-64 agrees with comparing leading bits one by one", () => {
    fc.assert(
      fc.property(address, address, fc.integer({ min: 0, max: 32 }), fc.boolean(), (network, client, bits, near) => {
        const tried = near ? [...network.slice(0, 3), client[3]] : client;
        const mask = "1".repeat(bits).padEnd(32, "0");
        const dotted = print((mask.match(/.{8}/g) ?? []).map((part) => Number.parseInt(part, 2)));
        const expected = toBits(network).slice(0, bits) === toBits(tried).slice(0, bits);
        expect(matches(`${print(network)}/${bits}`, print(tried))).toBe(expected);
        expect(matches(`${print(network)}/${dotted}`, print(tried))).toBe(expected);
      }),
    );
  });

  it("CFG-64 agrees with comparing the last octet of a range", () => {
    fc.assert(
      fc.property(address, octet, octet, ([a, b, c, low], high, last) => {
        const pattern = `${a}.${b}.${c}.${low}-${high}`;
        const expected = high < low ? undefined : last >= low && last <= high;
        expect(matches(pattern, `${a}.${b}.${c}.${last}`)).toBe(expected);
      }),
    );
  });

  it("CFG-64 never throws", () => {
    fc.assert(fc.property(fc.string(), fc.string(), (pattern, client) => void matches(pattern, client)));
  });
});
