import { afterEach, describe, expect, it } from "vitest";
import {
  type EdgeRequest,
  isEdgeBuilt,
  type PendingAnswer,
  patternBody,
  startEdge,
  startOrigin,
  type TestEdge,
  type TestOrigin,
  type VhostSpec,
} from "../../src/index.ts";
import { useShared } from "../../src/scenario/index.ts";
import { askAllWorkers, until, untilAddress } from "./support/originState.ts";

/** Scenes of spec 12 with two workers: each test has a virtual host of its own. */

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

const anOrigin = async (body = "ok"): Promise<TestOrigin> => {
  const origin = await startOrigin();
  origin.on(() => true).reply(200, { "Cache-Control": "no-cache" }, body);
  origins.push(origin);
  return origin;
};

interface Host {
  readonly name: string;
  get(path: string, request?: EdgeRequest): PendingAnswer;
  post(path: string, request?: EdgeRequest): PendingAnswer;
}

const aHost = async (origin: readonly TestOrigin[], xml: string, vhost: Partial<VhostSpec> = {}): Promise<Host> => {
  hosts += 1;
  const name = `cloud${hosts}.test`;
  await edge.addVhost({ name, origin: origin.map(({ address }) => address), xml, ...vhost });
  expect((await edge.reload()).status).toBe("OK");
  return {
    name,
    get: (path, request = {}) => edge.get(path, { host: name, ...request }),
    post: (path, request = {}) => edge.request(path, { method: "POST", body: "x", host: name, ...request }),
  };
};

/** Puts the host in service with other origin servers. */
const moveTo = async (host: Host, origin: readonly TestOrigin[]): Promise<void> => {
  const vhosts = edge.configuration.vhosts.map((vhost) =>
    vhost.name === host.name ? { ...vhost, origin: origin.map(({ address }) => address) } : vhost,
  );
  expect((await edge.reload({ vhosts })).status).toBe("OK");
};

const statesOf = async (
  host: Host,
): Promise<ReadonlyMap<string, { readonly State: string; readonly Reason: string }>> => {
  const { text } = await edge.api(`/monitoring/origin?vhost=${host.name}`);
  const { origin }: { origin: { State: { Server: string; State: string; Reason: string }[] }[] } = JSON.parse(text);
  return new Map(origin[0]?.State.map((state) => [state.Server, state]));
};

describe.skipIf(!isEdgeBuilt() && process.env.CI === undefined)("origin servers of a balancer", () => {
  it("AWS-22 AWS-23 AWS-24 AWS-25, A4 of spec 12: a check that is answered 401 takes a server out until it is let in", async () => {
    const [guarded, open] = [await anOrigin("guarded"), await anOrigin("open")];
    let password = "old";
    const check = guarded.on("/alive");
    check.reply((request) => ({ status: request.field("authorization") === `Bearer ${password}` ? 200 : 401 }));
    const checker =
      '<HealthChecker ResCode="200" Exclusion="2" Recovery="2" Cycle="1" Host="check.test" UserAgent="Checker/1" Fields="Authorization: Bearer old">/alive</HealthChecker>';
    const host = await aHost([guarded, open], "", { originXml: checker });
    await guarded.sawAtLeast("/alive", 1);
    const seen = guarded.lastSeen("/alive");
    expect([seen.field("host"), seen.field("user-agent")]).toEqual(["check.test", "Checker/1"]);
    expect((await statesOf(host)).get(guarded.address)).toMatchObject({ State: "InService" });
    password = "new";
    await untilAddress(edge, guarded.address, "Inactive", host.name);
    expect((await statesOf(host)).get(guarded.address)).toMatchObject({
      State: "OutOfService",
      Reason: expect.stringContaining("401"),
    });
    const before = guarded.seen().filter(({ target }) => target !== "/alive").length;
    for (let round = 0; round < 6; round++) await host.get(`/between${round}`).expect(200, "open");
    expect(guarded.seen().filter(({ target }) => target !== "/alive").length).toBe(before);
    password = "old";
    await untilAddress(edge, guarded.address, "Active", host.name);
    await until("it is asked again", async () => (await host.get(`/after${guarded.saw()}`)).text === "guarded");
  });

  it("AWS-26: a check of the connection alone says nothing to the server", async () => {
    const [dead, alive] = [await anOrigin(), await anOrigin()];
    await dead.refuse();
    const checker = '<HealthChecker Type="tcp" Exclusion="1" Recovery="1" Cycle="1"/>';
    const host = await aHost([dead, alive], "<OriginOptions><Recovery>0</Recovery></OriginOptions>", {
      originXml: checker,
    });
    await untilAddress(edge, dead.address, "Inactive", host.name);
    expect((await statesOf(host)).get(dead.address)?.Reason).toMatch(/ECONNREFUSED|refused/i);
    await dead.listen();
    await untilAddress(edge, dead.address, "Active", host.name);
    expect([dead.saw(), alive.saw()]).toEqual([0, 0]);
  });

  it("AWS-27, A5 of spec 12: what runs to a server that has gone may end in time, and is cut after it", async () => {
    const body = patternBody(400_000, 5);
    for (const [seconds, isCut] of [
      [60, false],
      [1, true],
    ] as const) {
      const [old, next] = [await anOrigin(), await anOrigin("next")];
      const gate = old.on("/film").reply(200, {}, body).hold(100_000);
      const host = await aHost([old], `<OriginOptions><Draining Timeout="${seconds}">ON</Draining></OriginOptions>`);
      const download = host.post("/film").then(
        ({ body: received }) => received.length,
        () => "cut" as const,
      );
      await old.sawAtLeast("/film", 1);
      await moveTo(host, [next]);
      await until("the next server is asked", async () => (await host.get("/x")).text === "next");
      if (!isCut) gate.release();
      expect(await download).toBe(isCut ? "cut" : body.size);
      gate.release();
      expect(old.saw()).toBe(1);
    }
  });

  it("AWS-29, A6 of spec 12: a cookie keeps a client with one server as long as that is in service", async () => {
    const three = [await anOrigin("a"), await anOrigin("b"), await anOrigin("c")];
    const host = await aHost(
      three,
      '<Options><BypassPostRequest OriginAffinity="OFF">ON</BypassPostRequest></Options><OriginOptions><Exclusion>1</Exclusion><Recovery>0</Recovery><Sticky Mode="cookie" Name="WHERE" Duration="60"/></OriginOptions>',
    );
    const first = await host.post("/p");
    const cookie = first.field("set-cookie") ?? "";
    expect(cookie).toMatch(/^WHERE=[\w-]+; Path=\/; Max-Age=60; HttpOnly; SameSite=Lax$/);
    const headers = { Cookie: `other=1; ${cookie.split(";")[0]}` };
    for (let round = 0; round < 20; round++) {
      await host.post("/p", { headers }).expect(200, first.text, { "set-cookie": undefined });
    }
    await three.find((_, index) => "abc"[index] === first.text)?.refuse();
    // The first to find out may be answered 500: a POST is not sent twice.
    await until("another server answers", async () => (await host.post("/p", { headers })).status === 200);
    const second = await host.post("/p", { headers });
    expect(second.text).not.toBe(first.text);
    expect(second.field("set-cookie")).toMatch(/^WHERE=/);
    expect(second.field("set-cookie")).not.toBe(cookie);
  });

  it("AWS-31: servers are added and removed by a call, which drops no session and stays", async () => {
    const [one, two] = [await anOrigin("one"), await anOrigin("two")];
    const host = await aHost([one], '<Options><BypassPostRequest Private="ON">ON</BypassPostRequest></Options>');
    const client = await edge.client();
    const ask = async () => (await client.request({ path: "/p", host: host.name, method: "POST", body: "x" })).text;
    expect(await ask()).toBe("one");
    const call = `/command/origins?vhost=${host.name}`;
    const answer = await edge.apiJson(`${call}&add=${two.address}&weight=3`);
    expect([answer.status, answer.result]).toEqual(["OK", [one.address, `${two.address} (Weight 3)`]]);
    expect(await ask()).toBe("one");
    expect(new Set(one.seen("/p").map(({ connection }) => connection)).size).toBe(1);
    await until("both are asked", async () => {
      await host.get(`/${one.saw() + two.saw()}`);
      return two.saw() > 0;
    });
    await edge.apiJson(`${call}&remove=${one.address}`);
    expect(await client.closedByPeer()).toBe(true);
    expect((await edge.apiJson(`${call}&remove=${two.address}`)).status).toBe("Fail");
    expect((await statesOf(host)).size).toBe(1);
    expect((await edge.api("/conf/vhosts.xml")).text).toContain(`<Address Weight="3">${two.address}</Address>`);
  });

  it("AWS-43: a client is sent to a server of its own for a WebSocket, and only for that", async () => {
    const origin = await anOrigin();
    const host = await aHost([origin], "<OriginOptions><WebSocketRedirect>ON</WebSocketRedirect></OriginOptions>");
    const headers = { Connection: "Upgrade", Upgrade: "websocket" };
    const sent = await host.get("/chat?x=1", { headers });
    expect([sent.status, sent.field("location")]).toEqual([307, `ws://${origin.address}/chat?x=1`]);
    expect(origin.saw()).toBe(0);
    await host.get("/a").expect(200, "ok");
  });

  it("AWS-33: servers are asked as often as their weights say", async () => {
    const [heavy, light] = [await anOrigin(), await anOrigin()];
    const host = await aHost([], "", {
      origin: [light.address],
      originXml: `<Address Weight="3">${heavy.address}</Address>`,
    });
    const sent = await askAllWorkers(edge, "/w", 16, host.name);
    expect(Math.abs(heavy.saw() - (sent * 3) / 4)).toBeLessThanOrEqual(3);
  });
});

describe.skipIf(!isEdgeBuilt() && process.env.CI === undefined)("what origins are told and asked", () => {
  it("AWS-36 AWS-37 AWS-38: where a client came from and how it connected", async () => {
    const origin = await anOrigin();
    const told = "<XForwardedProto>ON</XForwardedProto><XForwardedPort>ON</XForwardedPort>";
    const host = await aHost([origin], `<OriginOptions>${told}</OriginOptions>`);
    const headers = { "X-Forwarded-For": "1.1.1.1", "X-Forwarded-Proto": "gopher", "X-Forwarded-Port": "70" };
    await host.get("/filled", { headers }).expect(200);
    await host.post("/bypassed", { headers }).expect(200);
    for (const path of ["/filled", "/bypassed"]) {
      const seen = origin.lastSeen(path);
      expect(["x-forwarded-for", "x-forwarded-proto", "x-forwarded-port"].map((name) => seen.field(name))).toEqual([
        "1.1.1.1, 127.0.0.1",
        "http",
        String(edge.port),
      ]);
    }
  });

  it("AWS-54, A11 of spec 12: named cookies, fields and parameters tell objects apart and reach the origin, no others", async () => {
    const origin = await startOrigin();
    origins.push(origin);
    origin
      .on(() => true)
      .reply((request) => ({
        status: 200,
        fields: { "Cache-Control": "max-age=60" },
        body: `${request.target} ${request.field("cookie") ?? "-"} ${request.field("x-a") ?? "-"} ${request.field("x-b") ?? "-"}`,
      }));
    const forward =
      '<Forward><Headers Mode="list">X-A</Headers><Cookies Mode="list">lang</Cookies><QueryString Mode="list">id</QueryString></Forward>';
    const host = await aHost([origin], `<Options>${forward}</Options>`);
    const get = (query: string, cookie: string, a: string) =>
      host.get(`/a?${query}`, { headers: { Cookie: cookie, "X-A": a, "X-B": "b" } });
    for (let round = 0; round < 3; round++) {
      await get(`id=1&u=${round}`, `u=${round}; lang=ko`, "1").expect(200, "/a?id=1 lang=ko 1 -");
      await get(`u=${round}&id=1`, `lang=en; u=${round}`, "1").expect(200, "/a?id=1 lang=en 1 -");
      await get("id=1", "lang=en", "2").expect(200, "/a?id=1 lang=en 2 -");
      await get("id=2", "none=1", "2").expect(200, "/a?id=2 - 2 -");
    }
    expect(origin.saw()).toBe(4);
  });

  it("AWS-44, A8 of spec 12: the path decides which group of servers is asked", async () => {
    const [groupA, groupB, rest] = [await anOrigin("A"), await anOrigin("B"), await anOrigin("rest")];
    const a = await aHost([groupA], "");
    const b = await aHost([groupB], "");
    const paths = `<Sub><Path Vhost="${a.name}">/AAA/</Path><Path Vhost="${b.name}">/BBB/</Path></Sub>`;
    const host = await aHost([rest], paths);
    await host.get("/AAA/x").expect(200, "A");
    await host.get("/BBB/x").expect(200, "B");
    await host.get("/x").expect(200, "rest");
  });
});

describe.skipIf(!isEdgeBuilt() && process.env.CI === undefined)("a content network", () => {
  it("AWS-47: each host has settings and content of its own", async () => {
    const origin = await startOrigin();
    origins.push(origin);
    let version = 0;
    origin.on(() => true).reply(() => ({ status: 200, body: `v${++version}` }));
    const kept = await aHost([origin], "<Options><TTL><Res2xx>60</Res2xx></TTL></Options>");
    const passed = await aHost([origin], "<Options><BypassGetRequest>ON</BypassGetRequest></Options>");
    await kept.get("/a").expect(200, "v1");
    await passed.get("/a").expect(200, "v2");
    await passed.get("/a").expect(200, "v3");
    await kept.get("/a").expect(200, "v1");
    expect((await edge.apiJson(`/command/purge?url=${passed.name}/*`)).status).toBe("OK");
    await kept.get("/a").expect(200, "v1");
  });

  it("AWS-57: a store that still gives the old object after a purge gives the new one after the next", async () => {
    const origin = await startOrigin();
    origins.push(origin);
    let stored = "old";
    let shown = "old";
    origin
      .on(() => true)
      .reply((request) => {
        const tag = `"${shown}"`;
        const isSame = request.field("if-none-match") === tag;
        return {
          status: isSame ? 304 : 200,
          fields: { ETag: tag, "Cache-Control": "max-age=60" },
          body: isSame ? "" : shown,
        };
      });
    const host = await aHost([origin], "<OriginOptions><OriginalETag>ON</OriginalETag></OriginOptions>");
    await host.get("/a").expect(200, "old");
    stored = "new";
    for (const command of ["purge", "expire"]) {
      await edge.apiJson(`/command/${command}?url=${host.name}/a`);
      await host.get("/a").expect(200, "old");
    }
    shown = stored;
    await edge.apiJson(`/command/expire?url=${host.name}/a`);
    await host.get("/a").expect(200, "new");
  });
});

describe.skipIf(!isEdgeBuilt() && process.env.CI === undefined)("protection", () => {
  it("AWS-58: beyond the limit clients are sent to a page, which is always served", async () => {
    const origin = await anOrigin();
    origin.on("/busy.html").reply(200, { "Cache-Control": "max-age=60" }, "busy");
    const gate = origin.on("/slow").reply(200, {}, "slow").hold();
    const host = await aHost([origin], '<Options><Overload Limit="2" Page="/busy.html"/></Options>');
    // One place for each worker: those that find theirs taken are sent away.
    const slow = Array.from({ length: 12 }, () => host.get("/slow"));
    const sentAway = await Promise.all(
      Array.from({ length: 12 }, async () => {
        await origin.sawAtLeast("/slow", 1);
        return await host.get("/slow");
      }),
    );
    const away = sentAway.find(({ status }) => status === 302);
    expect([away?.field("location"), away?.field("cache-control")]).toEqual(["/busy.html", "no-store"]);
    await host.get("/busy.html").expect(200, "busy");
    gate.release();
    await Promise.all(slow);
    await host.get("/a").expect(200, "ok");
  });

  it("AWS-21: a request that has passed too many proxies is answered 463", async () => {
    const origin = await anOrigin();
    const host = await aHost([origin], "<Options><XFFLimit>30</XFFLimit></Options>");
    const addresses = (count: number) => ({
      headers: { "X-Forwarded-For": Array.from({ length: count }, (_, nth) => `10.0.0.${nth}`).join(", ") },
    });
    await host.get("/a", addresses(30)).expect(200);
    await host.get("/a", addresses(31)).expect(463);
  });
});

describe.skipIf(!isEdgeBuilt() && process.env.CI === undefined)("the end of an instance", () => {
  it("AWS-28: it is not ready, serves on, ends what runs, and is gone", async () => {
    const origin = await anOrigin();
    const gate = origin.on("/slow").reply(200, {}, "slow").hold();
    const xml = "<OriginOptions><ReceiveTimeout>100</ReceiveTimeout></OriginOptions>";
    const leaving = await startEdge({ workers: 2, vhosts: [{ name: "a.test", origin: origin.address, xml }] });
    try {
      expect((await leaving.api("/monitoring/ready")).status).toBe(200);
      const slow = leaving.get("/slow").then(({ text }) => text);
      await origin.sawAtLeast("/slow", 1);
      await leaving.apiJson("/command/terminate?key=JUSTDOIT&leave=1&drain=60");
      expect((await leaving.api("/monitoring/ready")).status).toBe(503);
      await leaving.get("/a").expect(200, "ok");
      await until("it takes no connections", () =>
        leaving.get("/a").then(
          () => false,
          () => true,
        ),
      );
      gate.release();
      expect(await slow).toBe("slow");
      expect(await leaving.ended()).toBe(0);
    } finally {
      gate.release();
      await leaving.close();
    }
  });

  it("AWS-28: a drain that takes too long is shortened by another call", async () => {
    const origin = await anOrigin();
    const gate = origin.on("/slow").reply(200, {}, "slow").hold();
    const xml = "<OriginOptions><ReceiveTimeout>100</ReceiveTimeout></OriginOptions>";
    const leaving = await startEdge({ workers: 2, vhosts: [{ name: "a.test", origin: origin.address, xml }] });
    try {
      const slow = leaving.get("/slow").then(
        () => "answered",
        () => "cut",
      );
      await origin.sawAtLeast("/slow", 1);
      await leaving.apiJson("/command/terminate?key=JUSTDOIT&drain=3600");
      await until("it takes no connections", () =>
        leaving.get("/a").then(
          () => false,
          () => true,
        ),
      );
      await leaving.apiJson("/command/terminate?key=JUSTDOIT&drain=0");
      expect([await slow, await leaving.ended()]).toEqual(["cut", 0]);
    } finally {
      gate.release();
      await leaving.close();
    }
  });

  it("AWS-28: neither the end of a worker nor that of the primary makes it ready again, and it ends all the same", async () => {
    const origin = await anOrigin();
    const leaving = await startEdge({ workers: 2, vhosts: [{ name: "a.test", origin: origin.address }] });
    const readiness = async () => (await leaving.api("/monitoring/ready")).status;
    try {
      await leaving.apiJson("/command/terminate?key=JUSTDOIT&leave=3600");
      await leaving.kill(0);
      expect(await readiness()).toBe(503);
      const { primaryPid } = await leaving.status();
      leaving.signal(primaryPid, "SIGKILL");
      await leaving.waitUntilServing((status) => status.primaryPid !== primaryPid);
      expect(await readiness()).toBe(503);
      await leaving.get("/a").expect(200, "ok");
      await leaving.apiJson("/command/terminate?key=JUSTDOIT&leave=0");
      expect(await leaving.ended()).toBe(0);
    } finally {
      await leaving.close();
    }
  });
});
