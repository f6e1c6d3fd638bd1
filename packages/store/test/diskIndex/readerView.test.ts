import { join } from "node:path";
import { monotonicMs, systemClock } from "@basalt/types";
import Database from "better-sqlite3";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { DiskIndex } from "../../src/contract.ts";
import { openDiskIndexReader } from "../../src/diskIndex/reader.ts";
import { openDiskIndexWriter } from "../../src/diskIndex/writer.ts";
import { sampleRow, unexpectedProblem } from "../support/samples.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";

interface Scene {
  readonly path: string;
  readonly writer: DiskIndex;
  readonly reader: ReturnType<typeof openDiskIndexReader>;
  /** Moves the reader's clock, which stands still otherwise. */
  readonly advance: (byMs: number) => void;
}

const openScene = (): Scene => {
  let nowMs = 1000;
  const path = join(temporaryFolder(), "index.db");
  const clock = { now: systemClock.now, monotonic: () => monotonicMs(nowMs) };
  const writer = openDiskIndexWriter(path, { clock: systemClock, onProblem: unexpectedProblem });
  const reader = openDiskIndexReader(path, { clock });
  return { path, writer, reader, advance: (byMs) => (nowMs += byMs) };
};

/** Whether nobody's view keeps the log from beginning anew. */
const canRestart = (path: string): boolean => {
  const database = new Database(path, { timeout: 0 });
  const busy = database.pragma("wal_checkpoint(RESTART)", { simple: true });
  database.close();
  return busy === 0;
};

afterEach(() => {
  vi.useRealTimers();
});

describe("the view of a reader", () => {
  it("is the same for 100 ms and then shows what was flushed", async () => {
    const { writer, reader, advance } = openScene();
    const { key } = sampleRow();
    writer.put(sampleRow({ version: 1 }));
    await writer.flush();
    expect(reader.find(key)?.version).toBe(1);
    writer.update(key, { version: 2 });
    await writer.flush();
    advance(99);
    expect(reader.find(key)?.version).toBe(1);
    advance(1);
    expect(reader.find(key)?.version).toBe(2);
    writer.remove(key);
    await writer.flush();
    expect(reader.find(key)?.version).toBe(2);
    reader.refresh();
    expect(reader.find(key)).toBeUndefined();
    reader.close();
    writer.close();
  });

  it("does not hold the log back when the reader is idle", async () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    const { path, writer, reader, advance } = openScene();
    writer.put(sampleRow());
    await writer.flush();
    reader.find(sampleRow().key);
    writer.put(sampleRow({ url: "/other" }));
    await writer.flush();
    expect(canRestart(path)).toBe(false);
    vi.advanceTimersByTime(250);
    expect(canRestart(path)).toBe(false);
    advance(250);
    vi.advanceTimersByTime(250);
    expect(canRestart(path)).toBe(true);
    expect(reader.find(sampleRow({ url: "/other" }).key)?.url).toBe("/other");
    reader.close();
    writer.close();
  });

  it("ends when the reader is closed, and a refresh after it does no harm", async () => {
    const { path, writer, reader } = openScene();
    writer.put(sampleRow());
    await writer.flush();
    reader.find(sampleRow().key);
    writer.put(sampleRow({ url: "/other" }));
    await writer.flush();
    reader.close();
    reader.refresh();
    expect(reader.find(sampleRow().key)).toBeUndefined();
    expect(canRestart(path)).toBe(true);
    writer.close();
  });
});
