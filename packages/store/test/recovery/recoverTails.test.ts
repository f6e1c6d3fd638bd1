import { EdgeError, epochMs } from "@basalt/types";
import { describe, expect, it } from "vitest";
import type { BodyUpkeep, FoundRecord, IndexRow, SegmentFile } from "../../src/contract.ts";
import { recoverTails } from "../../src/recovery/recoverTails.ts";
import { sampleLocation, sampleRow } from "../support/samples.ts";

const RECORD_BYTES = 1000;
const CRASH_AT = 1_760_000_000_000;

interface Segment {
  readonly id: number;
  readonly disk: number;
  readonly ageSeconds: number;
  readonly rows: readonly IndexRow[];
}

/** What is left after a crash: segments with records of 1000 bytes, and an index that knows some of them. */
const crashedHost = () => {
  const segments: Segment[] = [];
  const rows = new Map<string, IndexRow>();
  const indexedTo = new Map<number, number>();
  const knownOn = new Map<number, number>();
  const presentBytes = new Map<number, number | undefined>();
  const host = {
    rows,
    scanned: [] as number[],
    passedOver: [] as string[],
    canFlush: true,
    firstOwnSegment: 1,
    hosts: ["www.example.com"],
    presentBytes,
    /** `known`: how many of the records had their rows written. */
    segment(id: number, rowsIn: readonly IndexRow[], { known = 0, disk = 1, ageSeconds = 0 } = {}): void {
      const placed = rowsIn.map((row, position) => ({
        ...row,
        location: { ...row.location, disk, segment: id, offset: position * RECORD_BYTES },
      }));
      segments.push({ id, disk, ageSeconds, rows: placed });
      for (const row of placed.slice(0, known)) rows.set(row.url, row);
      if (known === 0) return;
      indexedTo.set(id, known * RECORD_BYTES);
      knownOn.set(id, disk);
    },
    knownOnOtherDisk: (id: number, disk: number): void => void knownOn.set(id, disk),
    recover: () =>
      recoverTails({
        index: {
          segmentUse: () => [...knownOn].map(([segment, disk]) => ({ segment, disk, liveBytes: 1000, liveObjects: 1 })),
          indexedTo: (segment) => indexedTo.get(segment) ?? 0,
          find: (key) => [...rows.values()].find((row) => row.key.equals(key)),
          put: (row) => void rows.set(row.url, row),
          passOver: ({ segment, offset }) => {
            host.passedOver.push(`${segment}/${offset}`);
          },
          flush: () =>
            host.canFlush ? Promise.resolve() : Promise.reject(new EdgeError("STORE_UNAVAILABLE", { detail: "full" })),
        },
        bodies: {
          listSegments: () => Promise.resolve(segments.map(fileOf)),
          recordsOf: (_disk, segment, fromOffset) => {
            host.scanned.push(segment);
            return recordsFrom(segments.find(({ id }) => id === segment)?.rows ?? [], fromOffset);
          },
          presentBytesOf: ({ file }) => Promise.resolve(presentBytes.get(file)),
        },
        isOwnSegment: (_disk, segment) => segment >= host.firstOwnSegment,
        hasVhost: (name) => host.hosts.includes(name),
      }),
    found: () => [...rows.keys()].sort(),
  };
  return host;
};

const fileOf = ({ id, disk, ageSeconds, rows }: Segment): SegmentFile => ({
  segment: id,
  disk,
  fileBytes: rows.length * RECORD_BYTES,
  modifiedAt: epochMs(CRASH_AT - ageSeconds * 1000),
});

async function* recordsFrom(rows: readonly IndexRow[], fromOffset: number): ReturnType<BodyUpkeep["recordsOf"]> {
  for (const { location, lastAccess, missingBytes, ...image } of rows) {
    const record: FoundRecord = { image, location };
    if (location.offset >= fromOffset) yield await Promise.resolve(record);
  }
}

const row = (url: string, change: Partial<IndexRow> = {}): IndexRow => sampleRow({ url, ...change });

describe("recovery after a crash", () => {
  it("enters the records behind the last one that the index knows", async () => {
    const host = crashedHost();
    host.segment(7, [row("/a"), row("/b"), row("/c")], { known: 1 });
    expect(await host.recover()).toEqual({ segments: 1, objects: 2 });
    expect(host.found()).toEqual(["/a", "/b", "/c"]);
    const recovered = host.rows.get("/c");
    expect(recovered?.location).toEqual(sampleLocation({ disk: 1, segment: 7, offset: 2000 }));
    expect(recovered?.lastAccess).toBe(recovered?.updatedAt);
    expect(recovered?.missingBytes).toBe(0);
    expect(await crashedHost().recover()).toEqual({ segments: 0, objects: 0 });
  });

  it("reads nothing of segments that the index knows to their end", async () => {
    const host = crashedHost();
    host.segment(7, [row("/a"), row("/b")], { known: 2 });
    expect(await host.recover()).toEqual({ segments: 0, objects: 0 });
    expect(host.scanned).toEqual([]);
  });

  it("keeps the later state of an object, whatever the order in which its records are found", async () => {
    const host = crashedHost();
    host.segment(7, [row("/a", { version: 5 }), row("/b", { version: 9 }), row("/a", { version: 8 })], { known: 1 });
    host.segment(8, [row("/a", { version: 7 }), row("/b", { version: 9, ttl: 1 })]);
    await host.recover();
    expect(host.rows.get("/a")?.version).toBe(8);
    expect(host.rows.get("/b")?.version).toBe(9);
    expect(host.passedOver).toEqual(["8/0", "8/1000"]);
  });

  it("scans a segment without rows when it is new, and no other", async () => {
    const host = crashedHost();
    host.segment(50, [row("/known")], { known: 1 });
    host.segment(20, [row("/forgotten")], { ageSeconds: 300 });
    host.segment(49, [row("/idle-writer")], { ageSeconds: 1 });
    host.segment(51, [row("/granted-last")], { ageSeconds: 300 });
    expect((await host.recover()).objects).toBe(2);
    expect(host.found()).toEqual(["/granted-last", "/idle-writer", "/known"]);
  });

  it("leaves alone what had time to reach the index and did not", async () => {
    const host = crashedHost();
    host.segment(7, [row("/a"), row("/overtaken-long-ago")], { known: 1, ageSeconds: 3600 });
    host.segment(8, [row("/b")], { known: 1 });
    await host.recover();
    expect(host.found()).toEqual(["/a", "/b"]);
  });

  it("OPT-76 does not bring back what lay on a disk before it was mounted anew", async () => {
    const host = crashedHost();
    host.firstOwnSegment = 9;
    host.segment(8, [row("/before")]);
    host.segment(9, [row("/after")]);
    host.segment(10, [row("/copied")]);
    host.knownOnOtherDisk(10, 4);
    await host.recover();
    expect(host.found()).toEqual(["/after"]);
  });

  it("CFG-56 enters nothing of virtual hosts that do not exist", async () => {
    const host = crashedHost();
    host.segment(7, [row("/a", { vhost: "removed.example.com" }), row("/b")]);
    await host.recover();
    expect(host.found()).toEqual(["/b"]);
  });

  it("enters a body with a file of its own with what is there of it", async () => {
    const host = crashedHost();
    const withFile = (url: string, file: number, bodyBytes = 5000) =>
      row(url, { location: sampleLocation({ file, bodyBytes }) });
    host.segment(7, [withFile("/whole", 1), withFile("/part", 2), withFile("/nothing", 3), withFile("/gone", 4)]);
    host.segment(8, [withFile("/empty", 5, 0)]);
    for (const [file, bytes] of [
      [1, 5000],
      [2, 2000],
      [3, 0],
      [5, 0],
    ] as const)
      host.presentBytes.set(file, bytes);
    await host.recover();
    expect([...host.rows.values()].map(({ url, missingBytes }) => [url, missingBytes]).sort()).toEqual([
      ["/empty", 0],
      ["/part", 3000],
      ["/whole", 0],
    ]);
  });

  it("ends when the index cannot be written", async () => {
    const host = crashedHost();
    host.canFlush = false;
    host.segment(7, [row("/a")]);
    expect(await host.recover()).toEqual({ segments: 1, objects: 1 });
  });
});
