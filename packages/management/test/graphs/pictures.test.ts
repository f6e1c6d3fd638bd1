import { readPicture } from "@basalt/testkit/media";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { assembleGraph, type ReadRows, SERVER_NAME } from "../../src/graphs/assembleGraph.ts";
import { drawGraph } from "../../src/graphs/drawing/drawGraph.ts";
import { fitText, textWidthPx, traceText } from "../../src/graphs/drawing/font.ts";
import { timeTicks } from "../../src/graphs/drawing/timeAxis.ts";
import { formatValue, valueAxis } from "../../src/graphs/drawing/valueAxis.ts";
import { GRAPH_STEPS, GRAPH_TYPES, type GraphTypeName } from "../../src/graphs/graphTypes.ts";
import type { GraphQuestion } from "../../src/graphs/question.ts";
import { SERVER_GRAPHS, VHOST_GRAPHS } from "../../src/graphs/resources.ts";
import { consolidate, fineRow, type GraphRow, HOST_PART, positionOf, SERVER_PART } from "../../src/graphs/rows.ts";
import { HOST_SERIES, SERVER_SERIES } from "../../src/graphs/series.ts";

const GREEN = "#00CC00";
const BLUE = "#0000FF";
const PINK = "#FF00FF";

const FIVE_MINUTES = 300;
/** The end of a step of every length. */
const UNTIL_MS = Date.UTC(2026, 10, 23);
const LAST = UNTIL_MS / 1000 / FIVE_MINUTES - 1;

type Fine = (step: number) => GraphRow | undefined;

/** A history of so many steps of five minutes, and what coarser steps are made of it. */
const historyOf = (hosts: Readonly<Record<string, Fine>>, count: number): ReadRows => {
  const kept = Object.entries(hosts).map(([name, fine]) => {
    const levels: Map<number, GraphRow>[] = [new Map()];
    for (let step = LAST - count + 1; step <= LAST; step++) {
      const row = fine(step);
      if (row !== undefined) levels[0]?.set(step, row);
    }
    GRAPH_STEPS.slice(1).forEach(({ stepSeconds }, index) => {
      const factor = stepSeconds / (GRAPH_STEPS[index]?.stepSeconds ?? 1);
      const groups = Map.groupBy(levels[index] ?? [], ([step]) => Math.floor(step / factor));
      levels.push(new Map([...groups].map(([step, rows]) => [step, consolidate(rows.map(([, row]) => row))])));
    });
    return [name, levels] as const;
  });
  const byName = new Map(kept);
  return (name, stepSeconds, first, last) => {
    const level = GRAPH_STEPS.findIndex((step) => step.stepSeconds === stepSeconds);
    return new Map([...(byName.get(name)?.[level] ?? [])].filter(([step]) => step >= first && step <= last));
  };
};

const allOf = (series: object, value: number): Float32Array =>
  Float32Array.from(Object.keys(series), (_, index) => value * (1 + index));

/** Everything grows and falls. */
const busy: Fine = (step) =>
  fineRow(300, allOf(HOST_SERIES, 10 + (step % 50)), allOf(SERVER_SERIES, 1 + (step % 6 === 0 ? 5 : 0)));

const question = (scope: GraphQuestion["scope"], resource: string, type: GraphTypeName, vhost?: string) => ({
  ...{ scope, resource, type, vhost },
});

const draw = (asked: GraphQuestion, read: ReadRows): ReturnType<typeof readPicture> => {
  const picture = assembleGraph(asked, UNTIL_MS, read);
  if (picture === undefined) throw new Error("no such graph");
  return readPicture(drawGraph(picture));
};

/** Whether these letters stand somewhere, pixel by pixel. */
const hasText = (
  { width, height, colorAt }: ReturnType<typeof readPicture>,
  text: string,
  color = "#000000",
): boolean => {
  const dots: (readonly [x: number, y: number])[] = [];
  traceText(text, (x, y) => dots.push([x, y]));
  for (let top = 0; top < height - 7; top++) {
    for (let left = 0; left < width - textWidthPx(text); left++) {
      if (dots.every(([x, y]) => colorAt(left + x, top + y) === color)) return true;
    }
  }
  return false;
};

/** Above the legend of a graph with three lines. */
const PLOT_BOTTOM = 150;

describe("pictures", () => {
  it("GRAPH-A1 GRAPH-07 GRAPH-08 GRAPH-09 GRAPH-10 GRAPH-11 all are exactly as large as their type says", () => {
    const read = historyOf({ [SERVER_NAME]: busy }, 700);
    for (const [name, { widthPx, heightPx }] of Object.entries(GRAPH_TYPES)) {
      const type = name === "dash" || name === "day" || name === "week" || name === "month" ? name : "year";
      for (const [scope, graphs] of [["server", SERVER_GRAPHS] as const, ["vhosts", VHOST_GRAPHS] as const]) {
        for (const [resource, { lines }] of graphs) {
          const { width, height, count } = draw(question(scope, resource, type), read);
          expect([resource, width, height]).toEqual([resource, widthPx, heightPx]);
          const drawn = lines.filter(({ color }) => count(color, { bottom: 175 }) > 0).length;
          expect([resource, drawn]).toEqual([resource, lines.length]);
        }
      }
    }
  });

  it("GRAPH-A8 a week of sockets is green, blue and pink, a day has no pink", () => {
    const read = historyOf({ [SERVER_NAME]: busy }, 700);
    const week = draw(question("server", "ssockusage", "week"), read);
    const above = { bottom: PLOT_BOTTOM };
    expect([GREEN, BLUE, PINK].map((color) => week.count(color, above) > 0)).toEqual([true, true, true]);
    const day = draw(question("server", "ssockusage", "day"), read);
    expect([GREEN, BLUE, PINK].map((color) => day.count(color) > 0)).toEqual([true, true, false]);
    expect(draw(question("server", "tcpsocket", "week"), read).count(PINK)).toBe(0);
  });

  it("GRAPH-14 a time without data is a gap, and nothing at all is an empty picture", () => {
    const stopped = LAST - 100;
    const read = historyOf(
      { [SERVER_NAME]: (step) => (step > stopped - 100 && step < stopped ? undefined : busy(step)) },
      576,
    );
    const day = draw(question("server", "loadavg", "day"), read);
    const columns = Array.from({ length: day.width }, (_, x) =>
      day.count(GREEN, { left: x, right: x + 1, bottom: 160 }),
    );
    const filled = columns.map((count) => count > 0);
    const [first, last] = [filled.indexOf(true), filled.lastIndexOf(true)];
    const gap = filled.slice(first, last).filter((is) => !is).length;
    expect(gap).toBeGreaterThan(85);
    expect(gap).toBeLessThan(95);
    expect(draw(question("server", "loadavg", "day"), historyOf({}, 1)).count(GREEN, { bottom: 160 })).toBe(0);
  });

  it("GRAPH-17 the legend has the last, mean and largest value of each line, the title its host", () => {
    const values = [1, 2, 6];
    const read = historyOf(
      {
        [SERVER_NAME]: (step) => {
          const row = new Float32Array(Object.keys(SERVER_SERIES).length).fill(values[LAST - step] ?? Number.NaN);
          return fineRow(300, new Float32Array(0), row);
        },
      },
      3,
    );
    const picture = assembleGraph(question("server", "loadavg", "day"), UNTIL_MS, read);
    expect(picture?.lines[0]?.points.slice(-3)).toEqual(Float64Array.of(6, 2, 1));
    expect(picture).toMatchObject({ title: "Load average, 1 minute", subject: undefined, unit: "processes" });
    const ofHost = assembleGraph(question("vhosts", "mem", "dash", "a.test"), UNTIL_MS, read);
    expect(ofHost).toMatchObject({ title: "Content in memory", subject: "a.test", base: 1024 });
    expect(assembleGraph(question("vhosts", "mem", "dash"), UNTIL_MS, read)?.subject).toBe("all virtual hosts");
    const drawn = draw(question("server", "loadavg", "day"), read);
    const words = ["Load average, 1 minute", "load", "last 1", "mean 3", "max 6", "last 2"];
    expect(words.map((text) => hasText(drawn, text))).toEqual([true, true, true, true, true, false]);
    const small = draw(question("vhosts", "mem", "dash", "a.test"), read);
    expect([hasText(small, "Content in memory"), hasText(small, "a.test", "#808080")]).toEqual([true, true]);
  });

  it("a ratio far below 0 leaves the rest to be seen", () => {
    const { mean } = positionOf(HOST_PART, "byteHitRatio");
    const read = historyOf(
      {
        [SERVER_NAME]: (step) => {
          const values = new Float32Array(Object.keys(HOST_SERIES).length);
          values[mean] = step === LAST ? -20_000 : 50;
          values[0] = 90;
          return fineRow(300, values, new Float32Array(0));
        },
      },
      300,
    );
    const picture = draw(question("vhosts", "hitratio", "day"), read);
    expect(picture.count(GREEN, { bottom: 160 })).toBeGreaterThan(5_000);
  });

  it("any values make a picture", () => {
    const value = fc.oneof(fc.double(), fc.constant(Number.NaN), fc.constant(0));
    fc.assert(
      fc.property(fc.array(value, { maxLength: 600 }), fc.constantFrom("%", "bytes"), (points, unit) => {
        const finite = points.map((point) => (Number.isFinite(point) ? point : Number.NaN));
        const line = { label: "x", color: GREEN, points: Float64Array.from(finite), isFilled: true };
        const common = { title: "T", subject: undefined, unit, fromMs: UNTIL_MS };
        const png = drawGraph({ ...common, type: "day", base: unit === "%" ? 1000 : 1024, lines: [line] });
        expect(readPicture(png).width).toBe(580);
      }),
      { numRuns: 40 },
    );
  });
});

describe("points of a virtual host", () => {
  const at = (name: keyof typeof HOST_SERIES): number => positionOf(HOST_PART, name).mean;
  const row = (values: Partial<Record<keyof typeof HOST_SERIES, number>>, seconds = 300): GraphRow => {
    const means = new Float32Array(Object.keys(HOST_SERIES).length);
    for (const name of Object.keys(HOST_SERIES)) {
      const value = Reflect.get(values, name);
      if (typeof value === "number") means[positionOf(HOST_PART, name).mean] = value;
    }
    return fineRow(seconds, means, new Float32Array(Object.keys(SERVER_SERIES).length));
  };
  const lineOf = (resource: string, read: ReadRows, type: GraphTypeName = "day", index = 0) =>
    assembleGraph(question("vhosts", resource, type, "a.test"), UNTIL_MS, read)?.lines[index]?.points;

  it("while nothing happened to it, amounts are 0, levels as they were, times unknown; a stop is a gap", () => {
    const own = new Map([
      [LAST - 600, row({ memoryBytes: 7 })],
      [LAST - 3, row({ memoryBytes: 5, clientRequests: 2, clientResponses: 3, clientFirstByte: 9 })],
    ]);
    const read = historyOf(
      { [SERVER_NAME]: (step) => (step === LAST - 1 ? undefined : row({})), "a.test": (step) => own.get(step) },
      700,
    );
    expect(at("memoryBytes")).toBeGreaterThan(0);
    expect(lineOf("mem", read)?.slice(-5)).toEqual(Float64Array.of(7, 5, 5, Number.NaN, 5));
    expect(lineOf("client_http_res", read)?.slice(-5)).toEqual(Float64Array.of(0, 3, 0, Number.NaN, 0));
    expect(lineOf("client_http_res", read, "day", 1)?.slice(-5)).toEqual(Float64Array.of(0, 2, 0, Number.NaN, 0));
    const times = lineOf("client_http_res_time1", read)?.slice(-5);
    expect(times).toEqual(Float64Array.of(Number.NaN, 9, Number.NaN, Number.NaN, Number.NaN));
  });

  it("GRAPH-14 of a step in which it was idle for a while, amounts are the mean of the whole step", () => {
    const read = historyOf(
      { [SERVER_NAME]: () => row({}), "a.test": (step) => (step === LAST ? row({ clientResponses: 60 }) : undefined) },
      12,
    );
    expect(lineOf("client_http_res", read, "week")?.slice(-2)).toEqual(Float64Array.of(0, 10));
    expect(lineOf("client_http_res", read, "week", 2)?.slice(-1)).toEqual(Float64Array.of(60));
  });

  it("GRAPH-13 the Peak of a level that stays as it is is the level", () => {
    const own = new Map([
      [LAST - 8, row({ memoryBytes: 9 })],
      [LAST - 7, row({ memoryBytes: 5 })],
    ]);
    const read = historyOf({ [SERVER_NAME]: () => row({}), "a.test": (step) => own.get(step) }, 12);
    expect(lineOf("mem", read, "week")?.slice(-2)).toEqual(Float64Array.of(7, 7));
    expect(lineOf("mem", read, "week", 1)?.slice(-2)).toEqual(Float64Array.of(9, 7));
  });

  it("GRAPH-03 without a name the row of the server is drawn", () => {
    const read = historyOf(
      { [SERVER_NAME]: () => row({ clientResponses: 8 }), "a.test": () => row({ clientResponses: 1 }) },
      3,
    );
    const points = assembleGraph(question("vhosts", "client_http_res", "day"), UNTIL_MS, read)?.lines[0]?.points;
    expect(points?.slice(-4)).toEqual(Float64Array.of(Number.NaN, 8, 8, 8));
    expect(SERVER_PART).not.toBe(HOST_PART);
  });
});

describe("axes and letters", () => {
  it.each([
    [0, 1000, "0"],
    [1, 1000, "1"],
    [999.4, 1000, "999"],
    [999.9, 1000, "1 k"],
    [12_345, 1000, "12.3 k"],
    [2_500_000, 1000, "2.5 M"],
    [-2_500, 1000, "-2.5 k"],
    [0.25, 1000, "0.25"],
    [0.0125, 1000, "12.5 m"],
    [1024, 1024, "1 K"],
    [1_000, 1024, "1000"],
    [3 * 1024 ** 3, 1024, "3 G"],
    [Number.NaN, 1000, "-"],
  ] as const)("GRAPH-15 %s with base %s is %s", (value, base, text) => {
    expect(formatValue(value, base)).toBe(text);
  });

  it("ticks are round, and hold 0 and all values", () => {
    expect(valueAxis([3, 47], 1000)).toMatchObject({ lowest: 0, highest: 50, ticks: [0, 10, 20, 30, 40, 50] });
    expect(valueAxis([5 * 1024 ** 2], 1024).ticks.at(-1)).toBe(5 * 1024 ** 2);
    expect(valueAxis([-80, 95], 1000)).toMatchObject({ lowest: -100, highest: 100 });
    expect(valueAxis([], 1000)).toMatchObject({ lowest: 0, highest: 1 });
    const number = fc.double({ min: -1e15, max: 1e15, noNaN: true });
    fc.assert(
      fc.property(
        fc.array(number, { maxLength: 20 }),
        fc.constantFrom(1000 as const, 1024 as const),
        (values, base) => {
          const { lowest, highest, ticks } = valueAxis(values, base);
          expect(lowest).toBeLessThan(highest);
          expect(Math.min(0, ...values)).toBeGreaterThanOrEqual(lowest * (1 + 1e-9) - 1e-9);
          expect(Math.max(0, ...values)).toBeLessThanOrEqual(highest * (1 + 1e-9) + 1e-9);
          expect(ticks.length).toBeLessThan(12);
        },
      ),
    );
  });

  it("GRAPH-17 lines of the calendar stand at local hours, days, Mondays and months", () => {
    const length = (type: GraphTypeName): number => GRAPH_TYPES[type].stepSeconds * GRAPH_TYPES[type].points * 1000;
    const ticks = (type: GraphTypeName) =>
      timeTicks(type, UNTIL_MS - length(type), UNTIL_MS).map(({ atMs }) => new Date(atMs));
    expect(ticks("dash").every((at) => at.getHours() % 3 === 0 && at.getMinutes() === 0)).toBe(true);
    expect(ticks("week").every((at) => at.getHours() === 0)).toBe(true);
    expect(ticks("month").every((at) => at.getDay() === 1)).toBe(true);
    expect(ticks("year").every((at) => at.getDate() === 1)).toBe(true);
    const counts = (["dash", "day", "week", "month", "year"] as const).map((type) => ticks(type).length);
    expect(counts).toEqual(
      [expect.toSatisfy((n) => n >= 4 && n <= 5), 17, 15, 7, 18].map((n) =>
        typeof n === "number" ? expect.toSatisfy((m) => Math.abs(m - n) <= 1) : n,
      ),
    );
  });

  it("letters are whole pixels, and what has no room is cut", () => {
    const dots: string[] = [];
    traceText("L", (x, y) => dots.push(`${x},${y}`));
    expect(dots).toEqual(["0,0", "0,1", "0,2", "0,3", "0,4", "0,5", "0,6", "1,6", "2,6", "3,6", "4,6"]);
    expect([textWidthPx(""), textWidthPx("ab"), fitText("abcdef", 35), fitText("abcdef", 30)]).toEqual([
      0,
      11,
      "abcdef",
      "abc..",
    ]);
    const seen = new Map<string, string>();
    for (const letter of "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.,:-_/%()+*[]?") {
      let shape = "";
      traceText(letter, (x, y) => {
        expect(x < 5 && y < 9).toBe(true);
        shape += `${x},${y} `;
      });
      expect([letter, seen.get(shape)]).toEqual([letter, undefined]);
      seen.set(shape, letter);
    }
  });
});
