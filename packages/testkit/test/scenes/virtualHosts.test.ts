import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  isEdgeBuilt,
  startEdge,
  startOrigin,
  type TestEdge,
  type TestOrigin,
  type VhostSpec,
} from "../../src/index.ts";
import { useShared } from "../../src/scenario/index.ts";
import { until } from "./support/originState.ts";

/** Facades, sub-paths and rewriting, on one edge with two workers that is reloaded and restarted on the way. */

const LOG = '<Log><Access Local="ON">ON</Access></Log>';

const subOf = (status: string): string => `<Sub Status="${status}">
  <Path Vhost="baseball.com">baseball</Path>
  <Path Vhost="football.com">/football/</Path>
  <Path Vhost="photo.com">*.jpg</Path>
</Sub>`;

const REWRITES = `<URLRewrite AccessLog="Pattern">
  <Pattern>^rewritten.com/([^/]+)/(.*)</Pattern><Replace>#1.com/#2</Replace>
</URLRewrite>
<URLRewrite><Pattern>^old.com/(.*)</Pattern><Replace><![CDATA[example.com/new/#1?&x=1]]></Replace></URLRewrite>`;

let edge: TestEdge;
let origin: TestOrigin;

const hostsWith = (sub: string): VhostSpec[] => {
  const at = origin.address;
  return [
    { name: "example.com", origin: at, xml: LOG },
    { name: "another.com", status: "facade:Example.com", origin: [], xml: LOG },
    { name: "sports.com", origin: at, xml: subOf(sub) },
    { name: "baseball.com", origin: at, xml: LOG },
    { name: "football.com", origin: at },
    { name: "photo.com", origin: at },
    { name: "asleep.com", status: "Inactive", origin: at },
    { name: "dreaming.com", status: "facade:asleep.com", origin: [] },
  ];
};

const open = async (): Promise<void> => {
  origin = await startOrigin();
  origin
    .on(() => true)
    .reply((request) => ({
      status: 200,
      fields: { "Cache-Control": "max-age=600" },
      body: (request.field("host") ?? "").split(":")[0] + request.target,
    }));
  edge = await startEdge({ workers: 2, vhosts: hostsWith("Active"), vhostsXml: REWRITES });
};

useShared(open, async () => {
  await edge?.close();
  await origin?.close();
});

/** Waits until the access log of a host has so many lines of a URL, and no more. */
const logged = async (vhost: string, url: string, count: number): Promise<void> => {
  const folder = join(edge.home, "log", vhost);
  const seen = async (): Promise<number> => {
    const names = (await readdir(folder).catch(() => [])).filter((name) => name.startsWith("access_"));
    const texts = await Promise.all(names.map((name) => readFile(join(folder, name), "utf8").catch(() => "")));
    return texts.flatMap((text) => text.split("\n")).filter((line) => line.split(" ").includes(url)).length;
  };
  await until(`${count} lines of ${url} in the access log of ${vhost}`, async () => (await seen()) >= count);
  expect(await seen()).toBe(count);
};

const servedBy = async (path: string, host: string): Promise<string> => (await edge.get(path, { host })).text;

const describeBuilt = isEdgeBuilt() || process.env.CI !== undefined ? describe : describe.skip;

describeBuilt("virtual hosts that share their work", () => {
  it("REG-153, VHT-20, VHT-21, VHT-22, CFG-55, STAT-16: a facade is served by its target and counted and logged for itself", async () => {
    for (const host of ["another.com", "example.com", "another.com", "ANOTHER.com:80", "example.com"]) {
      expect(await servedBy("/page", host)).toBe("example.com/page");
    }
    expect(origin.saw("/page")).toBe(1);
    await logged("another.com", "/page", 3);
    await logged("example.com", "/page", 2);
    await edge.counted({ client_requests: 3, origin_requests: 0 }, "another.com");
    await edge.counted({ client_requests: 2, origin_requests: 1 }, "example.com");
    await edge.counted({ TCP_HIT: 4 });
    const list = await edge.apiJson("/monitoring/vhostslist");
    expect(list.result).toEqual(hostsWith("Active").map(({ name }) => name));
  });

  it("VHT-23: a facade of a host that is not served is not served", async () => {
    await edge.get("/", { host: "dreaming.com" }).expect(404);
  });

  it("VHT-24: a purge by the name of a facade acts on the target, by API and by method", async () => {
    expect(await servedBy("/purged", "example.com")).toBe("example.com/purged");
    const count = async (): Promise<unknown> => (await edge.apiJson("/command/purge?url=another.com/purged")).result;
    await until("the object is stored and purged", async () => JSON.stringify(await count()).includes('"Count":1'));
    await servedBy("/purged", "another.com");
    expect(origin.saw("/purged")).toBe(2);
    await edge.request("/purged", { host: "another.com", method: "PURGE" }).expect(200);
    await servedBy("/purged", "example.com");
    expect(origin.saw("/purged")).toBe(3);
  });

  it("VHT-23: a facade of a facade is refused, and the configuration in service stays", async () => {
    const vhosts = [...hostsWith("Active"), { name: "third.com", status: "facade:another.com", origin: [] }];
    const refused = await edge.reload({ vhosts });
    expect([refused.status, JSON.stringify(refused.result).includes("facade itself")]).toEqual(["Fail", true]);
    expect(await servedBy("/page", "another.com")).toBe("example.com/page");
    expect((await edge.reload({ vhosts: hostsWith("Active") })).status).toBe("OK");
  });

  const examples = [
    ["/baseball/index.html", "baseball.com"],
    ["/football/rank.html", "football.com"],
    ["/rank.jpg", "photo.com"],
    ["/toprank.html", "sports.com"],
    ["/baseball/a.jpg", "baseball.com"],
  ] as const;

  it("REG-153, VHT-30 to VHT-36: sub-paths of a host are handled and counted by others, with the URL unchanged", async () => {
    for (const [path, host] of examples) expect(await servedBy(path, "sports.com")).toBe(`${host}${path}`);
    await edge.counted({ client_requests: 2 }, "baseball.com");
    await edge.counted({ client_requests: 1 }, "sports.com");
    await logged("baseball.com", "/baseball/a.jpg", 1);
    await edge.request("/baseball/index.html", { host: "sports.com", method: "PURGE" }).expect(200);
    expect(await servedBy("/baseball/index.html", "baseball.com")).toBe("baseball.com/baseball/index.html");
    expect(origin.saw("/baseball/index.html")).toBe(2);
  });

  it("VHT-02, VHT-08, VHT-09, VHT-10, VHT-11, LOG-58: a rewritten URL counts everywhere, and is logged as the rule says", async () => {
    expect(await servedBy("/baseball/logo.png", "rewritten.com")).toBe("baseball.com/logo.png");
    expect(await servedBy("/old?a=1", "old.com")).toBe("example.com/new/old?a=1?x=1");
    expect(await servedBy("http://old.com/absolute", "elsewhere.invalid")).toBe("example.com/new/absolute?x=1");
    expect(await servedBy("/baseball/b.png", "xrewritten.com")).not.toContain("baseball.com");
    await logged("baseball.com", "/baseball/logo.png", 1);
    await logged("baseball.com", "/logo.png", 0);
    await logged("example.com", "/new/absolute", 1);
    await edge.counted({ rewritten_urls: 3 });
  });

  it("VHT-15: an expression that cannot be used refuses the reload", async () => {
    const vhostsXml = "<URLRewrite><Pattern>(</Pattern><Replace>a.com/</Replace></URLRewrite>";
    expect((await edge.reload({ vhostsXml })).status).toBe("Fail");
    expect(await servedBy("/baseball/logo.png", "rewritten.com")).toBe("baseball.com/logo.png");
    expect((await edge.reload({ vhostsXml: REWRITES })).status).toBe("OK");
  });

  it("VHT-21, VHT-31: after a reload and a restart all is as it is written", async () => {
    expect((await edge.reload({ vhosts: hostsWith("Inactive") })).status).toBe("OK");
    for (const [path] of examples) expect(await servedBy(path, "sports.com")).toBe(`sports.com${path}`);
    expect(await servedBy("/kept", "another.com")).toBe("example.com/kept");
    await edge.configure({ vhosts: hostsWith("Active") });
    await edge.restartEverything();
    for (const [path, host] of examples) expect(await servedBy(path, "sports.com")).toBe(`${host}${path}`);
    expect(await servedBy("/kept", "another.com")).toBe("example.com/kept");
    expect(origin.saw("/kept")).toBe(1);
    expect(await servedBy("/baseball/logo.png", "rewritten.com")).toBe("baseball.com/logo.png");
    await edge.counted({ client_requests: 1 }, "another.com");
  });
});
