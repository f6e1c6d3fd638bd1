import { BLOCK_BYTES } from "../limits.ts";
import { countBlocks } from "./blockMap.ts";
import { countPieces, PIECE_BYTES, type PieceRun, sumPieces } from "./pieceSums.ts";

/** Blocks whose knowledge is kept together: allocated when the first of them is present. */
const PAGE_BLOCKS = 4096;

const ABSENT = 0;
const PRESENT = 1;
const VERIFIED = 2;

interface BlockPage {
  readonly states: Uint8Array;
  readonly checksums: Uint32Array;
  /** Of the pieces of verified blocks. */
  sums: Float64Array | undefined;
  /** When the first of `comparedPieces` was compared, and which were since, a bit for each. */
  comparedAtMs: Float64Array | undefined;
  comparedPieces: Uint8Array | undefined;
}

const PIECES = countPieces(BLOCK_BYTES);

/**
 * For so long the bytes of a file count as those that they were compared as: what was read a moment ago is in the page
 * cache, and a disk is not asked again.
 */
export const COMPARED_FOR_MS = 10_000;

/** Bytes from the start of a block on, and their CRC-32. */
export interface BlockPrefix {
  readonly bytes: number;
  readonly checksum: number;
}

/**
 * What this process knows about the blocks of one body file; shared by all its readers and writers here. A present
 * block is verified by its checksum when it is first touched, before any of its bytes are given out, and later by the
 * sums of its pieces.
 */
export class BodyBlocks {
  readonly file: number;
  readonly bodyBytes: number;
  readonly blockCount: number;
  /** Verifications under way: whoever else wants the block waits for it. */
  readonly verifying = new Map<number, Promise<void>>();
  /** Of absent blocks that are being written, here or elsewhere: what is there of them. */
  readonly #prefixes = new Map<number, BlockPrefix>();
  readonly #pages: (BlockPage | undefined)[] = [];
  #missingBytes: number;

  constructor(file: number, bodyBytes: number) {
    this.file = file;
    this.bodyBytes = bodyBytes;
    this.blockCount = countBlocks(bodyBytes);
    this.#missingBytes = bodyBytes;
  }

  get missingBytes(): number {
    return this.#missingBytes;
  }

  /** Length of a block: the last may be short. */
  bytesOf(block: number): number {
    return Math.min(BLOCK_BYTES, this.bodyBytes - block * BLOCK_BYTES);
  }

  has(block: number): boolean {
    return this.#stateOf(block) !== ABSENT;
  }

  isVerified(block: number): boolean {
    return this.#stateOf(block) === VERIFIED;
  }

  /** Sums of the pieces of verified blocks of one stretch, one behind the other; undefined when one of them is not. */
  sumsOf(block: number, count = 1): Float64Array | undefined {
    for (let at = block; at < block + count; at += 1) if (!this.isVerified(at)) return undefined;
    const from = (block % PAGE_BLOCKS) * PIECES;
    return this.#pageOf(block)?.sums?.subarray(from, from + count * PIECES);
  }

  checksumOf(block: number): number | undefined {
    return this.has(block) ? this.#pageOf(block)?.checksums[block % PAGE_BLOCKS] : undefined;
  }

  /** What is known of an absent block. */
  prefixOf(block: number): BlockPrefix | undefined {
    return this.#prefixes.get(block);
  }

  /** A body has been written up to `position`, with this checksum of what there is of the block there. */
  enterPrefix(position: number, checksum: number): void {
    const block = Math.floor(position / BLOCK_BYTES);
    const bytes = position - block * BLOCK_BYTES;
    if (bytes > 0 && block < this.blockCount && !this.has(block)) this.#prefixes.set(block, { bytes, checksum });
  }

  /** The block is in the map. */
  enter(block: number, checksum: number): void {
    this.#set(block, PRESENT, checksum);
  }

  /** The block is in the map, and `content`, read from the file, has this checksum. */
  enterVerified(block: number, checksum: number, content: Buffer): void {
    this.#set(block, VERIFIED, checksum);
    const page = this.#pageOf(block);
    if (page === undefined || block >= this.blockCount) return;
    page.sums ??= new Float64Array(page.states.length * PIECES);
    const from = (block % PAGE_BLOCKS) * PIECES;
    sumPieces(content, page.sums.subarray(from, from + PIECES));
  }

  /** Whole pieces of verified blocks were read, and are what they were; as positions in the body. */
  noteCompared({ start, end }: PieceRun, nowMs: number): void {
    for (let from = start; from < end; from = endOfBlock(from)) {
      const index = Math.floor(from / BLOCK_BYTES) % PAGE_BLOCKS;
      const page = this.#pageOf(Math.floor(from / BLOCK_BYTES));
      if (page === undefined) return;
      page.comparedAtMs ??= new Float64Array(page.states.length);
      page.comparedPieces ??= new Uint8Array(page.states.length);
      const pieces = piecesWithin(from, end);
      const isRecent = nowMs - (page.comparedAtMs[index] ?? 0) < COMPARED_FOR_MS;
      if (!isRecent) page.comparedAtMs[index] = nowMs;
      page.comparedPieces[index] = isRecent ? (page.comparedPieces[index] ?? 0) | pieces : pieces;
    }
  }

  /** Whether those pieces were compared a moment ago. */
  areCompared({ start, end }: PieceRun, nowMs: number): boolean {
    for (let from = start; from < end; from = endOfBlock(from)) {
      const index = Math.floor(from / BLOCK_BYTES) % PAGE_BLOCKS;
      const page = this.#pageOf(Math.floor(from / BLOCK_BYTES));
      if (page?.comparedPieces === undefined || page.states[index] !== VERIFIED) return false;
      const pieces = piecesWithin(from, end);
      if (((page.comparedPieces[index] ?? 0) & pieces) !== pieces) return false;
      if (nowMs - (page.comparedAtMs?.[index] ?? 0) >= COMPARED_FOR_MS) return false;
    }
    return true;
  }

  /** Its bytes are no longer those that were verified: the checksum decides about it anew. */
  doubt(block: number): void {
    const page = this.#pageOf(block);
    if (page === undefined || !this.has(block)) return;
    page.states[block % PAGE_BLOCKS] = PRESENT;
    page.comparedPieces?.fill(0, block % PAGE_BLOCKS, (block % PAGE_BLOCKS) + 1);
  }

  remove(block: number): void {
    if (!this.has(block)) return;
    const page = this.#pageOf(block);
    if (page !== undefined) page.states[block % PAGE_BLOCKS] = ABSENT;
    this.#missingBytes += this.bytesOf(block);
  }

  #set(block: number, state: number, checksum: number): void {
    if (block < 0 || block >= this.blockCount) return;
    this.#prefixes.delete(block);
    const index = Math.floor(block / PAGE_BLOCKS);
    let page = this.#pages[index];
    if (page === undefined) {
      const length = Math.min(PAGE_BLOCKS, this.blockCount - index * PAGE_BLOCKS);
      page = {
        states: new Uint8Array(length),
        checksums: new Uint32Array(length),
        sums: undefined,
        comparedAtMs: undefined,
        comparedPieces: undefined,
      };
      this.#pages[index] = page;
    }
    if (page.states[block % PAGE_BLOCKS] === ABSENT) this.#missingBytes -= this.bytesOf(block);
    page.states[block % PAGE_BLOCKS] = state;
    page.comparedPieces?.fill(0, block % PAGE_BLOCKS, (block % PAGE_BLOCKS) + 1);
    page.checksums[block % PAGE_BLOCKS] = checksum;
  }

  #pageOf(block: number): BlockPage | undefined {
    return this.#pages[Math.floor(block / PAGE_BLOCKS)];
  }

  #stateOf(block: number): number {
    return this.#pageOf(block)?.states[block % PAGE_BLOCKS] ?? ABSENT;
  }
}

const endOfBlock = (position: number): number => (Math.floor(position / BLOCK_BYTES) + 1) * BLOCK_BYTES;

/** A bit for each piece of `[from, end)` that lies in the block of `from`; they begin and end with pieces. */
const piecesWithin = (from: number, end: number): number => {
  const start = from - (from % BLOCK_BYTES);
  const endPiece = countPieces(Math.min(end, endOfBlock(from)) - start);
  return (1 << endPiece) - (1 << ((from - start) / PIECE_BYTES));
};
