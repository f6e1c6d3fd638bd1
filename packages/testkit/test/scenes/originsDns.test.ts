import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  findFreePort,
  isEdgeBuilt,
  type PendingAnswer,
  startDns,
  startEdge,
  startOrigin,
  type TestDns,
  type TestEdge,
  type TestOrigin,
} from "../../src/index.ts";
import { useShared } from "../../src/scenario/index.ts";
import { askAllWorkers, originState, until, untilAddress } from "./support/originState.ts";

/** Scenes of origins that are named by a domain: each test has a virtual host and a domain of its own. */

const A = "127.0.0.2";
const B = "127.0.0.3";
const C = "127.0.0.4";

let dns: TestDns;
let port: number;
let edge: TestEdge;
let count = 0;
let host: string;
let domain: string;
const origins: TestOrigin[] = [];

const RESTING = { name: "resting.test", origin: "127.0.0.1:9" };

useShared(
  async () => {
    dns = await startDns();
    port = await findFreePort();
    edge = await startEdge({ workers: 2, serverXml: `<DnsServer>${dns.address}</DnsServer>`, vhosts: [RESTING] });
  },
  async () => {
    await edge?.close();
    await dns?.close();
  },
);
beforeEach(() => {
  count += 1;
  host = `dns${count}.test`;
  domain = `origin${count}.example.test`;
});
afterEach(async () => {
  await edge.reload({ vhosts: [RESTING] });
  for (const origin of origins.splice(0)) await origin.close();
});

const originAt = async (ip: string): Promise<TestOrigin> => {
  const origin = await startOrigin({ ip, port });
  origin.on(() => true).reply(200, { "Cache-Control": "no-cache" }, ip);
  origins.push(origin);
  return origin;
};

const addHost = async (originOptions = ""): Promise<void> => {
  const xml = `<OriginOptions>${originOptions}</OriginOptions>`;
  await edge.addVhost({ name: host, origin: addressOfDomain(), xml });
  expect((await edge.reload()).status).toBe("OK");
};

const addressOfDomain = (): string => `${domain}:${port}`;

const get = (path: string): PendingAnswer => edge.get(path, { host });

const dnsFailures = async (): Promise<number> => (await edge.metrics()).sum("basalt_origin_dns_failures_total");

/** Entries of `/monitoring/dnslist` of the hosts of this test. */
const resolutions = async (...hosts: readonly string[]): Promise<readonly Record<string, unknown>[]> => {
  const { method, status, result } = await edge.apiJson("/monitoring/dnslist");
  expect([method, status]).toEqual(["dnslist", "OK"]);
  const entries: readonly Record<string, unknown>[] = Array.isArray(result) ? result : [];
  return entries.filter(({ vhost }) => hosts.includes(String(vhost)));
};

describe.skipIf(!isEdgeBuilt() && process.env.CI === undefined)("origins that are domains", () => {
  it("ORG-22 ORG-26 ORG-57: a domain's IPs are used, shown with their TTL, and asked for once per host", async () => {
    await originAt(A);
    await originAt(B);
    dns.addresses(domain, [A, B], 300);
    await addHost();
    await get("/first").expect(200);
    await askAllWorkers(edge, "/a", 6, host);
    const state = await originState(edge, host);
    expect(state.addresses).toEqual({ [addressOfDomain()]: "Active" });
    expect(Object.keys(state.activeIps).sort()).toEqual([A, B]);
    // ORG-23: 300 is cut to DnsMaxTTL.
    for (const ttl of Object.values(state.activeIps)) expect(ttl).toBeLessThanOrEqual(60);
    expect(await resolutions(host)).toMatchObject([{ vhost: host, domain, ip: expect.arrayContaining([A, B]) }]);
    for (const origin of origins) expect(origin.saw()).toBeGreaterThan(0);
    expect(origins[0]?.lastSeen().field("host")).toBe(addressOfDomain());
    expect(await edge.log()).toContain(`dns: [${host}] ${domain} resolves to`);
  });

  it("ORG-22: requests wait for the first answer of the name server instead of failing", async () => {
    await originAt(A);
    dns.answer(domain, { kind: "silent" });
    await addHost("<ConnectTimeout>10</ConnectTimeout>");
    const waiting = get("/a");
    await until("the domain is asked for", () => dns.asked(domain) > 0);
    dns.addresses(domain, [A], 300);
    await waiting.expect(200, A);
  });

  it("ORG-22 CFG-56: a request that waits for a name is answered by the origin that a reload gives its host", async () => {
    const origin = await originAt(A);
    dns.answer(domain, { kind: "silent" });
    await addHost("<ConnectTimeout>20</ConnectTimeout>");
    const waiting = get("/a");
    await until("the domain is asked for", () => dns.asked(domain) > 0);
    await edge.reload({ vhosts: [RESTING, { name: host, origin: origin.address }] });
    await waiting.expect(200, A);
  });

  it("REG-84, ORG-22 AWS-30: another IP is used at once, and the old one no longer when its TTL is over", async () => {
    const [a, b] = [await originAt(A), await originAt(B)];
    dns.addresses(domain, [A], 1);
    await addHost();
    await get("/a").expect(200, A);
    dns.addresses(domain, [B], 1);
    await until("the new IP alone is used", async () => {
      const { activeIps } = await originState(edge, host);
      return activeIps[B] !== undefined && activeIps[A] === undefined;
    });
    // The workers learn of it a moment after the board.
    await until("no worker asks the old IP", async () => {
      const before = a.saw();
      await askAllWorkers(edge, "/b", 6, host);
      return a.saw() === before;
    });
    expect(b.saw()).toBeGreaterThan(5);
  });

  it.each([
    ["the name does not exist any more", { kind: "nxdomain" }],
    ["the name has no address any more", { kind: "empty" }],
    ["the name server fails", { kind: "servfail" }],
    ["the name server says nonsense", { kind: "garbage", bytes: Buffer.from("ff".repeat(40), "hex") }],
  ] as const)("ORG-22: the last IPs stay when %s", async (_, answer) => {
    await originAt(A);
    dns.addresses(domain, [A], 1);
    await addHost();
    await get("/a").expect(200, A);
    const failures = await dnsFailures();
    dns.answer(domain, answer);
    await dns.askedAgain(domain, 2);
    await askAllWorkers(edge, "/b", 4, host);
    expect((await originState(edge, host)).addresses).toEqual({ [addressOfDomain()]: "Active" });
    await until("it is counted", async () => (await dnsFailures()) > failures);
  });

  it("ORG-22: an answer over TCP counts when the one over UDP is cut", async () => {
    await originAt(A);
    dns.answer(domain, { kind: "truncated", records: [{ ip: A, ttlSeconds: 60 }] });
    await addHost();
    await get("/a").expect(200, A);
    expect(dns.queries.some(({ name, transport }) => name === domain && transport === "tcp")).toBe(true);
  });

  it("ORG-12: a domain that was never resolved gives an error page, and works when it is", async () => {
    await originAt(A);
    dns.answer(domain, { kind: "nxdomain" });
    await addHost("<ConnectTimeout>1</ConnectTimeout>");
    await get("/a").expect(500);
    dns.addresses(domain, [A], 60);
    await until("it works", async () => (await get(`/b${Math.random()}`)).status === 200);
  });

  it("ORG-24, A4 of spec 05: a new IP of an excluded domain starts excluded, until one recovers", async () => {
    dns.addresses(domain, [A, B], 1);
    await addHost('<Exclusion>1</Exclusion><Recovery Cycle="1" Uri="/probe">2</Recovery>');
    await until("the domain is excluded", async () => {
      await get(`/a${Math.random()}`);
      return (await originState(edge, host)).addresses[addressOfDomain()] === "Inactive";
    });
    dns.addresses(domain, [A, B, C], 1);
    await until("the new IP is known", async () => (await originState(edge, host)).inactiveIps[C] !== undefined);
    expect((await originState(edge, host)).addresses).toEqual({ [addressOfDomain()]: "Inactive" });
    const recovering = await originAt(C);
    await untilAddress(edge, addressOfDomain(), "Active", host);
    // Probes are made once per host: two successes, and no more before it was in service.
    expect(recovering.saw("/probe")).toBe(2);
    expect((await originState(edge, host)).activeIps[C]).toBeDefined();
    await askAllWorkers(edge, "/b", 4, host);
  });

  it("REG-85: two hosts with one domain both follow when its IP changes", async () => {
    const [a, b] = [await originAt(A), await originAt(B)];
    dns.addresses(domain, [A], 1);
    await addHost();
    const second = `second-${host}`;
    await edge.addVhost({ name: second, origin: addressOfDomain() });
    expect((await edge.reload()).status).toBe("OK");
    for (const name of [host, second]) await edge.get("/a", { host: name }).expect(200, A);
    dns.addresses(domain, [B], 1);
    await until("both hosts use the new IP alone", async () => {
      const states = await Promise.all([host, second].map((name) => originState(edge, name)));
      return states.every(({ activeIps }) => activeIps[B] !== undefined && activeIps[A] === undefined);
    });
    await until("no worker asks the old IP for either host", async () => {
      const before = a.saw();
      for (const name of [host, second]) await askAllWorkers(edge, "/b", 4, name);
      return a.saw() === before;
    });
    expect(b.saw()).toBeGreaterThan(0);
  });

  it("ORG-22: hosts resolve on their own, and a removed name server is no longer asked after a reload", async () => {
    await originAt(A);
    dns.addresses(domain, [A], 1);
    await addHost();
    await get("/a").expect(200);
    const second = `second-${host}`;
    await edge.addVhost({ name: second, origin: addressOfDomain() });
    const other = await startDns();
    other.addresses(domain, [A], 1);
    const outcome = await edge.reload({ serverXml: `<DnsServer>${other.address}</DnsServer>` });
    expect(outcome.status).toBe("OK");
    await other.askedAgain(domain, 4);
    const asked = dns.asked(domain);
    await other.askedAgain(domain, 4);
    expect(dns.asked(domain)).toBe(asked);
    await edge.get("/b", { host: second }).expect(200);
    expect(await resolutions(host, second)).toMatchObject([{ vhost: host }, { vhost: second }]);
    await edge.reload({ serverXml: `<DnsServer>${dns.address}</DnsServer>` });
    await other.close();
  });
});
