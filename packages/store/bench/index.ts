/**
 * Figures of the store on this machine. From the root of the repository:
 * `node --expose-gc --conditions=@basalt/source packages/store/bench/index.ts`.
 */
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { epochMs, systemClock } from "@basalt/types";
import {
  computeCacheKey,
  createMemoryTier,
  type IndexRow,
  type ObjectLocation,
  openBodyStore,
  openDiskIndexReader,
  openDiskIndexWriter,
  TIER_ENTRY_OVERHEAD_BYTES,
} from "../src/index.ts";

const ROWS = 200_000;
const LOOKUPS = 50_000;
const VHOST = "www.example.com";

const print = (name: string, value: number, unit: string): void => {
  process.stdout.write(`${name.padEnd(44)} ${value.toFixed(value < 100 ? 2 : 0).padStart(12)} ${unit}\n`);
};

const report = (problem: { readonly message: string }): void => {
  process.stdout.write(`${problem.message}\n`);
};

const urlOf = (number: number): string => `/shop/catalogue/product-${number}.html?page=1`.padEnd(60, "abcdefgh");

/** Median duration of one call in µs, over blocks of 100. */
const medianMicroseconds = (count: number, work: (number: number) => void): number => {
  const blocks: number[] = [];
  for (let start = 0; start < count; start += 100) {
    const begin = performance.now();
    for (let number = start; number < start + 100; number += 1) work(number);
    blocks.push(((performance.now() - begin) * 1000) / 100);
  }
  return blocks.sort((left, right) => left - right)[blocks.length >> 1] ?? 0;
};

const DISK = 1;

const rowOf = (number: number): IndexRow => {
  const url = urlOf(number);
  const now = epochMs(1_760_000_000_000 + number * 20);
  return {
    key: computeCacheKey(VHOST, url, ""),
    vhost: VHOST,
    url,
    location: {
      disk: DISK,
      segment: 30_000_000 + (number >> 15),
      offset: (number % 32_768) * 1448,
      headBytes: 380,
      bodyBytes: 1024,
      file: 0,
    },
    version: number + 1,
    freshUntil: epochMs(now + 1_800_000),
    ttl: 1800,
    updatedAt: now,
    lastAccess: now,
    flags: 0,
    missingBytes: 0,
  };
};

const measureIndex = async (folder: string): Promise<void> => {
  const path = join(folder, "index.db");
  const rows = Array.from({ length: ROWS }, (_, number) => rowOf(number));
  const writer = openDiskIndexWriter(path, { clock: systemClock, onProblem: report });
  const begin = performance.now();
  writer.numberDisk("disk");
  for (const row of rows) writer.put(row);
  await writer.flush();
  print("index: insert", ROWS / ((performance.now() - begin) / 1000), "rows/s");
  const reader = openDiskIndexReader(path);
  const pick = (number: number): number => (number * 7919) % ROWS;
  const present = Array.from({ length: LOOKUPS }, (_, number) => computeCacheKey(VHOST, urlOf(pick(number)), ""));
  const absent = Array.from({ length: LOOKUPS }, (_, number) => computeCacheKey(VHOST, urlOf(ROWS + number), ""));
  const lookUp = (keys: readonly Buffer[]) => (number: number) => {
    const key = keys[number];
    if (key !== undefined) reader.find(key);
  };
  print("index: lookup, hit, median", medianMicroseconds(LOOKUPS, lookUp(present)), "µs");
  print("index: lookup, miss, median", medianMicroseconds(LOOKUPS, lookUp(absent)), "µs");
  print(
    "key: derivation, median",
    medianMicroseconds(LOOKUPS, (number) => computeCacheKey(VHOST, rows[number]?.url ?? "", "")),
    "µs",
  );
  reader.close();
  writer.close();
  print("index: bytes per object, 60-byte URL", statSync(path).size / ROWS, "B");
  const reopened = performance.now();
  openDiskIndexWriter(path, { clock: systemClock, onProblem: report }).close();
  print("index: open and close", performance.now() - reopened, "ms");
};

const measureBodies = async (folder: string): Promise<void> => {
  let lastId = 0;
  const nextId = (): Promise<number> => {
    lastId += 1;
    return Promise.resolve(lastId);
  };
  const store = openBodyStore({
    disks: [{ number: DISK, path: join(folder, "disk") }],
    allocateSegment: nextId,
    allocateFile: nextId,
    onProblem: report,
    maxOpenFiles: 64,
  });
  const head = Buffer.alloc(380, "h");
  const image = rowOf(0);
  for (const [bodyBytes, count] of [
    [1024, 20_000],
    [65_536, 2000],
  ] as const) {
    const body = Buffer.alloc(bodyBytes, "b");
    const locations: ObjectLocation[] = [];
    const appended = performance.now();
    for (let start = 0; start < count; start += 50) {
      locations.push(...(await Promise.all(Array.from({ length: 50 }, () => store.append(image, head, body)))));
    }
    print(`bodies: append ${bodyBytes} B, 50 at a time`, count / ((performance.now() - appended) / 1000), "objects/s");
    const loaded = performance.now();
    for (let start = 0; start < count; start += 16) {
      await Promise.all(locations.slice(start, start + 16).map((location) => store.load(location)));
    }
    print(`bodies: load ${bodyBytes} B, 16 at a time`, count / ((performance.now() - loaded) / 1000), "objects/s");
  }
  const file = await store.createFile();
  for (let written = 0; written < 64; written += 1) await file.write(Buffer.alloc(1 << 20, written));
  const location = await file.complete(image, head);
  const target = Buffer.allocUnsafe(1 << 18);
  for (const pass of ["first, verifying", "again"]) {
    const reader = await store.openBody(location);
    const begin = performance.now();
    for (let position = 0; position < location.bodyBytes; position += target.length) {
      await reader?.read(target, 0, target.length, position);
    }
    print(`bodies: own file in 256 KB reads, ${pass}`, 64 / ((performance.now() - begin) / 1000), "MB/s");
    reader?.release();
  }
  await store.close();
};

const measureMemoryTier = (): void => {
  const count = 100_000;
  const urls = Array.from({ length: count }, (_, number) => urlOf(number));
  const entries = urls.map(() => ({ memoryBytes: 1000 }));
  const fillTier = () => {
    const tier = createMemoryTier<{ readonly memoryBytes: number }>(2 ** 30);
    for (const [index, url] of urls.entries()) tier.insert(0, url, entries[index] ?? { memoryBytes: 0 });
    return tier;
  };
  fillTier();
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;
  const tier = fillTier();
  globalThis.gc?.();
  print("memory tier: heap per entry", (process.memoryUsage().heapUsed - before) / count, "B");
  print("memory tier: charged per entry", TIER_ENTRY_OVERHEAD_BYTES, "B");
  const find = (number: number) => tier.find(0, urls[(number * 7919) % count] ?? "");
  medianMicroseconds(count, find);
  print("memory tier: find, 100,000 objects", medianMicroseconds(count, find), "µs");
};

const folder = mkdtempSync(join(tmpdir(), "basalt-bench-"));
try {
  measureMemoryTier();
  await measureIndex(folder);
  await measureBodies(folder);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
