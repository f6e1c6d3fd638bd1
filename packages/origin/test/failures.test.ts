import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { fetchFrom, getRequest, openPool, resultOf, until } from "./support/exchange.ts";
import { httpOrigin, rawOrigin, refusedPort } from "./support/origin.ts";
import { addressAt, settingsFor } from "./support/settings.ts";

const HEAD_10 = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n";

describe("how an origin can fail", () => {
  const failing = async (misbehave: Parameters<typeof rawOrigin>[0], options = {}) => {
    const origin = await rawOrigin(misbehave);
    const { pool, events } = openPool(
      settingsFor([addressAt(origin.port)], { receiveTimeoutSeconds: 0.1, ...options }),
    );
    const outcome = await fetchFrom(pool, getRequest("/"));
    expect(outcome.endings).toBe(1);
    expect(pool.active).toBe(0);
    const failures = events.flatMap((event) => (event.kind === "failure" ? [event.reason] : []));
    return { code: outcome.error?.code, failures, body: outcome.body, counters: pool.counters };
  };

  it("ORG-01 ORG-10 refused connection", async () => {
    const { pool, events } = openPool(settingsFor([addressAt(await refusedPort())]));
    expect(await resultOf(pool, getRequest("/"))).toBe("ORIGIN_CONNECT_FAILED");
    expect(events).toMatchObject([{ kind: "failure", vhost: "www.example.com", reason: "Connect-Failed" }]);
    expect(pool.counters.connectFailures).toBe(1);
  });

  it("ORG-02 ORG-10 accepts and never answers", async () => {
    const seen = await failing(() => {});
    expect([seen.code, seen.failures]).toEqual(["ORIGIN_RECEIVE_TIMEOUT", ["Receive-Timeout"]]);
    expect(seen.counters.receiveTimeouts).toBe(1);
  });

  it("ORG-02 AWS-39 stalls in the middle of the body", async () => {
    const seen = await failing((socket) => socket.write(`${HEAD_10}abc`));
    expect([seen.code, seen.failures, seen.body]).toEqual(["ORIGIN_RECEIVE_TIMEOUT", ["Receive-Timeout"], "abc"]);
  });

  it("REG-96 ORG-02 measures silence, not the whole answer, for chunked answers too", async () => {
    const origin = await rawOrigin((socket) => {
      socket.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
      const count = 20;
      let chunks = 0;
      const timer = setInterval(() => {
        chunks += 1;
        socket.write(chunks <= count ? "1\r\nx\r\n" : "0\r\n\r\n");
        if (chunks > count) clearInterval(timer);
      }, 60);
    });
    const { pool } = openPool(settingsFor([addressAt(origin.port)], { receiveTimeoutSeconds: 0.8 }));
    expect((await fetchFrom(pool, getRequest("/"))).body).toBe("x".repeat(20));
  });

  it("ORG-10 closes before the length is met", async () => {
    const seen = await failing((socket) => socket.end(`${HEAD_10}abc`));
    expect([seen.code, seen.failures, seen.body]).toEqual(["ORIGIN_CLOSED", ["Server-Close"], "abc"]);
    expect(seen.counters.closedEarly).toBe(1);
  });

  it("ORG-10 closes before the length is met although it said close", async () => {
    const seen = await failing((socket) =>
      socket.end("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 10\r\n\r\nabc"),
    );
    expect(seen.code).toBe("ORIGIN_CLOSED");
  });

  it("ORG-10 closes in the middle of a chunked answer although it said close", async () => {
    const head = "HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
    const seen = await failing((socket) => socket.end(`${head}5\r\nabc`));
    expect(seen.code).toBe("ORIGIN_CLOSED");
  });

  it("ORG-10 closes within the head", async () => {
    const seen = await failing((socket) => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-"));
    expect(seen.code).toBe("ORIGIN_CLOSED");
  });

  it("ORG-10 closes in the middle of a chunked answer", async () => {
    const seen = await failing((socket) => socket.end("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc"));
    expect(seen.code).toBe("ORIGIN_CLOSED");
  });

  it.each([
    { what: "with a length", head: HEAD_10 },
    { what: "delimited by close", head: "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" },
  ])("ORG-10 resets in the middle of a body $what", async ({ head }) => {
    const origin = await rawOrigin((socket) => socket.write(`${head}abc`));
    const { pool } = openPool(settingsFor([addressAt(origin.port)]));
    const outcome = await new Promise<string>((resolve) => {
      pool.send(getRequest("/"), {
        onHead: () => {},
        onData: () => {
          for (const socket of origin.sockets) socket.resetAndDestroy();
          return true;
        },
        onComplete: () => resolve("complete"),
        onError: (error) => resolve(error.code),
      });
    });
    expect(outcome).toBe("ORIGIN_CLOSED");
  });

  it.each([
    { what: "closes without a word", act: "end" },
    { what: "resets without a word", act: "resetAndDestroy" },
  ] as const)("ORG-03 $what", async ({ act }) => {
    const seen = await failing((socket) => socket[act]());
    expect([seen.code, seen.failures]).toEqual(["ORIGIN_CLOSED", ["Server-Close"]]);
  });

  it.each([
    { what: "another protocol", bytes: "SSH-2.0-OpenSSH_9.2\r\n" },
    { what: "a bad status line", bytes: "HTTP/1.1 abc\r\n\r\n" },
    { what: "a status of two digits", bytes: "HTTP/1.1 42 No\r\n\r\n" },
    { what: "a status below 100", bytes: "HTTP/1.1 042 No\r\nContent-Length: 0\r\n\r\n" },
    { what: "a status beyond 599", bytes: "HTTP/1.1 777 No\r\nContent-Length: 0\r\n\r\n" },
    { what: "an upgrade nobody asked for", bytes: "HTTP/1.1 101 Go\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n" },
    { what: "a 100 with bare LF", bytes: "HTTP/1.1 100 Continue\n\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" },
    { what: "100 again and again", bytes: "HTTP/1.1 100 Continue\r\n\r\n".repeat(100) },
    { what: "a 100 without an end", bytes: `HTTP/1.1 100 Continue\r\n${`A: ${"b".repeat(100)}\r\n`.repeat(2_000)}` },
    { what: "xchunked", bytes: "HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\nabc" },
    { what: "chunked, gzip", bytes: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\nabc" },
    {
      what: "chunked twice",
      bytes: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    },
    { what: "HTTP-35 a negative length", bytes: "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n" },
    { what: "a bare 101", bytes: "HTTP/1.1 101 Go\r\n\r\n" },
    { what: "a space before the colon", bytes: "HTTP/1.1 200 OK\r\nX : y\r\nContent-Length: 0\r\n\r\n" },
    { what: "a NUL in a field", bytes: "HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n" },
    { what: "two lengths", bytes: "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab" },
    {
      what: "length beside chunked",
      bytes: "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    },
    { what: "a bad chunk size", bytes: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n" },
    { what: "a head beyond 64 KB", bytes: `HTTP/1.1 200 OK\r\nX: ${"y".repeat(70_000)}\r\n\r\n` },
  ])("refuses $what", async ({ bytes }) => {
    const seen = await failing((socket) => socket.write(bytes, "latin1"), { receiveTimeoutSeconds: 5 });
    expect([seen.code, seen.failures]).toEqual(["ORIGIN_MALFORMED", ["Malformed-Response"]]);
  });

  it("ends an exchange whose handler throws as our own fault", async () => {
    const origin = await httpOrigin((_request, response) => response.end("x"));
    const { pool, events } = openPool(settingsFor([addressAt(origin.port)], { exclusion: 1 }));
    const code = await new Promise<string>((resolve) => {
      pool.send(getRequest("/"), {
        onHead: () => {
          throw new Error("a defect");
        },
        onData: () => true,
        onComplete: () => resolve("complete"),
        onError: (error) => resolve(error.code),
      });
    });
    expect(code).toBe("INTERNAL");
    expect(events).toEqual([]);
    expect(pool.active).toBe(0);
  });

  it("survives whatever bytes an origin sends", async () => {
    let seed = 42;
    const random = (below: number): number => {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
      return seed % below;
    };
    const origin = await rawOrigin((socket) => {
      const start = random(2) === 0 ? "HTTP/1.1 200 OK\r\n" : "";
      const garbage = Buffer.from(Array.from({ length: random(200) }, () => random(256)));
      socket.end(Buffer.concat([Buffer.from(start), garbage]));
    });
    const { pool } = openPool(settingsFor([addressAt(origin.port)], { exclusion: 0 }));
    for (let nth = 0; nth < 300; nth += 1) expect((await fetchFrom(pool, getRequest("/"))).endings).toBe(1);
    expect(pool.active).toBe(0);
  });
});

describe("retries", () => {
  it("sends a GET to another address when the first refuses, once", async () => {
    const good = await httpOrigin((_request, response) => response.end("good"));
    const dead = [await refusedPort(), await refusedPort()];
    const { pool, events } = openPool(settingsFor([addressAt(dead[0] ?? 0), addressAt(good.port)]));
    expect((await fetchFrom(pool, getRequest("/"))).body).toBe("good");
    expect(events.length).toBe(1);
    const allDead = openPool(settingsFor([...dead, await refusedPort()].map((port) => addressAt(port))));
    expect(await resultOf(allDead.pool, getRequest("/"))).toBe("ORIGIN_CONNECT_FAILED");
    expect(allDead.events.length).toBe(2);
  });

  it("does not repeat a GET whose response has begun, nor one that timed out waiting for it", async () => {
    let requests = 0;
    const origin = await rawOrigin((socket, head) => {
      requests += 1;
      if (head.startsWith("GET /begun")) socket.end(`${HEAD_10}abc`);
    });
    const { pool } = openPool(
      settingsFor([addressAt(origin.port), addressAt(origin.port)], { receiveTimeoutSeconds: 0.1 }),
    );
    expect(await resultOf(pool, getRequest("/begun"))).toBe("ORIGIN_CLOSED");
    expect(await resultOf(pool, getRequest("/silent"))).toBe("ORIGIN_RECEIVE_TIMEOUT");
    expect(requests).toBe(2);
  });

  it.each([
    { method: "POST", contentLength: 3 },
    { method: "PUT", contentLength: -1 },
    { method: "GET", contentLength: 3 },
  ])("never sends a $method with a body twice", async ({ method, contentLength }) => {
    let opened = 0;
    async function* chunks(): AsyncGenerator<Buffer> {
      opened += 1;
      yield Buffer.from("abc");
    }
    const silent = await rawOrigin((socket) => socket.destroy());
    const good = await httpOrigin((_request, response) => response.end("good"));
    const { pool } = openPool(settingsFor([addressAt(silent.port), addressAt(good.port)]));
    const body = { kind: "stream", contentLength, chunks: chunks() } as const;
    expect(await resultOf(pool, getRequest("/", { method, body }))).toBe("ORIGIN_CLOSED");
    expect(opened).toBe(1);
    expect(good.connections()).toBe(0);
  });

  it("sends a POST to another server only while no connection to the first has stood", async () => {
    let bodies = "";
    const good = await httpOrigin((request, response) => {
      request.on("data", (chunk: Buffer) => {
        bodies += chunk.toString();
      });
      request.on("end", () => response.end("good"));
    });
    async function* chunks(): AsyncGenerator<Buffer> {
      yield Buffer.from("abc");
    }
    const { pool } = openPool(settingsFor([addressAt(await refusedPort()), addressAt(good.port)]));
    const body = { kind: "stream", contentLength: 3, chunks: chunks() } as const;
    expect(await resultOf(pool, getRequest("/", { method: "POST", body }))).toBe(200);
    expect(bodies).toBe("abc");

    let requests = 0;
    const closing = await rawOrigin((socket) => {
      requests += 1;
      socket.destroy();
    });
    const other = openPool(settingsFor([addressAt(closing.port), addressAt(good.port)]));
    expect(await resultOf(other.pool, getRequest("/", { method: "POST" }))).toBe("ORIGIN_CLOSED");
    expect([requests, good.connections()]).toEqual([1, 1]);
  });
});

describe("a kept connection that the origin has closed", () => {
  /** Answers the first request of each connection and closes at the second, unread. */
  const oncePerConnection = () => {
    const served = new WeakSet<object>();
    return rawOrigin((socket) => {
      if (served.has(socket)) socket.end();
      else socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
      served.add(socket);
    });
  };

  it("ORG-03 AWS-40 is replaced by a new one, and counts as no failure", async () => {
    const origin = await oncePerConnection();
    const { pool, events } = openPool(settingsFor([addressAt(origin.port)], { exclusion: 1 }));
    for (let nth = 0; nth < 5; nth += 1) expect((await fetchFrom(pool, getRequest("/"))).body).toBe("ok");
    expect(origin.connections()).toBe(5);
    expect(events).toEqual([]);
    expect(pool.counters.closedEarly).toBe(0);
  });

  it("ORG-03 AWS-40 fails a POST, which may have been seen, but counts as no failure of the address", async () => {
    const origin = await oncePerConnection();
    const { pool, events } = openPool(settingsFor([addressAt(origin.port)], { exclusion: 1 }));
    await fetchFrom(pool, getRequest("/"));
    expect(await resultOf(pool, getRequest("/", { method: "POST" }))).toBe("ORIGIN_CLOSED");
    expect(events).toEqual([]);
    expect(origin.connections()).toBe(1);
  });

  it("is noticed while idle", async () => {
    const origin = await rawOrigin((socket) => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
    const { pool } = openPool(settingsFor([addressAt(origin.port)], { exclusion: 1 }));
    await fetchFrom(pool, getRequest("/"));
    const [socket] = origin.sockets;
    socket?.end();
    if (socket !== undefined) await once(socket, "close");
    await until(() => origin.sockets.size === 0);
    expect(await resultOf(pool, getRequest("/", { method: "POST" }))).toBe(200);
  });
});
