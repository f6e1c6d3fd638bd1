import { describe, expect, it } from "vitest";
import type { OriginBoard } from "../src/contract.ts";
import { fetchFrom, getRequest, openPool, resultOf, until } from "./support/exchange.ts";
import { httpOrigin, rawOrigin, refusedPort } from "./support/origin.ts";
import { addressAt, settingsFor } from "./support/settings.ts";
import { ManualTime } from "./support/time.ts";

const NAME = "www.example.com";

const recovery = (changes = {}) => ({
  count: 2,
  cycleSeconds: 10,
  uri: "/alive?x",
  resCodes: [],
  log: true,
  ...changes,
});

const failOnce = (board: OriginBoard, server: string): void =>
  board.report({ vhost: NAME, server, outcome: "Connect-Failed" });

const stateOf = (board: OriginBoard) => board.snapshot(NAME)[0];

describe("exclusion of a server", () => {
  it("ORG-03 ORG-10 excludes after three failures; everything then goes to the other server", async () => {
    const good = await httpOrigin((_request, response) => response.end("good"));
    const bad = await refusedPort();
    const { pool, events } = openPool(settingsFor([addressAt(bad), addressAt(good.port)]));
    for (let nth = 0; nth < 10; nth += 1) expect(await resultOf(pool, getRequest("/"))).toBe(200);
    const server = `127.0.0.1:${bad}`;
    expect(events.slice(0, 4).map((event) => event.kind)).toEqual(["failure", "failure", "failure", "excluded"]);
    expect(events[3]).toEqual({
      kind: "excluded",
      vhost: NAME,
      server,
      source: "exchanges",
      reason: "Connect-Failed",
    });
    await until(() => pool.snapshot()[0]?.excluded === true);
    expect(pool.snapshot().map((state) => state.excluded)).toEqual([true, false]);
    const before = events.length;
    for (let nth = 0; nth < 10; nth += 1) expect(await resultOf(pool, getRequest("/"))).toBe(200);
    expect(events.length).toBe(before);
  });

  it("ORG-11 takes 4xx and 5xx for normal exchanges", async () => {
    const origin = await httpOrigin((request, response) => response.writeHead(request.url === "/4" ? 404 : 503).end());
    const { pool, events } = openPool(settingsFor([addressAt(origin.port)], { exclusion: 1 }));
    expect([await resultOf(pool, getRequest("/4")), await resultOf(pool, getRequest("/5"))]).toEqual([404, 503]);
    expect(events).toEqual([]);
  });

  it("ORG-12 has no server left when all are excluded", async () => {
    const { pool } = openPool(settingsFor([addressAt(await refusedPort())], { exclusion: 1 }));
    expect(await resultOf(pool, getRequest("/"))).toBe("ORIGIN_CONNECT_FAILED");
    await until(() => pool.snapshot()[0]?.excluded === true);
    expect(await resultOf(pool, getRequest("/"))).toBe("ORIGIN_UNAVAILABLE");
    expect(pool.counters.connectFailures).toBe(1);
  });

  it("CFG-14 lets a standby take over when the active server is excluded", async () => {
    const standby = await httpOrigin((_request, response) => response.end("standby"));
    const settings = settingsFor([addressAt(await refusedPort())], { exclusion: 1 }, [addressAt(standby.port)]);
    const { pool } = openPool(settings);
    await fetchFrom(pool, getRequest("/"));
    await until(() => pool.snapshot()[0]?.excluded === true);
    expect((await fetchFrom(pool, getRequest("/"))).body).toBe("standby");
  });
});

describe("recovery of a server", () => {
  it("ORG-04 ORG-05 ORG-06 ORG-09 ORG-50 probes every cycle without waiting for the body", async () => {
    const time = new ManualTime();
    const heads: string[] = [];
    const origin = await rawOrigin((socket, head) => {
      heads.push(head);
      socket.write("HTTP/1.1 500 Busy\r\nContent-Length: 1000\r\n\r\npart of it");
    });
    const address = addressAt(origin.port, { pathPrefix: "/site", hostField: NAME });
    const settings = settingsFor([address], { exclusion: 1, recovery: recovery() });
    const { pool, board, events } = openPool(settings, { clock: time, schedule: time.schedule });
    expect(time.isTicking).toBe(false);
    failOnce(board, address.text);
    expect(time.isTicking).toBe(true);

    time.pass(9);
    expect(heads).toEqual([]);
    time.pass(1);
    await until(() => stateOf(board)?.probes === 1);
    expect(heads).toEqual([
      `GET /site/alive?x HTTP/1.1\r\nhost: ${NAME}\r\nconnection: keep-alive\r\nuser-agent: STON`,
    ]);
    expect(await resultOf(pool, getRequest("/"))).toBe("ORIGIN_UNAVAILABLE");
    time.pass(9);
    expect(heads.length).toBe(1);
    time.pass(1);
    await until(() => events.some((event) => event.kind === "recovered"));
    expect(events[1]).toEqual({ kind: "recovered", vhost: NAME, server: address.text, source: "recovery" });
    time.pass(1);
    expect(time.isTicking).toBe(false);
    await until(() => origin.sockets.size === 0);
    expect(pool.counters.requests).toBe(0);
  });

  it("ORG-07 A2 accepts only the listed status codes, and starts again after another", async () => {
    const time = new ManualTime();
    const statuses = [200, 404, 500, 206, 200];
    const origin = await httpOrigin((_request, response) => response.writeHead(statuses.shift() ?? 500).end());
    const address = addressAt(origin.port);
    const options = { exclusion: 1, recovery: recovery({ count: 3, resCodes: [200, 206, 404] }) };
    const { board } = openPool(settingsFor([address], options), { clock: time, schedule: time.schedule });
    failOnce(board, address.text);
    for (const expected of [1, 2, 0, 1, 2]) {
      const left = statuses.length;
      time.pass(10);
      await until(() => statuses.length < left && stateOf(board)?.probes === expected);
    }
    expect(stateOf(board)?.excluded).toBe(true);
  });

  it("ORG-04 counts a server that still fails as an unsuccessful probe, and probes once at a time", async () => {
    const time = new ManualTime();
    let probes = 0;
    const origin = await rawOrigin((socket) => {
      probes += 1;
      if (probes === 1) socket.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    });
    const address = addressAt(origin.port);
    const options = { exclusion: 1, receiveTimeoutSeconds: 1000, recovery: recovery() };
    const { board } = openPool(settingsFor([address], options), { clock: time, schedule: time.schedule });
    failOnce(board, address.text);
    time.pass(10);
    await until(() => stateOf(board)?.probes === 1);
    time.pass(10);
    await until(() => probes === 2);
    time.pass(30);
    expect(origin.connections()).toBe(2);
    for (const socket of origin.sockets) socket.destroy();
    await until(() => stateOf(board)?.probes === 0);
    time.pass(10);
    await until(() => probes === 3);
  });

  it("ORG-04 does not probe with a count of 0, nor after the board is closed", () => {
    const time = new ManualTime();
    const settings = (count: number) => settingsFor([addressAt(80)], { exclusion: 1, recovery: recovery({ count }) });
    const never = openPool(settings(0), { clock: time, schedule: time.schedule }).board;
    failOnce(never, "127.0.0.1:80");
    time.pass(1);
    expect(time.isTicking).toBe(false);
    const closing = openPool(settings(1), { clock: time, schedule: time.schedule }).board;
    failOnce(closing, "127.0.0.1:80");
    expect(time.isTicking).toBe(true);
    closing.close();
    expect(time.isTicking).toBe(false);
  });

  it("CFG-14 sends the standby back when the active server has recovered", async () => {
    const time = new ManualTime();
    const active = await httpOrigin((_request, response) => response.end("active"));
    const standby = await httpOrigin((_request, response) => response.end("standby"));
    const options = { exclusion: 1, recovery: recovery({ count: 1 }) };
    const settings = settingsFor([addressAt(active.port)], options, [addressAt(standby.port)]);
    const { pool, board } = openPool(settings, { clock: time, schedule: time.schedule });
    failOnce(board, `127.0.0.1:${active.port}`);
    time.pass(1);
    expect((await fetchFrom(pool, getRequest("/"))).body).toBe("standby");
    time.pass(9);
    await until(() => stateOf(board)?.excluded === false);
    time.pass(1);
    expect((await fetchFrom(pool, getRequest("/"))).body).toBe("active");
  });
});
