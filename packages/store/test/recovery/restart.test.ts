import { renameSync } from "node:fs";
import { join } from "node:path";
import type { Problem } from "@basalt/types";
import { describe, expect, it } from "vitest";
import type { IndexRow, ObjectLocation } from "../../src/contract.ts";
import { openDiskIndexWriter } from "../../src/diskIndex/writer.ts";
import { openDiskRegistry } from "../../src/disks/diskRegistry.ts";
import { BLOCK_BYTES } from "../../src/limits.ts";
import { recoverTails } from "../../src/recovery/recoverTails.ts";
import { StandingClock } from "../disks/diskHost.ts";
import { openStore } from "../support/openStore.ts";
import { patternBytes, sampleImage, unexpectedProblem } from "../support/samples.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";

const HEAD = Buffer.from("head");

/** A primary over real files. Without `put` of a row it is as if the process died before the row was written. */
const startHost = async (home: string, names: readonly string[]) => {
  const clock = new StandingClock();
  let isStopped = false;
  /** A store that was closed may still find the folders of the test gone. */
  const onProblem = (problem: Problem): void => {
    if (!isStopped) unexpectedProblem(problem);
  };
  const index = openDiskIndexWriter(join(home, "index.db"), {
    clock,
    onProblem,
    indexing: "Disk",
    warmBytes: 0,
  });
  const registry = await openDiskRegistry({
    disks: names.map((name) => ({ path: join(home, name) })),
    index,
    judgeFailure: () => ({ recentMs: [], isExcluded: false }),
    decideLoss: () => "serve",
    clock,
    onProblem,
    onChange: ({ inUse }) => bodies.setDisks(inUse),
    onTerminate: () => undefined,
  });
  const bodies = openStore({
    disks: registry.inUse,
    allocateSegment: () => Promise.resolve(index.nextSegmentId()),
    allocateFile: () => Promise.resolve(index.nextFileId()),
    onProblem,
  });
  const put = (url: string, location: ObjectLocation, missingBytes = 0, version = 1): void => {
    const image = sampleImage({ url, version });
    index.put({ ...image, location, lastAccess: image.updatedAt, missingBytes });
  };
  return {
    index,
    registry,
    bodies,
    append: (url: string, version = 1) =>
      bodies.append(sampleImage({ url, version }), HEAD, patternBytes(5000, url.length)),
    put,
    recover: () =>
      recoverTails({ index, bodies, isOwnSegment: registry.isOwnSegment.bind(registry), hasVhost: () => true }),
    rows: async () => {
      const rows: IndexRow[] = [];
      await index.scan({}, (row) => rows.push(row));
      return rows.sort((left, right) => (left.url < right.url ? -1 : 1));
    },
    stop: async () => {
      isStopped = true;
      await bodies.close();
      await index.flush();
      index.close();
    },
  };
};

describe("a host that starts again", () => {
  it("finds what was stored just before it died, small, large and in parts", async () => {
    const home = temporaryFolder();
    const first = await startHost(home, ["a", "b"]);
    for (const url of ["/1", "/2", "/3", "/4"]) first.put(url, await first.append(url));
    await first.index.flush();
    for (const url of ["/5", "/6", "/7"]) await first.append(url);
    const file = await first.bodies.createFile();
    await file.write(patternBytes(1_500_000, 8));
    await file.complete(sampleImage({ url: "/8" }), HEAD);
    const parted = await first.bodies.createParted(sampleImage({ url: "/9" }), HEAD, 3 * BLOCK_BYTES);
    const part = await parted.startPart(1);
    await part.write(patternBytes(BLOCK_BYTES, 9));
    await part.close();
    parted.release();
    await first.stop();

    const second = await startHost(home, ["b", "a"]);
    expect(await second.rows()).toHaveLength(4);
    expect((await second.recover()).objects).toBe(5);
    const rows = await second.rows();
    expect(rows.map(({ url, missingBytes }) => [url, missingBytes])).toEqual([
      ...[1, 2, 3, 4, 5, 6, 7, 8].map((number) => [`/${number}`, 0]),
      ["/9", 2 * BLOCK_BYTES],
    ]);
    for (const { location } of rows) expect((await second.bodies.load(location))?.head).toEqual(HEAD);
    expect(await second.recover()).toEqual({ segments: 0, objects: 0 });
    await second.stop();

    const third = await startHost(home, ["a", "b"]);
    expect(await third.recover()).toEqual({ segments: 0, objects: 0 });
    expect(await third.rows()).toHaveLength(9);
    await third.stop();
  });

  it("does not bring an earlier state of an object back when its later one is gone", async () => {
    const home = temporaryFolder();
    const first = await startHost(home, ["a"]);
    first.put("/1", await first.append("/1"));
    await first.append("/2", 5);
    await first.stop();

    const second = await startHost(home, ["a"]);
    second.put("/2", await second.append("/2", 8), 0, 8);
    await second.index.flush();
    await second.recover();
    second.index.remove(sampleImage({ url: "/2" }).key);
    await second.stop();

    const third = await startHost(home, ["a"]);
    await third.recover();
    expect((await third.rows()).map(({ url }) => url)).toEqual(["/1"]);
    await third.stop();
  });

  it("does not enter what was passed over because its object is wanted no more", async () => {
    const home = temporaryFolder();
    const first = await startHost(home, ["a"]);
    first.index.passOver(await first.append("/1"));
    first.put("/2", await first.append("/2"));
    first.index.passOver(await first.append("/3"));
    await first.stop();

    const second = await startHost(home, ["a"]);
    expect(await second.recover()).toEqual({ segments: 0, objects: 0 });
    expect((await second.rows()).map(({ url }) => url)).toEqual(["/2"]);
    await second.stop();
  });

  it("OPT-75 and OPT-76 never finds again what lay on a disk that was unmounted and mounted", async () => {
    const home = temporaryFolder();
    const first = await startHost(home, ["a"]);
    for (const url of ["/1", "/2"]) first.put(url, await first.append(url));
    await first.append("/3");
    first.registry.unmount(join(home, "a"));
    expect(await first.rows()).toEqual([]);
    expect(await first.registry.mount(join(home, "a"))).toEqual({ kind: "done" });
    first.put("/4", await first.append("/4"));
    await first.append("/5");
    await first.index.sweep();
    await first.stop();

    const second = await startHost(home, ["a"]);
    await second.recover();
    expect((await second.rows()).map(({ url }) => url)).toEqual(["/4", "/5"]);
    await second.stop();
  });

  it("CFG-44 begins without content when the index was lost", async () => {
    const home = temporaryFolder();
    const first = await startHost(home, ["a"]);
    for (const url of ["/1", "/2"]) first.put(url, await first.append(url));
    await first.stop();
    renameSync(join(home, "index.db"), join(home, "index.gone"));

    const second = await startHost(home, ["a"]);
    expect(await second.recover()).toEqual({ segments: 0, objects: 0 });
    expect(await second.rows()).toEqual([]);
    await second.stop();
  });
});
