import { createHash } from "node:crypto";
import { signScope } from "@basalt/policy";
import { EdgeError } from "@basalt/types";
import { describe, expect, it } from "vitest";
import { HOST, TestEdge } from "./support/edge.ts";
import type { ClientResponse } from "./support/responses.ts";
import { until } from "./support/waiting.ts";

const FILM = ["Content-Type", "video/mp4", "ETag", '"v1"', "Last-Modified", "Fri, 02 Jan 2026 03:04:05 GMT"];
const LIST = "/dir/a.mp4,b.mp4,c.mp4/mp4hls/index.m3u8";

/** An edge at which the playlist of a film tells its bytes. */
const edgeWith = (more = "", files: Readonly<Record<string, string>> = {}, variants = "ON"): TestEdge => {
  const edge = new TestEdge({
    vhost: `<Media><MP4HLS Status="Active" Variants="${variants}"/><MP4Trimming>ON</MP4Trimming></Media>${more}`,
    files: Object.fromEntries(Object.entries(files).map(([name, text]) => [`svc/${HOST}/${name}`, text])),
  });
  edge.onDerive = (body, operation) => {
    if (operation.kind !== "media" || operation.task.kind !== "playlist") return "unchanged";
    if (String(body) === "no film") return "unreadable";
    const { uris, variantName, list } = operation.task;
    const uri = `${uris.prefix}${variantName}${uris.suffix}`;
    return Buffer.from(`#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-STREAM-INF:BANDWIDTH=${body},${list}\n${uri}\n`);
  };
  return edge;
};

const storeAll = async (edge: TestEdge): Promise<void> => {
  for (const [name, rate] of Object.entries({ a: 100, b: 200, c: 300 })) {
    await edge.store(`/dir/${name}.mp4`, String(rate), FILM);
  }
};

const ask = (edge: TestEdge, target = LIST, fields: readonly string[] = []): Promise<ClientResponse> =>
  edge.connect().get(target, fields).response();

const urisIn = ({ body }: ClientResponse): string[] =>
  String(body)
    .split("\n")
    .filter((line) => line.startsWith("/"));

const playlistsOf = (...names: string[]): string[] => names.map((name) => `/dir/${name}.mp4/mp4hls/index.m3u8`);

describe("a master playlist of several films", () => {
  it("is the variants of all, in the order of the URL", async () => {
    const edge = edgeWith();
    await storeAll(edge);
    const response = await ask(edge, "/dir/c.mp4,a.mp4,b.mp4/mp4hls/index.m3u8");
    expect(response.status).toBe(200);
    expect(String(response.body)).toBe(
      `#EXTM3U\n#EXT-X-VERSION:3\n${[
        ["c", 300],
        ["a", 100],
        ["b", 200],
      ]
        .map(([name, rate]) => `#EXT-X-STREAM-INF:BANDWIDTH=${rate},master\n/dir/${name}.mp4/mp4hls/index.m3u8\n`)
        .join("")}`,
    );
    expect(edge.deriveCalls).toBe(3);
    await ask(edge);
    expect(edge.deriveCalls).toBe(3);
    expect(edge.origin.calls).toHaveLength(3);
    expect(edge.logged.at(-1)).toMatchObject({ target: LIST, status: 200, result: "TCP_HIT" });
  });

  it("asks the origin for all films at the same time, each once", async () => {
    const edge = edgeWith();
    const clients = [edge.connect().get(LIST), edge.connect().get(LIST)];
    const calls = [await edge.origin.call(1), await edge.origin.call(2), await edge.origin.call(3)];
    expect(calls.map(({ request }) => request.target)).toEqual(["/dir/a.mp4", "/dir/b.mp4", "/dir/c.mp4"]);
    for (const [index, call] of calls.entries()) call.reply(200, String(index), FILM);
    for (const client of clients) expect(urisIn(await client.response())).toEqual(playlistsOf("a", "b", "c"));
    expect(edge.origin.calls).toHaveLength(3);
    expect(edge.deriveCalls).toBe(3);
  });

  it("AWS-54: is joined of the films as they are told apart, not of each client's own", async () => {
    const edge = edgeWith('<Options><Forward><Cookies Mode="list">lang</Cookies></Forward></Options>');
    const cookies = ["lang=ko; u=1", "lang=en; u=2", "lang=en; u=3", "u=4; lang=en"];
    edge.origin.answer = (call) => call.reply(200, "100", FILM);
    for (const cookie of cookies) expect((await ask(edge, LIST, [`Cookie: ${cookie}`])).status).toBe(200);
    expect(edge.origin.calls).toHaveLength(6);
  });

  it("MEDIA-43 has its length, tag, ranges, HEAD and 304", async () => {
    for (const originalEtag of ["OFF", "ON"]) {
      const edge = edgeWith(`<OriginOptions><OriginalETag>${originalEtag}</OriginalETag></OriginOptions>`);
      await storeAll(edge);
      const whole = await ask(edge);
      const tag = whole.field("etag") ?? "";
      expect(tag).toMatch(/^".+"$/);
      expect(whole.field("last-modified")).toBeUndefined();
      const client = edge
        .connect()
        .get(LIST, ["Range: bytes=1-6"])
        .get(LIST, [`If-None-Match: ${tag}`]);
      const [part, same] = await client.responses(2);
      expect([part?.status, String(part?.body)]).toEqual([206, "EXTM3U"]);
      expect(same?.status).toBe(304);
      const head = await edge.connect().get(LIST, [], "HEAD").response("HEAD");
      expect(head.field("content-length")).toBe(String(whole.body.length));
      const fewer = await ask(edge, "/dir/a.mp4,b.mp4/mp4hls/index.m3u8", [`If-None-Match: ${tag}`]);
      expect(fewer.status).toBe(200);
    }
  });

  it("MEDIA-103 hands sections on, and they are part of what is kept", async () => {
    const edge = edgeWith();
    await storeAll(edge);
    const uris = urisIn(await ask(edge, `${LIST}?end=9`));
    expect(uris[1]).toBe("/dir/b.mp4?end=9/mp4hls/index.m3u8");
    await ask(edge);
    expect(edge.deriveCalls).toBe(6);
    expect(edge.origin.calls).toHaveLength(3);
  });

  it("is the ordinary URL of one file while the function is off", async () => {
    const edge = edgeWith("", {}, "OFF");
    const client = edge.connect().get("/dir/a.mp4,b.mp4/mp4hls/index.m3u8");
    const call = await edge.origin.call();
    expect(call.request.target).toBe("/dir/a.mp4,b.mp4");
    call.reply(404, "none", []);
    expect((await client.response()).status).toBe(404);
  });

  it("answers 404 for other names behind a list, and for lists that may not be, without asking the origin", async () => {
    const edge = edgeWith();
    for (const target of ["/a.mp4,b.mp4/mp4hls/0.ts", "/dir/a.mp4,../b.mp4/mp4hls/index.m3u8"]) {
      expect((await ask(edge, target)).status).toBe(404);
    }
    expect(edge.origin.calls).toHaveLength(0);
  });
});

describe("films that a master playlist lacks", () => {
  it("leaves out what is missing or cannot be read, and says to nobody how long that may be kept", async () => {
    const edge = edgeWith();
    const keeping = [...FILM, "Cache-Control", "max-age=600"];
    await edge.store("/dir/a.mp4", "no film", keeping);
    await edge.store("/dir/c.mp4", "300", keeping);
    const client = edge.connect().get(LIST);
    (await edge.origin.call(3)).reply(404, "none", []);
    const response = await client.response();
    expect([response.status, urisIn(response)]).toEqual([200, playlistsOf("c")]);
    expect(response.field("cache-control")).toBe("private, no-cache");
    expect((await ask(edge, "/dir/c.mp4,c.mp4/mp4hls/index.m3u8")).field("cache-control")).toBe("max-age=600");
  });

  it("answers 404 where none is left", async () => {
    const edge = edgeWith();
    await edge.store("/dir/a.mp4", "no film", FILM);
    const client = edge.connect().get("/dir/a.mp4,b.mp4/mp4hls/index.m3u8");
    (await edge.origin.call(2)).reply(404, "none", []);
    expect((await client.response()).status).toBe(404);
  });

  it("leaves out what the origin fails at; where it fails at all of them, that is the answer", async () => {
    const edge = edgeWith();
    await edge.store("/dir/a.mp4", "100", FILM);
    const client = edge.connect().get("/dir/a.mp4,b.mp4/mp4hls/index.m3u8");
    (await edge.origin.call(2)).fail("ORIGIN_CONNECT_FAILED");
    expect(urisIn(await client.response())).toEqual(playlistsOf("a"));
    const other = edge.connect().get("/x/a.mp4,b.mp4/mp4hls/index.m3u8");
    (await edge.origin.call(3)).fail("ORIGIN_CONNECT_FAILED");
    (await edge.origin.call(4)).fail("ORIGIN_CONNECT_FAILED");
    expect((await other.response()).status).toBeGreaterThanOrEqual(500);
  });

  it("does not leave out what could not be made for want of room", async () => {
    const edge = edgeWith();
    await storeAll(edge);
    edge.onDerive = () => "overloaded";
    expect((await ask(edge)).status).toBe(503);
  });

  it("goes no further with the other films when the request is over", async () => {
    const edge = edgeWith();
    await edge.store("/dir/a.mp4", "100", FILM);
    edge.onDerive = () => "overloaded";
    const client = edge.connect().get("/dir/a.mp4,b.mp4/mp4hls/index.m3u8");
    const late = await edge.origin.call(2);
    expect((await client.response()).status).toBe(503);
    late.reply(200, "200", FILM);
    client.get("/dir/b.mp4");
    expect((await client.responses(2))[1]?.status).toBe(200);
    expect(edge.deriveCalls).toBe(1);
    expect(edge.defects).toEqual([]);
  });

  it("makes the list anew, once, where a film has changed while it was read", async () => {
    const edge = edgeWith();
    await storeAll(edge);
    const make = edge.onDerive;
    let failures = 1;
    edge.onDerive = (body, operation) => {
      if (String(body) === "200" && failures-- > 0) throw new EdgeError("ORIGIN_CLOSED");
      return make(body, operation);
    };
    expect(urisIn(await ask(edge))).toEqual(playlistsOf("a", "b", "c"));
  });

  it("shows a film that the origin has changed", async () => {
    const edge = edgeWith();
    await storeAll(edge);
    const before = await ask(edge);
    edge.advanceSeconds(100_000);
    const client = edge.connect().get(LIST);
    for (const number of [4, 5, 6]) {
      const call = await edge.origin.call(number);
      if (call.request.target === "/dir/b.mp4") call.reply(200, "999", FILM);
      else call.reply(304, "", []);
    }
    const after = await client.response();
    expect(String(after.body)).toBe(String(before.body).replace("BANDWIDTH=200", "BANDWIDTH=999"));
    expect(after.field("etag")).not.toBe(before.field("etag"));
    expect(edge.deriveCalls).toBe(4);
  });

  it("makes it of films that are for one request alone, and keeps nothing of them", async () => {
    const edge = edgeWith();
    edge.configure(
      {
        vhost: `<Media><MP4HLS Status="Active" Variants="ON"/></Media><Options><CachingProfile>rfc9111</CachingProfile></Options>`,
      },
      2,
    );
    for (const rate of ["1", "2"]) {
      const client = edge.connect().get("/a.mp4,b.mp4/mp4hls/index.m3u8");
      const number = Number(rate) * 2 - 1;
      (await edge.origin.call(number)).reply(200, rate, [...FILM, "Cache-Control", "private, no-store"]);
      (await edge.origin.call(number + 1)).reply(200, rate, [...FILM, "Cache-Control", "private, no-store"]);
      const response = await client.response();
      expect(urisIn(response)).toEqual(["/a.mp4/mp4hls/index.m3u8", "/b.mp4/mp4hls/index.m3u8"]);
      expect(String(response.body)).toContain(`BANDWIDTH=${rate},`);
      expect(response.field("cache-control")).toBe("private, no-store");
    }
  });

  it("stops when the client goes", async () => {
    const edge = edgeWith();
    await storeAll(edge);
    edge.onDerive = () => new Promise<Buffer>(() => {});
    const client = edge.connect().get(LIST);
    await until(() => edge.deriveCalls === 3);
    client.socket.destroy();
    await until(() => edge.abandoned.length === 3);
    expect(edge.defects).toEqual([]);
  });
});

describe("who may have a master playlist", () => {
  const ACL = "<Options><AccessControl>ON</AccessControl></Options>";

  it("ACL-20 leaves out films whose own playlist the list denies, and does not ask for them", async () => {
    const edge = edgeWith(ACL, { "acl.txt": "/dir/b.mp4*, deny, 403" });
    await edge.store("/dir/a.mp4", "100", FILM);
    expect((await ask(edge, "/dir/b.mp4/mp4hls/index.m3u8")).status).toBe(403);
    for (const list of ["a.mp4,b.mp4", "b.mp4,a.mp4", "a.mp4,%62.mp4", "a.mp4,./b.mp4"]) {
      const target = `/dir/${list}/mp4hls/index.m3u8`;
      const response = await ask(edge, target);
      if (response.status === 200) expect([target, urisIn(response)]).toEqual([target, playlistsOf("a")]);
      else expect([target, response.status]).toEqual([target, list.startsWith("b") ? 403 : 404]);
    }
    expect(edge.origin.calls).toHaveLength(1);
    const client = edge.connect().get("/dir/x.mp4,b.mp4/mp4hls/index.m3u8");
    (await edge.origin.call(2)).reply(404, "none", []);
    expect((await client.response()).status).toBe(404);
  });

  it("needs a signature that is good for each film", async () => {
    const key = { id: "k", secret: "a secret of the site" };
    const signed = `<Options><SignedUrls><Url>/*</Url><Key Id="k">${key.secret}</Key>ON</SignedUrls></Options>`;
    const edge = edgeWith(signed);
    const nowSeconds = Math.floor(edge.clock.now() / 1000);
    const tokenOf = (scope: Parameters<typeof signScope>[1]): string =>
      `token=${signScope(key, scope, nowSeconds + 600) ?? ""}`;
    const ofAll = tokenOf({ kind: "prefix", prefix: "/dir/" });
    const client = edge.connect().get(`${LIST}?${ofAll}`);
    for (const number of [1, 2, 3]) (await edge.origin.call(number)).reply(200, "1", FILM);
    expect(urisIn(await client.response())).toEqual(playlistsOf("a", "b", "c").map((uri) => `${uri}?${ofAll}`));
    expect((await ask(edge)).status).toBe(403);
    const ofList = tokenOf({ kind: "path", path: LIST });
    expect((await ask(edge, `${LIST}?${ofList}`)).status).toBe(404);
    expect(edge.origin.calls).toHaveLength(3);
  });

  it("names a film that needs a password only where the list needs one too", async () => {
    const password = (pattern: string) => ({
      vhost: `<Media><MP4HLS Status="Active" Variants="ON"/></Media>
        <Options><BasicAuthentication>${pattern}</BasicAuthentication></Options>`,
      files: { [`svc/${HOST}/users.txt`]: `park:{SHA256}${createHash("sha256").update("x").digest("base64")}` },
    });
    const edge = edgeWith();
    await storeAll(edge);
    const authorization = `Authorization: Basic ${Buffer.from("park:x").toString("base64")}`;
    edge.configure(password("/dir/b.mp4*"), 2);
    expect(urisIn(await ask(edge, LIST, [authorization]))).toEqual(playlistsOf("a", "c"));
    edge.configure(password("/dir/*"), 3);
    expect((await ask(edge)).status).toBe(401);
    expect(urisIn(await ask(edge, LIST, [authorization]))).toEqual(playlistsOf("a", "b", "c"));
  });
});
