import { setTimeout as delay } from "node:timers/promises";
import type { SizeClass } from "../../infra/perf/verifiedLoad.ts";
import {
  filesBelow,
  fillDisk,
  flipBits,
  freeDisk,
  mountSmallDisk,
  removeFolder,
  replaceByFiles,
  scrambleIndex,
  truncateHalf,
  truncateIndex,
  unmountSmallDisk,
  usedBytes,
} from "./faults.ts";
import type { Findings } from "./findings.ts";
import type { StoreScene, StoreSceneSettings } from "./storeScene.ts";

const KB = 1 << 10;
const MB = 1 << 20;

/** About 180 MB: ten times the memory that these instances have. */
export const MIX: readonly SizeClass[] = [
  { name: "page", bytes: KB, count: 600, weight: 30 },
  { name: "picture", bytes: 16 * KB, count: 400, weight: 25 },
  { name: "script", bytes: 64 * KB, count: 200, weight: 20 },
  { name: "sheet", bytes: 400 * KB, count: 60, weight: 8 },
  { name: "song", bytes: 3 * MB, count: 20, weight: 3 },
  { name: "film", bytes: 24 * MB, count: 3, weight: 10, rangeBytes: 256 * KB },
];
const QUOTA_BYTES = 1 << 30;
/** A segment of each writer, and what arrives in a second. */
const BEYOND_QUOTA_BYTES = 64 * MB;
const FILL_WITHIN_MS = 120_000;
/** About 1.4 GB: more than the smallest quota, which is 1 GB. */
const LARGER_MIX: readonly SizeClass[] = [
  ...MIX.filter(({ name }) => name !== "song"),
  { name: "album", bytes: 12 * MB, count: 100, weight: 25 },
];
/** Bodies that take 40 s to arrive: whoever reads them follows files that grow. */
const SLOW_MIX: readonly SizeClass[] = [
  ...MIX.filter(({ bytes }) => bytes < MB),
  { name: "live", bytes: 40 * MB, count: 4, weight: 0.3, bytesPerSecond: MB },
];
/** Of such a body, what arrived before the load rested. */
const SLOW_SETTLED_BYTES = 3 * MB;
/** Half of the mix. */
const SMALL_DISK_MB = 96;
/** Within it the sockets of clients that do not read are full, and nothing is read for them any more. */
const SOCKETS_FULL_MS = 6000;
/** Objects stored before the fault: asked for again one by one at the end. */
export const SETTLED: readonly SizeClass[] = [
  { name: "settled-small", bytes: 4 * KB, count: 200, weight: 1 },
  { name: "settled-large", bytes: 2 * MB, count: 10, weight: 1 },
];

export interface FaultScene {
  readonly name: string;
  readonly mix?: readonly SizeClass[];
  /** Left out of a quick run. */
  readonly isLong?: boolean;
  readonly settings?: Partial<StoreSceneSettings>;
  /** Before the start; a text is the reason to leave the scene out. */
  prepare?(scene: StoreScene): string | undefined;
  /** Under load; tells what it did. */
  fault(scene: StoreScene, findings: Findings): Promise<string> | string;
  /** The load rests so long before the fault. */
  readonly restBeforeMs?: number;
  /** Under load, later. */
  heal?(scene: StoreScene, findings: Findings): Promise<string> | string;
  /** How long a request may take and still not be forgotten. */
  readonly patienceMs?: number;
  /** Processes of the instance end: connections may break and be refused for a while. */
  readonly hasDowntime?: boolean;
  /** What was stored before must not be asked from the origin again. */
  readonly keepsAll?: boolean;
}

async function killThen(scene: StoreScene, harm: () => string): Promise<string> {
  await scene.killAll();
  const done = harm();
  await scene.start();
  return `kill -9 of all, ${done}, started again`;
}

const allBodies = (scene: StoreScene) =>
  scene.disks.flatMap((disk) => [...filesBelow(disk, ".seg"), ...filesBelow(disk, ".body")]);
const firstDisk = (scene: StoreScene) => scene.disks[0] ?? "";

async function callDisk(scene: StoreScene, findings: Findings, call: "mount" | "unmount"): Promise<string> {
  const { status } = await scene.api(`/command/${call}?disk=${encodeURIComponent(firstDisk(scene))}`);
  if (status !== 200) findings.expect(false, `${call} by API: ${status}`);
  return `${call} by API answered ${status}`;
}

/** Until half as much again as the quota has been fetched. */
async function fillBeyondQuota(scene: StoreScene, findings: Findings): Promise<string> {
  const deadline = Date.now() + FILL_WITHIN_MS;
  let mostBytes = 0;
  while ((await scene.origin.counts()).bytes < 1.5 * QUOTA_BYTES && Date.now() < deadline) {
    await delay(500);
    mostBytes = Math.max(mostBytes, usedBytes(firstDisk(scene)));
  }
  const { bytes } = await scene.origin.counts();
  if (mostBytes > QUOTA_BYTES + BEYOND_QUOTA_BYTES) findings.expect(false, `${mostBytes} bytes on a disk of 1 GB`);
  return `${(bytes / MB).toFixed(0)} MB fetched, ${(mostBytes / MB).toFixed(0)} MB on a disk of 1,024 MB at most`;
}

export const SCENES: readonly FaultScene[] = [
  {
    name: "disk full",
    settings: { disks: ["small"] },
    prepare: (scene) => {
      if (!mountSmallDisk(firstDisk(scene), SMALL_DISK_MB)) return "mounting a tmpfs is not allowed here";
      scene.beforeRemoval(() => unmountSmallDisk(firstDisk(scene)));
      return undefined;
    },
    fault: (scene) => fillDisk(firstDisk(scene)),
    heal: (scene) => {
      freeDisk(firstDisk(scene));
      return "the other program gave the room back";
    },
  },
  {
    name: "quota smaller than the objects",
    settings: { disks: ["small"], diskXml: 'Quota="1"' },
    mix: LARGER_MIX,
    isLong: true,
    fault: fillBeyondQuota,
  },
  {
    name: "read errors on a disk",
    fault: (scene) => replaceByFiles(firstDisk(scene), ["seg", "obj"]),
  },
  { name: "a disk's folder removed", fault: (scene) => removeFolder(firstDisk(scene)) },
  {
    name: "segments and files truncated",
    fault: (scene) => truncateHalf(allBodies(scene).filter((_, index) => index % 2 === 0)),
  },
  {
    name: "bits flipped, then started",
    hasDowntime: true,
    fault: (scene) => killThen(scene, () => flipBits(allBodies(scene), 256 * KB)),
  },
  {
    name: "bits flipped while running",
    fault: (scene) => flipBits(allBodies(scene), 256 * KB),
  },
  {
    name: "bits flipped in arriving bodies",
    settings: { partSize: 0 },
    mix: SLOW_MIX,
    patienceMs: 60_000,
    restBeforeMs: SOCKETS_FULL_MS,
    fault: (scene) => flipBits(allBodies(scene), 256 * KB, SLOW_SETTLED_BYTES),
  },
  {
    name: "index truncated, then started",
    hasDowntime: true,
    fault: (scene) => killThen(scene, () => truncateIndex(scene.indexPath)),
  },
  {
    name: "index garbage, then started",
    hasDowntime: true,
    fault: (scene) => killThen(scene, () => scrambleIndex(scene.indexPath)),
  },
  {
    name: "index truncated while running",
    hasDowntime: true,
    fault: (scene) => truncateIndex(scene.indexPath),
  },
  {
    name: "kill -9 of all",
    hasDowntime: true,
    keepsAll: true,
    fault: (scene) => killThen(scene, () => "nothing else"),
  },
  {
    name: "unmount and mount by API",
    fault: (scene, findings) => callDisk(scene, findings, "unmount"),
    heal: (scene, findings) => callDisk(scene, findings, "mount"),
  },
];
