import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  findFreePort,
  isEdgeBuilt,
  startDns,
  startEdge,
  startOrigin,
  type TestDns,
  type TestEdge,
  type TestOrigin,
} from "../../src/index.ts";
import { askAllWorkers, originState, until, untilAddress } from "./support/originState.ts";

/** Scenes of origins that are named by a domain. */

const HOST = "dns-scene.test";
const DOMAIN = "origin.example.test";
const A = "127.0.0.2";
const B = "127.0.0.3";
const C = "127.0.0.4";

let dns: TestDns;
let port: number;
const origins: TestOrigin[] = [];
const edges: TestEdge[] = [];

beforeEach(async () => {
  dns = await startDns();
  port = await findFreePort();
});
afterEach(async () => {
  for (const edge of edges.splice(0)) await edge.close();
  for (const origin of origins.splice(0)) await origin.close();
  await dns.close();
});

const originAt = async (ip: string): Promise<TestOrigin> => {
  const origin = await startOrigin({ ip, port });
  origin.on(() => true).reply(200, { "Cache-Control": "no-cache" }, ip);
  origins.push(origin);
  return origin;
};

const anEdge = async (originOptions = ""): Promise<TestEdge> => {
  const edge = await startEdge({
    workers: 2,
    serverXml: `<DnsServer>${dns.address}</DnsServer>`,
    vhosts: [
      {
        name: HOST,
        origin: `${DOMAIN}:${port}`,
        xml: `<OriginOptions>${originOptions}</OriginOptions>`,
      },
    ],
  });
  edges.push(edge);
  return edge;
};

const ADDRESS = (): string => `${DOMAIN}:${port}`;

describe.skipIf(!isEdgeBuilt() && process.env.CI === undefined)("origins that are domains", { timeout: 60_000 }, () => {
  it("ORG-22 ORG-26 ORG-57: a domain's IPs are used, shown with their TTL, and asked for once per host", async () => {
    await originAt(A);
    await originAt(B);
    dns.addresses(DOMAIN, [A, B], 300);
    const edge = await anEdge();
    await edge.get("/first").expect(200);
    await askAllWorkers(edge, "/a", 6);
    const state = await originState(edge);
    expect(state.addresses).toEqual({ [ADDRESS()]: "Active" });
    expect(Object.keys(state.activeIps).sort()).toEqual([A, B]);
    // ORG-23: 300 is cut to DnsMaxTTL.
    for (const ttl of Object.values(state.activeIps)) expect(ttl).toBeLessThanOrEqual(60);
    expect(await edge.apiJson("/monitoring/dnslist")).toMatchObject({
      method: "dnslist",
      status: "OK",
      result: [{ vhost: HOST, domain: DOMAIN, ip: expect.arrayContaining([A, B]) }],
    });
    for (const origin of origins) expect(origin.saw()).toBeGreaterThan(0);
    expect(origins[0]?.lastSeen().field("host")).toBe(ADDRESS());
    expect(await edge.log()).toContain(`dns: [${HOST}] ${DOMAIN} resolves to`);
  });

  it("ORG-22: requests wait for the first answer of the name server instead of failing", async () => {
    await originAt(A);
    dns.answer(DOMAIN, { kind: "silent" });
    const edge = await anEdge("<ConnectTimeout>10</ConnectTimeout>");
    const waiting = edge.get("/a");
    await until("the domain is asked for", () => dns.asked(DOMAIN) > 0);
    dns.addresses(DOMAIN, [A], 300);
    await waiting.expect(200, A);
  });

  it("ORG-22: another IP is used at once, and the old one no longer when its TTL is over", async () => {
    const [a, b] = [await originAt(A), await originAt(B)];
    dns.addresses(DOMAIN, [A], 1);
    const edge = await anEdge();
    await edge.get("/a").expect(200, A);
    dns.addresses(DOMAIN, [B], 1);
    await until("the new IP alone is used", async () => {
      const { activeIps } = await originState(edge);
      return activeIps[B] !== undefined && activeIps[A] === undefined;
    });
    // The workers learn of it a moment after the board.
    await until("no worker asks the old IP", async () => {
      const before = a.saw();
      await askAllWorkers(edge, "/b", 6);
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
    dns.addresses(DOMAIN, [A], 1);
    const edge = await anEdge();
    await edge.get("/a").expect(200, A);
    dns.answer(DOMAIN, answer);
    await dns.askedAgain(DOMAIN, 3);
    await askAllWorkers(edge, "/b", 4);
    expect((await originState(edge)).addresses).toEqual({ [ADDRESS()]: "Active" });
    await until("it is counted", async () => (await edge.metrics()).sum("basalt_origin_dns_failures_total") > 0);
  });

  it("ORG-22: an answer over TCP counts when the one over UDP is cut", async () => {
    await originAt(A);
    dns.answer(DOMAIN, { kind: "truncated", records: [{ ip: A, ttlSeconds: 60 }] });
    const edge = await anEdge();
    await edge.get("/a").expect(200, A);
    expect(dns.queries.some(({ transport }) => transport === "tcp")).toBe(true);
  });

  it("ORG-12: a domain that was never resolved gives an error page, and works when it is", async () => {
    await originAt(A);
    dns.answer(DOMAIN, { kind: "nxdomain" });
    const edge = await anEdge("<ConnectTimeout>1</ConnectTimeout>");
    await edge.get("/a").expect(500);
    dns.addresses(DOMAIN, [A], 60);
    await until("it works", async () => (await edge.get(`/b${Math.random()}`)).status === 200);
  });

  it("ORG-24, A4 of spec 05: a new IP of an excluded domain starts excluded, until one recovers", async () => {
    dns.addresses(DOMAIN, [A, B], 1);
    const edge = await anEdge('<Exclusion>1</Exclusion><Recovery Cycle="1" Uri="/probe">2</Recovery>');
    await until("the domain is excluded", async () => {
      await edge.get(`/a${Math.random()}`);
      return (await originState(edge)).addresses[ADDRESS()] === "Inactive";
    });
    dns.addresses(DOMAIN, [A, B, C], 1);
    await until("the new IP is known", async () => (await originState(edge)).inactiveIps[C] !== undefined);
    expect((await originState(edge)).addresses).toEqual({ [ADDRESS()]: "Inactive" });
    const recovering = await originAt(C);
    await untilAddress(edge, ADDRESS(), "Active");
    // Probes are made once per host: two successes, and no more before it was in service.
    expect(recovering.saw("/probe")).toBe(2);
    expect((await originState(edge)).activeIps[C]).toBeDefined();
    await askAllWorkers(edge, "/b", 4);
  });

  it("ORG-22: hosts resolve on their own, and a removed name server is no longer asked after a reload", async () => {
    await originAt(A);
    dns.addresses(DOMAIN, [A], 1);
    const edge = await anEdge();
    await edge.get("/a").expect(200);
    await edge.addVhost({ name: "second.test", origin: ADDRESS() });
    const other = await startDns();
    other.addresses(DOMAIN, [A], 1);
    const outcome = await edge.reload({ serverXml: `<DnsServer>${other.address}</DnsServer>` });
    expect(outcome.status).toBe("OK");
    await other.askedAgain(DOMAIN, 4);
    const asked = dns.asked(DOMAIN);
    await other.askedAgain(DOMAIN, 4);
    expect(dns.asked(DOMAIN)).toBe(asked);
    await edge.get("/b", { host: "second.test" }).expect(200);
    expect(await edge.apiJson("/monitoring/dnslist")).toMatchObject({
      result: [{ vhost: HOST }, { vhost: "second.test" }],
    });
    await other.close();
  });
});
