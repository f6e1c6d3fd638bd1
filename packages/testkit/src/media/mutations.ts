import { seededRandom } from "../random.ts";

/** Boxes that a reader descends into. */
const CONTAINERS = ["moov", "trak", "mdia", "minf", "stbl", "moof", "traf", "edts"];
/** Boxes whose first numbers are counts or sizes of what follows. */
const TABLES = ["stts", "ctts", "stss", "stsc", "stsz", "stco", "co64", "stsd", "elst", "trun", "esds", "avcC", "sidx"];
const ABSURD = [0, 1, 2, 7, 8, 9, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0xffff_fff0, 0x1000_0000, 0x00ff_ffff];

type Pick = (below: number) => number;

const placesOf = (bytes: Buffer, names: readonly string[]): number[] => {
  const places: number[] = [];
  for (const name of names) {
    for (let at = bytes.indexOf(name, 4, "latin1"); at >= 4; at = bytes.indexOf(name, at + 4, "latin1")) {
      places.push(at - 4);
    }
  }
  return places;
};

const flipBits = (bytes: Buffer, pick: Pick): Buffer => {
  const [from, to] = headerOf(bytes);
  for (let flips = 1 + pick(30); flips > 0; flips--) {
    const at = from + pick(Math.max(1, to - from));
    bytes[at] = (bytes[at] ?? 0) ^ (1 << pick(8));
  }
  return bytes;
};

/** Where mistakes hurt most: `moov` where there is one, else the whole file. */
const headerOf = (bytes: Buffer): readonly [number, number] => {
  const at = bytes.indexOf("moov", 0, "latin1");
  if (at < 4) return [0, bytes.length];
  return [at - 4, Math.min(bytes.length, Math.max(at + 4, at - 4 + bytes.readUInt32BE(at - 4)))];
};

const truncate = (bytes: Buffer, pick: Pick): Buffer => bytes.subarray(0, pick(bytes.length));

const absurdSize = (bytes: Buffer, pick: Pick): Buffer => {
  const places = placesOf(bytes, [...CONTAINERS, ...TABLES, "mdat", "ftyp", "mvhd", "tkhd", "mdhd"]);
  const at = places[pick(Math.max(1, places.length))];
  if (at === undefined) return flipBits(bytes, pick);
  bytes.writeUInt32BE(ABSURD[pick(ABSURD.length)] ?? 0, at);
  return bytes;
};

const absurdCount = (bytes: Buffer, pick: Pick): Buffer => {
  const places = placesOf(bytes, TABLES).filter((place) => place + 24 <= bytes.length);
  const at = places[pick(Math.max(1, places.length))];
  if (at === undefined) return flipBits(bytes, pick);
  bytes.writeUInt32BE(ABSURD[pick(ABSURD.length)] ?? 0, at + 12 + 4 * pick(3));
  return bytes;
};

/** A box in itself, many times: `moov` in `moov` in `moov`. */
const nest = (bytes: Buffer, pick: Pick): Buffer => {
  const name = CONTAINERS[pick(CONTAINERS.length)] ?? "moov";
  const levels = 10 + pick(5000);
  const nested = Buffer.alloc(levels * 8);
  for (let level = 0; level < levels; level++) {
    nested.writeUInt32BE(nested.length - level * 8, level * 8);
    nested.write(name, level * 8 + 4, "latin1");
  }
  return pick(2) === 0
    ? Buffer.concat([bytes.subarray(0, 32), nested, bytes.subarray(32)])
    : Buffer.concat([bytes, nested]);
};

const repeatPart = (bytes: Buffer, pick: Pick): Buffer => {
  const [from, to] = headerOf(bytes);
  const start = from + pick(Math.max(1, to - from));
  const part = bytes.subarray(start, start + 1 + pick(4096));
  return Buffer.concat([bytes.subarray(0, start), part, part, bytes.subarray(start)]);
};

const fill = (bytes: Buffer, pick: Pick): Buffer => {
  const start = pick(bytes.length);
  const end = Math.min(bytes.length, start + 1 + pick(20_000));
  return bytes.fill([0, 0xff, 0x47][pick(3)] ?? 0, start, end);
};

const exchange = (bytes: Buffer, pick: Pick): Buffer => {
  const places = placesOf(bytes, TABLES);
  const at = places[pick(Math.max(1, places.length))];
  if (at === undefined) return fill(bytes, pick);
  bytes.write(TABLES[pick(TABLES.length)] ?? "free", at + 4, "latin1");
  return bytes;
};

const MUTATIONS = [flipBits, absurdSize, absurdCount, truncate, nest, repeatPart, fill, exchange] as const;

/** A damaged copy of a media file: the same for the same seed. */
export const mutateMedia = (source: Buffer, seed: number): Buffer => {
  const random = seededRandom(seed);
  const pick: Pick = (below) => Math.floor(random() * below);
  let bytes: Buffer = Buffer.from(source);
  const [first = flipBits] = MUTATIONS.slice(seed % MUTATIONS.length);
  bytes = first(bytes, pick);
  for (let more = pick(3); more > 0 && bytes.length > 0; more--) {
    const mutation = MUTATIONS[pick(MUTATIONS.length)] ?? flipBits;
    bytes = mutation(Buffer.from(bytes), pick);
  }
  return bytes;
};
