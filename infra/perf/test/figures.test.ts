import { describe, expect, it } from "vitest";
import { type Figure, judge } from "../figures.ts";
import { countConnections } from "../handshakeFigure.ts";
import { summariseProfile } from "../profile.ts";
import { renderMarkdown } from "../report.ts";
import { median, quantile } from "../statistics.ts";

const figure: Figure = {
  id: "hit-1k",
  title: "hit, 1 KB",
  basalt: 60_000,
  nginx: 40_000,
  unit: "requests per server CPU second",
  value: 1.5,
  valueUnit: "×",
  spread: [1.4, 1.6],
  budget: 1.3,
  stretch: 1.8,
  better: "higher",
  remark: "quiet",
};

describe("figures", () => {
  it.each([
    [figure, "met"],
    [{ ...figure, value: 1.8 }, "stretch met"],
    [{ ...figure, value: 1.29 }, "missed"],
    [{ ...figure, better: "lower" as const, value: 1 }, "met"],
    [{ ...figure, better: "lower" as const, value: 2 }, "missed"],
    [{ ...figure, budget: undefined }, "no budget"],
    [{ ...figure, value: Number.NaN }, "missed"],
  ])("are judged by their marks", (each, verdict) => {
    expect(judge({ ...each, stretch: each.better === "lower" ? 0.5 : each.stretch })).toBe(verdict);
  });

  it("are written with the machine they come from", () => {
    const page = renderMarkdown({
      date: "2026-01-02",
      machine: {
        cpu: "A CPU",
        cores: 2,
        memoryBytes: 2 ** 34,
        kernel: "6.1",
        node: "v24",
        nginx: "1.22",
        wrk: "4.1",
        commit: "abc",
      },
      rounds: 5,
      secondsPerRun: 4,
      figures: [figure],
    });
    expect(page).toContain("A CPU, 2 cores, 16 GB; Linux 6.1; Node v24");
    expect(page).toContain("| hit, 1 KB | 1.50 × | 1.40 – 1.60 | ≥ 1.3 | 1.8 | met | 60000 | 40000 |");
  });
});

it("a median lies between its neighbours, a quantile interpolates", () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 2, 3])).toBe(2.5);
  expect(quantile([0, 10], 0.25)).toBe(2.5);
  expect(median([])).toBeNaN();
});

it("a profile is summed up by function, the busiest first", () => {
  const frame = (functionName: string, url = "") => ({ functionName, url, lineNumber: 4 });
  const rows = summariseProfile({
    nodes: [
      { id: 1, callFrame: frame("parse", "file:///x/http.js") },
      { id: 2, callFrame: frame("") },
      { id: 3, callFrame: frame("parse", "file:///x/http.js") },
    ],
    samples: [1, 2, 3, 1],
    timeDeltas: [10, 20, 30, 40],
  });
  expect(rows).toEqual([
    ["parse http.js:5", "80.0 %"],
    ["(anonymous)", "20.0 %"],
  ]);
});

describe("handshakes that openssl s_time has counted", () => {
  const output = (count: number, bytes: number): string =>
    `Collecting connection statistics for 1 seconds\n****\n\n${count} connections in 0.31s; 1806.4 connections/user sec, bytes read 782000\n${count} connections in 2 real seconds, ${bytes} bytes read per connection\n`;

  it("are those that had an answer", () => {
    expect(countConnections(output(560, 1397))).toBe(560);
    expect(() => countConnections(output(0, 0))).toThrow("0 connections");
    expect(() => countConnections(output(560, 120))).toThrow("120 bytes read");
    expect(() => countConnections("ERROR")).toThrow("ERROR");
  });
});
