import { describe, expect, it, vi } from "vitest";
import type { OriginOutcome, OriginServer, OriginView } from "../src/contract.ts";
import { createOriginPool } from "../src/pool.ts";
import { serverToken } from "../src/serverToken.ts";
import { FakeResolver } from "./support/board.ts";
import { fetchFrom, getRequest, newOutcome, openPool, recordInto, resultOf, until } from "./support/exchange.ts";
import { httpOrigin, rawOrigin, refusedPort } from "./support/origin.ts";
import { addressAt, domainAt, settingsFor } from "./support/settings.ts";
import { ManualTime } from "./support/time.ts";

const NAME = "www.example.com";
const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

const serverAt = (port: number, id = `127.0.0.1:${port}`): OriginServer => ({
  id,
  addressIndex: 0,
  ip: "127.0.0.1",
  port,
});

let version = 1;
const viewOf = (inService: readonly OriginServer[], changes: Partial<OriginView> = {}): OriginView => ({
  vhost: NAME,
  version: version++,
  epoch: 0,
  inService,
  isResolving: false,
  suspected: [],
  transactions: 0,
  ...changes,
});

/** A pool without a board: the test gives the views. */
const lonePool = (settings: Parameters<typeof createOriginPool>[0], share?: (count: number) => number) => {
  const outcomes: OriginOutcome[] = [];
  const pool = createOriginPool(settings, {
    onEvent: () => {},
    onOutcome: (outcome) => outcomes.push(outcome),
    ...(share === undefined ? {} : { share }),
  });
  return { pool, outcomes };
};

const named = (name: string) => httpOrigin((_request, response) => response.end(name));

const bodyOf = async (pool: Parameters<typeof fetchFrom>[0], request = getRequest("/")) =>
  (await fetchFrom(pool, request)).body;

describe("views of the primary", () => {
  it("uses configured IPs as long as nothing is said", async () => {
    const [a, b] = [await named("a"), await named("b")];
    const { pool } = lonePool(settingsFor([addressAt(a.port), addressAt(b.port)], {}, [addressAt(1)]));
    expect([await bodyOf(pool), await bodyOf(pool)]).toEqual(["a", "b"]);
  });

  it("CFG-14 ORG-24 sends requests where the latest view says, and ignores older ones and those of other hosts", async () => {
    const [a, b] = [await named("a"), await named("b")];
    const { pool } = lonePool(settingsFor([addressAt(a.port)], {}, [addressAt(b.port)]));
    const old = viewOf([serverAt(a.port)]);
    pool.apply(viewOf([serverAt(b.port)]));
    pool.apply(old);
    pool.apply(viewOf([serverAt(a.port)], { vhost: "other.test" }));
    expect(await bodyOf(pool)).toBe("b");
  });

  it("CFG-11 reaches the IPs of a domain, with the Host of the domain", async () => {
    const heads: string[] = [];
    const origin = await rawOrigin((socket, head) => {
      heads.push(head);
      socket.write(OK);
    });
    const domain = domainAt(origin.port, { pathPrefix: "/dir" });
    const { pool } = lonePool(settingsFor([domain]));
    pool.apply(viewOf([serverAt(origin.port, `${domain.text} 127.0.0.1`)]));
    expect(await bodyOf(pool, getRequest("/a"))).toBe("ok");
    expect(heads[0]).toMatch(/^GET \/dir\/a HTTP\/1.1\r\nhost: origin.test:\d+\r\n/);
  });

  it("ORG-21 closes the connections to a server that is gone", async () => {
    const [a, b] = [await named("a"), await named("b")];
    const { pool } = lonePool(settingsFor([addressAt(a.port), addressAt(b.port)]));
    await Promise.all([bodyOf(pool), bodyOf(pool)]);
    pool.apply(viewOf([serverAt(b.port)]));
    await until(() => a.sockets.size === 0);
    expect([await bodyOf(pool), b.connections()]).toEqual(["b", 1]);
  });

  it("REG-86 REG-87 hands what comes once it is closed to the pool that follows, private sessions too", async () => {
    const [a, b] = [await named("a"), await named("b")];
    const { pool } = lonePool(settingsFor([addressAt(a.port)]));
    const next = settingsFor([addressAt(b.port)]);
    const { pool: successor } = lonePool(next);
    const session = pool.openPrivateSession();
    expect([await bodyOf(pool), await bodyOf(pool, getRequest("/", { mode: "bypass", session }))]).toEqual(["a", "a"]);
    await pool.close(next, successor);
    await until(() => a.sockets.size === 0);
    const late = pool.openPrivateSession();
    const bypassed = getRequest("/", { mode: "bypass", session: late });
    expect([await bodyOf(pool), await bodyOf(pool, bypassed)]).toEqual(["b", "b"]);
    const socket = await new Promise<import("node:net").Socket>((resolve, reject) =>
      pool.connect(b.port, (error, connected) => (error === null ? resolve(connected) : reject(error))),
    );
    expect(socket.remotePort).toBe(b.port);
    socket.destroy();
    late.end();
    session.end();
    await successor.close();
  });

  it("ORG-21 lets an exchange with a server that is gone end, but does not keep its connection", async () => {
    const origin = await rawOrigin((socket) => socket.write(OK.slice(0, -1)));
    const { pool } = lonePool(settingsFor([addressAt(origin.port)]));
    const outcome = newOutcome();
    const ended = new Promise<void>((resolve) => pool.send(getRequest("/"), recordInto(outcome, resolve)));
    await until(() => outcome.head !== undefined);
    pool.apply(viewOf([]));
    for (const socket of origin.sockets) socket.write("k");
    await ended;
    expect(outcome.body).toBe("ok");
    await until(() => origin.sockets.size === 0);
  });

  it("ORG-27 makes new connections after a reset", async () => {
    const origin = await named("a");
    const { pool } = lonePool(settingsFor([addressAt(origin.port)]));
    pool.apply(viewOf([serverAt(origin.port)]));
    await bodyOf(pool);
    pool.apply(viewOf([serverAt(origin.port)]));
    await bodyOf(pool);
    expect(origin.connections()).toBe(1);
    pool.apply(viewOf([serverAt(origin.port)], { epoch: 1 }));
    await until(() => origin.sockets.size === 0);
    await bodyOf(pool);
    expect(origin.connections()).toBe(2);
  });

  it("ORG-12 BYP-20 fails at once when nothing is in service", async () => {
    const { pool } = lonePool(settingsFor([addressAt(1)]));
    pool.apply(viewOf([]));
    expect(await resultOf(pool, getRequest("/"))).toBe("ORIGIN_UNAVAILABLE");
    expect(await resultOf(pool, getRequest("/", { mode: "bypass" }))).toBe("ORIGIN_UNAVAILABLE");
    expect(pool.active).toBe(0);
  });

  it("ORG-03 reports failures, and the next normal end after a failure of any worker", async () => {
    let isBad = true;
    const origin = await rawOrigin((socket) => (isBad ? socket.destroy() : socket.write(OK)));
    const { pool, outcomes } = lonePool(settingsFor([addressAt(origin.port)]));
    const server = `127.0.0.1:${origin.port}`;
    const seen = async (): Promise<string[]> => {
      await fetchFrom(pool, getRequest("/"));
      return outcomes.splice(0).map((outcome) => `${outcome.vhost} ${outcome.server} ${outcome.outcome}`);
    };
    expect(await seen()).toEqual([`${NAME} ${server} Server-Close`]);
    isBad = false;
    expect([await seen(), await seen()]).toEqual([[`${NAME} ${server} ok`], []]);
    pool.apply(viewOf([serverAt(origin.port)], { suspected: [server] }));
    expect([await seen(), await seen()]).toEqual([[`${NAME} ${server} ok`], []]);
  });

  it("ORG-28 knows the transactions of all workers", () => {
    const { pool } = lonePool(settingsFor([addressAt(1)]));
    expect(pool.transactions).toBe(0);
    pool.apply(viewOf([serverAt(1)], { transactions: 101 }));
    expect([pool.transactions, pool.active]).toEqual([101, 0]);
  });
});

describe("a domain that is being resolved", () => {
  const domain = domainAt(80);
  const options = { connectTimeoutSeconds: 0.05, bypassConnectTimeoutSeconds: 60 };

  it("ORG-22 makes requests wait for the first view", async () => {
    const origin = await named("a");
    const found = domainAt(origin.port);
    const { pool } = lonePool(settingsFor([found], { connectTimeoutSeconds: 60 }));
    const answers = [bodyOf(pool), bodyOf(pool)];
    pool.apply(viewOf([], { isResolving: true }));
    pool.apply(viewOf([serverAt(origin.port, `${found.text} 127.0.0.1`)]));
    expect(await Promise.all(answers)).toEqual(["a", "a"]);
  });

  it("ORG-01 BYP-13 makes them wait as long as for a connection", async () => {
    const { pool } = lonePool(settingsFor([domain], options));
    const outcome = await fetchFrom(pool, getRequest("/"));
    expect([outcome.error?.code, outcome.error?.detail]).toEqual([
      "ORIGIN_UNAVAILABLE",
      `${NAME}: no address is resolved yet`,
    ]);
  });

  it("fails them when the name cannot be resolved, and forgets those that were given up", async () => {
    const { pool } = lonePool(settingsFor([domain], options));
    const failed = resultOf(pool, getRequest("/", { mode: "bypass" }));
    const outcome = newOutcome();
    pool
      .send(
        getRequest("/", { mode: "bypass" }),
        recordInto(outcome, () => {}),
      )
      .abort();
    expect(pool.active).toBe(1);
    pool.apply(viewOf([]));
    expect([await failed, outcome.endings, pool.active]).toEqual(["ORIGIN_UNAVAILABLE", 0, 0]);
  });
});

describe("requests that wait while a reload changes their origin", () => {
  const waitingPool = (options = {}) =>
    lonePool(settingsFor([domainAt(80)], { connectTimeoutSeconds: 60, bypassConnectTimeoutSeconds: 60, ...options }));

  it("ORG-22 CFG-56 are answered by an origin of the next configuration, those of private sessions too", async () => {
    const origin = await named("b");
    const next = settingsFor([addressAt(origin.port)]);
    const { pool } = waitingPool();
    const { pool: successor } = lonePool(next);
    const session = pool.openPrivateSession();
    const answers = [bodyOf(pool), bodyOf(pool, getRequest("/", { mode: "bypass", session }))];
    const closed = pool.close(next, successor);
    expect(await Promise.all(answers)).toEqual(["b", "b"]);
    await closed;
    expect([pool.active, await bodyOf(pool, getRequest("/", { mode: "bypass", session }))]).toEqual([0, "b"]);
    session.end();
    await successor.close();
  });

  it("may be given up there", async () => {
    const next = settingsFor([domainAt(81)], { connectTimeoutSeconds: 60 });
    const { pool } = waitingPool();
    const { pool: successor } = lonePool(next);
    const outcome = newOutcome();
    const exchange = pool.send(
      getRequest("/"),
      recordInto(outcome, () => {}),
    );
    await pool.close(next, successor);
    expect([pool.active, successor.active]).toEqual([0, 1]);
    exchange.abort();
    exchange.resume();
    expect([outcome.endings, successor.active]).toEqual([0, 0]);
    await successor.close();
  });

  it("have a tunnel from there", async () => {
    const origin = await rawOrigin((socket) =>
      socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"),
    );
    const next = settingsFor([addressAt(origin.port)]);
    const { pool } = waitingPool();
    const { pool: successor } = lonePool(next);
    const fields = ["connection", "upgrade", "upgrade", "websocket"];
    const request = getRequest("/", { mode: "bypass", fields });
    const asked = pool.upgrade(
      request,
      recordInto(newOutcome(), () => {}),
    );
    await pool.close(next, successor);
    const tunnel = await asked;
    expect(tunnel?.head.status).toBe(101);
    tunnel?.socket.destroy();
    await successor.close();
  });

  it("are answered when they waited for their turn", async () => {
    const origin = await named("b");
    const next = settingsFor([addressAt(origin.port)]);
    const { pool } = waitingPool({ maxSessions: { count: 1, queue: 5000 } });
    const { pool: successor } = lonePool(next);
    const answers = Array.from({ length: 50 }, () => bodyOf(pool));
    await pool.close(next, successor);
    expect(new Set(await Promise.all(answers))).toEqual(new Set(["b"]));
    await successor.close();
  });

  it("fail at once when their host is gone", async () => {
    const { pool } = waitingPool();
    const result = resultOf(pool, getRequest("/"));
    await pool.close();
    expect([await result, pool.active]).toEqual(["ORIGIN_UNAVAILABLE", 0]);
  });
});

describe("<MaxSessions>", () => {
  /** Answers as soon as it has that many requests at a time, and a turn for more of them has passed. */
  const countingOrigin = async (wanted: number) => {
    const held: (() => void)[] = [];
    let most = 0;
    const answerAll = (): void => {
      for (const answer of held.splice(0)) answer();
    };
    const origin = await httpOrigin((_request, response) => {
      held.push(() => response.end("x"));
      most = Math.max(most, held.length);
      if (held.length === wanted) {
        setImmediate(() => setImmediate(answerAll));
      }
    });
    return { origin, most: () => most };
  };

  it("never has more exchanges at a time than this worker's share, and serves all in the end", async () => {
    const { origin, most } = await countingOrigin(4);
    const settings = settingsFor([addressAt(origin.port)], { maxSessions: { count: 8, queue: 1000 } });
    const { pool } = lonePool(settings, (count) => count / 2);
    const results = await Promise.all(Array.from({ length: 100 }, () => resultOf(pool, getRequest("/"))));
    expect([new Set(results), most(), pool.active]).toEqual([new Set([200]), 4, 0]);
    expect(origin.connections()).toBe(4);
  });

  it("refuses what the queue does not take with ORIGIN_BUSY", async () => {
    const origin = await rawOrigin(() => {});
    const settings = settingsFor([addressAt(origin.port)], { maxSessions: { count: 1, queue: 1 } });
    const { pool } = lonePool(settings);
    const running = pool.send(
      getRequest("/"),
      recordInto(newOutcome(), () => {}),
    );
    const waiting = pool.send(
      getRequest("/"),
      recordInto(newOutcome(), () => {}),
    );
    expect(await resultOf(pool, getRequest("/"))).toBe("ORIGIN_BUSY");
    expect([pool.active, pool.counters.refused]).toEqual([1, 1]);
    waiting.abort();
    running.abort();
    expect(pool.active).toBe(0);
  });

  it("lets a request wait as long as for a connection", async () => {
    const origin = await rawOrigin(() => {});
    const options = { maxSessions: { count: 1, queue: 10 }, connectTimeoutSeconds: 0.05 };
    const { pool } = lonePool(settingsFor([addressAt(origin.port)], options));
    const running = pool.send(
      getRequest("/", { mode: "bypass" }),
      recordInto(newOutcome(), () => {}),
    );
    expect(await resultOf(pool, getRequest("/"))).toBe("ORIGIN_BUSY");
    running.abort();
  });

  it("does not let requests queue for servers that are all out of service", async () => {
    const origin = await rawOrigin(() => {});
    const { pool } = lonePool(settingsFor([addressAt(origin.port)], { maxSessions: { count: 1, queue: 10 } }));
    const running = pool.send(
      getRequest("/"),
      recordInto(newOutcome(), () => {}),
    );
    const waiting = resultOf(pool, getRequest("/"));
    pool.apply(viewOf([]));
    expect(await resultOf(pool, getRequest("/"))).toBe("ORIGIN_UNAVAILABLE");
    running.abort();
    expect(await waiting).toBe("ORIGIN_UNAVAILABLE");
  });
});

describe("affinity", () => {
  it("BYP-11 A6 sends all requests of a client to one server, and to another when that is out of service", async () => {
    const origins = [await named("a"), await named("b"), await named("c")];
    const { pool } = lonePool(settingsFor(origins.map(({ port }) => addressAt(port))));
    const ask = (affinity: string) => bodyOf(pool, getRequest("/", { method: "POST", mode: "bypass", affinity }));
    const first = await ask("10.0.0.7");
    for (let nth = 0; nth < 5; nth += 1) expect(await ask("10.0.0.7")).toBe(first);
    const left = origins.filter((_, index) => "abc"[index] !== first).map(({ port }) => serverAt(port));
    pool.apply(viewOf(left));
    const second = await ask("10.0.0.7");
    expect(second).not.toBe(first);
    expect(await ask("10.0.0.7")).toBe(second);
    const spread = await Promise.all(Array.from({ length: 30 }, (_, nth) => ask(`10.0.1.${nth}`)));
    expect(new Set(spread).size).toBe(2);
  });

  it("ORG-33 OPEN-11 hashes the key of the request", async () => {
    const origins = [await named("a"), await named("b"), await named("c")];
    const settings = settingsFor(
      origins.map(({ port }) => addressAt(port)),
      { balanceMode: "Hash" },
    );
    const { pool } = lonePool(settings);
    const bodies = await Promise.all(
      Array.from({ length: 10 }, (_, nth) => bodyOf(pool, getRequest(`/${nth}`, { key: "/same" }))),
    );
    expect(new Set(bodies).size).toBe(1);
  });
});

describe("private sessions", () => {
  const post = { method: "POST", mode: "bypass" } as const;

  it("BYP-12 gives each session a connection of its own, at one server", async () => {
    const [a, b] = [await named("a"), await named("b")];
    const { pool } = lonePool(settingsFor([addressAt(a.port), addressAt(b.port)]));
    const [first, second] = [pool.openPrivateSession(), pool.openPrivateSession()];
    const ask = (session: typeof first) => bodyOf(pool, getRequest("/", { ...post, session }));
    const bodies = [await ask(first), await ask(second), await ask(first), await ask(second), await ask(first)];
    expect(bodies).toEqual(["a", "b", "a", "b", "a"]);
    expect([a.connections(), b.connections()]).toEqual([1, 1]);
    first.end();
    second.end();
    await until(() => a.sockets.size + b.sockets.size === 0);
    expect([first.hasEnded, await resultOf(pool, getRequest("/", { ...post, session: first }))]).toEqual([
      true,
      "ORIGIN_CLOSED",
    ]);
  });

  it("BYP-12 is kept beyond <ReuseTimeout>, and when sessions are not reused at all", async () => {
    const origin = await named("a");
    const { pool } = lonePool(settingsFor([addressAt(origin.port)], { reuseTimeoutSeconds: 0 }));
    const session = pool.openPrivateSession();
    for (let nth = 0; nth < 3; nth += 1) await bodyOf(pool, getRequest("/", { ...post, session }));
    expect([origin.connections(), session.hasEnded]).toEqual([1, false]);
    session.end();
  });

  it("BYP-12 A7 ends with the origin's connection: while idle", async () => {
    const origin = await rawOrigin((socket) => socket.write(OK));
    const { pool } = lonePool(settingsFor([addressAt(origin.port)]));
    let ends = 0;
    const session = pool.openPrivateSession(() => {
      ends += 1;
    });
    await bodyOf(pool, getRequest("/", { ...post, session }));
    for (const socket of origin.sockets) socket.end();
    await until(() => ends > 0);
    session.end();
    expect([session.hasEnded, ends]).toEqual([true, 1]);
  });

  it.each([
    { what: "after an answer that announces it", answer: "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", code: 200 },
    {
      what: "in the middle of an answer",
      answer: "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
      code: "ORIGIN_CLOSED",
    },
    { what: "before an answer", answer: "", code: "ORIGIN_CLOSED" },
  ])("BYP-12 A7 ends with the origin's connection: $what", async ({ answer, code }) => {
    const origin = await rawOrigin((socket) => socket.end(answer));
    const { pool } = lonePool(settingsFor([addressAt(origin.port)]));
    let ends = 0;
    const session = pool.openPrivateSession(() => {
      ends += 1;
    });
    expect(await resultOf(pool, getRequest("/", { mode: "bypass", session }))).toBe(code);
    expect(ends).toBe(0);
    await until(() => ends > 0);
    expect([session.hasEnded, ends, origin.connections(), pool.active]).toEqual([true, 1, 1, 0]);
  });

  it("BYP-12 ends what runs on it when the client is gone", async () => {
    const origin = await rawOrigin(() => {});
    const { pool } = lonePool(settingsFor([addressAt(origin.port)]));
    let ends = 0;
    const session = pool.openPrivateSession(() => {
      ends += 1;
    });
    const outcome = newOutcome();
    pool.send(
      getRequest("/", { ...post, session }),
      recordInto(outcome, () => {}),
    );
    await until(() => origin.sockets.size === 1);
    session.end();
    expect([pool.active, outcome.endings, ends]).toEqual([0, 0, 0]);
    await until(() => origin.sockets.size === 0);
    expect(ends).toBe(0);
  });

  it("BYP-12 runs one exchange at a time", async () => {
    const origin = await rawOrigin((socket, head) => {
      setImmediate(() => socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n${head.slice(5, 7)}`));
    });
    const { pool } = lonePool(settingsFor([addressAt(origin.port)]));
    const session = pool.openPrivateSession();
    const bodies = ["/aa", "/bb", "/cc"].map((target) => bodyOf(pool, getRequest(target, { mode: "bypass", session })));
    expect([await Promise.all(bodies), origin.connections()]).toEqual([["aa", "bb", "cc"], 1]);
    session.end();
  });

  it("BYP-12 may go to another server as long as its connection has not been made", async () => {
    const good = await named("good");
    const { pool } = lonePool(settingsFor([addressAt(await refusedPort()), addressAt(good.port)]));
    const session = pool.openPrivateSession();
    for (let nth = 0; nth < 3; nth += 1) expect(await bodyOf(pool, getRequest("/", { ...post, session }))).toBe("good");
    expect([session.hasEnded, good.connections()]).toEqual([false, 1]);
    session.end();
  });

  it("ORG-21 ORG-27 BYP-12 ends with its server, after what runs on it", async () => {
    const origin = await rawOrigin((socket, head) => socket.write(head.startsWith("GET /slow") ? OK.slice(0, -1) : OK));
    const { pool } = lonePool(settingsFor([addressAt(origin.port)]));
    const ended: string[] = [];
    const [idle, busy] = [
      pool.openPrivateSession(() => ended.push("idle")),
      pool.openPrivateSession(() => ended.push("busy")),
    ];
    await bodyOf(pool, getRequest("/", { mode: "bypass", session: idle }));
    const outcome = newOutcome();
    const slow = getRequest("/slow", { mode: "bypass", session: busy });
    const done = new Promise<void>((resolve) => pool.send(slow, recordInto(outcome, resolve)));
    await until(() => outcome.head !== undefined);
    pool.apply(viewOf([]));
    await until(() => ended.length === 1);
    for (const socket of origin.sockets) socket.write("k");
    await done;
    await until(() => ended.length === 2);
    expect([ended, outcome.body]).toEqual([["idle", "busy"], "ok"]);
  });

  it("hands an upgrade to the server of the session, on a connection of its own", async () => {
    const origin = await rawOrigin((socket, head) =>
      socket.write(head.startsWith("GET /chat") ? "HTTP/1.1 101 Go\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n" : OK),
    );
    const { pool } = lonePool(settingsFor([addressAt(origin.port)]));
    const session = pool.openPrivateSession();
    await bodyOf(pool, getRequest("/", { mode: "bypass", session }));
    const tunnel = await pool.upgrade(
      getRequest("/chat", { mode: "bypass", session, fields: ["Upgrade", "x"] }),
      recordInto(newOutcome(), () => {}),
    );
    expect([tunnel?.head.status, session.hasEnded, origin.connections()]).toEqual([101, false, 2]);
    tunnel?.socket.destroy();
    session.end();
    await until(() => pool.active === 0);
  });
});

describe("port bypass", () => {
  it("BYP-21 BYP-22 connects to the port of a server in service, by turns", async () => {
    const relayed = await rawOrigin(() => {});
    const { pool, outcomes } = lonePool(settingsFor([addressAt(8080), domainAt(8081, { scheme: "https" })]));
    pool.apply(viewOf([serverAt(8080), serverAt(8081, "origin.test:8081 127.0.0.1")]));
    for (let nth = 1; nth <= 4; nth += 1) {
      const socket = await new Promise<import("node:net").Socket>((resolve, reject) =>
        pool.connect(relayed.port, (error, connected) => (error === null ? resolve(connected) : reject(error))),
      );
      expect(socket.remotePort).toBe(relayed.port);
      socket.destroy();
      await until(() => relayed.connections() === nth);
    }
    expect([outcomes, pool.active]).toEqual([[], 0]);
  });

  it("BYP-21 tries another server once and counts the failure, fails with none, and can be given up", async () => {
    const relayed = await rawOrigin(() => {}, "127.0.0.2");
    const settings = settingsFor([addressAt(1), addressAt(2, { host: "127.0.0.2" })]);
    const { pool, outcomes } = lonePool(settings);
    const connect = () =>
      new Promise<string>((resolve) =>
        pool.connect(relayed.port, (error, socket) => {
          resolve(error?.code ?? socket?.remoteAddress ?? "");
          socket?.destroy();
        }),
      );
    expect(await connect()).toBe("127.0.0.2");
    expect(outcomes).toEqual([{ vhost: NAME, server: "127.0.0.1:1", outcome: "Connect-Failed" }]);
    pool.connect(relayed.port, () => expect.unreachable())();
    pool.apply(viewOf([]));
    expect(await connect()).toBe("ORIGIN_UNAVAILABLE");
    await pool.close();
    expect(outcomes.length).toBe(1);
  });
});

describe("a pool with its board", () => {
  it("ORG-27 A11 uses an excluded server again after a reset, on a new connection", async () => {
    let isBad = false;
    const origin = await rawOrigin((socket) => (isBad ? socket.destroy() : socket.write(OK)));
    const { pool, board } = openPool(settingsFor([addressAt(origin.port)], { exclusion: 1 }));
    await bodyOf(pool);
    isBad = true;
    await fetchFrom(pool, getRequest("/", { method: "POST" }));
    await fetchFrom(pool, getRequest("/", { method: "POST" }));
    await until(() => pool.snapshot()[0]?.excluded === true);
    isBad = false;
    const before = origin.connections();
    board.reset(NAME);
    await until(() => pool.snapshot()[0]?.excluded === false);
    expect(await resultOf(pool, getRequest("/"))).toBe(200);
    expect(origin.connections()).toBe(before + 1);
  });

  it("ORG-22 follows a domain to its new address, when the old one does not work any longer", async () => {
    const b = await named("b");
    const time = new ManualTime();
    const resolver = new FakeResolver().answer("origin.test", { "127.0.0.3": 5 });
    const settings = settingsFor([domainAt(b.port)], { exclusion: 3 });
    const { pool } = openPool(settings, { resolver, clock: time, schedule: time.schedule });
    await time.passSlowly(1);
    expect(await resultOf(pool, getRequest("/"))).toBe("ORIGIN_CONNECT_FAILED");
    resolver.answer("origin.test", { "127.0.0.1": 5 });
    await time.passSlowly(5);
    expect([await bodyOf(pool), await bodyOf(pool)]).toEqual(["b", "b"]);
  });
});

describe("AWS-33: the server that answers soonest", () => {
  it("is not the one that answers errors at once", async () => {
    const errors = await httpOrigin((_request, response) => response.writeHead(503).end("no"));
    const works = await httpOrigin((_request, response) => setTimeout(() => response.end("ok"), 50));
    const { pool } = lonePool(
      settingsFor([addressAt(errors.port), addressAt(works.port)], { balanceMode: "Latency" as const }),
    );
    const bodies: (string | undefined)[] = [];
    for (let nth = 0; nth < 12; nth++) bodies.push(await bodyOf(pool));
    expect(bodies.filter((body) => body === "ok")).toHaveLength(6);
  });
});

describe("AWS-27: a server that leaves", () => {
  const DRAINING = { draining: { enabled: true, timeoutSeconds: 5 } };
  /** Answers half, and never the rest. */
  const halfOrigin = () => rawOrigin((socket) => socket.write(OK.slice(0, -1)));

  const begin = async (pool: Parameters<typeof fetchFrom>[0], mode: "cache" | "bypass" = "bypass") => {
    const outcome = newOutcome();
    const over = new Promise<void>((resolve) => pool.send(getRequest("/", { mode }), recordInto(outcome, resolve)));
    await until(() => outcome.head !== undefined);
    return { outcome, over };
  };

  /** Sockets go on as they are; only the timers of the pool wait for the test. */
  const withTimers = async (scene: () => Promise<void>): Promise<void> => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      await scene();
    } finally {
      vi.useRealTimers();
    }
  };

  it("ends what runs to it after the time, and does not blame it", async () => {
    const origin = await halfOrigin();
    await withTimers(async () => {
      const { pool, outcomes } = lonePool(settingsFor([addressAt(origin.port)], DRAINING));
      const { outcome, over } = await begin(pool);
      pool.apply(viewOf([]));
      vi.advanceTimersByTime(4_999);
      expect(outcome.endings).toBe(0);
      vi.advanceTimersByTime(1);
      await over;
      expect([outcome.error?.code, outcomes]).toEqual(["ORIGIN_CLOSED", []]);
    });
  });

  it("lets it run when the server is back by then, and without a limit where draining is off", async () => {
    const origin = await halfOrigin();
    for (const [options, back] of [
      [DRAINING, true],
      [{}, false],
    ] as const) {
      await withTimers(async () => {
        const { pool } = lonePool(settingsFor([addressAt(origin.port)], options));
        const { outcome } = await begin(pool);
        pool.apply(viewOf([]));
        if (back) pool.apply(viewOf([serverAt(origin.port)]));
        vi.advanceTimersByTime(3_600_000);
        expect(outcome.endings).toBe(0);
        void pool.close();
      });
    }
  });

  it("lets it run when the server is back by then, though another configuration has come that has it too", async () => {
    const origin = await halfOrigin();
    await withTimers(async () => {
      const { pool } = lonePool(settingsFor([addressAt(origin.port)], DRAINING));
      const { outcome } = await begin(pool);
      pool.apply(viewOf([]));
      pool.apply(viewOf([serverAt(origin.port)]));
      void pool.close(settingsFor([addressAt(origin.port), addressAt(1)], DRAINING));
      vi.advanceTimersByTime(5_000);
      expect(outcome.endings).toBe(0);
    });
  });

  it("does not ask it again for what was cut before it has answered, on a connection used before", async () => {
    let asked = 0;
    const origin = await rawOrigin((socket) => {
      asked += 1;
      if (asked === 1) socket.write(OK);
    });
    await withTimers(async () => {
      const { pool } = lonePool(settingsFor([addressAt(origin.port)], DRAINING));
      expect(await bodyOf(pool)).toBe("ok");
      const outcome = newOutcome();
      const over = new Promise<void>((resolve) => pool.send(getRequest("/"), recordInto(outcome, resolve)));
      await until(() => asked === 2);
      pool.apply(viewOf([]));
      vi.advanceTimersByTime(5_000);
      await over;
      expect([outcome.error?.code, asked]).toEqual(["ORIGIN_CLOSED", 2]);
    });
  });

  it("A5 of spec 12: holds for servers that the next configuration lacks, and for tunnels", async () => {
    const origin = await rawOrigin((socket) =>
      socket.write("HTTP/1.1 101 Go\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"),
    );
    const stays = await halfOrigin();
    await withTimers(async () => {
      const settings = settingsFor([addressAt(origin.port)], DRAINING);
      const { pool } = lonePool(settings);
      const fields = ["Connection", "Upgrade", "Upgrade", "x"];
      const tunnel = await pool.upgrade(
        getRequest("/", { mode: "bypass", fields }),
        recordInto(newOutcome(), () => {}),
      );
      const { pool: other } = lonePool(settingsFor([addressAt(stays.port)], DRAINING));
      const { outcome } = await begin(other);
      void pool.close(settingsFor([addressAt(1)], DRAINING));
      void other.close(settingsFor([addressAt(1), addressAt(stays.port)], DRAINING));
      vi.advanceTimersByTime(5_000);
      expect([tunnel?.socket.destroyed, outcome.endings]).toEqual([true, 0]);
    });
  });
});

describe("the server of a client", () => {
  it("AWS-29 is that of its token as long as that is in service", async () => {
    const origins = [await named("a"), await named("b"), await named("c")];
    const { pool } = lonePool(settingsFor(origins.map(({ port }) => addressAt(port))));
    const sticky = serverToken(`127.0.0.1:${origins[1]?.port}`);
    const stuck = getRequest("/", { mode: "bypass", sticky });
    for (let nth = 0; nth < 6; nth++) expect(await bodyOf(pool, stuck)).toBe("b");
    pool.apply(viewOf([serverAt(origins[0]?.port ?? 0), serverAt(origins[2]?.port ?? 0)]));
    expect(["a", "c"]).toContain(await bodyOf(pool, stuck));
    expect(await bodyOf(pool, getRequest("/", { mode: "bypass", sticky: "unknown" }))).not.toBe("b");
  });

  it("AWS-33 is one for its country, else one for everybody", async () => {
    const [korea, rest] = [await named("korea"), await named("rest")];
    const addresses = [addressAt(korea.port, { countries: ["KR", "JP"] }), addressAt(rest.port)];
    const { pool } = lonePool(settingsFor(addresses));
    const from = (country?: string) => bodyOf(pool, getRequest("/", country === undefined ? {} : { country }));
    for (let nth = 0; nth < 3; nth++) {
      expect([await from("KR"), await from("JP"), await from("DE"), await from()]).toEqual([
        "korea",
        "korea",
        "rest",
        "rest",
      ]);
    }
    pool.apply(viewOf([serverAt(korea.port)]));
    expect(await from("DE")).toBe("korea");
  });

  it("AWS-31 keeps a private session over a change of the servers that leaves its own", async () => {
    const [a, b] = [await named("a"), await named("b")];
    const { pool } = lonePool(settingsFor([addressAt(a.port)]));
    let ends = 0;
    const session = pool.openPrivateSession(() => ends++);
    const ask = (by: typeof pool) => bodyOf(by, getRequest("/", { mode: "bypass", session }));
    await ask(pool);
    const both = settingsFor([addressAt(a.port), addressAt(b.port)]);
    const { pool: next } = lonePool(both);
    void pool.close(both, next);
    for (let nth = 0; nth < 3; nth++) expect(await ask(next)).toBe("a");
    expect([ends, a.connections()]).toEqual([0, 1]);
    void next.close(settingsFor([addressAt(b.port)]));
    await until(() => ends === 1);
  });
});
