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
import { EdgeError, systemClock } from "@basalt/types";
import Database from "better-sqlite3";
import { describe, expect, it } from "vitest";
import { computeCacheKey } from "../../src/diskIndex/cacheKey.ts";
import { openDiskIndexReader } from "../../src/diskIndex/reader.ts";
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

const DAMAGES: readonly [title: string, damage: (path: string) => void][] = [
  ["garbage", (path) => writeFileSync(path, Buffer.alloc(9000, "not a database "))],
  ["a truncated header", (path) => truncateSync(path, 60)],
  ["a newer version", (path) => withDatabase(path, (database) => database.pragma("user_version = 9999"))],
  ["a foreign application", (path) => withDatabase(path, (database) => database.pragma("application_id = 77"))],
  ["a missing table", (path) => withDatabase(path, (database) => database.exec("DROP TABLE object"))],
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
