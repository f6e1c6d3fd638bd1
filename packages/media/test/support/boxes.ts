/** Builds boxes and small movies for tests, byte by byte, so that none needs ffmpeg. */
export { ascii, box, concat, fullBox, i32, i64, longBox, u8, u16, u32, u64, zeros } from "./boxBytes.ts";
export { buildMovie, sampleBytes } from "./builtMovie.ts";
export { buildFragmentedMovie, type FragmentPlan } from "./fragmentedMovie.ts";
export { FILE_TYPE } from "./movieHeader.ts";
export type { BuiltMovie, EditPlan, MoviePlan, SamplePlan, TrackPlan } from "./moviePlan.ts";
