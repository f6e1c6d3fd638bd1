import { renderReference } from "@basalt/config";
import { describe, expect, it } from "vitest";
import type { Explanation, StoredView } from "../../src/index.ts";
import { type Asked, explain, lookupOf, NOW, openSite, stored } from "./site.ts";

type Fact = Explanation["steps"][number]["facts"][number];

const factOf = (explanation: Explanation, step: string, name: string): Fact | undefined =>
  explanation.steps.find((candidate) => candidate.step === step)?.facts.find((fact) => fact.name === name);

const stepsOf = ({ steps }: Explanation): string[] => steps.map(({ step }) => step);

const CACHED = ["request", "vhost", "access", "method", "key", "lookup", "ttl", "reuse", "origin", "response"];

describe("order of the steps", () => {
  it("has all of them for a request that the cache answers", () => {
    expect(stepsOf(explain("shared.test:8080/a", {}, stored()))).toEqual(CACHED);
    expect(stepsOf(explain("www.example.com/a", { listen: "80" }, stored()))).toEqual(
      ["request", "vhost", "listen", "requestRules"].concat(CACHED.slice(2)),
    );
  });

  it("ends with the step that refuses", () => {
    expect(stepsOf(explain("http://nobody.test:8080/"))).toEqual(["request", "vhost"]);
    expect(stepsOf(explain("www.example.com/a", { method: "BREW" })).at(-1)).toBe("method");
  });
});

describe("virtual host", () => {
  it("CFG-57, CFG-58 names alias and runner-up with their lines", () => {
    const explained = explain("http://img.example.com/a");
    expect(factOf(explained, "vhost", "vhost")).toMatchObject({
      value: "wild.example.com",
      because: "by its alias *.example.com",
      source: { file: "vhosts.xml", line: 12 },
    });
    expect(factOf(explain("http://www.example.com/"), "vhost", "runnerUp")?.value).toBe("wild.example.com");
  });

  it("CFG-59 names the default host", () => {
    expect(factOf(explain("http://nowhere.test/"), "vhost", "vhost")).toMatchObject({
      because: "as the default host",
      source: { file: "vhosts.xml", line: 27 },
    });
  });

  it("CFG-60 says where a host listens that does not take the port", () => {
    const explained = explain("http://www.example.com:8080/");
    expect(explained).toMatchObject({ outcome: "refused", status: 404 });
    expect(factOf(explained, "vhost", "otherPorts")).toMatchObject({ value: "80" });
  });
});

describe("cache or bypass", () => {
  it.each<readonly [string, string, Asked, string, string]>([
    ["BYP-06", "www.example.com/private/a", {}, "bypass", "bypass.txt"],
    ["BYP-03", "www.example.com/a", { headers: { Pragma: "no-cache" } }, "bypass", "bypassNoCacheRequest"],
    ["BYP-04", "www.example.com/a", { method: "POST", headers: { "Content-Length": "3" } }, "bypass", "method"],
    ["HTTP-36", "www.example.com/a", { method: "BREW" }, "refused", "method"],
    ["HTTP-37", "www.example.com/a", { method: "OPTIONS" }, "bypass", "method"],
    ["BYP-17", "www.example.com/a", { method: "PUT" }, "refused", "method"],
  ])("%s %s %j: %s", (_, url, asked, outcome, name) => {
    const explained = explain(url, asked);
    expect(explained.outcome).toBe(outcome);
    expect(factOf(explained, "method", name)).toBeDefined();
  });

  it("CFG-43 every request goes to the origin while no disk is in use", () => {
    const explained = explain("www.example.com/a", {}, undefined, { state: { isBypassing: true } });
    expect(explained.outcome).toBe("bypass");
    expect(factOf(explained, "method", "onCrash")).toMatchObject({ value: "bypass" });
  });

  it("PRG-26 a purge method is a management call", () => {
    expect(explain("www.example.com/a", { method: "PURGE" })).toMatchObject({ outcome: "management", status: null });
  });

  it("RFC 9111 4.4 an unsafe method says what it would invalidate", () => {
    const explained = explain("shared.test:8080/a", { method: "DELETE" });
    expect(factOf(explained, "response", "invalidates")?.value).toBe("/a");
  });
});

describe("URLs that ask for something made of another object", () => {
  const site = openSite({
    "server.xml": '<Server><VHostDefault><Options><Dims Status="Active"/></Options></VHostDefault></Server>',
    "vhosts.xml": `<Vhosts><Vhost Name="www.example.com"><Origin><Address>10.0.0.1</Address></Origin>
      <Options><Dims Keyword="pic" OnFailure="redirect"/><AccessControl>ON</AccessControl></Options></Vhost></Vhosts>`,
    "svc/www.example.com/acl.txt": "$URL[/*/pic/sepia/*], deny\n",
    "svc/www.example.com/bypass.txt": "/a.jpg/*\n",
  });

  it("DIMS-08 DIMS-10 DIMS-14 says what is made of what, and explains how the source is had", () => {
    const explained = explain("www.example.com/a.jpg?v=1/pic/resize/9x9", {}, undefined, { site });
    expect(stepsOf(explained)).toEqual(CACHED.toSpliced(3, 1, "derivation"));
    expect(factOf(explained, "derivation", "keyword")).toMatchObject({
      value: "pic",
      source: { file: "vhosts.xml", line: 2 },
    });
    expect(factOf(explained, "derivation", "sourceUrl")?.value).toBe("/a.jpg?v=1");
    expect(factOf(explained, "derivation", "commands")?.value).toBe("resize/9x9");
    expect(factOf(explained, "derivation", "resultUrl")?.value).toBe("/a.jpg?v=1/pic/resize/9x9");
    expect(factOf(explained, "derivation", "plan")?.value).toBe("conversion");
    expect(factOf(explained, "key", "canonicalUrl")?.value).toBe("/a.jpg?v=1");
    expect(factOf(explained, "origin", "request")?.value).toContain("/a.jpg?v=1");
    expect(explained).toMatchObject({
      outcome: "miss",
      verdict: expect.stringMatching(/^Made of \/a\.jpg\?v=1\. For that: /),
    });
  });

  it("DIMS-11 DIMS-12 DIMS-47 says why a conversion would fail, and what a client gets then", () => {
    const explained = explain("www.example.com/a.jpg/pic/bogus/1", {}, undefined, { site });
    expect(factOf(explained, "derivation", "plan")).toMatchObject({
      value: "failure",
      text: "Image converting failed or invalid DIMS command.",
      because: 'There is no command "bogus".',
    });
    expect(factOf(explained, "derivation", "onFailure")?.value).toBe("redirect to /a.jpg");
  });

  it("DIMS-22 access is decided about the URL as it is asked for", () => {
    const refusal = explain("www.example.com/a.jpg/pic/sepia/1", {}, undefined, { site });
    expect(refusal).toMatchObject({ outcome: "refused", status: 401 });
    expect(stepsOf(refusal).at(-1)).toBe("access");
  });

  it("DIMS-10 a method that changes things is refused, and goes to no origin", () => {
    const explained = explain("www.example.com/a.jpg/pic/trim", { method: "DELETE" }, undefined, { site });
    expect(explained).toMatchObject({ outcome: "refused", status: 405 });
    expect(stepsOf(explained).at(-1)).toBe("derivation");
  });

  it("shows the results that are stored", () => {
    const state = { derived: [stored({ bodyBytes: 77, isDerived: true })] };
    const explained = explain("www.example.com/a.jpg/pic/trim", {}, stored(), { site, state });
    expect(factOf(explained, "derivation", "storedResults")).toMatchObject({
      value: 1,
      text: "77 bytes, segment 3 at 4096",
    });
    expect(explained.outcome).toBe("hit");
  });
});

describe("URLs of media files", () => {
  const site = openSite({
    "server.xml": '<Server><VHostDefault><Media><MP4HLS Status="Active"/></Media></VHostDefault></Server>',
    "vhosts.xml": `<Vhosts><Vhost Name="www.example.com"><Origin><Address>10.0.0.1</Address></Origin>
      <Media>
        <UpfrontMP4Header>ON</UpfrontMP4Header>
        <MP4Trimming>ON</MP4Trimming>
        <MP4HLS Variants="ON"/>
      </Media></Vhost></Vhosts>`,
    "svc/www.example.com/bypass.txt": "/live/*\n",
  });
  const explained = (path: string, asked: Asked = {}) => explain(`www.example.com${path}`, asked, undefined, { site });

  it("MEDIA-21 MEDIA-102 says which segment of what, what the section is, and which line has switched it on", () => {
    const segment = explained("/a.mp4?v=1&start=30/mp4hls/7.ts?end=90");
    expect(factOf(segment, "derivation", "asksFor")).toMatchObject({
      value: "segment 7 in MPEG-TS",
      source: { file: "server.xml", line: 1, element: "Server/VHostDefault/Media/MP4HLS@Status" },
    });
    expect(factOf(segment, "derivation", "sections")).toMatchObject({ value: 1, text: "30 to 90" });
    expect(factOf(segment, "derivation", "sourceUrl")?.value).toBe("/a.mp4?v=1");
    expect(factOf(segment, "derivation", "resultUrl")?.value).toBe("/a.mp4?v=1&start=30&end=90/mp4hls/7.ts");
    expect(factOf(segment, "derivation", "plan")?.value).toBe("conversion");
    expect(factOf(segment, "origin", "request")?.value).toContain("/a.mp4?v=1");
    expect(segment).toMatchObject({ outcome: "miss", verdict: expect.stringMatching(/^Made of \/a\.mp4\?v=1\. /) });
  });

  it.each([
    ["/a.mp4", "the file with its header in front", "UpfrontMP4Header", 3],
    ["/a.mp4?end=9", "a section of the file", "MP4Trimming", 4],
  ])("MEDIA-60 MEDIA-70 says what %s asks for", (path, value, element, line) => {
    expect(factOf(explained(path), "derivation", "asksFor")).toMatchObject({
      value,
      source: { file: "vhosts.xml", line, element: `Vhosts/Vhost/Media/${element}` },
    });
  });

  it("says of which films a master playlist is", () => {
    const asked = explained("/dir/a.mp4,b.mp4/mp4hls/index.m3u8");
    expect(factOf(asked, "derivation", "asksFor")).toMatchObject({
      value: "a master playlist of several files",
      source: { element: "Vhosts/Vhost/Media/MP4HLS@Variants" },
    });
    expect(factOf(asked, "derivation", "variants")).toMatchObject({ value: 2, text: "/dir/a.mp4, /dir/b.mp4" });
    expect(factOf(asked, "derivation", "plan")?.value).toBe("conversion");
    expect(factOf(asked, "derivation", "sourceUrl")?.value).toBe("/dir/a.mp4");
  });

  it("MEDIA-23 says of a name that there is nothing of it", () => {
    const unknown = explained("/a.mp4/mp4hls/7.m4s");
    expect(factOf(unknown, "derivation", "asksFor")).toMatchObject({ value: null });
    expect(factOf(unknown, "derivation", "plan")).toMatchObject({
      value: "failure",
      text: "404: There is nothing of that name.",
    });
    expect(unknown).toMatchObject({ outcome: "refused", status: 404 });
  });

  it("BYP-06 lets bypass rules count for the file, not for what stands behind a keyword", () => {
    expect(explained("/live/a.mp4?start=3").outcome).toBe("bypass");
    expect(explained("/live/a.mp4/mp4hls/0.ts").outcome).toBe("miss");
  });

  it("has nothing to say of a file that is written to", () => {
    expect(stepsOf(explained("/a.mp4", { method: "DELETE" }))).not.toContain("derivation");
    expect(explained("/a.mp4/mp4hls/0.ts", { method: "DELETE" })).toMatchObject({ outcome: "refused", status: 405 });
  });
});

describe("reuse", () => {
  const stale: StoredView = stored({ freshUntilMs: NOW - 1_000 });

  it.each<readonly [string, string, Asked, StoredView | undefined, string]>([
    ["TTL-29 waits", "www.example.com/a", {}, stale, "renewal"],
    ["TTL-30 serves", "img.example.com/a", {}, stale, "staleHit"],
    ["TTL-26 a stored 5xx waits", "img.example.com/a", {}, { ...stale, status: 503 }, "renewal"],
    ["PRG-13 purged", "img.example.com/a", {}, stored({ isPurged: true }), "renewal"],
    [
      "RFC 9111 5.2.1.7",
      "shared.test:8080/a",
      { headers: { "Cache-Control": "only-if-cached" } },
      undefined,
      "refused",
    ],
    ["RFC 9111 5.2.1.2", "shared.test:8080/a", { headers: { "Cache-Control": "max-stale" } }, stale, "hit"],
    ["RFC 9111 5.2.1.4", "shared.test:8080/a", { headers: { "Cache-Control": "no-cache" } }, stored(), "renewal"],
  ])("%s", (_, url, asked, object, outcome) => {
    expect(explain(url, asked, object).outcome).toBe(outcome);
  });

  it("OPT-64, OPT-67 refuses in emergency mode what is not in memory, and serves what is stale there", () => {
    const emergency = { state: { isEmergency: true } };
    expect(explain("www.example.com/a", {}, undefined, emergency)).toMatchObject({ outcome: "refused", status: 503 });
    const held = { state: { isEmergency: true, lookup: lookupOf(stale) } };
    expect(explain("www.example.com/a", {}, stale, held).outcome).toBe("staleHit");
  });
});

describe("lifetime", () => {
  const walked = (explanation: Explanation): [string, unknown][] =>
    (explanation.steps.find(({ step }) => step === "ttl")?.facts ?? []).map(({ name, value }) => [name, value]);

  it("TTL-22 walks the priority list one by one", () => {
    const object = stored({ fields: ["Cache-Control", "no-cache, max-age=20"] });
    expect(walked(explain("www.example.com/news/a", {}, object)).slice(1, 5)).toEqual([
      ["cc_nocache", 5],
      ["custom", 60],
      ["cc_maxage", 20],
      ["rescode", 600],
    ]);
  });

  it("RFC 9111 4.2.1 walks the sources of a conforming cache in the order in which they would count", () => {
    const fields = [
      ...["CDN-Cache-Control", "max-age=10", "Cache-Control", "s-maxage=20, max-age=30"],
      ...["Expires", "Sun, 06 Nov 2022 12:00:40 GMT", "Date", "Sun, 06 Nov 2022 12:00:00 GMT"],
      ...["Last-Modified", "Sun, 06 Nov 2022 11:51:40 GMT"],
    ];
    expect(walked(explain("shared.test:8080/a", {}, stored({ fields }))).slice(0, 7)).toEqual([
      ["CDN-Cache-Control", 10],
      ["s-maxage", 20],
      ["cc_maxage", 30],
      ["Expires", 40],
      ["heuristic", 50],
      ["cc_nocache", null],
      ["custom", null],
    ]);
  });

  it("TTL-04, TTL-17 says what a confirmation would give", () => {
    expect(factOf(explain("www.example.com/a", {}, stored()), "ttl", "ifConfirmed")?.value).toBe(900);
    const expired = stored({ isExpiredByForce: true, freshUntilMs: 0 });
    expect(factOf(explain("www.example.com/a", {}, expired), "ttl", "ifConfirmed")?.value).toBe(600);
  });
});

describe("origin", () => {
  const address = (text: string, isStandby: boolean, excludedBy: readonly number[]) => ({
    ...{ text, isStandby, excludedBy, failures: excludedBy.length },
    ...{ hostField: "shared.test", pathPrefix: "" },
  });

  it("CFG-14, ORG-03 a standby takes the place of an excluded address", () => {
    const addresses = [address("10.0.0.3", false, [0, 1]), address("10.0.0.4", true, [])];
    const explained = explain("shared.test:8080/a", {}, undefined, { state: { addresses } });
    expect(factOf(explained, "origin", "address")?.because).toBe("excluded");
    expect(explained.steps.find(({ step }) => step === "origin")?.verdict).toBe("10.0.0.4 is asked.");
  });

  it("says when every address is excluded, and which worker has excluded one", () => {
    const all = [address("10.0.0.3", false, [0, 1]), address("10.0.0.4", true, [0, 1])];
    const none = explain("shared.test:8080/a", {}, undefined, { state: { addresses: all } });
    expect(none.steps.find(({ step }) => step === "origin")?.verdict).toContain("Every origin server is excluded");
    const some = [address("10.0.0.3", false, [1]), address("10.0.0.4", true, [])];
    const explained = explain("shared.test:8080/a", {}, undefined, { state: { addresses: some } });
    expect(factOf(explained, "origin", "address")?.because).toBe("excluded by worker 1");
  });
});

describe("sources", () => {
  it("names no element that the reference page does not know", () => {
    const page = renderReference();
    const requests = [
      explain("www.example.com/a", { headers: { Range: "bytes=0-1" } }, stored()),
      explain("img.example.com/a", { headers: { "Accept-Encoding": "gzip" } }, stored()),
      explain("img.example.com/a", { method: "POST", headers: { "Content-Length": "1" } }),
      explain("shared.test:8080/a?b", {}, undefined),
      explain("www.example.com/private/x", {}),
    ];
    const elements = requests
      .flatMap(({ steps }) => steps.flatMap(({ facts }) => facts.map(({ source }) => source)))
      .filter((source) => source !== undefined && source.element !== "")
      .map((source) => source?.element.replace(/^(Vhosts\/Vhost|Server\/VHostDefault|Server|Vhosts)(\/|(?=@))/, ""));
    for (const element of new Set(elements)) {
      expect(page).toContain(`\`${element?.replace(/^(Options|OriginOptions)\//, "")}\``);
    }
  });

  it("tells an operator's value, an inherited one, a default and a profile's default apart", () => {
    const site = openSite();
    const explained = explain("shared.test:8080/a", {}, stored(), { site });
    expect(factOf(explained, "response", "Age")?.source).toEqual({
      kind: "default",
      element: "Options/AgeHeader",
      profile: "rfc9111",
    });
    expect(factOf(explained, "origin", "User-Agent")?.source).toMatchObject({ kind: "line", file: "server.xml" });
    expect(factOf(explained, "vhost", "cachingProfile")?.source).toMatchObject({ kind: "line", file: "vhosts.xml" });
    expect(factOf(explained, "origin", "request")?.source).toEqual({
      kind: "default",
      element: "OriginOptions/WholeClientRequest",
    });
  });
});
