import { type BodyStoreSettings, openBodyStore } from "../../src/bodies/bodyStore.ts";
import type { BodyReader, DiskSetting } from "../../src/contract.ts";
import { unexpectedProblem } from "./samples.ts";

/** Ids as the primary would give them: one counter for all stores that share it. */
export const createIds = (start = 0): (() => Promise<number>) => {
  let last = start;
  return () => {
    last += 1;
    return Promise.resolve(last);
  };
};

/** Disks by their position: the first has number 1. */
export const numberDisks = (disks: readonly (Omit<DiskSetting, "number"> & Partial<DiskSetting>)[]): DiskSetting[] =>
  disks.map((disk, position) => ({ number: position + 1, ...disk }));

type StoreSettings = Partial<Omit<BodyStoreSettings, "disks">> & {
  readonly disks: Parameters<typeof numberDisks>[0];
};

/** A store with defaults for what the scene does not care about. */
export const openStore = ({ disks, ...settings }: StoreSettings) =>
  openBodyStore({
    allocateSegment: createIds(),
    allocateFile: createIds(),
    onProblem: unexpectedProblem,
    maxOpenFiles: 16,
    ...settings,
    disks: numberDisks(disks),
  });

/** The whole body through a reader, in pieces. */
export const readAll = async (reader: BodyReader | undefined, pieceBytes = 300_000): Promise<Buffer> => {
  if (reader === undefined) throw new Error("the body is gone");
  const pieces: Buffer[] = [];
  for (let position = 0; ; ) {
    const piece = Buffer.alloc(pieceBytes);
    const count = await reader.read(piece, 0, pieceBytes, position);
    if (count > 0) pieces.push(piece.subarray(0, count));
    if (count < pieceBytes) break;
    position += count;
  }
  reader.release();
  return Buffer.concat(pieces);
};
