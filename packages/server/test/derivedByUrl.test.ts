import { VHOST_SLOT } from "@basalt/telemetry";
import { describe, expect, it } from "vitest";
import { TestEdge } from "./support/edge.ts";
import { turns, until } from "./support/waiting.ts";

const IMAGE = ["Content-Type", "image/jpeg", "ETag", '"v1"'];

const edgeWith = (dims = "", options = "", children = ""): TestEdge =>
  new TestEdge({
    vhost: `<Options><Dims Status="Active" Keyword="dims" ${dims}>${children}</Dims>${options}</Options>`,
  });

const MADE = "/a.jpg/dims/resize/10x10/";

describe("an object that is made by URL", () => {
  it("DIMS-10, DIMS-14: the origin is asked for the source alone, and once", async () => {
    const edge = edgeWith();
    edge.onDerive = (body) => Buffer.from(`small ${body}`);
    const client = edge.connect().get(MADE);
    const call = await edge.origin.call();
    expect(call.request.target).toBe("/a.jpg");
    call.reply(200, "picture", IMAGE);
    expect(String((await client.response()).body)).toBe("small picture");
    client.get(MADE).get("/a.jpg");
    const responses = await client.responses(3);
    expect(responses.map(({ body }) => String(body))).toEqual(["small picture", "small picture", "picture"]);
    expect([edge.deriveCalls, edge.origin.calls.length]).toEqual([1, 1]);
    expect(edge.logged.map(({ target }) => target)).toEqual([MADE, MADE, "/a.jpg"]);
  });

  it("has ranges, a tag of its own and 304", async () => {
    const edge = edgeWith();
    edge.onDerive = () => Buffer.from("0123456789");
    await edge.store("/a.jpg", "picture", IMAGE);
    const client = edge.connect().get(MADE).get("/a.jpg");
    const [made, source] = await client.responses(2);
    expect(made?.field("etag")).not.toBe(source?.field("etag"));
    client.get(MADE, ["Range: bytes=2-4"]).get(MADE, [`If-None-Match: ${made?.field("etag")}`]);
    const later = (await client.responses(4)).slice(2);
    expect(later.map(({ status }) => status)).toEqual([206, 304]);
    expect(String(later[0]?.body)).toBe("234");
  });

  it("DIMS-15: is made anew when the source has changed, and only then", async () => {
    const edge = edgeWith();
    edge.onDerive = (body) => Buffer.from(`small ${body}`);
    await edge.store("/a.jpg", "first", IMAGE);
    expect(String((await edge.connect().get(MADE).response()).body)).toBe("small first");
    edge.advanceSeconds(100_000);
    const unchanged = edge.connect().get(MADE);
    (await edge.origin.call(2)).head(304).complete();
    expect(String((await unchanged.response()).body)).toBe("small first");
    expect(edge.deriveCalls).toBe(1);
    edge.advanceSeconds(100_000);
    const changed = edge.connect().get(MADE);
    (await edge.origin.call(3)).reply(200, "second", IMAGE);
    expect(String((await changed.response()).body)).toBe("small second");
  });

  it("DIMS-15: works for a source that is never fresh", async () => {
    const edge = edgeWith("", '<TTL><Res2xx Ratio="0" Max="0">0</Res2xx></TTL>');
    edge.onDerive = (body) => Buffer.from(`small ${body}`);
    const client = edge.connect();
    for (const number of [1, 2]) {
      client.get(MADE);
      (await edge.origin.call(number)).reply(200, `picture ${number}`, IMAGE);
      const responses = await client.responses(number);
      expect([responses.at(-1)?.status, String(responses.at(-1)?.body)]).toEqual([200, `small picture ${number}`]);
    }
  });

  it("DIMS-11: says why there is nothing, with 500", async () => {
    const edge = edgeWith();
    const client = edge.connect().get(MADE);
    (await edge.origin.call()).fail("ORIGIN_CONNECT_FAILED");
    const first = await client.response();
    expect([first.status, String(first.body)]).toEqual([
      500,
      expect.stringContaining("The original file was not successfully downloaded."),
    ]);
    await edge.store("/b.jpg", "no picture", IMAGE);
    edge.onDerive = () => "unreadable";
    client.get("/b.jpg/dims/resize/10x10/");
    const second = (await client.responses(2))[1];
    expect([second?.status, String(second?.body)]).toEqual([
      500,
      expect.stringContaining("The original file loading failed."),
    ]);
  });

  it("DIMS-12: or sends the client to the original", async () => {
    const edge = edgeWith('OnFailure="redirect"');
    await edge.store("/a.jpg", "picture", IMAGE);
    const client = edge.connect().get("/a.jpg/dims/bogus/1/");
    const response = await client.response();
    expect([response.status, response.field("location")]).toEqual([302, "http://www.example.com/a.jpg"]);
  });

  it("DIMS-13: a source that is not there is a failure, and is not converted", async () => {
    const edge = edgeWith();
    const client = edge.connect().get(MADE);
    (await edge.origin.call()).reply(404, "none");
    expect((await client.response()).status).toBe(500);
    expect(edge.deriveCalls).toBe(0);
  });

  it("REG-183 DIMS-16: a source of unknown length", async () => {
    const edge = edgeWith();
    edge.onDerive = (body) => Buffer.from(`small ${body}`);
    const client = edge.connect().get(MADE);
    const call = (await edge.origin.call()).head(200, IMAGE);
    call.data(Buffer.from("pic"));
    await turns(5);
    call.data(Buffer.from("ture"));
    call.complete();
    expect(String((await client.response()).body)).toBe("small picture");
  });

  it("DIMS-10: where no disk takes the source, it is made of what arrives", async () => {
    const edge = edgeWith();
    edge.onDerive = (body) => Buffer.from(`small ${body}`);
    edge.bodies.failsToWrite = true;
    const client = edge.connect().get(MADE);
    (await edge.origin.call()).reply(200, "picture", IMAGE);
    expect(String((await client.response()).body)).toBe("small picture");
    for (const { request } of edge.origin.calls) expect(request.target).toBe("/a.jpg");
  });

  it("what is for one request alone is made for that alone", async () => {
    const edge = edgeWith("", "<CachingProfile>rfc9111</CachingProfile>");
    edge.onDerive = (body) => Buffer.from(`small ${body}`);
    const client = edge.connect();
    for (const number of [1, 2]) {
      client.get(MADE);
      (await edge.origin.call(number)).reply(200, `picture ${number}`, [...IMAGE, "Cache-Control", "private"]);
      expect(String((await client.responses(number)).at(-1)?.body)).toBe(`small picture ${number}`);
    }
  });

  it("DRM-04: what is for one request alone goes no further when its client leaves, or is beyond memory", async () => {
    const edge = new TestEdge({
      vhost:
        '<Options><Drm Status="Active"><Token>ABCDE</Token></Drm><CachingProfile>rfc9111</CachingProfile></Options>',
    });
    const fields = ["Cache-Control", "private"];
    const client = edge.connect().get("/a.bin/drm");
    const call = (await edge.origin.call(1)).head(200, fields);
    call.data("first");
    await turns(5);
    client.socket.destroy();
    await until(() => call.aborted, "the origin is left");
    const other = edge.connect().get("/a.bin/drm");
    const large = (await edge.origin.call(2)).head(200, ["Content-Length", String(400 * 1024 ** 2), ...fields]);
    expect((await other.response()).status).toBe(500);
    await until(() => large.aborted, "nobody reads it");
    expect(edge.deriveCalls).toBe(0);
  });

  it("DIMS-11: a body of unknown length is refused as soon as it is too long", async () => {
    const edge = edgeWith('MaxSourceSize="1"');
    const client = edge.connect().get(MADE);
    const call = (await edge.origin.call()).head(200, IMAGE);
    call.data(Buffer.alloc(1024 ** 2));
    await turns(5);
    call.data("more");
    const response = await client.response();
    expect([response.status, String(response.body)]).toEqual([
      500,
      expect.stringContaining("The original file size is too large."),
    ]);
  });

  it("KEY-10, DIMS-14: what is made of one answer of several is not given to those who have another", async () => {
    const edge = edgeWith("", "<CachingProfile>rfc9111</CachingProfile>");
    edge.onDerive = (body) => Buffer.from(`small ${body}`);
    const fields = ["Content-Type", "image/jpeg", "Vary", "Accept-Language", "Cache-Control", "max-age=1000"];
    edge.origin.answer = (call) => {
      const { fields: asked } = call.request;
      call.reply(200, asked[asked.indexOf("accept-language") + 1] ?? "", fields);
    };
    for (const language of ["de", "en", "de", "en"]) {
      const response = await edge
        .connect()
        .get(MADE, [`accept-language: ${language}`])
        .response();
      expect(String(response.body)).toBe(`small ${language}`);
    }
    expect([edge.deriveCalls, edge.origin.calls.length]).toEqual([2, 2]);
  });

  it("DIMS-17: ends with its source, where No-Vary-Search keeps that under another URL", async () => {
    const edge = edgeWith("", "<CachingProfile>rfc9111</CachingProfile>");
    edge.onDerive = (body) => Buffer.from(`small ${body}`);
    let answered = 0;
    edge.origin.answer = (call) =>
      call.reply(200, `picture ${++answered}`, [
        ...IMAGE,
        "Cache-Control",
        "max-age=1000",
        "No-Vary-Search",
        'params=("x")',
      ]);
    const made = "/a.jpg?x=1&v=2/dims/resize/10x10/";
    await edge.connect().get("/a.jpg?v=2").response();
    expect(String((await edge.connect().get(made).response()).body)).toBe("small picture 1");
    expect(String((await edge.connect().get(made).response()).body)).toBe("small picture 1");
    await until(() => edge.index.findVariants("www.example.com", made).length === 1);
    expect([edge.deriveCalls, answered]).toEqual([1, 1]);
    // As a hardpurge of the source leaves it.
    for (const { key, url } of edge.index.findVariants("www.example.com", "/a.jpg?v=2")) {
      edge.index.remove(key);
      edge.tier.remove(0, url);
    }
    expect(String((await edge.connect().get(made).response()).body)).toBe("small picture 2");
  });

  it("DIMS-10: other methods never reach the origin", async () => {
    const edge = edgeWith();
    const client = edge.connect().get(MADE, ["Content-Length: 0"], "POST").get(MADE, ["Content-Length: 0"], "DELETE");
    const responses = await client.responses(2);
    expect(responses.map(({ status }) => status)).toEqual([405, 405]);
    expect(edge.origin.calls).toHaveLength(0);
  });

  it.each([10, 3_000_000])(
    "what is for one request alone is sent as it is where nothing is gained: %d bytes",
    async (size) => {
      const edge = edgeWith("", "<CachingProfile>rfc9111</CachingProfile>");
      edge.onDerive = () => "unchanged";
      const client = edge.connect().get(MADE);
      const fields = [...IMAGE, "Content-Length", String(size), "Cache-Control", "private"];
      const call = (await edge.origin.call()).head(200, fields);
      for (const part of [1, 2]) {
        call.data(Buffer.alloc(size / 2, `${part}`));
        await turns(5);
      }
      call.complete();
      const { status, body } = await client.response();
      expect([status, body.length, body.indexOf("2")]).toEqual([200, size, size / 2]);
    },
  );

  it("HTTP-37: OPTIONS is answered by the rules of the host, as for what it is made of", async () => {
    const edge = new TestEdge({
      vhost:
        '<Options><Dims Status="Active"/><ModifyHeader>ON</ModifyHeader><AcceptEncoding>OFF</AcceptEncoding></Options>',
      files: {
        "svc/www.example.com/headers.txt": "$METHOD[OPTIONS], $RES[Access-Control-Allow-Headers: Range], set",
      },
    });
    const client = edge.connect().get("/a.jpg", [], "OPTIONS").get("/a.jpg/dims/resize/1x1/", [], "OPTIONS");
    const responses = await client.responses(2);
    expect(responses.map((response) => [response.status, response.field("access-control-allow-headers")])).toEqual([
      [200, "Range"],
      [200, "Range"],
    ]);
  });

  it("TRANSFORM_OVERLOADED: the client is to come again soon", async () => {
    const edge = edgeWith();
    await edge.store("/a.jpg", "picture", IMAGE);
    edge.onDerive = () => "overloaded";
    const response = await edge.connect().get(MADE).response();
    expect([response.status, response.field("retry-after")]).toEqual([503, "1"]);
  });

  it("a client that leaves does not keep the transform host busy", async () => {
    const edge = edgeWith();
    await edge.store("/a.jpg", "picture", IMAGE);
    edge.onDerive = () => new Promise(() => {});
    const client = edge.connect().get(MADE);
    await until(() => edge.deriveCalls === 1);
    client.socket.destroy();
    await until(() => edge.abandoned.length === 1);
  });

  it("DIMS-21: a command that is none counts as failed", async () => {
    const edge = edgeWith();
    await edge.store("/a.jpg", "picture", IMAGE);
    await edge.connect().get("/a.jpg/dims/bogus/").response();
    const offset = edge.counters.vhost("www.example.com");
    const { requests, failed } = VHOST_SLOT.dims;
    expect([requests, failed].map((slot) => edge.counters.get(offset + slot))).toEqual([1, 1]);
  });

  it("OPT-64: in emergency mode what is made already is served, and nothing else is made", async () => {
    const edge = edgeWith();
    edge.onDerive = () => Buffer.from("made");
    await edge.store("/a.jpg", "picture", IMAGE);
    const client = edge.connect().get(MADE);
    await client.response();
    edge.server.setEmergency(true);
    expect(String((await edge.connect().get(MADE).response()).body)).toBe("made");
    expect((await edge.connect().get("/a.jpg/dims/strip/true").response()).status).toBe(503);
    expect(edge.deriveCalls).toBe(1);
  });

  it("a source that is the result itself says what it depends on", async () => {
    const edge = edgeWith("", "", '<FormatAuto>webp</FormatAuto><Preset Name="p">/format/auto/</Preset>');
    await edge.store("/a.jpg", "picture", IMAGE);
    const client = edge.connect().get("/a.jpg/dims/preset/p/").get("/a.jpg");
    const [made, source] = await client.responses(2);
    expect([made?.field("vary"), source?.field("vary")]).toEqual(["accept", undefined]);
  });

  it("DIMS-14: shares its source with clients who ask for that with Accept-Encoding", async () => {
    const edge = edgeWith();
    edge.onDerive = (body) => Buffer.from(`small ${body}`);
    const gzip = ["Accept-Encoding: gzip, deflate, br"];
    const plain = edge.connect().get("/a.jpg", gzip);
    (await edge.origin.call()).reply(200, "picture", IMAGE);
    await plain.response();
    expect(String((await edge.connect().get(MADE, gzip).response()).body)).toBe("small picture");
    expect(edge.origin.calls).toHaveLength(1);
  });

  it("is made of the plain form where the origin sends an encoded one", async () => {
    const edge = edgeWith();
    edge.onDerive = (body) => Buffer.from(`small ${body}`);
    const gzip = ["Accept-Encoding: gzip, deflate, br"];
    const client = edge.connect().get(MADE, gzip);
    (await edge.origin.call(1)).reply(200, "encoded", [...IMAGE, "Content-Encoding", "gzip"]);
    (await edge.origin.call(2)).reply(200, "picture", IMAGE);
    expect(String((await client.response()).body)).toBe("small picture");
    expect(String((await edge.connect().get(MADE, gzip).response()).body)).toBe("small picture");
    expect([edge.deriveCalls, edge.origin.calls.length]).toEqual([1, 2]);
  });

  it("REG-181 DIMS-10: what can no longer be read back is made anew or refused, and its URL never reaches the origin", async () => {
    const edge = edgeWith();
    const pictures = "picture ".repeat(200_000);
    edge.onDerive = (body) => Buffer.from(`small ${body.length}`.repeat(200_000));
    edge.origin.answer = (call) => call.reply(200, pictures, IMAGE);
    const first = await edge.connect().get(MADE).response();
    await until(() => edge.index.findVariants("www.example.com", MADE).length === 1);
    for (const failure of ["failsToRead", "isLost"] as const) {
      edge.tier.clear();
      edge.bodies[failure] = true;
      const again = await edge.connect().get(MADE).response();
      expect(again.body.equals(first.body) ? 200 : 500).toBe(again.status);
      edge.origin.answer = (call) => call.fail("ORIGIN_CONNECT_FAILED");
      edge.tier.clear();
      expect([200, 500]).toContain((await edge.connect().get(MADE).response()).status);
    }
    expect(new Set(edge.origin.calls.map(({ request }) => request.target))).toEqual(new Set(["/a.jpg"]));
  });

  it("REG-182 DIMS-10: two thousand requests while the origin fails, in any way: a failure each, and no DIMS URL at the origin", async () => {
    const edge = edgeWith();
    edge.onDerive = (body) => Buffer.from(`small ${body}`);
    const codes = ["ORIGIN_CONNECT_FAILED", "ORIGIN_CLOSED", "ORIGIN_CONNECT_TIMEOUT"] as const;
    let number = 0;
    edge.origin.answer = (call) => {
      const way = number++ % 5;
      if (way === 3) call.reply(503, "busy");
      else if (way === 4) call.head(200, [...IMAGE, "Content-Length", "100"]).fail("ORIGIN_CLOSED");
      else call.fail(codes[way] ?? "ORIGIN_CLOSED");
    };
    for (let round = 0; round < 100; round++) {
      const clients = Array.from({ length: 20 }, (_, at) => edge.connect().get(`/${at % 7}.jpg/dims/resize/${at}x9/`));
      const answers = await Promise.all(clients.map((client) => client.response()));
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([500]));
      for (const client of clients) client.socket.destroy();
      edge.advanceSeconds(61);
    }
    expect(edge.origin.calls.every(({ request }) => /^\/\d\.jpg$/.test(request.target))).toBe(true);
    edge.origin.answer = (call) => call.reply(200, "picture", IMAGE);
    edge.advanceSeconds(3_600);
    expect(String((await edge.connect().get("/1.jpg/dims/resize/1x9/").response()).body)).toBe("small picture");
    expect(edge.defects).toEqual([]);
  });

  it("REG-182 DIMS-10: nor does any rule of bypass let it through, while the origin fails and while it does not", async () => {
    const edge = new TestEdge({
      vhost: '<Options><Dims Status="Active"/><BypassNoCacheRequest>ON</BypassNoCacheRequest></Options>',
      files: { "svc/www.example.com/bypass.txt": "/*, bypass\n$URL[/a.jpg/dims/*], bypass\n" },
    });
    edge.onDerive = (body) => Buffer.from(`small ${body}`);
    const statuses: number[] = [];
    for (const fails of [true, false]) {
      edge.origin.answer = (call) => (fails ? call.fail("ORIGIN_CONNECT_FAILED") : call.reply(200, "picture", IMAGE));
      for (const fields of [[], ["Cache-Control: no-cache"], ["Pragma: no-cache"], ["Authorization: Basic YTpi"]]) {
        for (const method of ["GET", "HEAD"]) {
          statuses.push((await edge.connect().get(MADE, fields, method).response(method)).status);
        }
      }
      edge.advanceSeconds(3_600);
    }
    expect(new Set(statuses.slice(0, 8))).toEqual(new Set([500]));
    expect(new Set(statuses.slice(8))).toEqual(new Set([200]));
    expect(new Set(edge.origin.calls.map(({ request }) => request.target))).toEqual(new Set(["/a.jpg"]));
  });

  it("REG-189 CMP-13: with a Host of the origin's own", async () => {
    const edge = new TestEdge({
      vhost: '<Options><Dims Status="Active"/></Options><OriginOptions><Host>origin.test</Host></OriginOptions>',
    });
    edge.onDerive = (body) => Buffer.from(`small ${body}`);
    edge.origin.answer = (call) => {
      const { fields } = call.request;
      if (fields[fields.indexOf("Host") + 1] === "origin.test") call.reply(200, "picture", IMAGE);
      else call.reply(404, "");
    };
    const client = edge.connect().get(MADE).get("/a.jpg");
    expect((await client.responses(2)).map(({ status, body }) => [status, String(body)])).toEqual([
      [200, "small picture"],
      [200, "picture"],
    ]);
  });

  it("REG-192 DIMS-15: a source that is never fresh is no failure, however many ask while it is looked at", async () => {
    const edge = edgeWith("", '<TTL><Res2xx Ratio="0" Max="0">0</Res2xx></TTL>');
    edge.onDerive = (body) => Buffer.from(`small ${body}`);
    let number = 0;
    edge.origin.answer = (call) => {
      const conditional = call.request.fields.some((name) => name.toLowerCase() === "if-none-match");
      if (conditional && number++ % 2 === 0) call.head(304).complete();
      else call.reply(200, `picture ${number}`, ["Content-Type", "image/jpeg", "ETag", `"v${number}"`]);
    };
    for (let round = 0; round < 200; round++) {
      const clients = [MADE, MADE, "/a.jpg", "/a.jpg/dims/strip/true"].map((path) => edge.connect().get(path));
      const answers = await Promise.all(clients.map((client) => client.response()));
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    }
    expect(edge.defects).toEqual([]);
  });

  it("REG-195 DIMS-15: an origin without Last-Modified, and without ETag: what has changed is seen when the source has expired", async () => {
    const edge = edgeWith();
    edge.onDerive = (body) => Buffer.from(`small ${body}`);
    for (const [number, body] of ["first", "other", "third"].entries()) {
      const client = edge.connect().get(MADE);
      (await edge.origin.call(number + 1)).reply(200, body, ["Content-Type", "image/jpeg"]);
      await client.response();
      const answers = await client.get(MADE).responses(2);
      expect(answers.map((answer) => String(answer.body))).toEqual([`small ${body}`, `small ${body}`]);
      edge.advanceSeconds(100_000);
    }
    expect(edge.deriveCalls).toBe(3);
  });
});
