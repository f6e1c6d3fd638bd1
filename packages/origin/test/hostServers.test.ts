import { monotonicMs } from "@basalt/types";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HostServers } from "../src/hostServers.ts";
import { addressAt, checkerFor, domainAt, settingsFor } from "./support/settings.ts";

const named = (text: string) => addressAt(80, { text, host: text });

const at = (seconds: number) => monotonicMs(seconds * 1000);

const hostOf = (actives: string[], standbys: string[] = [], options = {}) =>
  new HostServers(settingsFor(actives.map(named), options, standbys.map(named)));

const fail = (servers: HostServers, id: string, times = 3) => {
  let change: string | undefined;
  for (let nth = 0; nth < times; nth += 1) change = servers.recordExchange(id, false);
  return change;
};

const probe = (servers: HostServers, id: string, times = 5) => {
  let change: string | undefined;
  for (let nth = 0; nth < times; nth += 1) change = servers.recordProbe(id, true);
  return change;
};

const inService = (servers: HostServers) => servers.inService.map(({ id }) => id);

describe("exclusion", () => {
  it("ORG-03 excludes after that many consecutive failures", () => {
    const servers = hostOf(["a", "b"]);
    expect(fail(servers, "a", 2)).toBeUndefined();
    expect([inService(servers), servers.suspected]).toEqual([["a", "b"], ["a"]]);
    expect(servers.recordExchange("a", false)).toBe("excluded");
    expect([inService(servers), servers.suspected]).toEqual([["b"], []]);
    expect(servers.recordExchange("a", false)).toBeUndefined();
  });

  it("ORG-03 starts counting again after a normal exchange: fail, fail, ok, fail, fail stays in service", () => {
    const servers = hostOf(["a"]);
    fail(servers, "a", 2);
    servers.recordExchange("a", true);
    expect(servers.suspected).toEqual([]);
    expect(fail(servers, "a", 2)).toBeUndefined();
    expect(inService(servers)).toEqual(["a"]);
  });

  it("ORG-03 never excludes with a count of 0", () => {
    const servers = hostOf(["a"], [], { exclusion: 0 });
    expect(fail(servers, "a", 100)).toBeUndefined();
    expect(inService(servers)).toEqual(["a"]);
  });

  it("ORG-12 leaves nothing in service when all are excluded", () => {
    const servers = hostOf(["a", "b"], ["c"]);
    for (const id of ["a", "b", "c"]) fail(servers, id);
    expect(servers.inService).toEqual([]);
    expect(servers.probed.map(({ id }) => id)).toEqual(["a", "b", "c"]);
  });

  it("ignores servers that are not known", () => {
    const servers = hostOf(["a"]);
    expect([fail(servers, "b"), fail(servers, "a 10.0.0.1"), probe(servers, "b")]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect(inService(servers)).toEqual(["a"]);
  });
});

describe("recovery", () => {
  it("ORG-04 brings a server back after that many consecutive successes", () => {
    const servers = hostOf(["a"]);
    fail(servers, "a");
    expect(probe(servers, "a", 4)).toBeUndefined();
    expect(servers.recordProbe("a", true)).toBe("recovered");
    expect(inService(servers)).toEqual(["a"]);
    expect(fail(servers, "a", 2)).toBeUndefined();
  });

  it("ORG-04 counts from the start after an unsuccessful probe", () => {
    const servers = hostOf(["a"]);
    fail(servers, "a");
    probe(servers, "a", 4);
    servers.recordProbe("a", false);
    expect(probe(servers, "a", 4)).toBeUndefined();
    expect(inService(servers)).toEqual([]);
  });

  it("ORG-04 never recovers with a count of 0, nor by an exchange that ends after the exclusion", () => {
    const servers = hostOf(["a"], [], {
      exclusion: 1,
      recovery: { ...settingsFor([]).originOptions.recovery, count: 0 },
    });
    servers.recordExchange("a", false);
    servers.recordExchange("a", true);
    expect(probe(servers, "a", 50)).toBeUndefined();
    expect(inService(servers)).toEqual([]);
  });

  it("REG-88 ORG-12 does not depend on the order in which servers recover", () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(["a", "b", "c", "d"], { minLength: 4 }), (order) => {
        const servers = hostOf(["a", "b", "c"], ["d"]);
        for (const id of ["a", "b", "c", "d"]) fail(servers, id);
        for (const id of order) probe(servers, id);
        expect([inService(servers), servers.probed]).toEqual([["a", "b", "c"], []]);
      }),
    );
  });

  it("ORG-27 puts everything back at a reset", () => {
    const checker = checkerFor({ exclusion: 1 });
    const servers = new HostServers(settingsFor([named("a"), named("b")], {}, [], [checker]));
    fail(servers, "a");
    servers.recordCheck("b", checker, false);
    expect(inService(servers)).toEqual([]);
    servers.reset();
    expect([inService(servers), servers.probed]).toEqual([["a", "b"], []]);
  });
});

describe("standby", () => {
  const host = () => hostOf(["a1", "a2"], ["s1", "s2", "s3"]);

  it("CFG-14 leaves standbys alone while every active works", () => {
    expect(inService(host())).toEqual(["a1", "a2"]);
  });

  it("CFG-14, A9 of spec 01: replaces each failed active by the next standby, and sends it back when the active recovers", () => {
    const servers = host();
    fail(servers, "a1");
    expect(inService(servers)).toEqual(["a2", "s1"]);
    expect(servers.inService.map(({ addressIndex }) => addressIndex)).toEqual([1, 2]);
    fail(servers, "a2");
    expect(inService(servers)).toEqual(["s1", "s2"]);
    probe(servers, "a1");
    expect(inService(servers)).toEqual(["a1", "s1"]);
    probe(servers, "a2");
    expect(inService(servers)).toEqual(["a1", "a2"]);
  });

  it("CFG-14 skips a failed standby until it has recovered", () => {
    const servers = host();
    fail(servers, "a1");
    fail(servers, "s1");
    expect(inService(servers)).toEqual(["a2", "s2"]);
    probe(servers, "s1");
    expect(inService(servers)).toEqual(["a2", "s1"]);
  });

  it("CFG-14 replaces a domain that cannot be resolved, but not one that nobody has asked about yet", () => {
    const domain = domainAt(80);
    const servers = new HostServers(settingsFor([domain], {}, [named("s")]));
    expect([inService(servers), servers.isResolving]).toEqual([[], true]);
    servers.noteResolution(domain, false);
    expect([inService(servers), servers.isResolving]).toEqual([["s"], true]);
    servers.noteResolution(domain, true);
    expect([inService(servers), servers.isResolving]).toEqual([["s"], false]);
    servers.renew(domain, [{ ip: "10.0.0.1", ttlSeconds: 60 }], at(0));
    expect(inService(servers)).toEqual(["origin.test:80 10.0.0.1"]);
  });

  it("CFG-14 never has more in service than actives configured, and none that is excluded", () => {
    const step = fc.record({ index: fc.nat(4), isSuccess: fc.boolean(), isProbe: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const ids = ["a1", "a2", "s1", "s2", "s3"];
        const servers = hostOf(["a1", "a2"], ["s1", "s2", "s3"], { exclusion: 1 });
        for (const { index, isSuccess, isProbe } of steps) {
          const id = ids[index] ?? "";
          if (isProbe) probe(servers, id, 5);
          else servers.recordExchange(id, isSuccess);
          const used = inService(servers);
          const excluded = new Set(servers.probed.map((server) => server.id));
          expect(used.length).toBe(Math.min(2, ids.length - excluded.size));
          expect(used.some((usedId) => excluded.has(usedId))).toBe(false);
        }
      }),
    );
  });
});

describe("several mechanisms", () => {
  it("ORG-20 OPEN-4 keeps a server out while any mechanism holds it out", () => {
    const [fast, slow] = [
      checkerFor({ uri: "/fast", exclusion: 1, recovery: 1 }),
      checkerFor({ uri: "/slow", exclusion: 2 }),
    ];
    const servers = new HostServers(settingsFor([named("a")], {}, [], [fast, slow]));
    fail(servers, "a");
    servers.recordCheck("a", fast, false);
    expect(servers.recordCheck("a", slow, false)).toBeUndefined();
    expect(servers.recordCheck("a", slow, false)).toBe("excluded");
    expect(servers.recordCheck("a", fast, true)).toBe("recovered");
    probe(servers, "a");
    expect(inService(servers)).toEqual([]);
    for (let nth = 0; nth < 5; nth += 1) servers.recordCheck("a", slow, true);
    expect(inService(servers)).toEqual(["a"]);
  });

  it("ORG-20 shares no counts between a checker and exchanges", () => {
    const checker = checkerFor({ exclusion: 3 });
    const servers = new HostServers(settingsFor([named("a")], { exclusion: 3 }, [], [checker]));
    for (let nth = 0; nth < 2; nth += 1) {
      servers.recordExchange("a", false);
      servers.recordCheck("a", checker, false);
    }
    servers.recordCheck("a", checker, true);
    expect([inService(servers), servers.suspected]).toEqual([["a"], ["a"]]);
    servers.recordExchange("a", false);
    expect(inService(servers)).toEqual([]);
  });

  it("ORG-21 keeps the state of addresses that stay, and forgets checkers that are gone", () => {
    const checker = checkerFor({ exclusion: 1 });
    const servers = new HostServers(settingsFor([named("a"), named("b"), named("c")], {}, [], [checker]));
    fail(servers, "a");
    fail(servers, "c");
    servers.recordCheck("b", checker, false);
    servers.configure(settingsFor([named("b")], {}, [named("a")]));
    expect(inService(servers)).toEqual(["b"]);
    expect(servers.probed.map(({ id }) => id)).toEqual(["a"]);
    servers.configure(settingsFor([named("a"), named("b"), named("c")]));
    expect(inService(servers)).toEqual(["b", "c"]);
  });
});

describe("domains", () => {
  const domain = domainAt(80, { text: "o.test", host: "o.test" });
  const A = "o.test 10.0.0.1";
  const B = "o.test 10.0.0.2";
  const C = "o.test 10.0.0.3";
  const answer = (...last: number[]) => last.map((nth) => ({ ip: `10.0.0.${nth}`, ttlSeconds: 60 }));

  const resolved = (options = {}, standby: string[] = []) => {
    const servers = new HostServers(settingsFor([domain], options, standby.map(named)));
    servers.renew(domain, answer(1, 2), at(0));
    servers.noteResolution(domain, true);
    return servers;
  };

  it("ORG-24 works per IP: the domain is out when all its known IPs are", () => {
    const servers = resolved({}, ["s"]);
    fail(servers, A);
    expect([inService(servers), servers.monitoring(at(0)).Address]).toEqual([[B], [{ "o.test": "Active" }]]);
    fail(servers, B);
    expect([inService(servers), servers.monitoring(at(0)).Address]).toEqual([["s"], [{ "o.test": "Inactive" }]]);
  });

  it("ORG-24 A4 a new IP of an excluded domain starts as excluded, until one of the IPs recovers", () => {
    const servers = resolved();
    fail(servers, A);
    fail(servers, B);
    servers.renew(domain, answer(1, 2, 3), at(10));
    expect(servers.monitoring(at(10))).toMatchObject({
      Address: [{ "o.test": "Inactive" }],
      ActiveIP: [],
      InactiveIP: [{ "10.0.0.1": 60 }, { "10.0.0.2": 60 }, { "10.0.0.3": 60 }],
    });
    expect(servers.probed.map(({ id }) => id)).toEqual([A, B, C]);
    probe(servers, B);
    expect(inService(servers)).toEqual([B, C]);
  });

  it("ORG-24 a new IP that has failed a probe of its own recovers by itself alone", () => {
    const servers = resolved();
    fail(servers, A);
    fail(servers, B);
    servers.renew(domain, answer(3), at(10));
    servers.recordProbe(C, false);
    probe(servers, A);
    expect(inService(servers)).toEqual([A]);
    probe(servers, C);
    expect(inService(servers)).toEqual([A, C]);
  });

  it("ORG-24 OPEN-9 stays excluded when all TTLs have ended, with its last IPs to be probed", () => {
    const servers = resolved();
    fail(servers, A);
    fail(servers, B);
    servers.expire(domain, at(1000));
    expect([inService(servers), servers.probed.map(({ id }) => id)]).toEqual([[], [A, B]]);
    expect(servers.monitoring(at(1000)).InactiveIP).toEqual([{ "10.0.0.1": 0 }, { "10.0.0.2": 0 }]);
    servers.renew(domain, answer(3), at(1001));
    servers.expire(domain, at(1001));
    expect([inService(servers), servers.probed.map(({ id }) => id)]).toEqual([[], [C]]);
    probe(servers, C);
    expect(inService(servers)).toEqual([C]);
  });

  it("ORG-24 a new IP of a domain that works starts in service", () => {
    const servers = resolved();
    fail(servers, A);
    servers.renew(domain, answer(3), at(10));
    expect(inService(servers)).toEqual([B, C]);
  });

  it("ORG-26 removes an inactive IP that has not recovered within its TTL", () => {
    const servers = resolved();
    fail(servers, A);
    servers.renew(domain, answer(2), at(30));
    servers.expire(domain, at(61));
    expect(servers.monitoring(at(61))).toMatchObject({ ActiveIP: [{ "10.0.0.2": 29 }], InactiveIP: [] });
  });

  it("ORG-24 an excluded domain has no IP in service, whatever happened to it", () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant("fail" as const), nth: fc.integer({ min: 1, max: 3 }) }),
      fc.record({ kind: fc.constant("probe" as const), nth: fc.integer({ min: 1, max: 3 }) }),
      fc.record({ kind: fc.constant("answer" as const), nth: fc.integer({ min: 1, max: 3 }) }),
      fc.record({ kind: fc.constant("wait" as const), nth: fc.nat(100) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const servers = resolved({ exclusion: 1 });
        let now = 0;
        for (const { kind, nth } of steps) {
          const wasExcluded = servers.inService.length === 0;
          const id = `o.test 10.0.0.${nth}`;
          const recovers = kind === "probe" && servers.probed.some((server) => server.id === id);
          if (kind === "fail") servers.recordExchange(id, false);
          if (kind === "probe") probe(servers, id);
          if (kind === "answer") servers.renew(domain, answer(nth), at(now));
          if (kind === "wait") now += nth;
          servers.expire(domain, at(now));
          if (wasExcluded && !recovers) expect(servers.inService).toEqual([]);
          if (recovers) expect(servers.inService.length).toBeGreaterThan(0);
          expect(servers.servers.length).toBeGreaterThan(0);
        }
      }),
    );
  });
});

describe("what operators see", () => {
  it("ORG-26 lists addresses and IPs in the form of the guide", () => {
    const domain = domainAt(80, { text: "origin.foobar.com", host: "origin.foobar.com" });
    const ips = { "5.5.5.5": 21, "5.5.5.6": 60, "5.5.5.7": 37, "5.5.5.8": 10, "5.5.5.9": 184 };
    const servers = new HostServers(settingsFor([domain]));
    servers.renew(
      domain,
      Object.entries(ips).map(([ip, ttlSeconds]) => ({ ip, ttlSeconds })),
      at(0),
    );
    for (const ip of ["5.5.5.8", "5.5.5.9"]) fail(servers, `origin.foobar.com ${ip}`);
    expect(servers.monitoring(at(0))).toEqual({
      VirtualHost: "www.example.com",
      Address: [{ "origin.foobar.com": "Active" }],
      Address2: [],
      ActiveIP: [{ "5.5.5.5": 21 }, { "5.5.5.6": 60 }, { "5.5.5.7": 37 }],
      InactiveIP: [{ "5.5.5.8": 10 }, { "5.5.5.9": 60 }],
      State: expect.any(Array),
    });
    expect(servers.dns(at(1))).toEqual([
      { vhost: "www.example.com", domain: "origin.foobar.com", ttlSeconds: 9, ips: Object.keys(ips) },
    ]);
  });

  it("ORG-26 OPEN-8 shows a standby that is not in use as inactive, under a health check if there is one", () => {
    const monitoring = (checkers = [checkerFor()]) =>
      new HostServers(settingsFor([named("1.1.1.1"), named("1.1.1.2")], {}, [named("1.1.1.3")], checkers)).monitoring(
        at(0),
      );
    expect(monitoring([])).toEqual({
      VirtualHost: "www.example.com",
      Address: [{ "1.1.1.1": "Active" }, { "1.1.1.2": "Active" }],
      Address2: [{ "1.1.1.3": "Inactive" }],
      ActiveIP: [{ "1.1.1.1": 0 }, { "1.1.1.2": 0 }],
      InactiveIP: [],
      State: expect.any(Array),
    });
    expect(monitoring().InactiveIP).toEqual([{ "1.1.1.3": 0 }]);
  });

  it("ORG-23 is quick with hundreds of IPs of a hundred domains", () => {
    const domains = Array.from({ length: 100 }, (_, nth) =>
      domainAt(80, { text: `d${nth}.test`, host: `d${nth}.test` }),
    );
    const servers = new HostServers(settingsFor(domains));
    for (const domain of domains) {
      const ips = Array.from({ length: 128 }, (_, nth) => ({ ip: `10.1.0.${nth}`, ttlSeconds: 60 }));
      servers.renew(domain, ips, at(0));
    }
    expect(servers.monitoring(at(1)).ActiveIP.length).toBe(12_800);
    expect(servers.dns(at(1)).length).toBe(100);
  });
});
