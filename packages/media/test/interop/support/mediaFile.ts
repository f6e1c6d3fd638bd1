import { closeSync, openSync, readSync, statSync, writeSync } from "node:fs";
import {
  AudioIndexer,
  decodeRecipe,
  indexMovie,
  locateMovie,
  type MediaFormat,
  type MediaOutcome,
  type MediaTask,
  runMediaTask,
  type SourcePiece,
  type SourceRange,
} from "../../../src/index.ts";

/** More calls than that would mean that a task asks for the same ranges again and again. */
const MOST_CALLS = 8;
const AUDIO_CHUNK_BYTES = 256 << 10;

export type Opened =
  | { readonly kind: "file"; readonly file: MediaFile }
  | { readonly kind: "unreadable"; readonly detail: string };

export type Result = Exclude<MediaOutcome, { kind: "needs" }>;

/** Reads byte ranges and counts them, as the edge does of its origin. */
export interface RangeReader {
  readonly size: number;
  read(range: SourceRange): Uint8Array;
}

export class FileReader implements RangeReader {
  readonly size: number;
  readonly #descriptor: number;
  readBytes = 0;

  constructor(path: string) {
    this.size = statSync(path).size;
    this.#descriptor = openSync(path, "r");
  }

  read({ start, end }: SourceRange): Uint8Array {
    const bytes = new Uint8Array(end - start);
    if (start < 0 || end > this.size) throw new Error(`range ${start} to ${end} of ${this.size} bytes`);
    readSync(this.#descriptor, bytes, 0, bytes.length, start);
    this.readBytes += bytes.length;
    return bytes;
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}

/** Bytes in memory, for what is made of hostile files. */
export class BytesReader implements RangeReader {
  readonly size: number;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.size = bytes.length;
  }

  read({ start, end }: SourceRange): Uint8Array {
    if (start < 0 || end > this.size || end < start) throw new Error(`range ${start} to ${end} of ${this.size} bytes`);
    return this.#bytes.subarray(start, end);
  }
}

const indexMovieOf = (reader: RangeReader): ReturnType<typeof indexMovie> => {
  const search = locateMovie(reader.size);
  let step = search.next();
  while (!step.done) step = search.next(reader.read(step.value));
  const layout = step.value;
  if (layout === undefined) return { kind: "unreadable", detail: "no MP4" };
  return indexMovie(
    layout,
    layout.ranges.map((range) => ({ start: range.start, bytes: reader.read(range) })),
  );
};

const indexAudioOf = (reader: RangeReader): ReturnType<AudioIndexer["finish"]> => {
  const indexer = new AudioIndexer(reader.size);
  for (let at = 0; at < reader.size; at += AUDIO_CHUNK_BYTES) {
    indexer.push(at, reader.read({ start: at, end: Math.min(reader.size, at + AUDIO_CHUNK_BYTES) }));
  }
  return indexer.finish();
};

/** A media file with its index: runs tasks as the transform host does, without server and threads. */
export class MediaFile {
  readonly format: MediaFormat;
  readonly index: SharedArrayBuffer;
  readonly reader: RangeReader;

  private constructor(format: MediaFormat, index: SharedArrayBuffer, reader: RangeReader) {
    this.format = format;
    this.index = index;
    this.reader = reader;
  }

  static open(reader: RangeReader, format: MediaFormat): Opened {
    const indexed = format === "mp4" ? indexMovieOf(reader) : indexAudioOf(reader);
    if (indexed.kind === "unreadable") return indexed;
    return { kind: "file", file: new MediaFile(format, indexed.memory, reader) };
  }

  run(task: MediaTask): Result {
    let pieces: readonly SourcePiece[] = [];
    for (let call = 0; call < MOST_CALLS; call++) {
      const outcome = runMediaTask(this.index, this.format, task, pieces);
      if (outcome.kind !== "needs") return outcome;
      pieces = outcome.ranges.map((range) => ({ start: range.start, bytes: this.reader.read(range) }));
    }
    throw new Error(`${task.kind} has not enough after ${MOST_CALLS} calls`);
  }

  /** Bytes of a playlist, segment and so on. */
  bytes(task: MediaTask): Uint8Array {
    const result = this.run(task);
    if (result.kind !== "bytes") throw new Error(`${task.kind}: ${JSON.stringify(result)}`);
    return result.body;
  }

  text(task: MediaTask): string {
    return new TextDecoder().decode(this.bytes(task));
  }
}

/** Calls `take` with the content of a recipe, piece by piece. */
export const readRecipe = (encoded: Uint8Array, reader: RangeReader, take: (bytes: Uint8Array) => void): number => {
  const recipe = decodeRecipe(encoded);
  if (recipe === undefined) throw new Error("no recipe");
  for (let index = 0; index < recipe.pieceCount; index++) {
    const piece = recipe.pieceAt(index);
    if (piece.kind === "bytes") take(piece.bytes);
    else {
      for (let at = piece.start; at < piece.end; at += 1 << 20) {
        take(reader.read({ start: at, end: Math.min(piece.end, at + (1 << 20)) }));
      }
    }
  }
  return recipe.sizeBytes;
};

export const writeRecipe = (encoded: Uint8Array, reader: RangeReader, path: string): void => {
  const descriptor = openSync(path, "w");
  try {
    let written = 0;
    const size = readRecipe(encoded, reader, (bytes) => {
      written += writeSync(descriptor, bytes);
    });
    if (written !== size) throw new Error(`the recipe has ${written} bytes and says ${size}`);
  } finally {
    closeSync(descriptor);
  }
};
