import { createHash } from "node:crypto";
import { frameBytesOf, mainDataStartOf, mostReachBackOf, sideInfoAt } from "../../src/audio/frameHeader.ts";
import type { MediaOutcome, SourcePiece } from "../../src/contract.ts";
import { type AudioFile, AudioIndexer, decodeRecipe, openAudioFile, type RecipePiece } from "../../src/index.ts";

/** Headers: version, layer, bit rate, sample rate, channels. */
export const HEADERS = {
  /** 417 bytes, 418 with padding. */
  stereo128At44100: 0xfffb9000,
  mono64At44100: 0xfffb50c0,
  stereo32At44100: 0xfffb1000,
  /** MPEG-2: 576 samples. */
  mono32At22050: 0xfff340c0,
  /** MPEG-2.5. */
  mono8At8000: 0xffe318c0,
  layerTwo192At48000: 0xfffda400,
  withChecksum: 0xfffa9000,
} as const;

export const withPadding = (header: number): number => (header | 0x200) >>> 0;

/** 1 to 14. */
export const withBitRate = (header: number, index: number): number => ((header & 0xffff0fff) | (index << 12)) >>> 0;

/** A frame that reaches so far back, filled with bytes that no other `seed` has in that order. */
export const audioFrame = (header: number, seed = 0, reachBack = 0): Buffer => {
  const frame = Buffer.alloc(frameBytesOf(header));
  for (let index = mainDataStartOf(header); index < frame.length; index++)
    frame[index] = (index * 7 + seed * 31) & 0x7f;
  frame.writeUInt32BE(header, 0);
  if (reachBack > 0)
    frame.writeUInt16BE(mostReachBackOf(header) === 511 ? reachBack << 7 : reachBack << 8, sideInfoAt(header));
  return frame;
};

export const audioFrames = (count: number, header: number = HEADERS.stereo128At44100, seed = 0): Buffer =>
  Buffer.concat(Array.from({ length: count }, (_, index) => audioFrame(header, seed + index)));

/** Frames of changing bit rates that use the reservoir as an encoder does: never more than there is. */
export const reservoirFrames = (header: number, bitRates: readonly number[], wish: readonly number[]): Buffer => {
  let there = 0;
  return Buffer.concat(
    bitRates.map((rate, index) => {
      const own = withBitRate(header, rate);
      const reachBack = Math.min(there, wish[index % wish.length] ?? 0, mostReachBackOf(own));
      there += frameBytesOf(own) - mainDataStartOf(own);
      return audioFrame(own, index, reachBack);
    }),
  );
};

export const id3 = (contentBytes: number): Buffer => {
  const tag = Buffer.alloc(10 + contentBytes, "x");
  tag.write("ID3\u0004\0\0", 0, "latin1");
  for (let index = 0; index < 4; index++) tag[9 - index] = (contentBytes >>> (7 * index)) & 0x7f;
  return tag;
};

export const id3v1 = (): Buffer => Buffer.concat([Buffer.from("TAG"), Buffer.alloc(125, " ")]);

/** The index of a file that comes in pieces of these lengths, over and over; undefined: it is unreadable. */
export const indexAudio = (
  file: Uint8Array,
  pieceBytes: readonly number[] = [65_536],
  fileBytes = file.length,
): AudioFile | undefined => {
  const indexer = new AudioIndexer(fileBytes);
  for (let index = 0, at = 0; at < file.length; index++) {
    const length = Math.max(1, pieceBytes[index % pieceBytes.length] ?? 1);
    indexer.push(at, file.subarray(at, at + length));
    at += length;
  }
  const result = indexer.finish();
  return result.kind === "indexed" ? openAudioFile(result.memory) : undefined;
};

export const openedAudio = (file: Uint8Array): AudioFile => {
  const opened = indexAudio(file);
  if (opened === undefined) throw new Error("no MPEG audio");
  return opened;
};

/** Of long bytes, which are slow to compare element by element. */
export const digest = (bytes: Uint8Array): string => createHash("sha1").update(bytes).digest("hex");

export const framesOf = (file: AudioFile): { offset: number; size: number }[] =>
  Array.from({ length: file.frameCount }, (_, frame) => ({ offset: file.offsetOf(frame), size: file.sizeOf(frame) }));

/** Gives what is asked for, and nothing more, until nothing is. */
export const answered = (source: Uint8Array, ask: (pieces: readonly SourcePiece[]) => MediaOutcome): MediaOutcome => {
  let outcome = ask([]);
  for (let turn = 0; outcome.kind === "needs" && turn < 3; turn++) {
    outcome = ask(outcome.ranges.map(({ start, end }) => ({ start, bytes: source.subarray(start, end) })));
  }
  return outcome;
};

export const piecesOf = (outcome: MediaOutcome): RecipePiece[] => {
  const recipe = outcome.kind === "recipe" ? decodeRecipe(outcome.recipe) : undefined;
  if (recipe === undefined) throw new Error(`no recipe: ${JSON.stringify(outcome)}`);
  return Array.from({ length: recipe.pieceCount }, (_, index) => recipe.pieceAt(index));
};

export const assembled = (source: Uint8Array, outcome: MediaOutcome): Buffer =>
  Buffer.concat(
    piecesOf(outcome).map((piece) => (piece.kind === "bytes" ? piece.bytes : source.subarray(piece.start, piece.end))),
  );
