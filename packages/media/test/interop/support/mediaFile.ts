import { closeSync, openSync, readSync, statSync, writeSync } from "node:fs";
import {
  AudioIndexer,
  decodeRecipe,
  indexMovie,
  locateMovie,
  type MediaFormat,
  type MediaOutcome,
  type MediaTask,
  type ResultRoom,
  runMediaTask,
  type SourcePiece,
  type SourceRange,
} from "../../../src/index.ts";

/** More calls than that would mean that a task asks for the same ranges again and again. */
const MOST_CALLS = 8;
const AUDIO_CHUNK_BYTES = 256 << 10;
/** As a thread of the transform host has it. */
const MEMORY_BYTES = 64 << 20;

export type Opened =
  | { readonly kind: "file"; readonly file: MediaFile }
  | { readonly kind: "unreadable"; readonly detail: string };

export type Result = Exclude<MediaOutcome, { kind: "needs" }>;

/** Reads byte ranges and counts them, as the edge does of its origin. */
export interface RangeReader {
  readonly size: number;
  read(range: SourceRange): Uint8Array;
  readInto(range: SourceRange, target: Uint8Array): void;
}

export class FileReader implements RangeReader {
  readonly size: number;
  readonly #descriptor: number;
  readBytes = 0;

  constructor(path: string) {
    this.size = statSync(path).size;
    this.#descriptor = openSync(path, "r");
  }

  read(range: SourceRange): Uint8Array {
    const bytes = new Uint8Array(range.end - range.start);
    this.readInto(range, bytes);
    return bytes;
  }

  readInto({ start, end }: SourceRange, target: Uint8Array): void {
    if (start < 0 || end > this.size) throw new Error(`range ${start} to ${end} of ${this.size} bytes`);
    this.readBytes += readSync(this.#descriptor, target, 0, end - start, start);
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

  readInto(range: SourceRange, target: Uint8Array): void {
    target.set(this.read(range));
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
  #memory: ArrayBuffer | undefined;

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

  /** `use` gets the result, whose memory is used again when it returns. */
  with<Used>(task: MediaTask, use: (result: Result) => Used): Used {
    let pieces: readonly SourcePiece[] = [];
    let room: ResultRoom | undefined;
    for (let call = 0; call < MOST_CALLS; call++) {
      const outcome = runMediaTask(this.index, this.format, task, pieces, room);
      if (outcome.kind !== "needs") return use(outcome);
      const { ranges, resultBytes = 0 } = outcome;
      const sourceBytes = ranges.reduce((bytes, { start, end }) => bytes + end - start, 0);
      const memory = this.#memoryFor(sourceBytes + resultBytes);
      let at = 0;
      pieces = ranges.map((range) => {
        const bytes = new Uint8Array(memory, at, range.end - range.start);
        at += bytes.byteLength;
        this.reader.readInto(range, bytes);
        return { start: range.start, bytes };
      });
      room = new Uint8Array(memory, at);
    }
    throw new Error(`${task.kind} has not enough after ${MOST_CALLS} calls`);
  }

  #memoryFor(bytes: number): ArrayBuffer {
    if (bytes > MEMORY_BYTES) return new ArrayBuffer(bytes);
    this.#memory ??= new ArrayBuffer(MEMORY_BYTES);
    return this.#memory;
  }

  run(task: MediaTask): Result {
    return this.with(task, (result) => (result.kind === "bytes" ? { ...result, body: result.body.slice() } : result));
  }

  /** Bytes of a playlist, segment and so on, as `with` gives a result. */
  withBytes<Used>(task: MediaTask, use: (bytes: Uint8Array) => Used): Used {
    return this.with(task, (result) => {
      if (result.kind !== "bytes") throw new Error(`${task.kind}: ${JSON.stringify(result)}`);
      return use(result.body);
    });
  }

  bytes(task: MediaTask): Uint8Array {
    return this.withBytes(task, (bytes) => bytes.slice());
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
