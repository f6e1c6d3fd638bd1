/** Boxes, byte by byte. */

export const concat = (...parts: readonly Uint8Array[]): Uint8Array => {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let position = 0;
  for (const part of parts) {
    joined.set(part, position);
    position += part.length;
  }
  return joined;
};

const wide = (byteCount: number, write: (view: DataView) => void): Uint8Array => {
  const bytes = new Uint8Array(byteCount);
  write(new DataView(bytes.buffer));
  return bytes;
};

export const u8 = (...values: readonly number[]): Uint8Array => Uint8Array.from(values);
export const u16 = (value: number): Uint8Array => wide(2, (view) => view.setUint16(0, value));
export const u32 = (...values: readonly number[]): Uint8Array =>
  wide(values.length * 4, (view) => {
    for (const [index, value] of values.entries()) view.setUint32(index * 4, value);
  });
export const i32 = (value: number): Uint8Array => wide(4, (view) => view.setInt32(0, value));
export const u64 = (value: number): Uint8Array => wide(8, (view) => view.setBigUint64(0, BigInt(value)));
export const i64 = (value: number): Uint8Array => wide(8, (view) => view.setBigInt64(0, BigInt(value)));
export const zeros = (byteCount: number): Uint8Array => new Uint8Array(byteCount);
export const ascii = (text: string): Uint8Array => Uint8Array.from(text, (letter) => letter.charCodeAt(0));

export const box = (type: string, ...parts: readonly Uint8Array[]): Uint8Array => {
  const content = concat(...parts);
  return concat(u32(8 + content.length), ascii(type), content);
};

/** With a size of 64 bits. */
export const longBox = (type: string, ...parts: readonly Uint8Array[]): Uint8Array => {
  const content = concat(...parts);
  return concat(u32(1), ascii(type), u64(16 + content.length), content);
};

export const fullBox = (type: string, version: number, flags: number, ...parts: readonly Uint8Array[]): Uint8Array =>
  box(type, u32(version * 2 ** 24 + flags), ...parts);
