import { mkdtemp, rm } from "node:fs/promises";
import { totalmem } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { formatTable, print } from "../../infra/lib/print.ts";
import {
  largestSample,
  type MemorySample,
  readRolePids,
  sampleMemory,
  startMemorySampler,
} from "../../infra/perf/memorySampler.ts";
import { countErrors, type SizeClass, startVerifiedLoad } from "../../infra/perf/verifiedLoad.ts";
import { planMemory } from "../../packages/policy/src/memoryPlan.ts";
import { openStoreScene, runStoreCheck, whenDone } from "./storeScene.ts";

const KB = 1 << 10;
const MB = 1 << 20;

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    minutes: { type: "string" },
    workers: { type: "string", default: "2" },
    connections: { type: "string", default: "64" },
    /** Content memory that the instance is set up for, roughly. */
    "content-mb": { type: "string", default: "256" },
    /** Takes the memory-only mode instead of a disk. */
    "memory-only": { type: "boolean", default: false },
    seed: { type: "string", default: "20250301" },
  },
});
const minutes = Number(values.minutes ?? (values.quick ? 1 : 10));
const TIMES_THE_MEMORY = 10;
const ROW_EVERY_SECONDS = values.quick ? 5 : 30;
const SETTLE_MS = 3000;

/** Least share of the physical memory whose plan has that much for contents. */
function ratioFor(contentBytes: number): number {
  for (let ratio = 1; ratio < 100; ratio++) if (planFor(ratio).contentBytes >= contentBytes) return ratio;
  return 100;
}

function planFor(systemMemoryRatio: number) {
  return planMemory({
    physicalBytes: totalmem(),
    systemMemoryRatio,
    contentMemoryRatio: 50,
    systemFreeMemoryRatio: 40,
  });
}

/** Mixed sizes that come to that many bytes: half of the bytes in small objects, half in long bodies. */
function mixOf(totalBytes: number): readonly SizeClass[] {
  const sizes: readonly (readonly [string, number, number, number])[] = [
    ["page", KB, 0.02, 25],
    ["note", 6 * KB, 0.06, 25],
    ["picture", 40 * KB, 0.2, 25],
    ["poster", 300 * KB, 0.22, 12],
    ["song", 2 * MB, 0.25, 8],
    ["film", 30 * MB, 0.25, 5],
  ];
  return sizes.map(([name, bytes, share, weight]) => ({
    name,
    bytes,
    count: Math.max(1, Math.round((totalBytes * share) / bytes)),
    weight,
    ...(bytes > 10 * MB ? { rangeBytes: MB } : {}),
  }));
}

const inMb = (bytes: number) => (bytes / MB).toFixed(0);

/** One row for each stretch of time: the sample with the most memory in it. */
function curve(samples: readonly MemorySample[]): string[][] {
  const rows: string[][] = [];
  for (let from = 0; ; from += ROW_EVERY_SECONDS) {
    const stretch = samples.filter(({ seconds }) => seconds >= from && seconds < from + ROW_EVERY_SECONDS);
    const largest = largestSample(stretch);
    if (largest === undefined) return rows;
    rows.push([
      `${from} s`,
      inMb(largest.primaryRss),
      largest.workerRss.map(inMb).join(" + "),
      inMb(largest.transformRss),
      inMb(largest.totalRss),
      inMb(largest.totalAnonymous),
    ]);
  }
}

await runStoreCheck(async ({ expect, target }) => {
  const systemMemoryRatio = ratioFor(Number(values["content-mb"]) * MB);
  const { contentBytes, freeBytes, serverBytes } = planFor(systemMemoryRatio);
  const allBytes = (totalmem() * systemMemoryRatio) / 100 - freeBytes;
  const memoryFolder = values["memory-only"] ? await mkdtemp(join("/dev/shm", "basalt-check-store-")) : undefined;
  if (memoryFolder !== undefined) whenDone(() => rm(memoryFolder, { recursive: true, force: true }));
  const scene = await openStoreScene({
    workers: Number(values.workers),
    ...(memoryFolder === undefined ? {} : { disks: [] }),
    cacheXml:
      `<SystemMemoryRatio>${systemMemoryRatio}</SystemMemoryRatio>` +
      (memoryFolder === undefined ? "" : `<MemoryPath>${memoryFolder}</MemoryPath>`),
  });
  await scene.start();
  await delay(SETTLE_MS);
  const pids = await readRolePids(scene.edge);
  const idle = sampleMemory(pids, 0);
  const mix = mixOf(contentBytes * TIMES_THE_MEMORY);
  const objects = mix.reduce((sum, { count }) => sum + count, 0);
  print(
    `content memory ${inMb(contentBytes)} MB (SystemMemoryRatio ${systemMemoryRatio}), ` +
      `${objects} objects of ${inMb(contentBytes * TIMES_THE_MEMORY)} MB, ${minutes} minutes`,
  );
  const sampler = startMemorySampler(pids);
  const load = startVerifiedLoad({
    port: scene.port,
    connections: Number(values.connections),
    mix,
    skew: 2,
    seed: Number(values.seed),
    pauseMs: 0,
  });
  for (let minute = 0; minute < minutes; minute++) {
    await delay(60_000);
    const last = sampler.samples.at(-1);
    const { requests, bytes } = load.tally();
    print(`      minute ${minute + 1}: ${requests} requests, ${inMb(bytes)} MB, rss ${inMb(last?.totalRss ?? 0)} MB`);
  }
  sampler.stop();
  const tally = await load.stop();
  const isSameInstance = (await readRolePids(scene.edge)).workers.every((pid) => pids.workers.includes(pid));
  const origin = await scene.origin.counts();
  const { samples } = sampler;
  const largest = largestSample(samples) ?? idle;

  print("largest resident memory in each stretch, MB");
  print(formatTable([["from", "primary", "workers", "transform", "all", "anonymous"], ...curve(samples)]));
  const largestAnonymous = Math.max(...samples.map(({ totalAnonymous }) => totalAnonymous));
  const growth = largestAnonymous - idle.totalAnonymous;
  print(
    formatTable([
      ["requests", String(tally.requests)],
      ["bytes delivered, MB", inMb(tally.bytes)],
      ["origin requests", String(origin.requests)],
      ["origin bytes, MB", inMb(origin.bytes)],
      ["resident memory at rest, MB", inMb(idle.totalRss)],
      ["resident memory at its height, MB", inMb(largest.totalRss)],
      ["anonymous memory at rest, MB", inMb(idle.totalAnonymous)],
      ["anonymous memory at its height, MB", inMb(largestAnonymous)],
      ["its growth, MB", inMb(growth)],
      ["content memory by the plan, MB", inMb(contentBytes)],
      ["the same with the server and its sessions, MB", inMb(serverBytes)],
      ["all that the plan does not leave to the system, MB", inMb(allBytes)],
    ]),
  );
  const half = samples.filter(({ seconds }) => seconds > minutes * 30);
  const lateGrowth =
    Math.max(...half.map(({ totalAnonymous }) => totalAnonymous)) -
    Math.max(...samples.filter((sample) => !half.includes(sample)).map(({ totalAnonymous }) => totalAnonymous));
  expect(tally.wrong === 0, `wrong answers: ${tally.wrong} ${tally.wrongs.join(", ")}`);
  expect(countErrors(tally) === 0, `errors: ${JSON.stringify(tally.errors)}`);
  expect(isSameInstance, "no worker had to be replaced");
  expect(
    largestAnonymous <= serverBytes,
    `anonymous memory: ${inMb(largestAnonymous)} MB at most; contents, server and sessions have ${inMb(serverBytes)} MB`,
  );
  expect(largest.totalRss <= allBytes, `resident memory: ${inMb(largest.totalRss)} MB at most of ${inMb(allBytes)} MB`);
  target(growth <= contentBytes, `it grew by ${inMb(growth)} MB; contents have ${inMb(contentBytes)} MB`);
  target(lateGrowth <= contentBytes / 20, `the second half reached ${inMb(lateGrowth)} MB more than the first`);
});
