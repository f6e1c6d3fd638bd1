import { readFileSync } from "node:fs";
import { EdgeError } from "@basalt/types";
import { describe, expect, it } from "vitest";
import { bodyFilePath } from "../src/bodies/diskPaths.ts";
import { BLOCK_BYTES } from "../src/limits.ts";
import { numberDisks, openStore } from "./support/openStore.ts";
import { patternBytes, sampleImage } from "./support/samples.ts";
import { temporaryFolder } from "./support/temporaryFolder.ts";

const IMAGE = sampleImage();
const HEAD = Buffer.from("200 OK");

describe("a body that is open when its disk leaves", () => {
  it("OPT-75 is not written to by parts that begin later", async () => {
    const disks = numberDisks([{ path: temporaryFolder() }]);
    const failures: number[] = [];
    const store = openStore({ disks, onDiskFailure: (disk) => failures.push(disk) });
    const parted = await store.createParted(IMAGE, HEAD, 2 * BLOCK_BYTES);
    const path = bodyFilePath(disks[0]?.path ?? "", parted.location.file);
    const before = readFileSync(path);
    store.setDisks([]);
    const filling = parted.startPart(0).then(async (part) => {
      try {
        await part.write(patternBytes(BLOCK_BYTES, 1));
      } finally {
        await part.close();
      }
    });
    await expect(filling).rejects.toBeInstanceOf(EdgeError);
    expect(readFileSync(path).equals(before)).toBe(true);
    expect(failures).toEqual([]);
    parted.release();
    await store.close();
  });
});
