/** Boxes inside a box that is in memory whole: views, nothing is copied. Broken sizes end a list; nothing throws. */

const FOUR_GB = 4_294_967_296;

interface BoxHead {
  readonly type: string;
  readonly headBytes: number;
  readonly sizeBytes: number;
}

const headAt = (bytes: Uint8Array, at: number): BoxHead | undefined => {
  const room = bytes.byteLength - at;
  if (room < 8) {
    return undefined;
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, Math.min(room, 16));
  const type = String.fromCharCode(view.getUint8(4), view.getUint8(5), view.getUint8(6), view.getUint8(7));
  const short = view.getUint32(0);
  if (short === 1 && room < 16) {
    return undefined;
  }
  const headBytes = short === 1 ? 16 : 8;
  const sizeBytes = short === 0 ? room : short === 1 ? view.getUint32(8) * FOUR_GB + view.getUint32(12) : short;
  return sizeBytes < headBytes || sizeBytes > room ? undefined : { type, headBytes, sizeBytes };
};

/** Four characters of a box that is in memory whole; empty for what is no box. */
export const typeOf = (box: Uint8Array): string => headAt(box, 0)?.type ?? "";

/** What lies behind the box's own header. */
export const contentOf = (box: Uint8Array): Uint8Array => {
  const head = headAt(box, 0);
  return head === undefined ? box.subarray(box.byteLength) : box.subarray(head.headBytes, head.sizeBytes);
};

/** Tracks and tables are some hundreds; a header may be millions of empty boxes. */
export const MOST_BOXES_OF_LIST = 16_384;

/** The boxes that follow each other in `content`, at most `MOST_BOXES_OF_LIST`. */
export const boxesIn = (content: Uint8Array): Uint8Array[] => {
  const boxes: Uint8Array[] = [];
  for (let at = 0; ; ) {
    const head = headAt(content, at);
    if (head === undefined || boxes.length === MOST_BOXES_OF_LIST) {
      return boxes;
    }
    boxes.push(content.subarray(at, at + head.sizeBytes));
    at += head.sizeBytes;
  }
};

export const childrenOf = (box: Uint8Array): Uint8Array[] => boxesIn(contentOf(box));

export const findBox = (boxes: readonly Uint8Array[], type: string): Uint8Array | undefined =>
  boxes.find((box) => typeOf(box) === type);

/** The first box at a path of types below `box`. */
export const boxAt = (box: Uint8Array, path: readonly string[]): Uint8Array | undefined => {
  let found: Uint8Array | undefined = box;
  for (const type of path) {
    found = found === undefined ? undefined : findBox(childrenOf(found), type);
  }
  return found;
};
