import { BLOCK_BYTES, computeCacheKey } from "@basalt/store";
import { describe, expect, it } from "vitest";
import { PartTable } from "../../src/parts/partTable.ts";

const KEY = computeCacheKey("www.example.com", "/film.mp4", "");
const FILE = 7;

const written = (writtenTo: number) => ({ writtenTo, tailChecksum: writtenTo % 7 });

const table = () => {
  const told: string[] = [];
  const parts = new PartTable({
    share: (worker, partId) => told.push(`share ${partId} by ${worker}`),
    trim: (worker, partId, end) => told.push(`trim ${partId} of ${worker} at ${end}`),
  });
  let last = 0;
  const acquire = (worker: number, first: number, end: number, file = FILE) =>
    parts.acquire(worker, { key: KEY, file, first, end }, () => ++last);
  return { parts, told, acquire };
};

describe("who fills which blocks", () => {
  it("ORG-35 grants each block once: whoever comes second follows", () => {
    const { acquire, told } = table();
    expect(acquire(1, 0, 10)).toEqual({ kind: "granted", partId: 1, first: 0, end: 10 });
    expect(acquire(2, 4, 14)).toEqual({ kind: "running", partId: 1, first: 0, end: 10, ...written(0) });
    expect(acquire(3, 9, 14)).toMatchObject({ kind: "running", partId: 1 });
    expect(acquire(1, 3, 14)).toMatchObject({ kind: "running", partId: 1 });
    expect(told).toEqual(["share 1 by 1"]);
  });

  it("grants up to where somebody else begins", () => {
    const { acquire } = table();
    acquire(1, 5, 10);
    expect(acquire(2, 0, 20)).toEqual({ kind: "granted", partId: 2, first: 0, end: 5 });
    expect(acquire(2, 10, 20)).toEqual({ kind: "granted", partId: 3, first: 10, end: 20 });
    expect(acquire(2, 0, 20, FILE + 1)).toMatchObject({ kind: "granted", first: 0, end: 20 });
  });

  it("cuts a part that will not come there soon", () => {
    const { acquire, told, parts } = table();
    acquire(1, 0, 1000);
    parts.progress(1, written(100 * BLOCK_BYTES));
    expect(acquire(2, 612, 1000)).toMatchObject({ kind: "running", partId: 1, ...written(100 * BLOCK_BYTES) });
    expect(acquire(2, 613, 1000)).toEqual({ kind: "granted", partId: 2, first: 613, end: 1000 });
    expect(acquire(3, 120, 1000)).toMatchObject({ kind: "running", partId: 1, end: 613 });
    expect(told).toEqual(["share 1 by 1", "trim 1 of 1 at 613"]);
  });

  it("lets no body have more than 16 parts on their way", () => {
    const { acquire, parts } = table();
    acquire(1, 0, 100_000);
    for (let part = 1; part < 16; part++) expect(acquire(1, part * 1000, 100_000).kind).toBe("granted");
    expect(acquire(1, 99_000, 100_000)).toMatchObject({ kind: "running" });
    parts.end(1);
    expect(acquire(1, 99_000, 100_000)).toMatchObject({ kind: "granted", first: 99_000 });
  });

  it("tells what became complete, and who waits for it", () => {
    const { acquire, parts } = table();
    acquire(1, 2, 10);
    acquire(2, 3, 10);
    expect(parts.progress(1, written(3.5 * BLOCK_BYTES))).toMatchObject({ file: FILE, filledBytes: BLOCK_BYTES });
    expect(parts.progress(1, written(5 * BLOCK_BYTES))?.filledBytes).toBe(2 * BLOCK_BYTES);
    expect([...(parts.progress(1, written(BLOCK_BYTES))?.followers ?? [])]).toEqual([2]);
    expect(parts.end(1)?.key.equals(KEY)).toBe(true);
    expect(parts.progress(1, written(6 * BLOCK_BYTES))).toBeUndefined();
    expect(parts.end(1)).toBeUndefined();
    expect(parts.running).toBe(0);
  });

  it("names the parts of a worker that is gone, and forgets that it followed", () => {
    const { acquire, parts } = table();
    acquire(1, 0, 5);
    acquire(1, 10, 15);
    acquire(2, 20, 25);
    acquire(2, 1, 5);
    expect(parts.partsOf(2)).toEqual([3]);
    expect(parts.partsOf(1)).toEqual([1, 2]);
    expect(parts.end(1)?.followers.size).toBe(0);
  });
});
