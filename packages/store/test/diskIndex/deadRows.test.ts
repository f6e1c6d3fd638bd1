import { join } from "node:path";
import { EdgeError, epochMs, systemClock } from "@basalt/types";
import Database from "better-sqlite3";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { DiskIndex, IndexRow } from "../../src/contract.ts";
import { openDiskIndexReader } from "../../src/diskIndex/reader.ts";
import { openDiskIndexWriter } from "../../src/diskIndex/writer.ts";
import { sampleLocation, sampleRow, unexpectedProblem } from "../support/samples.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";

const indexPath = (): string => join(temporaryFolder(), "index.db");
const openWriter = (path: string): DiskIndex =>
  openDiskIndexWriter(path, { clock: systemClock, onProblem: unexpectedProblem });

const urlsOf = async (index: DiskIndex, filter: { readonly vhost?: string } = {}): Promise<string[]> => {
  const urls: string[] = [];
  await index.scan(filter, (row) => urls.push(row.url));
  return urls.sort();
};

const ofHost = (vhost: string, url: string): IndexRow => sampleRow({ vhost, url });
const onDisk = (disk: number, url: string, change: Partial<IndexRow["location"]> = {}): IndexRow =>
  sampleRow({ url, location: sampleLocation({ disk, segment: 100 + disk, ...change }) });

describe("virtual hosts that are removed", () => {
  it("CFG-56 makes their objects absent at once, written or waiting, and leaves the others", async () => {
    const index = openWriter(indexPath());
    index.put(ofHost("a.example", "/written"));
    index.put(ofHost("b.example", "/stays"));
    await index.flush();
    index.put(ofHost("a.example", "/waiting"));
    index.keepVhosts(new Set(["b.example"]));
    for (const url of ["/written", "/waiting"]) {
      const { key } = ofHost("a.example", url);
      expect([index.find(key), index.update(key, { ttl: 1 }), index.remove(key)]).toEqual([
        undefined,
        undefined,
        undefined,
      ]);
      expect(index.findVariants("a.example", url)).toEqual([]);
    }
    expect(await urlsOf(index)).toEqual(["/stays"]);
    expect(await urlsOf(index, { vhost: "a.example" })).toEqual([]);
    index.close();
  });

  it("CFG-56 does not bring content back when a host of that name comes again, not even over a restart", async () => {
    const path = indexPath();
    const first = openWriter(path);
    first.put(ofHost("a.example", "/old"));
    first.keepVhosts(new Set(["a.example"]));
    await first.flush();
    first.keepVhosts(new Set());
    first.put(ofHost("a.example", "/late, of a fill that was under way"));
    first.keepVhosts(new Set(["a.example"]));
    first.put(ofHost("a.example", "/new"));
    expect(await urlsOf(first, { vhost: "a.example" })).toEqual(["/new"]);
    first.close();
    const second = openWriter(path);
    second.keepVhosts(new Set(["a.example"]));
    expect(await urlsOf(second)).toEqual(["/new"]);
    expect(await second.sweep()).toBe(1);
    expect(await second.sweep()).toBe(0);
    expect(await urlsOf(second)).toEqual(["/new"]);
    expect(second.totals.objects).toBe(1);
    second.close();
  });

  it("CFG-56 hides them from readers too, who load the names once for it", async () => {
    const path = indexPath();
    const index = openWriter(path);
    const reader = openDiskIndexReader(path);
    index.put(ofHost("a.example", "/a"));
    index.put(ofHost("b.example", "/b"));
    await index.flush();
    expect(reader.find(ofHost("a.example", "/a").key)?.url).toBe("/a");
    index.keepVhosts(new Set(["b.example"]));
    reader.refresh();
    expect(reader.find(ofHost("a.example", "/a").key)).toBeUndefined();
    expect(reader.find(ofHost("b.example", "/b").key)?.url).toBe("/b");
    index.keepVhosts(new Set(["a.example", "b.example"]));
    index.put(ofHost("a.example", "/again"));
    await index.flush();
    reader.refresh();
    expect(reader.find(ofHost("a.example", "/a").key)).toBeUndefined();
    expect(reader.find(ofHost("a.example", "/again").key)?.vhost).toBe("a.example");
    reader.close();
    index.close();
  });

  it("replaces a dead row exactly: the accounts count the new one only", async () => {
    const index = openWriter(indexPath());
    const old = ofHost("a.example", "/same");
    index.put({ ...old, location: sampleLocation({ segment: 1, file: 50 }) });
    await index.flush();
    index.keepVhosts(new Set());
    index.keepVhosts(new Set(["a.example"]));
    index.put({ ...old, location: sampleLocation({ segment: 2, bodyBytes: 77 }) });
    expect(index.totals).toEqual({ objects: 1, bytes: 77 });
    expect(index.takeReleasedFiles().map(({ location }) => location.file)).toEqual([50]);
    expect(await index.sweep()).toBe(0);
    expect(index.segmentUse().map(({ segment, liveObjects }) => [segment, liveObjects])).toEqual([
      [1, 0],
      [2, 1],
    ]);
    index.close();
  });

  it("releases the body files that the sweep frees, and tells that no row names them", async () => {
    const index = openWriter(indexPath());
    for (let file = 1; file <= 700; file += 1) {
      const location = sampleLocation({ file, bodyBytes: 1000 });
      index.put(sampleRow({ vhost: file % 7 === 0 ? "stays.example" : "goes.example", url: `/${file}`, location }));
    }
    index.keepVhosts(new Set(["stays.example"]));
    index.takeReleasedFiles();
    expect(index.coldestFiles(1, 1000)).toHaveLength(100);
    const isLive = await index.collectLiveFiles();
    expect([isLive(1, 7), isLive(1, 8)]).toEqual([true, false]);
    expect(index.fileUse(1)).toEqual({ liveBytes: 100_000, liveObjects: 100 });
    index.close();
  });

  it("finds the coldest live files behind dead ones, whose files it releases on the way", async () => {
    const index = openWriter(indexPath());
    for (let file = 1; file <= 60; file += 1) {
      const vhost = file <= 40 ? "goes.example" : "stays.example";
      const lastAccess = epochMs(sampleRow().lastAccess + file * 1000);
      index.put(sampleRow({ vhost, url: `/${file}`, location: sampleLocation({ file }), lastAccess }));
    }
    await index.flush();
    index.keepVhosts(new Set(["stays.example"]));
    expect(index.coldestFiles(1, 8).map(({ location }) => location.file)).toEqual([41, 42, 43, 44, 45, 46, 47, 48]);
    const released = index.takeReleasedFiles().map(({ location }) => location.file);
    expect(released).toEqual(Array.from({ length: 40 }, (_, place) => place + 1));
    index.close();
  });

  it("drops the dead rows of a segment that is scanned, so that it can be forgotten", async () => {
    const index = openWriter(indexPath());
    index.put(ofHost("a.example", "/dead"));
    index.put(ofHost("b.example", "/live"));
    index.keepVhosts(new Set(["a.example", "b.example"]));
    await index.flush();
    index.keepVhosts(new Set(["b.example"]));
    const urls: string[] = [];
    await index.scanSegment(7, (row) => urls.push(row.url));
    expect([urls, index.totals.objects]).toEqual([["/live"], 1]);
    expect(await index.sweep()).toBe(0);
    index.close();
  });
});

describe("disks", () => {
  it("CFG-40 gives each folder a number of its own, on the disk at once and never given again", () => {
    const path = indexPath();
    const first = openWriter(path);
    const numbers = ["/cache/one", "/cache/two", "/cache/one"].map((folder) => first.numberDisk(folder));
    expect(new Set(numbers).size).toBe(3);
    first.retireDisk(numbers[0] ?? 0);
    // No close: as after a crash of the process.
    const second = openWriter(path);
    expect(second.disks()).toEqual([
      { number: numbers[1], path: "/cache/two" },
      { number: numbers[2], path: "/cache/one" },
    ]);
    second.retireDisk(numbers[1] ?? 0);
    second.retireDisk(numbers[2] ?? 0);
    expect(second.disks()).toEqual([]);
    expect(numbers).not.toContain(second.numberDisk("/cache/two"));
    second.close();
    first.close();
  });

  it("says that it could not number a disk, and gives none", () => {
    const path = indexPath();
    const index = openDiskIndexWriter(path, { clock: systemClock, onProblem: () => undefined });
    const blocker = new Database(path);
    blocker.exec("BEGIN IMMEDIATE");
    expect(() => index.numberDisk("/cache/one")).toThrow(EdgeError);
    blocker.exec("ROLLBACK");
    blocker.close();
    expect(index.disks()).toEqual([]);
    index.numberDisk("/cache/one");
    expect(index.disks()).toHaveLength(1);
    index.close();
  });

  it("OPT-75 makes everything on a retired disk absent at once and for good", async () => {
    const path = indexPath();
    const index = openWriter(path);
    const [one, two] = [index.numberDisk("/one"), index.numberDisk("/two")];
    index.put(onDisk(one, "/written"));
    index.put(onDisk(one, "/file", { file: 9 }));
    index.put(onDisk(two, "/stays"));
    index.put(onDisk(two, "/moves"));
    await index.flush();
    index.put(onDisk(one, "/waiting"));
    index.put(onDisk(one, "/moves"));
    index.retireDisk(one);
    index.put(onDisk(one, "/late"));
    expect(await urlsOf(index)).toEqual(["/stays"]);
    expect([index.coldestFiles(one, 10), index.find(onDisk(one, "/file").key)]).toEqual([[], undefined]);
    expect(index.update(onDisk(two, "/stays").key, { location: sampleLocation({ disk: one }) })).toBeUndefined();
    expect(index.find(onDisk(two, "/stays").key)).toBeUndefined();
    const isLive = await index.collectLiveFiles();
    expect(isLive(one, 9)).toBe(false);
    expect([index.takeReleasedFiles(), index.totals.objects]).toEqual([[], 0]);
    expect(index.segmentUse().map(({ disk }) => disk)).toEqual([two]);
    index.close();
    const again = openWriter(path);
    expect(await urlsOf(again)).toEqual([]);
    expect(await again.sweep()).toBe(0);
    again.close();
  });

  it("goes on sweeping after a restart in between", async () => {
    const path = indexPath();
    const first = openWriter(path);
    const disk = first.numberDisk("/one");
    for (let number = 0; number < 1500; number += 1) first.put(onDisk(disk, `/${number}`));
    await first.flush();
    first.retireDisk(disk);
    const sweeping = first.sweep();
    first.close();
    expect(await sweeping).toBeLessThan(1500);
    const second = openWriter(path);
    await second.sweep();
    expect(second.totals).toEqual({ objects: 0, bytes: 0 });
    expect(second.segmentUse()).toEqual([]);
    second.close();
  });
});

describe("accounts", () => {
  it("agree with a recount after any sequence of writes, removals of hosts and disks, sweeps and restarts", async () => {
    const HOSTS = ["a.example", "b.example"];
    const action = fc.record({
      kind: fc.constantFrom("put", "put", "put", "update", "remove", "keep", "retire", "sweep", "flush", "restart"),
      object: fc.nat(5),
      host: fc.nat(1),
      disk: fc.integer({ min: 1, max: 3 }),
      file: fc.nat(3),
      bodyBytes: fc.nat(5000),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 25 }), async (actions) => {
        const path = indexPath();
        let index = openWriter(path);
        const model = new Map<string, IndexRow>();
        const retired = new Set<number>();
        let kept: string[] | undefined;
        const disks = [1, 2, 3].map((number) => index.numberDisk(`/${number}`));
        expect(disks).toEqual([1, 2, 3]);
        for (const { kind, object, host, disk, file, bodyBytes } of actions) {
          const vhost = HOSTS[host] ?? "";
          const location = sampleLocation({ disk, segment: 10 + disk, bodyBytes, file });
          const missingBytes = file === 0 ? 0 : bodyBytes >> 1;
          const row = sampleRow({ vhost, url: `/${object}`, location, missingBytes });
          const name = `${vhost}/${object}`;
          const isAbsent = retired.has(disk) || (kept !== undefined && !kept.includes(vhost));
          if (kind === "put") {
            index.put(row);
            if (isAbsent) model.delete(name);
            else model.set(name, row);
          } else if (kind === "update") {
            const isThere = index.update(row.key, { location, missingBytes }) !== undefined;
            expect(isThere).toBe(model.has(name) && !isAbsent);
            if (isAbsent) model.delete(name);
            else if (isThere) model.set(name, row);
          } else if (kind === "remove") {
            expect(index.remove(row.key) === undefined).toBe(!model.delete(name));
          } else if (kind === "keep") {
            kept = host === 0 ? HOSTS : [vhost];
            index.keepVhosts(new Set(kept));
            for (const [key, { vhost: owner }] of model) if (!kept.includes(owner)) model.delete(key);
          } else if (kind === "retire" && file === 0) {
            index.retireDisk(disk);
            retired.add(disk);
            for (const [key, { location: at }] of model) if (at.disk === disk) model.delete(key);
          } else if (kind === "sweep") await index.sweep();
          else if (kind === "flush") await index.flush();
          else if (kind === "restart") {
            index.close();
            index = openWriter(path);
            kept = undefined;
          }
        }
        const expected = [...model.values()];
        const seen: IndexRow[] = [];
        await index.scan({}, (row) => seen.push(row));
        expect(seen.map(({ vhost, url }) => vhost + url).sort()).toEqual([...model.keys()].sort());
        await index.sweep();
        expect(index.totals).toEqual({
          objects: expected.length,
          bytes: expected.reduce((sum, { location }) => sum + location.bodyBytes, 0),
        });
        for (const disk of [1, 2, 3]) {
          const filed = expected.filter(({ location }) => location.disk === disk && location.file !== 0);
          expect(index.fileUse(disk)).toEqual({
            liveObjects: filed.length,
            liveBytes: filed.reduce((sum, row) => sum + row.location.bodyBytes - row.missingBytes, 0),
          });
          const use = index.segmentUse().find(({ segment }) => segment === 10 + disk);
          const inSegment = expected.filter(({ location }) => location.disk === disk);
          expect(use?.liveObjects ?? 0).toBe(inSegment.length);
        }
        index.close();
      }),
      { numRuns: 60 },
    );
  });
});
