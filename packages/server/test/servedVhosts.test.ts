import type { CacheVhost } from "@basalt/cache";
import { type EdgeConfig, parseConfig } from "@basalt/config";
import { describe, expect, it } from "vitest";
import type { ServedVhost } from "../src/servedVhost.ts";
import { ServedVhosts } from "../src/servedVhosts.ts";

const configOf = (...vhosts: readonly string[]): EdgeConfig => {
  const outcome = parseConfig(
    new Map([
      ["server.xml", "<Server/>"],
      ["vhosts.xml", `<Vhosts>${vhosts.join("")}</Vhosts>`],
    ]),
    { home: "/opt/edge", generation: 1, cores: 1, hostName: "edge" },
  );
  if (!outcome.ok) throw new Error("the configuration is wrong");
  return outcome.config;
};

const host = (name: string, inner = ""): string =>
  `<Vhost Name="${name}"><Origin><Address>1.1.1.1</Address></Origin>${inner}</Vhost>`;

/** What the cache knows of a host, and what is compiled of it, stand for themselves here. */
const caches = new Map<string, CacheVhost>();
const cacheOf = (name: string): CacheVhost => {
  const known = caches.get(name) ?? ({ name } as unknown as CacheVhost);
  caches.set(name, known);
  return known;
};

const compiled: string[] = [];

const serve = (config: EdgeConfig): ServedVhosts => {
  const vhosts = new ServedVhosts({ get: cacheOf }, (settings, cache) => {
    compiled.push(settings.name);
    return { name: settings.name, settings, cache } as unknown as ServedVhost;
  });
  for (const _ of vhosts.add(config));
  return vhosts;
};

describe("the hosts of a configuration", () => {
  it("are compiled when they are first asked for, once", () => {
    compiled.length = 0;
    const vhosts = serve(configOf(host("a"), host("b"), host("c")));
    expect(compiled).toEqual([]);
    expect(vhosts.get("b")).toBe(vhosts.get("b"));
    expect([vhosts.get("unknown"), compiled]).toEqual([undefined, ["b"]]);
  });

  it("are compiled at once where workers have something in common to divide", () => {
    compiled.length = 0;
    serve(
      configOf(
        host("a"),
        host("capped", '<Options><TrafficCap Session="0">10</TrafficCap></Options>'),
        host("relayed", "<PortBypass>1935</PortBypass>"),
      ),
    );
    expect(compiled).toEqual(["capped", "relayed"]);
  });

  it("go on over a reload that leaves them alone", () => {
    const [before] = [configOf(host("a"), host("b"), host("c"))];
    const earlier = serve(before);
    const [a, b] = [earlier.get("a"), earlier.get("b")];
    const [, changed] = configOf(host("a"), host("b", "<Options><AgeHeader>ON</AgeHeader></Options>")).vhosts;
    if (changed === undefined) throw new Error("no host");
    const vhosts = before.vhosts.slice(0, 1).concat(changed);
    const next = serve({ ...before, vhosts });
    next.goOnWith(earlier);
    expect([next.get("a") === a, next.get("b") === b, next.get("c")]).toEqual([true, false, undefined]);
  });
});
