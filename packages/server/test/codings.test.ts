import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { HOST, TestEdge } from "./support/edge.ts";
import type { ClientResponse } from "./support/responses.ts";
import { turns, until } from "./support/waiting.ts";

const TEXT = Array.from({ length: 3_000 }, (_, nth) => `line ${Math.imul(nth, nth) % 997}`).join("\n");

const xmlOf = (attributes: string, options = ""): string =>
  `<Options><Compression ${attributes}>ON</Compression>${options}</Options>`;

const compressing = (attributes = 'Method="zstd,br,gzip"', lines = "*.css", options = ""): TestEdge =>
  new TestEdge({ vhost: xmlOf(attributes, options), files: { [`svc/${HOST}/compression.txt`]: lines } });

const plainOf = (response: ClientResponse | undefined): string => {
  const body = response?.body ?? Buffer.alloc(0);
  switch (response?.field("content-encoding")) {
    case "gzip":
      return String(gunzipSync(body));
    case "br":
      return String(brotliDecompressSync(body));
    case "zstd":
      return String(zstdDecompressSync(body));
    default:
      return String(body);
  }
};

/** Asks over one connection, which answers in turn. */
const ask = async (edge: TestEdge, path: string, ...fieldSets: readonly (readonly string[])[]) => {
  const client = edge.connect();
  for (const fields of fieldSets) client.get(path, [...fields]);
  return await client.responses(fieldSets.length);
};

const accepting = (value: string): readonly string[] => [`Accept-Encoding: ${value}`];
const codingsOf = (responses: readonly ClientResponse[]) => responses.map((each) => each.field("content-encoding"));

describe("codings", () => {
  it("CMP-03 CMP-07 each client gets the one that it likes best, made once", async () => {
    const edge = compressing();
    await edge.store("/a.css", TEXT);
    const wishes = ["gzip", "gzip, br", "gzip, deflate, br, zstd", "br;q=0.5, gzip", "identity", "zstd;q=0, br"];
    const twice = [...wishes, ...wishes].map(accepting);
    const responses = await ask(edge, "/a.css", ...twice);
    expect(codingsOf(responses)).toEqual([1, 2].flatMap(() => ["gzip", "br", "zstd", "gzip", undefined, "br"]));
    for (const response of responses) {
      expect(plainOf(response)).toBe(TEXT);
      expect(response.field("vary")).toBe("Accept-Encoding");
      expect(response.field("content-length")).toBe(String(response.body.length));
    }
    expect([edge.deriveCalls, edge.origin.calls.length]).toEqual([3, 1]);
  });

  it("CMP-08 CMP-15 HTTP-62 each has a tag, ranges and 304 of its own", async () => {
    const edge = compressing();
    await edge.store("/a.css", TEXT);
    const tags = new Set<string | undefined>();
    for (const coding of ["gzip", "br", "zstd", "identity"]) {
      const [whole] = await ask(edge, "/a.css", accepting(coding));
      const tag = whole?.field("etag");
      tags.add(tag);
      const range = [...accepting(coding), "Range: bytes=5-14", `If-Range: ${tag}`];
      const [part, unchanged] = await ask(edge, "/a.css", range, [...accepting(coding), `If-None-Match: ${tag}`]);
      expect([part?.status, part?.field("content-encoding")]).toEqual([206, whole?.field("content-encoding")]);
      expect(part?.field("content-range")).toBe(`bytes 5-14/${whole?.body.length}`);
      expect(part?.body.equals(whole?.body.subarray(5, 15) ?? Buffer.alloc(0))).toBe(true);
      expect([unchanged?.status, unchanged?.field("etag")]).toEqual([304, tag]);
      expect(unchanged?.field("vary")).toBe("Accept-Encoding");
    }
    expect(tags.size).toBe(4);
  });

  it("CMP-24 a line that names one coding leaves the others out, and is not asked at every hit", async () => {
    const edge = compressing('Method="zstd,br,gzip"', "*.css, gzip, 9\n*.js, br\n");
    await edge.store("/a.css", TEXT);
    const all = accepting("gzip, br, zstd");
    const responses = await ask(edge, "/a.css", all, all, all, accepting("br"), accepting("gzip"));
    expect(codingsOf(responses)).toEqual(["gzip", "gzip", "gzip", undefined, "gzip"]);
    expect(edge.deriveCalls).toBe(1);
  });

  it("CMP-24 a coding that only a line names is used for that line", async () => {
    const edge = compressing("", "*.js, br, 11\n*.css\n");
    await edge.store("/a.css", TEXT);
    await edge.store("/a.js", TEXT);
    const both = accepting("gzip, br");
    expect(codingsOf(await ask(edge, "/a.js", both, both))).toEqual(["br", "br"]);
    expect(codingsOf(await ask(edge, "/a.css", both, both))).toEqual(["gzip", "gzip"]);
  });

  it("CMP-01 a result that is no smaller is not asked for again", async () => {
    const edge = compressing('Method="gzip"');
    edge.onDerive = () => "unchanged";
    await edge.store("/a.css", TEXT);
    const responses = await ask(edge, "/a.css", ...Array.from({ length: 5 }, () => accepting("gzip")));
    expect(codingsOf(responses)).toEqual(Array.from({ length: 5 }, () => undefined));
    expect(edge.deriveCalls).toBe(1);
  });

  it("CMP-12 HTTP-63 a failure gives the uncompressed form, and the next request tries again", async () => {
    const edge = compressing('Method="gzip"');
    await edge.store("/a.css", TEXT);
    const made = edge.onDerive;
    edge.onDerive = () => "overloaded";
    const [failed] = await ask(edge, "/a.css", accepting("gzip"));
    expect([failed?.status, failed?.field("content-encoding"), plainOf(failed)]).toEqual([200, undefined, TEXT]);
    edge.onDerive = made;
    expect(codingsOf(await ask(edge, "/a.css", accepting("gzip")))).toEqual(["gzip"]);
    expect(edge.origin.calls).toHaveLength(1);
  });

  it("CMP-01 HTTP-54 a reload counts at once: OFF, other lines, other methods", async () => {
    const edge = compressing('Method="gzip"', "*.js");
    await edge.store("/a.css", TEXT);
    const both = accepting("gzip, br");
    expect(codingsOf(await ask(edge, "/a.css", both, both))).toEqual([undefined, undefined]);
    const files = { [`svc/${HOST}/compression.txt`]: "*.css" };
    edge.configure({ vhost: xmlOf('Method="gzip"'), files }, 2);
    expect(codingsOf(await ask(edge, "/a.css", both, both))).toEqual(["gzip", "gzip"]);
    edge.configure({ vhost: xmlOf('Method="br,gzip"'), files }, 3);
    expect(codingsOf(await ask(edge, "/a.css", both, both))).toEqual(["br", "br"]);
    edge.configure({ vhost: "<Options><Compression>OFF</Compression></Options>", files }, 4);
    expect(codingsOf(await ask(edge, "/a.css", accepting("identity")))).toEqual([undefined]);
  });
});

describe("precompression", () => {
  const often = (times: number) => Array.from({ length: times }, () => accepting("gzip"));

  it("CMP-04 makes what is asked for often again, smaller, with another tag and while nobody waits", async () => {
    const edge = compressing('Method="gzip" Level="1" Precompression="ON"');
    await edge.store("/a.css", TEXT);
    const [quick] = await ask(edge, "/a.css", accepting("gzip"));
    await ask(edge, "/a.css", ...often(70));
    await until(() => edge.idleDerivations === 1, "a copy is made again");
    let best = quick;
    for (let tries = 0; best?.field("etag") === quick?.field("etag") && tries < 100; tries++) {
      await turns(5);
      [best] = await ask(edge, "/a.css", ...often(1));
    }
    expect(best?.body.length).toBeLessThan(quick?.body.length ?? 0);
    expect(plainOf(best)).toBe(TEXT);
    expect(best?.field("etag")).not.toBe(quick?.field("etag"));
    await ask(edge, "/a.css", ...often(200));
    expect([edge.deriveCalls, edge.idleDerivations, edge.defects]).toEqual([2, 1, []]);
  });

  it.each([
    ["unless configured", 'Method="gzip" Level="1"', 200],
    ["where the copy is as small as it can be", 'Method="gzip" Level="9" Precompression="ON"', 200],
    ["of what is asked for now and then", 'Method="gzip" Precompression="ON"', 40],
  ])("CMP-04 makes nothing again %s", async (_what, attributes, times) => {
    const edge = compressing(attributes);
    await edge.store("/a.css", TEXT);
    await ask(edge, "/a.css", ...often(times));
    expect([edge.deriveCalls, edge.idleDerivations]).toEqual([1, 0]);
  });

  it("CMP-09 a source that has changed meanwhile is compressed anew", async () => {
    const edge = compressing(
      'Method="gzip" Level="1" Precompression="ON"',
      "*.css",
      "<NoCacheRequestExpire>ON</NoCacheRequestExpire>",
    );
    await edge.store("/a.css", TEXT);
    await ask(edge, "/a.css", ...often(70));
    await until(() => edge.idleDerivations === 1, "a copy is made again");
    const client = edge.connect().get("/a.css", ["Cache-Control: no-cache"]);
    (await edge.origin.call(2)).reply(200, TEXT.replaceAll("line", "word"));
    await client.responses(1);
    const [latest] = await ask(edge, "/a.css", accepting("gzip"));
    expect(plainOf(latest)).toContain("word");
  });
});
