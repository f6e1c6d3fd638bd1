import { indexMovie, locateMovie } from "@basalt/media";

const FRAMES_PER_SECOND = 25;
const TIMESCALE = 12_800;
const FRAME_BYTES = 40;

const u32 = (...numbers: number[]): Buffer => {
  const bytes = Buffer.alloc(4 * numbers.length);
  for (const [index, number] of numbers.entries()) bytes.writeUInt32BE(number, 4 * index);
  return bytes;
};

const box = (type: string, ...parts: Uint8Array[]): Buffer => {
  const content = Buffer.concat(parts);
  return Buffer.concat([u32(8 + content.length), Buffer.from(type), content]);
};

/** The header of a film of one track, with all its frames in one chunk at that position. */
const headerOf = (frames: number, keyEvery: number, mediaStart: number): Buffer => {
  const duration = (frames * TIMESCALE) / FRAMES_PER_SECOND;
  const keys = Array.from({ length: Math.ceil(frames / keyEvery) }, (_, index) => 1 + index * keyEvery);
  const tables = box(
    "stbl",
    box("stsd", u32(0, 1), box("test", Buffer.from([0, 0, 0, 0, 0, 0, 0, 1]), Buffer.alloc(70))),
    box("stts", u32(0, 1, frames, TIMESCALE / FRAMES_PER_SECOND)),
    box("stss", u32(0, keys.length, ...keys)),
    box("stsz", u32(0, FRAME_BYTES, frames)),
    box("stsc", u32(0, 1, 1, frames, 1)),
    box("stco", u32(0, 1, mediaStart)),
  );
  const handler = box("hdlr", u32(0, 0), Buffer.from("vide"), Buffer.alloc(13));
  const media = box(
    "mdia",
    box("mdhd", u32(0, 0, 0, TIMESCALE, duration, 0)),
    handler,
    box("minf", box("vmhd", u32(1, 0, 0)), tables),
  );
  const track = box("trak", box("tkhd", u32(7, 0, 0, 1, 0, duration), Buffer.alloc(60)), media);
  return box("moov", box("mvhd", u32(0, 0, 0, TIMESCALE, duration), Buffer.alloc(80)), track);
};

/** A film whose every frame begins with its number, in a file of at least so many bytes. */
export const makeFilm = (seconds: number, keyEverySeconds: number, fileBytes: number): Buffer => {
  const frames = seconds * FRAMES_PER_SECOND;
  const media = Buffer.alloc(frames * FRAME_BYTES);
  for (let frame = 0; frame < frames; frame++) media.writeUInt32BE(frame, frame * FRAME_BYTES);
  const type = box("ftyp", Buffer.from("isom"), u32(0), Buffer.from("isom"));
  const keyEvery = keyEverySeconds * FRAMES_PER_SECOND;
  const mediaStart = type.length + headerOf(frames, keyEvery, 0).length + 8;
  const film = Buffer.concat([type, headerOf(frames, keyEvery, mediaStart), box("mdat", media)]);
  return Buffer.concat([film, box("free", Buffer.alloc(Math.max(0, fileBytes - film.length)))]);
};

/** What is learnt of a film that is at hand; undefined for what is none. */
export const indexOfFilm = (film: Buffer): SharedArrayBuffer | undefined => {
  const steps = locateMovie(film.length);
  let step = steps.next();
  while (step.done !== true) step = steps.next(film.subarray(step.value.start, step.value.end));
  if (step.value === undefined) return undefined;
  const pieces = step.value.ranges.map(({ start, end }) => ({ start, bytes: film.subarray(start, end) }));
  const result = indexMovie(step.value, pieces);
  return result.kind === "indexed" ? result.memory : undefined;
};
