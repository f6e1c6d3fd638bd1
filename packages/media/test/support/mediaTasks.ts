import {
  indexMovie,
  type MediaIndexMemory,
  type MediaOutcome,
  type MediaTask,
  runMediaTask,
  type Segmenting,
  type SourceRange,
} from "../../src/index.ts";
import { locate } from "./openFile.ts";

export const indexOf = (file: Uint8Array): MediaIndexMemory => {
  const { layout } = locate(file);
  if (layout === undefined) throw new Error("no film");
  const pieces = layout.ranges.map(({ start, end }) => ({ start, bytes: file.subarray(start, end) }));
  const indexed = indexMovie(layout, pieces);
  if (indexed.kind !== "indexed") throw new Error(indexed.detail);
  return indexed.memory;
};

/** A film at an edge: its index, and how much of the file the tasks asked for. */
export class FilmAtHand {
  readonly asked: (readonly SourceRange[])[] = [];
  readonly #file: Uint8Array;
  readonly #index: MediaIndexMemory;

  constructor(file: Uint8Array) {
    this.#file = file;
    this.#index = indexOf(file);
  }

  needsOf(task: MediaTask): Extract<MediaOutcome, { readonly kind: "needs" }> {
    const first = runMediaTask(this.#index, "mp4", task, []);
    if (first.kind !== "needs") throw new Error(first.kind);
    return first;
  }

  run(task: MediaTask): MediaOutcome {
    const first = runMediaTask(this.#index, "mp4", task, []);
    if (first.kind !== "needs") return first;
    this.asked.push(first.ranges);
    const pieces = first.ranges.map(({ start, end }) => ({ start, bytes: this.#file.slice(start, end) }));
    return runMediaTask(this.#index, "mp4", task, pieces);
  }

  /** The same in memory that held other bytes before, as a server has it: the result lies behind the pieces. */
  runInUsedMemory(task: MediaTask, content: number): MediaOutcome {
    const first = runMediaTask(this.#index, "mp4", task, []);
    if (first.kind !== "needs") return first;
    const { ranges, resultBytes = 0 } = first;
    const sourceBytes = ranges.reduce((sum, { start, end }) => sum + end - start, 0);
    const memory = new Uint8Array(sourceBytes + resultBytes).fill(content);
    let at = 0;
    const pieces = ranges.map(({ start, end }) => {
      const bytes = memory.subarray(at, at + end - start);
      bytes.set(this.#file.subarray(start, end));
      at += bytes.length;
      return { start, bytes };
    });
    return runMediaTask(this.#index, "mp4", task, pieces, memory.subarray(at));
  }

  bytesOf(task: MediaTask): Uint8Array {
    const outcome = this.run(task);
    if (outcome.kind !== "bytes") throw new Error(JSON.stringify(outcome));
    return outcome.body;
  }

  textOf(task: MediaTask): string {
    return new TextDecoder().decode(this.bytesOf(task));
  }

  /** All segments, until there is none. */
  segmentsOf(task: Omit<Extract<MediaTask, { kind: "segment" }>, "kind" | "number">): Uint8Array[] {
    const segments: Uint8Array[] = [];
    for (let number = task.segmenting.sequence; ; number++) {
      const outcome = this.run({ kind: "segment", number, ...task });
      if (outcome.kind === "absent") return segments;
      if (outcome.kind !== "bytes") throw new Error(JSON.stringify(outcome));
      segments.push(outcome.body);
    }
  }
}

export const segmentingOf = (form: Segmenting["form"], durationSeconds: number, sequence = 0): Segmenting => ({
  form,
  durationSeconds,
  sequence,
});

export type PlaylistTask = Extract<MediaTask, { kind: "playlist" }>;

/** A playlist of `/video.mp4`. */
export const playlistTask = (segmenting: Segmenting, more: Partial<PlaylistTask> = {}): PlaylistTask => ({
  kind: "playlist",
  list: "segments",
  version: 3,
  segmenting,
  cut: undefined,
  uris: { prefix: "/video.mp4/mp4hls/", suffix: "" },
  variantName: "playlist.m3u8",
  iframesName: undefined,
  subtitlesName: undefined,
  encryption: undefined,
  ...more,
});
