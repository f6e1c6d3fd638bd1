import { afterEach, describe, expect, it } from "vitest";
import {
  isEdgeBuilt,
  startEdge,
  startOrigin,
  type TestEdge,
  type TestOrigin,
  type VhostSpec,
} from "../../src/index.ts";
import { askAllWorkers, originState, until, untilAddress } from "./support/originState.ts";

/** Scenes of spec 05 with two workers and one board. */

const HOST = "origins.test";
const origins: TestOrigin[] = [];
const edges: TestEdge[] = [];

afterEach(async () => {
  for (const edge of edges.splice(0)) await edge.close();
  for (const origin of origins.splice(0)) await origin.close();
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

const anEdge = async (
  origin: readonly TestOrigin[],
  originOptions: string,
  vhost: Partial<VhostSpec> = {},
): Promise<TestEdge> => {
  const edge = await startEdge({
    workers: 2,
    vhosts: [
      {
        name: HOST,
        origin: origin.map(({ address }) => address),
        xml: `<OriginOptions>${originOptions}</OriginOptions>`,
        ...vhost,
      },
    ],
  });
  edges.push(edge);
  return edge;
};

const probesOf = (origin: TestOrigin): number => origin.saw("/probe");

describe.skipIf(!isEdgeBuilt() && process.env.CI === undefined)(
  "origin servers of all workers",
  { timeout: 60_000 },
  () => {
    it("ORG-03 ORG-04 ORG-05 ORG-26, A1 of spec 05: failures exclude a server, successful probes bring it back", async () => {
      const [dead, alive] = [await aRefusingOrigin(), await anOrigin()];
      const edge = await anEdge([dead, alive], '<Exclusion>3</Exclusion><Recovery Cycle="1" Uri="/probe">5</Recovery>');
      for (let round = 0; round < 6; round++) await edge.get(`/a${round}`).expect(200, "ok");
      await untilAddress(edge, dead.address, "Inactive");
      expect(await originState(edge)).toMatchObject({
        addresses: { [dead.address]: "Inactive", [alive.address]: "Active" },
        activeIps: { [alive.address]: 0 },
        inactiveIps: { [dead.address]: 0 },
      });
      await askAllWorkers(edge, "/b", 4);
      await dead.listen();
      await untilAddress(edge, dead.address, "Active");
      // ORG-04 and one prober for the whole host: five, whatever the number of workers.
      expect(probesOf(dead)).toBe(5);
      expect(probesOf(alive)).toBe(0);
      const [before, sent] = [dead.saw(), await askAllWorkers(edge, "/c", 10)];
      expect(dead.saw() - before).toBeGreaterThanOrEqual(Math.floor(sent / 4));
      const log = await edge.log();
      expect(log).toContain(`[${HOST}] ${dead.address} excluded from service`);
      expect(log).toContain(`[${HOST}] Origin server list: ${alive.address}`);
      expect(log).toContain(`[${HOST}] ${dead.address} recovered back in service`);
      await edge.counted({ origin_exclusions: 1, origin_recoveries: 1 }, HOST);
    });

    it("ORG-07, A2 of spec 05: a probe with another status begins the count again", async () => {
      const origin = await anOrigin();
      const statuses = [404, 200, 500, 200, 404, 200, 200];
      const probe = origin.on("/probe");
      for (const status of statuses) probe.reply(status, {}, "");
      await origin.refuse();
      const edge = await anEdge(
        [origin],
        '<Exclusion>1</Exclusion><Recovery Cycle="1" Uri="/probe" ResCode="200, 404">3</Recovery>',
      );
      await edge.get("/a").expect(500);
      await untilAddress(edge, origin.address, "Inactive");
      await origin.listen();
      await untilAddress(edge, origin.address, "Active");
      expect(probesOf(origin)).toBe(6);
    });

    it("ORG-13 ORG-20, A3 of spec 05: a health checker takes a server out and in again without any client", async () => {
      const origin = await anOrigin();
      const checker = '<HealthChecker ResCode="200" Exclusion="2" Recovery="2" Cycle="1">/alive</HealthChecker>';
      const edge = await anEdge([origin], "<Recovery>0</Recovery>", { originXml: checker });
      await origin.sawAtLeast("/alive", 1);
      origin.on("/alive").reply(500, {}, "");
      const before = origin.saw("/alive");
      await untilAddress(edge, origin.address, "Inactive");
      // The check that was under way at the change may have been answered either way.
      expect([1, 2]).toContain(origin.saw("/alive") - before);
      origin.on("/alive").reply(200, {}, "");
      const then = origin.saw("/alive");
      await untilAddress(edge, origin.address, "Active");
      expect([1, 2]).toContain(origin.saw("/alive") - then);
      // One checker for the whole host, and nobody else has asked.
      expect(origin.saw(({ path }) => path !== "/alive")).toBe(0);
    });

    it("ORG-33, A6 of spec 05: Hash sends the same URL to the same server, from whichever worker", async () => {
      const three = [await anOrigin(), await anOrigin(), await anOrigin()];
      const edge = await anEdge(three, "<BalanceMode>Hash</BalanceMode>", {
        xml: `<Options><TTL><Res2xx>0</Res2xx><NoCache>0</NoCache></TTL></Options>
        <OriginOptions><BalanceMode>Hash</BalanceMode></OriginOptions>`,
      });
      const urls = Array.from({ length: 1_000 }, (_, index) => `/page/${index}`);
      for (let round = 0; round < 2; round++) {
        const sessions = await Promise.all(Array.from({ length: 8 }, () => edge.client()));
        await Promise.all(
          sessions.map(async (session, first) => {
            for (let index = first; index < urls.length; index += sessions.length) {
              const response = await session.request({ path: urls[index] ?? "/", host: HOST });
              expect(response.status).toBe(200);
            }
            session.close();
          }),
        );
      }
      const shares = three.map((origin) => new Set(origin.seen().map(({ path }) => path)));
      for (const share of shares) expect(share.size).toBeGreaterThan(200);
      expect(shares.reduce((sum, share) => sum + share.size, 0)).toBe(urls.length);
      expect(three.reduce((sum, origin) => sum + origin.saw(), 0)).toBe(2 * urls.length);
    });

    it("ORG-27, A11 of spec 05: a reset takes an excluded server in use at once, and no open session is used again", async () => {
      const [dead, alive] = [await aRefusingOrigin(), await anOrigin()];
      const edge = await anEdge([dead, alive], "<Exclusion>1</Exclusion><Recovery>0</Recovery>");
      for (let round = 0; round < 2; round++) await edge.get(`/a${round}`).expect(200);
      await untilAddress(edge, dead.address, "Inactive");
      await askAllWorkers(edge, "/b", 4);
      await dead.listen();
      const connections = alive.connections;
      expect(await edge.apiJson(`/command/resetorigin?vhost=${HOST}`)).toMatchObject({
        httpStatus: 200,
        method: "resetorigin",
        status: "OK",
      });
      expect((await originState(edge)).addresses[dead.address]).toBe("Active");
      await until("the reset server is asked", async () => {
        await edge.get(`/c${dead.saw()}?${Math.random()}`).expect(200);
        return dead.saw() > 0;
      });
      await askAllWorkers(edge, "/d", 4);
      expect(alive.connections).toBeGreaterThan(connections);
    });

    it("ORG-03: what one worker has learned the other knows, and a new one too", async () => {
      const [dead, alive] = [await aRefusingOrigin(), await anOrigin()];
      const edge = await anEdge([dead, alive], "<Exclusion>3</Exclusion><Recovery>0</Recovery>");
      const session = await edge.client();
      // One connection belongs to one worker: it alone meets the failures.
      for (let round = 0; round < 6; round++) {
        const response = await session.request({ path: `/a${round}`, host: HOST });
        expect(response.status).toBe(200);
      }
      session.close();
      await untilAddress(edge, dead.address, "Inactive");
      await dead.listen();
      await askAllWorkers(edge, "/b", 10);
      expect(dead.connections).toBe(0);
      await edge.kill(0);
      await edge.kill(1);
      await askAllWorkers(edge, "/c", 10);
      expect(dead.connections).toBe(0);
      const metrics = await edge.metrics();
      expect(metrics.sum("basalt_origin_servers_in_service", { vhost: HOST })).toBe(1);
      expect(metrics.sum("basalt_origin_addresses_excluded", { vhost: HOST })).toBe(1);
    });

    it("ORG-03: failures of several workers add up, a normal exchange of another one begins the count again", async () => {
      const origin = await anOrigin();
      let isBroken = true;
      origin.on("/a").reply(() => ({ status: 200, body: "ok" }));
      origin.on(({ path }) => isBroken && path.startsWith("/broken")).garbage("no HTTP");
      const edge = await anEdge([origin], "<Exclusion>3</Exclusion><Recovery>0</Recovery>", {
        xml: `<Options><BypassGetRequest>ON</BypassGetRequest></Options>
        <OriginOptions><Exclusion>3</Exclusion><Recovery>0</Recovery></OriginOptions>`,
      });
      for (let round = 0; round < 2; round++) await edge.get("/broken").expect(500);
      await askAllWorkers(edge, "/a", 4);
      for (let round = 0; round < 2; round++) await edge.get("/broken").expect(500);
      expect((await originState(edge)).addresses[origin.address]).toBe("Active");
      await edge.get("/broken").expect(500);
      await untilAddress(edge, origin.address, "Inactive");
      isBroken = false;
      // The view of it has still to reach the workers.
      await expect.poll(async () => (await edge.get("/a")).status).toBe(500);
    });

    it("ORG-21: a reload keeps what is known of addresses that stay, and drops those that go", async () => {
      const [dead, alive, next] = [await aRefusingOrigin(), await anOrigin(), await anOrigin()];
      const edge = await anEdge([dead, alive], "<Exclusion>1</Exclusion><Recovery>0</Recovery>");
      for (let round = 0; round < 2; round++) await edge.get(`/a${round}`).expect(200);
      await untilAddress(edge, dead.address, "Inactive");
      const vhost = edge.configuration.vhosts[0];
      if (vhost === undefined) throw new Error("no host");
      expect(await edge.reload({ vhosts: [{ ...vhost, origin: [next.address, dead.address] }] })).toMatchObject({
        status: "OK",
      });
      await dead.listen();
      const [seen] = [alive.saw()];
      await askAllWorkers(edge, "/b", 6);
      expect((await originState(edge)).addresses).toEqual({ [next.address]: "Active", [dead.address]: "Inactive" });
      expect([dead.connections, alive.saw()]).toEqual([0, seen]);
    });

    it("CFG-14 ORG-26: a standby server takes the place of a failed one (OPEN 8)", async () => {
      const [dead, standby] = [await aRefusingOrigin(), await anOrigin()];
      const edge = await anEdge([dead], "<Exclusion>1</Exclusion><Recovery>0</Recovery>", {
        originXml: `<Address2>${standby.address}</Address2>`,
      });
      expect(await originState(edge)).toMatchObject({
        addresses: { [dead.address]: "Active" },
        standby: { [standby.address]: "Inactive" },
      });
      await edge.get("/a");
      await untilAddress(edge, dead.address, "Inactive");
      expect((await originState(edge)).standby).toEqual({ [standby.address]: "Active" });
      await askAllWorkers(edge, "/b", 4);
    });

    it("ORG-26 ORG-27 OPEN 7: unknown hosts are 404 and Fail; the command line shows and resets", async () => {
      const dead = await aRefusingOrigin();
      const edge = await anEdge([dead], "<Exclusion>1</Exclusion><Recovery>0</Recovery>");
      for (const path of ["/monitoring/origin?vhost=nobody.test", "/command/resetorigin?vhost=nobody.test"]) {
        expect(await edge.apiJson(path)).toMatchObject({ httpStatus: 404, status: "Fail" });
      }
      await edge.get("/a").expect(500);
      await untilAddress(edge, dead.address, "Inactive");
      const shown = await edge.command("origin");
      expect(shown.exitCode).toBe(0);
      expect(shown.output).toMatch(new RegExp(`${HOST} +${dead.address} +active +Inactive`));
      expect((await edge.command("resetorigin", "--vhost", HOST)).exitCode).toBe(0);
      await untilAddress(edge, dead.address, "Active");
    });
  },
);
