import { parseConfig } from "@basalt/config";
import { describe, expect, it } from "vitest";
import { contentMemoryBytes, memoryTierBytes } from "../src/memoryPlan.ts";

const configOf = (cache = "") => {
  const sources = new Map([
    ["server.xml", `<Server><Cache><Storage><Disk>/d/</Disk></Storage>${cache}</Cache></Server>`],
    ["vhosts.xml", "<Vhosts/>"],
  ]);
  const outcome = parseConfig(sources, { home: "/opt/edge", generation: 1, cores: 1, hostName: "edge" });
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.problems));
  return outcome.config;
};

describe("the workers' share", () => {
  it("half of the contents, in equal parts", () => {
    const config = configOf();
    const one = memoryTierBytes(config, 1);
    expect(one).toBe(Math.floor(contentMemoryBytes(config) / 2));
    expect(memoryTierBytes(config, 4)).toBe(Math.floor(one / 4));
    expect(memoryTierBytes(config, 0)).toBe(one);
  });

  it("OPT-16 more for contents is more for each worker", () => {
    const more = memoryTierBytes(configOf("<ContentMemoryRatio>80</ContentMemoryRatio>"), 2);
    expect(more / memoryTierBytes(configOf(), 2)).toBeCloseTo(1.6, 2);
  });
});
