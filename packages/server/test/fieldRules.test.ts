import { formatHttpDate } from "@basalt/http";
import { describe, expect, it } from "vitest";
import { HOST, type TestClient, TestEdge } from "./support/edge.ts";
import type { ClientResponse } from "./support/responses.ts";

const LAST_MODIFIED = "Thu, 01 Jan 2026 00:00:00 GMT";
const ON = "<ModifyHeader>ON</ModifyHeader>";

const edgeWith = (rules: string, options = ON, more = "", file = "headers.txt"): TestEdge =>
  new TestEdge({ vhost: `<Options>${options}</Options>${more}`, files: { [`svc/${HOST}/${file}`]: rules } });

const storedBehind = async (rules: string, options = ON, body: Buffer | string = "0123456789"): Promise<TestEdge> => {
  const edge = edgeWith(rules, options);
  await edge.store("/a", body, ["Content-Type", "text/plain", "Last-Modified", LAST_MODIFIED]);
  return edge;
};

const ask = (edge: TestEdge, fields: readonly string[] = [], method = "GET", path = "/a"): Promise<ClientResponse> =>
  edge.connect().get(path, fields, method).response(method);

const text = (client: TestClient): string => client.socket.received.toString("latin1");

/** Every kind of answer that a stored object can give, and the page of a miss that fails. */
const allAnswers = async (edge: TestEdge): Promise<readonly ClientResponse[]> => {
  const number = edge.origin.calls.length + 1;
  const failed = edge.connect().get("/failing");
  (await edge.origin.call(number)).fail("ORIGIN_CONNECT_FAILED");
  return [
    await ask(edge),
    await ask(edge, [], "HEAD"),
    await ask(edge, ["Range: bytes=2-3"]),
    await ask(edge, ["Range: bytes=90-"]),
    await ask(edge, [`If-Modified-Since: ${LAST_MODIFIED}`]),
    await ask(edge, ['If-Match: "x"']),
    await failed.response(),
    await ask(edge, [], "DELETE"),
  ];
};

const STATUSES = [200, 200, 206, 416, 304, 412, 500, 501];

describe("response rules that are the same for all", () => {
  const HSTS = "*, $RES[Strict-Transport-Security: max-age=31536000; includeSubDomains], set";

  it("HTTP-53 stand in responses that are kept ready, byte by byte", async () => {
    const edge = await storedBehind(`${HSTS}\n/a, $RES[last-modified], unset`);
    const [first, second] = [edge.connect().get("/a"), edge.connect().get("/a")];
    expect(text(first)).toMatch(
      /^HTTP\/1\.1 200 OK\r\nContent-Type: text\/plain\r\nETag: "[^"]+"\r\nVia: Basalt\/1\.2\.3\r\nStrict-Transport-Security: max-age=31536000; includeSubDomains\r\nContent-Length: 10\r\nConnection: keep-alive\r\nKeep-Alive: timeout=10\r\nDate: [^\r\n]+\r\n\r\n0123456789$/,
    );
    expect(text(second)).toBe(text(first));
    expect(second.socket.writeCalls).toBe(1);
  });

  it("HTTP-45 act on every kind of response (OPEN 15)", async () => {
    const answers = await allAnswers(await storedBehind(HSTS));
    const seen = answers.map((answer) => [answer.status, answer.field("strict-transport-security")]);
    expect(seen).toEqual(STATUSES.map((status) => [status, "max-age=31536000; includeSubDomains"]));
  });

  it("HTTP-12 leave Age to be written anew", async () => {
    const edge = await storedBehind(HSTS, `${ON}<AgeHeader>ON</AgeHeader>`);
    for (const [seconds, age] of [
      [0, "0"],
      [5, "5"],
      [60, "65"],
    ] as const) {
      edge.clock.advanceSeconds(seconds);
      const answer = await ask(edge);
      expect([answer.field("age"), answer.field("strict-transport-security")]).toEqual([age, expect.any(String)]);
    }
  });

  it("HTTP-42 do nothing with ModifyHeader OFF", async () => {
    expect((await ask(await storedBehind(HSTS, ""))).field("strict-transport-security")).toBeUndefined();
  });
});

describe("response rules that look at each request", () => {
  it("HTTP-52 OPT-44 STAT-44.1 STAT-44.7 #CACHEHIT is the result of that request, in one write", async () => {
    const edge = edgeWith("$URL[*], $RES[X-Cache-Result: #CACHEHIT], set");
    const miss = edge.connect().get("/a");
    (await edge.origin.call(1)).reply(200, "0123456789", ["Last-Modified", LAST_MODIFIED]);
    expect((await miss.response()).field("x-cache-result")).toBe("TCP_MISS");
    const hit = edge.connect().get("/a");
    expect([(await hit.response()).field("x-cache-result"), hit.socket.writeCalls]).toEqual(["TCP_HIT", 1]);
    const unmodified = await ask(edge, [`If-Modified-Since: ${LAST_MODIFIED}`]);
    expect([unmodified.status, unmodified.field("x-cache-result")]).toEqual([304, "TCP_IMS_HIT"]);
  });

  it("HTTP-45 HTTP-46 see status and request of every kind of response", async () => {
    const rules = [
      "$HEADER[x-probe], $RES[X-Probed: 1], set",
      "*, $RES[X-Status: 2xx], put, 2xx",
      "*, $RES[X-Status: 206], put, 206",
      "*, $RES[X-Status: 304], put, 304",
      "*, $RES[X-Status: 4xx], put, 4xx",
      "*, $RES[X-Status: 5xx], put, 5xx",
    ].join("\n");
    const answers = await allAnswers(await storedBehind(rules));
    const seen = answers.map((answer) => [answer.status, answer.field("x-status"), answer.field("x-probed")]);
    const words = ["2xx", "2xx", "2xx, 206", "4xx", "304", "4xx", "5xx", "5xx"];
    expect(seen).toEqual(STATUSES.map((status, index) => [status, words[index], undefined]));
  });

  it("HTTP-46 answer requests for one object differently", async () => {
    const edge = await storedBehind("$HEADER[origin: https://a], $RES[Access-Control-Allow-Origin: https://a], set");
    const [other, own, again] = [
      await ask(edge),
      await ask(edge, ["Origin: https://a"]),
      await ask(edge, ["Origin: https://b"]),
    ];
    expect([other, own, again].map((answer) => answer.field("access-control-allow-origin"))).toEqual([
      undefined,
      "https://a",
      undefined,
    ]);
  });

  it.each([1_000, 100_000])("HTTP-51 hold for a body of %i bytes, which stays whole", async (length) => {
    const body = Buffer.alloc(length, "x");
    const edge = await storedBehind("*, $RES[X-Protocol: #PROTOCOL], set", ON, body);
    for (let time = 0; time < 2; time++) {
      const answer = await ask(edge);
      expect([answer.field("x-protocol"), answer.body.equals(body)]).toEqual(["http", true]);
    }
  });

  it("HTTP-45 may take Age away", async () => {
    const edge = await storedBehind("*, $RES[Age], unset", `${ON}<AgeHeader>ON</AgeHeader>`);
    const answer = await ask(edge);
    expect([answer.status, answer.field("age")]).toEqual([200, undefined]);
  });

  it("HTTP-10 go together with counted connections", async () => {
    const edge = await storedBehind("*, $RES[X: #CACHEHIT], set", `${ON}<KeepAliveHeader Max="2">ON</KeepAliveHeader>`);
    const client = edge.connect().get("/a").get("/a").get("/a");
    const answers = await client.responses(3);
    expect(answers.map((answer) => [answer.field("keep-alive"), answer.field("x")])).toEqual([
      ["timeout=10, max=2", "TCP_HIT"],
      ["timeout=10, max=1", "TCP_HIT"],
      [undefined, "TCP_HIT"],
    ]);
  });
});

describe("A9 of spec 04", () => {
  const RULES = "/*.mp4, $RES[A: 1], set\n/*.mp4, $RES[A: 2], put\n$URL[/x.mp4], $RES[Content-Length: 1], set";

  it.each([
    ["OFF", "A: 1\r\nA: 2\r\n"],
    ["ON", "A: 1\r\n"],
  ])("HTTP-43 HTTP-48 with FirstOnly %s", async (firstOnly, lines) => {
    const edge = edgeWith(RULES, `<ModifyHeader FirstOnly="${firstOnly}">ON</ModifyHeader>`);
    await edge.store("/x.mp4", "0123456789");
    const head = text(edge.connect().get("/x.mp4"));
    expect(head.match(/^A: .*\r\n/gm)?.join("")).toBe(lines);
    expect(head.match(/^content-length: .*$/gim)).toEqual(["Content-Length: 10"]);
  });
});

describe("request rules", () => {
  it("HTTP-44 change the request before the cache sees it", async () => {
    const edge = edgeWith("$HEADER[user-agent: *IE6*], $REQ[accept-encoding], unset");
    await edge.store("/a", "plain");
    const answer = await ask(edge, ["Accept-Encoding: gzip", "User-Agent: an IE6 browser"]);
    expect([String(answer.body), edge.origin.calls.length]).toEqual(["plain", 1]);
    edge.connect().get("/a", ["Accept-Encoding: gzip", "User-Agent: another"]);
    await edge.origin.call(2);
  });

  it("HTTP-44 are seen by conditions and by response rules", async () => {
    const rules = "$IP[192.0.2.0/24], $REQ[X-Group: inside], set\n$HEADER[x-group: inside], $RES[X-Group: yes], set";
    const edge = await storedBehind(rules);
    expect((await ask(edge)).field("x-group")).toBe("yes");
  });

  it("HTTP-44 may take a range or a condition away", async () => {
    const edge = await storedBehind("/a, $REQ[Range], unset\n/a, $REQ[If-Modified-Since], unset");
    expect((await ask(edge, ["Range: bytes=0-1"])).status).toBe(200);
    expect((await ask(edge, [`If-Modified-Since: ${LAST_MODIFIED}`])).status).toBe(200);
  });

  it("HTTP-44 hold for each request of a connection that repeats its head", async () => {
    const edge = await storedBehind("/a, $REQ[Range: bytes=0-1], set");
    const client = edge.connect().get("/a").get("/a").get("/b").get("/a");
    (await edge.origin.call(2)).reply(200, "other");
    const answers = await client.responses(4);
    expect(answers.map(({ status, body }) => [status, String(body)])).toEqual([
      [206, "01"],
      [206, "01"],
      [200, "other"],
      [206, "01"],
    ]);
  });

  it("HTTP-51 go on to a bypassed origin with the body untouched", async () => {
    const edge = edgeWith("*, $REQ[X-Forwarded-Proto: #PROTOCOL], set\n*, $REQ[Cookie], unset");
    const client = edge.connect();
    client.send(`POST /form HTTP/1.1\r\nHost: ${HOST}\r\nCookie: a=1\r\nContent-Length: 3\r\n\r\na=1`);
    const call = await edge.origin.call(1);
    expect(call.request.fields.join("|")).toContain("X-Forwarded-Proto|http");
    expect(call.request.fields.join("|")).not.toContain("Cookie");
    expect(call.request.body).toMatchObject({ kind: "stream", contentLength: 3 });
    call.reply(200, "thanks");
    expect(String((await client.response()).body)).toBe("thanks");
  });
});

describe("bypassed responses", () => {
  it("HTTP-45 HTTP-15 are changed by both files", async () => {
    const edge = new TestEdge({
      vhost: `<Options>${ON}<RefreshExpiresHeader>ON</RefreshExpiresHeader></Options>`,
      files: {
        [`svc/${HOST}/headers.txt`]: "*, $RES[X-Result: #CACHEHIT], set\n*, $RES[Set-Cookie], unset",
        [`svc/${HOST}/expires.txt`]: "/form, 60",
      },
    });
    const client = edge.connect().send(`POST /form HTTP/1.1\r\nHost: ${HOST}\r\nContent-Length: 0\r\n\r\n`);
    (await edge.origin.call(1)).reply(200, "thanks", ["Set-Cookie", "a=1"]);
    const answer = await client.response();
    expect(["x-result", "set-cookie", "cache-control", "content-length"].map((name) => answer.field(name))).toEqual([
      "TCP_CLIENT_REFRESH_MISS",
      undefined,
      "max-age=60",
      "6",
    ]);
  });
});

describe("rules for requests to the origin", () => {
  const ORIGIN_ON = "<OriginOptions><ModifyHeader>ON</ModifyHeader></OriginOptions>";

  it("ORG-51 ORG-53 act on fills and on bypassed requests", async () => {
    const edge = edgeWith("$URL[/*.mp4], $ORGREQ[x-media-type: video/mp4], set", "", ORIGIN_ON);
    edge.connect().get("/a.mp4");
    edge.connect().get("/a.mp4", [], "OPTIONS");
    edge.connect().get("/a.txt");
    const calls = [await edge.origin.call(1), await edge.origin.call(2), await edge.origin.call(3)];
    const marked = calls.filter(({ request }) => request.fields.includes("x-media-type"));
    expect(marked.map(({ request }) => [request.method, request.target])).toEqual(
      expect.arrayContaining([
        ["GET", "/a.mp4"],
        ["OPTIONS", "/a.mp4"],
      ]),
    );
    expect(marked).toHaveLength(2);
  });

  it("ORG-54 without If-Modified-Since every renewal is a whole download", async () => {
    const edge = edgeWith("*, $ORGREQ[If-Modified-Since], unset\n*, $ORGREQ[X-Asked: #PROTOCOL], set", "", ORIGIN_ON);
    await edge.store("/a", "one", ["Last-Modified", LAST_MODIFIED]);
    edge.advanceSeconds(2_000);
    edge.connect().get("/a");
    const { fields } = (await edge.origin.call(2)).request;
    expect(fields.map((field) => field.toLowerCase())).not.toContain("if-modified-since");
    expect(fields.join("|")).toContain("X-Asked|http");
  });
});

describe("expires.txt at delivery", () => {
  const EXPIRES_ON = "<RefreshExpiresHeader>ON</RefreshExpiresHeader>";
  const expiresOf = (answer: ClientResponse) => [answer.field("expires"), answer.field("cache-control")];

  const stored = async (rules: string, fields: readonly string[] = [], options = EXPIRES_ON): Promise<TestEdge> => {
    const edge = edgeWith(rules, options, "", "expires.txt");
    await edge.store("/a", "0123456789", ["Content-Type", "image/gif", ...fields]);
    return edge;
  };

  it("HTTP-16 counts from the second of each request", async () => {
    const edge = await stored("$MIME[image/*], 1 day", ["Last-Modified", LAST_MODIFIED]);
    for (const seconds of [0, 1, 100]) {
      edge.clock.advanceSeconds(seconds);
      const expires = formatHttpDate(edge.clock.now() + 86_400_000);
      expect(expiresOf(await ask(edge))).toEqual([expires, "max-age=86400"]);
      const unmodified = await ask(edge, [`If-Modified-Since: ${LAST_MODIFIED}`]);
      expect([unmodified.status, ...expiresOf(unmodified)]).toEqual([304, expires, "max-age=86400"]);
      const part = await ask(edge, ["Range: bytes=0-1"]);
      expect([part.status, ...expiresOf(part)]).toEqual([206, expires, "max-age=86400"]);
    }
  });

  it("HTTP-17, A3 of spec 04: modification gives a smaller max-age each second", async () => {
    const edge = await stored("/a, 2 days, modification", ["Last-Modified", LAST_MODIFIED]);
    const left = (Date.parse(LAST_MODIFIED) + 2 * 86_400_000 - edge.clock.now()) / 1000;
    expect((await ask(edge)).field("cache-control")).toBe(`max-age=${Math.ceil(left)}`);
    edge.clock.advanceSeconds(10);
    expect((await ask(edge)).field("cache-control")).toBe(`max-age=${Math.ceil(left) - 10}`);
  });

  it("HTTP-17 without Last-Modified there is no Expires", async () => {
    const edge = await stored("/a, 1 day, modification", ["Expires", LAST_MODIFIED]);
    expect(expiresOf(await ask(edge))).toEqual([undefined, undefined]);
  });

  it("HTTP-13 OFF passes the origin's on", async () => {
    const edge = await stored("/a, 1 day", ["Expires", LAST_MODIFIED], "");
    expect(expiresOf(await ask(edge))).toEqual([LAST_MODIFIED, undefined]);
  });

  it("HTTP-15 acts last, also over the max-age of NoCache (OPEN 5)", async () => {
    const options = `${EXPIRES_ON}<TTL><NoCache MaxAge="10">60</NoCache></TTL>`;
    const edge = await stored("/a, 1 day", ["Cache-Control", "no-cache"], options);
    expect((await ask(edge)).field("cache-control")).toBe("max-age=86400");
  });

  it("HTTP-16 holds for the answer that fills the cache too, but not for errors", async () => {
    const edge = edgeWith("*, 60", EXPIRES_ON, "", "expires.txt");
    const first = edge.connect().get("/new");
    (await edge.origin.call(1)).reply(200, "x");
    expect((await first.response()).field("cache-control")).toBe("max-age=60");
    const missing = edge.connect().get("/missing");
    (await edge.origin.call(2)).reply(404, "x");
    expect(expiresOf(await missing.response())).toEqual([undefined, undefined]);
    expect(expiresOf(await ask(edge, [], "DELETE", "/new"))).toEqual([undefined, undefined]);
  });

  it("goes before headers.txt", async () => {
    const edge = new TestEdge({
      vhost: `<Options>${EXPIRES_ON}${ON}</Options>`,
      files: {
        [`svc/${HOST}/expires.txt`]: "*, 60",
        [`svc/${HOST}/headers.txt`]: "*, $RES[Cache-Control: public], append",
      },
    });
    await edge.store("/a", "x");
    expect((await ask(edge)).field("cache-control")).toBe("max-age=60, public");
    edge.clock.advanceSeconds(1);
    expect((await ask(edge)).field("cache-control")).toBe("max-age=60, public");
  });
});
