import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Clock, epochMs, monotonicMs } from "@basalt/types";
import { BLOCK_BYTES, openBodyStore, openDiskIndexWriter } from "../../src/index.ts";
import { unexpectedProblem } from "../support/samples.ts";
import { copyHome } from "./crashPoints.ts";
import { bodyOf, DISK_FOLDERS, disksOf, headOf, INDEX_FILE, imageOf, type ObjectState, rowOf } from "./objects.ts";

/** Many of one length, so that a wrong place could hold something that fits. */
const PACKED_BYTES = [0, 1, 4096, 60_000, 200_000, ...Array.from({ length: 40 }, () => 700)];
const FILE_BYTES = [300_000, BLOCK_BYTES + 17];

/** The same ids, and so the same bytes, every time. */
const STILL_CLOCK: Clock = { now: () => epochMs(1_790_000_000_000), monotonic: () => monotonicMs(0) };

/**
 * A store with objects of every layout, all in the index, as it lies on the disks while it runs (`killed`: rows are in
 * the log of the index) and after it was closed.
 */
export const buildHomes = async (
  folder: string,
): Promise<{ readonly states: ObjectState[]; readonly homes: string[] }> => {
  const home = join(folder, "closed");
  const killed = join(folder, "killed");
  for (const disk of DISK_FOLDERS) mkdirSync(join(home, disk), { recursive: true });
  const index = openDiskIndexWriter(join(home, INDEX_FILE), { clock: STILL_CLOCK, onProblem: unexpectedProblem });
  for (const disk of DISK_FOLDERS) index.numberDisk(join(home, disk));
  const openBodies = () =>
    openBodyStore({
      disks: disksOf(home, index.disks()),
      allocateSegment: () => Promise.resolve(index.nextSegmentId()),
      allocateFile: () => Promise.resolve(index.nextFileId()),
      onProblem: unexpectedProblem,
      maxOpenFiles: 16,
    });
  const stores = [openBodies(), openBodies()];
  const states: ObjectState[] = [];
  const begin = (bodyBytes: number): ObjectState => {
    const number = states.length + 1;
    const state = { url: `/object/${number}`, version: 100 + number, seed: number, bodyBytes };
    states.push(state);
    return state;
  };
  const now = STILL_CLOCK.now();
  for (const [position, store] of stores.entries()) {
    for (const bodyBytes of PACKED_BYTES) {
      const state = begin(bodyBytes);
      const image = imageOf(state, now);
      index.put(rowOf(image, await store.append(image, headOf(state), bodyOf(state.seed, bodyBytes))));
    }
    for (const bodyBytes of FILE_BYTES) {
      const state = begin(bodyBytes);
      const image = imageOf(state, now);
      const file = await store.createParted(image, headOf(state), bodyBytes);
      const part = await file.startPart(0);
      await part.write(bodyOf(state.seed, bodyBytes).subarray(0, position === 0 ? bodyBytes : BLOCK_BYTES));
      await part.close();
      index.put(rowOf(image, file.location, file.missingBytes));
      file.release();
    }
    await index.flush();
  }
  copyHome(home, killed);
  for (const store of stores) await store.close();
  index.close();
  return { states, homes: [killed, home] };
};
