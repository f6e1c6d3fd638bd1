import { box, concat, fullBox, i32, u8, u16, u32, u64, zeros } from "./boxBytes.ts";
import { sampleBytes } from "./builtMovie.ts";
import { FILE_TYPE, idOf, movieBox, sizeOf, sum } from "./movieHeader.ts";
import type { BuiltMovie, MoviePlan, SamplePlan, TrackPlan } from "./moviePlan.ts";

export interface FragmentPlan {
  /** Samples of each track in one fragment; 4 unless given. */
  readonly samplesPerFragment?: number;
  /** How a run names its place; `moof` (default-base-is-moof) unless given. */
  readonly base?: "moof" | "absolute" | "implied";
  /** A `sidx` behind the header that names all fragments. */
  readonly hasIndex?: boolean;
  /** An `mfra` at the end. */
  readonly hasRandomAccess?: boolean;
  /** Decode time of the first fragment of each track; 0 unless given. */
  readonly firstTimes?: readonly number[];
  /** Whether fragments say when they begin; true unless given. */
  readonly hasTimes?: boolean;
}

/** The same movie in fragments: the header names no samples. */
export const buildFragmentedMovie = (plan: MoviePlan, fragmentation: FragmentPlan = {}): BuiltMovie => {
  const empty = plan.tracks.map((track): TrackPlan => ({ ...track, samples: [], syncTable: "auto" }));
  const mvex = box(
    "mvex",
    ...plan.tracks.map((track, index) => fullBox("trex", 0, 0, u32(idOf(track, index), 1, 0, 0, 0))),
  );
  const front = concat(
    plan.hasFileType === false ? zeros(0) : FILE_TYPE,
    ...(plan.boxesInFront ?? []),
    movieBox({ ...plan, tracks: empty }, [], 0, [mvex]),
  );
  const indexBytes = fragmentation.hasIndex === true ? segmentIndex(plan, fragmentation, []).length : 0;
  const positions: number[][] = plan.tracks.map(() => []);
  const fragments = fragmentsOf(plan, fragmentation, front.length + indexBytes, positions);
  const index =
    fragmentation.hasIndex === true
      ? segmentIndex(
          plan,
          fragmentation,
          fragments.map((fragment) => fragment.length),
        )
      : zeros(0);
  let position = front.length + index.length;
  const starts = fragments.map((fragment) => {
    position += fragment.length;
    return position - fragment.length;
  });
  const randomAccess = fragmentation.hasRandomAccess === true ? randomAccessBox(plan, starts) : zeros(0);
  const file = concat(front, index, ...fragments, ...(plan.boxesBehind ?? []), randomAccess);
  return { file, positions };
};

const fragmentCount = (plan: MoviePlan, perFragment: number): number =>
  Math.max(...plan.tracks.map((track) => Math.ceil(track.samples.length / perFragment)));

const segmentIndex = (plan: MoviePlan, fragmentation: FragmentPlan, sizes: readonly number[]): Uint8Array => {
  const count = fragmentCount(plan, fragmentation.samplesPerFragment ?? 4);
  const first = plan.tracks[0];
  const rows = Array.from({ length: count }, (_, index) => u32(sizes[index] ?? 0, 1, 0x90000000));
  return fullBox(
    "sidx",
    0,
    0,
    u32(first === undefined ? 1 : idOf(first, 0), first?.timescale ?? 1, 0, 0),
    u16(0),
    u16(count),
    ...rows,
  );
};

const randomAccessBox = (plan: MoviePlan, starts: readonly number[]): Uint8Array => {
  const first = plan.tracks[0];
  const tfra = fullBox(
    "tfra",
    0,
    0,
    u32(first === undefined ? 1 : idOf(first, 0), 0, starts.length),
    ...starts.map((start, index) => concat(u32(index, start), u8(1, 1, 1))),
  );
  const mfraBytes = 8 + tfra.length + 16;
  return box("mfra", tfra, fullBox("mfro", 0, 0, u32(mfraBytes)));
};

const fragmentsOf = (
  plan: MoviePlan,
  fragmentation: FragmentPlan,
  firstPosition: number,
  positions: readonly number[][],
): readonly Uint8Array[] => {
  const perFragment = fragmentation.samplesPerFragment ?? 4;
  const fragments: Uint8Array[] = [];
  let position = firstPosition;
  for (let number = 0; number < fragmentCount(plan, perFragment); number++) {
    const build = (dataStart: number): Uint8Array =>
      movieFragment(plan, fragmentation, number, perFragment, position, dataStart);
    const moofBytes = build(0).length;
    const dataStart = position + moofBytes + 8;
    const data = plan.tracks.flatMap((track, index) =>
      track.samples
        .slice(number * perFragment, (number + 1) * perFragment)
        .map((sample, at) => sampleBytes(sample, index, number * perFragment + at)),
    );
    let at = dataStart;
    plan.tracks.forEach((track, index) => {
      for (const sample of track.samples.slice(number * perFragment, (number + 1) * perFragment)) {
        positions[index]?.push(at);
        at += sizeOf(sample);
      }
    });
    const fragment = concat(build(dataStart), box("mdat", ...data));
    fragments.push(fragment);
    position += fragment.length;
  }
  return fragments;
};

const movieFragment = (
  plan: MoviePlan,
  fragmentation: FragmentPlan,
  number: number,
  perFragment: number,
  moofStart: number,
  dataStart: number,
): Uint8Array => {
  let start = dataStart;
  const base = fragmentation.base ?? "moof";
  const trafs = plan.tracks.flatMap((track, index) => {
    const first = number * perFragment;
    const samples = track.samples.slice(first, first + perFragment);
    if (samples.length === 0) return [];
    const at = start;
    start += sum(samples.map(sizeOf));
    const time =
      (fragmentation.firstTimes?.[index] ?? 0) + sum(track.samples.slice(0, first).map((sample) => sample.duration));
    const isFirst = at === dataStart;
    const flags = base === "absolute" ? 0x1 : base === "moof" ? 0x20000 : 0;
    const tfhd = fullBox("tfhd", 0, flags, u32(idOf(track, index)), base === "absolute" ? u64(at) : zeros(0));
    const tfdt = fragmentation.hasTimes === false ? [] : [fullBox("tfdt", 1, 0, u64(time))];
    // Where the base is implied, that of a later track is the end of the data in front of it.
    const offset = base === "absolute" ? 0 : base === "implied" && !isFirst ? 0 : at - moofStart;
    return [box("traf", tfhd, ...tfdt, runBox(samples, offset))];
  });
  return box("moof", fullBox("mfhd", 0, 0, u32(number + 1)), ...trafs);
};

const runBox = (samples: readonly SamplePlan[], dataOffset: number): Uint8Array =>
  fullBox(
    "trun",
    1,
    0xf01,
    u32(samples.length),
    i32(dataOffset),
    ...samples.flatMap((sample) => [
      u32(sample.duration, sizeOf(sample), sample.isSync === false ? 0x1010000 : 0x2000000),
      i32(sample.offset ?? 0),
    ]),
  );
