import { once } from "node:events";
import { describe, expect, it } from "vitest";
import type { OriginTransaction } from "../src/transaction.ts";
import { fetchFrom, getRequest, newOutcome, openPool, recordInto, resultOf, until } from "./support/exchange.ts";
import { rawOrigin } from "./support/origin.ts";
import { addressAt, settingsFor } from "./support/settings.ts";

interface Seen {
  readonly facts: Partial<OriginTransaction>;
  readonly range: string | undefined;
  readonly cacheControl: string | undefined;
}

const listen = () => {
  const seen: Seen[] = [];
  const onTransaction = (transaction: OriginTransaction): void => {
    const { vhost, server, serverIp, serverPort, domain, purpose, method, target, host, status, ended } = transaction;
    const { requestHeadBytes, requestBodyBytes, responseHeadBytes, responseBodyBytes } = transaction;
    const { connectionNumber, transactionNumber, isReused, sessionId, localIp, connectMs, completeMs } = transaction;
    seen.push({
      facts: {
        ...{ vhost, server, serverIp, serverPort, domain, purpose, method, target, host, status, ended },
        ...{ requestHeadBytes, requestBodyBytes, responseHeadBytes, responseBodyBytes },
        ...{ connectionNumber, transactionNumber, isReused, sessionId, localIp, connectMs, completeMs },
      },
      range: transaction.requestField("range"),
      cacheControl: transaction.responseField("cache-control"),
    });
  };
  return { seen, onTransaction };
};

const ANSWER = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nCache-Control: max-age=9\r\n\r\n";

/** Answers each request once all of it is there; knows how many bytes came. */
const countingOrigin = async (answer: string) => {
  let receivedBytes = 0;
  const origin = await rawOrigin((socket, head) => {
    const contentBytes = Number(/content-length: (\d+)/.exec(head)?.[1] ?? 0);
    receivedBytes += head.length + 4 + contentBytes;
    void until(() => socket.bytesRead >= receivedBytes).then(() => socket.write(answer));
  });
  return {
    port: origin.port,
    receivedBytes: () => [...origin.sockets].reduce((sum, socket) => sum + socket.bytesRead, 0),
  };
};

describe("what is told of a transaction with an origin", () => {
  it("LOG-113 LOG-117 LOG-118 says where it went, on which connection, and how much of what moved", async () => {
    const origin = await countingOrigin(`${ANSWER}hello`);
    const { seen, onTransaction } = listen();
    const { pool } = openPool(settingsFor([addressAt(origin.port)]), { onTransaction });
    const request = getRequest("/a?b=1", { fields: ["Range", "bytes=0-4"], sessionId: 77n });
    await fetchFrom(pool, request);
    await fetchFrom(pool, { ...request, mode: "bypass" });
    const [first, second] = seen;
    expect(first?.facts).toMatchObject({
      ...{ vhost: "www.example.com", serverIp: "127.0.0.1", serverPort: origin.port, domain: "127.0.0.1" },
      ...{ purpose: "cache", method: "GET", target: "/a?b=1", status: 200, ended: "complete" },
      ...{ responseHeadBytes: ANSWER.length, responseBodyBytes: 5, requestBodyBytes: 0 },
      ...{ transactionNumber: 1, isReused: false, sessionId: 77n, localIp: "127.0.0.1" },
    });
    expect(first?.range).toBe("bytes=0-4");
    expect(first?.cacheControl).toBe("max-age=9");
    expect(second?.facts).toMatchObject({
      ...{ purpose: "bypass", transactionNumber: 2, isReused: true, connectMs: 0 },
      connectionNumber: first?.facts.connectionNumber,
    });
    const told = seen.reduce((sum, { facts }) => sum + (facts.requestHeadBytes ?? 0), 0);
    expect(told).toBe(origin.receivedBytes());
    expect(pool.counters.requestHeadBytes).toBe(told);
  });

  it.each([
    ["POST", { kind: "stream", contentLength: 4, chunks: chunksOf("abcd") }, 4],
    ["POST", { kind: "none" }, 0],
    ["HEAD", { kind: "none" }, 0],
    ["DELETE", { kind: "none" }, 0],
  ] as const)("counts the bytes of %s as the origin gets them", async (method, body, bodyBytes) => {
    const origin = await countingOrigin("HTTP/1.1 204 No Content\r\n\r\n");
    const { seen, onTransaction } = listen();
    const { pool } = openPool(settingsFor([addressAt(origin.port)]), { onTransaction });
    expect(await resultOf(pool, getRequest("/x", { method, body }))).toBe(204);
    expect(seen[0]?.facts.requestBodyBytes).toBe(bodyBytes);
    expect((seen[0]?.facts.requestHeadBytes ?? 0) + bodyBytes).toBe(origin.receivedBytes());
  });

  it("LOG-114 says why it failed, and when this side gave up", async () => {
    const { seen, onTransaction } = listen();
    const closing = await rawOrigin((socket) => socket.destroy());
    const silent = await rawOrigin(() => {});
    const { pool } = openPool(settingsFor([addressAt(closing.port)]), { onTransaction });
    await resultOf(pool, getRequest("/", { method: "POST" }));
    expect(seen[0]?.facts).toMatchObject({ ended: "ORIGIN_CLOSED", status: 0, responseHeadBytes: 0 });
    const other = openPool(settingsFor([addressAt(silent.port)]), { onTransaction }).pool;
    const exchange = other.send(
      getRequest("/"),
      recordInto(newOutcome(), () => {}),
    );
    await until(() => other.counters.requests === 1);
    exchange.abort();
    expect(seen[1]?.facts).toMatchObject({ ended: "aborted", status: 0 });
  });

  it("LOG-37 does not take the end of a kept connection for a failure", async () => {
    const answered = new WeakSet<object>();
    const origin = await rawOrigin((socket) => {
      if (answered.has(socket)) socket.destroy();
      else socket.write(`${ANSWER}hello`);
      answered.add(socket);
    });
    const { seen, onTransaction } = listen();
    const { pool } = openPool(settingsFor([addressAt(origin.port)]), { onTransaction });
    await fetchFrom(pool, getRequest("/"));
    await fetchFrom(pool, getRequest("/"));
    expect(seen.map(({ facts }) => [facts.isReused, facts.status, facts.ended])).toEqual([
      [false, 200, "complete"],
      [true, 0, "aborted"],
      [false, 200, "complete"],
    ]);
    expect(pool.counters.closedEarly).toBe(0);
  });

  it("STAT-20 STAT-21 STAT-71 counts responses, completed ones and their times by class when they end", async () => {
    const origin = await countingOrigin(`${ANSWER}hello`);
    const { pool } = openPool(settingsFor([addressAt(origin.port)]));
    await fetchFrom(pool, getRequest("/"));
    const { responses, completed, firstByteTime, completeTime } = pool.counters;
    expect([responses[2], completed[2]]).toEqual([1, 1]);
    expect(completeTime[2]).toBeGreaterThanOrEqual(firstByteTime[2] ?? Number.NaN);
    expect(pool.localCounters).toEqual(pool.counters);
  });

  it("STAT-27 counts a connection as active once in an interval, and open until it is closed", async () => {
    const origin = await countingOrigin(`${ANSWER}hello`);
    const { pool } = openPool(settingsFor([addressAt(origin.port)]));
    await fetchFrom(pool, getRequest("/"));
    await fetchFrom(pool, getRequest("/"));
    expect(pool.counters).toMatchObject({ connections: 1, connectionsActive: 1, connectionsClosed: 0 });
    pool.beginInterval();
    await fetchFrom(pool, getRequest("/"));
    expect(pool.counters.connectionsActive).toBe(2);
    await pool.close();
    await until(() => pool.counters.connectionsClosed === 1);
  });

  it("tells of a tunnel when it has ended, with what went through it", async () => {
    const origin = await rawOrigin((socket) =>
      socket.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n"),
    );
    const { seen, onTransaction } = listen();
    const { pool } = openPool(settingsFor([addressAt(origin.port)]), { onTransaction });
    const tunnel = await pool.upgrade(
      getRequest("/", { fields: ["Upgrade", "x"], mode: "bypass" }),
      recordInto(newOutcome(), () => {}),
    );
    tunnel?.moved(3, 8);
    expect(seen).toEqual([]);
    tunnel?.socket.destroy();
    if (tunnel !== undefined) await once(tunnel.socket, "close");
    expect(seen[0]?.facts).toMatchObject({ status: 101, requestBodyBytes: 3, responseBodyBytes: 8, ended: "complete" });
    expect(pool.counters).toMatchObject({ requestBodyBytes: 3, responseBodyBytes: 8 });
  });
});

async function* chunksOf(text: string): AsyncGenerator<Buffer, void, undefined> {
  yield Buffer.from(text);
}
