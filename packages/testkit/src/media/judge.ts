import { codedFrames, decodeComplaints, type Frame, probeFile, shownPictures } from "./ffmpeg.ts";

/** What of the source a result should hold; all of it when nothing is said. */
export interface Expected {
  /** Sections of the source as they were asked for, seconds; of one alone the pictures are compared one by one. */
  readonly sections?: readonly { readonly startSeconds: number; readonly endSeconds: number }[];
  /** Largest distance of two key frames: how far a cut may be from where it was asked for. */
  readonly keyFrameSeconds?: number;
}

export interface Judgement {
  /** What is wrong; empty when all is well. */
  readonly complaints: readonly string[];
  readonly durationSeconds: number;
  readonly pictures: number;
  readonly soundFrames: number;
  /** Largest change of the distance between sound and picture against the source. */
  readonly offsetSeconds: number;
}

/** One coded AAC or MP3 frame at 22,050 Hz, and the grain of 90 kHz clocks. */
export const OFFSET_TOLERANCE_SECONDS = 0.05;

/** Of the picture in a song's tag. */
const COVER = "mjpeg";

/** Frames at the beginning of a section of an MP3 that refer to bytes in front of it are replaced by silence. */
const MOST_SILENT_FRAMES = 3;

/** Where `part` lies in `whole` without a gap; -1 when it does not. */
const findRun = (whole: readonly Frame[], part: readonly Frame[]): number => {
  for (let at = 0; at + part.length <= whole.length; at++) {
    if (part.every(({ digest }, index) => digest === whole[at + index]?.digest)) return at;
  }
  return -1;
};

interface Alignment {
  readonly complaint: string | undefined;
  /** Position in the source of the result's first frame. */
  readonly at: number;
  readonly source: readonly Frame[];
  readonly result: readonly Frame[];
}

const align = async (
  what: string,
  ofSource: Promise<readonly Frame[]>,
  ofResult: Promise<readonly Frame[]>,
  mostSkipped = 0,
): Promise<Alignment> => {
  const [source, all] = await Promise.all([ofSource, ofResult]);
  let [result, at] = [all, findRun(source, all)];
  for (let skipped = 1; at < 0 && skipped <= mostSkipped; skipped++) {
    result = all.slice(skipped);
    at = findRun(source, result);
  }
  const complaint = at < 0 ? `${what}: ${result.length} frames are no run of the source's ${source.length}` : undefined;
  return { complaint, at, source, result };
};

/** Time of each frame in the result less its time in the source: the least and the largest. */
const shiftsOf = ({ at, source, result }: Alignment): readonly number[] =>
  result.map(({ ptsSeconds }, index) => ptsSeconds - (source[at + index]?.ptsSeconds ?? Number.NaN));

const worstOffset = (pictures: Alignment, sound: Alignment): number => {
  const [first, second] = [shiftsOf(pictures), shiftsOf(sound)];
  if (first.length === 0 || second.length === 0) return 0;
  const least = (numbers: readonly number[]): number => numbers.reduce((low, each) => Math.min(low, each));
  const most = (numbers: readonly number[]): number => numbers.reduce((high, each) => Math.max(high, each));
  return Math.max(most(first) - least(second), most(second) - least(first));
};

const framesOf = (path: string, codec: string): Promise<readonly Frame[]> =>
  codedFrames(path, "a:0", codec === "aac" && path.endsWith(".ts"));

/** Many results are compared with one source, which is read once. */
const remembered = <Value>(read: (path: string, codec: string) => Promise<Value>) => {
  const known = new Map<string, Promise<Value>>();
  return (path: string, codec = ""): Promise<Value> => {
    const value = known.get(path) ?? read(path, codec);
    known.set(path, value);
    return value;
  };
};

const probeSource = remembered(probeFile);
const picturesOf = remembered(shownPictures);
const soundOf = remembered(framesOf);

/** A song without a header of its own has no duration that ffprobe knew: its frames do. */
const durationOf = (path: string, probedSeconds: number, frames: readonly Frame[]): number => {
  const [first, last] = [frames[0], frames.at(-1)];
  return path.endsWith(".mp3") && first !== undefined && last !== undefined
    ? last.ptsSeconds - first.ptsSeconds
    : probedSeconds;
};

/**
 * Compares what was made of a media file with the file: it decodes without complaint, shows the source's pictures in
 * their order, has the source's frames of sound, and both are as far from each other as they were.
 */
export const judgeResult = async (source: string, result: string, expected: Expected = {}): Promise<Judgement> => {
  const complaints: string[] = [];
  const [decoding, from, to] = await Promise.all([decodeComplaints(result), probeSource(source), probeFile(result)]);
  if (decoding !== "") complaints.push(`decoding: ${decoding.slice(0, 400)}`);
  const codecOf = (file: typeof from, type: string): string | undefined =>
    file.streams.find((stream) => stream.type === type && stream.codec !== COVER)?.codec;
  const none: Alignment = { complaint: undefined, at: 0, source: [], result: [] };
  const [pictureCodec, soundCodec] = [codecOf(from, "video"), codecOf(from, "audio")];
  for (const type of ["video", "audio"]) {
    if (codecOf(from, type) !== codecOf(to, type)) {
      complaints.push(`${type}: ${codecOf(to, type) ?? "none"} of ${codecOf(from, type) ?? "none"}`);
    }
  }
  const isPieced = (expected.sections?.length ?? 1) > 1;
  const hasPictures = pictureCodec !== undefined && complaints.length === 0;
  const hasSound = soundCodec !== undefined && codecOf(to, "audio") === soundCodec;
  const [pictures, sound] = await Promise.all([
    hasPictures ? align("pictures", picturesOf(source), shownPictures(result)) : none,
    hasSound
      ? align(
          "sound",
          soundOf(source, soundCodec),
          framesOf(result, soundCodec),
          soundCodec === "mp3" ? MOST_SILENT_FRAMES : 0,
        )
      : none,
  ]);
  if (!isPieced) {
    for (const { complaint } of [pictures, sound]) if (complaint !== undefined) complaints.push(complaint);
  }
  const offsetSeconds = isPieced || complaints.length > 0 ? 0 : worstOffset(pictures, sound);
  if (offsetSeconds > OFFSET_TOLERANCE_SECONDS) complaints.push(`sound is off by ${offsetSeconds.toFixed(3)} s`);
  const sourceSeconds = durationOf(source, from.durationSeconds, sound.source);
  const resultSeconds = durationOf(result, to.durationSeconds, sound.result);
  complaints.push(...judgeExtent(sourceSeconds, resultSeconds, pictures, sound, expected));
  return {
    complaints,
    durationSeconds: resultSeconds,
    pictures: pictures.result.length,
    soundFrames: sound.result.length,
    offsetSeconds,
  };
};

/** The frames that prime an encoder are not shown, and may be missing. */
const MOST_PRIMING_FRAMES = 4;

/** How far the end of the shorter track may be from that of the longer, and one frame on either side. */
const END_TOLERANCE_SECONDS = 0.25;

const judgeExtent = (
  sourceSeconds: number,
  resultSeconds: number,
  pictures: Alignment,
  sound: Alignment,
  { sections, keyFrameSeconds = 0 }: Expected,
): string[] => {
  const complaints: string[] = [];
  if (sections === undefined) {
    if (Math.abs(resultSeconds - sourceSeconds) > END_TOLERANCE_SECONDS) {
      complaints.push(`${resultSeconds} s of ${sourceSeconds} s`);
    }
    if (pictures.result.length !== pictures.source.length) {
      complaints.push(`${pictures.result.length} pictures of ${pictures.source.length}`);
    }
    if (sound.source.length - sound.result.length > MOST_PRIMING_FRAMES) {
      complaints.push(`${sound.result.length} frames of sound of ${sound.source.length}`);
    }
    return complaints;
  }
  const wanted = sections.reduce(
    (sum, { startSeconds, endSeconds }) => sum + Math.min(endSeconds, sourceSeconds) - Math.max(0, startSeconds),
    0,
  );
  const slack = sections.length * (keyFrameSeconds + END_TOLERANCE_SECONDS);
  if (Math.abs(resultSeconds - wanted) > slack) complaints.push(`${resultSeconds} s where ${wanted} s were asked for`);
  const [section] = sections;
  if (sections.length === 1 && section !== undefined) {
    const first = pictures.source[pictures.at]?.ptsSeconds;
    const last = pictures.source[pictures.at + pictures.result.length - 1]?.ptsSeconds;
    if (first !== undefined && Math.abs(first - section.startSeconds) > keyFrameSeconds + END_TOLERANCE_SECONDS) {
      complaints.push(`begins with the picture of ${first} s`);
    }
    if (last !== undefined && last > section.endSeconds + END_TOLERANCE_SECONDS) {
      complaints.push(`ends with the picture of ${last} s`);
    }
  }
  return complaints;
};
