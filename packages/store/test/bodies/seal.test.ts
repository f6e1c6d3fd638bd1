import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { bodyFilePath } from "../../src/bodies/diskPaths.ts";
import { BLOCK_BYTES } from "../../src/limits.ts";
import { openStore } from "../support/openStore.ts";
import { collectProblems, patternBytes, sampleImage } from "../support/samples.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";

const HEAD = Buffer.from("200 OK");
const IMAGE = sampleImage();
const REFUSED = { code: "STORE_UNAVAILABLE" };

describe("a store that is sealed", () => {
  it("refuses whatever writes, blames no disk, and gives what is stored", async () => {
    const { problems, onProblem } = collectProblems();
    const store = openStore({ disks: [{ path: temporaryFolder() }], onProblem });
    const body = patternBytes(5_000, 3);
    const stored = await store.append(IMAGE, HEAD, body);
    await store.seal();
    await expect(store.append(IMAGE, HEAD, body)).rejects.toMatchObject(REFUSED);
    await expect(store.replaceHead(stored, IMAGE, HEAD)).rejects.toMatchObject(REFUSED);
    await expect(store.createFile()).rejects.toMatchObject(REFUSED);
    await expect(store.createParted(IMAGE, HEAD, 3 * BLOCK_BYTES)).rejects.toMatchObject(REFUSED);
    expect((await store.load(stored))?.body).toEqual(body);
    expect([problems, store.counters.failed]).toEqual([[], 0]);
  });

  it("ends bodies that are being written: their files stay for the next owner of the disks", async () => {
    const path = temporaryFolder();
    const store = openStore({ disks: [{ path }] });
    const growing = await store.createFile();
    await growing.write(Buffer.alloc(100_000, 1));
    const writing = growing.write(Buffer.alloc(100_000, 2));
    await store.seal();
    await writing;
    await expect(growing.write(Buffer.alloc(10))).rejects.toMatchObject(REFUSED);
    await expect(growing.complete(IMAGE, HEAD)).rejects.toMatchObject(REFUSED);
    await growing.abandon();
    expect(existsSync(bodyFilePath(path, growing.file))).toBe(true);
  });

  it("keeps the blocks of a body that comes in parts, and takes no more of them", async () => {
    const store = openStore({ disks: [{ path: temporaryFolder() }] });
    const body = patternBytes(3 * BLOCK_BYTES, 9);
    const parted = await store.createParted(IMAGE, HEAD, body.length);
    const first = await parted.startPart(0);
    await first.write(body.subarray(0, BLOCK_BYTES));
    await store.seal();
    await expect(first.write(body.subarray(BLOCK_BYTES, BLOCK_BYTES + 10))).rejects.toMatchObject(REFUSED);
    const target = Buffer.alloc(BLOCK_BYTES);
    expect(await parted.read(target, 0, BLOCK_BYTES, 0)).toBe(BLOCK_BYTES);
    expect(target.equals(body.subarray(0, BLOCK_BYTES))).toBe(true);
    expect(store.counters.failed).toBe(0);
  });
});
