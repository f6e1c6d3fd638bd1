import type { MoviePlan, TrackPlan } from "./boxes.ts";
import { aacEntry, avcEntry } from "./entries.ts";

/** 24 pictures a second with two B frames between others, key frames each 12; composition 1024 behind. */
export const PICTURES: TrackPlan = {
  handler: "vide",
  timescale: 12_288,
  widthPixels: 160,
  heightPixels: 120,
  entries: [avcEntry()],
  edits: [{ duration: 2000, mediaTime: 1024 }],
  samples: Array.from({ length: 48 }, (_, index) => ({
    data: index % 12 === 0 ? 900 : 40 + ((index * 37) % 50),
    duration: 512,
    offset: [1024, 2048, 512, 512][index % 4] ?? 0,
    isSync: index % 12 === 0,
  })),
};

export const SOUND: TrackPlan = {
  handler: "soun",
  timescale: 48_000,
  language: "kor",
  entries: [aacEntry()],
  edits: [{ duration: 2000, mediaTime: 1024 }],
  samples: Array.from({ length: 94 }, (_, index) => ({ data: 20 + (index % 13), duration: 1024 })),
};

export const FILM: MoviePlan = { tracks: [PICTURES, SOUND] };
