import { computeCacheKey, type IndexRow } from "@basalt/store";
import { epochMs } from "@basalt/types";
import { expect, it } from "vitest";
import { ColdFiles } from "../src/coldFiles.ts";

const NOW_MS = 1_700_000_000_000;
const HOUR_MS = 3_600_000;

const rowAccessed = (agoMs: number, bodyBytes: number, missingBytes = 0): IndexRow => ({
  key: computeCacheKey("h", `/${agoMs}`, ""),
  vhost: "h",
  url: `/${agoMs}`,
  location: { disk: 1, segment: 1, offset: 0, headBytes: 10, bodyBytes, file: 0 },
  version: 1,
  freshUntil: epochMs(NOW_MS),
  ttl: 1,
  updatedAt: epochMs(NOW_MS),
  lastAccess: epochMs(NOW_MS - agoMs),
  flags: 0,
  missingBytes,
});

it("STAT-07 coldfiledist sorts objects by the time since their last access; what has not arrived counts nothing", async () => {
  const rows = [
    rowAccessed(-5_000, 1),
    rowAccessed(HOUR_MS, 10),
    rowAccessed(HOUR_MS + 1, 100, 30),
    rowAccessed(89 * 24 * HOUR_MS, 1000),
    rowAccessed(91 * 24 * HOUR_MS, 10_000),
  ];
  const cold = new ColdFiles({
    scan: (_, visit) => Promise.resolve(rows.forEach(visit)),
    nowMs: () => NOW_MS,
  });
  const { objects, bytes, classes } = await cold.report(undefined);
  expect([objects, bytes]).toEqual([5, 11_081]);
  expect(classes.map((one) => one.objects)).toEqual([2, 1, 0, 0, 0, 0, 0, 0, 0, 1, 1]);
  expect(classes.map((one) => one.bytes)).toEqual([11, 70, 0, 0, 0, 0, 0, 0, 0, 1000, 10_000]);
});

it("calls share one look at the index while it goes on and for ten seconds; a failed one is not kept", async () => {
  let nowMs = NOW_MS;
  const looks: (string | undefined)[] = [];
  let finish: (failure?: Error) => void = () => undefined;
  const cold = new ColdFiles({
    scan: ({ vhost }) => {
      looks.push(vhost);
      return new Promise((resolve, reject) => {
        finish = (failure) => (failure === undefined ? resolve() : reject(failure));
      });
    },
    nowMs: () => nowMs,
  });
  const first = cold.report("a");
  nowMs += 60_000;
  const second = cold.report("a");
  finish();
  await Promise.all([first, second]);
  nowMs += 9_999;
  await cold.report("a");
  expect(looks).toEqual(["a"]);
  nowMs += 1;
  const third = cold.report("a");
  finish(new Error("the index is closed"));
  await expect(third).rejects.toThrow("the index is closed");
  const other = cold.report(undefined);
  finish();
  await other;
  const fourth = cold.report("a");
  finish();
  await fourth;
  expect(looks).toEqual(["a", "a", undefined, "a"]);
});
