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

/** A film at an edge: its index, and how much of the file the tasks asked for. */
export class FilmAtHand {
  readonly asked: (readonly SourceRange[])[] = [];
  readonly #file: Uint8Array;
  readonly #index: MediaIndexMemory;

  constructor(file: Uint8Array) {
    this.#file = file;
    const { layout } = locate(file);
    if (layout === undefined) throw new Error("no film");
    const pieces = layout.ranges.map(({ start, end }) => ({ start, bytes: file.subarray(start, end) }));
    const indexed = indexMovie(layout, pieces);
    if (indexed.kind !== "indexed") throw new Error(indexed.detail);
    this.#index = indexed.memory;
  }

  run(task: MediaTask): MediaOutcome {
    const first = runMediaTask(this.#index, "mp4", task, []);
    if (first.kind !== "needs") return first;
    this.asked.push(first.ranges);
    const pieces = first.ranges.map(({ start, end }) => ({ start, bytes: this.#file.slice(start, end) }));
    return runMediaTask(this.#index, "mp4", task, pieces);
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
