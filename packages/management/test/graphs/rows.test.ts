import { VHOST_SLOT, VHOST_SLOT_COUNT } from "@basalt/telemetry";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  consolidate,
  decodeRow,
  encodeRow,
  fineRow,
  type GraphRow,
  HOST_PART,
  joinRows,
  PEAK_SERIES,
  positionOf,
} from "../../src/graphs/rows.ts";
import { HOST_SERIES, hasActivity, levelsOf, readHost } from "../../src/graphs/series.ts";

const WIDTH = Object.keys(HOST_SERIES).length;
const { mean: REQUESTS } = positionOf(HOST_PART, "clientRequests");
const RESPONSES = positionOf(HOST_PART, "clientResponses");
const TIMES = positionOf(HOST_PART, "clientFirstByte");

const rowWith = (values: Readonly<Record<number, number>>, seconds = 300): GraphRow => {
  const means = new Float32Array(WIDTH);
  for (const [at, value] of Object.entries(values)) means[Number(at)] = value;
  return fineRow(seconds, means);
};

const NO_FILES = { objects: 0, bytes: 0, bySize: new Array<number>(26).fill(0) };

const figuresOf = (slots: Readonly<Record<number, number>>, seconds = 300) => {
  const values = new Float64Array(VHOST_SLOT_COUNT);
  for (const [slot, value] of Object.entries(slots)) values[Number(slot)] = value;
  return { figures: { values, seconds, samples: seconds, isAverage: true }, files: NO_FILES };
};

describe("rows of the history", () => {
  it("GRAPH-A4 GRAPH-13 six values 10, 10, 10, 10, 10 and 70 are a Main of 20 and a Peak of 70", () => {
    const rows = [10, 10, 10, 10, 10, 70].map((value) => rowWith({ [RESPONSES.mean]: value }));
    const { seconds, parts } = consolidate(rows);
    expect(seconds).toBe(1_800);
    expect(parts[0]?.means[RESPONSES.mean]).toBe(20);
    expect(parts[0]?.peaks[RESPONSES.peak]).toBe(70);
  });

  it("GRAPH-13 the Peak of a coarser step is the largest Main of the next finer one", () => {
    const halfHours = [20, 35, 5].map((value) => {
      return consolidate([rowWith({ [RESPONSES.mean]: value - 5 }), rowWith({ [RESPONSES.mean]: value + 5 })]);
    });
    const { parts } = consolidate(halfHours);
    expect([parts[0]?.means[RESPONSES.mean], parts[0]?.peaks[RESPONSES.peak]]).toEqual([20, 35]);
  });

  it("GRAPH-14 what is not there is left out of means, and a part of a step counts for its length", () => {
    const rows = [
      rowWith({ [TIMES.mean]: 10, [REQUESTS]: 4 }),
      rowWith({ [TIMES.mean]: Number.NaN, [REQUESTS]: 4 }),
      rowWith({ [TIMES.mean]: 40, [REQUESTS]: 1 }, 150),
    ];
    const means = consolidate(rows).parts[0]?.means;
    expect([means?.[TIMES.mean], means?.[REQUESTS]]).toEqual([20, Math.fround(3.4)]);
    const nothing = consolidate([rowWith({ [TIMES.mean]: Number.NaN })]).parts[0];
    expect([nothing?.means[TIMES.mean], nothing?.peaks[TIMES.peak]]).toEqual([Number.NaN, Number.NaN]);
  });

  it("the two parts of a step before and behind a restart are one", () => {
    const joined = joinRows([rowWith({ [REQUESTS]: 10 }, 60), rowWith({ [REQUESTS]: 40 }, 180)]);
    expect([joined.seconds, joined.parts[0]?.means[REQUESTS], joined.parts[0]?.peaks.length]).toEqual([240, 32.5, 0]);
  });

  it("rows of a version that knew fewer series are joined with those of this one", () => {
    const early = fineRow(300, Float32Array.of(50));
    const means = consolidate([early, rowWith({ 0: 100, [REQUESTS]: 7 })]).parts[0]?.means;
    expect([means?.length, means?.[0], means?.[REQUESTS]]).toEqual([WIDTH, 75, 7]);
  });

  it("every Main series has a Peak, no other one has", () => {
    expect(PEAK_SERIES[HOST_PART]).toContain(RESPONSES.mean);
    expect(PEAK_SERIES[HOST_PART]).not.toContain(REQUESTS);
    expect(positionOf(HOST_PART, "clientOutbound").peak).toBe(-1);
  });

  const values = fc.array(fc.oneof(fc.constant(0), fc.constant(Number.NaN), fc.float({ noNaN: true })), {
    maxLength: 90,
  });
  const part = fc.record({ means: values, peaks: values });

  it("a row that is written is read as it was", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 31 }), fc.array(part, { maxLength: 3 }), (seconds, parts) => {
        const row = {
          seconds,
          parts: parts.map(({ means, peaks }) => ({
            means: Float32Array.from(means),
            peaks: Float32Array.from(peaks),
          })),
        };
        const read = decodeRow(encodeRow(row));
        expect(read?.seconds).toBe(seconds);
        // 0 has no sign in a row.
        const plain = (given: GraphRow | undefined) =>
          given?.parts.map((one) => [one.means, one.peaks].map((list) => Array.from(list, (value) => value + 0)));
        expect(plain(read)).toEqual(plain(row));
      }),
    );
  });

  it("anything else is no row, and a part of one is none", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const row = decodeRow(bytes);
        for (const { means } of row?.parts ?? []) expect(means.length).toBeLessThan(256);
      }),
    );
    const whole = encodeRow(rowWith({ [REQUESTS]: 3 }));
    for (let length = 0; length < whole.length; length++) expect(decodeRow(whole.subarray(0, length))).toBeUndefined();
    expect(decodeRow(Uint8Array.of(...whole, 0))).toBeUndefined();
  });
});

describe("values of the series", () => {
  const read = (name: keyof typeof HOST_SERIES, slots: Readonly<Record<number, number>>): number =>
    HOST_SERIES[name].read(figuresOf(slots));

  it("GRAPH-A6 GRAPH-03 GRAPH-14 REG-265 response times of hosts together are weighted by their responses", () => {
    const class2xx = 1;
    const [count, time] = [VHOST_SLOT.clientResponseClass + class2xx, VHOST_SLOT.clientFirstByteTime + class2xx];
    expect(read("clientFirstByte", { [count]: 90 + 10, [time]: 90 * 1_000 + 10 * 11_000 })).toBe(20);
    expect(read("clientFirstByte", {})).toBeNaN();
  });

  it("GRAPH-15 REG-264 ratios are percentages, not 0, and unknown without requests", () => {
    const [hits, misses] = [VHOST_SLOT.cacheResult + 1, VHOST_SLOT.cacheResult + 7];
    expect(read("requestHitRatio", { [VHOST_SLOT.clientRequests]: 4, [hits]: 3, [misses]: 1 })).toBe(75);
    expect(read("requestHitRatio", {})).toBeNaN();
    const [sent, received] = [VHOST_SLOT.clientResponseBodyBytes, VHOST_SLOT.originResponseBytes];
    expect(read("byteHitRatio", { [sent]: 1_000, [received]: 250 })).toBe(75);
    expect(read("byteHitRatio", { [sent]: 1_000, [received]: 3_000 })).toBe(-200);
    expect(read("byteHitRatio", { [received]: 3_000 })).toBeNaN();
  });

  it("GRAPH-15 traffic is in bits per second, small rates are more than 0", () => {
    expect(read("clientInbound", { [VHOST_SLOT.clientRequestBytes]: 3_000 })).toBe(80);
    expect(read("clientRequests", { [VHOST_SLOT.clientRequests]: 3 })).toBe(0.01);
  });

  it("GRAPH-55 stored objects by size are unknown until they have been counted", () => {
    const bySize = [...new Array<number>(26).keys()].map((at) => at + 1);
    const reading = { ...figuresOf({}), files: { objects: 351, bytes: 1, bySize } };
    const names = ["filesTo4KB", "filesTo16KB", "filesTo8MB", "filesTo128MB", "filesFrom4GB"] as const;
    expect(names.map((name) => HOST_SERIES[name].read(reading))).toEqual([6, 9, 39, 66, 75]);
    const all = Object.entries(HOST_SERIES).filter(([name]) => /^files(To\d|From)/.test(name));
    expect(all.reduce((sum, [, series]) => sum + series.read(reading), 0)).toBe(351);
    expect(HOST_SERIES.filesTo4KB.read({ ...reading, files: { ...NO_FILES, objects: 3 } })).toBeNaN();
    expect(HOST_SERIES.files.read({ ...reading, files: { ...NO_FILES, objects: 3 } })).toBe(3);
  });

  it("a host with content and without requests has levels, and nothing happens to it", () => {
    const idle = readHost({ ...figuresOf({ [VHOST_SLOT.memoryBytes]: 300_000 }), files: { ...NO_FILES, objects: 2 } });
    expect(hasActivity(idle)).toBe(false);
    expect([...levelsOf(idle)].filter((value) => value > 0)).toEqual([2, 1_000]);
    expect(hasActivity(readHost(figuresOf({ [VHOST_SLOT.clientRequests]: 1 })))).toBe(true);
  });
});
