import { describe, expect } from "vitest";
import { filesBelow, patternBody } from "../../src/index.ts";
import { type Scene, type SceneEdge, type SceneOptions, scenario, useEdge } from "../../src/scenario/index.ts";

/** Section B of spec 22: lifetimes, renewal and purges, through two workers. */
useEdge({ workers: 2 });

const LAST_MODIFIED = "Tue, 01 Jan 2019 00:00:00 GMT";
/** Connections of their own, so that both workers get some. */
const ASKED_OFTEN = 4;

const fetchAndStore = async (edge: SceneEdge, paths: readonly string[]): Promise<void> => {
  for (const path of paths) await edge.get(path).expect(200);
  for (const path of paths) await edge.stored(path);
};

/** Options of a scene whose `<Options>` are these. */
const options = (xml: string, more: Partial<SceneOptions> = {}): SceneOptions => ({
  xml: `<Options>${xml}</Options>`,
  ...more,
});

/** Puts other condition files of this scene's host in service. */
const reloadConditions = async ({ edge }: Scene, conditions: Record<string, string>): Promise<void> => {
  const { vhosts } = edge.cluster.configuration;
  const changed = vhosts.map((vhost) => (vhost.name === edge.host ? { ...vhost, conditions } : vhost));
  expect((await edge.cluster.reload({ vhosts: changed })).status).toBe("OK");
};

describe("renewal", () => {
  scenario(
    "REG-44: with TTLExtensionBy4xx and TTLExtensionBy5xx ON an error to a renewal is as if 304",
    options("<TTLExtensionBy4xx>ON</TTLExtensionBy4xx><TTLExtensionBy5xx>ON</TTLExtensionBy5xx>"),
    async ({ origin, edge, clock }) => {
      const statuses = [400, 403, 404, 410, 500, 503];
      for (const status of statuses) {
        origin.on(`/${status}`).reply(200, {}, "v1").reply(status, { "Cache-Control": "no-cache" }, "broken");
        await edge.get(`/${status}`).expect(200, "v1");
      }
      await clock.advance(1_801);
      for (const status of statuses) {
        const path = `/${status}`;
        for (let round = 0; round < ASKED_OFTEN; round++) await edge.get(path).expect(200, "v1");
        expect([path, origin.saw(path)]).toEqual([path, 2]);
        await expect.poll(() => edge.ttlLeft(path)).toBeGreaterThan(2_150);
      }
    },
  );

  scenario(
    "REG-45: with RefreshExpired OFF a stored 5xx is asked for again before it is answered",
    options("<RefreshExpired>OFF</RefreshExpired>"),
    async ({ origin, edge, clock }) => {
      for (const status of [500, 503]) {
        const path = `/${status}`;
        origin.on(path).reply(status, {}, "broken").reply(200, {}, "v1");
        await edge.get(path).expect(status, "broken");
        await edge.get(path).expect(status, "broken");
        await clock.advance(31);
        await edge.get(path).expect(200, "v1");
        expect(origin.saw(path)).toBe(2);
      }
    },
  );

  scenario("REG-42: behind a forced expiry a 304 gives the base value again", async ({ origin, edge, clock }) => {
    origin.on("/a").file("v1", { lastModified: LAST_MODIFIED });
    await fetchAndStore(edge, ["/a"]);
    for (const seconds of [1_801, 2_161, 2_593]) {
      await clock.advance(seconds);
      await edge.get("/a").expect(200, "v1");
    }
    await expect.poll(() => edge.ttlLeft("/a")).toBeGreaterThan(3_000);
    expect(await edge.purge("/a", "expire")).toBe(1);
    await edge.get("/a").expect(200, "v1");
    await expect.poll(() => edge.ttlLeft("/a")).toBeLessThanOrEqual(1_800);
    expect(await edge.ttlLeft("/a")).toBeGreaterThan(1_790);
  });

  scenario("REG-47: expired objects that many ask for at once are renewed once each", async (scene) => {
    const { origin, edge, clock, client } = scene;
    const paths = Array.from({ length: 30 }, (_, index) => `/${index}`);
    origin.on(() => true).reply((request) => ({ status: 200, body: request.path }));
    const askAll = async (): Promise<void> => {
      const opened = await client();
      await opened.send(paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: ${edge.host}\r\n\r\n`).join(""));
      for (const path of paths) {
        const { status, text } = await opened.readResponse();
        expect([status, text]).toEqual([200, path]);
      }
    };
    for (const round of [1, 2]) {
      if (round === 2) await clock.advance(1_801);
      await Promise.all(Array.from({ length: 10 }, askAll));
      expect(paths.map((path) => origin.saw(path))).toEqual(paths.map(() => round));
    }
  });

  scenario(
    "REG-59: a renewal behind the answer whose origin stalls leaves an object that is really renewed later",
    {
      xml: "<Options><RefreshExpired>OFF</RefreshExpired></Options><OriginOptions><Exclusion>1000</Exclusion></OriginOptions>",
    },
    async ({ origin, edge, clock }) => {
      for (const verb of ["purge", "expire", "hardpurge"]) {
        const path = `/${verb}`;
        origin
          .on(path)
          .reply(200, { "Last-Modified": LAST_MODIFIED }, "first")
          .reply(200, {}, "second, whose end never comes")
          .stallAfter(6)
          .reply(200, {}, "third");
        await fetchAndStore(edge, [path]);
        await clock.advance(1_801);
        await edge.get(path).expect(200, "first");
        await origin.sawAtLeast(path, 2);
        // The session ends before the call in one case, and behind it in the others.
        if (verb === "purge") origin.dropConnections();
        expect(await edge.purge(path, verb)).toBe(1);
        origin.dropConnections();
        await expect.poll(async () => (await edge.get(path)).text).toBe("third");
      }
    },
  );

  scenario(
    "REG-65: an object that was never fetched while all origins were excluded is fetched when they are back",
    { xml: "<OriginOptions><Exclusion>2</Exclusion><Recovery Cycle='1'>1</Recovery></OriginOptions>" },
    async ({ origin, edge, clock }) => {
      origin.on(() => true).reply(200, {}, "v1");
      await origin.refuse();
      for (const path of ["/1", "/2", "/3", "/never"]) await edge.get(path).expect(500);
      const isExcluded = async (): Promise<string> =>
        (await edge.cluster.api(`/monitoring/origin?vhost=${edge.host}`)).text;
      await expect.poll(isExcluded).toContain("Inactive");
      await edge.get("/never").expect(500);
      await origin.listen();
      await expect
        .poll(async () => {
          await clock.advance(30);
          return (await edge.get("/never")).status;
        })
        .toBe(200);
      await edge.get("/never").expect(200, "v1");
      expect(origin.saw("/never")).toBe(1);
    },
  );
});

describe("the disk", () => {
  scenario(
    "REG-40: content that is renewed at each access leaves no files behind",
    options("<TTL><Res2xx>0</Res2xx></TTL>"),
    async ({ origin, edge, clock }) => {
      const [disk = ""] = edge.cluster.diskPaths;
      const bodies = async (): Promise<number> => (await filesBelow(disk, ".body")).length;
      const before = await bodies();
      for (let version = 1; version <= 12; version++) {
        const long = patternBody(1_200_000, version);
        origin.on("/long").file(long, { lastModified: new Date(version * 60_000).toUTCString() });
        origin.on("/short").reply(200, {}, `version ${version}`);
        await edge.get("/long").expect(200, long.slice(0, 1_200_000));
        await edge.get("/short").expect(200, `version ${version}`);
        await clock.advance(3);
        origin.reset();
      }
      await expect.poll(bodies).toBeLessThanOrEqual(before + 1);
    },
  );
});

describe("custom lifetimes", () => {
  scenario(
    "REG-48 REG-49: an edited ttl.txt is in force behind a reload, for what is stored when its lifetime ends",
    { conditions: { "ttl.txt": "/a, 100\n" } },
    async (scene) => {
      const { origin, edge, clock } = scene;
      origin.on(() => true).reply(200, {}, "v1");
      await fetchAndStore(edge, ["/a"]);
      await reloadConditions(scene, { "ttl.txt": "/*, 10\n" });
      await fetchAndStore(edge, ["/b"]);
      expect(await edge.ttlLeft("/a")).toBeGreaterThan(80);
      expect(await edge.ttlLeft("/b")).toBeLessThanOrEqual(10);
      await clock.advance(50);
      await edge.get("/a").expect(200, "v1");
      expect(origin.saw("/a")).toBe(1);
      await clock.advance(51);
      await edge.get("/a").expect(200, "v1");
      expect(origin.saw("/a")).toBe(2);
      await expect.poll(() => edge.ttlLeft("/a")).toBeLessThanOrEqual(10);
    },
  );

  scenario(
    "REG-50: abc* means abc too, in files and in purges",
    {
      xml: "<Options><AccessControl>ON</AccessControl></Options>",
      conditions: { "ttl.txt": "/abc*, 10\n", "acl.txt": "/secret*, deny, 404\n", "bypass.txt": "/live*, bypass\n" },
    },
    async ({ origin, edge }) => {
      origin.on(() => true).reply(200, {}, "v1");
      await fetchAndStore(edge, ["/abc", "/abcd", "/ab"]);
      expect([await edge.ttlLeft("/abc"), await edge.ttlLeft("/abcd")].every((left) => left <= 10)).toBe(true);
      expect(await edge.ttlLeft("/ab")).toBeGreaterThan(1_000);
      await edge.get("/secret").expect(404);
      for (let round = 0; round < 2; round++) await edge.get("/live").expect(200);
      expect(origin.saw("/live")).toBe(2);
      expect(await edge.purge("/abc*")).toBe(2);
    },
  );
});

describe("targets of purges", () => {
  scenario("REG-50: in a pattern only the star is special", async ({ origin, edge }) => {
    origin.on(() => true).reply(200, {}, "v1");
    const odd = ["/x[a]", "/xa", "/x_", "/xb", "/x%25", "/x?a", "/x?b", "/x|y"];
    await fetchAndStore(edge, odd);
    expect(await edge.purge("/x[a]*")).toBe(1);
    expect(await edge.purge("/x_*")).toBe(1);
    expect(await edge.purge("/x%25*")).toBe(1);
    expect(await edge.purge("/x?a*")).toBe(1);
    expect(await edge.purge("/x%7Cy")).toBe(1);
    expect(await edge.purge("/x*")).toBe(3);
  });

  scenario(
    "REG-51: with CaseSensitive OFF calls go by the letters alone",
    options("<CaseSensitive>OFF</CaseSensitive>"),
    async ({ origin, edge }) => {
      origin.on(() => true).reply(200, {}, "v1");
      for (const verb of ["purge", "expire", "hardpurge"]) {
        await fetchAndStore(edge, [`/${verb}/Image/LOGO.png`, `/${verb}/image/Other.PNG`]);
        expect([verb, await edge.purge(`/${verb.toUpperCase()}/IMAGE/logo.PNG`, verb)]).toEqual([verb, 1]);
        const count = await edge.purge(`/${verb}/IMAGE/*.Png`, verb);
        expect([verb, count]).toEqual([verb, verb === "expire" ? 2 : 1]);
      }
    },
  );

  scenario(
    "REG-52 REG-53: a query string belongs to the target, and a URL without one is that URL alone",
    async (scene) => {
      const { origin, edge } = scene;
      origin.on(() => true).reply(200, {}, "v1");
      for (const verb of ["purge", "expire", "hardpurge", "expireafter"]) {
        const urls = [`/${verb}`, `/${verb}?x`, `/${verb}?x=1&y=2`, `/${verb}?x=1`, `/${verb}?`];
        await fetchAndStore(edge, urls);
        for (const url of urls) expect([verb, url, await edge.purge(url, verb)]).toEqual([verb, url, 1]);
        expect(await edge.purge(`/${verb}?x=1&y=3`, verb)).toBe(0);
      }
    },
  );

  scenario(
    "REG-53: only Collective widens a URL to its query strings",
    { xml: '<Options><ApplyQueryString Collective="ON">ON</ApplyQueryString></Options>' },
    async ({ origin, edge }) => {
      origin.on(() => true).reply(200, {}, "v1");
      await fetchAndStore(edge, ["/a", "/a?x", "/a?x=1&y=2", "/ab", "/a/b"]);
      expect(await edge.purge("/a?x")).toBe(1);
      expect(await edge.purge("/a")).toBe(2);
      expect(await edge.purge("/*")).toBe(2);
    },
  );

  scenario("REG-55 REG-56: any scheme, and a status for each mistake", async ({ origin, edge }) => {
    origin.on(() => true).reply(200, {}, "v1");
    const statusOf = async (query: string): Promise<number> =>
      (await edge.cluster.api(`/command/purge${query}`)).status;
    for (const scheme of ["http://", "https://", "HTTPS://", ""]) {
      await fetchAndStore(edge, ["/p"]);
      const { result } = await edge.cluster.apiJson(`/command/purge?url=${scheme}${edge.host}/p`);
      expect([scheme, result]).toMatchObject([scheme, { Count: 1 }]);
    }
    for (const query of ["", "?", "?url=", "?uri=a"]) expect([query, await statusOf(query)]).toEqual([query, 400]);
    for (const query of ["?url=unknown.test/p", "?url=https://unknown.test/*"]) {
      expect([query, await statusOf(query)]).toEqual([query, 502]);
    }
  });

  scenario("REG-69: with <Purge>Hard a purged object does not come back", async ({ origin, edge }) => {
    origin.on(() => true).reply(200, {}, "v1");
    const { serverXml } = edge.cluster.configuration;
    await edge.cluster.reload({ serverXml: "<Purge>Hard</Purge>" });
    await fetchAndStore(edge, ["/a", "/b"]);
    expect([await edge.purge("/a"), await edge.purge("/b*")]).toEqual([1, 1]);
    await origin.refuse();
    for (const path of ["/a", "/b"]) await edge.get(path).expect(500);
    await edge.cluster.reload({ serverXml: serverXml ?? "" });
  });
});

describe("restored content", () => {
  scenario(
    "REG-58: what was purged before it was whole or on disk is never given in part",
    async ({ origin, edge }) => {
      const body = patternBody(5_000_000, 58);
      const file = { lastModified: LAST_MODIFIED, etag: '"r"' };
      const gates = ["/parted", "/other"].map((path) => origin.on(path).file(body, file).hold(2_000_000));
      const early = [edge.get("/parted"), edge.get("/other")];
      for (const gate of gates) await gate.arrived();
      for (const path of ["/parted", "/other"]) await edge.stored(path);
      origin.on("/short").reply(200, {}, "short");
      await edge.get("/short").expect(200, "short");
      expect([await edge.purge("/short"), await edge.purge("/parted"), await edge.purge("/oth*")]).toEqual([1, 1, 1]);
      await origin.refuse();
      for (const gate of gates) gate.release();
      for (const answer of early) {
        const outcome = await Promise.resolve(answer).catch(() => undefined);
        expect(outcome === undefined || outcome.status !== 200 || outcome.body.length === 5_000_000).toBe(true);
      }
      for (let round = 0; round < ASKED_OFTEN; round++) {
        await edge.get("/short").expect(200, "short");
        for (const path of ["/parted", "/other"]) {
          const outcome = await Promise.resolve(edge.get(path)).catch(() => undefined);
          expect([path, outcome === undefined || outcome.status === 500]).toEqual([path, true]);
        }
      }
    },
  );
});

describe("the index", () => {
  scenario("REG-68: a file that still comes is known, and can be purged", async ({ origin, edge }) => {
    const body = patternBody(4_000_000, 68);
    const gate = origin.on("/long").file(body, { lastModified: LAST_MODIFIED, etag: '"l"' }).hold(2_000_000);
    const answer = edge.get("/long");
    await gate.arrived();
    await edge.stored("/long");
    expect((await edge.fileInfo("/long"))[0]).toMatchObject({ URI: "/long", Size: 4_000_000 });
    expect(await edge.purge("/long")).toBe(1);
    gate.release();
    await answer.expect(200, body.slice(0, 4_000_000));
    await edge.get("/long").expect(200, body.slice(0, 4_000_000));
    expect(origin.saw("/long")).toBeGreaterThan(1);
  });
});
