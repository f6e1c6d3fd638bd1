import { Resolver } from "node:dns/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startDns, type TestDns } from "../src/index.ts";

let dns: TestDns;
let resolver: Resolver;
beforeEach(async () => {
  dns = await startDns();
  resolver = new Resolver({ timeout: 200, tries: 1 });
  resolver.setServers([dns.address]);
});
afterEach(() => dns.close());

const IPS = ["10.0.0.1", "10.0.0.2", "fd00::1:2"];

describe("the name server of the test kit", () => {
  it("answers with the addresses of the type that was asked for, and their TTLs", async () => {
    dns.answer("origin.test", {
      kind: "addresses",
      records: [
        { ip: "10.0.0.1", ttlSeconds: 5 },
        { ip: "10.0.0.2", ttlSeconds: 300 },
        { ip: "fd00::1:2", ttlSeconds: 7 },
      ],
    });
    expect(await resolver.resolve4("ORIGIN.test", { ttl: true })).toEqual([
      { address: "10.0.0.1", ttl: 5 },
      { address: "10.0.0.2", ttl: 300 },
    ]);
    expect(await resolver.resolve6("origin.test", { ttl: true })).toEqual([{ address: "fd00::1:2", ttl: 7 }]);
    expect(dns.queries).toEqual([
      { name: "origin.test", type: 1, transport: "udp" },
      { name: "origin.test", type: 28, transport: "udp" },
    ]);
  });

  it("changes its mind between two queries", async () => {
    dns.addresses("origin.test", ["10.0.0.1"]);
    expect(await resolver.resolve4("origin.test")).toEqual(["10.0.0.1"]);
    dns.addresses("origin.test", ["10.0.0.9"]);
    expect(await resolver.resolve4("origin.test")).toEqual(["10.0.0.9"]);
  });

  it("cuts an answer over UDP and gives it whole over TCP", async () => {
    dns.answer("big.test", { kind: "truncated", records: IPS.map((ip) => ({ ip, ttlSeconds: 1 })) });
    expect(await resolver.resolve4("big.test")).toEqual(["10.0.0.1", "10.0.0.2"]);
    expect(dns.queries.map(({ transport }) => transport)).toEqual(["udp", "tcp"]);
  });

  it.each([
    ["nxdomain", { kind: "nxdomain" }, "ENOTFOUND"],
    ["empty", { kind: "empty" }, "ENODATA"],
    ["servfail", { kind: "servfail" }, "ESERVFAIL"],
    ["refused", { kind: "refused" }, "EREFUSED"],
    ["silent", { kind: "silent" }, "ETIMEOUT"],
  ] as const)("can be %s", async (_, answer, code) => {
    dns.answer("origin.test", answer);
    await expect(resolver.resolve4("origin.test")).rejects.toMatchObject({ code });
  });

  it.each([
    ["nothing behind the id", Buffer.alloc(0)],
    ["a response without its question", Buffer.from("8180000000010000", "hex")],
    ["noise", Buffer.from("ff".repeat(40), "hex")],
  ])("can send garbage: %s", async (_, bytes) => {
    dns.answer("origin.test", { kind: "garbage", bytes });
    await expect(resolver.resolve4("origin.test")).rejects.toThrow();
  });

  it("is silent while it is closed and answers again on its port", async () => {
    dns.addresses("origin.test", ["10.0.0.1"]);
    const { address } = dns;
    await dns.close();
    await expect(resolver.resolve4("origin.test")).rejects.toThrow();
    await dns.listen();
    expect(dns.address).toBe(address);
    expect(await resolver.resolve4("origin.test")).toEqual(["10.0.0.1"]);
  });
});
