import { describe, expect } from "vitest";
import { patternBody, renderRequest } from "../../src/index.ts";
import { type Scene, scenario, useEdge } from "../../src/scenario/index.ts";

/** Section A of spec 22: requests and responses, through two workers. */
useEdge({ workers: 2 });

const LAST_MODIFIED = "Tue, 01 Jan 2019 10:00:00 GMT";
const EARLIER = "Tue, 01 Jan 2019 09:00:00 GMT";
const LATER = "Tue, 01 Jan 2019 11:00:00 GMT";
/** Connections of their own, so that both workers get some. */
const ASKED_OFTEN = 4;

const since = (moment: string) => ({ headers: { "If-Modified-Since": moment } });

describe("requests", () => {
  scenario("REG-02 REG-03 REG-05: the host is found by any form of Host", async ({ origin, edge, client }) => {
    origin.on("/p").reply(200, {}, "found");
    const { host } = edge;
    const forms = [
      ...[`Host: ${host}:80`, `Host: ${host}:8080`, `Host: ${host}:`, `Host: ${host.toUpperCase()}`],
      ...[`HOST:${host}`, `hOsT:\t${host.toUpperCase()}:80 \t`],
    ];
    const session = await client();
    for (const form of forms) {
      await session.send(`GET /p HTTP/1.1\r\n${form}\r\nAccept:*/*\r\nX-Empty:\r\n\r\n`);
      const answer = await session.readResponse();
      expect([form, answer.status, answer.text]).toEqual([form, 200, "found"]);
    }
    expect(origin.saw("/p")).toBe(1);
  });

  scenario("REG-04: an absolute target is the path of its host", async ({ origin, edge, client }) => {
    origin
      .on((request) => request.path === "/" || request.path === "/p")
      .reply((request) => ({
        status: 200,
        body: request.target,
      }));
    const { host } = edge;
    const targets = {
      [`http://${host}/p`]: "/p",
      [`HTTP://${host.toUpperCase()}:80/p`]: "/p",
      [`http://${host}/p?a&b=1`]: "/p?a&b=1",
      [`http://${host}`]: "/",
      [`http://${host}?x=1`]: "/?x=1",
    };
    const session = await client();
    for (const [target, asked] of Object.entries(targets)) {
      await session.send(`GET ${target} HTTP/1.1\r\nHost: elsewhere.test\r\n\r\n`);
      const answer = await session.readResponse();
      expect([target, answer.status, answer.text]).toEqual([target, 200, asked]);
    }
    expect(origin.saw("/p")).toBe(2);
  });

  scenario("REG-27: OPTIONS of a path is handed to the origin, that of the server is answered here", async (scene) => {
    const { origin, edge, client } = scene;
    const isOptions = (request: { readonly method: string }): boolean => request.method === "OPTIONS";
    origin.on("/a").reply(200, {}, "v1");
    origin.on(isOptions).reply(204, { Allow: "GET, OPTIONS" });
    const session = await client();
    const expected = { "/a": [204, "GET, OPTIONS"], "*": [200, "GET, HEAD, POST, OPTIONS"] };
    for (let round = 0; round < 2; round++) {
      for (const [path, wanted] of Object.entries(expected)) {
        const answer = await session.request({ method: "OPTIONS", path, host: edge.host });
        expect([path, answer.status, answer.field("allow")]).toEqual([path, ...wanted]);
      }
    }
    const upgrade = { Connection: "Upgrade", Upgrade: "websocket" };
    await edge.get("*", { method: "OPTIONS", headers: upgrade }).expect(200, "");
    await edge.get("/a").expect(200, "v1");
    expect(origin.seen(isOptions).map(({ target }) => target)).toEqual(["/a", "/a"]);
  });
});

describe("fields of the response", () => {
  scenario(
    "REG-07 REG-08 REG-09: Content-Disposition is passed on once, a Content-Type is never made up",
    async ({ origin, edge, clock }) => {
      const disposition = 'attachment; filename="a.bin"';
      origin.on("/a").file("0123456789", {
        lastModified: LAST_MODIFIED,
        fields: { "Content-Disposition": disposition, "content-disposition": "inline" },
      });
      const expectBoth = async (range: string | undefined): Promise<void> => {
        const headers = range === undefined ? {} : { Range: range };
        for (let round = 0; round < ASKED_OFTEN; round++) {
          const answer = await edge.get("/a", { headers });
          expect(answer.fieldLines("content-disposition")).toEqual([disposition]);
          expect(answer.field("content-type")).toBeUndefined();
        }
      };
      await expectBoth(undefined);
      await expectBoth("bytes=2-3");
      await clock.advance(1_801);
      await expectBoth(undefined);
      expect((await edge.head("/a")).fieldLines("content-disposition")).toEqual([disposition]);
    },
  );

  for (const original of ["OFF", "ON"]) {
    scenario(
      `REG-28: cookies of the origin are never kept, with OriginalHeader ${original}`,
      { xml: `<Options><OriginalHeader>${original}</OriginalHeader></Options>` },
      async ({ origin, edge, clock }) => {
        const cookies = { Cookie: "a=1", "Set-Cookie": ["b=2", "B=3"], "SET-COOKIE2": "c=3" };
        origin.on("/a").file("v1", { lastModified: LAST_MODIFIED, fields: cookies });
        origin.on("/none").reply(404, cookies, "none");
        origin.on("/moved").reply(302, { ...cookies, Location: "/a" }, "");
        const expectNone = async (path: string, status: number): Promise<void> => {
          for (let round = 0; round < ASKED_OFTEN; round++) {
            await edge
              .get(path)
              .expect(status, undefined, { cookie: undefined, "set-cookie": undefined, "set-cookie2": undefined });
          }
        };
        await expectNone("/a", 200);
        await expectNone("/none", 404);
        await expectNone("/moved", 302);
        await clock.advance(1_801);
        await expectNone("/a", 200);
      },
    );
  }

  scenario(
    "REG-17: an ETag stands in double quotes, the origin's too",
    { xml: "<OriginOptions><OriginalETag>ON</OriginalETag></OriginOptions>" },
    async ({ origin, edge }) => {
      const tags = { "/bare": "abc", "/quoted": '"abc"', "/weak": 'W/"abc"', "/bareWeak": "W/abc", "/half": '"abc' };
      const given: Record<string, string | undefined> = {};
      for (const [path, tag] of Object.entries(tags)) {
        origin.on(path).reply(200, { ETag: tag, "Last-Modified": LAST_MODIFIED }, "v1");
        for (let round = 0; round < 2; round++) given[path] = (await edge.get(path).expect(200)).field("etag");
        await edge.get(path, { headers: { "If-None-Match": given[path] ?? "*" } }).expect(304, "");
      }
      expect(given).toEqual({
        "/bare": '"abc"',
        "/quoted": '"abc"',
        "/weak": 'W/"abc"',
        "/bareWeak": 'W/"abc"',
        "/half": undefined,
      });
    },
  );

  scenario("REG-18: by default Connection and Keep-Alive are sent, by hits and misses", async ({ origin, edge }) => {
    origin.on("/a").reply(200, {}, "v1");
    origin.on("/none").reply(404, {}, "none");
    for (let round = 0; round < ASKED_OFTEN; round++) {
      await edge.get("/a").expect(200, "v1", { connection: /^keep-alive$/i, "keep-alive": /^timeout=\d+/ });
      await edge.get("/none").expect(404, "none", { connection: /^keep-alive$/i, "keep-alive": /^timeout=\d+/ });
    }
  });

  scenario(
    "REG-33 REG-35 REG-36: put adds a line, conditions know methods, and words are replaced",
    {
      xml: "<Options><ModifyHeader>ON</ModifyHeader></Options>",
      conditions: {
        "headers.txt": [
          "*, $RES[Cache-Control: public], put",
          "$METHOD[HEAD], $RES[X-Head: yes], set",
          "!METHOD[HEAD] & /a, $RES[X-Body: yes], set",
          "$METHOD[GET], $RES[X-Result: #PROTOCOL #CACHEHIT], set",
        ].join("\n"),
      },
    },
    async ({ origin, edge }) => {
      origin.on("/a").reply(200, { "Cache-Control": "max-age=600" }, "v1");
      for (const result of ["TCP_MISS", "TCP_HIT", "TCP_HIT"]) {
        const answer = await edge.get("/a").expect(200, "v1", { "x-head": undefined, "x-body": "yes" });
        await edge.stored("/a");
        expect(answer.fieldLines("cache-control")).toEqual(["max-age=600", "public"]);
        expect(answer.field("x-result")).toBe(`http ${result}`);
      }
      await edge.head("/a").expect(200, "", { "x-head": "yes", "x-body": undefined, "x-result": undefined });
    },
  );
});

describe("conditions and ranges", () => {
  scenario(
    "REG-01: with orlater the answer that fills the cache is a 200 with its body, whatever the date",
    { xml: "<Options><LastModifiedCheck>orlater</LastModifiedCheck></Options>" },
    async ({ origin, edge }) => {
      for (const [index, moment] of [LAST_MODIFIED, LATER, EARLIER].entries()) {
        const path = `/${index}`;
        origin.on(path).file("v1", { lastModified: LAST_MODIFIED });
        await edge.get(path, since(moment)).expect(200, "v1");
        await edge.stored(path);
        await edge.get(path, since(moment)).expect(moment === EARLIER ? 200 : 304);
      }
    },
  );

  scenario(
    "REG-21 REG-22: conditional clients get 304 when their copy is current, from the first one on and behind renewals",
    async ({ origin, edge, clock }) => {
      origin.on("/a").file("v1", { lastModified: LAST_MODIFIED });
      await edge.get("/a", since(LAST_MODIFIED)).expect(304, "");
      const etag = (await edge.get("/a").expect(200, "v1")).field("etag") ?? "";
      for (const seconds of [1, 1_801, 2_200]) {
        await clock.advance(seconds);
        for (let round = 0; round < ASKED_OFTEN; round++) {
          await edge.get("/a", since(LAST_MODIFIED)).expect(304, "", { etag });
          await edge.get("/a", { headers: { "If-None-Match": etag } }).expect(304, "");
          await edge.get("/a", since(EARLIER)).expect(200, "v1");
        }
      }
      expect(origin.seen("/a").map((request) => request.field("if-modified-since"))).toEqual([
        undefined,
        LAST_MODIFIED,
        LAST_MODIFIED,
      ]);
    },
  );

  scenario("REG-21: any condition on the first access leaves a sound object", async ({ origin, edge }) => {
    const conditions: Record<string, string>[] = [
      { "If-Modified-Since": EARLIER },
      { "If-Modified-Since": LATER },
      { "If-Modified-Since": "yesterday" },
      { "If-None-Match": "*" },
      { "If-None-Match": '"x"', "If-Modified-Since": LAST_MODIFIED },
      { "If-Match": '"x"' },
      { "If-Unmodified-Since": EARLIER },
    ];
    for (const [index, headers] of conditions.entries()) {
      const path = `/${index}`;
      origin.on(path).file("v1", { lastModified: LAST_MODIFIED, etag: '"o"' });
      const first = await edge.get(path, { headers });
      expect([headers, [200, 304, 412].includes(first.status)]).toEqual([headers, true]);
      await edge.get(path).expect(200, "v1", { "last-modified": LAST_MODIFIED });
      expect(origin.saw(path)).toBe(1);
    }
  });

  scenario("REG-12 REG-13 REG-14: last bytes and several ranges of what is not cached", async ({ origin, edge }) => {
    for (const size of [10, 1_023, 1_024, 5_000, 300_000, 1_500_000]) {
      const body = patternBody(size, size);
      const ranges = {
        [`bytes=-${Math.min(size, 700)}`]: size - Math.min(size, 700),
        [`bytes=${size - 1}-`]: size - 1,
        [`bytes=${size - 5}-${size + 5_000}`]: size - 5,
      };
      for (const [index, [range, start]] of Object.entries(ranges).entries()) {
        const path = `/${size}/${index}`;
        origin.on(path).file(body, { lastModified: LAST_MODIFIED, etag: `"${size}"` });
        const fields = { "content-range": `bytes ${start}-${size - 1}/${size}` };
        await edge.get(path, { headers: { Range: range } }).expect(206, body.slice(start, size), fields);
      }
      const path = `/${size}/past`;
      origin.on(path).file(body, { lastModified: LAST_MODIFIED, etag: `"${size}"` });
      await edge.get(path, { headers: { Range: `bytes=${size}-` } }).expect(416, undefined, {
        "content-range": `bytes */${size}`,
      });
      const two = await edge.get(path, { headers: { Range: "bytes=0-1,-2" } }).expect(206);
      expect(two.field("content-type")).toMatch(/^multipart\/byteranges/);
      expect(two.body.includes(body.slice(size - 2, size))).toBe(true);
    }
  });
});

describe("answers of the origin", () => {
  scenario(
    "REG-20: with TTL 0 and RefreshExpired ON the first answer behind a change is the new content",
    { xml: "<Options><TTL><Res2xx>0</Res2xx></TTL><RefreshExpired>ON</RefreshExpired></Options>" },
    async ({ origin, edge, clock }) => {
      const moments = [EARLIER, LAST_MODIFIED, LATER];
      for (const [index, moment] of moments.entries()) {
        origin.on("/a").file(`v${index}`, { lastModified: moment });
        await clock.advance(3);
        for (let round = 0; round < ASKED_OFTEN; round++) await edge.get("/a").expect(200, `v${index}`);
      }
    },
  );

  scenario(
    "REG-30: VaryHeader serves answers other than 200 with any Vary",
    { xml: "<Options><VaryHeader>*</VaryHeader></Options>" },
    async ({ origin, edge, clock }) => {
      const ask = (path: string, accept: string) => edge.get(path, { headers: { Accept: accept } });
      for (const status of [204, 302, 404, 500]) {
        for (const vary of ["Accept, User-Agent", "*"]) {
          const path = `/${status}/${encodeURIComponent(vary)}`;
          origin.on(path).reply((request) => ({
            status,
            fields: { Vary: vary, Location: "/elsewhere" },
            body: status === 204 ? "" : `${status} for ${request.field("accept")}`,
          }));
          for (const accept of ["a", "b", "a"])
            expect([path, (await ask(path, accept)).status]).toEqual([path, status]);
        }
      }
      origin.on("/turns").reply(200, { Vary: "Accept" }, "v1").reply(404, { Vary: "Accept" }, "none");
      await ask("/turns", "a").expect(200, "v1");
      await clock.advance(1_801);
      await ask("/turns", "a").expect(404, "none");
      await ask("/turns", "b").expect(404, "none");
    },
  );

  scenario(
    "REG-31: DenialCode 451 has its phrase",
    {
      xml: "<Options><AccessControl DenialCode='451'>ON</AccessControl></Options>",
      conditions: { "acl.txt": "/closed/*, deny" },
    },
    async ({ origin, edge, client }) => {
      origin.on("/open").reply(200, {}, "v1");
      const session = await client();
      await session.send(renderRequest({ path: "/closed/a", host: edge.host, headers: { Connection: "close" } }));
      const answer = (await session.readUntilClose()).toString("latin1");
      expect(answer.split("\r\n")[0]).toBe("HTTP/1.1 451 Unavailable For Legal Reasons");
      await edge.get("/open").expect(200, "v1");
    },
  );
});

describe("configuration", () => {
  scenario(
    "REG-32: blanks around what the configuration says do not count",
    {
      address: (origin) => `\n  ${origin.address}\t`,
      xml: [
        "<Alias>\n  trimmed.test \t</Alias>",
        "<Options><ViaHeader> off\n</ViaHeader><LastModifiedCheck> orlater </LastModifiedCheck>",
        "<TTL><Res2xx Ratio=' 50 '> 100 </Res2xx></TTL></Options>",
        "<OriginOptions><Host>  content.test\n</Host><UserAgent> probe </UserAgent></OriginOptions>",
      ].join(""),
      conditions: { "ttl.txt": " \t/b ,\t 50 \n   \n" },
    },
    async ({ origin, edge }) => {
      origin.on("/a").file("v1", { lastModified: LAST_MODIFIED });
      origin.on("/b").reply(200, {}, "v1");
      await edge.get("/a", { host: "trimmed.test" }).expect(200, "v1", { via: undefined });
      await edge.stored("/a");
      expect(await edge.ttlLeft("/a")).toBeLessThanOrEqual(100);
      await edge.get("/a", since(LATER)).expect(304, "");
      await edge.get("/b").expect(200, "v1");
      await edge.stored("/b");
      expect(await edge.ttlLeft("/b")).toBeLessThanOrEqual(50);
      const asked = origin.lastSeen("/a");
      expect([asked.field("host"), asked.field("user-agent")]).toEqual(["content.test", "probe"]);
    },
  );
});

/** `perSession` requests in one write on each of 20 connections; the answers in their order. */
const askInBulk = async ({ client }: Scene, perSession: number, requestOf: (index: number) => string) => {
  const sessions = 20;
  const ask = async (session: number): Promise<{ status: number; text: string }[]> => {
    const opened = await client();
    const first = session * perSession;
    const requests = Array.from({ length: perSession }, (_, index) => requestOf(first + index));
    void opened.send(requests.join(""));
    const answers: { status: number; text: string }[] = [];
    while (answers.length < perSession) {
      const { status, text } = await opened.readResponse();
      answers.push({ status, text });
    }
    return answers;
  };
  return (await Promise.all(Array.from({ length: sessions }, (_, session) => ask(session)))).flat();
};

describe("under load", () => {
  scenario("REG-23: hundreds of answers with a length and without, none missing", async (scene) => {
    const { origin, edge } = scene;
    origin
      .on((request) => request.target.startsWith("/n/"))
      .reply((request) => ({ status: 200, body: request.target }));
    origin
      .on((request) => request.target.startsWith("/c/"))
      .reply((request) => ({ status: 200, body: request.target }))
      .chunked([1, 7]);
    const target = (index: number) => `/${index % 2 === 0 ? "n" : "c"}/${index % 160}`;
    const request = (index: number) => `GET ${target(index)} HTTP/1.1\r\nHost: ${edge.host}\r\n\r\n`;
    const answers = await askInBulk(scene, 40, request);
    for (const [index, { status, text }] of answers.entries()) expect([status, text]).toEqual([200, target(index)]);
  });

  scenario("REG-34: hundreds of requests with ever other fields and strings", async (scene) => {
    const { origin, edge } = scene;
    origin
      .on(() => true)
      .reply((request) => ({
        status: 200,
        fields: { [`X-${request.target.length}`]: request.target, Vary: request.target.slice(1, 9) },
        body: request.target,
      }));
    const workers = await edge.cluster.workers();
    const targets: string[] = [];
    let seed = 22;
    const next = (below: number): number => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      return (seed >>> 8) % below;
    };
    const word = (length: number): string =>
      Array.from({ length }, () => "abcdefghijklmnopqrstuvwxyz0123456789-_"[next(38)]).join("");
    const request = (index: number): string => {
      targets[index] = `/${word(1 + next(200))}?${word(next(40))}`;
      const fields = Array.from({ length: next(20) }, () => `X-${word(1 + next(60))}: ${word(next(300))}\r\n`);
      return `GET ${targets[index]} HTTP/1.1\r\n${fields.join("")}Host: ${edge.host}\r\n\r\n`;
    };
    const answers = await askInBulk(scene, 20, request);
    for (const [index, { status, text }] of answers.entries()) expect([status, text]).toEqual([200, targets[index]]);
    expect(await edge.cluster.workers()).toEqual(workers);
  });
});
