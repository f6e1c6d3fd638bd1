import { expect } from "vitest";
import { type SceneEdge, scenario } from "../../src/scenario/index.ts";
import { untilAddress } from "./support/originState.ts";

const tagged = (tags: string) => ({ "Surrogate-Key": tags });

/** `/command/…` by tag; answers the count. */
const byTag = async (edge: SceneEdge, query: string, verb = "purge"): Promise<unknown> => {
  const { httpStatus, result } = await edge.cluster.apiJson(`/command/${verb}?${query}`);
  if (httpStatus !== 200 || typeof result !== "object" || result === null) throw new Error(`${verb}: ${httpStatus}`);
  return Reflect.get(result, "Count");
};

/** On connections of their own, so that both workers answer. */
const bodiesOf = async (edge: SceneEdge, path: string): Promise<Set<string>> => {
  const bodies = new Set<string>();
  for (let round = 0; round < 8; round++) bodies.add((await edge.get(path, { headers: { Connection: "close" } })).text);
  return bodies;
};

scenario(
  "a purge by tag reaches every worker at once; clients never see the fields that name tags",
  { xml: "<Options><OriginalHeader>ON</OriginalHeader></Options>" },
  async ({ origin, edge }) => {
    const one = tagged("product-1 list");
    origin
      .on("/a")
      .reply(200, { ...one, "X-Own": "1" }, "old")
      .reply(200, one, "new");
    origin.on("/b").reply(200, { "Cache-Tag": "list, Product-1" }, "b");
    origin.on("/c").reply(200, {}, "c");
    for (const path of ["/a", "/b", "/c"]) {
      const { head } = await edge.get(path).expect(200);
      expect(JSON.stringify(head).toLowerCase()).not.toMatch(/surrogate-key|cache-tag|basalt-tags|product-1/);
      await edge.stored(path);
    }
    expect(await bodiesOf(edge, "/a")).toEqual(new Set(["old"]));
    expect(await byTag(edge, "dryrun=1&tag=list")).toBe(2);
    expect(await byTag(edge, "tag=product-1&vhost=none.example", "hardpurge").catch(String)).toContain("502");
    expect(await byTag(edge, `tag=product-1&vhost=${edge.host}`)).toBe(1);
    expect(await bodiesOf(edge, "/a")).toEqual(new Set(["new"]));
    expect([origin.saw("/b"), origin.saw("/c")]).toEqual([1, 1]);
    await edge.stored("/a");
    expect(await byTag(edge, "tag=list|none")).toBe(2);
  },
);

scenario("soft=1 by tag: the next access asks with a condition", async ({ origin, edge }) => {
  origin.on("/s").file("s", { lastModified: "Tue, 01 Jan 2019 00:00:00 GMT", fields: tagged("soft") });
  await edge.get("/s").expect(200);
  await edge.stored("/s");
  expect(await byTag(edge, "soft=1&tag=soft")).toBe(1);
  await edge.get("/s").expect(200, "s");
  expect(origin.lastSeen("/s").field("if-modified-since")).toBeDefined();
});

scenario(
  "PRG-11: the compressed copy goes with its source, by tag and by pattern",
  { xml: "<Options><Compression>ON</Compression></Options>" },
  async ({ origin, edge }) => {
    const text = (word: string) => word.repeat(2_000);
    const fields = { "Content-Type": "text/css", ...tagged("css") };
    origin
      .on("/a.css")
      .reply(200, fields, text("old "))
      .reply(200, fields, text("new "))
      .reply(200, fields, text("end "));
    const gzipped = () => edge.get("/a.css", { headers: { "Accept-Encoding": "gzip" } });
    await gzipped();
    await edge.stored("/a.css");
    const first = (await gzipped()).body.length;
    expect(await byTag(edge, "tag=css")).toBe(1);
    expect((await gzipped()).body.equals((await gzipped()).body)).toBe(true);
    expect(origin.saw("/a.css")).toBe(2);
    await edge.stored("/a.css");
    expect(await edge.purge("/*.css")).toBe(1);
    await gzipped();
    expect(origin.saw("/a.css")).toBe(3);
    expect(first).toBeGreaterThan(0);
  },
);

/** Jobs with their states, the latest first. */
const jobsOf = async (edge: SceneEdge, query = ""): Promise<unknown> => {
  const { result } = await edge.cluster.apiJson(`/monitoring/invalidations?${query}`);
  return typeof result === "object" && result !== null && "Invalidations" in result ? result.Invalidations : result;
};

scenario("AWS-53 purges are jobs: by tag, by pattern, as a method and with a reference", async ({ origin, edge }) => {
  origin.on("/job").reply(200, tagged("job"), "old").reply(200, tagged("job"), "new");
  await edge.get("/job").expect(200, "old");
  await edge.stored("/job");
  const call = `/command/purge?ref=${edge.host}&tag=job&vhost=${edge.host}`;
  const first = await edge.cluster.api(call);
  expect(JSON.parse(first.text)).toMatchObject({
    result: { Count: 1 },
    invalidation: { id: expect.stringMatching(/^I/), state: expect.stringMatching(/^(InProgress|Completed)$/) },
  });
  const { id } = JSON.parse(first.text).invalidation;
  expect(await bodiesOf(edge, "/job")).toEqual(new Set(["new"]));
  expect(JSON.parse((await edge.cluster.api(call)).text)).toMatchObject({ result: { Count: 1 }, invalidation: { id } });
  expect((await edge.cluster.api(`${call}.example`)).status).toBe(409);
  expect(await bodiesOf(edge, "/job")).toEqual(new Set(["new"]));
  expect(origin.saw("/job")).toBe(2);
  const completed = { Id: id, State: "Completed", Ref: edge.host, Count: 1 };
  await expect.poll(() => jobsOf(edge, `id=${id}`), { timeout: 60_000 }).toMatchObject(completed);
  await edge.purge("/none/*");
  const method = JSON.parse((await edge.get("/job", { method: "PURGE" }).expect(200)).text);
  expect(await jobsOf(edge, "limit=3")).toMatchObject([
    { Id: method.invalidation.id, State: "Completed", Method: "purge", Targets: `${edge.host}/job` },
    { Targets: `${edge.host}/none/*`, Count: 0 },
    completed,
  ]);
});

scenario(
  "PRG-29, AWS-53: after SIGKILL of everything in the moment of the answer, what was purged by tag and pattern stays purged",
  { ownEdge: {} },
  async ({ origin, edge }) => {
    const paths = ["/tag", "/pattern/a", "/other"];
    for (const path of paths) {
      const fields = path === "/tag" ? tagged("gone") : {};
      origin.on(path).reply(200, fields, "old").reply(200, fields, "new");
      await edge.get(path).expect(200, "old");
      await edge.stored(path);
    }
    expect([await byTag(edge, "ref=gone&tag=gone", "hardpurge"), await edge.purge("/pattern/*", "hardpurge")]).toEqual([
      1, 1,
    ]);
    await edge.cluster.crashAtOnce();
    await edge.cluster.start();
    expect(await edge.fileInfo("/tag")).toEqual([]);
    for (const path of paths) await edge.get(path).expect(200, path === "/other" ? "old" : "new");
    expect(await byTag(edge, "ref=gone&tag=gone", "hardpurge")).toBe(1);
    await edge.get("/tag").expect(200, "new");
    expect(origin.saw("/tag")).toBe(2);
    // The job without a reference may have been lost with the kill.
    const completed = { Ref: "gone", Method: "hardpurge", Targets: "tag=gone", State: "Completed" };
    const isKnown = expect.arrayContaining([expect.objectContaining(completed)]);
    await expect.poll(() => jobsOf(edge), { timeout: 60_000 }).toEqual(isKnown);
  },
);

scenario(
  "a purge of the URL as the client wrote it reaches what No-Vary-Search keeps under another",
  { xml: "<Options><CachingProfile>rfc9111</CachingProfile></Options>" },
  async ({ origin, edge }) => {
    const fields = { "Cache-Control": "max-age=600", "No-Vary-Search": 'params=("utm")' };
    let body = "old";
    origin.on((request) => request.path.startsWith("/nvs")).reply(() => ({ status: 200, fields, body }));
    // The first answer to each worker teaches it.
    expect(await bodiesOf(edge, "/nvs?utm=1")).toEqual(new Set(["old"]));
    expect(await bodiesOf(edge, "/nvs?utm=2")).toEqual(new Set(["old"]));
    await edge.stored("/nvs");
    body = "new";
    expect(await edge.purge("/nvs?utm=9", "hardpurge")).toBe(1);
    expect(await edge.fileInfo("/nvs")).toEqual([]);
    expect(await bodiesOf(edge, "/nvs?utm=3")).toEqual(new Set(["new"]));
  },
);

scenario(
  "REG-57, PRG-16: while all origin servers are excluded only hardpurge and expireafter work",
  { ownEdge: {}, xml: "<OriginOptions><Exclusion>1</Exclusion><Recovery>0</Recovery></OriginOptions>" },
  async ({ origin, edge }) => {
    origin.on("/kept").reply(200, {}, "kept");
    await edge.get("/kept").expect(200);
    await edge.stored("/kept");
    await origin.refuse();
    await edge.get("/fails");
    await untilAddress(edge.cluster, origin.address, "Inactive");
    expect([await edge.purge("/kept"), await edge.purge("/*", "expire")]).toEqual([0, 0]);
    expect([await edge.purge("/kept", "expireafter"), await edge.purge("/kept", "hardpurge")]).toEqual([1, 1]);
  },
);
