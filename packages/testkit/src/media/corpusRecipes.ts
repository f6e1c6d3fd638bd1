/** How a file of the corpus comes about. Paths of other files are put in place of `{name}`. */
export type CorpusRecipe =
  | { readonly kind: "encode"; readonly args: readonly string[] }
  /** The first part of another file, in thousandths. */
  | { readonly kind: "truncate"; readonly of: string; readonly keepPerMille: number }
  /** Its media data behind a hole of that many bytes, in one `mdat` with a 64-bit size, and 64-bit chunk offsets. */
  | { readonly kind: "sparse"; readonly of: string; readonly holeBytes: number }
  /** AAC-LC announced as the core of HE-AAC, as no encoder of Debian makes that. */
  | { readonly kind: "announceSbr"; readonly of: string };

interface Picture {
  readonly seconds: number;
  readonly rate?: string;
  /** Further options of `libx264`. */
  readonly x264?: string;
  readonly more?: readonly string[];
}

interface Sound {
  readonly seconds: number;
  readonly rateHz?: number;
  readonly more?: readonly string[];
}

const picture = ({ seconds, rate = "10" }: Pick<Picture, "seconds" | "rate">): string[] => [
  "-f",
  "lavfi",
  "-i",
  `testsrc2=size=160x120:rate=${rate}:duration=${seconds}`,
];

const sound = ({ seconds, rateHz = 44_100 }: Pick<Sound, "seconds" | "rateHz">): string[] => [
  "-f",
  "lavfi",
  "-i",
  `sine=frequency=440:beep_factor=4:sample_rate=${rateHz}:duration=${seconds}`,
];

const DETERMINISTIC = ["-threads", "1", "-flags", "+bitexact", "-fflags", "+bitexact"];
const AAC = ["-c:a", "aac", "-b:a", "48k", "-ac", "2"];

const h264 = ({ x264 = "", more = [] }: Pick<Picture, "x264" | "more">): string[] => [
  "-c:v",
  "libx264",
  "-preset",
  "ultrafast",
  "-pix_fmt",
  "yuv420p",
  ...(x264 === "" ? [] : ["-x264-params", x264]),
  ...more,
];

/** H.264 and AAC of the same length. */
const film = (options: Picture & { readonly sound?: Omit<Sound, "seconds"> }): CorpusRecipe => ({
  kind: "encode",
  args: [
    ...picture(options),
    ...sound({ seconds: options.seconds, ...options.sound }),
    ...h264(options),
    ...AAC,
    ...(options.sound?.more ?? []),
    ...DETERMINISTIC,
  ],
});

const remux = (of: string, args: readonly string[]): CorpusRecipe => ({
  kind: "encode",
  args: ["-i", `{${of}}`, "-map", "0", "-c", "copy", ...DETERMINISTIC, ...args],
});

const song = (seconds: number, args: readonly string[], rateHz = 44_100): CorpusRecipe => ({
  kind: "encode",
  args: [...sound({ seconds, rateHz }), "-c:a", "libmp3lame", ...DETERMINISTIC, ...args],
});

const EVERY_3_SECONDS = "keyint=30:min-keyint=30:scenecut=0";
const BFRAMES = "bframes=3:b-adapt=0:b-pyramid=normal:keyint=20:min-keyint=20:scenecut=0:ref=3";
const CUES =
  "data:text/plain;base64,MQowMDowMDowMSwwMDAgLS0+IDAwOjAwOjAyLDUwMApIZWxsbyA8Yj50aGVyZTwvYj4KCjIKMDA6MDA6MDQsMDAwIC0tPiAwMDowMDowNiwwMDAKVHdvCmxpbmVzICYgbW9yZQo=";

/** Constant bit rate by filler: large files of small pictures, which encode quickly. */
const filled = (rate: string): string[] => [
  "-b:v",
  rate,
  "-minrate",
  rate,
  "-maxrate",
  rate,
  "-bufsize",
  rate,
  "-nal-hrd",
  "cbr",
];

/**
 * What sources look like, by file name; small pictures at 10 a second, so that all but the large ones have a few MB
 * together. `bitexact` and one thread make them equal wherever the same ffmpeg makes them.
 */
export const CORPUS = {
  /** The acceptance example of spec 18: 65 s, key frames every 3 s. */
  "keyframes.mp4": film({ seconds: 65, x264: EVERY_3_SECONDS }),
  "baseline.mp4": film({ seconds: 8, x264: "keyint=20:scenecut=0", more: ["-profile:v", "baseline"] }),
  "main.mp4": film({ seconds: 12, x264: BFRAMES, more: ["-profile:v", "main"] }),
  "high.mp4": film({ seconds: 12, x264: `${BFRAMES}:8x8dct=1:cabac=1`, more: ["-profile:v", "high"] }),
  "openGop.mp4": film({ seconds: 12, x264: `${BFRAMES}:open-gop=1` }),
  "irregular.mp4": film({
    seconds: 30,
    x264: "keyint=999:scenecut=0:bframes=2:b-adapt=0",
    more: ["-force_key_frames", "0,1.3,4.1,9,12,12.4,20"],
  }),
  "variable.mp4": film({
    seconds: 12,
    x264: BFRAMES,
    more: ["-vf", "select='not(eq(mod(n,7),3))',setpts='PTS+0.02*mod(N,3)/TB'", "-fps_mode", "vfr"],
  }),
  "film24.mp4": film({ seconds: 12, rate: "24000/1001", x264: BFRAMES, sound: { rateHz: 48_000 } }),
  "timescale.mp4": film({
    seconds: 12,
    rate: "30000/1001",
    x264: BFRAMES,
    more: ["-video_track_timescale", "11988", "-movie_timescale", "601"],
  }),
  "rotated.mp4": remux("main.mp4", ["-metadata:s:v:0", "rotate=90"]),
  "front.mp4": remux("main.mp4", ["-movflags", "+faststart"]),
  "delayed.mp4": {
    kind: "encode",
    args: [
      ...picture({ seconds: 12 }),
      "-itsoffset",
      "0.7",
      ...sound({ seconds: 11 }),
      ...h264({ x264: BFRAMES }),
      ...AAC,
      ...DETERMINISTIC,
    ],
  },
  "noEdits.mp4": remux("main.mp4", ["-use_editlist", "0"]),
  "negativeOffsets.mp4": remux("main.mp4", ["-movflags", "+negative_cts_offsets"]),
  "mono.mp4": film({ seconds: 8, x264: BFRAMES, sound: { rateHz: 22_050, more: ["-ac", "1"] } }),
  "surround.mp4": film({ seconds: 8, x264: BFRAMES, sound: { rateHz: 48_000, more: ["-ac", "6", "-b:a", "160k"] } }),
  "highRate.mp4": film({ seconds: 8, x264: BFRAMES, sound: { rateHz: 96_000 } }),
  "lowRate.mp4": film({ seconds: 8, x264: BFRAMES, sound: { rateHz: 22_050 } }),
  "sbr.mp4": { kind: "announceSbr", of: "lowRate.mp4" },
  "pictures.mp4": { kind: "encode", args: [...picture({ seconds: 12 }), ...h264({ x264: BFRAMES }), ...DETERMINISTIC] },
  "sound.m4a": { kind: "encode", args: [...sound({ seconds: 30 }), ...AAC, ...DETERMINISTIC] },
  "soundFront.m4a": remux("sound.m4a", ["-movflags", "+faststart"]),
  "fragments.mp4": remux("main.mp4", ["-movflags", "+frag_keyframe+empty_moov+default_base_moof"]),
  "fragmentsSidx.mp4": remux("main.mp4", ["-movflags", "+frag_keyframe+empty_moov+default_base_moof+global_sidx"]),
  "fragmentsBase.mp4": remux("main.mp4", ["-movflags", "+frag_keyframe", "-frag_duration", "1500000"]),
  "tracks.mp4": {
    kind: "encode",
    args: [
      ...picture({ seconds: 12 }),
      ...sound({ seconds: 12 }),
      ...sound({ seconds: 12, rateHz: 48_000 }),
      "-f",
      "srt",
      "-i",
      CUES,
      ...["-map", "0:v", "-map", "1:a", "-map", "2:a", "-map", "3:s"],
      ...h264({ x264: BFRAMES }),
      ...AAC,
      ...["-c:s", "mov_text", "-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=kor"],
      ...["-metadata:s:s:0", "language=eng"],
      ...DETERMINISTIC,
    ],
  },
  "hevc.mp4": {
    kind: "encode",
    args: [
      ...picture({ seconds: 8 }),
      ...sound({ seconds: 8 }),
      ...["-c:v", "libx265", "-preset", "ultrafast", "-tag:v", "hvc1", "-pix_fmt", "yuv420p"],
      ...["-x265-params", "keyint=20:min-keyint=20:scenecut=0:bframes=2:log-level=none:pools=none:frame-threads=1"],
      ...AAC,
      ...DETERMINISTIC,
    ],
  },
  "av1.mp4": {
    kind: "encode",
    args: [
      ...picture({ seconds: 6 }),
      ...sound({ seconds: 6 }),
      ...[
        "-c:v",
        "libaom-av1",
        "-cpu-used",
        "8",
        "-usage",
        "realtime",
        "-g",
        "20",
        "-b:v",
        "80k",
        "-pix_fmt",
        "yuv420p",
      ],
      ...AAC,
      ...DETERMINISTIC,
    ],
  },
  "ac3.mp4": film({ seconds: 8, x264: BFRAMES, sound: { rateHz: 48_000, more: ["-c:a", "ac3", "-b:a", "96k"] } }),
  "eac3.mp4": film({ seconds: 8, x264: BFRAMES, sound: { rateHz: 48_000, more: ["-c:a", "eac3", "-b:a", "96k"] } }),
  "mp3.mp4": film({ seconds: 8, x264: BFRAMES, sound: { more: ["-c:a", "libmp3lame", "-b:a", "64k"] } }),
  "constant.mp3": song(30, ["-b:a", "64k"]),
  "variable.mp3": song(30, ["-q:a", "6"]),
  "mono.mp3": song(20, ["-ac", "1", "-b:a", "32k"], 22_050),
  "plain.mp3": song(20, ["-b:a", "64k", "-write_xing", "0", "-id3v2_version", "0"], 48_000),
  "tagged.mp3": {
    kind: "encode",
    args: [
      ...sound({ seconds: 20 }),
      ...["-f", "lavfi", "-i", "testsrc2=size=160x120:rate=1:duration=1"],
      ...["-map", "0:a", "-map", "1:v", "-c:a", "libmp3lame", "-b:a", "64k", "-c:v", "mjpeg", "-frames:v", "1"],
      ...["-disposition:v", "attached_pic", "-metadata", "title=A song", "-id3v2_version", "3", "-write_id3v1", "1"],
      ...DETERMINISTIC,
    ],
  },
  "truncated.mp4": { kind: "truncate", of: "front.mp4", keepPerMille: 400 },
  "headless.mp4": { kind: "truncate", of: "main.mp4", keepPerMille: 600 },
  "truncated.mp3": { kind: "truncate", of: "variable.mp3", keepPerMille: 555 },
  "sparse.mp4": { kind: "sparse", of: "main.mp4", holeBytes: 4_500_000_000 },
  /** Two hours with about 2 Mbps: about 1.8 GB, for figures. */
  "feature.mp4": {
    kind: "encode",
    args: [
      ...picture({ seconds: 7200 }),
      ...sound({ seconds: 7200 }),
      ...h264({ x264: "keyint=20:min-keyint=20:scenecut=0:bframes=2:b-adapt=0", more: filled("1900k") }),
      ...AAC,
      ...DETERMINISTIC,
    ],
  },
  /** Ten minutes with 5 Mbps at 25 pictures a second: for throughput. */
  "brisk.mp4": {
    kind: "encode",
    args: [
      ...picture({ seconds: 600, rate: "25" }),
      ...sound({ seconds: 600, rateHz: 48_000 }),
      ...h264({ x264: "keyint=50:min-keyint=50:scenecut=0:bframes=2:b-adapt=0", more: filled("5000k") }),
      ...AAC,
      ...["-b:a", "128k", "-movflags", "+faststart"],
      ...DETERMINISTIC,
    ],
  },
  /** Beyond 4 GB, every byte of it media data. */
  "heavy.mp4": {
    kind: "encode",
    args: [
      ...picture({ seconds: 460 }),
      ...sound({ seconds: 460 }),
      ...h264({ x264: "keyint=20:min-keyint=20:scenecut=0:bframes=0", more: filled("80000k") }),
      ...AAC,
      ...DETERMINISTIC,
    ],
  },
} as const satisfies Readonly<Record<string, CorpusRecipe>>;

export type CorpusName = keyof typeof CORPUS;

/** Hundreds of MB each, or more: only for checks and benchmarks. */
export const LARGE_FILES: ReadonlySet<CorpusName> = new Set(["feature.mp4", "brisk.mp4", "heavy.mp4"]);
