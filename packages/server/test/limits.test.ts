import { PROCESS_SLOT, rejectionSlot } from "@basalt/telemetry";
import { describe, expect, it } from "vitest";
import { HOST, requestText, TestEdge } from "./support/edge.ts";

describe("heads that are refused", () => {
  it.each([
    ["REQUEST_MALFORMED", 400, "GET / HTTP/1.1\r\nHost : a\r\n\r\n"],
    ["REQUEST_MALFORMED", 400, "GET / HTTP/1.1\r\n\r\n"],
    ["REQUEST_MALFORMED", 400, "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["REQUEST_MALFORMED", 400, "GET / HTTP/1.1\nHost: a\n\n"],
    ["REQUEST_MALFORMED", 400, "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"],
    ["REQUEST_MALFORMED", 400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx"],
    ["REQUEST_MALFORMED", 400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"],
    ["REQUEST_MALFORMED", 400, "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n folded\r\n\r\n"],
    ["REQUEST_MALFORMED", 400, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"],
    ["REQUEST_TARGET_TOO_LONG", 414, `GET /${"a".repeat(9000)} HTTP/1.1\r\nHost: a\r\n\r\n`],
    ["REQUEST_HEAD_TOO_LARGE", 431, `GET / HTTP/1.1\r\nHost: a\r\nX: ${"a".repeat(40_000)}\r\n\r\n`],
    ["REQUEST_HEAD_TOO_LARGE", 431, `GET / HTTP/1.1\r\nHost: a\r\n${"X: y\r\n".repeat(200)}\r\n`],
    ["VERSION_NOT_SUPPORTED", 505, "GET / HTTP/2.0\r\nHost: a\r\n\r\n"],
    ["TRANSFER_CODING_NOT_IMPLEMENTED", 501, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"],
  ] as const)(
    "HTTP-34: %s is answered %i and the connection closed, nothing behind it is read",
    (code, status, text) => {
      const edge = new TestEdge();
      const client = edge.connect().send(text + requestText("/smuggled"));
      const responses = client.all();
      expect(responses.map((response) => response.status)).toEqual([status]);
      expect(responses[0]?.field("connection")).toBe("close");
      expect(responses[0]?.isComplete).toBe(true);
      expect(client.socket.hasEnded).toBe(true);
      expect(edge.counters.get(rejectionSlot(code))).toBe(1);
      expect(edge.origin.calls).toHaveLength(0);
    },
  );

  it("behind good requests are answered in their turn", async () => {
    const edge = new TestEdge();
    await edge.store("/a", "x");
    const client = edge.connect().send(`${requestText("/a")}\x00\x00\x00\r\n\r\n`);
    expect(client.all().map(({ status }) => status)).toEqual([200, 400]);
  });
});

describe("names that nobody serves", () => {
  it("an unknown host is answered 404 with a page, and the connection closed (OPEN 9 of spec 01)", async () => {
    const edge = new TestEdge();
    const client = edge.connect().send("GET / HTTP/1.1\r\nHost: nobody.example\r\n\r\n");
    const response = await client.response();
    expect([response.status, response.field("connection")]).toEqual([404, "close"]);
    expect(response.field("via")).toBeUndefined();
    expect(client.socket.hasEnded).toBe(true);
    expect(edge.counters.get(rejectionSlot("VHOST_UNKNOWN"))).toBe(1);
  });
});

describe("HTTP-33: absolute targets", () => {
  const other = `<Vhost Name="other.example"><Origin><Address>10.0.0.2</Address></Origin></Vhost>`;

  it("the host of the target counts, not the Host field (RFC 9112 3.2.2)", async () => {
    const edge = new TestEdge({ moreVhosts: other });
    await edge.store("/a", "ours");
    const client = edge.connect();
    client.send(`GET http://${HOST}/a HTTP/1.1\r\nHost: other.example\r\n\r\n`);
    client.send(`GET HTTP://${HOST.toUpperCase()}:80/a HTTP/1.1\r\nHost: other.example\r\n\r\n`);
    client.send(requestText("/a"));
    expect(client.all().map(({ body }) => String(body))).toEqual(["ours", "ours", "ours"]);
  });

  it("alternate with plain ones on one connection, by their own host each", async () => {
    const edge = new TestEdge({ moreVhosts: other });
    await edge.store("/a", "ours");
    const client = edge.connect();
    const plain = "GET /a HTTP/1.1\r\nHost: other.example\r\n\r\n";
    client.send(`GET http://${HOST}/a HTTP/1.1\r\nHost: other.example\r\n\r\n${plain}`);
    (await edge.origin.call(2)).reply(200, "theirs");
    expect((await client.responses(2)).map(({ body }) => String(body))).toEqual(["ours", "theirs"]);
  });

  it("the origin is told the host of the target: another Host field must not shape what all are given", async () => {
    const edge = new TestEdge({ vhost: "<OriginOptions><Host>*</Host></OriginOptions>", moreVhosts: other });
    edge.connect().send(`GET http://${HOST}/a HTTP/1.1\r\nHost: other.example\r\n\r\n`);
    const { fields } = (await edge.origin.call()).request;
    expect(fields[fields.indexOf("Host") + 1]).toBe(HOST);
  });
});

describe("numbers of connections", () => {
  it("REG-318, OPT-24, OPT-25: beyond the maximum new ones are closed at once, until enough have gone", async () => {
    const edge = new TestEdge({ cache: '<MaxSockets Reopen="50">10</MaxSockets>' });
    const clients = Array.from({ length: 10 }, () => edge.connect());
    expect(clients.every(({ socket }) => !socket.isDestroyed)).toBe(true);
    expect(edge.connect().socket.isDestroyed).toBe(true);
    for (let left = 9; left > 5; left--) {
      clients.pop()?.socket.destroy();
      expect(edge.connect().socket.isDestroyed).toBe(true);
    }
    clients.pop()?.socket.destroy();
    expect(edge.server.connectionCount).toBe(5);
    expect(edge.connect().socket.isDestroyed).toBe(false);
    expect(edge.counters.get(PROCESS_SLOT.connectionsRefused)).toBe(5);
    expect(edge.counters.get(PROCESS_SLOT.connectionsAccepted)).toBe(11);
  });

  it("REG-314 OPT-21 more connections than <HttpClientSession> names are served all the same", async () => {
    const edge = new TestEdge({ cache: "<HttpClientSession><Init>2</Init><TopUp>1</TopUp></HttpClientSession>" });
    await edge.store("/a", "x");
    const clients = Array.from({ length: 300 }, () => edge.connect());
    for (let round = 1; round <= 2; round++) {
      const answers = await Promise.all(clients.map((client) => client.get("/a").responses(round)));
      expect(answers.every((all) => all.every(({ status }) => status === 200))).toBe(true);
    }
    expect(edge.server.connectionCount).toBe(300);
  });

  it("each of several workers has its share", () => {
    const edge = new TestEdge();
    const settings = { cache: "<MaxSockets>10</MaxSockets>" };
    edge.configure(settings, 2, 4);
    expect(edge.server.state).toMatchObject({ maxConnections: 2, reopenConnections: 1 });
    edge.configure(settings, 3, 100);
    expect(edge.server.state.maxConnections).toBe(1);
  });
});
