import { setTimeout as pause } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import {
  type EdgeRequest,
  isEdgeBuilt,
  type PendingAnswer,
  startEdge,
  startOrigin,
  type TestEdge,
  type TestOrigin,
  type VhostSpec,
} from "../../src/index.ts";
import { useShared } from "../../src/scenario/index.ts";
import { askAllWorkers, type OriginState, originState, until, untilAddress } from "./support/originState.ts";

/** Scenes of spec 05 with two workers and one board: each test has a virtual host of its own. */

const origins: TestOrigin[] = [];
let edge: TestEdge;
let hosts = 0;

useShared(
  async () => {
    const resting = await startOrigin();
    origins.push(resting);
    edge = await startEdge({ workers: 2, vhosts: [{ name: "resting.test", origin: resting.address }] });
  },
  async () => {
    await edge?.close();
    for (const origin of origins.splice(0)) await origin.close();
  },
);
afterEach(async () => {
  const [resting] = edge.configuration.vhosts;
  if (resting !== undefined) await edge.reload({ vhosts: [resting] });
});

const anOrigin = async (): Promise<TestOrigin> => {
  const origin = await startOrigin();
  origin.on(() => true).reply(200, { "Cache-Control": "no-cache" }, "ok");
  origins.push(origin);
  return origin;
};

/** On its port nobody listens. */
const aRefusingOrigin = async (): Promise<TestOrigin> => {
  const origin = await anOrigin();
  await origin.refuse();
  return origin;
};

/** A virtual host and what its tests ask. */
class Host {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  get(path: string, request: EdgeRequest = {}): PendingAnswer {
    return edge.get(path, { host: this.name, ...request });
  }

  askAllWorkers(path: string, least: number): Promise<number> {
    return askAllWorkers(edge, path, least, this.name);
  }

  untilAddress(address: string, state: "Active" | "Inactive"): Promise<void> {
    return untilAddress(edge, address, state, this.name);
  }

  state(): Promise<OriginState> {
    return originState(edge, this.name);
  }
}

const aHost = async (
  origin: readonly TestOrigin[],
  originOptions: string,
  vhost: Partial<VhostSpec> = {},
): Promise<Host> => {
  hosts += 1;
  const name = `origins${hosts}.test`;
  const xml = `<OriginOptions>${originOptions}</OriginOptions>`;
  await edge.addVhost({ name, origin: origin.map(({ address }) => address), xml, ...vhost });
  expect((await edge.reload()).status).toBe("OK");
  return new Host(name);
};

const probesOf = (origin: TestOrigin): number => origin.saw("/probe");

describe.skipIf(!isEdgeBuilt() && process.env.CI === undefined)("origin servers of all workers", () => {
  it("ORG-03 ORG-04 ORG-05 ORG-26, A1 of spec 05: failures exclude a server, successful probes bring it back", async () => {
    const [dead, alive] = [await aRefusingOrigin(), await anOrigin()];
    const host = await aHost([dead, alive], '<Exclusion>3</Exclusion><Recovery Cycle="1" Uri="/probe">5</Recovery>');
    for (let round = 0; round < 6; round++) await host.get(`/a${round}`).expect(200, "ok");
    await host.untilAddress(dead.address, "Inactive");
    expect(await host.state()).toMatchObject({
      addresses: { [dead.address]: "Inactive", [alive.address]: "Active" },
      activeIps: { [alive.address]: 0 },
      inactiveIps: { [dead.address]: 0 },
    });
    await host.askAllWorkers("/b", 4);
    await dead.listen();
    await host.untilAddress(dead.address, "Active");
    // ORG-04 and one prober for the whole host: five, whatever the number of workers.
    expect(probesOf(dead)).toBe(5);
    expect(probesOf(alive)).toBe(0);
    const [before, sent] = [dead.saw(), await host.askAllWorkers("/c", 10)];
    expect(dead.saw() - before).toBeGreaterThanOrEqual(Math.floor(sent / 4));
    const log = await edge.log();
    expect(log).toContain(`[${host.name}] ${dead.address} excluded from service`);
    expect(log).toContain(`[${host.name}] Origin server list: ${alive.address}`);
    expect(log).toContain(`[${host.name}] ${dead.address} recovered back in service`);
    await edge.counted({ origin_exclusions: 1, origin_recoveries: 1 }, host.name);
  });

  it("ORG-07, A2 of spec 05: a probe with another status begins the count again", async () => {
    const origin = await anOrigin();
    const statuses = [404, 200, 500, 200, 404, 200, 200];
    const probe = origin.on("/probe");
    for (const status of statuses) probe.reply(status, {}, "");
    await origin.refuse();
    const host = await aHost(
      [origin],
      '<Exclusion>1</Exclusion><Recovery Cycle="1" Uri="/probe" ResCode="200, 404">3</Recovery>',
    );
    await host.get("/a").expect(500);
    await host.untilAddress(origin.address, "Inactive");
    await origin.listen();
    await host.untilAddress(origin.address, "Active");
    expect(probesOf(origin)).toBe(6);
  });

  it("ORG-13 ORG-20, A3 of spec 05: a health checker takes a server out and in again without any client", async () => {
    const origin = await anOrigin();
    const checker = '<HealthChecker ResCode="200" Exclusion="2" Recovery="2" Cycle="1">/alive</HealthChecker>';
    const host = await aHost([origin], "<Recovery>0</Recovery>", { originXml: checker });
    await origin.sawAtLeast("/alive", 1);
    origin.on("/alive").reply(500, {}, "");
    const before = origin.saw("/alive");
    await host.untilAddress(origin.address, "Inactive");
    // The check that was under way at the change may have been answered either way, and others may have followed.
    const checks = { excluded: origin.saw("/alive") - before, recovered: 0 };
    origin.on("/alive").reply(200, {}, "");
    const then = origin.saw("/alive");
    await host.untilAddress(origin.address, "Active");
    checks.recovered = origin.saw("/alive") - then;
    for (const count of Object.values(checks)) expect([1, 2, 3, 4]).toContain(count);
    // One checker for the whole host, and nobody else has asked.
    expect(origin.saw(({ path }) => path !== "/alive")).toBe(0);
  });

  it("ORG-33, A6 of spec 05: Hash sends the same URL to the same server, from whichever worker", async () => {
    const three = [await anOrigin(), await anOrigin(), await anOrigin()];
    const host = await aHost(three, "", {
      xml: `<Options><TTL><Res2xx>0</Res2xx><NoCache>0</NoCache></TTL></Options>
        <OriginOptions><BalanceMode>Hash</BalanceMode></OriginOptions>`,
    });
    const urls = Array.from({ length: 600 }, (_, index) => `/page/${index}`);
    for (let round = 0; round < 2; round++) {
      const sessions = await Promise.all(Array.from({ length: 8 }, () => edge.client()));
      await Promise.all(
        sessions.map(async (session, first) => {
          for (let index = first; index < urls.length; index += sessions.length) {
            const response = await session.request({ path: urls[index] ?? "/", host: host.name });
            expect(response.status).toBe(200);
          }
          session.close();
        }),
      );
    }
    const shares = three.map((origin) => new Set(origin.seen().map(({ path }) => path)));
    for (const share of shares) expect(share.size).toBeGreaterThan(120);
    expect(shares.reduce((sum, share) => sum + share.size, 0)).toBe(urls.length);
    expect(three.reduce((sum, origin) => sum + origin.saw(), 0)).toBe(2 * urls.length);
  });

  it("ORG-27, A11 of spec 05: a reset takes an excluded server in use at once, and no open session is used again", async () => {
    const [dead, alive] = [await aRefusingOrigin(), await anOrigin()];
    const host = await aHost([dead, alive], "<Exclusion>1</Exclusion><Recovery>0</Recovery>");
    for (let round = 0; round < 2; round++) await host.get(`/a${round}`).expect(200);
    await host.untilAddress(dead.address, "Inactive");
    await host.askAllWorkers("/b", 4);
    await dead.listen();
    const connections = alive.connections;
    expect(await edge.apiJson(`/command/resetorigin?vhost=${host.name}`)).toMatchObject({
      httpStatus: 200,
      method: "resetorigin",
      status: "OK",
    });
    expect((await host.state()).addresses[dead.address]).toBe("Active");
    await until("the reset server is asked", async () => {
      await host.get(`/c${dead.saw()}?${Math.random()}`).expect(200);
      return dead.saw() > 0;
    });
    await host.askAllWorkers("/d", 4);
    expect(alive.connections).toBeGreaterThan(connections);
  });

  it("ORG-03: what one worker has learned the other knows, and a new one too", async () => {
    const [dead, alive] = [await aRefusingOrigin(), await anOrigin()];
    const host = await aHost([dead, alive], "<Exclusion>3</Exclusion><Recovery>0</Recovery>");
    const session = await edge.client();
    // One connection belongs to one worker: it alone meets the failures.
    for (let round = 0; round < 6; round++) {
      const response = await session.request({ path: `/a${round}`, host: host.name });
      expect(response.status).toBe(200);
    }
    session.close();
    await host.untilAddress(dead.address, "Inactive");
    await dead.listen();
    await host.askAllWorkers("/b", 10);
    expect(dead.connections).toBe(0);
    await edge.kill(0);
    await edge.kill(1);
    await host.askAllWorkers("/c", 10);
    expect(dead.connections).toBe(0);
    const metrics = await edge.metrics();
    expect(metrics.sum("basalt_origin_servers_in_service", { vhost: host.name })).toBe(1);
    expect(metrics.sum("basalt_origin_addresses_excluded", { vhost: host.name })).toBe(1);
  });

  it("ORG-03: failures of several workers add up, a normal exchange of another one begins the count again", async () => {
    const origin = await anOrigin();
    let isBroken = true;
    origin.on("/a").reply(() => ({ status: 200, body: "ok" }));
    origin.on(({ path }) => isBroken && path.startsWith("/broken")).garbage("no HTTP");
    const host = await aHost([origin], "", {
      xml: `<Options><BypassGetRequest>ON</BypassGetRequest></Options>
        <OriginOptions><Exclusion>3</Exclusion><Recovery>0</Recovery></OriginOptions>`,
    });
    for (let round = 0; round < 2; round++) await host.get("/broken").expect(500);
    await host.askAllWorkers("/a", 4);
    // What the workers report of these and of what follows reaches the board in this order.
    await pause(500);
    for (let round = 0; round < 2; round++) await host.get("/broken").expect(500);
    expect((await host.state()).addresses[origin.address]).toBe("Active");
    await host.get("/broken").expect(500);
    await host.untilAddress(origin.address, "Inactive");
    isBroken = false;
    // The view of it has still to reach the workers.
    await expect.poll(async () => (await host.get("/a")).status).toBe(500);
  });

  it("ORG-21: a reload keeps what is known of addresses that stay, and drops those that go", async () => {
    const [dead, alive, next] = [await aRefusingOrigin(), await anOrigin(), await anOrigin()];
    const host = await aHost([dead, alive], "<Exclusion>1</Exclusion><Recovery>0</Recovery>");
    for (let round = 0; round < 2; round++) await host.get(`/a${round}`).expect(200);
    await host.untilAddress(dead.address, "Inactive");
    const vhosts = edge.configuration.vhosts.map((vhost) =>
      vhost.name === host.name ? { ...vhost, origin: [next.address, dead.address] } : vhost,
    );
    expect(await edge.reload({ vhosts })).toMatchObject({ status: "OK" });
    await dead.listen();
    const [seen] = [alive.saw()];
    await host.askAllWorkers("/b", 6);
    expect((await host.state()).addresses).toEqual({ [next.address]: "Active", [dead.address]: "Inactive" });
    expect([dead.connections, alive.saw()]).toEqual([0, seen]);
  });

  it("CFG-14 ORG-26: a standby server takes the place of a failed one (OPEN 8)", async () => {
    const [dead, standby] = [await aRefusingOrigin(), await anOrigin()];
    const host = await aHost([dead], "<Exclusion>1</Exclusion><Recovery>0</Recovery>", {
      originXml: `<Address2>${standby.address}</Address2>`,
    });
    expect(await host.state()).toMatchObject({
      addresses: { [dead.address]: "Active" },
      standby: { [standby.address]: "Inactive" },
    });
    await host.get("/a");
    await host.untilAddress(dead.address, "Inactive");
    expect((await host.state()).standby).toEqual({ [standby.address]: "Active" });
    await host.askAllWorkers("/b", 4);
  });

  it("ORG-26 ORG-27 OPEN 7: unknown hosts are 404 and Fail; the command line shows and resets", async () => {
    const dead = await aRefusingOrigin();
    const host = await aHost([dead], "<Exclusion>1</Exclusion><Recovery>0</Recovery>");
    for (const path of ["/monitoring/origin?vhost=nobody.test", "/command/resetorigin?vhost=nobody.test"]) {
      expect(await edge.apiJson(path)).toMatchObject({ httpStatus: 404, status: "Fail" });
    }
    await host.get("/a").expect(500);
    await host.untilAddress(dead.address, "Inactive");
    const shown = await edge.command("origin");
    expect(shown.exitCode).toBe(0);
    expect(shown.output).toMatch(new RegExp(`${host.name} +${dead.address} +active +Inactive`));
    expect((await edge.command("resetorigin", "--vhost", host.name)).exitCode).toBe(0);
    await host.untilAddress(dead.address, "Active");
  });
});
