import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import type { ConfigOutcome } from "@basalt/config";
import { packConfig, type ReloadOutcome } from "@basalt/management";
import { AdjustableClock, epochMs, milliseconds } from "@basalt/types";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ConfigHistory } from "../src/configHistory.ts";
import { ConfigHistoryList } from "../src/configHistoryList.ts";
import { placeFiles, recoverPlacement } from "../src/configHistoryPlacement.ts";
import { loadConfig } from "../src/loadConfig.ts";

const SERVER = "<Server><Cache><ConfigHistory>10</ConfigHistory></Cache></Server>";
const vhosts = (name: string): string =>
  `<Vhosts><Vhost Name="${name}"><Origin><Address>127.0.0.1</Address></Origin></Vhost></Vhosts>`;

let home: string;
let clock: AdjustableClock;
const logged: string[] = [];

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "basalt-history-"));
  clock = new AdjustableClock();
  logged.length = 0;
  await write({ "server.xml": SERVER, "vhosts.xml": vhosts("a.com"), "svc/a.com/ttl.txt": "*.jpg, 10\n" });
});
afterEach(() => rm(home, { recursive: true, force: true }));

const write = async (files: Readonly<Record<string, string>>): Promise<void> => {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(home, path)), { recursive: true });
    await writeFile(join(home, path), text);
  }
};

const text = (path: string): Promise<string> => readFile(join(home, path), "utf8").catch(() => "absent");

const advanceDays = (days: number): void => clock.setOffset(milliseconds(clock.offsetMs + days * 86_400_000));

/** An instance as far as the history knows it. */
class Instance {
  generation = 1;
  served = "";
  refusal: string | undefined;
  #changing: Promise<unknown> = Promise.resolve();
  history!: ConfigHistory;

  static async start(): Promise<Instance> {
    const instance = new Instance();
    await recoverPlacement(home);
    const log = (line: string): void => void logged.push(line);
    const list = await ConfigHistoryList.open(home);
    instance.history = new ConfigHistory(
      {
        home,
        clock,
        log: {
          notice: log,
          warning: log,
          error: log,
          reopen: () => undefined,
          flush: () => Promise.resolve(),
          close: () => Promise.resolve(),
        },
        generation: () => instance.generation,
        putInService: (outcome) => Promise.resolve(instance.#serve(outcome)),
        exclusively: (change) => {
          const done = instance.#changing.then(change);
          instance.#changing = done.catch(() => {});
          return done;
        },
      },
      list,
    );
    const loaded = await loadConfig(home, 1);
    if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
    instance.#serve(loaded);
    await instance.history.started(loaded.sources);
    return instance;
  }

  #serve(outcome: ConfigOutcome): ReloadOutcome {
    if (!outcome.ok) return { kind: "refused", problems: outcome.problems };
    if (this.refusal !== undefined) {
      const place = {
        severity: "error",
        file: "vhosts.xml",
        line: 0,
        column: 0,
        element: "Vhosts/Vhost/Listen",
      } as const;
      return { kind: "refused", problems: [{ ...place, message: this.refusal }] };
    }
    this.generation = outcome.config.generation;
    this.served = outcome.config.vhosts.map(({ name }) => name).join();
    return { kind: "applied", generation: this.generation, changes: 1, needRestart: [], warnings: outcome.warnings };
  }

  get entries(): readonly (readonly [number, string])[] {
    return this.history.history().map(({ id, kind }) => [id, kind] as const);
  }
}

const tgz = (files: Readonly<Record<string, string>>): Promise<Buffer> =>
  packConfig(new Map(Object.entries(files).map(([path, content]) => [path, Buffer.from(content)])), new Date(0));

describe("the history", () => {
  it("CFG-75 CFG-82 has an entry for the start and for each change, and is there after a restart", async () => {
    const first = await Instance.start();
    await write({ "vhosts.xml": vhosts("b.com") });
    await first.history.reload();
    await first.history.restore({ id: 1, hash: undefined });
    await first.history.upload("vhosts.xml", Buffer.from(vhosts("c.com")));
    const second = await Instance.start();
    expect(second.entries).toEqual([
      [1, "loaded"],
      [2, "modified"],
      [3, "restored"],
      [4, "uploaded"],
      [5, "loaded"],
    ]);
    expect(second.served).toBe("c.com");
  });

  it("AWS-31: a file is edited as the change before has left it, and not put in service where nothing changes", async () => {
    const instance = await Instance.start();
    const rename = (from: string, to: string) =>
      instance.history.edit("vhosts.xml", (inService) => {
        const before = String(Buffer.from(inService ?? ""));
        const after = before.replace(from, to);
        return { bytes: after === before ? undefined : Buffer.from(after), result: before.includes(from) };
      });
    const [, first, second, third] = await Promise.all([
      instance.history.upload("vhosts.xml", Buffer.from(vhosts("b.com"))),
      rename("b.com", "c.com"),
      rename("c.com", "d.com"),
      rename("b.com", "e.com"),
    ]);
    expect([first?.result, second?.result, third]).toEqual([true, true, { uploaded: undefined, result: false }]);
    expect(instance.served).toBe("d.com");
  });

  it("CFG-72 keeps an archive by time and hash; the same settings have the same hash and share one file", async () => {
    const { history } = await Instance.start();
    advanceDays(1 / 24);
    await history.reload();
    const [one, other] = history.history();
    expect([one?.hash, one?.sizeBytes]).toEqual([other?.hash, other?.sizeBytes]);
    const names = (await readdir(join(home, "conf"))).filter((name) => name.endsWith(".tgz"));
    expect(names).toHaveLength(2);
    for (const name of names) expect(name).toMatch(/^\d{8}_\d{6}_[0-9A-F]{40}\.tgz$/);
    const [first, second] = await Promise.all(names.map((name) => stat(join(home, "conf", name))));
    expect(first?.ino).toBe(second?.ino);
    expect((first?.mode ?? 0) & 0o777).toBe(0o600);
  });

  it("CFG-72 OPEN 15 has an entry for a reload without a change, and one archive for the same second", async () => {
    const { history } = await Instance.start();
    const hashes = new Set<string>();
    for (let round = 0; round < 3; round++) await history.reload();
    for (const { hash } of history.history()) hashes.add(hash);
    expect([history.history().length, hashes.size]).toEqual([4, 1]);
    const names = (await readdir(join(home, "conf"))).filter((name) => name.endsWith(".tgz"));
    expect(names.length).toBeLessThanOrEqual(3);
  });

  it("REG-141 CFG-72 backs up every condition file, and what lies beside them not", async () => {
    await write({ "svc/a.com/postbody.txt": "/p\n", "svc/a.com/notes.txt": "mine", "license.xml": "<L/>" });
    const { history } = await Instance.start();
    expect(await history.fileInService("svc/a.com/postbody.txt")).toEqual(Buffer.from("/p\n"));
    expect(await history.fileInService("svc/a.com/notes.txt")).toBeUndefined();
    const archive = await history.archiveOf({ id: 1, hash: undefined });
    expect(archive?.name).toMatch(/\.tgz$/);
    expect(await text(`conf/${archive?.name}`)).not.toBe("absent");
  });

  it("REG-142 backs up the settings of hundreds of hosts, and puts them back", async () => {
    const names = Array.from({ length: 300 }, (_, index) => `host${index}.example.com`);
    const all = names
      .map((name) => `<Vhost Name="${name}"><Origin><Address>127.0.0.1</Address></Origin></Vhost>`)
      .join("");
    await write({ "vhosts.xml": `<Vhosts>${all}</Vhosts>` });
    await write(Object.fromEntries(names.map((name, index) => [`svc/${name}/ttl.txt`, `/a, ${index + 1}\n`])));
    const instance = await Instance.start();
    await write({ "vhosts.xml": vhosts("a.com") });
    for (const name of names) await rm(join(home, "svc", name), { recursive: true });
    await instance.history.reload();
    expect(instance.served).toBe("a.com");
    expect(await instance.history.restore({ id: 1, hash: undefined })).toMatchObject({ kind: "restored" });
    expect(instance.served).toBe(names.join());
    for (const [index, name] of names.entries()) expect(await text(`svc/${name}/ttl.txt`)).toBe(`/a, ${index + 1}\n`);
  });

  it("CFG-73 shows what is in service, not what was edited since", async () => {
    const { history } = await Instance.start();
    await write({ "svc/a.com/ttl.txt": "*.png, 5\n" });
    expect(await history.fileInService("svc/a.com/ttl.txt")).toEqual(Buffer.from("*.jpg, 10\n"));
    await history.reload();
    expect(await history.fileInService("svc/a.com/ttl.txt")).toEqual(Buffer.from("*.png, 5\n"));
  });

  it("CFG-31 has no entry for a reload that is refused", async () => {
    const instance = await Instance.start();
    await write({ "vhosts.xml": "<Vhosts" });
    expect(await instance.history.reload()).toMatchObject({ kind: "refused" });
    expect(instance.entries).toEqual([[1, "loaded"]]);
  });

  it("REG-145 CFG-51 forgets what is older than the days configured, but never the last", async () => {
    const { history } = await Instance.start();
    advanceDays(6);
    await write({ "vhosts.xml": vhosts("b.com") });
    await history.reload();
    advanceDays(5);
    await history.prune(10);
    expect(history.history().map(({ id }) => id)).toEqual([2]);
    expect((await readdir(join(home, "conf"))).filter((name) => name.endsWith(".tgz"))).toHaveLength(1);
    advanceDays(1_000);
    await history.prune(10);
    expect((await Instance.start()).entries).toEqual([
      [2, "modified"],
      [3, "loaded"],
    ]);
  });

  it("CFG-51 loses nothing that comes into service while old entries go", async () => {
    const list = await ConfigHistoryList.open(home);
    const content = (text: string) => new Map([["server.xml", Buffer.from(text)]]);
    const day = 86_400_000;
    for (let number = 0; number < 5; number++) await list.record(content(`${number}`), "loaded", epochMs(number));
    const coming = Array.from({ length: 5 }, (_, number) =>
      list.record(content("same"), "modified", epochMs(20 * day + number)),
    );
    await Promise.all([list.prune(1, epochMs(20 * day)), ...coming, list.prune(1, epochMs(20 * day))]);
    const kept = list.entries.map(({ id }) => id);
    expect(kept.slice(-5)).toEqual([6, 7, 8, 9, 10]);
    expect((await ConfigHistoryList.open(home)).entries.map(({ id }) => id)).toEqual(kept);
  });

  it("CFG-75 goes on after a list with a torn or foreign line, and from the archives when the list is lost", async () => {
    await Instance.start();
    const list = join(home, "conf", "history.jsonl");
    await writeFile(list, `${await readFile(list, "utf8")}nonsense\n{"id":"x"}\n[]\n{"id":2,"atMs`);
    expect((await Instance.start()).entries).toEqual([
      [1, "loaded"],
      [2, "loaded"],
    ]);
    expect((await Instance.start()).entries).toHaveLength(3);
    await rm(list);
    expect((await Instance.start()).entries.at(-1)?.[1]).toBe("loaded");
  });
});

describe("restore", () => {
  it("CFG-76 A6 of spec 01: the hash wins over the id, and the files are as they were", async () => {
    const instance = await Instance.start();
    const hash = instance.history.history()[0]?.hash ?? "";
    await write({ "vhosts.xml": vhosts("b.com"), "svc/b.com/acl.txt": "/x\n", "svc/a.com/notes.txt": "mine" });
    await rm(join(home, "svc/a.com/ttl.txt"));
    await instance.history.reload();
    expect(instance.served).toBe("b.com");
    expect(await instance.history.restore({ hash: hash.toLowerCase(), id: 2 })).toEqual({ kind: "restored", hash });
    expect(instance.served).toBe("a.com");
    expect(instance.history.history().at(-1)).toMatchObject({ kind: "restored", hash });
    expect(await text("vhosts.xml")).toBe(vhosts("a.com"));
    expect(await text("svc/a.com/ttl.txt")).toBe("*.jpg, 10\n");
    expect(await text("svc/b.com/acl.txt")).toBe("absent");
    expect(await text("svc/a.com/notes.txt")).toBe("mine");
  });

  it("CFG-76 changes nothing for what is unknown, gone or damaged", async () => {
    const instance = await Instance.start();
    expect(await instance.history.restore({ id: 99, hash: undefined })).toEqual({ kind: "unknown" });
    expect(await instance.history.restore({ id: undefined, hash: "F".repeat(40) })).toEqual({ kind: "unknown" });
    const archive = await instance.history.archiveOf({ id: 1, hash: undefined });
    await writeFile(join(home, "conf", archive?.name ?? ""), "damaged");
    expect(await instance.history.restore({ id: 1, hash: undefined })).toMatchObject({ kind: "failed" });
    await rm(join(home, "conf", archive?.name ?? ""));
    expect(await instance.history.restore({ id: 1, hash: undefined })).toEqual({ kind: "unknown" });
    expect(instance.entries).toEqual([[1, "loaded"]]);
  });
});

describe("upload", () => {
  it("CFG-80 replaces the whole configuration", async () => {
    const instance = await Instance.start();
    const uploaded = { "server.xml": "<Server/>", "vhosts.xml": vhosts("c.com"), "svc/c.com/headers.txt": "" };
    expect(await instance.history.upload("archive", await tgz(uploaded))).toMatchObject({ code: "E0000" });
    expect([instance.served, instance.generation]).toEqual(["c.com", 2]);
    expect(await text("server.xml")).toBe("<Server/>");
    expect(await text("svc/a.com/ttl.txt")).toBe("absent");
    expect(instance.entries.at(-1)).toEqual([2, "uploaded"]);
  });

  it.each([
    ["plain", (xml: string) => Promise.resolve(Buffer.from(xml))],
    ["gzip", (xml: string) => Promise.resolve(gzipSync(xml))],
    ["tgz", (xml: string) => tgz({ "vhosts.xml": xml })],
  ])("CFG-81 OPEN 16 takes vhosts.xml as %s, with the server.xml in service", async (_, encode) => {
    const instance = await Instance.start();
    await write({ "server.xml": "<Server><Cache><Listen>9.9.9.9</Listen></Cache></Server>" });
    expect(await instance.history.upload("vhosts.xml", await encode(vhosts("c.com")))).toMatchObject({ code: "E0000" });
    expect(instance.served).toBe("c.com");
    expect(await text("vhosts.xml")).toBe(vhosts("c.com"));
    expect(await text("server.xml")).toContain("9.9.9.9");
    expect(await instance.history.fileInService("server.xml")).toEqual(Buffer.from(SERVER));
  });

  it("CFG-81 renews everything with server.xml", async () => {
    const instance = await Instance.start();
    await write({ "vhosts.xml": vhosts("edited.com") });
    expect(await instance.history.upload("server.xml", Buffer.from("<Server/>"))).toMatchObject({ code: "E0000" });
    expect(instance.served).toBe("edited.com");
    expect(await text("server.xml")).toBe("<Server/>");
  });

  it.each([
    ["E0002", "archive", () => Promise.resolve(Buffer.from("random bytes"))],
    ["E0003", "archive", () => tgz({ "server.xml": "<Server/>" })],
    ["E0003", "archive", () => tgz({ "server.xml": "<Server", "vhosts.xml": vhosts("c.com") })],
    ["E0004", "archive", () => tgz({ "server.xml": "<Server><Cahe/></Server>", "vhosts.xml": vhosts("c.com") })],
    ["E0002", "vhosts.xml", () => Promise.resolve(gzipSync("<Vhosts/>").subarray(0, 12))],
    ["E0003", "vhosts.xml", () => Promise.resolve(Buffer.from("<Vhosts>"))],
    ["E0003", "vhosts.xml", () => Promise.resolve(Buffer.from([0x3c, 0xff, 0xfe]))],
    ["E0003", "server.xml", () => Promise.resolve(Buffer.alloc(17 * 1024 ** 2, 0x20))],
    ["E0004", "vhosts.xml", () => Promise.resolve(Buffer.from("<Vhosts><Vhost Name='a b'/></Vhosts>"))],
    ["E0004", "server.xml", () => Promise.resolve(Buffer.from('<Server><Host><Manager Port="x"/></Host></Server>'))],
  ] as const)("CFG-79 %s for %s leaves files and configuration as they were", async (code, kind, content) => {
    const instance = await Instance.start();
    const outcome = await instance.history.upload(kind, await content());
    expect(outcome.code).toBe(code);
    expect(outcome.notes.length + outcome.problems.length).toBeGreaterThan(0);
    expect([await text("server.xml"), await text("vhosts.xml"), await text("svc/a.com/ttl.txt")]).toEqual([
      SERVER,
      vhosts("a.com"),
      "*.jpg, 10\n",
    ]);
    expect([instance.generation, instance.entries]).toEqual([1, [[1, "loaded"]]]);
    expect(await readdir(home)).not.toContain(".configuration-change");
  });

  it("CFG-79 puts the files back when the configuration cannot come into service", async () => {
    const instance = await Instance.start();
    instance.refusal = "port 80 is taken";
    const outcome = await instance.history.upload(
      "archive",
      await tgz({ "server.xml": "<Server/>", "vhosts.xml": vhosts("c.com") }),
    );
    expect(outcome).toMatchObject({ code: "E0004", problems: [{ message: "port 80 is taken" }] });
    expect([await text("server.xml"), await text("vhosts.xml"), await text("svc/a.com/ttl.txt")]).toEqual([
      SERVER,
      vhosts("a.com"),
      "*.jpg, 10\n",
    ]);
    expect(instance.entries).toEqual([[1, "loaded"]]);
  });
});

const isRoot = process.getuid?.() === 0;

describe("a home folder that takes nothing", () => {
  it("REG-143 says that a backup cannot be written, has the reload in service, and writes it later", async () => {
    await writeFile(join(home, "conf"), "in the way");
    const instance = await Instance.start();
    await write({ "vhosts.xml": vhosts("b.com") });
    expect(await instance.history.reload()).toMatchObject({
      kind: "applied",
      warnings: expect.arrayContaining([
        expect.objectContaining({ message: expect.stringMatching(/backup cannot be written: (EEXIST|ENOTDIR)/) }),
      ]),
    });
    expect(instance.served).toBe("b.com");
    expect((await instance.history.archiveOf({ id: 1, hash: undefined }))?.bytes.length).toBeGreaterThan(0);
    expect(await instance.history.restore({ id: 1, hash: undefined })).toMatchObject({ kind: "restored" });
    expect(logged.join()).toMatch(/backup cannot be written/);
    // With room again nothing is lost.
    await rm(join(home, "conf"));
    await instance.history.reload();
    expect((await Instance.start()).entries.map(([id]) => id)).toEqual([1, 2, 3, 4, 5]);
  });

  it("refuses an upload whose files cannot be put in place, and loses nothing", async () => {
    const instance = await Instance.start();
    await mkdir(join(home, ".configuration-change"));
    await symlink("/nonexistent/folder", join(home, "svc/c.com"));
    const outcome = await instance.history.upload(
      "archive",
      await tgz({ "server.xml": "<Server/>", "vhosts.xml": vhosts("c.com"), "svc/c.com/ttl.txt": "" }),
    );
    expect(outcome).toMatchObject({ code: "E0002", notes: [expect.stringMatching(/cannot be put in place/)] });
    expect([await text("server.xml"), await text("vhosts.xml"), instance.served]).toEqual([
      SERVER,
      vhosts("a.com"),
      "a.com",
    ]);
  });

  it.skipIf(isRoot)("refuses an upload into a folder that is read-only", async () => {
    const instance = await Instance.start();
    await chmod(home, 0o500);
    const outcome = await instance.history.upload("vhosts.xml", Buffer.from(vhosts("c.com")));
    await chmod(home, 0o700);
    expect(outcome.code).toBe("E0003");
    expect(instance.served).toBe("a.com");
  });
});

describe("a change that a crash interrupts", () => {
  const changes = new Map<string, Uint8Array | undefined>([
    ["server.xml", Buffer.from("<New/>")],
    ["vhosts.xml", undefined],
    ["svc/b.com/ttl.txt", Buffer.from("new")],
  ]);

  it("is whole when it was decided", async () => {
    await chmod(join(home, "server.xml"), 0o600);
    await (await placeFiles(home, changes)).commit();
    expect(await recoverPlacement(home)).toBe(false);
    expect([await text("server.xml"), await text("vhosts.xml"), await text("svc/b.com/ttl.txt")]).toEqual([
      "<New/>",
      "absent",
      "new",
    ]);
    expect((await stat(join(home, "server.xml"))).mode & 0o777).toBe(0o600);
  });

  it("is taken back when it was not", async () => {
    await placeFiles(home, changes);
    expect(await text("server.xml")).toBe("<New/>");
    expect(await recoverPlacement(home)).toBe(true);
    expect([await text("server.xml"), await text("vhosts.xml"), await text("svc/b.com/ttl.txt")]).toEqual([
      SERVER,
      vhosts("a.com"),
      "absent",
    ]);
    expect(await recoverPlacement(home)).toBe(false);
  });

  it("is taken back at every step where a crash can come", async () => {
    for (let done = 0; done <= 3; done++) {
      const some = new Map([...changes].slice(0, done));
      await placeFiles(home, some);
      const journal = join(home, ".configuration-change", "journal");
      // The journal names all files while only some are in place.
      await writeFile(journal, "11 server.xml\n10 vhosts.xml\n01 svc/b.com/ttl.txt\n");
      for (let number = done; number < 3; number++) {
        await writeFile(join(home, ".configuration-change", "new", String(number)), "not placed");
      }
      expect(await recoverPlacement(home)).toBe(true);
      expect([await text("server.xml"), await text("vhosts.xml"), await text("svc/b.com/ttl.txt")]).toEqual([
        SERVER,
        vhosts("a.com"),
        "absent",
      ]);
    }
  });
});
