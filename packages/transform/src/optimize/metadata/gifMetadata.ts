const EXTENSION = 0x21;
const IMAGE = 0x2c;
const TRAILER = 0x3b;
const COMMENT = 0xfe;
const APPLICATION = 0xff;

/** The file without comments and XMP; undefined where its blocks do not end with the trailer. */
export const stripGif = (source: Uint8Array): Uint8Array<ArrayBuffer> | undefined => {
  const parts: Uint8Array[] = [];
  let at = 13 + paletteBytes(source[10] ?? 0);
  parts.push(source.subarray(0, at));
  while (at < source.length) {
    const start = at;
    switch (source[at]) {
      case TRAILER:
        parts.push(source.subarray(at, at + 1));
        return Uint8Array.from(Buffer.concat(parts));
      case IMAGE:
        at = skipSubBlocks(source, at + 11 + paletteBytes(source[at + 9] ?? 0));
        parts.push(source.subarray(start, at));
        break;
      case EXTENSION:
        at = skipSubBlocks(source, at + 2);
        if (!isMetadata(source, start)) parts.push(source.subarray(start, at));
        break;
      default:
        return undefined;
    }
  }
  return undefined;
};

const paletteBytes = (flags: number): number => ((flags & 0x80) === 0 ? 0 : 3 << ((flags & 7) + 1));

/** Behind the empty block that ends them. */
const skipSubBlocks = (source: Uint8Array, from: number): number => {
  let at = from;
  for (let length = source[at] ?? 0; length > 0; length = source[at] ?? 0) at += length + 1;
  return at + 1;
};

const isMetadata = (source: Uint8Array, start: number): boolean => {
  if (source[start + 1] === COMMENT) return true;
  const name = String.fromCharCode(...source.subarray(start + 3, start + 14));
  return source[start + 1] === APPLICATION && name === "XMP DataXMP";
};
