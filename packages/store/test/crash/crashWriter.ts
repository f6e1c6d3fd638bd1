/**
 * Run as a process: a deterministic workload on a home folder, with every file-system call and every transaction of
 * the index counted. Sets crash states aside, tells on standard output what the store promised, and kills itself.
 */
import fs from "node:fs";
import { flushCompileCache } from "node:module";
import { join } from "node:path";
import { epochMs, type Problem } from "@basalt/types";
import {
  type CacheKey,
  createSpaceKeeper,
  KEEPER_WRITER,
  openBodyStore,
  openDiskIndexWriter,
} from "../../src/index.ts";
import { countFileSteps, countIndexSteps } from "./countedFiles.ts";
import { type CrashEvent, encodeEvent } from "./crashEvents.ts";
import { CrashPoints } from "./crashPoints.ts";
import { DISK_FOLDERS, disksOf, INDEX_FILE } from "./objects.ts";
import { seededRandom } from "./seededRandom.ts";
import { TurnQueue } from "./turnQueue.ts";
import { UnsyncedChanges } from "./unsyncedChanges.ts";
import { Workload } from "./workload.ts";

/** A killed process does not save what it compiled. */
flushCompileCache();

const [home = "", images = "", seed = "0", points = "1", stepsBetween = "50"] = process.argv.slice(2);
/** A stream of its own for each purpose: what is drawn for one does not change what the others do. */
const randomFor = (purpose: number): (() => number) => seededRandom(Number(seed) * 4 + purpose);
const random = randomFor(0);
const { writeSync } = fs;
const report = (event: CrashEvent): void => {
  writeSync(1, encodeEvent(event));
};
const onProblem = ({ file, message }: Problem): void => report({ kind: "problem", file, message });

/** Later than all processes with smaller seeds, so that ids and times are the same whenever the seed is tried. */
const startedAt = epochMs(1_790_000_000_000 + Number(seed) * 5000);

const queue = new TurnQueue(random, startedAt);
const unsynced = new UnsyncedChanges(home, randomFor(1));
const crashPoints = new CrashPoints({
  home,
  images,
  points: Number(points),
  stepsBetween: Number(stepsBetween),
  random: randomFor(2),
  report,
  unsynced,
});
countFileSteps({ home, queue, points: crashPoints, unsynced, random });
countIndexSteps({ home, points: crashPoints, unsynced });
Object.assign(globalThis, { setTimeout: queue.setTimeout, clearTimeout: queue.clearTimeout });

const { clock } = queue;
const index = openDiskIndexWriter(join(home, INDEX_FILE), { clock, onProblem });
for (const folder of DISK_FOLDERS) {
  const isKnown = index.disks().some(({ path }) => path.endsWith(`/${folder}`));
  if (!isKnown) index.numberDisk(join(home, folder));
}
const { remove } = index;
index.remove = (key: CacheKey) => {
  const row = index.find(key);
  if (row !== undefined) report({ kind: "leaving", url: row.url });
  return remove.call(index, key);
};

const disks = disksOf(home, index.disks());
const given = (of: "segment" | "file", id: number): number => {
  report({ kind: "id", of, id });
  return id;
};
const openAs = (allocateSegment: (disk: number) => Promise<number>) =>
  openBodyStore({
    disks,
    allocateSegment,
    allocateFile: () => Promise.resolve(given("file", index.nextFileId())),
    onProblem,
    maxOpenFiles: 8,
    clock,
  });
const nextSegmentId = index.nextSegmentId.bind(index);
index.nextSegmentId = () => given("segment", nextSegmentId());

const keeperStore = openAs((disk) => keeper.grantSegment(KEEPER_WRITER, disk));
const keeper = createSpaceKeeper({
  disks,
  index,
  bodies: keeperStore,
  clock,
  onProblem,
  measureRoom: () => Promise.resolve({ totalBytes: 2 ** 40, availableBytes: 2 ** 39 }),
  pause: () => queue.run(() => undefined),
});
const stores = [
  openAs((disk) => keeper.grantSegment("worker 1", disk)),
  openAs((disk) => keeper.grantSegment("worker 2", disk)),
] as const;

const workload = new Workload({
  index,
  stores,
  keeperStore,
  keeper,
  queue,
  random,
  report,
  firstSeed: Number(seed) * 100_000,
});
const deleteSegment = keeperStore.deleteSegment.bind(keeperStore);
keeperStore.deleteSegment = (disk, segment) => {
  workload.noteSegmentGoes(segment);
  return deleteSegment(disk, segment);
};

crashPoints.begin();
await workload.run();
