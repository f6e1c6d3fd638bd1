import fs from "node:fs";
import { join } from "node:path";
import { epochMs, systemClock } from "@basalt/types";
import { describe, expect, it } from "vitest";
import {
  type BodyStore,
  type BodyUpkeep,
  createSpaceKeeper,
  type DiskIndex,
  type IndexRow,
  KEEPER_WRITER,
  type ObjectLocation,
  openBodyStore,
  openDiskIndexWriter,
  recoverTails,
} from "../../src/index.ts";
import { unexpectedProblem } from "../support/samples.ts";
import { bodyOf, headOf, INDEX_FILE, imageOf, keyOf, type ObjectState, rowOf } from "./objects.ts";
import { withScratchFolder } from "./scratchFolder.ts";

interface RunningHome {
  readonly index: DiskIndex;
  readonly bodies: BodyStore & BodyUpkeep;
  stop(): Promise<void>;
}

const diskOf = (home: string): string => join(home, "disk");

/** One disk; `segmentOf` as the keeper would give segments. */
const start = (home: string, segmentOf?: () => Promise<number>): RunningHome => {
  const context = { clock: systemClock, onProblem: unexpectedProblem };
  const index = openDiskIndexWriter(join(home, INDEX_FILE), context);
  fs.mkdirSync(diskOf(home), { recursive: true });
  const number = index.disks()[0]?.number ?? index.numberDisk(diskOf(home));
  const bodies = openBodyStore({
    disks: [{ number, path: diskOf(home) }],
    allocateSegment: segmentOf ?? (() => Promise.resolve(index.nextSegmentId())),
    allocateFile: () => Promise.resolve(index.nextFileId()),
    onProblem: unexpectedProblem,
    maxOpenFiles: 8,
  });
  const stop = async (): Promise<void> => {
    await bodies.close();
    index.close();
  };
  return { index, bodies, stop };
};

const recover = ({ index, bodies }: RunningHome): Promise<unknown> =>
  recoverTails({ index, bodies, isOwnSegment: () => true, hasVhost: () => true });

const now = epochMs(Date.now());
const stateOf = (url: string, version: number, bodyBytes = 700): ObjectState => ({
  url,
  version,
  seed: version,
  bodyBytes,
});

const storePacked = async ({ bodies }: RunningHome, state: ObjectState): Promise<IndexRow> => {
  const image = imageOf(state, now);
  return rowOf(image, await bodies.append(image, headOf(state), bodyOf(state.seed, state.bodyBytes)));
};

const pathsBelow = (folder: string, suffix: string): string[] =>
  fs
    .readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(suffix))
    .map((name) => join(folder, name));

describe("a power cut", () => {
  it("that undoes the deletion of a segment brings no removed object back", () =>
    withScratchFolder(async (home) => {
      const running = start(home);
      const { index, bodies } = running;
      const keeper = createSpaceKeeper({
        disks: [{ number: 1, path: diskOf(home) }],
        index,
        bodies,
        clock: systemClock,
        onProblem: unexpectedProblem,
      });
      const worker = openBodyStore({
        disks: [{ number: 1, path: diskOf(home) }],
        allocateSegment: (disk) => keeper.grantSegment("worker", disk),
        allocateFile: () => Promise.resolve(index.nextFileId()),
        onProblem: unexpectedProblem,
        maxOpenFiles: 8,
      });
      index.put(await storePacked({ ...running, bodies: worker }, stateOf("/purged", 1)));
      await worker.close();
      keeper.writerGone("worker");
      await index.flush();
      const [segment = ""] = pathsBelow(diskOf(home), ".seg");
      const content = fs.readFileSync(segment);

      index.remove(keyOf("/purged"));
      await keeper.check();
      expect(fs.existsSync(segment)).toBe(false);
      index.put(await storePacked(running, stateOf("/other", 2)));
      await bodies.sync();
      await index.sync();
      await keeper.close();
      await running.stop();
      fs.writeFileSync(segment, content);

      const again = start(home);
      await recover(again);
      expect([again.index.find(keyOf("/purged")), again.index.find(keyOf("/other"))?.version]).toEqual([undefined, 2]);
      await again.stop();
    }));

  it("finds an object that the keeper was moving: the index names no place that is not synced", () =>
    withScratchFolder(async (home) => {
      const { index, bodies, stop } = start(home);
      const disks = [{ number: 1, path: diskOf(home), quotaBytes: 6 * 1024 * 1024 }];
      const settings = { disks, onProblem: unexpectedProblem, maxOpenFiles: 8 };
      const allocateFile = () => Promise.resolve(index.nextFileId());
      const grantTo = (writer: string) => (disk: number) => keeper.grantSegment(writer, disk);
      const keeperStore = openBodyStore({ ...settings, allocateSegment: grantTo(KEEPER_WRITER), allocateFile });
      const worker = openBodyStore({ ...settings, allocateSegment: grantTo("worker"), allocateFile });
      const keeper = createSpaceKeeper({
        ...settings,
        index,
        bodies: keeperStore,
        clock: systemClock,
        measureRoom: () => Promise.resolve({ totalBytes: 2 ** 40, availableBytes: 2 ** 39 }),
      });

      const unsynced = new Set<string>();
      const placeOf = ({ segment, offset }: ObjectLocation): string => `${segment}:${offset}`;
      const { append, sync } = keeperStore;
      keeperStore.append = async (...parts) => {
        const location = await append.apply(keeperStore, parts);
        unsynced.add(placeOf(location));
        return location;
      };
      keeperStore.sync = async () => {
        const written = [...unsynced];
        await sync.call(keeperStore);
        for (const place of written) unsynced.delete(place);
      };
      const moves: string[] = [];
      const { update } = index;
      index.update = (key, change) => {
        if (change.location !== undefined) {
          moves.push(unsynced.has(placeOf(change.location)) ? "not synced" : "synced");
        }
        return update.call(index, key, change);
      };

      for (let version = 1; version <= 40; version += 1) {
        const state = stateOf(`/${version}`, version, 200_000);
        const image = imageOf(state, epochMs(now - 200_000));
        const location = await worker.append(image, headOf(state), bodyOf(version, state.bodyBytes));
        index.put({ ...rowOf(image, location), lastAccess: now });
        await keeper.check();
      }
      expect(new Set(moves)).toEqual(new Set(["synced"]));
      await keeper.close();
      await Promise.all([worker.close(), keeperStore.close(), bodies.close()]);
      await stop();
    }));
});
