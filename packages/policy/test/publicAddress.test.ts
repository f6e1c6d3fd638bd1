import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isPublicAddress } from "../src/index.ts";

describe("ORG-55: addresses that a redirect may lead to", () => {
  it.each([
    "8.8.8.8",
    "1.1.1.1",
    "100.63.255.255",
    "172.32.0.1",
    "192.0.3.1",
    "223.255.255.255",
    "2606:4700::1111",
    "2a00:1450:4001::",
  ])("%s is public", (ip) => expect(isPublicAddress(ip)).toBe(true));

  it.each([
    ["this host", ["127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3", "::1", "::"]],
    [
      "private networks",
      ["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "fc00::1", "fdff::"],
    ],
    ["a link", ["169.254.169.254", "fe80::1", "fe80::1%eth0"]],
    ["multicast and broadcast", ["224.0.0.1", "239.255.255.255", "255.255.255.255", "ff02::1"]],
    [
      "reserved and documentation",
      ["240.0.0.1", "192.0.2.1", "198.51.100.7", "203.0.113.1", "198.19.0.1", "2001:db8::1", "3fff::1"],
    ],
    ["an IPv4-mapped form", ["::ffff:127.0.0.1", "::ffff:10.0.0.1", "::FFFF:7f00:1", "0:0:0:0:0:ffff:169.254.1.1"]],
    ["a NAT64 form", ["64:ff9b::127.0.0.1", "64:ff9b::a00:1", "64:ff9b:1::8.8.8.8"]],
    ["other embeddings", ["::127.0.0.1", "::7f00:1", "2002:7f00:1::", "2001:0:1::1"]],
    ["no address", ["", "localhost", "127.1", "0x7f000001", "2130706433", "1.2.3.4.5", "::1::", "[::1]"]],
  ])("%s is not", (_, ips) => expect(ips.filter(isPublicAddress)).toEqual([]));

  it("is the same for every spelling of an IPv4 address", () => {
    fc.assert(
      fc.property(fc.ipV4(), (ip) => {
        expect(isPublicAddress(`::ffff:${ip}`)).toBe(isPublicAddress(ip));
        expect(isPublicAddress(`64:ff9b::${ip}`)).toBe(isPublicAddress(ip));
      }),
    );
  });

  it("never throws, and public IPv6 addresses begin with 2 or 3", () => {
    fc.assert(fc.property(fc.ipV6(), (ip) => !isPublicAddress(ip) || /^(0*64:ff9b|.*ffff|0{0,1}[23])/i.test(ip)));
    fc.assert(fc.property(fc.string(), (text) => typeof isPublicAddress(text) === "boolean"));
  });
});
