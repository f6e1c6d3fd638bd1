import { spawnSync } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { renderServerXml, renderVhostsXml } from "../src/edge/options.ts";
import { isAlive, processTree, recordProcess } from "../src/edge/processTree.ts";
import {
  type EdgeOptions,
  garbageConnections,
  startEdge,
  startOrigin,
  type TestEdge,
  type TestOrigin,
} from "../src/index.ts";

const program = [process.execPath, fileURLToPath(new URL("standIn/main.ts", import.meta.url))];
let origin: TestOrigin;
let edge: TestEdge | undefined;

beforeEach(async () => {
  origin = await startOrigin();
  origin.on("/a").reply(200, {}, "v1");
});
afterEach(async () => {
  await edge?.close();
  edge = undefined;
  await origin.close();
});

const start = async (options: Partial<EdgeOptions> = {}): Promise<TestEdge> => {
  edge = await startEdge({ vhosts: [{ name: "www.example.com", origin: origin.address }], program, ...options });
  return edge;
};

describe("the cluster runner", () => {
  it("writes a home, starts the program, answers, and leaves neither process nor home", async () => {
    const running = await start({ workers: 3 });
    await running.get("/a").expect(200, "v1");
    expect(origin.lastSeen("/a").field("host")).toBe("www.example.com");
    const pids = [...(await running.workers()), (await running.status()).primaryPid];
    expect(pids).toHaveLength(4);
    const records = pids.map(recordProcess).filter((record) => record !== undefined);
    expect(records.every(isAlive)).toBe(true);
    expect(await running.log()).toMatch(/stand-in serves[\s\S]*stand-in started/);
    await running.close();
    expect(records.some(isAlive)).toBe(false);
    expect(existsSync(running.home)).toBe(false);
  });

  it("replaces a killed worker, reloads, moves the clock and reads counters", async () => {
    const running = await start();
    const before = await running.workers();
    await running.kill(1);
    const after = await running.workers();
    expect([after[0], after[1] === before[1]]).toEqual([before[0], false]);
    await running.clock.advance(11);
    expect((await running.apiJson("/version")).result).toEqual({ clockOffsetMs: 11_000 });
    expect((await running.reload()).status).toBe("OK");
    await running.get("/a");
    await running.counted({ TCP_MISS: 1 }, "www.example.com");
    await expect(running.get("/a").expect(201)).rejects.toThrow("status 200, expected 201");
    await expect(running.get("/a").expect(200, "v2")).rejects.toThrow(/body "v1", expected "v2"/);
  });

  it.each(["foreground", "detached"] as const)(
    "stops, starts again on the same ports and survives a crash (%s)",
    async (how) => {
      const running = await start({ start: how });
      const { port } = running;
      await running.restartEverything();
      expect(running.port).toBe(port);
      await running.get("/a").expect(200, "v1");
      await running.crash();
      await expect(running.get("/a")).rejects.toThrow(/ECONNREFUSED/);
      await running.start();
      await running.get("/a").expect(200, "v1");
      await running.stop();
    },
  );

  it("tells at once, with the output, when the program refuses to start", async () => {
    const broken = start({ vhosts: [{ name: "x", origin: origin.address, xml: "<Broken/>" }] });
    await expect(broken).rejects.toThrow(/exit code 78[\s\S]*vhosts\.xml:1: broken/);
  });

  it("kills what is left when the test process ends without closing", async () => {
    const script = `
      import { startEdge } from ${JSON.stringify(new URL("../src/index.ts", import.meta.url).href)};
      const edge = await startEdge({ vhosts: [{ name: "x", origin: "127.0.0.1:9" }], program: ${JSON.stringify(program)} });
      process.stdout.write((await edge.workers()).join(" ") + " " + (await edge.status()).primaryPid + "\\n" + edge.home);
      process.exit(3);`;
    const child = spawnSync(process.execPath, ["--conditions=@basalt/source", "--input-type=module", "-e", script], {
      encoding: "utf8",
    });
    expect(child.stderr).toBe("");
    expect(child.status).toBe(3);
    const [running = "", home = ""] = child.stdout.split("\n");
    rmSync(home, { recursive: true });
    const pids = running.split(" ").map(Number);
    expect(pids).toHaveLength(3);
    const isThere = (pid: number): boolean => {
      const record = recordProcess(pid);
      return record !== undefined && isAlive(record);
    };
    await expect.poll(() => pids.filter(isThere)).toEqual([]);
  });

  it("finds the tree of a process, itself first", () => {
    const self = recordProcess(process.pid);
    expect(self).toBeDefined();
    if (self !== undefined) expect(processTree([self])[0]).toEqual(self);
  });
});

describe("the configuration files", () => {
  it("hold what the test said, and defaults only where it said nothing", () => {
    const ports = { service: 8080, manager: 10_040 };
    const vhosts = [{ name: "a&b", origin: ["127.0.0.1:1", "127.0.0.1:2"], xml: "<Options/>" }];
    const serverXml = renderServerXml({ vhosts, disks: 2, serverXml: "<Workers>7</Workers>" }, ports, "/h");
    expect(serverXml).toContain("<Storage><Disk>/h/disk1</Disk><Disk>/h/disk2</Disk></Storage>");
    expect(serverXml.match(/<Workers>/g)).toHaveLength(1);
    expect(renderServerXml({ vhosts, disks: "memory" }, ports, "/h")).toContain("<Storage></Storage>");
    const vhostsXml = renderVhostsXml({ vhosts, defaultVhost: "a&b" }, ports);
    expect(vhostsXml).toContain('<Vhost Name="a&amp;b">');
    expect(vhostsXml).toContain("<Address>127.0.0.1:1</Address><Address>127.0.0.1:2</Address>");
    expect(vhostsXml).toContain("<Default>a&amp;b</Default>");
  });
});

describe("garbage connections", () => {
  it("all end, the same for the same seed, and what they are answered is counted", async () => {
    const running = await start();
    const first = await garbageConnections(running.port, 39, 5, { holdMs: 50 });
    expect(Object.values(first).reduce((sum, count) => sum + count, 0)).toBe(39);
    expect(first["400"]).toBeGreaterThan(0);
    await running.get("/a").expect(200, "v1");
  });
});
