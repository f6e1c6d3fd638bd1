import type { TierEntry } from "@basalt/cache";
import { describe, expect, it } from "vitest";
import { SearchRules } from "../src/searchRules.ts";
import { HOST, requestText, TestEdge } from "./support/edge.ts";
import { turns, until } from "./support/waiting.ts";

const CONFORMING = "<Options><CachingProfile>rfc9111</CachingProfile></Options>";

describe("the profile rfc9111, seen by a stranger", () => {
  it("RFC 9110 9.3.3: the answer to a POST is not kept in a coding that only its client accepts", async () => {
    const edge = new TestEdge({ vhost: CONFORMING });
    const client = edge
      .connect()
      .send(requestText("/form", ["Content-Length: 1", "Accept-Encoding: br"], "POST"))
      .send("x");
    const says = ["Cache-Control", "max-age=100", "Content-Location", "/form", "Content-Encoding", "br"];
    (await edge.origin.call()).reply(200, "coded", [...says, "Vary", "Accept-Encoding"]);
    await client.response("POST");
    edge.origin.answer = (call) => call.reply(200, "plain");
    // On the same connection, so that it is answered behind the POST.
    client.get("/form");
    const [, got] = await client.responses(2, ["POST", "GET"]);
    expect(String(got?.body)).toBe("plain");
  });

  it("RFC 9111 4.2.3: a compressed copy is as young as the response that it was made from", async () => {
    const options = "<CachingProfile>rfc9111</CachingProfile><Compression>ON</Compression>";
    const files = { [`svc/${HOST}/compression.txt`]: "*.css\n" };
    const edge = new TestEdge({ vhost: `<Options>${options}</Options>`, files });
    await edge.store("/a.css", "compressible ".repeat(1000), ["Cache-Control", "max-age=10", "ETag", '"1"']);
    const gzip = ["Accept-Encoding: gzip"];
    await edge.connect().get("/a.css", gzip).response();
    edge.advanceSeconds(11);
    const renewed = edge.connect().get("/a.css", gzip);
    (await edge.origin.call(2)).head(304, ["ETag", '"1"']).complete();
    await renewed.response();
    edge.advanceSeconds(2);
    const { field } = await edge.connect().get("/a.css", gzip).response();
    expect([field("content-encoding"), field("age")]).toEqual(["gzip", "2"]);
  });

  it("RFC 9211 2: what an origin of the same name says of its cache stays as it was said", async () => {
    const edge = new TestEdge({ vhost: CONFORMING });
    edge.origin.answer = (call) => call.reply(200, "x", ["Cache-Control", "max-age=10", "Cache-Status", "Basalt; hit"]);
    const { field } = await edge.connect().get("/a").response();
    expect(field("cache-status")).toBe("Basalt; hit, Basalt; fwd=uri-miss; stored");
  });

  it("RFC 9110 8.6: no interim response says how long its content is, since it has none", async () => {
    const edge = new TestEdge({ vhost: CONFORMING });
    const client = edge.connect().get("/a");
    const call = await edge.origin.call();
    call.information(103, ["Link", "</a.css>", "Content-Length", "5"]);
    call.reply(200, "x");
    await client.response();
    const { received } = client.socket;
    expect(received.toString("latin1")).toMatch(/^HTTP\/1\.1 103 [^\r]*\r\nLink: <\/a\.css>\r\n\r\n/);
  });

  it("RFC 5861 3: a renewal behind the answer leaves alone what another request has put in that place", async () => {
    const edge = new TestEdge({ vhost: CONFORMING });
    const says = ["Vary", "Accept-Language", "Cache-Control", "max-age=10, stale-while-revalidate=60", "ETag", '"1"'];
    const ask = (language: string) =>
      edge
        .connect()
        .get("/a", [`Accept-Language: ${language}`])
        .response();
    edge.origin.answer = (call) => call.reply(200, "german", says);
    await ask("de");
    await until(() => edge.index.findVariants(HOST, "/a").length === 1, "the row");
    const [entry] = entriesOf(edge);
    const [row] = edge.index.findVariants(HOST, "/a");
    if (entry === undefined || row === undefined) throw new Error("nothing stored");
    // As if another worker had fetched the other response, when this one's row was gone.
    edge.tier.remove(entry.space, entry.name);
    edge.index.remove(row.key);
    edge.advanceSeconds(11);
    edge.origin.answer = (call) => call.reply(200, "french", says);
    await ask("fr");
    await until(() => edge.index.findVariants(HOST, "/a").length === 1, "the other row");
    const version = edge.index.findVariants(HOST, "/a")[0]?.version;
    edge.tier.insert(entry.space, entry.name, entry.kept);
    edge.bodies.isQuick = true;

    edge.origin.answer = (call) => call.head(304, ["ETag", '"1"']).complete();
    expect(String((await ask("de")).body)).toBe("german");
    await turns(20);
    expect(edge.index.findVariants(HOST, "/a").map((each) => each.version)).toEqual([version]);
    expect(edge.defects).toEqual([]);
  });
});

const entriesOf = (edge: TestEdge) => {
  const entries: { readonly space: number; readonly name: string; readonly kept: TierEntry }[] = [];
  edge.tier.forEach((kept, name, space) => {
    entries.push({ space, name, kept });
  });
  return entries;
};

describe("what responses said of queries", () => {
  it("is forgotten by its length too", () => {
    const rules = new SearchRules();
    const path = (index: number): string => `/${index}${"x".repeat(60_000)}`;
    for (let index = 0; index < 200; index++) rules.learn(path(index), 'params=("a")');
    expect(rules.canonicalUrl(`${path(199)}?a=1`)).toBe(path(199));
    expect(rules.canonicalUrl(`${path(0)}?a=1`)).toBe(`${path(0)}?a=1`);
  });
});
