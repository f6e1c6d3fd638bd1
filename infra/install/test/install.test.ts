import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { chmod, cp, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findFreePort } from "../../lib/ports.ts";
import { type RigOrigin, startRigOrigin } from "../../lib/rigOrigin.ts";
import { isKept } from "../../release/keptFiles.ts";
import { placePackages } from "../../release/packageTree.ts";

const checkout = join(import.meta.dirname, "..", "..", "..");
const installer = join(checkout, "infra", "install");

const isBuilt = ["cli", "edge"].every((app) => existsSync(join(checkout, "apps", app, "dist")));
const reason = process.getuid?.() === 0 ? (isBuilt ? undefined : "the apps are not built") : "installing needs root";

/** A user without any rights. */
const NOBODY = 65_534;

const run = (command: string, ...words: readonly string[]) => {
  const { status, stdout, stderr } = spawnSync(command, words, { encoding: "utf8", timeout: 90_000 });
  return { status, out: stdout, error: stderr };
};

const get = (port: number, path: string): Promise<{ readonly status: number; readonly bytes: number }> =>
  new Promise((resolve, reject) => {
    const sent = request(
      { host: "127.0.0.1", port, path, agent: false, headers: { host: "www.example.com" } },
      (response) => {
        let bytes = 0;
        response.on("data", (chunk: Buffer) => {
          bytes += chunk.length;
        });
        response.once("end", () => resolve({ status: response.statusCode ?? 0, bytes }));
        response.once("error", reject);
      },
    );
    sent.once("error", reject);
    sent.end();
  });

const filesBelow = async (folder: string): Promise<readonly string[]> =>
  (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length))
    .toSorted();

describe.skipIf(reason !== undefined)(
  `an installed Basalt${reason === undefined ? "" : ` (skipped: ${reason})`}`,
  () => {
    let work = "";
    let root = "";
    let home = "";
    let release = "";
    let port = 0;
    let origin: RigOrigin;
    const basalt = (...words: readonly string[]) => run(join(home, "bin", "basalt"), ...words);
    const install = (...words: readonly string[]) => run(join(release, "install.sh"), "--root", root, ...words);
    const logged = () => readFileSync(join(home, "install.log"), "utf8");

    beforeAll(async () => {
      work = await mkdtemp(join(tmpdir(), "basalt-install-"));
      root = join(work, "root");
      home = join(root, "usr", "local", "basalt");
      await mkdir(root);
      await chmod(work, 0o755);
      const pack = join(checkout, "infra", "release", "pack.ts");
      const packed = run(process.execPath, "--conditions=@basalt/source", pack, "--folder", "--out", work);
      release = packed.out.trim();
      expect(packed.status, packed.error).toBe(0);
      origin = await startRigOrigin();
    });

    afterAll(async () => {
      if (existsSync(join(home, "bin", "basalt"))) basalt("stop");
      await origin.stop();
      await rm(work, { recursive: true, force: true });
    });

    it("CFG-01, CFG-02 runs from one folder, without anything else of the machine", () => {
      const { status, out } = run("env", "-i", join(release, "bin", "basalt"), "version");
      expect(status).toBe(0);
      expect(out).toMatch(/^Basalt \d+\.\d+\.\d+ \(Node 24\./);
      expect(run("find", join(release, "app"), "-type", "l").out).toBe("");
    });

    it("CFG-03, LOG-01, LOG-33 installs, and says step by step what it does", async () => {
      const { status, error } = install("--download-url", "https://example.com/basalt.tar.gz", "--download-time", "13");
      expect(status, error).toBe(0);
      const lines = logged().split("\n");
      expect(lines.slice(0, 4)).toEqual([
        "#DownloadURL: https://example.com/basalt.tar.gz",
        "#DownloadTime: 13 sec",
        expect.stringMatching(/^#Target: basalt \S+ linux \S+$/),
        expect.stringMatching(/^#Date: \d{4}\.\d\d\.\d\d \d\d:\d\d:\d\d$/),
      ]);
      expect(lines.filter((line) => line.startsWith("["))).toEqual([
        "[Copying files]",
        "[Exporting config files]",
        "[Configuring Basalt daemon script]",
        "[Installing sub-packages]",
        "[Installing WM]",
      ]);
      expect(lines.slice(-2)).toEqual(["Installation successfully complete", ""]);
      const kernel = readFileSync(join(root, "etc", "sysctl.d", "90-basalt.conf"), "utf8");
      expect(kernel).toContain("vm.swappiness = 0\n");
      expect(kernel).toMatch(/^vm\.min_free_kbytes = \d+$/m);
      const unit = readFileSync(join(root, "etc", "systemd", "system", "basalt.service"), "utf8");
      expect(unit).toContain("AmbientCapabilities=CAP_NET_BIND_SERVICE");
      expect(readlinkSync(join(root, "usr", "local", "bin", "basalt"))).toBe("/usr/local/basalt/bin/basalt");
    });

    it("CFG-04 is installed, updated and taken back by root alone: another user changes nothing", async () => {
      const before = await filesBelow(root);
      const own = ["--prefix", join(work, "own"), "--no-system"];
      for (const words of [["--root", root], ["--root", root, "--back"], own]) {
        const { status, stderr } = spawnSync(join(release, "install.sh"), words, {
          cwd: "/",
          encoding: "utf8",
          uid: NOBODY,
          gid: NOBODY,
        });
        expect([status, stderr]).toEqual([1, "basalt: installing needs root\n"]);
      }
      expect([await filesBelow(root), existsSync(join(work, "own"))]).toEqual([before, false]);
    });

    it("CFG-06 does not start before the administrator has copied the default files", () => {
      expect(existsSync(join(home, "server.xml"))).toBe(false);
      const { status, error } = basalt("check");
      expect(status).toBe(1);
      expect(error).toContain("server.xml");
      expect(error).toContain("vhosts.xml");
      expect(basalt("start", "--foreground").status).toBe(78);
    });

    it("CFG-07, CFG-09 serves with the default files, edited", async () => {
      port = await findFreePort();
      const manager = await findFreePort();
      const edit = async (file: string, ...changes: readonly (readonly [string, string])[]): Promise<void> => {
        const text = readFileSync(join(home, `${file}.default`), "utf8");
        const edited = changes.reduce((before, [from, to]) => {
          expect(before).toContain(from);
          return before.replace(from, to);
        }, text);
        await writeFile(join(home, file), edited);
      };
      await edit(
        "server.xml",
        ['Port="10040"', `Port="${manager}"`],
        ["<!-- <Disk>/cache1</Disk> -->", "<Disk>content</Disk>"],
        ["</Storage>", "</Storage><Listen>127.0.0.1</Listen><Workers>1</Workers>"],
      );
      await edit("vhosts.xml", ["*:80", `*:${port}`], ["origin.example.com", `127.0.0.1:${origin.port}`]);
      await mkdir(join(home, "content"));
      const checked = basalt("check");
      expect(checked.status, checked.error).toBe(0);
      const started = basalt("start");
      expect(started.status, started.error).toBe(0);
      expect(await get(port, "/bytes/1024/a")).toEqual({ status: 200, bytes: 1024 });
    });

    it("CFG-05 an update stops the server, takes its place, and starts it again with what was stored", async () => {
      const before = readlinkSync(join(home, "current"));
      const asked = await origin.requests();
      await cp(release, join(work, "newer"), { recursive: true, mode: 2 });
      await writeFile(join(work, "newer", "VERSION"), "9.9.9\n");
      const { status, error } = run(join(work, "newer", "install.sh"), "--root", root);
      expect(status, error).toBe(0);
      expect(readlinkSync(join(home, "current"))).toMatch(/^releases\/9\.9\.9-\d+$/);
      expect(readlinkSync(join(home, "previous"))).toBe(before);
      expect(logged()).toContain("stopping the running server");
      expect(await get(port, "/bytes/1024/a")).toEqual({ status: 200, bytes: 1024 });
      expect(await origin.requests()).toBe(asked);
    });

    it("CFG-05 goes back to the release before", async () => {
      const { status, error } = run(join(home, "install.sh"), "--back", "--root", root);
      expect(status, error).toBe(0);
      expect(readlinkSync(join(home, "current"))).not.toContain("9.9.9");
      expect(readlinkSync(join(home, "previous"))).toContain("9.9.9");
      expect(await get(port, "/bytes/1024/a")).toEqual({ status: 200, bytes: 1024 });
      expect(readdirSync(join(home, "releases"))).toHaveLength(2);
    });

    it("uninstalls what it installed: configuration and content stay, and go with --purge", async () => {
      const { status, error } = run(join(home, "uninstall.sh"), "--root", root);
      expect(status, error).toBe(0);
      const left = (await filesBelow(root)).filter(
        (file) => !/^\/usr\/local\/basalt\/(content|data|log|conf)\//.test(file),
      );
      expect(left.filter((file) => !file.endsWith("stale.log"))).toEqual([
        "/usr/local/basalt/server.xml",
        "/usr/local/basalt/vhosts.xml",
      ]);
      expect(existsSync(join(home, "content", "basalt-disk.json"))).toBe(true);
      await expect(get(port, "/")).rejects.toThrow();
      expect(install().status).toBe(0);
      expect(run(join(home, "uninstall.sh"), "--root", root, "--purge").status).toBe(0);
      expect(await filesBelow(root)).toEqual([]);
    });
  },
);

describe("the installer refuses", () => {
  it.each([
    ["an unknown option", ["--frobnicate"], "unknown option --frobnicate"],
    ["a prefix that is no path", ["--prefix", "basalt"], "--prefix must be an absolute path"],
    ["the root folder as a prefix", ["--prefix", "/"], "--prefix must be an absolute path"],
    ["blanks in paths", ["--prefix", "/opt/my basalt"], "blanks"],
    ["a folder that is not there", ["--root", "/nowhere/at/all"], "there is no folder"],
    ["an option without its value", ["--root"], "--root needs a value"],
  ])("%s", (_, words, message) => {
    const { status, error } = run("bash", join(installer, "install.sh"), ...words);
    expect(status).toBe(1);
    expect(error).toContain(message);
  });

  it.skipIf(process.getuid?.() !== 0)(
    "CFG-01 a folder that others use: it would be removed by uninstall.sh --purge",
    async () => {
      const root = await mkdtemp(join(tmpdir(), "basalt-root-"));
      await mkdir(join(root, "usr", "local", "bin"), { recursive: true });
      const refused = run("bash", join(installer, "install.sh"), "--root", root, "--prefix", "/usr/local");
      expect(refused).toMatchObject({ status: 1, error: expect.stringContaining("holds other things") });
      expect(readdirSync(join(root, "usr", "local"))).toEqual(["bin"]);
      await rm(root, { recursive: true });
    },
  );

  it.skipIf(process.getuid?.() !== 0)("what is no release, and to take away what is not there", async () => {
    const root = await mkdtemp(join(tmpdir(), "basalt-root-"));
    expect(run("bash", join(installer, "install.sh"), "--root", root)).toMatchObject({
      status: 1,
      error: expect.stringContaining("this is no complete release"),
    });
    expect(run("bash", join(installer, "uninstall.sh"), "--root", root)).toMatchObject({
      status: 1,
      error: expect.stringContaining("nothing is installed"),
    });
    expect(await filesBelow(root)).toEqual([]);
    await rm(root, { recursive: true });
  });
});

describe("a release", () => {
  it("holds every package that the program needs, each once", () => {
    const packages = placePackages(join(checkout, "apps", "cli"));
    const names = packages.map(({ name }) => name);
    for (const name of ["@basalt/cli", "@basalt/edge", "@basalt/types", "undici", "better-sqlite3", "prom-client"]) {
      expect(names).toContain(name);
    }
    expect(names).not.toContain("typescript");
    expect(names).not.toContain("vitest");
    expect(new Set(packages.map(({ to }) => to)).size).toBe(packages.length);
  });

  it.each([
    ["@basalt/edge", true, "dist/primary.js", true],
    ["@basalt/edge", true, "dist/primary.d.ts", false],
    ["@basalt/edge", true, "dist/primary.js.map", false],
    ["@basalt/edge", true, "src/primary.ts", false],
    ["@basalt/cli", true, "dist/worker.js.map", true],
    ["@basalt/cli", true, "dist/index.d.ts", false],
    ["@basalt/edge", true, "test", false],
    ["better-sqlite3", false, "prebuilds/linux-x64.node", true],
    ["better-sqlite3", false, "prebuilds/darwin-x64.node", false],
    ["better-sqlite3", false, "prebuilds/linuxmusl-x64.node", false],
    ["better-sqlite3", false, "deps/sqlite3/sqlite3.c", false],
    ["better-sqlite3", false, "lib/index.js", true],
    ["undici", false, "lib/dispatcher/client.js", true],
    ["undici", false, "docs/docs/api/Client.md", false],
    ["undici", false, "LICENSE", true],
    ["undici", false, "package.json", true],
    ["undici", false, "node_modules/x/index.js", false],
  ])("of %s (own: %s) %s is kept: %s", (name, isOwn, path, expected) => {
    expect(isKept({ name, isOwn, version: "", from: "", to: "" }, path, "x64")).toBe(expected);
  });
});
