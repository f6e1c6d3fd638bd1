import type { MovieTrack } from "../movie/contract.ts";
import { box, characters, fullBox, unsigned16, unsigned32 } from "./boxes.ts";

const MOVIE_TIMESCALE = 1000;
const UNITY = 0x00010000;
const UNITY_W = 0x40000000;

/** `ftyp` and `moov` that describe the tracks and hold no samples; track identifiers count from 1. */
export function initSection(tracks: readonly MovieTrack[], durationSeconds: number): Uint8Array<ArrayBuffer> {
  const fileType = box("ftyp", characters("iso6"), unsigned32(0), characters("iso6mp41dash"));
  const durationUnits = Math.min(Math.round(durationSeconds * MOVIE_TIMESCALE), 0xffffffff);
  const movie = box(
    "moov",
    fullBox(
      "mvhd",
      0,
      0,
      unsigned32(0, 0, MOVIE_TIMESCALE, 0, UNITY),
      unsigned16(0x0100, 0),
      unsigned32(0, 0),
      matrix(UNITY, 0, 0, UNITY, 0, 0),
      unsigned32(0, 0, 0, 0, 0, 0, tracks.length + 1),
    ),
    ...tracks.map((track, index) => trackBox(track, index + 1)),
    box(
      "mvex",
      fullBox("mehd", 0, 0, unsigned32(durationUnits)),
      ...tracks.map((_, index) => fullBox("trex", 0, 0, unsigned32(index + 1, 1, 0, 0, 0))),
    ),
  );
  const whole = new Uint8Array(fileType.byteLength + movie.byteLength);
  whole.set(fileType);
  whole.set(movie, fileType.byteLength);
  return whole;
}

const matrix = (a: number, b: number, c: number, d: number, x: number, y: number): Uint8Array =>
  unsigned32(a, b, 0, c, d, 0, x, y, UNITY_W);

const NEGATIVE_UNITY = 0xffff0000;

/** Turned pictures are moved back to where their upper left corner is at 0. */
function trackMatrix({ rotationDegrees, widthPixels, heightPixels }: MovieTrack): Uint8Array {
  const [width, height] = [fixed(widthPixels), fixed(heightPixels)];
  switch (rotationDegrees) {
    case 90:
      return matrix(0, UNITY, NEGATIVE_UNITY, 0, height, 0);
    case 180:
      return matrix(NEGATIVE_UNITY, 0, 0, NEGATIVE_UNITY, width, height);
    case 270:
      return matrix(0, NEGATIVE_UNITY, UNITY, 0, 0, width);
    default:
      return matrix(UNITY, 0, 0, UNITY, 0, 0);
  }
}

/** 16.16 */
const fixed = (pixels: number): number => Math.min(Math.round(pixels * UNITY), 0xffffffff);

const TRACK_IS_SHOWN = 3;

function trackBox(track: MovieTrack, id: number): Uint8Array {
  const isPicture = track.kind === "video";
  const [group, volume] = isPicture ? [0, 0] : [1, 0x0100];
  return box(
    "trak",
    fullBox(
      "tkhd",
      0,
      TRACK_IS_SHOWN,
      unsigned32(0, 0, id, 0, 0, 0, 0),
      unsigned16(0, group, volume, 0),
      trackMatrix(track),
      unsigned32(fixed(track.widthPixels), fixed(track.heightPixels)),
    ),
    box(
      "mdia",
      fullBox("mdhd", 0, 0, unsigned32(0, 0, track.timescale, 0), unsigned16(packedLanguage(track.language), 0)),
      fullBox(
        "hdlr",
        0,
        0,
        unsigned32(0),
        characters(isPicture ? "vide" : "soun"),
        unsigned32(0, 0, 0),
        characters("\0"),
      ),
      box(
        "minf",
        isPicture ? fullBox("vmhd", 0, 1, unsigned32(0, 0)) : fullBox("smhd", 0, 0, unsigned32(0)),
        box("dinf", fullBox("dref", 0, 0, unsigned32(1), fullBox("url ", 0, 1))),
        box(
          "stbl",
          fullBox("stsd", 0, 0, unsigned32(track.sampleEntries.length), ...track.sampleEntries.map(sampleEntry)),
          fullBox("stts", 0, 0, unsigned32(0)),
          fullBox("stsc", 0, 0, unsigned32(0)),
          fullBox("stsz", 0, 0, unsigned32(0, 0)),
          fullBox("stco", 0, 0, unsigned32(0)),
        ),
      ),
    ),
  );
}

/** As in the source, but HEVC by the name that all players take: its parameter sets are in the entry anyway. */
function sampleEntry(entry: Uint8Array): Uint8Array {
  if (String.fromCharCode(...entry.subarray(4, 8)) !== "hev1") return entry;
  const renamed = entry.slice();
  renamed.set(characters("hvc1"), 4);
  return renamed;
}

const UNDETERMINED = "und";

/** Three letters of 5 bits. */
function packedLanguage(language: string): number {
  const letters = /^[a-z]{3}$/.test(language) ? language : UNDETERMINED;
  return [...letters].reduce((packed, letter) => packed * 32 + letter.charCodeAt(0) - 0x60, 0);
}
