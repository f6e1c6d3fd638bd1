import { type Clock, type EpochMs, epochMs, type MonotonicMs, monotonicMs } from "@basalt/types";
import type { DiskSetting, IndexRow } from "../../src/contract.ts";
import type { FileSystemRoom } from "../../src/space/fileSystemRoom.ts";
import { KEEPER_WRITER, type SpaceKeeperSettings } from "../../src/space/keeperContract.ts";
import { createSpaceKeeper } from "../../src/space/spaceKeeper.ts";
import { collectProblems, sampleRow } from "../support/samples.ts";
import { FakeDisks } from "./fakeDisks.ts";
import { FakeIndex } from "./fakeIndex.ts";

export const MIB = 1024 * 1024;
export const MINUTE_MS = 60_000;
export const DAY_MS = 24 * 3_600_000;
export const DISK = 4;
const HEAD = Buffer.alloc(200, "h");

/** Time stands still until a scene moves it. */
export class StillClock implements Clock {
  nowMs = 1_760_000_000_000;

  now(): EpochMs {
    return epochMs(this.nowMs);
  }

  monotonic(): MonotonicMs {
    return monotonicMs(this.nowMs);
  }
}

interface HostSettings extends Pick<SpaceKeeperSettings, "objectLimit"> {
  readonly disks?: readonly DiskSetting[];
  readonly quotaBytes?: number;
}

/** A primary with index, disks and keeper, and workers that write; all in memory. */
export const openHost = ({ quotaBytes, objectLimit, ...settings }: HostSettings = {}) => {
  const setting = quotaBytes === undefined ? {} : { quotaBytes };
  const disks = settings.disks ?? [{ number: DISK, path: "/cache/a", ...setting }];
  const clock = new StillClock();
  const index = new FakeIndex();
  const fakes = new FakeDisks(disks, () => clock.now());
  const evicted: IndexRow[] = [];
  const pausesMs: number[] = [];
  const { problems, onProblem } = collectProblems();
  const rooms = new Map<string, FileSystemRoom>();
  const openWriter = (name: string) => fakes.openWriter((disk) => keeper.grantSegment(name, disk));
  const bodies = fakes.keeperBodies(openWriter(KEEPER_WRITER));
  const keeper = createSpaceKeeper({
    disks,
    index,
    bodies,
    clock,
    onProblem,
    objectLimit,
    onEvicted: (rows) => evicted.push(...rows),
    measureRoom: (path) => Promise.resolve(rooms.get(path) ?? { totalBytes: 1e12, availableBytes: 9e11 }),
    measureSegment: (_disk, segment) => fakes.measure(segment),
    pause: (pauseMs) => {
      pausesMs.push(pauseMs);
      return Promise.resolve();
    },
  });
  const workers = [openWriter("worker 1"), openWriter("worker 2")] as const;
  let version = 0;

  const enter = (change: Partial<IndexRow> & Pick<IndexRow, "url" | "location">): IndexRow => {
    version += 1;
    const moment = clock.now();
    const row = sampleRow({
      version,
      missingBytes: 0,
      updatedAt: moment,
      lastAccess: moment,
      freshUntil: epochMs(moment + 30 * DAY_MS),
      ...change,
    });
    index.put(row);
    return row;
  };
  /** A packed object, written by the first worker unless another is named. */
  const store = async (
    url: string,
    bodyBytes: number,
    change: Partial<IndexRow> = {},
    worker = workers[0],
    disk = DISK,
  ) => enter({ url, location: await worker.append(disk, HEAD, Buffer.alloc(bodyBytes)), ...change });
  /** An object whose body has a file of its own. */
  const storeFile = async (url: string, bodyBytes: number, change: Partial<IndexRow> = {}) => {
    const onDiskBytes = bodyBytes - (change.missingBytes ?? 0);
    const own = { disk: DISK, segment: 0, offset: 0, headBytes: 0, bodyBytes, file: fakes.addFile(DISK, onDiskBytes) };
    return enter({ url, location: await workers[0].append(DISK, HEAD, Buffer.alloc(0), own), ...change });
  };
  /** `count` packed objects, three to a segment of 1 MB, a minute between two of them. */
  const storeMany = async (prefix: string, count: number, bodyBytes = 349_000, change: Partial<IndexRow> = {}) => {
    for (let number = 0; number < count; number += 1) {
      clock.nowMs += MINUTE_MS;
      await store(`${prefix}${number}`, bodyBytes, change);
    }
  };
  const touch = (url: string): void => {
    for (const row of index.rows.values()) if (row.url === url) index.update(row.key, { lastAccess: clock.now() });
  };
  const urls = (): string[] => [...index.rows.values()].map(({ url }) => url).sort();
  const evictedUrls = (): string[] => evicted.map(({ url }) => url);
  return {
    clock,
    index,
    fakes,
    keeper,
    workers,
    evicted,
    problems,
    pausesMs,
    rooms,
    enter,
    store,
    storeFile,
    storeMany,
    touch,
    urls,
    evictedUrls,
  };
};
