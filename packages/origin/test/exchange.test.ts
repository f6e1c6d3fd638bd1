import { createHash } from "node:crypto";
import type { Socket } from "node:net";
import { describe, expect, it } from "vitest";
import type { OriginExchange } from "../src/contract.ts";
import { FakeResolver } from "./support/board.ts";
import { fetchFrom, getRequest, newOutcome, openPool, recordInto, resultOf, until } from "./support/exchange.ts";
import { httpOrigin, rawOrigin } from "./support/origin.ts";
import { addressAt, settingsFor } from "./support/settings.ts";

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

const sendInPieces = async (socket: Socket, text: string, length: number): Promise<void> => {
  socket.setNoDelay(true);
  for (let at = 0; at < text.length; at += length) {
    socket.write(text.slice(at, at + length));
    await new Promise((resolve) => setImmediate(resolve));
  }
};

describe("request line and Host, for each form of <Address>", () => {
  const ip = { host: "127.0.0.1", isIp: true };
  const domain = { host: "origin.test", isIp: false };
  const dir = { pathPrefix: "/account/dir" };
  it.each([
    { form: "1.1.1.1", address: { ...ip, hostField: "www.example.com" }, path: "/a?b", host: "www.example.com" },
    {
      form: "1.1.1.1:8080",
      address: { ...ip, hostField: "www.example.com:8080" },
      path: "/a?b",
      host: "www.example.com:8080",
    },
    {
      form: "1.1.1.1/account/dir",
      address: { ...ip, ...dir, hostField: "www.example.com" },
      path: "/account/dir/a?b",
      host: "www.example.com",
    },
    {
      form: "1.1.1.1:8080/account/dir",
      address: { ...ip, ...dir, hostField: "www.example.com:8080" },
      path: "/account/dir/a?b",
      host: "www.example.com:8080",
    },
    { form: "example.com", address: { ...domain, hostField: "example.com" }, path: "/a?b", host: "example.com" },
    {
      form: "example.com:8080",
      address: { ...domain, hostField: "example.com:8080" },
      path: "/a?b",
      host: "example.com:8080",
    },
    {
      form: "example.com/account/dir",
      address: { ...domain, ...dir, hostField: "example.com" },
      path: "/account/dir/a?b",
      host: "example.com",
    },
    {
      form: "example.com:8080/account/dir",
      address: { ...domain, ...dir, hostField: "example.com:8080" },
      path: "/account/dir/a?b",
      host: "example.com:8080",
    },
  ])("CFG-11 CFG-12 CFG-13 $form", async ({ form, address, path, host }) => {
    const heads: string[] = [];
    const origin = await rawOrigin((socket, head) => {
      heads.push(head);
      socket.write(OK);
    });
    const { pool } = openPool(settingsFor([addressAt(origin.port, { text: form, ...address })]), {
      resolver: new FakeResolver().answer("origin.test", { "127.0.0.1": 60 }),
    });
    const outcome = await fetchFrom(pool, getRequest("/a?b", { fields: ["X-Test", "caf\u00e9"] }));
    expect(outcome.head?.address).toBe(address.isIp ? form : `${form} 127.0.0.1`);
    expect(heads).toEqual([`GET ${path} HTTP/1.1\r\nhost: ${host}\r\nconnection: keep-alive\r\nX-Test: caf\u00e9`]);
  });

  it("CFG-11 reaches an IPv6 address", async () => {
    const origin = await rawOrigin((socket) => socket.write(OK), "::1");
    const { pool } = openPool(settingsFor([addressAt(origin.port, { host: "::1" })]));
    expect(await resultOf(pool, getRequest("/"))).toBe(200);
  });

  it("ORG-42 sends the configured Host, unless the request brings its own", async () => {
    const origin = await httpOrigin((request, response) => response.end(request.headers.host));
    const { pool } = openPool(settingsFor([addressAt(origin.port)], { host: "www.example2.com:8080" }));
    expect((await fetchFrom(pool, getRequest("/"))).body).toBe("www.example2.com:8080");
    expect((await fetchFrom(pool, getRequest("/", { fields: ["Host", "client.test"] }))).body).toBe("client.test");
  });
});

describe("responses", () => {
  const answered = async (bytes: string, method = "GET", end = false) => {
    const origin = await rawOrigin((socket) => (end ? socket.end(bytes, "latin1") : socket.write(bytes, "latin1")));
    const { pool } = openPool(settingsFor([addressAt(origin.port)]));
    const outcome = await fetchFrom(pool, getRequest("/", { method }));
    expect(outcome.endings).toBe(1);
    return outcome;
  };

  it("hands fields on as received, latin1, in order", async () => {
    const outcome = await answered(
      "HTTP/1.1 203 Non \u00e9\r\nX-B: 1\r\nx-a:  caf\u00e9 \r\nX-B: 2\r\nContent-Length: 1\r\n\r\nx",
    );
    expect(outcome.head?.status).toBe(203);
    expect(outcome.head?.fields).toEqual(["X-B", "1", "x-a", "caf\u00e9", "X-B", "2", "Content-Length", "1"]);
    expect(outcome.body).toBe("x");
  });

  it("reads a chunked response and its trailers", async () => {
    const outcome = await answered(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nX-Sum: 5\r\n\r\n",
    );
    expect(outcome.body).toBe("abcde");
    expect(outcome.trailers).toEqual(["X-Sum", "5"]);
  });

  it("REG-97 ORG-10 takes a close as the end of a response without Content-Length", async () => {
    const outcome = await answered("HTTP/1.1 200 OK\r\n\r\nto the end", "GET", true);
    expect(outcome.error).toBeUndefined();
    expect(outcome.body).toBe("to the end");
  });

  it("reads an HTTP/1.0 response", async () => {
    expect((await answered("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", "GET", true)).body).toBe("ok");
  });

  it.each([
    { what: "304", bytes: "HTTP/1.1 304 Not Modified\r\nContent-Length: 1000\r\n\r\n", method: "GET", status: 304 },
    { what: "204", bytes: "HTTP/1.1 204 No Content\r\n\r\n", method: "GET", status: 204 },
    { what: "HEAD", bytes: "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", method: "HEAD", status: 200 },
  ])("expects no body with $what, whatever length it names", async ({ bytes, method, status }) => {
    const outcome = await answered(bytes, method);
    expect(outcome.error).toBeUndefined();
    expect([outcome.head?.status, outcome.bodyBytes]).toEqual([status, 0]);
  });

  it("passes interim responses on before the final one", async () => {
    const outcome = await answered(
      `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n${OK}`,
    );
    expect(outcome.information).toEqual([103, 102]);
    expect(outcome.body).toBe("ok");
  });

  it("hands a 100 on that nobody asked for, in whatever pieces it comes", async () => {
    const text = `HTTP/1.1 100 Continue\r\nDate: x\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Again\r\n\r\n${OK}`;
    const origin = await rawOrigin((socket) => void sendInPieces(socket, text, 7));
    const { pool } = openPool(settingsFor([addressAt(origin.port)]));
    for (let round = 0; round < 2; round++) {
      const outcome = await fetchFrom(pool, getRequest("/"));
      expect([outcome.information, outcome.body, outcome.error]).toEqual([[100, 103, 100], "ok", undefined]);
    }
    expect(origin.connections()).toBe(1);
  });

  it("HTTP-35 accepts a status line without a reason phrase", async () => {
    const outcome = await answered("HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok");
    expect([outcome.head?.status, outcome.body]).toEqual([200, "ok"]);
  });

  it("takes the length from a 204 and from interim responses", async () => {
    const outcome = await answered("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\nA: 1\r\n\r\n");
    expect(outcome.head?.fields).toEqual(["A", "1"]);
  });

  it("drops trailers that are too long, and not the response", async () => {
    const outcome = await answered(
      `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nA: ${"x".repeat(9000)}\r\n\r\n`,
    );
    expect([outcome.body, outcome.trailers, outcome.error]).toEqual(["ok", [], undefined]);
  });

  it("accepts 32 interim responses and refuses the 33rd", async () => {
    const hint = "HTTP/1.1 103 Early Hints\r\n\r\n";
    expect((await answered(hint.repeat(32) + OK)).information.length).toBe(32);
    const flooded = await answered(hint.repeat(33) + OK);
    expect(flooded.error?.code).toBe("ORIGIN_MALFORMED");
    expect(flooded.head).toBeUndefined();
  });

  it("ORG-55 VHT-41 does not follow redirects by itself", async () => {
    const outcome = await answered(
      "HTTP/1.1 302 Found\r\nLocation: http://elsewhere.test/\r\nContent-Length: 0\r\n\r\n",
    );
    expect(outcome.head?.status).toBe(302);
  });

  it("does not decode content", async () => {
    const outcome = await answered(
      "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\n\x1f\x8b\x08",
    );
    expect(outcome.body).toBe("\x1f\x8b\x08");
  });

  it("drops a reason phrase that would become a line break on the way out", async () => {
    const outcome = await answered(
      `HTTP/1.1 200 ${Buffer.from("\u010a", "utf8").toString("latin1")}\r\nContent-Length: 0\r\n\r\n`,
    );
    expect(outcome.head?.reason).toBe("");
  });
});

describe("request bodies", () => {
  async function* chunksOf(...parts: string[]): AsyncGenerator<Buffer> {
    for (const part of parts) yield Buffer.from(part);
  }

  const echo = () =>
    httpOrigin((request, response) => {
      const seen = `${request.method} ${request.headers["content-length"] ?? request.headers["transfer-encoding"] ?? "-"} `;
      response.write(seen);
      request.pipe(response);
    });

  it.each([
    { how: "with Content-Length", method: "POST", contentLength: 6, parts: ["abc", "", "def"], seen: "POST 6 abcdef" },
    { how: "chunked", method: "PUT", contentLength: -1, parts: ["abc", "def"], seen: "PUT chunked abcdef" },
    { how: "empty with length 0", method: "POST", contentLength: 0, parts: [], seen: "POST 0 " },
    { how: "with GET", method: "GET", contentLength: 3, parts: ["abc"], seen: "GET 3 abc" },
  ])("streams a body $how", async ({ method, contentLength, parts, seen }) => {
    const { pool } = openPool(settingsFor([addressAt((await echo()).port)]));
    const body = { kind: "stream", contentLength, chunks: chunksOf(...parts) } as const;
    expect((await fetchFrom(pool, getRequest("/", { method, body }))).body).toBe(seen);
  });

  it("does not buffer: a source is asked only for what the origin takes", async () => {
    const origin = await rawOrigin((socket) => socket.pause());
    const { pool } = openPool(settingsFor([addressAt(origin.port)]));
    let produced = 0;
    async function* endless(): AsyncGenerator<Buffer> {
      for (;;) {
        produced += 1 << 20;
        yield Buffer.alloc(1 << 20);
      }
    }
    const exchange = pool.send(
      getRequest("/", { method: "POST", body: { kind: "stream", contentLength: -1, chunks: endless() } }),
      recordInto(newOutcome(), () => {}),
    );
    let before = -1;
    while (produced !== before) {
      before = produced;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(produced).toBeLessThan(64 << 20);
    exchange.abort();
  });

  it("ends with the source's error when the client goes away, and blames no address", async () => {
    const origin = await rawOrigin(() => {});
    const { pool, events } = openPool(settingsFor([addressAt(origin.port)], { exclusion: 1 }));
    async function* failing(): AsyncGenerator<Buffer> {
      yield Buffer.from("abc");
      throw new Error("connection reset by client");
    }
    const body = { kind: "stream", contentLength: 10, chunks: failing() } as const;
    expect(await resultOf(pool, getRequest("/", { method: "POST", body }))).toBe("CLIENT_GONE");
    expect(events).toEqual([]);
  });

  it("refuses a body that does not keep its Content-Length", async () => {
    const origin = await rawOrigin(() => {});
    const { pool, events } = openPool(settingsFor([addressAt(origin.port)], { exclusion: 1 }));
    for (const text of ["too long", "s"]) {
      const body = { kind: "stream", contentLength: 5, chunks: chunksOf(text) } as const;
      expect(await resultOf(pool, getRequest("/", { method: "POST", body }))).toBe("REQUEST_MALFORMED");
    }
    expect(events).toEqual([]);
  });

  it("takes an answer that comes before the body is sent, and lets go of the source", async () => {
    const origin = await rawOrigin((socket) => socket.write("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n"));
    const { pool } = openPool(settingsFor([addressAt(origin.port)]));
    let returned = false;
    async function* slow(): AsyncGenerator<Buffer> {
      try {
        for (;;) {
          yield Buffer.from("abc");
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
      } finally {
        returned = true;
      }
    }
    const body = { kind: "stream", contentLength: -1, chunks: slow() } as const;
    expect(await resultOf(pool, getRequest("/", { method: "POST", body }))).toBe(413);
    await until(() => returned);
    expect(await resultOf(pool, getRequest("/"))).toBe(413);
    expect(origin.connections()).toBe(2);
  });
});

describe("flow control", () => {
  const SIZE = 50 << 20;
  const block = Buffer.alloc(1 << 20, "x");

  const bigOrigin = () => {
    const progress = { written: 0 };
    const origin = httpOrigin((_request, response) => {
      response.writeHead(200, { "content-length": SIZE });
      const write = (): void => {
        while (progress.written < SIZE) {
          progress.written += block.length;
          if (!response.write(block)) {
            response.once("drain", write);
            return;
          }
        }
        response.end();
      };
      write();
    });
    return { origin, progress };
  };

  it("stops the origin while the receiver pauses, and delivers 50 MB intact through many pauses", async () => {
    const { origin, progress } = bigOrigin();
    const { pool } = openPool(settingsFor([addressAt((await origin).port)]));
    const hash = createHash("sha256");
    let received = 0;
    let exchange: OriginExchange | undefined;
    const done = new Promise<string>((resolve, reject) => {
      exchange = pool.send(getRequest("/big"), {
        onHead: () => {},
        onData: (chunk) => {
          hash.update(chunk);
          received += chunk.length;
          return false;
        },
        onComplete: () => resolve(hash.digest("hex")),
        onError: reject,
      });
    });
    await until(() => received > 0);
    let before = -1;
    while (progress.written !== before) {
      before = progress.written;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(received).toBeLessThan(1 << 20);
    expect(progress.written).toBeLessThan(SIZE / 2);

    // What the origin has written and the receiver has not got sits in our memory or in the kernel's socket buffers.
    let mostUnderWay = 0;
    while (received < SIZE) {
      const seen = received;
      exchange?.resume();
      await until(() => received > seen);
      mostUnderWay = Math.max(mostUnderWay, progress.written - received);
    }
    const expected = createHash("sha256");
    for (let offset = 0; offset < SIZE; offset += block.length) expected.update(block);
    exchange?.resume();
    expect(await done).toBe(expected.digest("hex"));
    expect(mostUnderWay).toBeLessThan(SIZE / 2);
    expect(pool.counters.responseBodyBytes).toBe(SIZE);
  });

  it("does not stay paused when the receiver resumes before it answers false", async () => {
    const origin = await httpOrigin((_request, response) => response.end(block));
    const { pool } = openPool(settingsFor([addressAt(origin.port)]));
    const bytes = await new Promise<number>((resolve, reject) => {
      let received = 0;
      const exchange = pool.send(getRequest("/"), {
        onHead: () => {},
        onData: (chunk) => {
          received += chunk.length;
          exchange.resume();
          return false;
        },
        onComplete: () => resolve(received),
        onError: reject,
      });
    });
    expect(bytes).toBe(block.length);
  });
});

describe("abort", () => {
  it("ends the exchange quietly in each of its stages and closes the connection", async () => {
    const origin = await rawOrigin((socket, head) => {
      if (head.startsWith("GET /head")) socket.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n");
      if (head.startsWith("GET /body")) socket.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
    });
    const { pool, events } = openPool(settingsFor([addressAt(origin.port)], { exclusion: 1 }));
    for (const stage of ["/connecting", "/waiting", "/head", "/body"]) {
      const outcome = newOutcome();
      const exchange = pool.send(
        getRequest(stage),
        recordInto(outcome, () => {}),
      );
      if (stage === "/waiting") await until(() => pool.counters.requests > 0);
      if (stage === "/head") await until(() => outcome.head !== undefined);
      if (stage === "/body") await until(() => outcome.bodyBytes > 0);
      expect(pool.active).toBe(1);
      exchange.abort();
      exchange.abort();
      exchange.resume();
      expect(pool.active).toBe(0);
      await until(() => origin.sockets.size === 0);
      expect(outcome.endings).toBe(0);
    }
    expect(events).toEqual([]);
  });

  it("ends the exchange from within its own callbacks", async () => {
    const origin = await httpOrigin((_request, response) => response.end("x".repeat(500_000)));
    const { pool } = openPool(settingsFor([addressAt(origin.port)]));
    for (const stage of ["onHead", "onData"] as const) {
      const outcome = newOutcome();
      const handler = recordInto(outcome, () => {});
      const exchange = pool.send(getRequest("/"), {
        ...handler,
        onHead: (head) => {
          handler.onHead(head);
          if (stage === "onHead") exchange.abort();
        },
        onData: (chunk) => {
          handler.onData(chunk);
          if (stage === "onData") exchange.abort();
          return true;
        },
      });
      await until(() => outcome.head !== undefined && pool.active === 0 && origin.sockets.size === 0);
      expect(outcome.endings).toBe(0);
      expect(outcome.bodyBytes > 0).toBe(stage === "onData");
      expect(pool.active).toBe(0);
    }
  });
});

describe("requests that must not be sent", () => {
  it("reports hostile fields after the caller has its handle, and opens no connection", async () => {
    const origin = await rawOrigin((socket) => socket.write(OK));
    const { pool } = openPool(settingsFor([addressAt(origin.port)]));
    const outcome = newOutcome();
    const ended = new Promise<void>((resolve) => {
      pool.send(getRequest("/", { fields: ["a", "b\r\nc: d"] }), recordInto(outcome, resolve));
    });
    expect(outcome.endings).toBe(0);
    await ended;
    expect(outcome.error?.code).toBe("INTERNAL");
    expect(origin.connections()).toBe(0);
  });
});
