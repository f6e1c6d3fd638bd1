import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { systemClock } from "@basalt/types";
import Database from "better-sqlite3";
import { describe, expect, it, vi } from "vitest";
import type { DiskIndex } from "../../src/contract.ts";
import { openDiskIndexReader } from "../../src/diskIndex/reader.ts";
import { type DiskIndexContext, openDiskIndexWriter } from "../../src/diskIndex/writer.ts";
import { collectProblems, sampleRow, unexpectedProblem } from "../support/samples.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";

const MIB = 1024 * 1024;

const indexPath = (): string => join(temporaryFolder(), "index.db");
const openWriter = (path: string, change: Partial<DiskIndexContext> = {}): DiskIndex =>
  openDiskIndexWriter(path, { clock: systemClock, onProblem: unexpectedProblem, ...change });

/** Rows with long URLs in random order: about one page of the log for each. */
const putRows = async (index: DiskIndex, from: number, to: number): Promise<void> => {
  for (let number = from; number < to; number += 1) {
    index.put(sampleRow({ url: `/${number}/${"long".repeat(200)}`, version: number }));
    if (number % 50 === 0) await nextTurn();
  }
  await index.flush();
};

describe("the write-ahead log", () => {
  it("is copied to the database file by a thread, beside the writer", async () => {
    const path = indexPath();
    const index = openWriter(path);
    await putRows(index, 0, 6000);
    await vi.waitFor(() => expect(statSync(path).size).toBeGreaterThan(4 * MIB), { timeout: 30_000 });
    await putRows(index, 6000, 7000);
    index.close();
    expect(existsSync(`${path}-wal`)).toBe(false);
    const again = openWriter(path);
    expect(again.totals.objects).toBe(7000);
    again.close();
  });

  it("can be closed at any moment of the thread's life", async () => {
    for (const rows of [0, 1, 2200, 2600, 5000]) {
      const path = indexPath();
      const index = openWriter(path);
      for (let number = 0; number < rows; number += 1) index.put(sampleRow({ url: `/${number}/${"x".repeat(900)}` }));
      await index.flush();
      index.close();
      index.close();
      const again = openWriter(path);
      expect(again.totals.objects).toBe(rows);
      again.close();
    }
  });
});

describe("sync", () => {
  it("resolves when the rows are in files that a copy would have; many calls share the work", async () => {
    const folder = temporaryFolder();
    const path = join(folder, "index.db");
    const index = openWriter(path);
    await index.sync();
    index.put(sampleRow());
    await Promise.all(Array.from({ length: 20 }, () => index.sync()));
    copyFileSync(path, join(folder, "copy.db"));
    copyFileSync(`${path}-wal`, join(folder, "copy.db-wal"));
    const copy = openWriter(join(folder, "copy.db"));
    expect(copy.find(sampleRow().key)).toEqual(sampleRow());
    copy.close();
    await putRows(index, 0, 3000);
    await index.sync();
    index.close();
    await index.sync();
  });

  it("refuses when the rows could not even be written", async () => {
    const path = indexPath();
    const { onProblem } = collectProblems();
    const index = openWriter(path, { onProblem });
    const blocker = new Database(path);
    blocker.exec("BEGIN IMMEDIATE");
    index.put(sampleRow());
    await expect(index.sync()).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    blocker.exec("ROLLBACK");
    blocker.close();
    await index.sync();
    index.close();
  });
});

describe("a full disk", () => {
  it("keeps the index whole: what was written stays, what waits is refused and said once", () => {
    const path = indexPath();
    const script = fileURLToPath(new URL("../support/fullDiskWriter.ts", import.meta.url));
    // The limit counts blocks of 512 bytes in sh: no file grows above 12 MB.
    const command = `ulimit -f 24576; exec "${process.execPath}" --conditions=@basalt/source "${script}" "${path}"`;
    const run = spawnSync("sh", ["-c", command], { encoding: "utf8", timeout: 60_000 });
    expect([run.stderr, run.status]).toEqual(["", 0]);
    const told: unknown = JSON.parse(run.stdout);
    const index = openWriter(path);
    expect(told).toEqual({ written: index.totals.objects, refused: true, errors: 1 });
    expect(index.totals.objects).toBeGreaterThan(1000);
    index.close();
    expect(readFileSync(path).length).toBeLessThan(20 * MIB);
  });
});

describe("Indexing", () => {
  it.each(["Memory", "Disk"] as const)(
    "OPT-10 OPT-11 OPT-12 %s finds the same, from the start and after growth",
    async (indexing) => {
      const path = indexPath();
      const first = openWriter(path, { indexing, warmBytes: 2 ** 40 });
      await putRows(first, 0, 12_000);
      first.close();
      const index = openWriter(path, { indexing, warmBytes: 16 * MIB });
      const reader = openDiskIndexReader(path, { indexing, warmBytes: 16 * MIB });
      await putRows(index, 12_000, 16_000);
      reader.refresh();
      for (const number of [0, 500, 11_999, 12_000, 15_999]) {
        const { key } = sampleRow({ url: `/${number}/${"long".repeat(200)}` });
        expect([index.find(key)?.version, reader.find(key)?.version]).toEqual([number, number]);
      }
      expect(reader.find(sampleRow({ url: "/absent" }).key)).toBeUndefined();
      reader.close();
      index.close();
    },
  );
});
