/** Units of a byte stream with start codes, without these. */
export const nalUnitsOf = (payload: Uint8Array): Uint8Array[] => {
  const starts: number[] = [];
  for (let at = 0; at + 3 <= payload.length; at++)
    if (payload[at] === 0 && payload[at + 1] === 0 && payload[at + 2] === 1) starts.push(at + 3);
  return starts.map((start, index) => {
    const next = starts[index + 1];
    if (next === undefined) return payload.subarray(start);
    const end = payload[next - 4] === 0 ? next - 4 : next - 3;
    return payload.subarray(start, end);
  });
};

/** Frames of ADTS without their headers; undefined where the syntax is broken. */
export const adtsFramesOf = (payload: Uint8Array): Uint8Array[] | undefined => {
  const frames: Uint8Array[] = [];
  for (let at = 0; at < payload.length; ) {
    const [first = 0, second = 0, third = 0, fourth = 0, fifth = 0, sixth = 0, last = 0] = payload.subarray(at, at + 7);
    const length = ((fourth & 3) << 11) | (fifth << 3) | (sixth >> 5);
    const hasFaults = first !== 0xff || second !== 0xf1 || ((third >> 2) & 15) > 12 || (last & 3) !== 0;
    if (hasFaults || length <= 7 || at + length > payload.length) return undefined;
    frames.push(payload.subarray(at + 7, at + length));
    at += length;
  }
  return frames;
};

interface Syntax {
  typeOf(header: number): number;
  readonly delimiter: number;
  readonly sets: readonly number[];
  isPicture(type: number): boolean;
  isEntryPoint(type: number): boolean;
}

const AVC: Syntax = {
  typeOf: (header) => header & 31,
  delimiter: 9,
  sets: [7, 8],
  isPicture: (type) => type >= 1 && type <= 5,
  isEntryPoint: (type) => type === 5,
};

const HEVC: Syntax = {
  typeOf: (header) => (header >> 1) & 63,
  delimiter: 35,
  sets: [32, 33, 34],
  isPicture: (type) => type < 32,
  isEntryPoint: (type) => type >= 16 && type <= 21,
};

function* pictureProblems(
  syntax: Syntax,
  payload: Uint8Array,
  isRandomAccess: boolean,
  isFirst: boolean,
): Generator<string> {
  if (payload[0] !== 0 || payload[1] !== 0 || payload[2] !== 0 || payload[3] !== 1) yield "no start code in front";
  const units = nalUnitsOf(payload);
  const types = units.map((unit) => syntax.typeOf(unit[0] ?? 0));
  if (units.some((unit) => unit.length === 0)) yield "an empty unit";
  if (types[0] !== syntax.delimiter) yield "no access unit delimiter in front";
  if (types.filter((type) => type === syntax.delimiter).length > 1) yield "two access unit delimiters";
  if (!isRandomAccess && types.some(syntax.isEntryPoint)) yield "an entry point that is not indicated";
  if (!isRandomAccess && !isFirst) return;
  const firstPicture = types.findIndex(syntax.isPicture);
  const front = firstPicture < 0 ? types : types.slice(0, firstPicture);
  for (const set of syntax.sets) if (!front.includes(set)) yield `no parameter set ${set} in front of an entry point`;
  const sets = units.filter((_, index) => syntax.sets.includes(types[index] ?? 0)).map((unit) => unit.join());
  if (new Set(sets).size !== sets.length) yield "a parameter set twice";
}

/** What is wrong with the elementary stream in a PES packet. `isFirst`: of its stream in the segment. */
export function* byteStreamProblems(
  streamType: number,
  payload: Uint8Array,
  isRandomAccess: boolean,
  isFirst: boolean,
): Generator<string> {
  switch (streamType) {
    case 0x1b:
      yield* pictureProblems(AVC, payload, isRandomAccess, isFirst);
      return;
    case 0x24:
      yield* pictureProblems(HEVC, payload, isRandomAccess, isFirst);
      return;
    case 0x0f:
      if (adtsFramesOf(payload) === undefined) yield "ADTS";
      return;
    case 0x03:
    case 0x04:
      if (payload[0] !== 0xff || ((payload[1] ?? 0) & 0xe0) !== 0xe0) yield "no MPEG audio frame in front";
      return;
    case 0x81:
    case 0x87:
      if (payload[0] !== 0x0b || payload[1] !== 0x77) yield "no AC-3 frame in front";
      return;
    default:
      yield `stream type ${streamType}`;
  }
}
