import { closeSync, openSync, readSync, truncateSync, writeSync } from "node:fs";
import { afterEach, describe, expect, it, vi } from "vitest";
import { COMPARED_FOR_MS } from "../../src/bodies/bodyBlocks.ts";
import { bodyFilePath } from "../../src/bodies/diskPaths.ts";
import type { FileRun, PartedFile } from "../../src/contract.ts";
import { BLOCK_BYTES, STRETCH_BYTES } from "../../src/limits.ts";
import { createIds, openStore } from "../support/openStore.ts";
import { collectProblems, patternBytes, sampleImage } from "../support/samples.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";

const BODY = patternBytes(9 * STRETCH_BYTES + 1234, 7);

afterEach(() => {
  vi.useRealTimers();
});

/** A whole body in a file, and the same opened by a process that has not read it. */
const openWhole = async () => {
  vi.useFakeTimers({ toFake: ["performance"] });
  const path = temporaryFolder();
  const report = collectProblems();
  const ids = { allocateSegment: createIds(), allocateFile: createIds() };
  const store = openStore({ disks: [{ path }], onProblem: report.onProblem, ...ids });
  const parted = await store.createParted(sampleImage(), Buffer.from("200 OK"), BODY.length);
  const part = await parted.startPart(0);
  await part.write(BODY);
  await part.close();
  return { ...report, store, parted, file: bodyFilePath(path, parted.location.file) };
};

const readStretches = async (parted: PartedFile, first: number, end: number): Promise<void> => {
  for (let stretch = first; stretch < end; stretch++) {
    await parted.read(Buffer.alloc(STRETCH_BYTES), 0, STRETCH_BYTES, stretch * STRETCH_BYTES);
  }
};

const expectRun = (run: FileRun | "later" | undefined): FileRun => {
  if (run === undefined || run === "later") throw new Error(`no run: ${run}`);
  return run;
};

const bytesOf = ({ descriptor, position, length }: FileRun): Buffer => {
  const bytes = Buffer.alloc(length);
  readSync(descriptor, bytes, 0, length, position);
  return bytes;
};

const damage = (file: string, position: number): void => {
  const descriptor = openSync(file, "r+");
  writeSync(descriptor, Buffer.from("damage"), 0, 6, position);
  closeSync(descriptor);
};

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("bytes of a body that may be sent from its file", () => {
  it("are those that a checksum has found whole, compared with what they were", async () => {
    const { parted, store } = await openWhole();
    expect(parted.fileRun(0, BODY.length)).toBeUndefined();
    await readStretches(parted, 0, 2);
    await nextTurn();
    const run = expectRun(parted.fileRun(1000, BODY.length));
    expect([run.position, run.length]).toEqual([1000, 2 * STRETCH_BYTES - 1000]);
    expect(bytesOf(run).equals(BODY.subarray(1000, 2 * STRETCH_BYTES))).toBe(true);
    expect(parted.fileRun(2 * STRETCH_BYTES, BODY.length)).toBeUndefined();
    await parted.read(Buffer.alloc(10), 0, 10, 2 * STRETCH_BYTES + BLOCK_BYTES + 5);
    expect(parted.fileRun(2 * STRETCH_BYTES, BODY.length)).toBeUndefined();
    const block = expectRun(parted.fileRun(2 * STRETCH_BYTES + BLOCK_BYTES + 7, BODY.length));
    expect(bytesOf(block).equals(BODY.subarray(block.position, 2 * STRETCH_BYTES + 2 * BLOCK_BYTES))).toBe(true);
    parted.release();
    await store.close();
  });

  it("are compared a few stretches in each turn of the event loop, and not again for a while", async () => {
    const { parted, store } = await openWhole();
    await readStretches(parted, 0, 10);
    await nextTurn();
    const reached: number[] = [];
    for (let at = 0; at < BODY.length; ) {
      const run = parted.fileRun(at, BODY.length);
      if (run === "later") await nextTurn();
      else {
        at += expectRun(run).length;
        reached.push(at);
      }
    }
    expect(reached).toEqual([4 * STRETCH_BYTES, 8 * STRETCH_BYTES, BODY.length]);
    expect(expectRun(parted.fileRun(0, BODY.length)).length).toBe(BODY.length);
    parted.release();
    await store.close();
  });

  it("are none where the file has changed since, once they are compared again: a read tells", async () => {
    const { parted, store, file, problems } = await openWhole();
    await readStretches(parted, 0, 2);
    await nextTurn();
    expect(expectRun(parted.fileRun(0, 2 * STRETCH_BYTES)).length).toBe(2 * STRETCH_BYTES);
    damage(file, STRETCH_BYTES + 70_000);
    vi.advanceTimersByTime(COMPARED_FOR_MS);
    await nextTurn();
    expect(expectRun(parted.fileRun(0, BODY.length)).length).toBe(STRETCH_BYTES);
    expect(parted.fileRun(STRETCH_BYTES + 65_536, BODY.length)).toBeUndefined();
    expect(problems).toEqual([]);
    await expect(readStretches(parted, 1, 2)).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    expect([4, 5, 6].map((block) => parted.has(block))).toEqual([true, false, true]);
    expect(parted.fileRun(STRETCH_BYTES + BLOCK_BYTES, BODY.length)).toBeUndefined();
    await nextTurn();
    expect(expectRun(parted.fileRun(STRETCH_BYTES, BODY.length)).length).toBe(BLOCK_BYTES);
    parted.release();
    await store.close();
  });

  it("are none of a file that became shorter, or of a reader that has let go", async () => {
    const { parted, store, file } = await openWhole();
    await readStretches(parted, 0, 2);
    await nextTurn();
    truncateSync(file, STRETCH_BYTES + 5000);
    expect(parted.fileRun(STRETCH_BYTES, BODY.length)).toBeUndefined();
    expect(expectRun(parted.fileRun(0, BODY.length)).length).toBe(STRETCH_BYTES);
    parted.release();
    expect(parted.fileRun(0, BODY.length)).toBeUndefined();
    await store.close();
  });
});
