import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isAlive, readLivePid } from "../src/pidFile.ts";
import { openScene, type Scene } from "./scene.ts";

let scene: Scene;
beforeEach(async () => {
  scene = await openScene();
});
afterEach(() => scene.close());

const NEVER_USED_PID = 4_194_304 + 7;

describe("start and stop", () => {
  it("OPT-68 OPT-77 starts in the background, answers status, refuses a second start, and stops", async () => {
    const started = await scene.basalt("start");
    expect(started).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^Basalt is running: pid \d+, 2 workers\.\n$/),
    });
    const launcher = readLivePid(scene.home.launcherPidFile);
    expect(launcher).toBeDefined();

    const second = await scene.basalt("start");
    expect(second.code).toBe(1);
    expect(second.error).toContain("already runs");

    const status = await scene.basalt("status");
    expect(status.code).toBe(0);
    expect(status.out).toMatch(/worker-1 +\d+ +serving +1d 1h +0 +12 +1,234 +70\.0 MB/);
    expect(status.out).toMatch(/^state +Emergency$/m);
    expect(status.out).toMatch(/^\/cache1 +Normal +1\.5 KB +1\.0 GB +70\.0 MB$/m);
    expect(status.out).toMatch(/^\/cache2 +Unmounted +0 B +- +0 B$/m);
    expect(JSON.parse((await scene.basalt("status", "--json")).out)).toMatchObject({
      running: true,
      objects: 5,
      state: "Emergency",
      disks: [{ path: "/cache1" }, { path: "/cache2", state: "Unmounted", quotaBytes: null }],
    });

    expect(await scene.basalt("stop")).toMatchObject({ code: 0, out: "Basalt has stopped.\n" });
    expect(launcher !== undefined && isAlive(launcher)).toBe(false);
    expect(readLivePid(scene.home.launcherPidFile)).toBeUndefined();
    expect((await scene.basalt("status")).code).toBe(3);
    expect(JSON.parse((await scene.basalt("status", "--json")).out)).toMatchObject({ running: false });
    expect(await scene.basalt("stop")).toMatchObject({ code: 0, out: "Basalt is not running.\n" });
  });

  it("shows why a start failed and does not loop on a configuration error", async () => {
    await scene.behave("configuration");
    const { code, error } = await scene.basalt("start");
    expect(code).toBe(78);
    expect(error).toContain("Basalt did not start.");
    expect(error).toContain("server.xml:1:1: error: nothing is right here");
    expect(await scene.starts()).toHaveLength(1);
  });

  it("stops by force what does not stop by itself", async () => {
    await scene.behave("deaf");
    expect((await scene.basalt("start")).code).toBe(0);
    const { code, out } = await scene.basalt("stop", "--timeout", "1");
    expect(code).toBe(0);
    expect(out).toContain("was killed");
    expect((await scene.starts()).some(isAlive)).toBe(false);
    expect(readLivePid(scene.home.launcherPidFile)).toBeUndefined();
  });

  it("ignores a pid file that a killed launcher left", async () => {
    await mkdir(scene.home.runFolder, { recursive: true });
    await writeFile(scene.home.launcherPidFile, `${NEVER_USED_PID}\n123\n`);
    expect((await scene.basalt("start")).code).toBe(0);
  });

  it("ignores a pid file whose number belongs to another process now", async () => {
    await mkdir(scene.home.runFolder, { recursive: true });
    await writeFile(scene.home.launcherPidFile, `${process.pid}\n123\n`);
    expect((await scene.basalt("start")).code).toBe(0);
  });

  it("says so when there is no home folder", async () => {
    const { code, error } = await scene.basalt("start", "--home", "/nonexistent/basalt");
    expect(code).toBe(1);
    expect(error).toContain("There is no home folder /nonexistent/basalt");
  });
});

describe("the launcher", () => {
  it("replaces a primary that was killed", async () => {
    await scene.basalt("start");
    const [first = 0] = await scene.starts();
    process.kill(first, "SIGKILL");
    await expect.poll(() => scene.starts()).toHaveLength(2);
    await expect.poll(async () => (await scene.basalt("status")).code).toBe(0);
  });

  it("waits for a primary that dies a few times before it serves", async () => {
    await scene.behave("crash", "crash", "serve");
    expect((await scene.basalt("start")).code).toBe(0);
    expect(await scene.starts()).toHaveLength(3);
    expect(await readFile(scene.home.launcherLog, "utf8")).toContain("next start in 100 ms");
  });

  it("replaces the whole instance when a full restart is asked for", async () => {
    await scene.basalt("start");
    const { code, out } = await scene.basalt("restart", "--full");
    const starts = await scene.starts();
    expect([code, starts.length]).toEqual([0, 2]);
    expect(out).toContain(`pid ${starts[1]}`);
  });

  it.each(["SIGTERM", "SIGINT"] as const)("in the foreground hands %s on and ends with its primary", async (signal) => {
    const { child, ended } = scene.spawn("start", "--foreground");
    await expect.poll(async () => (await scene.basalt("status")).code).toBe(0);
    expect(readLivePid(scene.home.launcherPidFile)).toBe(child.pid);
    child.kill(signal);
    const { out } = await ended;
    expect(out).toContain("Primary stopped");
    expect((await scene.starts()).some(isAlive)).toBe(false);
  });

  it("in the foreground ends with 78 on a configuration error", async () => {
    await scene.behave("configuration");
    expect((await scene.basalt("start", "--foreground")).code).toBe(78);
    expect(readLivePid(scene.home.launcherPidFile)).toBeUndefined();
  });

  it("stops while it waits for the next start", async () => {
    await scene.behave(...Array.from({ length: 8 }, () => "crash"), "serve");
    const { child, ended } = scene.spawn("start", "--foreground");
    await expect.poll(() => scene.starts()).toHaveLength(4);
    child.kill("SIGTERM");
    await ended;
    expect((await scene.starts()).some(isAlive)).toBe(false);
  });
});

describe("operating a running instance", () => {
  it("reloads, scales, restarts the workers and asks the API", async () => {
    await scene.basalt("start");
    expect((await scene.basalt("reload")).out).toBe("Configuration 2 is in service (1 change).\n");
    expect((await scene.basalt("scale", "3")).out).toBe("Basalt has 3 workers.\n");
    expect((await scene.basalt("restart")).out).toBe("All workers have been replaced.\n");
    expect(JSON.parse((await scene.basalt("api", "version")).out)).toMatchObject({ result: "0.1.0" });
    expect((await scene.basalt("api", "/nothing")).code).toBe(1);
  });

  it("CFG-52 cleans up, with the configured age or another", async () => {
    await scene.basalt("start");
    expect((await scene.basalt("cleanup")).out).toBe("Removed 0 objects (0 B), 1 segment, 0 folders.\n");
    expect((await scene.basalt("cleanup", "--age", "10")).out).toContain("Removed 1,234 objects (1.2 MB)");
    expect(JSON.parse((await scene.basalt("cleanup", "--json")).out)).toMatchObject({ result: { Segments: 1 } });
    expect(await scene.basalt("cleanup", "--age", "soon")).toMatchObject({ code: 2 });
  });

  it("explains a request, as text and as data, and tells a bad question from a refused request", async () => {
    await scene.basalt("start");
    const words = ["explain", "http://a.test/?b&c", "-X", "PUT", "-H", "X: y", "-H", "Z:1"];
    const text = await scene.basalt(...words);
    expect(text.code).toBe(0);
    expect(text.out).toBe(
      "PUT http://a.test/?b&c\nBypasses the cache: the origin answers.\n\n" +
        " 1  Cache or bypass     The request bypasses the cache.\n     method  PUT\n",
    );
    expect(JSON.parse((await scene.basalt(...words, "--json")).out)).toMatchObject({ outcome: "bypass" });
    expect(await scene.basalt("explain", "/a")).toMatchObject({ code: 2, error: "The URL names no host.\n" });
    expect(await scene.basalt("explain", "/a", "-H", "nothing")).toMatchObject({ code: 2 });
    expect(await scene.basalt("explain", `/${"a".repeat(70_000)}`)).toMatchObject({ code: 2 });
  });

  it("ORG-26 AWS-25 shows origin servers, as text and as data", async () => {
    await scene.basalt("start");
    expect(await scene.basalt("origin")).toMatchObject({
      code: 0,
      out: [
        "virtual host  address  role     state",
        "a.test        1.1.1.1  active   Inactive",
        "a.test        b.test   active   Active",
        "a.test        1.1.1.9  standby  Active",
        "",
        "virtual host  IPs       with the TTL that is left",
        "a.test        active    1.1.1.9, 5.5.5.5 (21s)",
        "a.test        inactive  1.1.1.1",
        "",
        "virtual host  out of service  last failure",
        "a.test        1.1.1.1         Connect-Timeout",
        "",
      ].join("\n"),
    });
    expect(JSON.parse((await scene.basalt("origin", "--json")).out)).toMatchObject({
      origin: [{ VirtualHost: "a.test", ActiveIP: [{ "1.1.1.9": 0 }, { "5.5.5.5": 21 }] }],
    });
    expect(await scene.basalt("origin", "--vhost", "nobody.test")).toMatchObject({
      code: 1,
      error: "No virtual host has this name.\n",
    });
  });

  it("ORG-27 takes origin servers in use again, and says when there is no such host", async () => {
    await scene.basalt("start");
    expect(await scene.basalt("resetorigin")).toMatchObject({
      code: 0,
      out: "The origin servers of all virtual hosts are in use again.\n",
    });
    expect(await scene.basalt("resetorigin", "--vhost", "nobody.test")).toMatchObject({
      code: 1,
      error: "No virtual host has this name.\n",
    });
  });

  it("OPT-75 OPT-76 OPT-78 takes disks out of use and in again, and says when there is none", async () => {
    await scene.basalt("start");
    expect(await scene.basalt("unmount", "/my disk+1")).toMatchObject({
      code: 0,
      out: "/my disk+1 is out of use.\n",
    });
    expect(await scene.basalt("mount", "/cache1")).toMatchObject({ code: 0, out: "/cache1 is in use.\n" });
    const refused = await scene.basalt("mount", "/elsewhere");
    expect(refused).toMatchObject({ code: 1, error: "No disk is configured with this path.\n" });
  });

  it("prints what is wrong with a configuration that was refused", async () => {
    await scene.behave("refuse");
    await scene.basalt("start");
    const { code, error } = await scene.basalt("reload");
    expect(code).toBe(1);
    expect(error).toContain("server.xml:3:7: error: <Server/Nmae> Unknown element.");
    expect(error).toContain("the one in service stays");
  });

  it.each([
    ["reload"],
    ["restart"],
    ["scale", "2"],
    ["api", "version"],
    ["cleanup"],
    ["mount", "/cache1"],
    ["explain", "a/b"],
    ["origin"],
    ["resetorigin"],
  ])("says that the instance is not running: %s %s", async (...words) => {
    const { code, error } = await scene.basalt(...words.filter((word) => word !== undefined));
    expect(code).toBe(3);
    expect(error).toContain("is not running");
  });
});

describe("logs", () => {
  it("shows the last lines of the info log", async () => {
    await mkdir(`${scene.home.path}/log`);
    await writeFile(scene.home.infoLog, "one\ntwo\nthree\n");
    expect(await scene.basalt("logs", "-n", "2")).toMatchObject({ code: 0, out: "two\nthree\n" });
  });

  it("says so when there is none", async () => {
    expect((await scene.basalt("logs")).code).toBe(1);
  });
});

const SERVER_XML = "<Server><Host><Name>edge</Name></Host></Server>";
const VHOSTS_XML =
  '<Vhosts><Vhost Name="www.example.com"><Origin><Address>origin.example.com</Address></Origin></Vhost></Vhosts>';

describe("check", () => {
  it("passes a sound configuration", async () => {
    await writeFile(`${scene.home.path}/server.xml`, SERVER_XML);
    await writeFile(`${scene.home.path}/vhosts.xml`, VHOSTS_XML);
    const { code, out } = await scene.basalt("check");
    expect(out).toContain("1 virtual host.");
    expect(code).toBe(0);
  });

  it("prints file and line of what is wrong and ends with 1", async () => {
    await writeFile(`${scene.home.path}/server.xml`, "<Server>\n<Host>\n<Nmae>x</Nmae></Host></Server>");
    await writeFile(`${scene.home.path}/vhosts.xml`, VHOSTS_XML);
    const { code, error } = await scene.basalt("check");
    expect(code).toBe(1);
    expect(error).toMatch(/server\.xml:3:\d+: error:/);
    const json = JSON.parse((await scene.basalt("check", "--json")).out);
    expect(json).toMatchObject({ ok: false, problems: [{ file: "server.xml", line: 3 }] });
  });

  it("CFG-39 fails for what only a start would find out, and changes nothing", async () => {
    const disk = "<Server><Cache><Storage>\n<Disk>server.xml/below</Disk></Storage></Cache></Server>";
    await writeFile(`${scene.home.path}/server.xml`, disk);
    await writeFile(`${scene.home.path}/vhosts.xml`, VHOSTS_XML);
    const before = await readdir(scene.home.path);
    const { code, error } = await scene.basalt("check");
    expect(code).toBe(1);
    expect(error).toMatch(/^server\.xml:2: error: .*server\.xml is not a folder\.$/m);
    expect(await readdir(scene.home.path)).toEqual(before);
  });

  it("CFG-60 warns of a port that another program has, which alone does not fail it", async () => {
    const other = await new Promise<Server>((resolve) => {
      const created = createServer().listen(0, "127.0.0.1", () => resolve(created));
    });
    const address = other.address();
    const port = typeof address === "object" ? address?.port : undefined;
    await writeFile(`${scene.home.path}/server.xml`, SERVER_XML);
    const listening = VHOSTS_XML.replace("<Origin>", `\n<Listen>127.0.0.1:${port}</Listen><Origin>`);
    await writeFile(`${scene.home.path}/vhosts.xml`, listening);
    const { code, out } = await scene.basalt("check", "--json");
    expect(code).toBe(0);
    const report: { problems: { message: string }[] } = JSON.parse(out);
    const found = report.problems.find(({ message }) => message.includes(`Port ${port} is in use`));
    expect(found).toMatchObject({ severity: "warning", file: "vhosts.xml", line: 2 });
    await new Promise((resolve) => other.close(resolve));
  });
});
