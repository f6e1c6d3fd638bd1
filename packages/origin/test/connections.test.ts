import { once } from "node:events";
import { EdgeError } from "@basalt/types";
import { describe, expect, it } from "vitest";
import { AddressConnections } from "../src/addressConnections.ts";
import type { Connection, ConnectionUser } from "../src/connection.ts";
import type { Connector } from "../src/connector.ts";
import { OriginTally } from "../src/counters.ts";
import { fetchFrom, getRequest, newOutcome, openPool, recordInto, resultOf, until } from "./support/exchange.ts";
import { httpOrigin, rawOrigin } from "./support/origin.ts";
import { addressAt, settingsFor } from "./support/settings.ts";

describe("reuse of connections", () => {
  it("ORG-34 sends 100 requests in sequence over one connection", async () => {
    const origin = await httpOrigin((request, response) => response.end(request.url));
    const { pool } = openPool(settingsFor([addressAt(origin.port)]));
    for (let nth = 0; nth < 100; nth += 1) expect((await fetchFrom(pool, getRequest(`/${nth}`))).body).toBe(`/${nth}`);
    expect(origin.connections()).toBe(1);
    expect(pool.counters.connections).toBe(1);
    expect(pool.counters.requests).toBe(100);
    expect(pool.counters.responses[2]).toBe(100);
  });

  it("ORG-34 reuses the connection for a request made within onComplete, with time-outs of its own", async () => {
    const origin = await rawOrigin((socket, head) => {
      if (head.startsWith("GET /first")) socket.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    });
    const options = { receiveTimeoutSeconds: 0.2, bypassReceiveTimeoutSeconds: 60 };
    const { pool } = openPool(settingsFor([addressAt(origin.port)], options));
    const second = await new Promise<number | string>((resolve) => {
      const outcome = newOutcome();
      const next = (): void => resolve(resultOf(pool, getRequest("/second")));
      pool.send(getRequest("/first", { mode: "bypass" }), recordInto(outcome, next));
    });
    expect(second).toBe("ORIGIN_RECEIVE_TIMEOUT");
    expect(origin.connections()).toBe(1);
  });

  it("ORG-34 does not reuse sessions with a time of 0, and tells the origin", async () => {
    const seen: (string | undefined)[] = [];
    const origin = await httpOrigin((request, response) => {
      seen.push(request.headers.connection);
      response.end("x");
    });
    const { pool } = openPool(settingsFor([addressAt(origin.port)], { reuseTimeoutSeconds: 0 }));
    for (let nth = 0; nth < 3; nth += 1) expect(await resultOf(pool, getRequest("/"))).toBe(200);
    expect(origin.connections()).toBe(3);
    expect(seen).toEqual(["close", "close", "close"]);
  });

  it("ORG-34 AWS-39 closes a session that was idle for that long", async () => {
    const origin = await httpOrigin((_request, response) => response.end("x"));
    const { pool } = openPool(settingsFor([addressAt(origin.port)], { reuseTimeoutSeconds: 0.05 }));
    await fetchFrom(pool, getRequest("/"));
    await until(() => origin.sockets.size === 0);
    expect(await resultOf(pool, getRequest("/"))).toBe(200);
    expect(origin.connections()).toBe(2);
  });

  it("opens a new connection after a response that announces a close, and after HEAD", async () => {
    const origin = await httpOrigin((request, response) => {
      if (request.url === "/close") response.setHeader("connection", "close");
      response.end("x");
    });
    const { pool } = openPool(settingsFor([addressAt(origin.port)]));
    await fetchFrom(pool, getRequest("/close"));
    await fetchFrom(pool, getRequest("/", { method: "HEAD" }));
    await fetchFrom(pool, getRequest("/"));
    expect(origin.connections()).toBe(3);
  });

  it("never takes bytes beyond a response for the answer to the next request", async () => {
    const origin = await rawOrigin((socket, _head, nth) => {
      const smuggled = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison";
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood${nth === 1 ? smuggled : ""}`);
    });
    const { pool } = openPool(settingsFor([addressAt(origin.port)]));
    for (let nth = 0; nth < 3; nth += 1) expect((await fetchFrom(pool, getRequest("/"))).body).toBe("good");
  });

  it("ORG-21 keeps no session to the addresses of a configuration that was replaced", async () => {
    const origin = await httpOrigin((_request, response) => response.end("x"));
    const { pool } = openPool(settingsFor([addressAt(origin.port)]));
    await fetchFrom(pool, getRequest("/"));
    expect(origin.sockets.size).toBe(1);
    await pool.close();
    await until(() => origin.sockets.size === 0);
    expect(await resultOf(pool, getRequest("/"))).toBe("SHUTTING_DOWN");
  });

  it("close waits for exchanges in progress", async () => {
    const origin = await rawOrigin((socket) => {
      socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
    });
    const { pool } = openPool(settingsFor([addressAt(origin.port)]));
    const outcome = newOutcome();
    pool.send(
      getRequest("/"),
      recordInto(outcome, () => {}),
    );
    await until(() => outcome.head !== undefined);
    const closed = pool.close();
    for (const socket of origin.sockets) socket.write("ok");
    await closed;
    expect(outcome.body).toBe("ok");
    await until(() => origin.sockets.size === 0);
  });
});

describe("choice among addresses", () => {
  const named = (name: string) => httpOrigin((_request, response) => response.end(name));

  it("ORG-31 alternates between two addresses", async () => {
    const [a, b] = [await named("a"), await named("b")];
    const { pool } = openPool(settingsFor([addressAt(a.port), addressAt(b.port)]));
    let order = "";
    for (let nth = 0; nth < 10; nth += 1) order += (await fetchFrom(pool, getRequest("/"))).body;
    expect(order).toBe("ababababab");
  });

  it("ORG-32 Session stays with the address that has an idle connection", async () => {
    const [a, b] = [await named("a"), await named("b")];
    const { pool } = openPool(settingsFor([addressAt(a.port), addressAt(b.port)], { balanceMode: "Session" }));
    let order = "";
    for (let nth = 0; nth < 5; nth += 1) order += (await fetchFrom(pool, getRequest("/"))).body;
    expect(order).toBe("aaaaa");
    const both = await Promise.all([fetchFrom(pool, getRequest("/")), fetchFrom(pool, getRequest("/"))]);
    expect(both.map((outcome) => outcome.body).sort()).toEqual(["a", "b"]);
  });

  it("ORG-33 Hash sends a URL to the same address each time and reuses its connection", async () => {
    const [a, b] = [await named("a"), await named("b")];
    const { pool } = openPool(settingsFor([addressAt(a.port), addressAt(b.port)], { balanceMode: "Hash" }));
    const round = async (): Promise<string> => {
      let order = "";
      for (let nth = 0; nth < 20; nth += 1) order += (await fetchFrom(pool, getRequest(`/${nth}`))).body;
      return order;
    };
    const first = await round();
    expect(await round()).toBe(first);
    expect(first).toMatch(/a.*b|b.*a/);
    expect([a.connections(), b.connections()]).toEqual([1, 1]);
  });
});

describe("bounded connections", () => {
  class Waiter implements ConnectionUser {
    readonly connectTimeoutMs: number;
    connection: Connection | undefined;
    refused = false;
    constructor(connectTimeoutMs: number) {
      this.connectTimeoutMs = connectTimeoutMs;
    }
    useConnection(connection: Connection): void {
      this.connection = connection;
    }
    noteContinue(): void {}
    refuseConnection(): void {
      this.refused = true;
    }
  }

  const never: Connector = () => () => {};
  const bounded = (limit: number): AddressConnections =>
    new AddressConnections(
      {
        endpoint: { address: "1.1.1.1", host: "1.1.1.1", port: 80, tls: undefined },
        connector: never,
        reuseTimeoutMs: 1000,
        onConnect: () => {},
        tally: new OriginTally(),
      },
      limit,
    );

  it("makes requests beyond the limit wait in order, and gives up those that wait too long", async () => {
    const connections = bounded(1);
    const [first, second, hasty, third] = [new Waiter(0), new Waiter(0), new Waiter(1), new Waiter(0)];
    for (const waiter of [first, second, hasty, third]) connections.acquire(waiter, false);
    const used = first.connection;
    if (used === undefined) throw new Error("no connection");
    expect([second.connection, third.connection]).toEqual([undefined, undefined]);
    await until(() => hasty.refused);
    connections.release(used);
    await until(() => second.connection !== undefined);
    expect(second.connection).toBe(used);
    connections.discard(used);
    await until(() => third.connection !== undefined);
    expect(third.connection).not.toBe(used);
  });

  it("forgets a request that no longer waits", async () => {
    const connections = bounded(1);
    const [first, second, third] = [new Waiter(0), new Waiter(1000), new Waiter(0)];
    for (const waiter of [first, second, third]) connections.acquire(waiter, false);
    connections.cancel(second);
    if (first.connection !== undefined) connections.discard(first.connection);
    await until(() => third.connection !== undefined);
    expect(second.connection).toBeUndefined();
  });

  it("gives an idle connection up when a fresh one is wanted at the limit", async () => {
    const connections = bounded(1);
    const [first, second] = [new Waiter(0), new Waiter(0)];
    connections.acquire(first, false);
    if (first.connection !== undefined) connections.release(first.connection);
    expect(connections.hasIdle).toBe(true);
    connections.acquire(second, true);
    await until(() => second.connection !== undefined);
    expect(second.connection).not.toBe(first.connection);
    expect(connections.hasIdle).toBe(false);
  });
});

describe("time to connect", () => {
  /** Never connects: what an address that drops packets looks like. */
  const blackhole: Connector = (endpoint, timeoutMs, callback) => {
    const timer = setTimeout(
      () => callback(new EdgeError("ORIGIN_CONNECT_TIMEOUT", { detail: `${endpoint.address} ${timeoutMs}` }), null),
      timeoutMs,
    );
    return () => clearTimeout(timer);
  };

  it("ORG-01 BYP-13 limits the connection by the mode of the request", async () => {
    const options = { connectTimeoutSeconds: 0.003, bypassConnectTimeoutSeconds: 0.005 };
    const { pool, events } = openPool(settingsFor([addressAt(80)], options), { connector: blackhole });
    const outcomes = [
      await fetchFrom(pool, getRequest("/")),
      await fetchFrom(pool, getRequest("/", { mode: "bypass" })),
    ];
    expect(outcomes.map((outcome) => outcome.error?.detail)).toEqual(["127.0.0.1:80 3", "127.0.0.1:80 5"]);
    expect(events.map((event) => event.kind === "failure" && event.reason)).toEqual([
      "Connect-Timeout",
      "Connect-Timeout",
    ]);
    expect(pool.counters.connectFailures).toBe(2);
  });

  it("ORG-01 gives up a real connection attempt that is not answered", async () => {
    const { pool } = openPool(
      settingsFor([addressAt(80, { host: "192.0.2.1" })], { connectTimeoutSeconds: 0.05, exclusion: 0 }),
    );
    expect(await resultOf(pool, getRequest("/"))).toMatch(/^ORIGIN_CONNECT_/);
  });

  it("connects only as long as somebody wants it", async () => {
    const origin = await httpOrigin((_request, response) => response.end("x"));
    const { pool } = openPool(settingsFor([addressAt(origin.port)]));
    pool
      .send(
        getRequest("/"),
        recordInto(newOutcome(), () => {}),
      )
      .abort();
    expect((await fetchFrom(pool, getRequest("/"))).body).toBe("x");
    expect(pool.counters.requests).toBe(1);
    const [socket] = origin.sockets;
    if (socket !== undefined) {
      socket.end();
      await once(socket, "close");
    }
  });
});
