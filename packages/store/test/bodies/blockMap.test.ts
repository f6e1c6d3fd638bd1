import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  decodeEntry,
  encodeEntries,
  encodeMapHeader,
  entryOffsetOf,
  fileBytesOf,
  findEntry,
  isMapHeader,
  mapOffsetOf,
} from "../../src/bodies/blockMap.ts";
import { BodyBlocks } from "../../src/bodies/bodyBlocks.ts";
import { BLOCK_BYTES, BODY_FILE_LIMIT_BYTES } from "../../src/limits.ts";

const someFile = fc.integer({ min: 1, max: 2 ** 48 - 2 });
const someBlock = fc.nat(2 ** 28);
const someChecksum = fc.nat(2 ** 32 - 1);

describe("the block map of a body file", () => {
  it.each([
    [0, 0, 32],
    [1, 4096, 4096 + 40],
    [4096, 4096, 4096 + 40],
    [4097, 8192, 8192 + 40],
    [BLOCK_BYTES, BLOCK_BYTES, BLOCK_BYTES + 40],
    [BLOCK_BYTES + 1, BLOCK_BYTES + 4096, BLOCK_BYTES + 4096 + 48],
  ])("lies behind a body of %i bytes at %i, up to %i", (bodyBytes, mapOffset, fileBytes) => {
    expect(mapOffsetOf(bodyBytes)).toBe(mapOffset);
    expect(fileBytesOf(bodyBytes)).toBe(fileBytes);
    expect(entryOffsetOf(bodyBytes, 0)).toBe(mapOffset + 32);
  });

  it("has a header for its file and body only", () => {
    fc.assert(
      fc.property(someFile, fc.integer({ min: 0, max: BODY_FILE_LIMIT_BYTES }), fc.nat(255), (file, bodyBytes, bit) => {
        const header = encodeMapHeader(file, bodyBytes);
        expect(isMapHeader(header, file, bodyBytes)).toBe(true);
        expect(isMapHeader(header, file + 1, bodyBytes)).toBe(false);
        expect(isMapHeader(header, file, bodyBytes + 1)).toBe(false);
        header.writeUInt8(header.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
        expect(isMapHeader(header, file, bodyBytes)).toBe(false);
      }),
    );
  });

  it("has an entry for its block and file only, and zeros are an absent block", () => {
    fc.assert(
      fc.property(someFile, someBlock, someChecksum, fc.nat(63), (file, block, checksum, bit) => {
        const entry = encodeEntries(file, block, [checksum]);
        expect(decodeEntry(entry, 0, file, block)).toBe(checksum);
        expect(decodeEntry(entry, 0, file, block + 1)).toBe("damaged");
        expect(decodeEntry(entry, 0, file + 1, block)).toBe("damaged");
        entry.writeUInt8(entry.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
        expect(decodeEntry(entry, 0, file, block)).toBe("damaged");
        expect(decodeEntry(Buffer.alloc(8), 0, file, block)).toBeUndefined();
      }),
    );
  });
});

describe("a stretch of the map", () => {
  it("names the entries that are not empty, in their order", () => {
    fc.assert(
      fc.property(fc.array(fc.option(someChecksum), { maxLength: 40 }), someFile, (checksums, file) => {
        const entries = Buffer.concat(
          checksums.map((checksum, block) =>
            checksum === null ? Buffer.alloc(8) : encodeEntries(file, block, [checksum]),
          ),
        );
        const found: number[] = [];
        for (let at = findEntry(entries, 0); at < checksums.length; at = findEntry(entries, at + 1)) found.push(at);
        expect(found).toEqual([...checksums.keys()].filter((block) => checksums[block] !== null));
      }),
    );
  });
});

describe("what a process knows of the blocks of a body", () => {
  it("adds up to the missing bytes, whatever comes and goes", () => {
    const bodyBytes = 5000 * BLOCK_BYTES + 17;
    const someChanges = fc.array(fc.tuple(fc.nat(5003), fc.constantFrom("enter", "enterVerified", "remove")));
    fc.assert(
      fc.property(someChanges, (changes) => {
        const blocks = new BodyBlocks(1, bodyBytes);
        const present = new Set<number>();
        for (const [block, change] of changes) {
          if (change === "remove") {
            blocks.remove(block);
            present.delete(block);
          } else {
            if (change === "enter") blocks.enter(block, block);
            else blocks.enterVerified(block, block, Buffer.from([block]));
            if (block < blocks.blockCount) present.add(block);
          }
        }
        let presentBytes = 0;
        for (const block of present) presentBytes += block === 5000 ? 17 : BLOCK_BYTES;
        expect(blocks.missingBytes).toBe(bodyBytes - presentBytes);
        for (const [block] of changes) {
          expect(blocks.has(block)).toBe(present.has(block));
          expect(blocks.checksumOf(block)).toBe(present.has(block) ? block : undefined);
        }
      }),
    );
  });

  it("costs nothing for what is absent: a body of the greatest length can be declared by anyone", () => {
    const blocks = new BodyBlocks(1, BODY_FILE_LIMIT_BYTES);
    expect(blocks.blockCount).toBe(2 ** 28);
    blocks.enter(blocks.blockCount - 1, 9);
    expect([blocks.has(0), blocks.has(blocks.blockCount - 1), blocks.has(blocks.blockCount)]).toEqual([
      false,
      true,
      false,
    ]);
  });
});
