import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type EdgeConfig, parseConfig } from "@basalt/config";
import type { AcmeChallenges } from "@basalt/server";
import { makeCertificate } from "@basalt/testkit";
import { AdjustableClock, milliseconds } from "@basalt/types";
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { AcmeKeeper } from "../src/acme/acmeKeeper.ts";
import { type AcmeOrder, acmeOrdersOf, acmeStateOf } from "../src/acme/acmeOrders.ts";
import type { Issuing } from "../src/acme/issueCertificate.ts";

const home = mkdtempSync(join(tmpdir(), "basalt-acme-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));

const DAY_MS = 86_400_000;

const configWith = (https: string): EdgeConfig => {
  const outcome = parseConfig(
    new Map([
      ["server.xml", `<Server>${https}</Server>`],
      ["vhosts.xml", "<Vhosts/>"],
    ]),
    { home, generation: 1, cores: 2, hostName: "host" },
  );
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.problems));
  return outcome.config;
};

const CONFIG = configWith('<Https><Acme Names="a.test" Directory="http://authority.test/d"/></Https>');

const orderOf = (config: EdgeConfig): AcmeOrder => {
  const [order] = acmeOrdersOf(config);
  if (order === undefined) throw new Error("nothing is ordered");
  return order;
};

const putCertificate = (order: AcmeOrder, fromMs: number, toMs: number, isIssued = true): void => {
  const issuer = makeCertificate({ names: ["authority.test"], isAuthority: true });
  const made = makeCertificate({
    names: order.names,
    validFrom: new Date(fromMs),
    validTo: new Date(toMs),
    ...(isIssued ? { issuer } : {}),
  });
  mkdirSync(dirname(order.file), { recursive: true });
  writeFileSync(order.file, `${made.keyPem}\n${made.certificatePem}`);
};

describe("an order", () => {
  it("is for entries without files of their own, one for each set of names, authority and kind of key", () => {
    const acme = '<Acme Names="B.test, a.test" Challenge="tls-alpn-01"/>';
    const config = configWith(
      `<Https Listen="*:1">${acme}</Https><Https Listen="*:2">${acme}</Https>
       <Https Listen="*:3"><Cert>c.pem</Cert><Key>k.pem</Key>${acme}</Https><Https Listen="*:4"/>`,
    );
    expect(acmeOrdersOf(config).map(({ names, challenge }) => [names, challenge])).toEqual([
      [["b.test", "a.test"], "tls-alpn-01"],
    ]);
  });

  it.each([
    [0, 90, 59, true, "valid"],
    [0, 90, 61, true, "due"],
    [0, 90, 100, true, "due"],
    [0, 90, 1, false, "due"],
  ] as const)("valid from day %i to %i is on day %i (issued: %s) %s", async (from, to, now, isIssued, state) => {
    const order = orderOf(CONFIG);
    const baseMs = Date.parse("2026-01-01T00:00:00Z");
    putCertificate(order, baseMs + from * DAY_MS, baseMs + to * DAY_MS, isIssued);
    expect(await acmeStateOf(order, baseMs + now * DAY_MS)).toBe(state);
  });

  it("is due when a name has been added, and there is none in an unreadable file", async () => {
    const order = orderOf(CONFIG);
    putCertificate(order, Date.now() - DAY_MS, Date.now() + 90 * DAY_MS);
    expect(await acmeStateOf({ ...order, names: ["a.test", "b.test"] }, Date.now())).toBe("due");
    writeFileSync(order.file, "garbage");
    expect(await acmeStateOf(order, Date.now())).toBe("none");
  });

  it.each(["*.a.test", "a test", "localhost", ""])("for %j is refused with the configuration", (names) => {
    expect(() => configWith(`<Https><Acme Names="${names}"/></Https>`)).toThrow(/Acme/);
  });
});

describe("the keeper of certificates", () => {
  beforeEach(() => {
    vi.useFakeTimers();
    rmSync(join(home, "acme"), { recursive: true, force: true });
  });
  afterEach(() => vi.useRealTimers());

  const keep = (issue: (order: AcmeOrder, issuing: Issuing) => Promise<void>, config = CONFIG) => {
    const clock = new AdjustableClock();
    const shown: AcmeChallenges[] = [];
    const lines: string[] = [];
    const calls: string[] = [];
    const keeper = new AcmeKeeper({
      clock,
      config: () => config,
      show: (challenges) => {
        shown.push(challenges);
        return Promise.resolve();
      },
      issuer: {
        issueCertificate: (order, issuing) => {
          calls.push("issue");
          return issue(order, issuing);
        },
        writeStandIn: () => {
          calls.push("standIn");
          return Promise.resolve();
        },
      },
      onRenewed: () => {
        calls.push("renewed");
        return Promise.resolve();
      },
      log: { notice: (text) => lines.push(text), warning: (text) => lines.push(text) },
    });
    const pass = async (ms: number): Promise<void> => {
      clock.setOffset(milliseconds(clock.offsetMs + ms));
      await vi.advanceTimersByTimeAsync(ms);
    };
    return { keeper, shown, lines, calls, pass };
  };

  const settled = (calls: readonly string[], count: number): Promise<void> =>
    vi.waitFor(() => expect(calls.length).toBeGreaterThanOrEqual(count));

  it("shows what the authority asks for, and takes it away again", async () => {
    const { keeper, shown, calls, lines, pass } = keep(async (order, issuing) => {
      await issuing.showPage("token", "content");
      await issuing.showCertificate("a.test", { certificatePem: "c", keyPem: "k" });
      await issuing.hide("token", "a.test");
      putCertificate(order, Date.now() - DAY_MS, Date.now() + 90 * DAY_MS);
    });
    keeper.configured();
    await pass(1);
    await settled(calls, 2);
    expect(calls).toEqual(["issue", "renewed"]);
    expect(shown.map(({ pages, certificates }) => [pages.length, certificates.length])).toEqual([
      [1, 0],
      [1, 1],
      [0, 0],
    ]);
    await vi.waitFor(() => expect(lines).toEqual(["certificate for a.test issued by authority.test"]));
  });

  it("tries again after a failure, ever more rarely, and serves what it has meanwhile", async () => {
    const { keeper, calls, lines, pass } = keep(() => Promise.reject(new Error("out of order")));
    keeper.configured();
    await pass(1);
    await vi.waitFor(() => expect(lines).toHaveLength(1));
    await pass(59_000);
    expect(calls).toEqual(["issue"]);
    await pass(2_000);
    await vi.waitFor(() => expect(lines).toHaveLength(2));
    await pass(100_000);
    expect(lines).toHaveLength(2);
    expect(lines[1]).toBe("certificate for a.test not issued: out of order; the next attempt follows in 2 min");
    expect(calls).toEqual(["issue", "issue"]);
  });

  it("gives up an authority that never answers, and tries again", async () => {
    const { keeper, calls, lines, pass } = keep(() => new Promise(() => {}));
    keeper.configured();
    await pass(1);
    await settled(calls, 1);
    await pass(16 * 60_000);
    await vi.waitFor(() => expect(lines).toHaveLength(1));
    expect(lines[0]).toContain("has not come to an end within 15 min");
    await pass(2 * 60_000);
    await settled(calls, 2);
    expect(calls).toEqual(["issue", "issue"]);
  });

  it("puts a certificate in service that has come after all", async () => {
    const order = orderOf(CONFIG);
    const { keeper, calls, lines, pass } = keep(() => Promise.reject(new Error("out of order")));
    keeper.configured();
    await pass(1);
    await vi.waitFor(() => expect(lines).toHaveLength(1));
    putCertificate(order, Date.now() - DAY_MS, Date.now() + 90 * DAY_MS);
    await pass(61_000);
    await settled(calls, 2);
    expect(calls).toEqual(["issue", "renewed"]);
  });

  it("serves a stand-in first where the authority asks by TLS", async () => {
    const config = configWith('<Https><Acme Names="a.test" Challenge="tls-alpn-01"/></Https>');
    const { keeper, calls, pass } = keep(() => Promise.resolve(), config);
    keeper.configured();
    await pass(1);
    await settled(calls, 4);
    expect(calls).toEqual(["standIn", "renewed", "issue", "renewed"]);
  });

  it("puts nothing in the place of a certificate that it cannot read", async () => {
    const config = configWith('<Https><Acme Names="a.test" Challenge="tls-alpn-01"/></Https>');
    mkdirSync(orderOf(config).file, { recursive: true });
    const { keeper, calls, lines, pass } = keep(() => Promise.resolve(), config);
    keeper.configured();
    await pass(1);
    await vi.waitFor(() => expect(lines).toEqual([expect.stringContaining("EISDIR")]));
    expect(calls).toEqual([]);
  });

  it("orders nothing once it is stopped, and nothing where nothing is wanted", async () => {
    const { keeper, calls, pass } = keep(() => Promise.resolve());
    keeper.stop();
    keeper.configured();
    await pass(1_000);
    const other = keep(() => Promise.resolve(), configWith(""));
    other.keeper.configured();
    await other.pass(1_000);
    expect([...calls, ...other.calls]).toEqual([]);
  });
});
