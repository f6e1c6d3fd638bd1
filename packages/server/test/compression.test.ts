import { gunzipSync, gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { HOST, TestEdge } from "./support/edge.ts";
import type { OriginCall } from "./support/fakeOrigin.ts";
import { turns, until } from "./support/waiting.ts";

const TEXT = "compressible ".repeat(1000);
const GZIP = ["Accept-Encoding: gzip"];

const compressing = (options = ""): TestEdge =>
  new TestEdge({
    vhost: `<Options><Compression>ON</Compression>${options}</Options>`,
    files: { [`svc/${HOST}/compression.txt`]: "*.css\n" },
  });

describe("compressed copies", () => {
  it("HTTP-62: for those who take gzip, from the first request on; HTTP-60: the origin is asked for plain content", async () => {
    const edge = compressing();
    const client = edge.connect().get("/a.css", GZIP);
    const call = await edge.origin.call();
    expect(call.request.fields).not.toContain("Accept-Encoding");
    call.reply(200, TEXT);
    const response = await client.response();
    expect([response.field("content-encoding"), response.field("vary")]).toEqual(["gzip", "Accept-Encoding"]);
    expect(String(gunzipSync(response.body))).toBe(TEXT);
    client.get("/a.css");
    const plain = (await client.responses(2))[1];
    expect([plain?.field("content-encoding"), plain?.field("vary")]).toEqual([undefined, "Accept-Encoding"]);
    expect(String(plain?.body)).toBe(TEXT);
    expect(edge.origin.calls).toHaveLength(1);
  });

  it("AWS-49: compressed and plain differ in ETag and name what they differ by", async () => {
    const edge = compressing();
    await edge.store("/a.css", TEXT, ["ETag", '"v1"', "Vary", "Accept-Language"]);
    const client = edge.connect().get("/a.css", GZIP).get("/a.css");
    const [compressed, plain] = await client.responses(2);
    expect([compressed?.field("content-encoding"), plain?.field("content-encoding")]).toEqual(["gzip", undefined]);
    for (const response of [compressed, plain]) expect(response?.field("vary")).toMatch(/Accept-Encoding/i);
    expect(compressed?.field("etag")).toBeDefined();
    expect(compressed?.field("etag")).not.toBe(plain?.field("etag"));
  });

  it("HTTP-59: made once, then served from memory, with ranges and 304 of their own", async () => {
    const edge = compressing();
    await edge.store("/a.css", TEXT);
    const client = edge.connect();
    client.get("/a.css", GZIP);
    const [first] = await client.responses(1);
    client.get("/a.css", GZIP).get("/a.css", [...GZIP, "Range: bytes=0-9"]);
    client.get("/a.css", [...GZIP, `If-None-Match: ${first?.field("etag")}`]);
    const responses = await client.responses(4);
    expect(responses.map(({ status }) => status)).toEqual([200, 200, 206, 304]);
    expect(responses[2]?.body.equals(first?.body.subarray(0, 10) ?? Buffer.alloc(0))).toBe(true);
    expect(edge.deriveCalls).toBe(1);
  });

  it("HTTP-57, HTTP-58, HTTP-61: not for what rules, size or coding exclude", async () => {
    const edge = compressing();
    await edge.store("/a.html", TEXT);
    await edge.store("/tiny.css", "x");
    await edge.store("/done.css", TEXT, ["Content-Encoding", "br"]);
    const client = edge.connect();
    for (const path of ["/a.html", "/tiny.css", "/done.css"]) client.get(path, GZIP);
    const responses = await client.responses(3);
    expect(responses.map((response) => response.field("content-encoding"))).toEqual([undefined, undefined, "br"]);
    expect(edge.deriveCalls).toBe(0);
  });

  it("HTTP-62: a body of known length that comes in two pieces is compressed for the first client too", async () => {
    const edge = compressing();
    const client = edge.connect().get("/a.css", GZIP);
    const call = (await edge.origin.call()).head(200, ["Content-Length", String(TEXT.length)]);
    await turns(5);
    call.data(TEXT);
    call.complete();
    expect((await client.response()).field("content-encoding")).toBe("gzip");
  });

  it("TTL-18: an origin that breaks off before anything was sent is an error page", async () => {
    const edge = compressing();
    const client = edge.connect().get("/a.css", GZIP);
    const call = (await edge.origin.call()).head(200, ["Content-Length", String(TEXT.length)]);
    await turns(5);
    call.data("part");
    call.fail("ORIGIN_CLOSED");
    await until(() => client.socket.hasEnded || client.socket.received.length > 0);
    await turns(5);
    expect(client.all()[0]?.status).toBe(500);
  });

  it("HTTP-59: a forced renewal replaces the compressed copy with its source (TTL-37)", async () => {
    const edge = compressing("<NoCacheRequestExpire>ON</NoCacheRequestExpire>");
    await edge.store("/a.css", TEXT);
    const client = edge.connect().get("/a.css", GZIP);
    await client.responses(1);
    client.get("/a.css", ["Cache-Control: no-cache"]);
    (await edge.origin.call(2)).reply(200, TEXT.replaceAll("comp", "decomp"));
    await client.responses(2);
    client.get("/a.css", GZIP);
    const latest = (await client.responses(3))[2];
    expect(String(gunzipSync(latest?.body ?? Buffer.alloc(0)))).toContain("decompressible");
  });

  it("REG-200 HTTP-59 the copy is as old as what it was made of: compressing does not lengthen a life", async () => {
    const edge = compressing('<TTL><Res2xx Ratio="0" Max="100">100</Res2xx></TTL>');
    await edge.store("/a.css", TEXT, ["ETag", '"v1"']);
    edge.advanceSeconds(60);
    const young = await edge.connect().get("/a.css", GZIP).response();
    expect([young.field("content-encoding"), edge.origin.calls.length]).toEqual(["gzip", 1]);
    edge.advanceSeconds(50);
    const expired = edge.connect().get("/a.css", GZIP);
    (await edge.origin.call(2)).reply(200, TEXT.toUpperCase(), ["ETag", '"v2"']);
    expect(String(gunzipSync((await expired.response()).body))).toBe(TEXT.toUpperCase());
    edge.advanceSeconds(60);
    await edge.connect().get("/a.css", GZIP).response();
    expect(edge.origin.calls).toHaveLength(2);
  });

  it("REG-181 HTTP-63 a copy that can no longer be read back is no reason for a wrong answer", async () => {
    for (const failure of ["failsToRead", "isLost"] as const) {
      const edge = compressing();
      edge.origin.answer = (call) => call.reply(200, TEXT, ["ETag", '"v1"']);
      await edge.connect().get("/a.css", GZIP).response();
      await until(() => edge.index.findVariants(HOST, "/a.css").length >= 2, "the copy stored");
      edge.tier.clear();
      edge.bodies[failure] = true;
      const { status, body, field } = await edge.connect().get("/a.css", GZIP).response();
      expect(status).toBe(200);
      expect(String(field("content-encoding") === "gzip" ? gunzipSync(body) : body)).toBe(TEXT);
    }
  });

  it("REG-201 REG-202 HTTP-59 four thousand clients while copies are made and sources change: each gets whole content of one version, named as what it is", async () => {
    const edge = compressing('<TTL><Res2xx Ratio="0" Max="20">20</Res2xx></TTL>');
    edge.onDerive = async (body) => {
      await turns(3);
      return gzipSync(body);
    };
    let version = 0;
    edge.origin.answer = (call) => {
      version += 1;
      call.reply(200, `version ${version} ${TEXT}`, ["ETag", `"v${version}"`]);
    };
    let compressed = 0;
    for (let round = 0; round < 50; round++) {
      const clients = Array.from({ length: 80 }, (_, at) => {
        const range = at % 10 === 9 ? ["Range: bytes=0-99999"] : [];
        return edge.connect().get(`/${at % 3}.css`, at % 4 === 0 ? range : [...GZIP, ...range]);
      });
      for (const [at, client] of clients.entries()) {
        const answer = await client.response();
        const coding = answer.field("content-encoding");
        if (at % 4 === 0) expect(coding).toBeUndefined();
        const isGzip = answer.body.subarray(0, 2).equals(Buffer.from([0x1f, 0x8b]));
        expect([round, at, isGzip]).toEqual([round, at, coding === "gzip"]);
        expect(String(isGzip ? gunzipSync(answer.body) : answer.body)).toMatch(/^version \d+ (compressible ){1000}$/);
        if (isGzip) compressed += 1;
        client.socket.destroy();
      }
      edge.advanceSeconds(7);
    }
    expect(compressed).toBeGreaterThan(2_000);
    expect(edge.defects).toEqual([]);
  });

  describe("where the store takes nothing", () => {
    const LONG = TEXT.repeat(50);

    const failing = (): TestEdge => {
      const edge = new TestEdge({
        vhost: '<Options><Compression SourceSize="1-20000">ON</Compression></Options>',
        files: { [`svc/${HOST}/compression.txt`]: "*.css\n" },
      });
      edge.bodies.failsToWrite = true;
      return edge;
    };

    const send = async (call: OriginCall, body: string): Promise<void> => {
      const whole = Buffer.from(body);
      for (let at = 0; at < whole.length; at += 64 * 1024) {
        const before = call.resumed;
        const goesOn = call.data(whole.subarray(at, at + 64 * 1024));
        if (!goesOn) await until(() => call.resumed > before, "the origin goes on");
        await turns(2);
      }
      call.complete();
    };

    it("a body goes out as it is", async () => {
      const edge = failing();
      const client = edge.connect().get("/a.css", GZIP);
      await send((await edge.origin.call()).head(200, ["Content-Length", String(LONG.length)]), LONG);
      const response = await client.response();
      expect([response.status, String(response.body) === LONG]).toEqual([200, true]);
      expect(edge.defects).toEqual([]);
    });

    it("a body that is too long to be held passes at the pace of its client", async () => {
      const edge = failing();
      const longer = LONG.repeat(10);
      const client = edge.connect().get("/a.css", GZIP);
      await send((await edge.origin.call()).head(200, ["Content-Length", String(longer.length)]), longer);
      expect(String((await client.response()).body) === longer).toBe(true);
    });

    it("the purged copy is not served in the place of the new one", async () => {
      const edge = failing();
      edge.bodies.failsToWrite = false;
      await edge.store("/a.css", TEXT);
      const vhost = edge.server.state.served.get(HOST);
      const held = vhost === undefined ? undefined : edge.cache.find(vhost.cache, 0, "/a.css");
      if (held === undefined) throw new Error("nothing is held");
      held.purged = true;
      edge.bodies.failsToWrite = true;
      const client = edge.connect().get("/a.css", GZIP);
      await send((await edge.origin.call(2)).head(200, ["Content-Length", String(LONG.length)]), LONG);
      const response = await client.response();
      const body = response.field("content-encoding") === "gzip" ? gunzipSync(response.body) : response.body;
      expect(String(body) === LONG).toBe(true);
    });
  });
});
