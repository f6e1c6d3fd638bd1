import { EdgeError } from "@basalt/types";
import { describe, expect, it } from "vitest";
import type { BodyReader, BodyStore, BodyUpkeep, ObjectLocation } from "../../src/contract.ts";
import { BLOCK_BYTES, STRETCH_BYTES } from "../../src/limits.ts";
import { createIds, openStore, readAll } from "../support/openStore.ts";
import { collectProblems, patternBytes, sampleImage } from "../support/samples.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";
import { LAYOUTS, type Layout, type StorePair } from "./layouts.ts";

type Store = BodyStore & BodyUpkeep;

interface Host {
  readonly first: Store;
  readonly second: Store;
  /** A process that starts now. */
  reopen(): Store;
  close(): Promise<void>;
}

/** Processes on the same two disks, with ids given by one primary. */
const openHost = ({ hasProblems = false } = {}): Host => {
  const { problems, onProblem } = collectProblems();
  const disks = [{ path: temporaryFolder() }, { path: temporaryFolder() }];
  const ids = { allocateSegment: createIds(), allocateFile: createIds() };
  const opened: Store[] = [];
  const reopen = (): Store => {
    const store = openStore({ disks, ...ids, onProblem });
    opened.push(store);
    return store;
  };
  return {
    first: reopen(),
    second: reopen(),
    reopen,
    close: async () => {
      if (!hasProblems) expect(problems).toEqual([]);
      await Promise.all(opened.map((store) => store.close()));
    },
  };
};

const HEAD = Buffer.from("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n");
const urlOf = (size: number): string => `/${size}`;

const storeSize = (layout: Layout, stores: StorePair, size: number): Promise<ObjectLocation> =>
  layout.store(stores, sampleImage({ url: urlOf(size) }), HEAD, patternBytes(size, size));

const readRange = async (reader: BodyReader, position: number, length: number): Promise<Buffer> => {
  const target = Buffer.alloc(length + 2, 0xee);
  const count = await reader.read(target, 1, length, position);
  expect([target[0], target[count + 1]]).toEqual([0xee, 0xee]);
  return target.subarray(1, count + 1);
};

const openBody = async (store: Store, location: ObjectLocation): Promise<BodyReader> => {
  const reader = await store.openBody(location);
  if (reader === undefined) throw new Error("the body is gone");
  return reader;
};

/** Places where nothing was stored, near to one where something was. */
const wrongPlaces = (location: ObjectLocation): ObjectLocation[] => [
  { ...location, disk: location.disk === 1 ? 2 : 1 },
  { ...location, disk: 9 },
  { ...location, segment: location.segment + 40 },
  { ...location, offset: location.offset + 8 },
  { ...location, offset: location.offset + 2 ** 40 },
  { ...location, headBytes: location.headBytes + 1 },
  { ...location, headBytes: 0 },
  { ...location, bodyBytes: location.bodyBytes + 1 },
  { ...location, file: location.file + 40 },
];

const HOSTILE_NUMBERS = [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, 2 ** 47];

const hostilePlaces = (location: ObjectLocation): ObjectLocation[] =>
  HOSTILE_NUMBERS.flatMap((number) => [
    { ...location, disk: number },
    { ...location, segment: number },
    { ...location, offset: number },
    { ...location, headBytes: number },
    { ...location, bodyBytes: number },
    { ...location, file: number },
  ]);

const expectAbsent = async (store: Store, location: ObjectLocation): Promise<void> => {
  expect([await store.load(location), store.loadNow(location)]).toEqual([undefined, undefined]);
  const reader = await store.openBody(location);
  const parted = location.file === 0 ? undefined : await store.openParted(location);
  expect([reader, parted]).toEqual([undefined, undefined]);
};

describe.each(LAYOUTS)("the body store with $name", (layout) => {
  it.each(layout.sizes)("reads %i bytes back in every process, and after a restart", async (size) => {
    const host = openHost();
    const location = await storeSize(layout, host, size);
    expect(location).toMatchObject({ bodyBytes: size });
    expect(location.file !== 0).toBe(layout.hasOwnFile);
    const body = patternBytes(size, size);
    const expectStored = async (store: Store): Promise<void> => {
      const loaded = await store.load(location);
      expect(loaded?.head).toEqual(HEAD);
      expect(loaded?.body?.equals(body)).toBe(layout.hasOwnFile ? undefined : true);
      expect((await readAll(await store.openBody(location))).equals(body)).toBe(true);
    };
    for (const store of [host.first, host.second, host.first]) await expectStored(store);
    await host.first.sync();
    await host.first.close();
    await expectStored(host.reopen());
    await host.close();
  });

  it("gives exactly the bytes of a range, at every border of blocks and ends", async () => {
    const host = openHost();
    const size = layout.sizes.at(-1) ?? 0;
    const location = await storeSize(layout, host, size);
    const body = patternBytes(size, size);
    const around = [BLOCK_BYTES, STRETCH_BYTES].flatMap((border) => [border - 1, border, border + 1]);
    const borders = [0, 1, ...around, 2 * BLOCK_BYTES, 2 * STRETCH_BYTES, size - 1, size, size + 1];
    for (const start of borders) {
      const reader = await openBody(host.reopen(), location);
      for (const end of [...borders, start, start + 1, start + 100_000, size + 5_000_000]) {
        if (start > end) continue;
        const read = await readRange(reader, start, end - start);
        expect(read.equals(body.subarray(start, end)), `${start} to ${end}`).toBe(true);
      }
      reader.release();
    }
    await host.close();
  });

  it("keeps what is absent absent, wherever a location points", async () => {
    const host = openHost({ hasProblems: true });
    const size = layout.sizes.at(1) ?? 0;
    const location = await storeSize(layout, host, size);
    for (const place of [...wrongPlaces(location), ...hostilePlaces(location)]) {
      const { file } = place;
      if (layout.hasOwnFile && place.bodyBytes === size && file === location.file && place.disk === location.disk) {
        expect(await host.second.load(place)).toBeUndefined();
      } else if (layout.hasOwnFile && file === 0) {
        expect(await host.second.load(place)).toBeUndefined();
      } else await expectAbsent(host.second, place);
    }
    expect((await host.second.load(location))?.head).toEqual(HEAD);
    await host.close();
  });

  it("keeps what a reader holds right while others store, and while it is deleted", async () => {
    const host = openHost({ hasProblems: true });
    const size = layout.sizes.at(-1) ?? 0;
    const body = patternBytes(size, size);
    const location = await storeSize(layout, host, size);
    const readers = await Promise.all([openBody(host.first, location), openBody(host.second, location)]);
    const started = await Promise.all(readers.map((reader) => readRange(reader, 0, 1000)));
    for (const piece of started) expect(piece.equals(body.subarray(0, 1000))).toBe(true);

    const others = layout.sizes.map((other) => storeSize(layout, host, other));
    for (const reader of readers) expect((await readRange(reader, 0, size)).equals(body)).toBe(true);
    const stored = await Promise.all(others);

    if (layout.hasOwnFile) expect(await host.first.removeBodies([location])).toBe(1);
    else expect(await host.first.deleteSegment(location.disk, location.segment)).toBe(true);
    for (const reader of readers) {
      const outcome = await readRange(reader, 0, size).catch((cause: unknown) => cause);
      if (Buffer.isBuffer(outcome)) expect(outcome.equals(body)).toBe(true);
      else expect(outcome).toBeInstanceOf(EdgeError);
      reader.release();
      await expect(reader.read(Buffer.alloc(1), 0, 1, 0)).rejects.toBeInstanceOf(EdgeError);
    }
    expect(await host.first.openBody(location)).toBeUndefined();
    expect(await host.reopen().openBody(location)).toBeUndefined();
    for (const [position, other] of stored.entries()) {
      if (!layout.hasOwnFile && other.segment === location.segment) continue;
      const otherSize = layout.sizes[position] ?? 0;
      const read = await readAll(await host.second.openBody(other));
      expect(read.equals(patternBytes(otherSize, otherSize))).toBe(true);
    }
    await host.close();
  });

  it("gives one reader's bytes to many at once, and objects in any order to concurrent readers", async () => {
    const host = openHost();
    const stored = await Promise.all(
      layout.sizes.map(async (size) => ({ size, location: await storeSize(layout, host, size) })),
    );
    const fresh = host.reopen();
    const readings = [...stored, ...stored.toReversed(), ...stored].map(async ({ size, location }) => {
      const read = await readAll(await fresh.openBody(location), 77_777);
      return read.equals(patternBytes(size, size));
    });
    expect((await Promise.all(readings)).every((isRight) => isRight)).toBe(true);
    expect(fresh.counters).toEqual({ damaged: 0, missing: 0, failed: 0 });
    await host.close();
  });

  it("gives a new head to a body that stays, as often as wanted", async () => {
    const host = openHost();
    const size = layout.sizes.at(-1) ?? 0;
    const heads = ["second head", "", `x-long: ${"a".repeat(20_000)}`].map((text) => Buffer.from(text));
    let location = await storeSize(layout, host, size);
    for (const [position, head] of heads.entries()) {
      const store = position % 2 === 0 ? host.second : host.first;
      const image = sampleImage({ url: urlOf(size), version: 100 + position });
      location = await store.replaceHead(location, image, head);
      expect((await host.first.load(location))?.head).toEqual(head);
      expect((await readAll(await host.first.openBody(location))).equals(patternBytes(size, size))).toBe(true);
    }
    await host.close();
  });

  it("finds its records again with their images", async () => {
    const host = openHost();
    const stored = new Map<string, ObjectLocation>();
    for (const size of layout.sizes) stored.set(urlOf(size), await storeSize(layout, host, size));
    const found = new Map<string, ObjectLocation>();
    for (const { disk, segment } of await host.second.listSegments()) {
      for await (const record of host.second.recordsOf(disk, segment, 0)) {
        expect(record.image).toEqual(sampleImage({ url: record.image.url }));
        found.set(record.image.url, record.location);
      }
    }
    expect([...found].toSorted()).toEqual([...stored].toSorted());
    await host.close();
  });
});

describe("bodies that come in parts", () => {
  const size = 3 * BLOCK_BYTES + 17;
  const body = patternBytes(size, 5);

  it("show a block to every process once it is complete, and never before", async () => {
    const host = openHost();
    const file = await host.first.createParted(sampleImage(), HEAD, size);
    const other = await host.second.openParted(file.location);
    if (other === undefined) throw new Error("the file is gone");
    const part = await file.startPart(2);
    const start = 2 * BLOCK_BYTES;
    await part.write(body.subarray(start, start + BLOCK_BYTES - 1));
    await other.refresh(0, other.blockCount);
    expect([file.has(2), other.has(2), other.missingBytes]).toEqual([false, false, size]);
    await part.write(body.subarray(start + BLOCK_BYTES - 1, start + BLOCK_BYTES + 1));
    await other.refresh(0, other.blockCount);
    expect([file.has(2), other.has(2), other.has(3), other.missingBytes]).toEqual([
      true,
      true,
      false,
      size - BLOCK_BYTES,
    ]);
    expect((await readRange(other, start, BLOCK_BYTES)).equals(body.subarray(start, start + BLOCK_BYTES))).toBe(true);
    expect(await host.second.openBody(file.location)).toBeUndefined();
    expect(await host.second.presentBytesOf(file.location)).toBe(BLOCK_BYTES);
    await part.close();
    file.release();
    other.release();
    await host.close();
  });

  it("refuse bytes behind the end of the body and blocks that there are not", async () => {
    const host = openHost();
    const file = await host.first.createParted(sampleImage(), HEAD, size);
    for (const block of [-1, 4, 0.5, Number.NaN, 2 ** 40]) {
      await expect(file.startPart(block)).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    }
    const part = await file.startPart(3);
    await expect(part.write(Buffer.alloc(18))).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    await part.close();
    for (const bodyBytes of [-1, 0.5, Number.NaN, 2 ** 60]) {
      await expect(host.first.createParted(sampleImage(), HEAD, bodyBytes)).rejects.toBeInstanceOf(EdgeError);
    }
    file.release();
    await host.close();
  });
});
