import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openSeriesStore, type SeriesStore } from "../../src/index.ts";

const MINUTE = { seconds: 60, keptSeconds: 600 };
const WINDOW = { seconds: 300, keptSeconds: 3_600 };

let folder: string;
let path: string;
let problems: string[];
const open: SeriesStore[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "basalt-series-"));
  path = join(folder, "data", "metrics.sqlite");
  problems = [];
});
afterEach(() => {
  for (const store of open.splice(0)) store.close();
  rmSync(folder, { recursive: true });
});

const opened = (mostBytes = 10_000_000): SeriesStore => {
  const store = openSeriesStore(path, {
    steps: [MINUTE, WINDOW],
    mostBytes,
    onProblem: (text) => problems.push(text),
  });
  if (store === undefined) throw new Error(problems.join());
  open.push(store);
  return store;
};

const bytes = (text: string): Uint8Array => Buffer.from(text);
const texts = (store: SeriesStore, name: string, from = 0, to = 1e15, step = MINUTE): readonly string[] =>
  store.read(step, name, from, to).map((record) => `${record.endedAtMs} ${Buffer.from(record.bytes).toString()}`);

describe("records by name and time", () => {
  it("AWS-78 are read in the order of time, those of a step and a name alone", () => {
    const store = opened();
    store.append(MINUTE, 120_000, [
      ["", bytes("all")],
      ["a", bytes("second")],
    ]);
    store.append(MINUTE, 60_000, [["a", bytes("first")]]);
    store.append(WINDOW, 120_000, [["a", bytes("window")]]);
    expect(texts(store, "a")).toEqual(["60000 first", "120000 second"]);
    expect(texts(store, "a", 60_000)).toEqual(["120000 second"]);
    expect(texts(store, "a", 0, 60_000)).toEqual(["60000 first"]);
    expect(texts(store, "a", 0, 1e15, WINDOW)).toEqual(["120000 window"]);
    expect(texts(store, "b")).toEqual([]);
  });

  it("AWS-78 survive a restart, and one of the same moment takes the place of the other", () => {
    const store = opened();
    store.append(MINUTE, 60_000, [["a", bytes("old")]]);
    store.close();
    open.splice(0);
    const next = opened();
    next.append(MINUTE, 60_000, [["a", bytes("new")]]);
    expect(texts(next, "a")).toEqual(["60000 new"]);
    expect(problems).toEqual([]);
  });

  it("AWS-78 go when they are too old", () => {
    const store = opened();
    for (let minute = 1; minute <= 20; minute++) store.append(MINUTE, minute * 60_000, [["a", bytes("x")]]);
    store.append(WINDOW, 60_000, [["a", bytes("w")]]);
    store.prune(20 * 60_000);
    expect(texts(store, "a")).toHaveLength(11);
    expect(texts(store, "a", 0, 1e15, WINDOW)).toHaveLength(1);
  });

  it("GRAPH-16 of very many that are too old some go at a time, and it is told that others are left", () => {
    const store = opened();
    const names = Array.from({ length: 5_000 }, (_, index) => `h${index}`);
    store.append(
      MINUTE,
      60_000,
      names.map((name) => [name, bytes("x")]),
    );
    const nowMs = 20 * 60_000;
    expect([store.prune(nowMs), store.prune(nowMs), store.prune(nowMs), store.prune(nowMs)]).toEqual([
      ...[true, true, false, false],
    ]);
    expect(names.filter((name) => texts(store, name).length > 0)).toEqual([]);
  });

  it("AWS-78 are bounded in bytes: the oldest of single names go first, never those of all", () => {
    const store = opened(400_000);
    for (let minute = 1; minute <= 40; minute++) {
      const names = Array.from({ length: 100 }, (_, index) => [`h${index}`, bytes("x".repeat(400))] as const);
      store.append(WINDOW, minute * 60_000, [["", bytes("sum")], ...names]);
      store.prune(minute * 60_000);
    }
    expect(texts(store, "", 0, 1e15, WINDOW)).toHaveLength(40);
    const kept = texts(store, "h7", 0, 1e15, WINDOW);
    expect(kept.length).toBeLessThan(30);
    expect(kept.at(-1)).toMatch(/^2400000 /);
  });

  it("AWS-78 are begun anew, with the file kept aside, where it is damaged or of another program", () => {
    opened().close();
    open.splice(0);
    writeFileSync(path, "no database at all, but long enough to be looked at as one".repeat(50));
    const store = opened();
    expect(problems.join()).toContain("begun anew");
    expect(existsSync(`${path}.damaged`)).toBe(true);
    expect(store.append(MINUTE, 1, [["a", bytes("x")]])).toBe(true);
  });

  it("AWS-78 are begun anew when damage shows while the file is in use", () => {
    const store = opened();
    for (let minute = 1; minute <= 500; minute++) store.append(MINUTE, minute, [["a", bytes("x".repeat(400))]]);
    store.close();
    open.splice(0);
    const content = readFileSync(path);
    content.fill(0xa5, 16 * 4096);
    writeFileSync(path, content);
    const next = opened();
    expect(problems).toEqual([]);
    next.read(MINUTE, "a", 0, 1_000);
    expect(problems).toHaveLength(1);
    expect(next.append(MINUTE, 1, [["a", bytes("new")]])).toBe(true);
    expect(texts(next, "a")).toEqual(["1 new"]);
    expect(existsSync(`${path}.damaged`)).toBe(true);
    expect(problems).toHaveLength(1);
  });

  it("AWS-78 that cannot be written are told of once, though others can be read meanwhile", () => {
    const store = opened();
    store.append(MINUTE, 1, [["a", bytes("x")]]);
    const locking = new Database(path);
    locking.exec("BEGIN IMMEDIATE");
    for (const time of [2, 3]) {
      expect(store.append(MINUTE, time, [["a", bytes("x")]])).toBe(false);
      expect(texts(store, "a")).toEqual(["1 x"]);
    }
    expect(problems).toHaveLength(1);
    locking.close();
    expect(store.append(MINUTE, 4, [["a", bytes("x")]])).toBe(true);
  });

  it("AWS-78 are lost, told of once, when they cannot be written", () => {
    const store = opened();
    store.close();
    expect(store.append(MINUTE, 1, [["a", bytes("x")]])).toBe(false);
    expect(store.append(MINUTE, 2, [["a", bytes("x")]])).toBe(false);
    expect(store.read(MINUTE, "a", 0, 9)).toEqual([]);
    expect(problems).toHaveLength(1);
    writeFileSync(join(folder, "file"), "");
    const nowhere = openSeriesStore(join(folder, "file", "x.sqlite"), {
      steps: [MINUTE],
      mostBytes: 1,
      onProblem: (text) => problems.push(text),
    });
    expect(nowhere).toBeUndefined();
    expect(problems).toHaveLength(2);
  });
});
