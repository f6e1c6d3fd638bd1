import { createHash, scryptSync } from "node:crypto";
import { signScope } from "@basalt/policy";
import { cacheResultSlot, PROCESS_SLOT } from "@basalt/telemetry";
import { describe, expect, it } from "vitest";
import { HOST, requestText, TestEdge } from "../support/edge.ts";
import type { ClientResponse } from "../support/responses.ts";

const edgeWith = (options: string, files: Readonly<Record<string, string>> = {}): TestEdge =>
  new TestEdge({
    vhost: `<Options>${options}</Options>`,
    files: Object.fromEntries(Object.entries(files).map(([name, text]) => [`svc/${HOST}/${name}`, text])),
  });

const ask = (edge: TestEdge, path: string, fields: readonly string[] = [], method = "GET"): Promise<ClientResponse> =>
  edge.connect().get(path, fields, method).response(method);

const counted = (edge: TestEdge, result: "TCP_DENIED" | "TCP_REDIRECT_HIT"): number =>
  edge.counters.get(edge.vhostCounters() + cacheResultSlot(result));

const ACL_ON = "<AccessControl>ON</AccessControl>";

describe("acl.txt", () => {
  it("ACL-20 OFF admits every request", async () => {
    const edge = edgeWith("", { "acl.txt": "/*, deny" });
    await edge.store("/a", "body");
    expect((await ask(edge, "/a")).status).toBe(200);
  });

  it("REG-164 ACL-22 ACL-26 STAT-44.10 OPT-40 a denied request gets the status alone and counts as TCP_DENIED", async () => {
    const edge = edgeWith(ACL_ON, { "acl.txt": "/profile.zip, deny, 500\n/secret" });
    const refused = await ask(edge, "/secret");
    expect([refused.status, refused.body.length, refused.field("content-length")]).toEqual([401, 0, "0"]);
    expect(refused.field("content-type")).toBeUndefined();
    expect((await ask(edge, "/profile.zip")).status).toBe(500);
    expect(counted(edge, "TCP_DENIED")).toBe(2);
    expect(edge.logged.map(({ status, result }) => [status, result])).toEqual([
      [401, "TCP_DENIED"],
      [500, "TCP_DENIED"],
    ]);
    expect(edge.origin.calls).toHaveLength(0);
  });

  it("the connection goes on after a denied request", async () => {
    const edge = edgeWith(ACL_ON, { "acl.txt": "/secret" });
    await edge.store("/a", "body");
    const client = edge.connect().get("/secret").get("/a").get("/secret");
    expect((await client.responses(3)).map(({ status }) => status)).toEqual([401, 200, 401]);
  });

  it.each(["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PURGE"])(
    "ACL-25 %s is subject to the list",
    async (method) => {
      const edge = edgeWith(ACL_ON, { "acl.txt": "/a, deny, 403" });
      expect((await ask(edge, "/a", method === "POST" ? ["Content-Length: 0"] : [], method)).status).toBe(403);
      expect(edge.purges).toHaveLength(0);
    },
  );

  it("REG-165 REG-167 ACL-43 ACL-44 STAT-44.6 OPT-35 a redirect names the URL that was asked for and counts as TCP_REDIRECT_HIT", async () => {
    const edge = edgeWith(ACL_ON, { "acl.txt": "!HEADER[referer], redirect, http://example.com#URL" });
    const answer = await ask(edge, "/a/b.html?x=1");
    expect([answer.status, answer.field("location"), answer.body.length]).toEqual([
      302,
      "http://example.com/a/b.html?x=1",
      0,
    ]);
    expect(counted(edge, "TCP_REDIRECT_HIT")).toBe(1);
    expect(edge.logged).toMatchObject([{ status: 302, result: "TCP_REDIRECT_HIT" }]);
  });

  it("ACL-24 the URL is compared as it was asked for", async () => {
    const edge = edgeWith(ACL_ON, { "acl.txt": "$URL[/img.jpg/dims/*], deny" });
    expect((await ask(edge, "/img.jpg/dims/resize/10x10/")).status).toBe(401);
  });

  it("REG-163 ACL-24 DIMS and HLS URLs are compared as they were asked for, keyword included", async () => {
    const lists = {
      "the keyword": "$URL[/img.jpg/dims/*], deny\n$URL[/film.mp4/mp4hls/*], deny",
      "the source": "/img.jpg, deny\n/film.mp4, deny",
    };
    const statuses = async (list: string) => {
      const functions = `<Dims Status="Active" Keyword="dims"/></Options><Media><MP4HLS Status="Active" Keyword="mp4hls"/></Media>`;
      const edge = new TestEdge({ vhost: `<Options>${functions}` });
      edge.onDerive = () => Buffer.from("made");
      await edge.store("/img.jpg", "picture", ["Content-Type", "image/jpeg", "ETag", '"v1"']);
      await edge.store("/film.mp4", "film", ["Content-Type", "video/mp4", "ETag", '"v1"']);
      const files = { [`svc/${HOST}/acl.txt`]: list };
      edge.configure({ vhost: `<Options>${ACL_ON}${functions}`, files }, 2);
      const made = [];
      for (const path of ["/img.jpg/dims/resize/10x10/", "/img.jpg", "/film.mp4/mp4hls/index.m3u8", "/film.mp4"]) {
        made.push((await ask(edge, path)).status);
      }
      return made;
    };
    expect(await statuses(lists["the keyword"])).toEqual([401, 200, 401, 200]);
    expect(await statuses(lists["the source"])).toEqual([200, 401, 200, 401]);
  });

  it("REG-169 ACL-25 a POST that a line denies is denied with its body, which is no request of its own", async () => {
    const edge = edgeWith(`${ACL_ON}<PostRequest>ON</PostRequest>`, { "acl.txt": "/a, deny, 403" });
    await edge.store("/b", "body");
    const body = requestText("/b");
    const head = requestText("/a", [`Content-Length: ${body.length}`], "POST");
    const together = edge
      .connect()
      .send(head + body)
      .get("/b");
    expect((await together.responses(2)).map(({ status }) => status)).toEqual([403, 200]);
    const apart = edge.connect().send(head).send(body);
    await apart.ended();
    expect(apart.all().map(({ status }) => status)).toEqual([403]);
    expect(edge.logged.map(({ target }) => target)).toEqual(["/b", "/a", "/b", "/a"]);
    expect(edge.origin.calls).toHaveLength(1);
  });

  it("REG-161 ACL-42 four thousand requests against a list: each gets the answer of its line", async () => {
    const lines = Array.from(
      { length: 200 },
      (_, n) => `$HEADER[x-n: ${n}] & $URL[/denied/*], deny, ${400 + (n % 12)}`,
    );
    const edge = new TestEdge();
    await edge.store("/denied/a", "body");
    const list = [...lines, "$IP[172.16.0.0/12], deny, 451", "!HEADER[x-n], redirect, http://r.com#URL"].join("\n");
    edge.configure({ vhost: `<Options>${ACL_ON}</Options>`, files: { [`svc/${HOST}/acl.txt`]: list } }, 2);
    const expected = (n: number): number => (n % 3 === 0 ? 302 : n % 251 < 200 ? 400 + ((n % 251) % 12) : 200);
    for (let round = 0; round < 40; round += 1) {
      const clients = Array.from({ length: 10 }, () => edge.connect());
      const answers = await Promise.all(
        clients.map((client, at) => {
          for (let n = 0; n < 10; n += 1) {
            const number = round * 100 + at * 10 + n;
            client.get("/denied/a", number % 3 === 0 ? [] : [`X-N: ${number % 251}`]);
          }
          return client.responses(10);
        }),
      );
      expect(answers.flat().map(({ status }) => status)).toEqual(
        Array.from({ length: 100 }, (_, n) => expected(round * 100 + n)),
      );
      for (const client of clients) client.socket.destroy();
    }
    expect(edge.defects).toEqual([]);
  });

  it("ACL-34 ACL-35 ACL-36 fields by value, empty, and at all", async () => {
    const edge = edgeWith(ACL_ON, {
      "acl.txt": "$HEADER[cookie: *ILLEGAL*], deny, 404\n$HEADER[x-a:], deny, 405\n$HEADER[x-b], deny, 406",
    });
    await edge.store("/a", "body");
    const statusWith = async (field: string) => (await ask(edge, "/a", [field])).status;
    expect(await statusWith("Cookie: a=ILLEGALb")).toBe(404);
    expect(await statusWith("X-A:")).toBe(405);
    expect(await statusWith("X-A: 1")).toBe(200);
    expect(await statusWith("X-B: 1")).toBe(406);
  });

  it("ACL-45 any line of a field may match", async () => {
    const edge = edgeWith(ACL_ON, { "acl.txt": "$HEADER[x: b], deny" });
    expect((await ask(edge, "/a", ["X: a", "X: b"])).status).toBe(401);
  });

  it("REG-168 ACL-38 the protocol of the client counts", async () => {
    const edge = edgeWith(ACL_ON, { "acl.txt": "$PROTOCOL[HTTP], redirect, https://example.com#URL" });
    expect((await ask(edge, "/a?b")).field("location")).toBe("https://example.com/a?b");
  });
});

describe("limits of a virtual host", () => {
  it("answers longer bodies 413, with a length and in chunks", async () => {
    const edge = edgeWith("<MaxRequestBody>10</MaxRequestBody>");
    const head = (more: string) => `POST /a HTTP/1.1\r\nHost: ${HOST}\r\n${more}\r\n\r\n`;
    const withLength = edge.connect().send(`${head("Content-Length: 11")}`);
    expect((await withLength.response("POST")).status).toBe(413);
    const atOnce = edge.connect().send(`${head("Transfer-Encoding: chunked")}b\r\nhello world\r\n0\r\n\r\n`);
    expect((await atOnce.response("POST")).status).toBe(413);
    const later = edge.connect().send(head("Transfer-Encoding: chunked"));
    later.send("5\r\nhello\r\n").send("6\r\n world\r\n");
    expect((await later.response("POST")).status).toBe(413);
    const short = edge.connect().send(`${head("Content-Length: 5")}hello`);
    (await edge.origin.call(edge.origin.calls.length)).reply(200, "ok", []);
    expect((await short.response("POST")).status).toBe(200);
  });

  it("answers 429 with Retry-After what comes too often, and lets it in again later", async () => {
    const edge = edgeWith('<RateLimit Requests="2" Seconds="10">/api/*</RateLimit>');
    await edge.store("/other", "body");
    await edge.store("/api/a", "body");
    expect((await ask(edge, "/api/a")).status).toBe(200);
    const refused = await ask(edge, "/api/a");
    expect([refused.status, refused.field("retry-after"), refused.body.length]).toEqual([429, "5", 0]);
    expect((await ask(edge, "/%61pi/a")).status).toBe(429);
    expect((await ask(edge, "/other")).status).toBe(200);
    edge.advanceSeconds(5);
    expect((await ask(edge, "/api/a")).status).toBe(200);
    expect((await ask(edge, "/api/a")).status).toBe(429);
  });

  it("tells clients apart by a field where one is named, and keeps its counts over a reload", async () => {
    const settings = { vhost: '<Options><RateLimit Requests="1" Seconds="60" Field="X-Key">/*</RateLimit></Options>' };
    const edge = new TestEdge(settings);
    await edge.store("/a", "body");
    expect((await ask(edge, "/a", ["X-Key: one"])).status).toBe(200);
    expect((await ask(edge, "/a", ["X-Key: two"])).status).toBe(200);
    edge.configure(settings, 2);
    expect((await ask(edge, "/a", ["X-Key: one"])).status).toBe(429);
    expect((await ask(edge, "/a")).status).toBe(429);
  });
});

const SECRET = "a secret of this site";
const SIGNED = `<SignedUrls><Url>/private/*</Url><Key Id="new">${SECRET} 2</Key><Key Id="old">${SECRET}</Key>ON</SignedUrls>`;

describe("signed URLs", () => {
  const nowSeconds = (edge: TestEdge): number => Math.floor(edge.clock.now() / 1000);
  const key = { id: "old", secret: SECRET };

  it("serves what is signed by any key, without the parameter in cache and origin request", async () => {
    const edge = edgeWith(SIGNED);
    const expiry = nowSeconds(edge) + 60;
    const byOld = signScope(key, { kind: "path", path: "/private/a" }, expiry);
    const byNew = signScope({ id: "new", secret: `${SECRET} 2` }, { kind: "path", path: "/private/a" }, expiry);
    const client = edge.connect().get(`/private/a?x=1&token=${byOld}&y=2`);
    const call = await edge.origin.call(1);
    expect(call.request.target).toBe("/private/a?x=1&y=2");
    call.reply(200, "body", []);
    expect((await client.response()).status).toBe(200);
    expect((await ask(edge, `/private/a?x=1&y=2&token=${byNew}`)).status).toBe(200);
    expect(edge.origin.calls).toHaveLength(1);
    expect(edge.logged.map(({ target }) => target)).toEqual(["/private/a?x=1&y=2", "/private/a?x=1&y=2"]);
  });

  it("answers 403 without a valid signature and 410 with one of the past", async () => {
    const edge = edgeWith(SIGNED);
    const expiry = nowSeconds(edge) + 60;
    const good = signScope(key, { kind: "path", path: "/private/a" }, expiry) ?? "";
    const other = signScope({ ...key, secret: "another secret" }, { kind: "path", path: "/private/a" }, expiry);
    const past = signScope(key, { kind: "path", path: "/private/a" }, nowSeconds(edge));
    const statusOf = async (path: string) => (await ask(edge, path)).status;
    expect(await statusOf("/private/a")).toBe(403);
    expect(await statusOf(`/private/b?token=${good}`)).toBe(403);
    expect(await statusOf(`/private/a?token=${other}`)).toBe(403);
    expect(await statusOf(`/private/a?token=${good.replace(String(expiry), String(expiry + 1))}`)).toBe(403);
    expect(await statusOf(`/private/a?token=${good.replace("old", "new")}`)).toBe(403);
    expect(await statusOf("/private/a?token=")).toBe(403);
    expect(await statusOf(`/private/a?token=${past}`)).toBe(410);
    expect(edge.origin.calls).toHaveLength(0);
  });

  it.each(["/%70rivate/a", "//private/a", "/x/../private/a", "/private\\a", "/./private/a"])(
    "%s is no way round",
    async (path) => {
      expect((await ask(edgeWith(SIGNED), path)).status).toBe(403);
    },
  );

  it("a prefix is good for what lies below it, and for nothing else", async () => {
    const edge = edgeWith(SIGNED);
    const token = signScope(key, { kind: "prefix", prefix: "/private/films/" }, nowSeconds(edge) + 60);
    const client = edge.connect().get(`/private/films/a/1.ts?token=${token}`);
    (await edge.origin.call(1)).reply(200, "body", []);
    expect((await client.response()).status).toBe(200);
    const paths = [
      "/private/films",
      "/private/filmsx/a",
      "/private/films/../a",
      "/private/films/%2e%2e/a",
      "/private/films/..%2fa",
    ];
    for (const path of paths) expect([path, (await ask(edge, `${path}?token=${token}`)).status]).toEqual([path, 403]);
    expect(signScope(key, { kind: "prefix", prefix: "/private/films" }, 1)).toBeUndefined();
  });
});

const basic = (user: string, password: string): string =>
  `Authorization: Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
const sha = (password: string, salt = ""): string =>
  Buffer.concat([createHash("sha256").update(`${password}${salt}`).digest(), Buffer.from(salt)]).toString("base64");
const scryptOf = (password: string): string => {
  const salt = Buffer.from("salt of it");
  const hash = scryptSync(password, salt, 32, { N: 16, r: 8, p: 1 });
  return `$scrypt$ln=4,r=8,p=1$${salt.toString("base64")}$${hash.toString("base64")}`;
};

describe("basic authentication", () => {
  const protectedEdge = () =>
    edgeWith('<BasicAuthentication Realm="the &quot;staff&quot;">/staff/*</BasicAuthentication>', {
      "users.txt": `kim:${scryptOf("open sesame")}\nlee:{SSHA256}${sha("pass:word", "salt")}\npark:{SHA256}${sha("x")}`,
    });

  it("asks for name and password", async () => {
    const answer = await ask(protectedEdge(), "/staff/a");
    expect([answer.status, answer.field("www-authenticate")]).toEqual([
      401,
      'Basic realm="the \\"staff\\"", charset="UTF-8"',
    ]);
  });

  it.each([
    ["kim", "open sesame", 200],
    ["kim", "open", 401],
    ["lee", "pass:word", 200],
    ["park", "x", 200],
    ["lee", "x", 401],
    ["nobody", "open sesame", 401],
  ])("%s with %s gets %d, each time", async (user, password, status) => {
    const edge = protectedEdge();
    for (let time = 0; time < 3; time++) {
      const client = edge.connect().get("/staff/a", [basic(user, password)]);
      if (status === 200 && time === 0) {
        const call = await edge.origin.call(1);
        expect(call.request.fields.map((text) => text.toLowerCase())).not.toContain("authorization");
        call.reply(200, "body", []);
      }
      expect((await client.response()).status).toBe(status);
    }
    expect(edge.origin.calls.length).toBe(status === 200 ? 1 : 0);
  });

  it.each([
    "Basic",
    "Basic !!!",
    "Bearer x",
    `Basic ${Buffer.from("no colon").toString("base64")}`,
    `Basic ${"A".repeat(2_000)}`,
  ])("takes %s for nothing", async (value) => {
    expect((await ask(protectedEdge(), "/staff/a", [`Authorization: ${value}`])).status).toBe(401);
  });

  it("leaves other paths and their credentials alone", async () => {
    const edge = protectedEdge();
    const client = edge.connect().get("/open", [basic("kim", "x")]);
    const call = await edge.origin.call(1);
    call.reply(200, "body", []);
    expect((await client.response()).status).toBe(200);
  });

  it("wrong passwords do not hold up others", async () => {
    const edge = protectedEdge();
    const clients = Array.from({ length: 100 }, (_, n) => edge.connect().get("/staff/a", [basic("kim", `wrong ${n}`)]));
    const statuses = await Promise.all(clients.map(async (client) => (await client.response()).status));
    expect(statuses.every((status) => status === 401 || status === 503)).toBe(true);
    expect(statuses.filter((status) => status === 401).length).toBeGreaterThanOrEqual(64);
  });
});

describe("CORS", () => {
  const CORS =
    '<Cors Credentials="ON" ExposeHeaders="ETag"><Origin>https://app.example.com</Origin><Origin>https://*.partner.org</Origin>ON</Cors>';
  const PREFLIGHT = ["Access-Control-Request-Method: PUT", "Access-Control-Request-Headers: x-a, x-b"];

  it("answers a preflight of an allowed origin here", async () => {
    const edge = edgeWith(CORS);
    const answer = await ask(edge, "/a", ["Origin: https://app.example.com", ...PREFLIGHT], "OPTIONS");
    expect(answer.status).toBe(200);
    expect(
      ["origin", "credentials", "methods", "headers"].map((name) => answer.field(`access-control-allow-${name}`)),
    ).toEqual(["https://app.example.com", "true", "GET, HEAD, POST", "x-a, x-b"]);
    expect(answer.field("access-control-max-age")).toBe("600");
    expect(answer.field("vary")).toContain("Origin");
    expect(edge.origin.calls).toHaveLength(0);
  });

  it("names each origin in its own response of one stored object", async () => {
    const edge = edgeWith(CORS);
    await edge.store("/a", "body", ["Access-Control-Allow-Origin", "*", "Vary", "Accept"]);
    const allowedOf = async (origin: string) => {
      const answer = await ask(edge, "/a", [`Origin: ${origin}`]);
      expect(answer.field("vary")).toContain("Origin");
      return answer.field("access-control-allow-origin");
    };
    expect(await allowedOf("https://app.example.com")).toBe("https://app.example.com");
    expect(await allowedOf("https://x.partner.org")).toBe("https://x.partner.org");
    expect(await allowedOf("https://partner.org")).toBeUndefined();
    expect(await allowedOf("https://evil.org/.partner.org")).toBeUndefined();
    expect(await allowedOf("https://evilpartner.org")).toBeUndefined();
    expect(await allowedOf("http://app.example.com")).toBeUndefined();
    const without = await ask(edge, "/a");
    expect([without.field("access-control-allow-origin"), without.field("vary")]).toEqual([
      undefined,
      expect.stringContaining("Origin"),
    ]);
    expect(edge.origin.calls).toHaveLength(1);
  });

  it("the origin * is the same for all and never with credentials", async () => {
    const edge = edgeWith('<Cors Credentials="ON"><Origin>*</Origin>ON</Cors>');
    await edge.store("/a", "body");
    const answer = await ask(edge, "/a", ["Origin: https://any.where"]);
    expect(answer.field("access-control-allow-origin")).toBe("*");
    expect(answer.field("access-control-allow-credentials")).toBeUndefined();
    expect(answer.field("vary")).toBeUndefined();
  });

  it("a preflight needs no signature and no password, and refusals can be read", async () => {
    const edge = edgeWith(`${CORS}<BasicAuthentication>/*</BasicAuthentication>`);
    expect((await ask(edge, "/a", ["Origin: https://app.example.com", ...PREFLIGHT], "OPTIONS")).status).toBe(200);
    const refused = await ask(edge, "/a", ["Origin: https://app.example.com"]);
    expect([refused.status, refused.field("access-control-allow-origin")]).toEqual([401, "https://app.example.com"]);
  });
});

describe("new connections", () => {
  it("of one client are limited, and counted as denied", async () => {
    const edge = new TestEdge({ host: '<ConnectionRate Seconds="10">2</ConnectionRate>' });
    const clients = [edge.connect(), edge.connect(), edge.connect()];
    expect(clients.map(({ socket }) => socket.isDestroyed)).toEqual([false, false, true]);
    expect(clients[2]?.socket.received.length).toBe(0);
    expect(edge.counters.get(PROCESS_SLOT.accessDenied)).toBe(1);
    expect(edge.counters.get(PROCESS_SLOT.accessAllowed)).toBe(2);
    edge.advanceSeconds(5);
    expect(edge.connect().socket.isDestroyed).toBe(false);
  });
});
