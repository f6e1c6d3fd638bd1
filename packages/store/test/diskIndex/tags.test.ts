import { join } from "node:path";
import { systemClock } from "@basalt/types";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type DiskIndex, type IndexRow, ROW_FLAG, type TallyQuestion } from "../../src/contract.ts";
import { openDiskIndexWriter } from "../../src/diskIndex/writer.ts";
import { sampleLocation, sampleRow, unexpectedProblem } from "../support/samples.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";

const indexPath = (): string => join(temporaryFolder(), "index.db");
const openWriter = (path = indexPath()): DiskIndex =>
  openDiskIndexWriter(path, { clock: systemClock, onProblem: unexpectedProblem });

const HOST = "www.example.com";
const tagged = (url: string, tags: string, change: Partial<IndexRow> = {}): IndexRow =>
  sampleRow({ url, tags, ...change });

const urlsTagged = async (index: DiskIndex, ...tags: string[]): Promise<string[]> => {
  const urls = new Set<string>();
  await index.scanTagged(tags, (row) => urls.add(row.url));
  const target = { kind: "tag", tags } as const;
  const byHost = await index.tallyByHost({ target, beforeVersion: 1000, countsPurged: true, except: [] });
  expect([...byHost.values()].reduce((total, { count }) => total + count, 0)).toBe(urls.size);
  return [...urls].sort();
};

const question = (change: Partial<TallyQuestion> = {}): TallyQuestion => ({
  vhost: HOST,
  target: { kind: "pattern", pattern: "/*" },
  beforeVersion: 1000,
  countsPurged: false,
  except: [],
  ...change,
});

describe("tags in the index", () => {
  it("are found by tag, change with the object and go with it, also over a restart", async () => {
    const path = indexPath();
    const first = openWriter(path);
    first.put(tagged("/a", "x y"));
    first.put(tagged("/b", "y"));
    first.put(sampleRow({ url: "/c" }));
    expect(first.find(tagged("/a", "").key)?.flags).toBe(ROW_FLAG.TAGGED);
    expect(first.tagsOf(tagged("/a", "").key)).toBe("x y");
    expect(await urlsTagged(first, "y")).toEqual(["/a", "/b"]);
    first.put(tagged("/a", "z"));
    first.remove(tagged("/b", "").key);
    first.close();
    const second = openWriter(path);
    expect(await urlsTagged(second, "x", "y")).toEqual([]);
    expect(await urlsTagged(second, "z")).toEqual(["/a"]);
    expect(second.tagsOf(tagged("/a", "").key)).toBe("z");
    second.close();
  });

  it("stay when a row is changed or put again as it was read", async () => {
    const index = openWriter();
    const { key } = tagged("/a", "x");
    index.put(tagged("/a", "x"));
    index.update(key, { ttl: 9, location: sampleLocation({ segment: 8 }) });
    const read = index.find(key);
    if (read !== undefined) index.put({ ...read, version: 20 });
    expect(await urlsTagged(index, "x")).toEqual(["/a"]);
    index.put(tagged("/a", ""));
    expect([index.tagsOf(key), index.find(key)?.flags, await urlsTagged(index, "x")]).toEqual(["", 0, []]);
    index.close();
  });

  it("of hosts and disks that are gone are not found, and go with their rows", async () => {
    const index = openWriter();
    index.put(tagged("/gone", "x", { vhost: "gone.example" }));
    index.put(tagged("/retired", "x", { location: sampleLocation({ disk: 2 }) }));
    index.put(tagged("/stays", "x"));
    index.keepVhosts(new Set([HOST]));
    index.retireDisk(2);
    expect(await urlsTagged(index, "x")).toEqual(["/stays"]);
    await index.sweep();
    await index.flush();
    expect(index.tagsOf(tagged("/gone", "", { vhost: "gone.example" }).key)).toBe("");
    index.close();
  });

  it("agree with a plain map after any sequence of writes", async () => {
    const step = fc.record({
      url: fc.constantFrom("/a", "/b", "/c"),
      tags: fc.uniqueArray(fc.constantFrom("x", "y", "z"), { maxLength: 3 }),
      kind: fc.constantFrom("put", "update", "remove", "flush"),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        const index = openWriter();
        const wanted = new Map<string, readonly string[]>();
        for (const { url, tags, kind } of steps) {
          if (kind === "put") {
            index.put(tagged(url, tags.join(" ")));
            wanted.set(url, tags);
          } else if (kind === "update") index.update(tagged(url, "").key, { ttl: 5 });
          else if (kind === "remove") {
            index.remove(tagged(url, "").key);
            wanted.delete(url);
          } else await index.flush();
        }
        for (const tag of ["x", "y", "z"]) {
          const expected = [...wanted].filter(([, tags]) => tags.includes(tag)).map(([url]) => url);
          expect(await urlsTagged(index, tag)).toEqual(expected.sort());
        }
        index.close();
      }),
      { numRuns: 25 },
    );
  });
});

describe("counting", () => {
  const fill = (): DiskIndex => {
    const index = openWriter();
    const row = (url: string, change: Partial<IndexRow> = {}): void =>
      index.put(sampleRow({ url, location: sampleLocation({ bodyBytes: 10 }), ...change }));
    row("/a.jpg");
    row("/a.jpg?x=1");
    row("/b[1].jpg", { tags: "x" });
    row("/c.jpg", { flags: ROW_FLAG.PURGED });
    row("/d.jpg", { flags: ROW_FLAG.DERIVED });
    row("/late.jpg", { version: 2000 });
    row("/other.jpg", { vhost: "other.example" });
    return index;
  };

  it.each([
    ["all", { kind: "pattern", pattern: "/*" }, 3],
    ["a pattern, whose only special character is the star", { kind: "pattern", pattern: "/b[1]*" }, 1],
    ["a question mark is one", { kind: "pattern", pattern: "/a.jpg?*" }, 1],
    ["collective", { kind: "collective", url: "/a.jpg" }, 2],
    ["one URL", { kind: "url", url: "/a.jpg" }, 1],
    ["a tag", { kind: "tag", tags: ["x", "none"] }, 1],
  ] as const)("PRG-17 %s", async (_, target, count) => {
    const index = fill();
    expect(await index.tally(question({ target }))).toEqual({ count, bytes: count * 10 });
    index.close();
  });

  it("leaves out what others have dealt with, and takes purged objects in where they count", async () => {
    const index = fill();
    expect((await index.tally(question({ countsPurged: true }))).count).toBe(4);
    const except = [
      { target: { kind: "pattern", pattern: "*?x=1" }, beforeVersion: 500 },
      { target: { kind: "tag", tags: ["x"] }, beforeVersion: 500 },
      { target: { kind: "pattern", pattern: "*" }, beforeVersion: 3 },
    ] as const;
    expect((await index.tally(question({ except }))).count).toBe(1);
    expect(await index.tally(question({ vhost: "none.example" }))).toEqual({ count: 0, bytes: 0 });
    index.close();
  });

  it("PRG-15 leaves out thousands of patterns that rows do not show yet", async () => {
    const index = fill();
    const except = Array.from({ length: 3000 }, (_, number) => ({
      target: { kind: "pattern", pattern: `/none/${number}/*` } as const,
      beforeVersion: 500,
    }));
    const { count } = await index.tally(question());
    expect((await index.tally(question({ except }))).count).toBe(count);
    const all = { target: { kind: "pattern", pattern: "*" } as const, beforeVersion: 500 };
    expect((await index.tally(question({ except: [...except, all] }))).count).toBe(0);
    index.close();
  });

  it("PRG-30 shows the moment of the call, whatever is written while it counts", async () => {
    const index = openWriter();
    const urls = Array.from({ length: 9000 }, (_, number) => `/${number}`);
    for (const url of urls) index.put(sampleRow({ url }));
    const counting = index.tally(question());
    for (const url of urls) index.update(sampleRow({ url }).key, { flags: ROW_FLAG.PURGED });
    await index.flush();
    expect((await counting).count).toBe(9000);
    expect((await index.tally(question())).count).toBe(0);
    index.close();
  });

  it("knows without counting what a host has, over restarts and what goes from it", async () => {
    const path = indexPath();
    const first = openWriter(path);
    const location = sampleLocation({ bodyBytes: 10 });
    first.put(sampleRow({ url: "/a", location }));
    first.put(sampleRow({ url: "/b", location }));
    first.put(sampleRow({ url: "/b", location, variant: "gzip", flags: ROW_FLAG.DERIVED }));
    first.put(sampleRow({ url: "/c", location: { ...location, disk: 2 } }));
    first.update(sampleRow({ url: "/b" }).key, { flags: ROW_FLAG.PURGED });
    const both = { objects: 2, bytes: 20, purgedObjects: 1, purgedBytes: 10 };
    expect(first.objectsOf(HOST)).toEqual(both);
    first.close();
    const second = openWriter(path);
    expect(second.objectsOf(HOST)).toEqual(both);
    second.retireDisk(2);
    expect(second.objectsOf(HOST)).toEqual({ ...both, objects: 1, bytes: 10 });
    second.keepVhosts(new Set());
    second.keepVhosts(new Set([HOST]));
    second.put(sampleRow({ url: "/a", location }));
    await second.sweep();
    expect(second.objectsOf(HOST)).toEqual({ objects: 1, bytes: 10, purgedObjects: 0, purgedBytes: 0 });
    second.close();
  });
});
