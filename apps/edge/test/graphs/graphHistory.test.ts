import { mkdtemp, open, readdir, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  GRAPH_TYPES,
  type GraphTypeName,
  HOST_PART,
  HOST_SERIES,
  positionOf,
  SERVER_PART,
  SERVER_SERIES,
} from "@basalt/management/graphs";
import { openSeriesStore } from "@basalt/store";
import { readPicture } from "@basalt/testkit/media";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { GraphHistory } from "../../src/graphs/graphHistory.ts";

const GREEN = "#00CC00";
const PINK = "#FF00FF";
const START = Date.UTC(2026, 8, 3);
const WINDOW_MS = 300_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const LOAD = positionOf(SERVER_PART, "loadAverage");
const RESPONSES = positionOf(HOST_PART, "clientResponses");

let folder: string;
let path: string;
let problems: string[];
const openHistories = new Set<GraphHistory>();

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "basalt-graphs-"));
  path = join(folder, "graphs.sqlite");
  problems = [];
});
afterEach(async () => {
  for (const history of openHistories) history.close();
  openHistories.clear();
  await rm(folder, { recursive: true });
});

const opened = (): GraphHistory => {
  const history = new GraphHistory(path, (text) => problems.push(text));
  openHistories.add(history);
  return history;
};

const close = (history: GraphHistory): void => {
  history.close();
  openHistories.delete(history);
};

const serverValues = (load: number): Float32Array => {
  const values = new Float32Array(Object.keys(SERVER_SERIES).length);
  values[LOAD.mean] = load;
  return values;
};

const hostValues = (responses: number): Float32Array => {
  const values = new Float32Array(Object.keys(HOST_SERIES).length);
  values[RESPONSES.mean] = responses;
  return values;
};

/** The window that ends then, a little late. */
const pass = (history: GraphHistory, endsAtMs: number, load: number, responses: number, seconds = 300): void => {
  const span = { endedAtMs: endsAtMs + 700, seconds };
  history.recordHosts(span, [{ name: "a.test", values: hostValues(responses) }]);
  history.recordServer({ ...span, all: hostValues(responses), server: serverValues(load) });
};

const loadOf = (history: GraphHistory, type: GraphTypeName, untilMs: number) => {
  const png = history.draw({ scope: "server", resource: "loadavg", type, vhost: undefined }, untilMs);
  if (png === undefined) throw new Error("no picture");
  return readPicture(png);
};

/** Columns of the plot that are green. */
const columnsOf = (picture: ReturnType<typeof readPicture>): readonly boolean[] =>
  Array.from(
    { length: picture.width },
    (_, x) => picture.count(GREEN, { left: x, right: x + 1, bottom: 170 }) > 0,
  ).slice(20);

describe("the history of graphs", () => {
  it("GRAPH-16 GRAPH-A5 outlives a restart, with a gap for the stop", () => {
    const first = opened();
    for (let at = 1; at <= 12 * 24; at++) pass(first, START + at * WINDOW_MS, 1, 5);
    close(first);
    const again = opened();
    const resumed = START + DAY_MS + 6 * HOUR_MS;
    for (let at = 1; at <= 12 * 6; at++) pass(again, resumed + at * WINDOW_MS, 1, 5);
    const columns = columnsOf(loadOf(again, "day", resumed + 6 * HOUR_MS));
    const [begin, end] = [columns.indexOf(true), columns.lastIndexOf(true)];
    const gap = columns.slice(begin, end).filter((isGreen) => !isGreen).length;
    // 24 hours, a gap of 6, and 6 hours.
    expect(gap / (end - begin)).toBeCloseTo(6 / 36, 1);
    expect(problems).toEqual([]);
  });

  it("GRAPH-A4 GRAPH-16 coarser steps are there with each window, means and maxima", () => {
    const history = opened();
    for (const [index, value] of [10, 10, 10, 10, 10, 70].entries()) {
      pass(history, START + (index + 1) * WINDOW_MS, value, value);
    }
    const until = START + HOUR_MS;
    for (const type of ["week", "month", "year"] as const) {
      const picture = loadOf(history, type, until);
      expect([type, picture.count(GREEN) > 40, picture.count(PINK, { bottom: 150 }) > 0]).toEqual([type, true, true]);
    }
    expect(columnsOf(loadOf(history, "day", until)).filter(Boolean).length).toBeGreaterThanOrEqual(5);
  });

  it("two parts of one window, as before and behind a restart, are one point", () => {
    const history = opened();
    const span = (endedAtMs: number, seconds: number) => ({ endedAtMs, seconds, all: hostValues(0) });
    history.recordServer({ ...span(START + 120_000, 60), server: serverValues(10) });
    history.recordServer({ ...span(START + WINDOW_MS, 120), server: serverValues(40) });
    const picture = loadOf(history, "dash", START + WINDOW_MS);
    expect(columnsOf(picture).filter(Boolean).length).toBe(1);
  });

  it("GRAPH-16 keeps no more than 18 months, whatever the number of steps", () => {
    const history = opened();
    const days = 600;
    for (let day = 0; day < days; day++) {
      pass(history, START + day * DAY_MS + WINDOW_MS, 1, 5);
      history.tidy(START + day * DAY_MS + WINDOW_MS);
    }
    const until = START + days * DAY_MS;
    const year = columnsOf(loadOf(history, "year", until));
    expect(year.filter(Boolean).length).toBeGreaterThan(515);
    close(history);
    const store = openSeriesStore(path, { steps: [], mostBytes: 1e9, onProblem: (text) => problems.push(text) });
    const rowsOf = (type: GraphTypeName): number | undefined =>
      store?.read({ seconds: GRAPH_TYPES[type].stepSeconds, keptSeconds: 0 }, "", 0, until).length;
    // A few more for what an idle host has, and for the step that runs.
    expect(rowsOf("year")).toBeGreaterThanOrEqual(GRAPH_TYPES.year.points);
    expect(rowsOf("year")).toBeLessThanOrEqual(GRAPH_TYPES.year.points + 5);
    expect(rowsOf("day")).toBeLessThan(6);
    store?.close();
    expect(problems).toEqual([]);
  });

  it.each([
    ["is cut", async () => truncate(path, 3_000)],
    ["is damaged", async () => writeFile(path, "no database, but long enough to look like a file of some kind")],
    [
      "has a damaged page",
      async () => {
        const file = await open(path, "r+");
        const { size } = await file.stat();
        await file.write(Buffer.alloc(size - 4_096, 0x5a), 0, size - 4_096, 4_096);
        await file.close();
      },
    ],
  ] as const)("a file that %s is begun anew, with a line that says so", async (_, harm) => {
    const first = opened();
    for (let at = 1; at <= 100; at++) pass(first, START + at * WINDOW_MS, 1, 5);
    close(first);
    expect((await stat(path)).size).toBeGreaterThan(8_192);
    await harm();
    const again = opened();
    for (let at = 101; at <= 104; at++) pass(again, START + at * WINDOW_MS, 1, 5);
    expect(columnsOf(loadOf(again, "day", START + 105 * WINDOW_MS)).some(Boolean)).toBe(true);
    expect(problems.join("\n")).toContain("graphs.sqlite");
    expect(await readdir(folder)).toContain("graphs.sqlite.damaged");
  });

  it("without a place to write there are empty pictures, and a line that says so", async () => {
    await writeFile(path, "");
    path = join(path, "below-a-file.sqlite");
    const history = opened();
    pass(history, START + WINDOW_MS, 1, 5);
    history.tidy(START);
    expect(columnsOf(loadOf(history, "day", START + WINDOW_MS)).some(Boolean)).toBe(false);
    expect(problems).toHaveLength(1);
  });
});
