import { readFileSync } from "node:fs";
import { type MediaFacts, scanMedia } from "../src/index.ts";

/** Files made by ffmpeg: four seconds of a test picture and a tone. */
export const corpusFile = (name: string): Buffer => readFileSync(new URL(`corpus/${name}`, import.meta.url));

export const box = (type: string, ...parts: readonly Uint8Array[]): Buffer => {
  const content = Buffer.concat(parts);
  const head = Buffer.alloc(8);
  head.writeUInt32BE(8 + content.length, 0);
  head.write(type, 4, "latin1");
  return Buffer.concat([head, content]);
};

export const FTYP = box("ftyp", Buffer.from("isom\0\0\0\0isommp41", "latin1"));

export const movieHeader = (timescale: number, duration: number): Buffer => {
  const content = Buffer.alloc(100);
  content.writeUInt32BE(timescale, 12);
  content.writeUInt32BE(duration, 16);
  return box("mvhd", content);
};

/** With 64-bit fields. */
export const longMovieHeader = (timescale: number, duration: bigint): Buffer => {
  const content = Buffer.alloc(112);
  content[0] = 1;
  content.writeUInt32BE(timescale, 20);
  content.writeBigUInt64BE(duration, 24);
  return box("mvhd", content);
};

/** A frame of 128 kbit/s at 44100 Hz: 417 bytes, or 418 with padding. */
export const frame = (bits = 0xfffb9000): Buffer => {
  const data = Buffer.alloc((bits & 0x200) === 0 ? 417 : 418);
  data.writeUInt32BE(bits, 0);
  return data;
};

export const id3 = (contentBytes: number): Buffer => {
  const tag = Buffer.alloc(10 + contentBytes);
  tag.write("ID3\u0004", 0, "latin1");
  for (let index = 0; index < 4; index++) tag[9 - index] = (contentBytes >>> (7 * index)) & 0x7f;
  return tag;
};

/** What is learnt of a file that is shown from its beginning, in pieces of these lengths, over and over. */
export const factsOf = (
  file: Uint8Array,
  pieceBytes: readonly number[] = [file.length],
  totalBytes = file.length,
): MediaFacts => {
  const scanner = scanMedia(totalBytes);
  let position = 0;
  for (let index = 0; position < file.length; index++) {
    const length = Math.max(1, pieceBytes[index % pieceBytes.length] ?? 1);
    scanner.push(position, file.subarray(position, position + length));
    position += length;
  }
  return scanner.facts;
};
