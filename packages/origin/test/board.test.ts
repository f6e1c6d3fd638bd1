import { describe, expect, it } from "vitest";
import type { OriginResolver } from "../src/resolver.ts";
import { FakeResolver, openBoard } from "./support/board.ts";
import { until } from "./support/exchange.ts";
import { httpOrigin, rawOrigin } from "./support/origin.ts";
import { addressAt, checkerFor, domainAt, settingsFor } from "./support/settings.ts";
import { ManualTime } from "./support/time.ts";

const NAME = "www.example.com";
const A = "127.0.0.1:1";
const B = "127.0.0.1:2";

const timed = () => {
  const time = new ManualTime();
  return { time, parts: { clock: time, schedule: time.schedule } };
};

const idsOf = (view: { readonly inService: readonly { readonly id: string }[] } | undefined) =>
  view?.inService.map(({ id }) => id);

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe("views", () => {
  it("tells all that is in service at once, and again when it changes", () => {
    const { time, parts } = timed();
    const { board, views } = openBoard([settingsFor([addressAt(1), addressAt(2)], { exclusion: 2 })], parts);
    expect(views).toMatchObject([{ vhost: NAME, epoch: 0, isResolving: false, suspected: [], transactions: 0 }]);
    expect(views[0]?.inService).toEqual([
      { id: A, addressIndex: 0, ip: "127.0.0.1", port: 1 },
      { id: B, addressIndex: 1, ip: "127.0.0.1", port: 2 },
    ]);
    time.passMs(20);
    board.report({ vhost: NAME, server: A, outcome: "Connect-Timeout" });
    expect(views.map((view) => view.suspected)).toEqual([[], [A]]);
    time.passMs(20);
    board.report({ vhost: NAME, server: A, outcome: "Receive-Timeout" });
    expect(idsOf(views[2])).toEqual([B]);
    expect(views.map(({ version }) => version)).toEqual([...views.map(({ version }) => version)].sort());
  });

  it("sends one view for all that happens within 20 ms, and none when nothing has changed", () => {
    const { time, parts } = timed();
    const { board, views } = openBoard([settingsFor([addressAt(1), addressAt(2)])], parts);
    for (let nth = 0; nth < 3; nth += 1) board.report({ vhost: NAME, server: A, outcome: "Server-Close" });
    board.report({ vhost: NAME, server: B, outcome: "Server-Close" });
    expect(views.length).toBe(1);
    time.passMs(20);
    expect(views.slice(1)).toMatchObject([{ inService: [{ id: B }], suspected: [B] }]);
    board.report({ vhost: NAME, server: B, outcome: "ok" });
    board.report({ vhost: NAME, server: B, outcome: "Server-Close" });
    board.report({ vhost: NAME, server: "127.0.0.1:9", outcome: "Server-Close" });
    board.report({ vhost: "elsewhere", server: B, outcome: "Server-Close" });
    time.pass(1);
    expect(views.length).toBe(2);
  });

  it("ORG-28 ORG-29 adds up the transactions of all workers, told every 100 ms", () => {
    const { time, parts } = timed();
    const { board, views } = openBoard([settingsFor([addressAt(1)])], parts);
    board.reportTransactions(1, new Map([[NAME, 3]]));
    board.reportTransactions(2, new Map([[NAME, 4]]));
    time.passMs(99);
    expect(views.length).toBe(1);
    time.passMs(1);
    expect(views[1]?.transactions).toBe(7);
    board.reportTransactions(1, new Map([[NAME, 1]]));
    board.reportTransactions(2, new Map());
    time.passMs(100);
    expect(views.slice(2).map((view) => view.transactions)).toEqual([1]);
    expect(board.view(NAME)?.transactions).toBe(1);
  });

  it("ORG-22 keeps hosts apart, and forgets those that are gone", () => {
    const { time, parts } = timed();
    const settings = settingsFor([addressAt(1)], { exclusion: 1 });
    const { board } = openBoard([settings, { ...settings, name: "other.test" }], parts);
    board.report({ vhost: "other.test", server: A, outcome: "Connect-Failed" });
    expect([idsOf(board.view(NAME)), idsOf(board.view("other.test"))]).toEqual([[A], []]);
    board.configure([settings]);
    expect([board.view("other.test"), board.monitoring("other.test"), board.snapshot("other.test")]).toEqual([
      undefined,
      undefined,
      [],
    ]);
    time.pass(1);
  });

  it("ORG-27 A11 puts servers back at a reset, in a new epoch", () => {
    const { time, parts } = timed();
    const { board, views, events } = openBoard([settingsFor([addressAt(1)], { exclusion: 1 })], parts);
    board.report({ vhost: NAME, server: A, outcome: "Connect-Failed" });
    time.pass(1);
    expect(board.monitoring(NAME)?.origin[0]?.Address).toEqual([{ [A]: "Inactive" }]);
    expect([board.reset("unknown"), board.reset(NAME)]).toEqual([false, true]);
    expect(board.monitoring(undefined)?.origin[0]?.Address).toEqual([{ [A]: "Active" }]);
    expect(views.at(-1)).toMatchObject({ epoch: 1, inService: [{ id: A }] });
    expect(events.map((event) => event.kind)).toEqual(["servers", "excluded", "servers", "servers"]);
    expect(board.reset(undefined)).toBe(true);
    time.pass(1);
    expect(views.at(-1)?.epoch).toBe(2);
  });
});

describe("health checks", () => {
  const everyCycle = async (time: ManualTime, checks: () => number, count: number) => {
    for (let nth = 0; nth < count; nth += 1) {
      const before = checks();
      time.pass(1);
      await until(() => checks() > before);
      for (let turn = 0; turn < 20; turn += 1) await settled();
    }
  };

  it("OPT-45 ORG-13 ORG-14 ORG-16 ORG-17 ORG-18 A3 excludes and brings back without any request of a client", async () => {
    const { time, parts } = timed();
    let status = 200;
    const heads: string[] = [];
    const origin = await rawOrigin((socket, head) => {
      heads.push(head);
      socket.write(`HTTP/1.1 ${status} Status\r\nContent-Length: 2\r\n\r\nok`);
    });
    const checker = checkerFor({ uri: "/alive", resCodes: [200], exclusion: 2, recovery: 2, cycleSeconds: 1 });
    const address = addressAt(origin.port);
    const { board, events } = openBoard([settingsFor([address], {}, [], [checker])], parts);
    const isActive = () => board.monitoring(NAME)?.origin[0]?.Address[0]?.[address.text];
    await everyCycle(time, () => heads.length, 2);
    expect([isActive(), heads[0]?.split("\r\n")[0]]).toEqual(["Active", "GET /alive HTTP/1.1"]);
    status = 500;
    await everyCycle(time, () => heads.length, 1);
    expect(isActive()).toBe("Active");
    await everyCycle(time, () => heads.length, 1);
    await until(() => isActive() === "Inactive");
    expect(board.monitoring(NAME)?.origin[0]?.InactiveIP).toEqual([{ [address.text]: 0 }]);
    status = 200;
    await everyCycle(time, () => heads.length, 2);
    await until(() => isActive() === "Active");
    const probes = events.filter((event) => event.kind === "probe");
    expect(probes.map((event) => [event.source, event.isSuccess, event.status])).toEqual([
      ["healthcheck", true, 200],
      ["healthcheck", true, 200],
      ["healthcheck", false, 500],
      ["healthcheck", false, 500],
      ["healthcheck", true, 200],
      ["healthcheck", true, 200],
    ]);
  });

  it("AWS-26 connects and says nothing where that is the check", async () => {
    const { time, parts } = timed();
    const heads: string[] = [];
    const origin = await rawOrigin((_, head) => heads.push(head));
    const checker = checkerFor({ type: "tcp", exclusion: 1, recovery: 1, cycleSeconds: 1 });
    const address = addressAt(origin.port);
    const { board, events } = openBoard([settingsFor([address], {}, [], [checker])], parts);
    const stateOf = () => board.monitoring(NAME)?.origin[0]?.State[0];
    const checks = () => events.filter((event) => event.kind === "probe").length;
    await everyCycle(time, checks, 1);
    expect(stateOf()).toEqual({ Server: address.text, State: "InService", Reason: "" });
    await origin.stop();
    await everyCycle(time, checks, 1);
    await until(() => stateOf()?.State === "OutOfService");
    expect(stateOf()?.Reason).toContain("ECONNREFUSED");
    expect(heads).toEqual([]);
  });

  it("AWS-24 AWS-25 sends the fields of the check, and tells the last failure until a reset", async () => {
    const { time, parts } = timed();
    const heads: string[] = [];
    const origin = await rawOrigin((socket, head) => {
      heads.push(head);
      socket.write("HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno");
    });
    const fields = ["Host", "check.test", "User-Agent", "Checker", "X-Key", "1"];
    const checker = checkerFor({ fields, resCodes: [200], exclusion: 1, cycleSeconds: 1 });
    const { board } = openBoard([settingsFor([addressAt(origin.port)], {}, [], [checker])], parts);
    await everyCycle(time, () => heads.length, 1);
    const lines = heads[0]?.toLowerCase().split("\r\n");
    expect(lines).toEqual(expect.arrayContaining(["host: check.test", "user-agent: checker", "x-key: 1"]));
    expect(heads[0]?.match(/host:|user-agent:/gi)?.length).toBe(2);
    const stateOf = () => board.monitoring(NAME)?.origin[0]?.State[0];
    await until(() => stateOf()?.State === "OutOfService");
    expect(stateOf()?.Reason).toBe("status 404 is not one of 200");
    board.reset(NAME);
    expect(stateOf()).toMatchObject({ State: "InService", Reason: "" });
  });

  it("ORG-13 ORG-15 wants the whole transaction within the time", async () => {
    const { time, parts } = timed();
    const origin = await rawOrigin((socket) => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhalf"));
    const checker = checkerFor({ timeoutSeconds: 3, cycleSeconds: 10, exclusion: 1 });
    const { board, events } = openBoard([settingsFor([addressAt(origin.port)], {}, [], [checker])], parts);
    const answered = () => origin.connections() > 0;
    await until(() => {
      if (!answered()) time.passMs(5);
      return answered();
    });
    for (let turn = 0; turn < 20; turn += 1) await settled();
    expect(events.some((event) => event.kind === "excluded")).toBe(false);
    time.pass(3);
    expect(events.filter((event) => event.kind === "excluded")).toMatchObject([{ source: "healthcheck" }]);
    expect(board.snapshot(NAME)[0]?.excluded).toBe(true);
    board.close();
    await until(() => origin.sockets.size === 0);
  });

  it("REG-90 REG-91 ORG-20 CFG-14 checks standby servers too, one check at a time, and goes on after a reset", async () => {
    const { time, parts } = timed();
    const silent = await rawOrigin(() => {});
    const standby = await httpOrigin((_request, response) => response.end());
    const checker = checkerFor({ timeoutSeconds: 1000, cycleSeconds: 1, log: false });
    const settings = settingsFor([addressAt(silent.port)], {}, [addressAt(standby.port)], [checker]);
    const { board, events } = openBoard([settings], parts);
    time.pass(1);
    await until(() => silent.connections() === 1 && standby.connections() === 1);
    board.reset(NAME);
    for (let turn = 0; turn < 20; turn += 1) await settled();
    time.pass(1);
    await until(() => standby.connections() === 2);
    expect(silent.connections()).toBe(1);
    expect(events.filter((event) => event.kind === "probe")).toEqual([]);
  });
});

describe("domains", () => {
  const settings = settingsFor([domainAt(80)]);
  const idOf = (ip: string) => `origin.test:80 ${ip}`;

  it("ORG-22 resolves at once; until then requests may wait", async () => {
    const { time, parts } = timed();
    const resolver = new FakeResolver().answer("origin.test", { "10.0.0.1": 60, "2001:db8::1": 60 });
    const { board, views } = openBoard([settings], { ...parts, resolver });
    expect(views).toMatchObject([{ inService: [], isResolving: true }]);
    expect(resolver.asked).toEqual([]);
    await settled();
    time.passMs(20);
    expect(resolver.asked).toEqual(["origin.test 4", "origin.test 6"]);
    expect(views.at(-1)).toMatchObject({ isResolving: false });
    expect(idsOf(views.at(-1))).toEqual([idOf("10.0.0.1"), idOf("2001:db8::1")]);
    expect(board.dnsList()).toEqual([
      { vhost: NAME, domain: "origin.test", ttlSeconds: 60, ips: ["10.0.0.1", "2001:db8::1"] },
    ]);
  });

  it.each([
    { ttl: 0, everySeconds: 1 },
    { ttl: 4, everySeconds: 4 },
    { ttl: 300, everySeconds: 10 },
  ])("ORG-22 resolves again after $everySeconds s with a TTL of $ttl", async ({ ttl, everySeconds }) => {
    const { time, parts } = timed();
    const resolver = new FakeResolver().answer("origin.test", { "10.0.0.1": ttl });
    openBoard([settings], { ...parts, resolver });
    await time.passSlowly(0.25);
    await time.passSlowly(everySeconds * 3);
    expect(resolver.asked.filter((question) => question.endsWith("4")).length).toBe(4);
  });

  it("REG-84 ORG-22 lets new IPs act at once, and old ones until their time is over", async () => {
    const { time, parts } = timed();
    const resolver = new FakeResolver().answer("origin.test", { "10.0.0.1": 5 });
    const { board, events } = openBoard([settings], { ...parts, resolver });
    await time.passSlowly(1);
    resolver.answer("origin.test", { "10.0.0.2": 5 });
    await time.passSlowly(3.75);
    expect(idsOf(board.view(NAME))).toEqual([idOf("10.0.0.1")]);
    await time.passSlowly(0.5);
    expect(idsOf(board.view(NAME))).toEqual([idOf("10.0.0.2")]);
    const lists = events.flatMap((event) => (event.kind === "servers" ? [event.inService.join()] : []));
    expect(lists).toEqual([idOf("10.0.0.1"), `${idOf("10.0.0.1")},${idOf("10.0.0.2")}`, idOf("10.0.0.2")]);
  });

  it("ORG-22 keeps the last IPs while no name server answers, and asks less and less often", async () => {
    const { time, parts } = timed();
    const resolver = new FakeResolver().answer("origin.test", { "10.0.0.1": 5 });
    const { board, events } = openBoard([settings], { ...parts, resolver });
    await time.passSlowly(1);
    resolver.answers.clear();
    await time.passSlowly(100);
    expect(idsOf(board.view(NAME))).toEqual([idOf("10.0.0.1")]);
    const unresolved = events.filter((event) => event.kind === "unresolved");
    expect(unresolved[0]).toMatchObject({
      domain: "origin.test",
      reason: "ENOTFOUND origin.test; ENOTFOUND origin.test",
    });
    expect(unresolved.length).toBeLessThan(20);
    resolver.answer("origin.test", { "10.0.0.2": 5 });
    await time.passSlowly(11);
    expect(idsOf(board.view(NAME))).toEqual([idOf("10.0.0.2")]);
  });

  it("ORG-22 lets requests wait while name servers are silent, and not when they say that there is no such name", async () => {
    const { time, parts } = timed();
    let answer = () => Promise.reject(Object.assign(new Error("silence"), { code: "ETIMEOUT" }));
    const resolver: OriginResolver = { resolve: () => answer() };
    const { board } = openBoard([settings], { ...parts, resolver });
    await time.passSlowly(5);
    expect(board.view(NAME)).toMatchObject({ isResolving: true, inService: [] });
    answer = () => Promise.reject(Object.assign(new Error("unknown"), { code: "ENOTFOUND" }));
    await time.passSlowly(2);
    expect(board.view(NAME)).toMatchObject({ isResolving: false, inService: [] });
  });

  it("REG-83 REG-99 ORG-22 survives answers without address, with garbage, with too much, late and never", async () => {
    const { time, parts } = timed();
    const flood = Array.from({ length: 5000 }, (_, nth) => ({ ip: `10.9.${nth >> 8}.${nth & 255}`, ttlSeconds: 60 }));
    const answers: ReturnType<OriginResolver["resolve"]>[] = [
      Promise.resolve([]),
      Promise.resolve([
        { ip: "not an address", ttlSeconds: 60 },
        { ip: "10.0.0.1", ttlSeconds: Number.NaN },
        { ip: "10.0.0.1 10.0.0.2", ttlSeconds: 60 },
        { ip: "::1", ttlSeconds: -1 },
      ]),
      new Promise(() => {}),
      Promise.resolve(flood),
    ];
    let asked = 0;
    const resolver: OriginResolver = {
      resolve: (_domain, family) => {
        if (family === 6) throw Object.assign(new Error("none"), { code: "ENODATA" });
        asked += 1;
        return answers[asked - 1] ?? Promise.reject(new Error("no more"));
      },
    };
    const { board, views } = openBoard([settings], { ...parts, resolver });
    await time.passSlowly(20);
    expect(asked).toBeGreaterThan(3);
    expect(views.some((view) => !view.isResolving && view.inService.length === 0)).toBe(true);
    expect(board.view(NAME)?.inService.length).toBe(128);
  });

  it("ORG-24 probes the IPs of an excluded domain, and makes all of it active when one has recovered", async () => {
    const origin = await httpOrigin((_request, response) => response.end());
    const { time, parts } = timed();
    const domain = domainAt(origin.port);
    const id = (ip: string) => `${domain.text} ${ip}`;
    const resolver = new FakeResolver().answer("origin.test", { "127.0.0.1": 60 });
    const recovery = { count: 1, cycleSeconds: 3, uri: "/", resCodes: [], log: true };
    const { board } = openBoard([settingsFor([domain], { exclusion: 1, recovery })], { ...parts, resolver });
    await time.passSlowly(1);
    board.report({ vhost: NAME, server: id("127.0.0.1"), outcome: "Connect-Failed" });
    resolver.answer("origin.test", { "127.0.0.1": 60, "192.0.2.1": 60 });
    await time.passSlowly(2);
    expect(idsOf(board.view(NAME))).toEqual([]);
    await time.passSlowly(2);
    await until(() => idsOf(board.view(NAME))?.includes(id("127.0.0.1")) === true);
    expect(origin.connections()).toBe(1);
  });

  it("ORG-21 ORG-22 keeps what is known of a domain over a reload, and stops asking for one that is gone", async () => {
    const { time, parts } = timed();
    const resolver = new FakeResolver().answer("origin.test", { "10.0.0.1": 60 });
    const { board, views } = openBoard([settings], { ...parts, resolver });
    await time.passSlowly(1);
    board.configure([settingsFor([domainAt(80), addressAt(1)])]);
    time.passMs(20);
    expect(idsOf(views.at(-1))).toEqual([idOf("10.0.0.1"), A]);
    board.configure([settingsFor([addressAt(1)])]);
    const asked = resolver.asked.length;
    await time.passSlowly(30);
    expect([idsOf(views.at(-1)), resolver.asked.length, time.isTicking]).toEqual([[A], asked, false]);
  });
});
