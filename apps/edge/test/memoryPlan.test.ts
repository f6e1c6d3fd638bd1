import { parseConfig } from "@basalt/config";
import { describe, expect, it } from "vitest";
import { contentMemoryBytes, memoryTierBytes } from "../src/memoryPlan.ts";

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;

const settings = (systemMemoryRatio = 100, contentMemoryRatio = 50, systemFreeMemoryRatio = 40) => ({
  systemMemoryRatio,
  contentMemoryRatio,
  systemFreeMemoryRatio,
});

/** Figures of spec 20.1 are printed with two decimals, those from 8 GB on in GB. */
const printed = (byteCount: number): string =>
  byteCount < GIB ? `${(byteCount / MIB).toFixed(2)} MB` : `${(byteCount / GIB).toFixed(2)} GB`;

describe("OPT-01 to OPT-03: contents by physical memory", () => {
  it.each([
    [1, "188.37 MB"],
    [2, "446.74 MB"],
    [4, "963.49 MB"],
    [8, "2.05 GB"],
    [16, "4.45 GB"],
    [32, "9.25 GB"],
    [64, "18.85 GB"],
    [128, "38.05 GB"],
  ])("%i GB of memory give %s", (gibibytes, contents) => {
    const [expected = "", unit] = contents.split(" ");
    const [actual = "", actualUnit] = printed(contentMemoryBytes(settings(), gibibytes * GIB)).split(" ");
    expect(actualUnit).toBe(unit);
    expect(Math.abs(Number(actual) - Number(expected))).toBeLessThan(0.011);
  });
});

describe("controls", () => {
  it("OPT-15: half of 8 GB is the plan of a 4 GB machine", () => {
    expect(contentMemoryBytes(settings(50), 8 * GIB)).toBe(contentMemoryBytes(settings(), 4 * GIB));
    expect(printed(contentMemoryBytes(settings(50), 8 * GIB))).toBe("963.49 MB");
  });

  it("OPT-16: 16 GB with 60 % for contents give 5.33 GB", () => {
    expect(Math.abs(contentMemoryBytes(settings(100, 60), 16 * GIB) / GIB - 5.33)).toBeLessThan(0.011);
  });

  it("OPT-17: what is left to the system is cut to 40 %, and less of it gives more contents", () => {
    expect(contentMemoryBytes(settings(100, 50, 90), 16 * GIB)).toBe(contentMemoryBytes(settings(), 16 * GIB));
    const gained = contentMemoryBytes(settings(100, 50, 20), 16 * GIB) - contentMemoryBytes(settings(), 16 * GIB);
    expect(Math.round(gained / GIB / 0.1)).toBe(16);
  });

  it("a machine too small for the plan still gets a little", () => {
    expect(contentMemoryBytes(settings(), 128 * MIB)).toBe(16 * MIB);
  });
});

describe("the workers' share", () => {
  it("half of the contents, in equal parts", () => {
    const outcome = parseConfig(
      new Map([
        ["server.xml", "<Server><Cache><Storage><Disk>/d/</Disk></Storage></Cache></Server>"],
        ["vhosts.xml", "<Vhosts/>"],
      ]),
      { home: "/opt/edge", generation: 1, cores: 1, hostName: "edge" },
    );
    if (!outcome.ok) throw new Error(JSON.stringify(outcome.problems));
    const one = memoryTierBytes(outcome.config, 1);
    expect(one).toBe(Math.floor(contentMemoryBytes(outcome.config.server.cache) / 2));
    expect(memoryTierBytes(outcome.config, 4)).toBe(Math.floor(one / 4));
    expect(memoryTierBytes(outcome.config, 0)).toBe(one);
  });
});
