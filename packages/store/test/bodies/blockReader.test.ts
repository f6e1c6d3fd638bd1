import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { BlockReader } from "../../src/bodies/blockReader.ts";
import { BodyBlocks } from "../../src/bodies/bodyBlocks.ts";
import { DescriptorPool } from "../../src/bodies/descriptorPool.ts";
import { DiskReports } from "../../src/bodies/diskReports.ts";
import { Disk } from "../../src/bodies/diskSet.ts";
import { BLOCK_BYTES } from "../../src/limits.ts";
import { patternBytes } from "../support/samples.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";

describe("a damaged block", () => {
  it("is out of the map in the file before it is absent in memory: what is fetched anew must not be cleared", async () => {
    const folder = temporaryFolder();
    const path = join(folder, "body");
    writeFileSync(path, patternBytes(BLOCK_BYTES, 3));
    const blocks = new BodyBlocks(1, BLOCK_BYTES);
    blocks.enter(0, 0);
    const asked = Promise.withResolvers<number>();
    const cleared = Promise.withResolvers<void>();
    const pool = new DescriptorPool(4);
    const reports = new DiskReports({ onProblem: () => {} });
    const reader = new BlockReader({
      pool,
      reports,
      disk: new Disk({ number: 1, path: folder }),
      file: pool.hold(path),
      blocks,
      clearEntry: (block) => {
        asked.resolve(block);
        return cleared.promise;
      },
    });
    const reading = reader.read(Buffer.alloc(100), 0, 100, 0).catch((cause: unknown) => cause);
    expect([await asked.promise, blocks.has(0), reports.counters.damaged]).toEqual([0, true, 0]);
    cleared.resolve();
    expect(await reading).toMatchObject({ code: "STORE_UNAVAILABLE", detail: `${path}: damaged block 0` });
    expect([blocks.has(0), blocks.missingBytes, reports.counters.damaged]).toEqual([false, BLOCK_BYTES, 1]);
    reader.release();
    await pool.close();
  });
});
