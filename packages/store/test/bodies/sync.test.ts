import { describe, expect, it } from "vitest";
import { bodyFilePath, segmentPath } from "../../src/bodies/diskPaths.ts";
import { BLOCK_BYTES } from "../../src/limits.ts";
import { failSyncs, watchSyncs } from "../support/brokenDisk.ts";
import { openStore } from "../support/openStore.ts";
import { collectProblems, patternBytes, sampleImage } from "../support/samples.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";

const HEAD = Buffer.from("200 OK");
const IMAGE = sampleImage();
const SMALL = Buffer.from("small");

/** Gives the paths of the files synced since it was last called. */
const takeSyncs = (): (() => string[]) => {
  const synced = watchSyncs();
  return () => synced.splice(0).sort();
};

describe("sync", () => {
  it("covers every file that was written since the last time, open or closed, and no other", async () => {
    const takeSynced = takeSyncs();
    const path = temporaryFolder();
    const store = openStore({ disks: [{ path }] });
    const packed = await store.append(IMAGE, HEAD, SMALL);
    const growing = await store.createFile();
    await growing.write(SMALL);
    const parted = await store.createParted(IMAGE, HEAD, 2 * BLOCK_BYTES);
    const paths = [
      segmentPath(path, packed.segment),
      bodyFilePath(path, growing.file),
      bodyFilePath(path, parted.location.file),
    ];
    await store.sync();
    expect(takeSynced()).toEqual(paths.sort());
    await store.sync();
    expect(takeSynced()).toEqual([]);

    const part = await parted.startPart(0);
    await part.write(patternBytes(100, 1));
    await part.close();
    await store.sync();
    expect(takeSynced()).toEqual([bodyFilePath(path, parted.location.file)]);
    const location = await growing.complete(IMAGE, HEAD);
    await store.sync();
    expect(takeSynced()).toEqual([segmentPath(path, packed.segment), bodyFilePath(path, location.file)].sort());
    parted.release();
    await store.close();
  });

  it("is shared by those who ask meanwhile, and covers what was written before each asked", async () => {
    const takeSynced = takeSyncs();
    const path = temporaryFolder();
    const store = openStore({ disks: [{ path }] });
    const { segment } = await store.append(IMAGE, HEAD, SMALL);
    const first = store.sync();
    expect(store.sync()).toBe(first);
    await Promise.resolve();
    await store.append(IMAGE, HEAD, SMALL);
    await Promise.all([store.sync(), store.sync(), first]);
    expect(takeSynced()).toEqual([segmentPath(path, segment), segmentPath(path, segment)]);
    await store.close();
  });

  it("passes over files that were deleted and disks that left", async () => {
    const takeSynced = takeSyncs();
    const failures: number[] = [];
    const store = openStore({ disks: [{ path: temporaryFolder() }], onDiskFailure: (disk) => failures.push(disk) });
    const location = await (await store.createFile()).complete(IMAGE, HEAD);
    await store.removeBodies([location]);
    await store.deleteSegment(1, location.segment);
    await store.sync();
    await store.append(IMAGE, HEAD, SMALL);
    store.setDisks([]);
    await store.sync();
    expect([takeSynced(), failures]).toEqual([[], []]);
    await store.close();
  });

  it("CFG-42 resolves when the disk refuses, which is a failure of the disk", async () => {
    const failures: number[] = [];
    const { problems, onProblem } = collectProblems();
    const store = openStore({
      disks: [{ path: temporaryFolder() }],
      onProblem,
      onDiskFailure: (disk) => failures.push(disk),
    });
    await store.append(IMAGE, HEAD, SMALL);
    failSyncs("EIO");
    await store.sync();
    expect([failures, store.counters.failed, problems.length]).toEqual([[1], 1, 1]);
    await store.close();
  });
});
