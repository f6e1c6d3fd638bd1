import type { EdgeConfig, ServerSettings, VhostSettings } from "@basalt/config";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compileVhostTable, HTTPS_PORTS, hostNameOf } from "../src/index.ts";
import { LOG_FILE, NO_SNMP, vhostWith } from "./settings.ts";

const SERVER: ServerSettings = {
  host: {
    name: "edge",
    admin: "",
    manager: { port: 10040, httpMethod: true, role: "Admin", uploadMultipartName: "confile", allow: [] },
    serviceAccess: { default: "Allow", geoIp: "", entries: [] },
    connectionRate: { count: 0, seconds: 1, burst: 0 },
    alarms: [],
    snmp: NO_SNMP,
  },
  cache: {
    storage: { disks: [], diskFailSeconds: 60, diskFailCount: 10, onCrash: "hang" },
    cleanup: { timeMinutes: 120, ageDays: 0, emptyFolder: "delete" },
    indexing: "Memory",
    memoryPath: "",
    systemMemoryRatio: 100,
    contentMemoryRatio: 50,
    systemFreeMemoryRatio: 40,
    httpClientSession: { init: 0, topUp: 0 },
    emergencyMode: false,
    syncStale: true,
    configHistoryDays: 30,
    listen: [],
    dnsServers: [],
    purge: "Normal",
    maxSockets: 80000,
    maxSocketsReopen: 60000,
    workers: 2,
    transformThreads: 2,
    transforms: { queue: 1_024, deadlineSeconds: 30, memoryBytes: 0 },
    infoLog: LOG_FILE,
    denyLog: LOG_FILE,
    originErrorLog: { ...LOG_FILE, warning: false },
    subscriptions: [],
    drainSeconds: 30,
    clientLimits: {
      targetBytes: 8192,
      headBytes: 32768,
      fieldCount: 128,
      bodyBytes: 0,
      headTimeoutSeconds: 15,
      bodyTimeoutSeconds: 30,
      sendTimeoutSeconds: 60,
      trailerBytes: 8192,
      ranges: 16,
    },
    http2: {
      maxConcurrentStreams: 128,
      idleTimeoutSeconds: 60,
      streamWindowBytes: 262_144,
      connectionWindowBytes: 1_048_576,
      connectionMemoryBytes: 10_485_760,
      maxResets: 300,
      maxPings: 100,
      maxSettings: 20,
      maxControlBytes: 262_144,
    },
    tls: { handshakeTimeoutSeconds: 10, maxHandshakes: 4_096, ticketRotationSeconds: 43_200 },
    httpsSni: true,
    aesNi: true,
    fileSystem: { enabled: false, path: "/cachefs", dotDir: false, separator: "^" },
  },
  ftp: [],
  https: [],
};

const configOf = (vhosts: readonly VhostSettings[], defaultVhost?: string): EdgeConfig => ({
  generation: 1,
  views: [],
  urlRewrites: [],
  server: SERVER,
  vhosts,
  defaultVhost,
});

const tableOf = (vhosts: readonly VhostSettings[], defaultVhost?: string) =>
  compileVhostTable(configOf(vhosts, defaultVhost));

const listenOn = (...ports: readonly number[]) => ports.map((port) => ({ address: undefined, port }));

const HTTPS_ENTRY: ServerSettings["https"][number] = {
  listen: { kind: "any", name: "", port: 443 },
  certificateFile: "/c.pem",
  keyFile: "/k.pem",
  chainFile: "",
  ocspFile: "",
  ocspFetch: true,
  ocspAllow: [],
  cipherSuite: "",
  forwardSecrecy: true,
  tls13: true,
  tls12: true,
  tls11: false,
  tls10: false,
  ssl30: false,
  http2: true,
  acmeNames: [],
  acmeDirectory: "",
  acmeEmail: "",
  acmeChallenge: "http-01",
  acmeKeyType: "ecdsa",
};

describe("choice of the virtual host over HTTPS", () => {
  const vhosts = [
    vhostWith({ name: "one.test", listen: listenOn(80) }),
    vhostWith({ name: "two.test", listen: listenOn(8080) }),
    vhostWith({ name: "none.test", listen: [] }),
    vhostWith({ name: "gone.test", status: "Inactive", listen: listenOn(80) }),
  ];
  const config = configOf(vhosts, "two.test");
  const table = compileVhostTable({ ...config, server: { ...SERVER, https: [HTTPS_ENTRY] } });

  it.each([
    ["one.test", "one.test"],
    ["two.test:443", "two.test"],
    ["none.test", "two.test"],
    ["gone.test", "two.test"],
    ["unknown.test", "two.test"],
  ])("TLS-03, CFG-60: %s comes to %s, whatever port it listens on", (host, expected) => {
    expect(table.select(host, HTTPS_PORTS)?.name).toBe(expected);
    expect(compileVhostTable(config).select(host, HTTPS_PORTS)).toBeUndefined();
  });
});

describe("choice of the virtual host", () => {
  const acceptance = tableOf(
    [
      vhostWith({ name: "example.com", aliases: ["another.com", "*.sub.example.com"] }),
      vhostWith({ name: "x.sub.example.com" }),
    ],
    undefined,
  );

  it.each([
    ["X.SUB.EXAMPLE.COM", "x.sub.example.com"],
    ["y.sub.example.com", "example.com"],
    ["a.b.sub.example.com", "example.com"],
    ["sub.example.com", undefined],
    ["another.com:80", "example.com"],
    ["another.com:8080", "example.com"],
    ["Example.Com", "example.com"],
    ["nowhere.org", undefined],
    ["", undefined],
  ])("CFG-58 gives %s to %s (A4 of spec 01)", (host, expected) => {
    expect(acceptance.select(host, 80)?.name).toBe(expected);
  });

  it("AWS-46 serves a bare domain like any other name, by its name or an alias", () => {
    const table = tableOf([
      vhostWith({ name: "www.example.com", aliases: ["example.com"] }),
      vhostWith({ name: "zone.test" }),
    ]);
    expect(table.select("example.com", 80)?.name).toBe("www.example.com");
    expect(table.select("zone.test", 80)?.name).toBe("zone.test");
  });

  it("CFG-59 falls back to the default host, also without a Host field", () => {
    const table = tableOf([vhostWith({ name: "a.com" }), vhostWith({ name: "d.com" })], "d.com");
    expect(table.select("nowhere.org", 80)?.name).toBe("d.com");
    expect(table.select(undefined, 80)?.name).toBe("d.com");
    expect(table.select("a.com", 80)?.name).toBe("a.com");
  });

  it("CFG-57 lets the longest suffix win, ties by order, and `*` stand for nothing", () => {
    const table = tableOf([
      vhostWith({ name: "1", aliases: ["*.com"] }),
      vhostWith({ name: "2", aliases: ["*.example.com", "*shop.com"] }),
      vhostWith({ name: "3", aliases: ["*.example.com"] }),
      vhostWith({ name: "4", aliases: ["*"] }),
      vhostWith({ name: "5", aliases: ["*y.shop.com"] }),
    ]);
    const names = ["a.com", "a.example.com", "shop.com", "my.shop.com", "other.org", "x.myshop.com"].map(
      (host) => table.select(host, 80)?.name,
    );
    expect(names).toEqual(["1", "2", "2", "5", "4", "2"]);
  });

  it("CFG-58 ranks a name above an alias and an exact alias above a pattern", () => {
    const table = tableOf([
      vhostWith({ name: "pattern", aliases: ["*.example.com"] }),
      vhostWith({ name: "alias", aliases: ["www.example.com", "img.example.com"] }),
      vhostWith({ name: "www.example.com" }),
    ]);
    expect(table.select("www.example.com", 80)?.name).toBe("www.example.com");
    expect(table.select("img.example.com", 80)?.name).toBe("alias");
    expect(table.select("css.example.com", 80)?.name).toBe("pattern");
  });

  it("CFG-60 finds a host only through ports that it listens on", () => {
    const table = tableOf(
      [
        vhostWith({ name: "a.com", listen: listenOn(80, 8080) }),
        vhostWith({ name: "b.com", listen: listenOn(8080) }),
        vhostWith({ name: "off.com", listen: [] }),
      ],
      "b.com",
    );
    expect(table.select("a.com", 80)?.name).toBe("a.com");
    expect(table.select("a.com:8080", 8080)?.name).toBe("a.com");
    expect(table.select("b.com", 80)).toBeUndefined();
    expect(table.select("nowhere.org", 80)).toBeUndefined();
    expect(table.select("nowhere.org", 8080)?.name).toBe("b.com");
    expect(table.select("off.com", 80)).toBeUndefined();
    expect(table.select("a.com", 443)).toBeUndefined();
  });

  it("CFG-55 does not serve an inactive host, not even as default, but finds it for operators (PRG-12)", () => {
    const table = tableOf(
      [
        vhostWith({ name: "asleep.com", status: "Inactive", aliases: ["*.asleep.com"] }),
        vhostWith({ name: "awake.com" }),
      ],
      "asleep.com",
    );
    expect(table.select("asleep.com", 80)).toBeUndefined();
    expect(table.select("www.asleep.com", 80)).toBeUndefined();
    expect(table.find("asleep.com")?.name).toBe("asleep.com");
    expect(table.find("ASLEEP.com:80")?.name).toBe("asleep.com");
    expect(table.find("nowhere.org")).toBeUndefined();
  });

  it("keeps the brackets of an IPv6 host", () => {
    expect(hostNameOf("[2001:DB8::1]:8080")).toBe("[2001:db8::1]");
    expect(hostNameOf("[2001:db8::1]")).toBe("[2001:db8::1]");
  });

  it("agrees with a scan over all hosts", () => {
    const label = fc.constantFrom("a", "b", "www", "ab");
    const name = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join("."));
    const alias = fc.oneof(
      name,
      name.map((text) => `*.${text}`),
      name.map((text) => `*${text}`),
    );
    const hosts = fc.uniqueArray(
      fc.record({
        name,
        aliases: fc.array(alias, { maxLength: 3 }),
        listen: fc.constantFrom(listenOn(80), listenOn(81), listenOn(80, 81)),
        status: fc.constantFrom("Active" as const, "Inactive" as const),
      }),
      { selector: (vhost) => vhost.name, maxLength: 8 },
    );
    fc.assert(
      fc.property(hosts, name, fc.constantFrom(80, 81), (records, host, port) => {
        const vhosts = records.map((record) => vhostWith(record));
        const fallback = vhosts[0]?.name;
        expect(tableOf(vhosts, fallback).select(host, port)?.name).toBe(scan(vhosts, fallback, host, port)?.name);
      }),
      { numRuns: 1000 },
    );
  });

  it("looks up one of 10,000 hosts and survives a host made of dots", () => {
    const vhosts = Array.from({ length: 10_000 }, (_, index) =>
      vhostWith({ name: `h${index}.example.com`, aliases: [`*.h${index}.example.net`] }),
    );
    const table = tableOf(vhosts);
    expect(table.select("h9999.example.com", 80)?.name).toBe("h9999.example.com");
    expect(table.select("a.b.h1234.example.net", 80)?.name).toBe("h1234.example.com");
    expect(table.select("a.".repeat(16_000), 80)).toBeUndefined();
  });
});

const scan = (
  vhosts: readonly VhostSettings[],
  defaultVhost: string | undefined,
  host: string,
  port: number,
): VhostSettings | undefined => {
  const open = vhosts.filter(
    (vhost) => vhost.status === "Active" && vhost.listen.some((listen) => listen.port === port),
  );
  const suffixes = open.flatMap((vhost) =>
    vhost.aliases
      .filter((alias) => alias.startsWith("*") && host.endsWith(alias.slice(1)))
      .map((alias) => ({ vhost, length: alias.length })),
  );
  const longest = Math.max(0, ...suffixes.map((suffix) => suffix.length));
  return (
    open.find((vhost) => vhost.name === host) ??
    open.find((vhost) => vhost.aliases.includes(host)) ??
    suffixes.find((suffix) => suffix.length === longest)?.vhost ??
    open.find((vhost) => vhost.name === defaultVhost)
  );
};

describe("facades in the table", () => {
  const table = tableOf([
    vhostWith({ name: "Example.com" }),
    vhostWith({ name: "another.com", facadeOf: "Example.com", aliases: ["*.another.com"], listen: listenOn(8080) }),
    vhostWith({ name: "lost.com", facadeOf: "gone.com" }),
  ]);

  it("VHT-21 are chosen by names and ports of their own", () => {
    expect(table.select("x.another.com", 8080)?.name).toBe("another.com");
    expect(table.select("another.com", 80)).toBeUndefined();
  });

  it("VHT-24 stand for their target where an operator means content", () => {
    expect(table.find("ANOTHER.com:80")?.name).toBe("Example.com");
    expect(table.find("x.another.com")?.name).toBe("Example.com");
    expect(table.find("lost.com")).toBeUndefined();
  });
});
