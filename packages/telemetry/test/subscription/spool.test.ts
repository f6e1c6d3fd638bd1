import { appendFile, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { LogEvent } from "../../src/subscription/contract.ts";
import { EventIds } from "../../src/subscription/eventIds.ts";
import { Spool } from "../../src/subscription/spool.ts";

const MOST_BYTES = 4 * 1024 * 1024;
const BEGUN = { sinceMs: 5, files: ["access_20260301_0000.log"] };

let home: string;
let folder: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "spool-"));
  folder = join(home, "access.a");
});
afterEach(() => rm(home, { recursive: true, force: true }));

const ids = new EventIds();
const events = (count: number, message = "line"): readonly LogEvent[] =>
  Array.from({ length: count }, (_, at) => ({
    id: ids.next(1_000),
    timestamp: 1_000 + at,
    message: `${message} ${at}`,
  }));
const at = (offset: number) => ({ file: "access_20260301_0000.log", inode: 7, offset });

const reopened = async (): Promise<Spool> => {
  const spool = await Spool.open(folder, MOST_BYTES);
  if (spool === undefined) throw new Error("there is none");
  return spool;
};

describe("a spool", () => {
  it("AWS-87 keeps events, position and what was taken, however its process ends", async () => {
    const spool = await Spool.create(folder, MOST_BYTES, BEGUN);
    const first = events(3);
    const second = events(2);
    await spool.append(first, at(100));
    await spool.append(second, at(200));
    await spool.take(first[1]?.id ?? "");
    const again = await reopened();
    expect(again.position).toEqual(at(200));
    expect(again.begun).toEqual(BEGUN);
    expect(await again.peek(100, 1_000_000)).toEqual([first[2], ...second]);
    expect(await again.peek(2, 1_000_000)).toHaveLength(2);
    expect(await again.peek(100, 10)).toHaveLength(1);
    expect(again.lastId).toBe(second[1]?.id);
    await again.take(again.lastId);
    expect(await readdir(folder)).toEqual(["state.json"]);
    const last = await reopened();
    expect([last.isEmpty, last.position, last.lastId]).toEqual([true, at(200), second[1]?.id]);
  });

  it("AWS-87 a write that was cut off anywhere is as if it had not been: its lines are read again", async () => {
    const spool = await Spool.create(folder, MOST_BYTES, BEGUN);
    const kept = events(2);
    await spool.append(kept, at(100));
    const [name = ""] = (await readdir(folder)).filter((file) => file.startsWith("events_"));
    for (const torn of [
      '{"id":"9',
      `${JSON.stringify(events(1)[0])}\n`,
      `${JSON.stringify(events(1)[0])}\n{"revision":9,"pos`,
    ]) {
      await appendFile(join(folder, name), torn);
      const again = await reopened();
      expect(await again.peek(100, 1_000_000)).toEqual(kept);
      expect([again.position, again.lastId]).toEqual([at(100), kept[1]?.id]);
    }
    const again = await reopened();
    const more = events(1);
    await again.append(more, at(300));
    expect(await (await reopened()).peek(100, 1_000_000)).toEqual([...kept, ...more]);
  });

  it("AWS-87 what is in front of a segment whose first write was cut off stays, and ids go on behind it", async () => {
    const spool = await Spool.create(folder, MOST_BYTES, BEGUN);
    const kept = events(3);
    await spool.append(kept, at(100));
    await writeFile(join(folder, `events_${events(1)[0]?.id}.jsonl`), '{"id":"0000');
    const again = await reopened();
    expect(await again.peek(100, 1_000_000)).toEqual(kept);
    expect([again.position, again.lastId]).toEqual([at(100), kept[2]?.id]);
  });

  it("a position without events is kept when that is asked for", async () => {
    const spool = await Spool.create(folder, MOST_BYTES, BEGUN);
    await spool.append([], at(50));
    expect((await reopened()).position).toBeUndefined();
    await spool.keep();
    expect((await reopened()).position).toEqual(at(50));
    await spool.append(events(1), at(60));
    await spool.append([], at(70));
    expect((await reopened()).position).toEqual(at(60));
    await spool.keep();
    expect((await reopened()).position).toEqual(at(70));
  });

  it("AWS-87 beyond its bound the oldest events are dropped and counted", async () => {
    const spool = await Spool.create(folder, 1024 * 1024, BEGUN);
    const long = "x".repeat(1_000);
    let dropped = 0;
    let added = 0;
    for (let round = 0; round < 20; round++) {
      const some = events(100, long);
      added += some.length;
      dropped += await spool.append(some, at(round));
    }
    expect(dropped).toBeGreaterThan(0);
    expect(spool.bytes).toBeLessThanOrEqual(1024 * 1024);
    const left = await spool.peek(10_000, 100_000_000);
    expect(left.length + dropped).toBe(added);
    expect(left.at(-1)?.id).toBe(spool.lastId);
  });

  it.each([
    ["no json"],
    ["{}"],
    ['{"revision":1,"taken":"","last":"","begun":{"files":3},"position":{"file":7}}'],
    ["null"],
  ])("a state %j is none, or without what it lacks", async (text) => {
    await Spool.create(folder, MOST_BYTES, BEGUN);
    await writeFile(join(folder, "state.json"), text);
    const spool = await Spool.open(folder, MOST_BYTES);
    expect(spool?.position).toBeUndefined();
  });

  it("AWS-87 a state that a power cut has emptied costs no event: all that are there are sent again", async () => {
    const spool = await Spool.create(folder, MOST_BYTES, BEGUN);
    const kept = events(3);
    await spool.append(kept, at(100));
    await spool.take(kept[0]?.id ?? "");
    await writeFile(join(folder, "state.json"), "");
    const again = await reopened();
    expect(await again.peek(100, 1_000_000)).toEqual(kept);
    expect([again.position, again.lastId]).toEqual([at(100), kept[2]?.id]);
  });

  it("what its state speaks of may be gone", async () => {
    const spool = await Spool.create(folder, MOST_BYTES, BEGUN);
    await spool.append(events(3), at(10));
    await spool.take("");
    for (const name of await readdir(folder)) if (name.startsWith("events_")) await rm(join(folder, name));
    const again = await reopened();
    expect([again.isEmpty, await again.peek(1, 1)]).toEqual([true, []]);
  });
});

it("AWS-87 ids grow, in their text too, whatever the clock does and behind those of earlier", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 4_000_000_000_000 })), fc.nat(), (times, earlierMs) => {
      const before = new EventIds().next(earlierMs);
      const later = new EventIds();
      later.learn(before);
      let last = before;
      for (const ms of times) {
        const id = later.next(ms);
        expect(id > last).toBe(true);
        expect(id).toHaveLength(20);
        last = id;
      }
    }),
  );
});
