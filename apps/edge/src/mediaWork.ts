import {
  AudioIndexer,
  locateMovie,
  type MediaFormat,
  type MediaIndexMemory,
  type MediaTask,
  type MovieLayout,
  type SourceRange,
} from "@basalt/media";
import type { JobTerms, JobWatch, MediaResult, TransformPool } from "@basalt/transform";
import { EdgeError } from "@basalt/types";
import type { MediaIndexes } from "./mediaIndexes.ts";
import { MediaLoan, type MediaMemory, type NeededBytes } from "./mediaMemory.ts";
import type { MediaSource } from "./mediaSource.ts";

export interface MediaIndexWork {
  readonly pool: TransformPool;
  readonly indexes: MediaIndexes;
  readonly format: MediaFormat;
  readonly source: MediaSource;
  /** What was stored of an earlier analysis, if it is there. */
  readonly storedIndex: () => Promise<MediaIndexMemory | undefined>;
  readonly terms: JobTerms;
  readonly watch: JobWatch;
}

export interface MediaTaskWork extends MediaIndexWork {
  readonly task: MediaTask;
  readonly memory: MediaMemory;
}

export type MadeOfMedia = Exclude<MediaResult, { readonly kind: "needs" }>;

/** What one job may hold of its source in memory. */
const MOST_SOURCE_BYTES = 256 * 1024 ** 2;
const AUDIO_PIECE_BYTES = 4 * 1024 ** 2;
/** A task knows what it needs when it has seen the index, and may then need more by what it has read. */
const MOST_ROUNDS = 8;

/** What tasks need to know of a media file; undefined: it is none. Throws LackingBytes as `makeOfMedia` does. */
export const indexOfMedia = async (work: MediaIndexWork): Promise<MediaIndexMemory | undefined> => {
  const { indexes, format, source, storedIndex } = work;
  return await indexes.of(source.identity, async () => {
    const stored = await storedIndex();
    return stored ?? (format === "mp3" ? await indexAudio(source) : await indexFilm(work));
  });
};

/**
 * One task on a media file: `use` gets what is made of it, whose memory is given to other jobs as soon as it is done.
 * Throws LackingBytes where the source is not complete enough.
 */
export const makeOfMedia = async <Used>(
  work: MediaTaskWork,
  use: (made: MadeOfMedia) => Promise<Used>,
): Promise<Used> => {
  const index = await indexOfMedia(work);
  if (index === undefined) return await use({ kind: "unreadable", detail: "no media file" });
  let needed: NeededBytes = { ranges: [] };
  for (let round = 0; round < MOST_ROUNDS; round++) {
    await expectAll(work.source, needed.ranges);
    const loan = new MediaLoan(work.memory);
    const outcome = await runOnce(work, index, needed, loan);
    try {
      if (outcome.kind !== "needs") return await use(outcome);
      needed = outcome;
    } finally {
      loan.giveBack();
    }
  }
  throw new EdgeError("TRANSFORM_FAILED", { detail: "a media task that never has all it needs" });
};

const runOnce = async (
  { pool, format, task, source, terms, watch }: MediaTaskWork,
  index: MediaIndexMemory,
  needed: NeededBytes,
  loan: MediaLoan,
): Promise<MediaResult> => {
  const load = async () =>
    ({ kind: "media", work: { kind: "task", index, format, task }, ...(await loan.load(source, needed)) }) as const;
  let hasStarted = false;
  const onStart = (): void => {
    hasStarted = true;
    watch.onStart?.();
  };
  try {
    const outcome = await pool.runMedia(terms, load, { ...watch, onStart });
    if (outcome.kind === "indexed") throw new EdgeError("INTERNAL", { detail: "an index instead of a result" });
    return outcome;
  } catch (cause) {
    if (hasStarted) loan.abandon();
    loan.giveBack();
    throw cause;
  }
};

const expectAll = async (source: MediaSource, ranges: readonly SourceRange[]): Promise<void> => {
  let bytes = 0;
  for (const { start, end } of ranges) bytes += end - start;
  if (bytes > MOST_SOURCE_BYTES) throw new EdgeError("TRANSFORM_FAILED", { detail: `${bytes} bytes at once` });
  await source.expect(ranges);
};

const readAll = async (source: MediaSource, ranges: readonly SourceRange[]) => {
  const pieces: { readonly start: number; readonly bytes: Uint8Array<ArrayBuffer> }[] = [];
  for (const range of ranges) pieces.push({ start: range.start, bytes: await source.read(range) });
  return pieces;
};

/** Other jobs may wait for the same index: it is made to its end, whoever has asked for it first. */
const indexFilm = async ({ pool, source, terms, watch }: MediaIndexWork): Promise<MediaIndexMemory | undefined> => {
  const layout = await locate(source);
  if (layout === undefined) return undefined;
  await expectAll(source, layout.ranges);
  const { signal: _, ...lastingWatch } = watch;
  const outcome = await pool.runMedia(
    terms,
    async () => ({ kind: "media", work: { kind: "index", layout }, pieces: await readAll(source, layout.ranges) }),
    lastingWatch,
  );
  return outcome.kind === "indexed" ? outcome.memory : undefined;
};

const locate = async (source: MediaSource): Promise<MovieLayout | undefined> => {
  const steps = locateMovie(source.sizeBytes);
  for (let step = steps.next(); ; ) {
    if (step.done === true) return step.value;
    await source.expect([step.value], step.value.ahead);
    step = steps.next(await source.read(step.value));
  }
};

/** Frame headers stand all over the file: it is looked through once, here, since that is no more than a look at each. */
const indexAudio = async (source: MediaSource): Promise<MediaIndexMemory | undefined> => {
  const { sizeBytes } = source;
  await source.expect([{ start: 0, end: sizeBytes }]);
  const indexer = new AudioIndexer(sizeBytes);
  for (let start = 0; start < sizeBytes; start += AUDIO_PIECE_BYTES) {
    indexer.push(start, await source.read({ start, end: Math.min(sizeBytes, start + AUDIO_PIECE_BYTES) }));
  }
  const outcome = indexer.finish();
  return outcome.kind === "indexed" ? outcome.memory : undefined;
};
