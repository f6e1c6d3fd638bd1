export const HTAB = 0x09;
export const LF = 0x0a;
export const CR = 0x0d;
export const SPACE = 0x20;
export const COLON = 0x3a;

declare global {
  interface Buffer {
    /** What `toString("latin1")` calls, without the choice of encoding; Node's types leave it out. */
    latin1Slice(from: number, to: number): string;
  }
}

export const textOf = (buffer: Buffer, from: number, to: number): string => buffer.latin1Slice(from, to);

const tableOf = (accepts: (character: string) => boolean): Uint8Array =>
  Uint8Array.from({ length: 256 }, (_, code) => (accepts(String.fromCharCode(code)) ? 1 : 0));

/** 1 for the bytes of a token (RFC 9110 5.6.2). */
export const TOKEN_BYTES: Uint8Array = tableOf((character) => /^[!#$%&'*+\-.^_`|~0-9A-Za-z]$/.test(character));

/** Field content with its inner white space: visible ASCII, obs-text, space and tab (RFC 9110 5.5). */
export const isValueByte = (byte: number): boolean => (byte >= SPACE && byte !== 0x7f) || byte === HTAB;

/**
 * Position of the first byte from `from` on that is no value byte, or `to`. Four bytes at a time as long as none of
 * them is below space or DEL; the subtraction marks such a byte in its highest bit, and obs-text never.
 */
export const skipValueBytes = (view: DataView, from: number, to: number): number => {
  let position = from;
  for (const wordsEnd = to - 3; position < wordsEnd; position += 4) {
    const word = view.getInt32(position, true);
    const control = (word - 0x20202020) & ~word;
    const notDelete = word ^ 0x7f7f7f7f;
    if (((control | ((notDelete - 0x01010101) & ~notDelete)) & 0x80808080) !== 0) break;
  }
  while (position < to && isValueByte(view.getUint8(position))) position++;
  return position;
};

/** Visible ASCII but `#`: a request target has no fragment (RFC 9112 3.2). */
export const isTargetByte = (byte: number): boolean => byte > SPACE && byte < 0x7f && byte !== 0x23;

export const isWhiteSpace = (byte: number): boolean => byte === SPACE || byte === HTAB;

export const isToken = (text: string): boolean => /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(text);

/** Space and tab only: `String.trim` would also take a no-break space, which is obs-text and belongs to a value. */
export const trimWhiteSpace = (text: string): string => {
  let from = 0;
  let to = text.length;
  while (from < to && isWhiteSpace(text.charCodeAt(from))) from++;
  while (to > from && isWhiteSpace(text.charCodeAt(to - 1))) to--;
  return text.slice(from, to);
};

/**
 * Views of the whole memory behind buffers: positions in a view are `buffer.byteOffset` higher than in the buffer.
 * Reads through a DataView need no bounds narrowing and can take several bytes at once. Only the last view is kept, so
 * that at most one allocation lives longer by it.
 */
export class MemoryViews {
  #memory: ArrayBufferLike | undefined = undefined;
  #view: DataView = new DataView(new ArrayBuffer(0));

  of(buffer: Buffer): DataView {
    if (buffer.buffer !== this.#memory) {
      this.#memory = buffer.buffer;
      this.#view = new DataView(buffer.buffer);
    }
    return this.#view;
  }
}

/** From this length on one native comparison is faster than many reads. */
const NATIVE_COMPARISON_BYTES = 256;

/** Whether `length` bytes are the same in both; `leftView` and `rightView` are the views of their memory. */
export const equalBytes = (
  left: Buffer,
  leftView: DataView,
  leftFrom: number,
  right: Buffer,
  rightView: DataView,
  rightFrom: number,
  length: number,
): boolean => {
  if (length >= NATIVE_COMPARISON_BYTES) {
    return left.compare(right, rightFrom, rightFrom + length, leftFrom, leftFrom + length) === 0;
  }
  const leftAt = left.byteOffset + leftFrom;
  const rightAt = right.byteOffset + rightFrom;
  let index = 0;
  for (const wordsEnd = length - 7; index < wordsEnd; index += 8) {
    if (leftView.getBigInt64(leftAt + index, true) !== rightView.getBigInt64(rightAt + index, true)) return false;
  }
  for (; index < length; index++) {
    if (leftView.getUint8(leftAt + index) !== rightView.getUint8(rightAt + index)) return false;
  }
  return true;
};
