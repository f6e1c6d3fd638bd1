import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type EdgeConfig, parseConfig } from "@basalt/config";
import { CounterBlock } from "@basalt/telemetry";
import { createSystemSampler } from "@basalt/telemetry/system";
import { epochMs, monotonicMs } from "@basalt/types";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DiskSizes } from "../src/snmp/diskSizes.ts";
import { readRowFile, writeRowFile } from "../src/snmp/rowFile.ts";
import { SnmpKeeper } from "../src/snmp/snmpKeeper.ts";
import { StatisticsKeeper } from "../src/statisticsKeeper.ts";

let home = "";

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "basalt-snmp-"));
});
afterEach(async () => {
  await rm(home, { recursive: true, force: true });
});

const clock = { now: () => epochMs(0), monotonic: () => monotonicMs(0) };

const configOf = (hosts: readonly string[], snmp = "", views = ""): EdgeConfig => {
  const vhosts = hosts.map((host) => {
    const [name = "", index] = host.split("=");
    const fixed = index === undefined ? "" : ` StaticIndex="${index}"`;
    return `<Vhost Name="${name}"${fixed}><Listen>OFF</Listen><Origin><Address>127.0.0.1:1</Address></Origin></Vhost>`;
  });
  const sources = new Map([
    ["server.xml", `<Server><Host>${snmp}</Host></Server>`],
    ["vhosts.xml", `<Vhosts>${vhosts.join("")}${views}</Vhosts>`],
  ]);
  const outcome = parseConfig(sources, { home, generation: 1, cores: 1, hostName: "edge" });
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.problems));
  return outcome.config;
};

const keeperOf = (first: EdgeConfig) => {
  let config = first;
  const lines: string[] = [];
  const note = (text: string) => {
    lines.push(text);
  };
  const counters = new CounterBlock();
  const sampler = createSystemSampler({ text: () => "", link: () => "", names: () => [] });
  const statistics = new StatisticsKeeper({
    clock,
    config: () => config,
    processes: () => [],
    counters,
    bringUpToDate: () => {},
    sampleSystem: () => sampler.sample([], []),
    host: () => ({ version: "1", name: "", state: "Healthy", uptimeSeconds: 0, waitingEvents: 0 }),
    disks: () => [],
    objectsOf: () => ({ objects: 0, bytes: 0 }),
    scan: () => Promise.resolve(),
    onMinute: () => {},
    onWindow: () => {},
    onStuck: () => {},
    onDefect: () => {},
  });
  const keeper = new SnmpKeeper({
    ...{ home, clock, counters, config: () => config },
    log: { notice: note, warning: note, error: note, reopen: () => {}, flush: async () => {}, close: async () => {} },
    windows: statistics.statistics.windows,
    uptimeMs: () => 0,
    state: () => "Healthy",
    vhost: (name) => statistics.vhost(name),
    countSizes: () => {},
    diskStatus: () => [],
    history: () => [],
    countryOf: () => undefined,
  });
  const load = async (next: EdgeConfig): Promise<void> => {
    config = next;
    statistics.configure();
    await keeper.configured();
  };
  return { keeper, load, lines };
};

const rowFile = () => join(home, "data", "snmp-rows.json");

const rowsNow = async () => {
  const { vhosts, views } = await readRowFile(rowFile());
  return {
    ...Object.fromEntries(vhosts),
    ...Object.fromEntries([...views].map(([name, row]) => [`view ${name}`, row])),
  };
};

describe("indexes over restarts", () => {
  it("SNMP-26 SNMP-27 are those of before, whether or not the agent runs", async () => {
    const views = '<View Name="v"/><View Name="w"/>';
    const first = keeperOf(configOf(["kim", "lee", "park"], "", views));
    await first.keeper.configured();
    await first.load(configOf(["kim", "park"], "", '<View Name="w"/>'));
    const second = keeperOf(configOf(["choi", "park", "kim"], "", '<View Name="x"/><View Name="w"/>'));
    await second.keeper.configured();
    expect(await rowsNow()).toEqual({ kim: 1, choi: 2, park: 3, "view x": 1, "view w": 2 });
  });

  it("SNMP-25 tells whose StaticIndex is refused and who makes way", async () => {
    const { load, lines } = keeperOf(configOf(["a"]));
    await load(configOf(["a"]));
    await load(configOf(["a", "b=1", "c=1"]));
    expect(await rowsNow()).toEqual({ b: 1, a: 2, c: 3 });
    expect(lines).toEqual([
      "c cannot have its StaticIndex, which another host has: its SNMP index is 3",
      "the SNMP index of a is now the StaticIndex of another host: it gets 2",
    ]);
  });

  it("views of one name have an index each", async () => {
    const { load } = keeperOf(configOf(["a"]));
    await load(configOf(["a"], "", '<View Name="v"/><View Name="v"/>'));
    expect([...(await readRowFile(rowFile())).views.values()]).toEqual([1, 2]);
  });

  it.each([
    ["nothing", ""],
    ["half a file", '{"vhosts":[["a",1'],
    ["another thing", "[1,2]"],
    ["rows that no OID can have", '{"vhosts":[["a",4294967296],["b",9007199254740991]],"views":[["v",1e300]]}'],
    ["rows that are none", '{"vhosts":[["a",0],["b",1.5],[3,4],["c"],"d"],"views":7}'],
  ])("a file with %s counts for nothing", async (_, content) => {
    await writeRowFile(rowFile(), { vhosts: new Map(), views: new Map() });
    await writeFile(rowFile(), content);
    expect(await readRowFile(rowFile())).toEqual({ vhosts: new Map(), views: new Map() });
    const { keeper } = keeperOf(configOf(["b", "a"]));
    await keeper.configured();
    expect(await rowsNow()).toEqual({ b: 1, a: 2 });
  });

  it("a file that cannot be written is a warning, and the indexes hold until the end", async () => {
    await writeFile(join(home, "data"), "in the way");
    const { keeper, load, lines } = keeperOf(configOf(["a", "b"]));
    await keeper.configured();
    expect(lines).toEqual([expect.stringContaining("cannot be kept")]);
    await load(configOf(["b"]));
    expect(lines.length).toBe(2);
  });
});

describe("the MIB file", () => {
  it("SNMP-07 SNMP-41 is made in the home folder, with the root of the configuration", async () => {
    const { keeper } = keeperOf(configOf(["a"], '<SNMP Root="1.3.6.1.4.1.99999.4" Manufacture="Ours"/>'));
    await keeper.writeMib();
    const text = await readFile(join(home, "BASALT-MIB.txt"), "utf8");
    expect(text).toContain("::= { enterprises 99999 4 }");
    expect(text).toContain('ORGANIZATION "Ours"');
  });
});

describe("sizes of disks", () => {
  it("REG-284 are 0 for what is gone, and are asked for again after a while", async () => {
    let nowMs = 0;
    const sizes = new DiskSizes(() => nowMs);
    const gone = join(home, "gone");
    const nothing = { totalBytes: 0, usedBytes: 0, freeBytes: 0 };
    await sizes.refresh([gone, home]);
    const [first, second] = sizes.of([gone, home]);
    expect(first).toEqual(nothing);
    expect(second?.totalBytes).toBeGreaterThan(0);
    await rm(home, { recursive: true });
    await sizes.refresh([gone, home]);
    expect(sizes.of([home])[0]?.totalBytes).toBeGreaterThan(0);
    nowMs += 60_000;
    await sizes.refresh([gone, home]);
    expect(sizes.of([home])[0]).toEqual(nothing);
  });

  it("SNMP-111 a file system that hangs is asked once, and the others are as they are", async () => {
    let nowMs = 0;
    const asked: string[] = [];
    const sizes = new DiskSizes(
      () => nowMs,
      (folder) => {
        asked.push(folder);
        const freeBytes = asked.length;
        return folder === "/hangs"
          ? new Promise(() => {})
          : Promise.resolve({ totalBytes: 9, usedBytes: 0, freeBytes });
      },
    );
    const folders = ["/hangs", "/sound"];
    const free = () => sizes.of(folders).map(({ freeBytes }) => freeBytes);
    await expect.poll(free).toEqual([0, 2]);
    nowMs += 60_000;
    await expect.poll(free).toEqual([0, 3]);
    expect(asked).toEqual(["/hangs", "/sound", "/sound"]);
  });
});
