import { AdjustableClock, milliseconds } from "@basalt/types";
import { describe, expect, it } from "vitest";
import type { Scheduler } from "../src/recoveryProber.ts";
import { fetchFrom, getRequest, openPool, resultOf, until } from "./support/exchange.ts";
import { httpOrigin, rawOrigin, refusedPort } from "./support/origin.ts";
import { addressAt, settingsFor } from "./support/settings.ts";

/** A scheduler whose ticks the test makes, and a clock it moves. */
const manualTime = () => {
  const clock = new AdjustableClock();
  let task: (() => void) | undefined;
  const schedule: Scheduler = (_intervalMs, next) => {
    task = next;
    return () => {
      task = undefined;
    };
  };
  return {
    clock,
    schedule,
    isTicking: () => task !== undefined,
    pass: (seconds: number) => {
      clock.setOffset(milliseconds(clock.offsetMs + seconds * 1000));
      task?.();
    },
  };
};

const recovery = (changes = {}) => ({ count: 2, cycleSeconds: 10, uri: "/alive?x", resCodes: [0], ...changes });

describe("exclusion of an address", () => {
  it("ORG-03 ORG-10 excludes after three failures; everything then goes to the other address", async () => {
    const good = await httpOrigin((_request, response) => response.end("good"));
    const bad = await refusedPort();
    const { pool, events } = openPool(settingsFor([addressAt(bad), addressAt(good.port)]));
    for (let nth = 0; nth < 10; nth += 1) expect(await resultOf(pool, getRequest("/"))).toBe(200);
    expect(events.map((event) => `${event.kind} ${event.reason}`)).toEqual([
      "failure Connect-Failed",
      "failure Connect-Failed",
      "failure Connect-Failed",
      "excluded Connect-Failed",
    ]);
    expect(events[3]?.address).toBe(`127.0.0.1:${bad}`);
    expect(pool.snapshot().map((state) => state.excluded)).toEqual([true, false]);
  });

  it("ORG-11 takes 4xx and 5xx for normal exchanges", async () => {
    const origin = await httpOrigin((request, response) => response.writeHead(request.url === "/4" ? 404 : 503).end());
    const { pool, events } = openPool(settingsFor([addressAt(origin.port)], { exclusion: 1 }));
    expect([await resultOf(pool, getRequest("/4")), await resultOf(pool, getRequest("/5"))]).toEqual([404, 503]);
    expect(events).toEqual([]);
  });

  it("ORG-12 has no address left when all are excluded", async () => {
    const { pool } = openPool(settingsFor([addressAt(await refusedPort())], { exclusion: 1 }));
    expect(await resultOf(pool, getRequest("/"))).toBe("ORIGIN_CONNECT_FAILED");
    expect(await resultOf(pool, getRequest("/"))).toBe("ORIGIN_UNAVAILABLE");
    expect(pool.counters.connectFailures).toBe(1);
  });

  it("CFG-14 lets a standby answer the very request that excluded the active address", async () => {
    const standby = await httpOrigin((_request, response) => response.end("standby"));
    const { pool } = openPool(
      settingsFor([addressAt(await refusedPort())], { exclusion: 1 }, [addressAt(standby.port)]),
    );
    expect((await fetchFrom(pool, getRequest("/"))).body).toBe("standby");
  });
});

describe("recovery of an address", () => {
  it("ORG-04 ORG-05 ORG-06 ORG-09 ORG-50 probes every cycle without waiting for the body", async () => {
    const time = manualTime();
    const heads: string[] = [];
    const origin = await rawOrigin((socket, head) => {
      heads.push(head);
      if (head.startsWith("GET /fail")) socket.end();
      else socket.write("HTTP/1.1 500 Busy\r\nContent-Length: 1000\r\n\r\npart of it");
    });
    const address = addressAt(origin.port, { pathPrefix: "/site", hostField: "www.example.com" });
    const { pool, events } = openPool(settingsFor([address], { exclusion: 1, recovery: recovery() }), time);
    expect(time.isTicking()).toBe(false);
    pool.apply(pool.snapshot().map((state) => ({ ...state, excluded: true })));
    expect(time.isTicking()).toBe(true);

    time.pass(9);
    expect(heads).toEqual([]);
    time.pass(1);
    await until(() => pool.snapshot()[0]?.probes === 1);
    expect(heads).toEqual([
      "GET /site/alive?x HTTP/1.1\r\nhost: www.example.com\r\nconnection: keep-alive\r\nuser-agent: STON",
    ]);
    expect(await resultOf(pool, getRequest("/"))).toBe("ORIGIN_UNAVAILABLE");
    time.pass(1);
    expect(heads.length).toBe(1);
    time.pass(9);
    await until(() => events.length > 0);
    expect(events).toEqual([{ kind: "recovered", address: address.text, reason: "Probe" }]);
    expect(time.isTicking()).toBe(false);
    await until(() => origin.sockets.size === 0);
    expect(pool.counters.requests).toBe(0);
  });

  it("ORG-07 accepts only the listed status codes, and starts again after another", async () => {
    const time = manualTime();
    const statuses = [200, 404, 500, 206, 200];
    const origin = await httpOrigin((_request, response) => response.writeHead(statuses.shift() ?? 500).end());
    const options = { exclusion: 1, recovery: recovery({ count: 3, resCodes: [200, 206, 404] }) };
    const { pool } = openPool(settingsFor([addressAt(origin.port)], options), time);
    pool.apply(pool.snapshot().map((state) => ({ ...state, excluded: true })));
    const seen: (number | undefined)[] = [];
    for (const expected of [1, 2, 0, 1, 2]) {
      const left = statuses.length;
      time.pass(10);
      await until(() => statuses.length < left && pool.snapshot()[0]?.probes === expected);
      seen.push(pool.snapshot()[0]?.probes);
    }
    expect(seen).toEqual([1, 2, 0, 1, 2]);
    expect(pool.snapshot()[0]?.excluded).toBe(true);
  });

  it("ORG-04 counts an address that still fails as an unsuccessful probe, and one probe at a time", async () => {
    const time = manualTime();
    let probes = 0;
    const origin = await rawOrigin((socket) => {
      probes += 1;
      if (probes === 2) socket.destroy();
    });
    const options = { exclusion: 1, receiveTimeoutSeconds: 30, recovery: recovery() };
    const { pool } = openPool(settingsFor([addressAt(origin.port)], options), time);
    pool.apply(pool.snapshot().map((state) => ({ ...state, excluded: true, probes: 1 })));
    time.pass(10);
    await until(() => probes === 1);
    time.pass(10);
    expect(origin.connections()).toBe(1);
    for (const socket of origin.sockets) socket.destroy();
    await until(() => pool.snapshot()[0]?.probes === 0);
    time.pass(10);
    await until(() => probes === 2);
  });

  it("ORG-04 does not probe with a count of 0, nor after the pool is closed", async () => {
    const time = manualTime();
    const settings = (count: number) => settingsFor([addressAt(80)], { exclusion: 1, recovery: recovery({ count }) });
    const never = openPool(settings(0), time).pool;
    never.apply(never.snapshot().map((state) => ({ ...state, excluded: true })));
    expect(time.isTicking()).toBe(false);
    const closing = openPool(settings(1), time).pool;
    closing.apply(closing.snapshot().map((state) => ({ ...state, excluded: true })));
    expect(time.isTicking()).toBe(true);
    await closing.close();
    expect(time.isTicking()).toBe(false);
  });

  it("CFG-14 sends the standby back when the active address has recovered", async () => {
    const time = manualTime();
    const active = await httpOrigin((_request, response) => response.end("active"));
    const standby = await httpOrigin((_request, response) => response.end("standby"));
    const options = { exclusion: 1, recovery: recovery({ count: 1 }) };
    const { pool, events } = openPool(settingsFor([addressAt(active.port)], options, [addressAt(standby.port)]), time);
    pool.apply(pool.snapshot().map((state) => ({ ...state, excluded: !state.standby })));
    expect((await fetchFrom(pool, getRequest("/"))).body).toBe("standby");
    time.pass(10);
    await until(() => events.length > 0);
    expect((await fetchFrom(pool, getRequest("/"))).body).toBe("active");
  });
});
