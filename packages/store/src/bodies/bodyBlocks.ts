import { BLOCK_BYTES } from "../limits.ts";
import { countBlocks } from "./blockMap.ts";

/** Blocks whose knowledge is kept together: allocated when the first of them is present. */
const PAGE_BLOCKS = 4096;

const ABSENT = 0;
const PRESENT = 1;
const VERIFIED = 2;

interface BlockPage {
  readonly states: Uint8Array;
  readonly checksums: Uint32Array;
}

/** Bytes from the start of a block on, and their CRC-32. */
export interface BlockPrefix {
  readonly bytes: number;
  readonly checksum: number;
}

/**
 * What this process knows about the blocks of one body file; shared by all its readers and writers here. A present
 * block is verified when it is first touched, before any of its bytes are given out.
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

  /** The block is in the map, and its bytes have this checksum as far as this process could see. */
  enterVerified(block: number, checksum: number): void {
    this.#set(block, VERIFIED, checksum);
  }

  /** Every block that is read from now on is verified first. */
  forgetVerified(): void {
    for (const page of this.#pages) {
      const states = page?.states;
      if (states === undefined) continue;
      for (let at = states.indexOf(VERIFIED); at >= 0; at = states.indexOf(VERIFIED, at + 1)) states[at] = PRESENT;
    }
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
      page = { states: new Uint8Array(length), checksums: new Uint32Array(length) };
      this.#pages[index] = page;
    }
    if (page.states[block % PAGE_BLOCKS] === ABSENT) this.#missingBytes -= this.bytesOf(block);
    page.states[block % PAGE_BLOCKS] = state;
    page.checksums[block % PAGE_BLOCKS] = checksum;
  }

  #pageOf(block: number): BlockPage | undefined {
    return this.#pages[Math.floor(block / PAGE_BLOCKS)];
  }

  #stateOf(block: number): number {
    return this.#pageOf(block)?.states[block % PAGE_BLOCKS] ?? ABSENT;
  }
}
