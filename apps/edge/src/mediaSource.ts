import type { DeriveSource } from "@basalt/cache";
import type { SourceRange } from "@basalt/media";
import { BLOCK_BYTES, type BodyStore, type ObjectLocation, type PartedFile } from "@basalt/store";
import { EdgeError } from "@basalt/types";
import { fillFrom, readSource } from "./transformSource.ts";

/** Bytes of a source that are not on the disk yet. */
export class LackingBytes extends Error {
  readonly ranges: readonly SourceRange[];

  constructor(ranges: readonly SourceRange[]) {
    super("the source is not complete");
    this.ranges = ranges;
  }
}

/** A media file as jobs read it, range by range. Errors are EdgeError STORE_UNAVAILABLE and LackingBytes. */
export interface MediaSource {
  readonly sizeBytes: number;
  /** Two sources with the same identity are the same bytes; undefined: of this job alone. */
  readonly identity: string | undefined;
  /** Throws when some of it is lacking, before anything is read; `ahead`: what had better be brought with it then. */
  expect(ranges: readonly SourceRange[], ahead?: readonly SourceRange[]): Promise<void>;
  /** In memory of its own. */
  read(range: SourceRange): Promise<Uint8Array<ArrayBuffer>>;
  /** The whole range to the beginning of `target`. */
  readInto(range: SourceRange, target: Uint8Array): Promise<void>;
  release(): void;
}

export const openMediaSource = async (bodies: BodyStore, source: DeriveSource): Promise<MediaSource> => {
  if (source.kind === "stored" && source.location.file !== 0) {
    const file = await bodies.openParted(source.location);
    if (file === undefined) throw new EdgeError("STORE_UNAVAILABLE", { detail: "source of a transform is gone" });
    return new PartedSource(file, identityOf(source.location));
  }
  const bytes = await readSource(bodies, source);
  return {
    sizeBytes: bytes.length,
    identity: source.kind === "stored" ? identityOf(source.location) : undefined,
    expect: async () => {},
    read: async ({ start, end }) => bytes.slice(start, end),
    readInto: async ({ start, end }, target) => target.set(bytes.subarray(start, end)),
    release: () => {},
  };
};

/** What is known of a source, as it was stored; undefined when that is gone. */
export const readStoredIndex = async (
  bodies: BodyStore,
  location: ObjectLocation,
): Promise<SharedArrayBuffer | undefined> => {
  const reader = await bodies.openBody(location);
  if (reader === undefined) return undefined;
  const memory = new SharedArrayBuffer(location.bodyBytes);
  const target = Buffer.from(memory);
  try {
    for (let filled = 0; filled < target.length; ) {
      const count = await reader.read(target, filled, target.length - filled, filled);
      if (count < 1) return undefined;
      filled += count;
    }
    return memory;
  } catch {
    return undefined;
  } finally {
    reader.release();
  }
};

/** No place on a disk is ever given to other bytes. */
const identityOf = ({ disk, segment, offset, file }: ObjectLocation): string =>
  file === 0 ? `${disk}/${segment}/${offset}` : `${disk}/${file}`;

class PartedSource implements MediaSource {
  readonly identity: string;
  readonly #file: PartedFile;

  constructor(file: PartedFile, identity: string) {
    this.#file = file;
    this.identity = identity;
  }

  get sizeBytes(): number {
    return this.#file.location.bodyBytes;
  }

  async expect(ranges: readonly SourceRange[], ahead: readonly SourceRange[] = []): Promise<void> {
    for (const { start, end } of ranges) {
      const [first, last] = [Math.floor(start / BLOCK_BYTES), Math.ceil(end / BLOCK_BYTES)];
      if (this.#lacks(first, last)) await this.#file.refresh(first, last);
    }
    const isLacking = ({ start, end }: SourceRange): boolean =>
      this.#lacks(Math.floor(start / BLOCK_BYTES), Math.ceil(end / BLOCK_BYTES));
    if (ranges.some(isLacking)) throw new LackingBytes([...ranges, ...ahead].filter(isLacking));
  }

  async read(range: SourceRange): Promise<Uint8Array<ArrayBuffer>> {
    const memory = new Uint8Array(range.end - range.start);
    await this.readInto(range, memory);
    return memory;
  }

  async readInto(range: SourceRange, target: Uint8Array): Promise<void> {
    try {
      await fillFrom(this.#file, range.start, target.subarray(0, range.end - range.start));
    } catch (cause) {
      // A block that turned out damaged is absent now, and can be had again.
      await this.expect([range]);
      throw cause;
    }
  }

  release(): void {
    this.#file.release();
  }

  #lacks(first: number, end: number): boolean {
    for (let block = first; block < end; block++) if (!this.#file.has(block)) return true;
    return false;
  }
}
