import { describe, expect, it } from "vitest";
import { HOST, requestText, type TestClient, TestEdge } from "./support/edge.ts";

/** Every kind of answer, each sent to a client with the given request fields and version. */
type Send = (edge: TestEdge, client: TestClient, fields: readonly string[], version: string) => Promise<void> | void;

const ANSWERS: readonly (readonly [kind: string, method: string, send: Send])[] = [
  [
    "200 from memory",
    "GET",
    (_, client, fields, version) => void client.send(requestText("/a", fields, "GET", version)),
  ],
  ["HEAD", "HEAD", (_, client, fields, version) => void client.send(requestText("/a", fields, "HEAD", version))],
  [
    "304",
    "GET",
    (_, client, fields, version) =>
      void client.send(requestText("/a", [...fields, "If-None-Match: *"], "GET", version)),
  ],
  [
    "206",
    "GET",
    (_, client, fields, version) =>
      void client.send(requestText("/a", [...fields, "Range: bytes=1-2"], "GET", version)),
  ],
  [
    "416",
    "GET",
    (_, client, fields, version) =>
      void client.send(requestText("/a", [...fields, "Range: bytes=99-"], "GET", version)),
  ],
  [
    "412",
    "GET",
    (_, client, fields, version) => void client.send(requestText("/a", [...fields, 'If-Match: "x"'], "GET", version)),
  ],
  ["501", "GET", (_, client, fields, version) => void client.send(requestText("/a", fields, "DELETE", version))],
  [
    "a miss",
    "GET",
    async (edge, client, fields, version) => {
      client.send(requestText("/new", fields, "GET", version));
      (await edge.origin.call(2)).reply(200, "new");
    },
  ],
  [
    "a body still arriving",
    "GET",
    async (edge, client, fields, version) => {
      client.send(requestText("/new", fields, "GET", version));
      const call = (await edge.origin.call(2)).head(200, ["Content-Length", "3"]);
      await new Promise((resolve) => setImmediate(resolve));
      call.data("new");
      call.complete();
    },
  ],
  [
    "a failed origin",
    "GET",
    async (edge, client, fields, version) => {
      client.send(requestText("/new", fields, "GET", version));
      (await edge.origin.call(2)).fail("ORIGIN_CLOSED");
    },
  ],
  [
    "a bypassed answer",
    "GET",
    async (edge, client, fields, version) => {
      client.send(requestText("/new", [...fields, "Content-Length: 1"], "POST", version).concat("x"));
      (await edge.origin.call(2)).reply(200, "new", [
        "Connection",
        "close, X-Hop",
        "Keep-Alive",
        "timeout=99",
        "X-Hop",
        "1",
      ]);
    },
  ],
  ["PURGE", "GET", (_, client, fields, version) => void client.send(requestText("/a", fields, "PURGE", version))],
];

const CLOSE = ["close", undefined, true] as const;
const KEEP = ["keep-alive", "timeout=10", false] as const;

const RULES = [
  ["HTTP-09 by default", "", [], "1.1", KEEP],
  ["HTTP-06 the client sent close", "", ["Connection: close"], "1.1", CLOSE],
  ["HTTP-06 among others, in any case", "", ["Connection: TE, CLOSE"], "1.1", CLOSE],
  [
    "HTTP-07 ConnectionHeader close",
    "<ConnectionHeader>close</ConnectionHeader>",
    ["Connection: keep-alive"],
    "1.1",
    CLOSE,
  ],
  [
    "HTTP-08 KeepAliveHeader OFF",
    "<KeepAliveHeader>OFF</KeepAliveHeader>",
    [],
    "1.1",
    ["keep-alive", undefined, false],
  ],
  [
    "HTTP-09 with its own time",
    "<ClientKeepAliveSec>7</ClientKeepAliveSec>",
    [],
    "1.1",
    ["keep-alive", "timeout=7", false],
  ],
  ["HTTP-06 a 1.0 client (OPEN 2)", "", [], "1.0", CLOSE],
  ["HTTP-09 a 1.0 client that asks", "", ["Connection: keep-alive"], "1.0", KEEP],
  [
    "HTTP-10 with Max",
    '<KeepAliveHeader Max="50">ON</KeepAliveHeader>',
    [],
    "1.1",
    ["keep-alive", "timeout=10, max=50", false],
  ],
] as const;

describe.each(ANSWERS)("%s", (_, method, send) => {
  it.each(RULES)("%s", async (__, options, fields, version, [connection, keepAlive, ends]) => {
    const edge = new TestEdge({ vhost: `<Options>${options}</Options>` });
    await edge.store("/a", "0123456789");
    const client = edge.connect();
    await send(edge, client, fields, version);
    const response = await client.response(method);
    expect([response.field("connection"), response.field("keep-alive")]).toEqual([connection, keepAlive]);
    expect(response.field("x-hop")).toBeUndefined();
    expect(client.socket.hasEnded).toBe(ends);
    expect(client.socket.lateBytes).toBe(0);
  });
});

describe("HTTP-10, HTTP-11: Max counts down", () => {
  it("n + 1 transactions, the last answered with close", async () => {
    const edge = new TestEdge({ vhost: '<Options><KeepAliveHeader Max="3">ON</KeepAliveHeader></Options>' });
    await edge.store("/a", "x");
    const client = edge.connect().send(requestText("/a").repeat(9));
    const responses = client.all();
    expect(responses.map((response) => response.field("keep-alive"))).toEqual([
      "timeout=10, max=3",
      "timeout=10, max=2",
      "timeout=10, max=1",
      undefined,
    ]);
    expect(responses[3]?.field("connection")).toBe("close");
    expect(client.socket.hasEnded).toBe(true);
  });
});

describe("HTTP-05: of the rules HTTP-06 to HTTP-11 the first that applies decides", () => {
  const MAX = '<KeepAliveHeader Max="3">ON</KeepAliveHeader>';
  const MAX_OFF = '<KeepAliveHeader Max="3">OFF</KeepAliveHeader>';
  it.each([
    ["the client's close before Max", MAX, ["Connection: close"], CLOSE],
    ["the client's close before its own keep-alive", "", ["Connection: keep-alive, close"], CLOSE],
    [
      "ConnectionHeader close before everything of Keep-Alive",
      `<ConnectionHeader>close</ConnectionHeader>${MAX}`,
      ["Connection: keep-alive"],
      CLOSE,
    ],
    ["KeepAliveHeader OFF before Max", MAX_OFF, [], ["keep-alive", undefined, false] as const],
  ])("%s", async (_, options, fields, [connection, keepAlive, ends]) => {
    const edge = new TestEdge({ vhost: `<Options>${options}</Options>` });
    await edge.store("/a", "x");
    const client = edge.connect().get("/a", fields);
    const response = await client.response();
    expect([response.field("connection"), response.field("keep-alive")]).toEqual([connection, keepAlive]);
    expect(client.socket.hasEnded).toBe(ends);
  });
});

describe("behind an answer that closes", () => {
  it("nothing that the client still sends is read", async () => {
    const edge = new TestEdge();
    await edge.store("/a", "x");
    const client = edge.connect().send(requestText("/a", ["Connection: close"]) + requestText("/b"));
    client.send(requestText("/c"));
    expect(client.all()).toHaveLength(1);
    expect(edge.origin.calls).toHaveLength(1);
    expect(edge.counters.get(edge.vhostCounters(HOST))).toBe(2);
  });
});
