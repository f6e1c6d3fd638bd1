import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  type EdgeRequest,
  isEdgeBuilt,
  startEdge,
  startOrigin,
  type TestEdge,
  type TestOrigin,
} from "../../src/index.ts";
import { useShared } from "../../src/scenario/index.ts";
import { until } from "./support/originState.ts";

/** Requests that one host hands on to another (14.5), on one edge with two workers. */

const LOG = '<Log><Access Local="ON">ON</Access></Log>';
const link = (condition: string, target: string): string =>
  `<VhostLink Condition="${condition}">${target}</VhostLink>${LOG}`;

let edge: TestEdge;
let origin: TestOrigin;

/** What each host's origin has; it answers 404 to all else. */
const CONTENT: Readonly<Record<string, readonly string[]>> = {
  "first.com": ["/found"],
  "second.com": ["/found", "/second", "/failed"],
  "third.com": ["/third"],
};

const open = async (): Promise<void> => {
  origin = await startOrigin();
  origin
    .on(() => true)
    .reply((request) => {
      const host = (request.field("host") ?? "").split(":")[0] ?? "";
      const fields = { "Cache-Control": "max-age=600" };
      if (request.target === "/forbidden" && host === "first.com") return { status: 403, fields, body: "no" };
      const isThere = CONTENT[host]?.includes(request.path) === true || request.target === "/forbidden";
      return { status: isThere ? 200 : 404, fields, body: `${host}${request.target}` };
    });
  const silent = await startOrigin();
  const { address: nobody } = silent;
  await silent.close();
  edge = await startEdge({
    workers: 2,
    vhosts: [
      { name: "first.com", origin: origin.address, xml: link("403,404,5xx", "Second.com") },
      { name: "second.com", origin: origin.address, xml: link("404", "third.com") },
      { name: "third.com", origin: origin.address, xml: link("404", "first.com") },
      { name: "lost.com", origin: nobody, xml: link("fail", "second.com") },
      { name: "alone.com", origin: origin.address, xml: link("404", "nobody.example") },
      { name: "narcissus.com", origin: origin.address, xml: link("404", "narcissus.com") },
      { name: "front.com", status: "facade:first.com", origin: [], xml: LOG },
    ],
  });
};

useShared(open, async () => {
  await edge?.close();
  await origin?.close();
});

const linesOf = async (vhost: string): Promise<readonly (readonly string[])[]> => {
  const folder = join(edge.home, "log", vhost);
  const names = (await readdir(folder).catch(() => [])).filter((name) => name.startsWith("access_"));
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), "utf8").catch(() => "")));
  return texts.flatMap((text) => text.split("\n")).map((line) => line.split(" "));
};

/** The last column of the line of a URL. */
const linkLogged = async (vhost: string, url: string): Promise<string | undefined> => {
  let found: readonly string[] | undefined;
  await until(`a line of ${url} in the access log of ${vhost}`, async () => {
    found = (await linesOf(vhost)).find((line) => line.includes(url));
    return found !== undefined;
  });
  return found?.at(-1);
};

const describeBuilt = isEdgeBuilt() || process.env.CI !== undefined ? describe : describe.skip;

describeBuilt("requests that one host hands on to another", () => {
  it("VHT-50, VHT-52: what the origin does not have is answered by the next host, and counted where it was asked", async () => {
    await edge.get("/found", { host: "first.com" }).expect(200, "first.com/found");
    await edge.get("/second", { host: "first.com" }).expect(200, "second.com/second");
    await edge.get("/second", { host: "first.com" }).expect(200, "second.com/second");
    await edge.get("/third", { host: "first.com" }).expect(200, "third.com/third");
    expect(await linkLogged("first.com", "/found")).toBe("-");
    expect(await linkLogged("first.com", "/second")).toBe("second.com");
    expect(await linkLogged("first.com", "/third")).toBe("second.com+third.com");
    expect((await linesOf("first.com")).find(([first]) => first === "#Fields:")?.at(-1)).toBe("vhostlink");
    expect((await linesOf("second.com")).flat().filter((text) => text === "/second")).toEqual([]);
    await edge.counted({ client_requests: 4 }, "first.com");
    await edge.counted({ client_requests: 0 }, "second.com");
    // Each host asks its own origin, once for what is stored.
    expect(origin.saw("/second")).toBe(2);
  });

  it("VHT-51: a status, a class and a failure of the origin are told apart", async () => {
    await edge.get("/forbidden", { host: "first.com" }).expect(200, "second.com/forbidden");
    await edge.get("/failed", { host: "lost.com" }).expect(200, "second.com/failed");
  });

  it("REG-154: whenever the condition holds: hits and misses, HEAD, ranges, conditions, another query, behind expiry", async () => {
    const forms: readonly EdgeRequest[] = [
      {},
      { method: "HEAD" },
      { headers: { Range: "bytes=0-3" } },
      { headers: { "If-Modified-Since": new Date(0).toUTCString() } },
      { headers: { "If-None-Match": '"none"' } },
      { headers: { "Accept-Encoding": "gzip" } },
      { headers: { "Cache-Control": "no-cache" } },
    ];
    for (let round = 0; round < 3; round++) {
      for (const [index, form] of forms.entries()) {
        const path = `/second?${index}&${round}`;
        for (const target of ["/second", path]) {
          const answer = await edge.get(target, { host: "first.com", ...form });
          const wanted = form.method === "HEAD" ? "" : `second.com${target}`;
          const isPart = answer.status === 206;
          expect([target, form, answer.text]).toEqual([target, form, isPart ? wanted.slice(0, 4) : wanted]);
          expect([200, 206]).toContain(answer.status);
        }
      }
      await edge.clock.advance(601);
    }
  });

  it("VHT-53: the last answer stands where the next host is gone, is the same one, or was asked already", async () => {
    await edge.get("/nothing", { host: "first.com" }).expect(404, "third.com/nothing");
    expect(await linkLogged("first.com", "/nothing")).toBe("second.com+third.com");
    await edge.get("/nothing", { host: "alone.com" }).expect(404, "alone.com/nothing");
    await edge.get("/nothing", { host: "narcissus.com" }).expect(404, "narcissus.com/nothing");
    expect(await linkLogged("narcissus.com", "/nothing")).toBe("-");
  });

  it("VHT-21, VHT-52: requests for a facade are handed on by its target and stay the facade's", async () => {
    await edge.get("/second", { host: "front.com" }).expect(200, "second.com/second");
    expect(await linkLogged("front.com", "/second")).toBe("second.com");
    await edge.counted({ client_requests: 1 }, "front.com");
  });
});
