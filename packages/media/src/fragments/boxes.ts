/** Boxes of ISO/IEC 14496-12, built from the inside out. */

export function box(type: string, ...contents: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const sizeBytes = contents.reduce((bytes, content) => bytes + content.byteLength, 8);
  const whole = new Uint8Array(sizeBytes);
  putBoxHeader(new DataView(whole.buffer), 0, sizeBytes, type);
  let position = 8;
  for (const content of contents) {
    whole.set(content, position);
    position += content.byteLength;
  }
  return whole;
}

export const fullBox = (type: string, version: number, flags: number, ...contents: readonly Uint8Array[]): Uint8Array =>
  box(type, unsigned32(version * 0x1000000 + flags), ...contents);

/** Returns where its content begins. */
export function putBoxHeader(view: DataView, position: number, sizeBytes: number, type: string): number {
  view.setUint32(position, sizeBytes);
  for (let index = 0; index < 4; index++) view.setUint8(position + 4 + index, type.charCodeAt(index));
  return position + 8;
}

export function unsigned32(...values: readonly number[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(values.length * 4);
  const view = new DataView(bytes.buffer);
  for (const [index, value] of values.entries()) view.setUint32(index * 4, value);
  return bytes;
}

export function unsigned16(...values: readonly number[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(values.length * 2);
  const view = new DataView(bytes.buffer);
  for (const [index, value] of values.entries()) view.setUint16(index * 2, value);
  return bytes;
}

export const characters = (text: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(text, (letter) => letter.charCodeAt(0));
