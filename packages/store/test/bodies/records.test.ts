import { appendFileSync, readdirSync, truncateSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { segmentPath } from "../../src/bodies/diskPaths.ts";
import { recordBytesOf } from "../../src/bodies/recordFormat.ts";
import type { BodyUpkeep, FoundRecord, ObjectLocation } from "../../src/contract.ts";
import { PACKED_BODY_LIMIT_BYTES } from "../../src/limits.ts";
import { openStore } from "../support/openStore.ts";
import { patternBytes, sampleImage, sampleLocation } from "../support/samples.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";

const HEAD = Buffer.from("200 OK");

const collect = async (store: BodyUpkeep, segment: number, fromOffset = 0, disk = 1): Promise<FoundRecord[]> => {
  const records: FoundRecord[] = [];
  for await (const record of store.recordsOf(disk, segment, fromOffset)) records.push(record);
  return records;
};

/** A segment with records of many lengths, and one of a body with a file of its own. */
const openFilled = async () => {
  const path = temporaryFolder();
  const store = openStore({ disks: [{ path }] });
  const expected: FoundRecord[] = [];
  const lengths = [0, 1, 7, 300_000, PACKED_BODY_LIMIT_BYTES, 5, PACKED_BODY_LIMIT_BYTES, 400_000, 400_000, 9];
  for (const [index, length] of lengths.entries()) {
    const image = sampleImage({ url: `/${index}`, version: index + 1 });
    expected.push({ image, location: await store.append(image, HEAD, patternBytes(length, index)) });
  }
  const image = sampleImage({ url: "/parted", flags: 3 });
  const parted = await store.createParted(image, HEAD, 5_000_000);
  expected.push({ image, location: parted.location });
  parted.release();
  const segment = expected[0]?.location.segment ?? -1;
  return { path, store, expected, segment, file: segmentPath(path, segment) };
};

const endOf = (location: ObjectLocation): number => location.offset + recordBytesOf(location);

describe("the records of a segment", () => {
  it("are found with what they tell of their objects, from any record on", async () => {
    const { store, expected, segment } = await openFilled();
    expect(await collect(store, segment)).toEqual(expected);
    for (const [index, { location }] of expected.entries()) {
      expect(await collect(store, segment, location.offset)).toEqual(expected.slice(index));
    }
    const { location } = expected.at(-1) ?? { location: sampleLocation() };
    expect(await collect(store, segment, endOf(location))).toEqual([]);
    await store.close();
  });

  it("REG-317 hold thousands of objects in a few files", async () => {
    const path = temporaryFolder();
    const store = openStore({ disks: [{ path }] });
    for (let number = 0; number < 3_000; number += 1) {
      await store.append(sampleImage({ url: `/${number}`, version: number + 1 }), HEAD, patternBytes(1_000, number));
    }
    await store.close();
    const files = readdirSync(path, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    expect(files.length).toBeLessThan(10);
  });

  it("end at the first that is not whole", async () => {
    const { store, expected, segment, file } = await openFilled();
    appendFileSync(file, "garbage that was being written");
    expect(await collect(store, segment)).toEqual(expected);
    const cut = expected[7]?.location ?? sampleLocation();
    truncateSync(file, cut.offset + 100_000);
    expect(await collect(store, segment)).toEqual(expected.slice(0, 7));
    truncateSync(file, cut.offset + 20);
    expect(await collect(store, segment)).toEqual(expected.slice(0, 7));
    await store.close();
  });

  it("are none where there is no segment, or no place in it", async () => {
    const { store, expected, segment, file } = await openFilled();
    expect(await collect(store, 999)).toEqual([]);
    expect(await collect(store, segment, 0, 2)).toEqual([]);
    for (const offset of [-8, 0.5, Number.NaN, 12, 8, 2 ** 60]) {
      expect(await collect(store, segment, offset)).toEqual([]);
    }
    writeFileSync(file, Buffer.alloc(3_000_000));
    expect(await collect(store, segment)).toEqual([]);
    expect(expected.length).toBeGreaterThan(0);
    expect(store.counters.damaged).toBe(0);
    await store.close();
  });

  it("can be left before the end", async () => {
    const { store, segment } = await openFilled();
    for await (const { image } of store.recordsOf(1, segment, 0)) {
      expect(image.url).toBe("/0");
      break;
    }
    await store.close();
  });

  it("say how much of a body is on the disk", async () => {
    const { store, expected } = await openFilled();
    const amounts = await Promise.all(expected.map(({ location }) => store.presentBytesOf(location)));
    expect(amounts.slice(0, -1)).toEqual(expected.slice(0, -1).map(({ location }) => location.bodyBytes));
    expect(amounts.at(-1)).toBe(0);
    await store.removeBodies([expected.at(-1)?.location ?? sampleLocation()]);
    expect(await store.presentBytesOf(expected.at(-1)?.location ?? sampleLocation())).toBeUndefined();
    await store.close();
  });
});
