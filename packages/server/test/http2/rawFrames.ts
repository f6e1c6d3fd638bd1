/** Frame types (RFC 9113 6). */
export const FRAME = {
  DATA: 0,
  HEADERS: 1,
  PRIORITY: 2,
  RST_STREAM: 3,
  SETTINGS: 4,
  PING: 6,
  GOAWAY: 7,
  WINDOW_UPDATE: 8,
  CONTINUATION: 9,
} as const;

export const FLAG = { END_STREAM: 1, ACK: 1, END_HEADERS: 4 } as const;

export const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

const HEAD_BYTES = 9;

/** Any frame, sound or not. */
export const frame = (type: number, flags: number, stream: number, payload: Buffer = Buffer.alloc(0)): Buffer => {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
};

const number32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};

/** Each entry: identifier and value. */
export const settings = (entries: readonly (readonly [number, number])[] = []): Buffer =>
  frame(
    FRAME.SETTINGS,
    0,
    0,
    Buffer.concat(entries.map(([id, value]) => Buffer.concat([Buffer.from([id >> 8, id & 255]), number32(value)]))),
  );

export const resetStream = (stream: number, code = 8): Buffer => frame(FRAME.RST_STREAM, 0, stream, number32(code));

export const windowUpdate = (stream: number, bytes: number): Buffer =>
  frame(FRAME.WINDOW_UPDATE, 0, stream, number32(bytes));

export const ping = (): Buffer => frame(FRAME.PING, 0, 0, Buffer.alloc(8));

export const priority = (stream: number): Buffer => frame(FRAME.PRIORITY, 0, stream, Buffer.alloc(5));

/** Length with the prefix of seven bits that strings have (RFC 7541 5.1). */
const stringLength = (length: number): Buffer => {
  if (length < 127) return Buffer.from([length]);
  const bytes = [127];
  let rest = length - 127;
  for (; rest >= 128; rest >>= 7) bytes.push((rest & 127) | 128);
  return Buffer.from([...bytes, rest]);
};

/** A literal that leaves the header table as it is (RFC 7541 6.2.2). */
export const literalField = (name: string, value: string): Buffer => {
  const [nameBytes, valueBytes] = [Buffer.from(name, "latin1"), Buffer.from(value, "latin1")];
  const lengths = [stringLength(nameBytes.length), stringLength(valueBytes.length)];
  return Buffer.concat([Buffer.from([0]), lengths[0] ?? nameBytes, nameBytes, lengths[1] ?? valueBytes, valueBytes]);
};

/** A literal that enters the header table, where index 62 is the newest entry. */
export const indexingField = (name: string, value: string): Buffer => {
  const literal = literalField(name, value);
  literal[0] = 0x40;
  return literal;
};

/** Entry 62 of the table: the newest one. */
export const NEWEST_ENTRY = Buffer.from([0x80 | 62]);

export const requestBlock = (host: string, path: string, more: readonly Buffer[] = [], method = "GET"): Buffer =>
  Buffer.concat([
    literalField(":method", method),
    literalField(":scheme", "https"),
    literalField(":authority", host),
    literalField(":path", path),
    ...more,
  ]);

export const headers = (stream: number, block: Buffer, flags: number = FLAG.END_STREAM | FLAG.END_HEADERS): Buffer =>
  frame(FRAME.HEADERS, flags, stream, block);

export const continuation = (stream: number, block: Buffer, flags = 0): Buffer =>
  frame(FRAME.CONTINUATION, flags, stream, block);

export interface RawFrame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

/** The whole frames at the beginning of some bytes, and what is left behind them. */
export const readFrames = (bytes: Buffer): { readonly frames: RawFrame[]; readonly rest: Buffer } => {
  const frames: RawFrame[] = [];
  let at = 0;
  while (bytes.length - at >= HEAD_BYTES) {
    const length = bytes.readUIntBE(at, 3);
    if (bytes.length - at < HEAD_BYTES + length) break;
    frames.push({
      type: bytes.readUInt8(at + 3),
      flags: bytes.readUInt8(at + 4),
      stream: bytes.readUInt32BE(at + 5) & 0x7fff_ffff,
      payload: bytes.subarray(at + HEAD_BYTES, at + HEAD_BYTES + length),
    });
    at += HEAD_BYTES + length;
  }
  return { frames, rest: bytes.subarray(at) };
};
