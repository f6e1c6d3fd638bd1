import { spawnSync } from "node:child_process";
import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { EdgeError, monotonicMs, systemClock } from "@basalt/types";
import Database from "better-sqlite3";
import { describe, expect, it } from "vitest";
import { computeCacheKey } from "../../src/diskIndex/cacheKey.ts";
import { MOVED_OBJECTS_LIMIT } from "../../src/diskIndex/moves.ts";
import { openDiskIndexReader } from "../../src/diskIndex/reader.ts";
import { homeOf } from "../../src/diskIndex/rowPlace.ts";
import { APPLICATION_ID, MIGRATIONS } from "../../src/diskIndex/schema.ts";
import { openDiskIndexWriter } from "../../src/diskIndex/writer.ts";
import { collectProblems, sampleRow, unexpectedProblem } from "../support/samples.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";

const fillIndex = (path: string, rows: number): void => {
  const index = openDiskIndexWriter(path, { clock: systemClock, onProblem: unexpectedProblem });
  for (let number = 0; number < rows; number += 1) index.put(sampleRow({ url: `/${number}`, version: number }));
  index.close();
};

const damagedCopies = (path: string): string[] =>
  readdirSync(dirname(path)).filter((name) => name.startsWith(`${basename(path)}.damaged-`));

const withDatabase = (path: string, change: (database: Database.Database) => void): void => {
  const database = new Database(path);
  change(database);
  database.close();
};

/** An index as the version before this one left it. */
const withVersion2 = (path: string, fill: (database: Database.Database) => void): void =>
  withDatabase(path, (database) => {
    database.pragma(`application_id = ${APPLICATION_ID}`);
    for (const statements of MIGRATIONS.slice(0, 2)) database.exec(statements);
    database.pragma("user_version = 2");
    database.transaction(() => fill(database))();
  });

const DAMAGES: readonly [title: string, damage: (path: string) => void][] = [
  ["garbage", (path) => writeFileSync(path, Buffer.alloc(9000, "not a database "))],
  ["a truncated header", (path) => truncateSync(path, 60)],
  ["a newer version", (path) => withDatabase(path, (database) => database.pragma("user_version = 9999"))],
  ["a foreign application", (path) => withDatabase(path, (database) => database.pragma("application_id = 77"))],
  ["a missing table", (path) => withDatabase(path, (database) => database.exec("DROP TABLE object"))],
  ["a missing table of disks", (path) => withDatabase(path, (database) => database.exec("DROP TABLE disk"))],
  ["a missing state", (path) => withDatabase(path, (database) => database.exec("DELETE FROM state"))],
];

describe("an index that cannot be used", () => {
  it.each(DAMAGES)("is set aside and rebuilt empty: %s", async (_title, damage) => {
    const path = join(temporaryFolder(), "index.db");
    fillIndex(path, 20);
    damage(path);
    const bytesBefore = readFileSync(path);
    const { problems, onProblem } = collectProblems();

    const index = openDiskIndexWriter(path, { clock: systemClock, onProblem });
    expect(index.totals).toEqual({ objects: 0, bytes: 0 });
    index.put(sampleRow());
    await index.flush();
    index.close();

    const [copy, ...others] = damagedCopies(path);
    expect(others).toEqual([]);
    expect(readFileSync(join(dirname(path), copy ?? "")).subarray(100)).toEqual(bytesBefore.subarray(100));
    expect(problems.map(({ severity }) => severity)).toEqual(["error"]);
    const again = openDiskIndexWriter(path, { clock: systemClock, onProblem: unexpectedProblem });
    expect(again.totals.objects).toBe(1);
    again.close();
  });

  it("is rebuilt while running when its pages turn out damaged, with what was not yet written", async () => {
    const path = join(temporaryFolder(), "index.db");
    fillIndex(path, 5000);
    const { size } = statSync(path);
    const descriptor = openSync(path, "r+");
    for (let position = 4096; position < size; position += 4096)
      writeSync(descriptor, Buffer.alloc(512, 0xee), 0, 512, position);
    closeSync(descriptor);
    const { problems, onProblem } = collectProblems();

    const index = openDiskIndexWriter(path, { clock: systemClock, onProblem });
    for (let number = 0; number < 50; number += 1) index.put(sampleRow({ url: `/new/${number}` }));
    await index.flush();
    expect(index.find(computeCacheKey("www.example.com", "/new/7", ""))?.url).toBe("/new/7");
    expect(index.totals.objects).toBe(50);
    expect(problems).toHaveLength(1);
    expect(damagedCopies(path).length).toBeGreaterThan(0);
    index.close();
  });

  it("is rebuilt while a thread copies its log and a reader looks at it", async () => {
    let nowMs = 0;
    const clock = { now: systemClock.now, monotonic: () => monotonicMs(nowMs) };
    const path = join(temporaryFolder(), "index.db");
    const { problems, onProblem } = collectProblems();
    const urlOf = (number: number): string => `/${number}/${"long".repeat(200)}`;
    const filled = openDiskIndexWriter(path, { clock: systemClock, onProblem });
    const disk = filled.numberDisk("/cache/one");
    for (let number = 0; number < 12_000; number += 1) filled.put(sampleRow({ url: urlOf(number) }));
    filled.close();
    const index = openDiskIndexWriter(path, { clock: systemClock, onProblem });
    for (let number = 0; number < 2500; number += 1) index.put(sampleRow({ url: urlOf(number), version: 13 }));
    await index.sync();
    const reader = openDiskIndexReader(path, { clock });
    expect(reader.find(computeCacheKey("www.example.com", urlOf(5), ""))?.url).toBe(urlOf(5));

    // In a process of its own: closing the file here would drop the locks that SQLite holds on it.
    const damage = `const { openSync, statSync, writeSync } = require("node:fs");
      for (const name of process.argv.slice(1)) {
        const file = openSync(name, "r+");
        for (let at = 4096; at < statSync(name).size; at += 4096) writeSync(file, Buffer.alloc(512, 0xee), 0, 512, at);
      }`;
    expect(spawnSync(process.execPath, ["-e", damage, path, `${path}-wal`]).status).toBe(0);
    for (let number = 0; number < 12_000; number += 1) {
      index.find(computeCacheKey("www.example.com", urlOf(number), ""));
      expect(() => reader.find(computeCacheKey("www.example.com", urlOf(number), ""))).not.toThrow();
      nowMs += 1;
    }
    for (let number = 0; number < 3000; number += 1) index.put(sampleRow({ url: `/new/${number}` }));
    await index.flush();
    expect(damagedCopies(path).length).toBeGreaterThan(0);
    expect(problems.every(({ severity }) => severity === "error" || severity === "warning")).toBe(true);
    expect(index.disks()).toEqual([{ number: disk, path: "/cache/one" }]);
    nowMs += 10_000;
    expect(reader.find(computeCacheKey("www.example.com", "/new/2999", ""))?.url).toBe("/new/2999");
    await index.sync();
    reader.close();
    index.close();
    const again = openDiskIndexWriter(path, { clock: systemClock, onProblem: unexpectedProblem });
    expect(again.disks()).toEqual([{ number: disk, path: "/cache/one" }]);
    expect(again.find(computeCacheKey("www.example.com", "/new/2999", ""))?.url).toBe("/new/2999");
    again.close();
  });

  it("holds nothing for a reader, and never makes it throw", () => {
    for (const [, damage] of DAMAGES) {
      const path = join(temporaryFolder(), "index.db");
      fillIndex(path, 20);
      damage(path);
      const reader = openDiskIndexReader(path);
      const found = Array.from({ length: 20 }, (_, number) =>
        reader.find(computeCacheKey("www.example.com", `/${number}`, "")),
      );
      expect(found.every((row) => row === undefined || row.url.startsWith("/"))).toBe(true);
      reader.close();
    }
  });

  it("keeps what it cannot write, says so once, and writes it later", async () => {
    const path = join(temporaryFolder(), "index.db");
    const { problems, onProblem } = collectProblems();
    const index = openDiskIndexWriter(path, { clock: systemClock, onProblem });
    const blocker = new Database(path);
    blocker.exec("BEGIN IMMEDIATE");
    index.put(sampleRow());
    await expect(index.flush()).rejects.toBeInstanceOf(EdgeError);
    await expect(index.flush()).rejects.toBeInstanceOf(EdgeError);
    expect(index.find(sampleRow().key)).toEqual(sampleRow());
    expect(problems).toHaveLength(1);
    blocker.exec("ROLLBACK");
    blocker.close();
    await index.flush();
    index.close();
    const again = openDiskIndexWriter(path, { clock: systemClock, onProblem: unexpectedProblem });
    expect(again.find(sampleRow().key)).toEqual(sampleRow());
    again.close();
  });

  it("of version 1 is led to the present one: no objects, and ids and versions go on", () => {
    const path = join(temporaryFolder(), "index.db");
    const old = new Database(path);
    old.pragma(`application_id = ${APPLICATION_ID}`);
    old.exec(MIGRATIONS[0] ?? "");
    old.pragma("user_version = 1");
    old.exec("UPDATE state SET objects = 9, bytes = 900, highest_version = 77, segment_ids = 5000, file_ids = 6000");
    old.exec("INSERT INTO vhost VALUES (1, 'old.example'); INSERT INTO segment VALUES (3, 0, 900, 9)");
    old.close();
    const index = openDiskIndexWriter(path, { clock: systemClock, onProblem: unexpectedProblem });
    expect([index.totals, index.segmentUse(), index.disks()]).toEqual([{ objects: 0, bytes: 0 }, [], []]);
    expect(index.highestVersion).toBe(77);
    expect([index.nextSegmentId() > 5000, index.nextFileId() > 6000]).toEqual([true, true]);
    index.put(sampleRow());
    index.close();
  });

  it("of version 2 is led to the present one with its objects, their accounts and their segments", async () => {
    const path = join(temporaryFolder(), "index.db");
    const keyOf = (number: number): Buffer => computeCacheKey("old.example", `/${number}`, "");
    const twin = Buffer.from(keyOf(7));
    twin.writeUInt8(twin.readUInt8(9) ^ 1, 9);
    expect(homeOf(twin)).toBe(homeOf(keyOf(7)));
    const keys = [...Array.from({ length: 3000 }, (_, number) => keyOf(number)), twin];
    withVersion2(path, (old) => {
      old.exec(`
        UPDATE state SET objects = 3001, bytes = 3001000, highest_version = 77, segment_ids = 5000, file_ids = 6000;
        INSERT INTO vhost VALUES (1, 'old.example', 0); INSERT INTO disk VALUES (1, '/cache', 0);
        INSERT INTO segment VALUES (3, 1, 9, 3000, 99); INSERT INTO disk_files VALUES (1, 1000, 1);
      `);
      const put = old.prepare("INSERT INTO object VALUES (?, 1, ?, 1, 3, ?, 300, 1000, ?, 12, 1000, 60, 0, 0, 0, 0)");
      for (const [number, key] of keys.entries()) put.run(key, `/${number}`, number * 8, number === 5 ? 9 : 0);
      const member = old.prepare("INSERT INTO member VALUES (3, ?, ?)");
      for (let start = 0; start < keys.length; start += 120) {
        const prefixes = keys.slice(start, start + 120).map((key) => key.subarray(0, 8));
        member.run(start + 1, Buffer.concat(prefixes));
      }
    });
    const index = openDiskIndexWriter(path, { clock: systemClock, onProblem: unexpectedProblem });
    expect([index.totals, index.highestVersion]).toEqual([{ objects: 3001, bytes: 3_001_000 }, 77]);
    const urls = keys.map((key) => index.find(key)?.url);
    expect(urls).toEqual(keys.map((_, number) => `/${number}`));
    expect(index.coldestFiles(1, 9).map(({ url }) => url)).toEqual(["/5"]);
    const members = new Set<string>();
    await index.scanSegment(3, (row) => members.add(row.url));
    expect(members.size).toBe(3001);
    expect([index.indexedTo(3), index.disks()]).toEqual([99, [{ number: 1, path: "/cache" }]]);
    index.close();
    expect(damagedCopies(path)).toEqual([]);
  });

  it("of version 2 that would hold up the start for long is set aside", () => {
    const path = join(temporaryFolder(), "index.db");
    withVersion2(path, (old) => {
      old.exec(`
        INSERT INTO object WITH RECURSIVE n(i) AS (VALUES (0) UNION ALL SELECT i + 1 FROM n LIMIT ${MOVED_OBJECTS_LIMIT + 1})
        SELECT unhex(printf('%032x', i)), 1, '/', 1, 1, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 0 FROM n;
      `);
    });
    const { problems, onProblem } = collectProblems();
    const index = openDiskIndexWriter(path, { clock: systemClock, onProblem });
    expect(index.totals.objects).toBe(0);
    index.close();
    expect(problems.map(({ severity }) => severity)).toEqual(["error"]);
    expect(problems[0]?.message).toContain("version 2");
    expect(damagedCopies(path)).toHaveLength(1);
  });

  it("is not replaced when the place is at fault: opening fails with STORE_UNAVAILABLE", () => {
    const folder = temporaryFolder();
    const file = join(folder, "file");
    writeFileSync(file, "");
    expect(() =>
      openDiskIndexWriter(join(file, "index.db"), { clock: systemClock, onProblem: unexpectedProblem }),
    ).toThrow(EdgeError);
    expect(() => openDiskIndexWriter(folder, { clock: systemClock, onProblem: unexpectedProblem })).toThrow(EdgeError);
    expect(existsSync(file)).toBe(true);
  });
});
