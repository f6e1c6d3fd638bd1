import type { BodyStore, ObjectLocation, PartedFile, RowImage } from "../../src/contract.ts";
import { BLOCK_BYTES, PACKED_BODY_LIMIT_BYTES, STRETCH_BYTES } from "../../src/limits.ts";

/** The two stores are what two processes have on the same disks. */
export interface StorePair {
  readonly first: BodyStore;
  readonly second: BodyStore;
}

/** A way in which a body can come to lie on a disk. */
export interface Layout {
  readonly name: string;
  readonly store: (stores: StorePair, image: RowImage, head: Buffer, body: Buffer) => Promise<ObjectLocation>;
  /** Lengths around every limit of it. */
  readonly sizes: readonly number[];
  readonly hasOwnFile: boolean;
}

const FILE_SIZES = [
  0,
  1,
  4095,
  4096,
  4097,
  BLOCK_BYTES - 1,
  BLOCK_BYTES,
  BLOCK_BYTES + 1,
  2 * BLOCK_BYTES + 17,
  STRETCH_BYTES,
  2 * STRETCH_BYTES + BLOCK_BYTES + 17,
] as const;

/** Writes `body` behind where the part begins, in pieces of that length. */
export const fillPart = async (file: PartedFile, block: number, body: Buffer, pieceBytes: number): Promise<void> => {
  const part = await file.startPart(block);
  while (part.position < body.length) await part.write(body.subarray(part.position, part.position + pieceBytes));
  await part.close();
};

const blockCountOf = (bodyBytes: number): number => Math.ceil(bodyBytes / BLOCK_BYTES);

export const LAYOUTS: readonly Layout[] = [
  {
    name: "a packed record",
    store: ({ first }, image, head, body) => first.append(image, head, body),
    sizes: [0, 1, 7, 8, 9, 4096, PACKED_BODY_LIMIT_BYTES - 1, PACKED_BODY_LIMIT_BYTES],
    hasOwnFile: false,
  },
  {
    name: "a body handed over whole that is too long to be packed",
    store: ({ first }, image, head, body) => first.append(image, head, body),
    sizes: [PACKED_BODY_LIMIT_BYTES + 1, 3 * STRETCH_BYTES - 1, 3 * STRETCH_BYTES, 3 * STRETCH_BYTES + 1],
    hasOwnFile: true,
  },
  {
    name: "a growing file of unknown length",
    store: async ({ first }, image, head, body) => {
      const file = await first.createFile();
      for (let position = 0; position < body.length; position += 300_000) {
        await file.write(body.subarray(position, position + 300_000));
      }
      return file.complete(image, head);
    },
    sizes: FILE_SIZES,
    hasOwnFile: true,
  },
  {
    name: "a parted file filled from its start to its end",
    store: async ({ first }, image, head, body) => {
      const file = await first.createParted(image, head, body.length);
      if (body.length > 0) await fillPart(file, 0, body, 1_500_000);
      file.release();
      return file.location;
    },
    sizes: FILE_SIZES,
    hasOwnFile: true,
  },
  {
    name: "a parted file filled by two processes, last block first",
    store: async ({ first, second }, image, head, body) => {
      const file = await first.createParted(image, head, body.length);
      const other = await second.openParted(file.location);
      if (other === undefined) throw new Error("the file is gone");
      for (let block = blockCountOf(body.length) - 1; block >= 0; block -= 1) {
        const end = (block + 1) * BLOCK_BYTES;
        await fillPart(block % 2 === 0 ? file : other, block, body.subarray(0, end), 333_333);
      }
      file.release();
      other.release();
      return file.location;
    },
    sizes: FILE_SIZES,
    hasOwnFile: true,
  },
];
