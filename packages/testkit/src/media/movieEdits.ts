/** Changes to small MP4 files that no option of ffmpeg makes. Their `moov` lies behind one `mdat`, as ffmpeg writes it. */

interface Box {
  readonly type: string;
  readonly start: number;
  readonly bodyStart: number;
  readonly end: number;
}

const boxesOf = (bytes: Buffer, start = 0, end = bytes.length): Box[] => {
  const boxes: Box[] = [];
  for (let at = start; at + 8 <= end; ) {
    const size = bytes.readUInt32BE(at);
    const isLong = size === 1;
    const length = isLong ? Number(bytes.readBigUInt64BE(at + 8)) : size;
    if (length < 8) throw new Error(`a box of ${length} bytes at ${at}`);
    const type = bytes.toString("latin1", at + 4, at + 8);
    boxes.push({ type, start: at, bodyStart: at + (isLong ? 16 : 8), end: at + length });
    at += length;
  }
  return boxes;
};

const findBox = (boxes: readonly Box[], type: string): Box => {
  const box = boxes.find((each) => each.type === type);
  if (box === undefined) throw new Error(`no ${type}`);
  return box;
};

const box = (type: string, body: Buffer): Buffer => {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(8 + body.length, 0);
  head.write(type, 4, "latin1");
  return Buffer.concat([head, body]);
};

const CONTAINERS = new Set(["moov", "trak", "mdia", "minf", "stbl"]);

/** The box written again with 64-bit chunk offsets, each moved by that much. */
const withLongOffsets = (bytes: Buffer, { type, bodyStart, end }: Box, moveBy: number): Buffer => {
  if (CONTAINERS.has(type)) {
    return box(
      type,
      Buffer.concat(boxesOf(bytes, bodyStart, end).map((child) => withLongOffsets(bytes, child, moveBy))),
    );
  }
  if (type !== "stco") return box(type, bytes.subarray(bodyStart, end));
  const count = bytes.readUInt32BE(bodyStart + 4);
  const body = Buffer.alloc(8 + 8 * count);
  body.writeUInt32BE(count, 4);
  for (let index = 0; index < count; index++) {
    const offset = bytes.readUInt32BE(bodyStart + 8 + 4 * index) + moveBy;
    body.writeBigUInt64BE(BigInt(offset), 8 + 8 * index);
  }
  return box("co64", body);
};

/** A file in two pieces with nothing between them. */
export interface SparseMovie {
  readonly head: Buffer;
  readonly tailStart: number;
  readonly tail: Buffer;
}

/** `ftyp`, one `mdat` of 64-bit size whose media data begins behind a hole, and `moov` behind it. */
export const makeSparse = (bytes: Buffer, holeBytes: number): SparseMovie => {
  const boxes = boxesOf(bytes);
  const media = findBox(boxes, "mdat");
  const fileType = bytes.subarray(0, findBox(boxes, "ftyp").end);
  const mediaHead = Buffer.alloc(16);
  const data = bytes.subarray(media.bodyStart, media.end);
  mediaHead.writeUInt32BE(1, 0);
  mediaHead.write("mdat", 4, "latin1");
  mediaHead.writeBigUInt64BE(BigInt(16 + holeBytes + data.length), 8);
  const head = Buffer.concat([fileType, mediaHead]);
  const tailStart = head.length + holeBytes;
  const header = withLongOffsets(bytes, findBox(boxes, "moov"), tailStart - media.bodyStart);
  return { head, tailStart, tail: Buffer.concat([data, header]) };
};

/**
 * ffmpeg's AudioSpecificConfig of AAC-LC with 22,050 Hz and two channels (5 bytes, the last three saying that there is no
 * SBR), replaced by one of HE-AAC with 44,100 Hz around the same core: explicit signalling, object type 5.
 */
export const announceSbr = (bytes: Buffer): Buffer => {
  const plain = Buffer.from([0x05, 0x80, 0x80, 0x80, 0x05, 0x13, 0x90, 0x56, 0xe5, 0x00]);
  const at = bytes.indexOf(plain);
  if (at < 0) throw new Error("no AudioSpecificConfig of 5 bytes");
  const changed = Buffer.from(bytes);
  changed.set([0x2b, 0x92, 0x08, 0x00, 0x00], at + 5);
  return changed;
};
