import { ascii, concat, u32, u64, zeros } from "./boxBytes.ts";
import { type Chunk, FILE_TYPE, movieBox, sizeOf } from "./movieHeader.ts";
import type { BuiltMovie, MoviePlan, SamplePlan } from "./moviePlan.ts";

/** Content of a sample: different from sample to sample, and never the start of a box. */
export const sampleBytes = (plan: SamplePlan, track: number, index: number): Uint8Array => {
  if (typeof plan.data !== "number") return plan.data;
  const bytes = new Uint8Array(plan.data);
  for (let at = 0; at < bytes.length; at++) bytes[at] = 0x80 | ((track * 31 + index * 7 + at) & 0x7f);
  return bytes;
};

const planChunks = (plan: MoviePlan): { chunks: readonly Chunk[]; data: Uint8Array } => {
  const perChunk = plan.samplesPerChunk ?? 4;
  const chunks: Chunk[] = [];
  const parts: Uint8Array[] = [];
  let position = 0;
  for (let round = 0; plan.tracks.some((track) => round * perChunk < track.samples.length); round++) {
    plan.tracks.forEach((track, index) => {
      // One chunk holds samples of one entry only.
      let first = round * perChunk;
      const stop = Math.min(track.samples.length, first + perChunk);
      while (first < stop) {
        let end = first;
        const start = position;
        while (end < stop && (track.samples[end]?.entry ?? 0) === (track.samples[first]?.entry ?? 0)) {
          const sample = track.samples[end];
          const bytes = sample === undefined ? zeros(0) : sampleBytes(sample, index, end);
          parts.push(bytes);
          position += bytes.length;
          end++;
        }
        chunks.push({ track: index, first, end, start });
        first = end;
      }
    });
  }
  return { chunks, data: concat(...parts) };
};

export const buildMovie = (plan: MoviePlan): BuiltMovie => {
  const { chunks, data } = planChunks(plan);
  const front = concat(plan.hasFileType === false ? zeros(0) : FILE_TYPE, ...(plan.boxesInFront ?? []));
  const before = concat(...(plan.boxesBeforeMedia ?? []));
  const behind = concat(...(plan.boxesBehind ?? []));
  const headerAt = (mediaStart: number): Uint8Array => movieBox(plan, chunks, mediaStart, []);
  const mediaHeader = mediaHeaderOf(plan.media ?? "short", data.length);
  const headerBytes = plan.header === "last" ? 0 : headerAt(0).length;
  const mediaStart = front.length + headerBytes + before.length + mediaHeader.length;
  const header = headerAt(mediaStart);
  const file =
    plan.header === "last"
      ? concat(front, before, mediaHeader, data, header, behind)
      : concat(front, header, before, mediaHeader, data, behind);
  return { file, positions: positionsOf(plan, chunks, mediaStart) };
};

const positionsOf = (plan: MoviePlan, chunks: readonly Chunk[], mediaStart: number): readonly (readonly number[])[] =>
  plan.tracks.map((track, index) =>
    chunks
      .filter((chunk) => chunk.track === index)
      .flatMap((chunk) => {
        let position = mediaStart + chunk.start;
        return track.samples.slice(chunk.first, chunk.end).map((sample) => {
          const at = position;
          position += sizeOf(sample);
          return at;
        });
      }),
  );

const mediaHeaderOf = (form: "short" | "long" | "toTheEnd", byteCount: number): Uint8Array => {
  if (form === "long") return concat(u32(1), ascii("mdat"), u64(16 + byteCount));
  return concat(u32(form === "short" ? 8 + byteCount : 0), ascii("mdat"));
};
