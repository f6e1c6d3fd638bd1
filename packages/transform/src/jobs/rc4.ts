/**
 * RC4, of our own: OpenSSL has it in its legacy provider only, which Node does not load, and there only for keys of 40
 * and 128 bits. It is broken as a cipher and kept for players that know nothing else (decision 0023).
 */

const STATE_BYTES = 256;

/** The permutation, and behind it the two indices: what goes on from one piece of a body to the next. */
export type Rc4State = Uint8Array<ArrayBuffer>;

const AT = { i: STATE_BYTES, j: STATE_BYTES + 1 } as const;

/** `key` has 1 to 256 bytes (DRM-05). */
export const scheduleRc4 = (key: Uint8Array): Rc4State => {
  if (key.length < 1 || key.length > STATE_BYTES) throw new Error(`an RC4 key of ${key.length} bytes`);
  const state = new Uint8Array(STATE_BYTES + 2);
  for (let i = 0; i < STATE_BYTES; i++) state[i] = i;
  for (let i = 0, j = 0; i < STATE_BYTES; i++) {
    const value = state[i] ?? 0;
    j = (j + value + (key[i % key.length] ?? 0)) & 0xff;
    state[i] = state[j] ?? 0;
    state[j] = value;
  }
  return state;
};

/** Encrypts in place, and takes `state` on; deciphering is the same. */
export const applyRc4 = (state: Rc4State, bytes: Uint8Array): void => {
  let i = state[AT.i] ?? 0;
  let j = state[AT.j] ?? 0;
  for (let at = 0; at < bytes.length; at++) {
    i = (i + 1) & 0xff;
    const left = state[i] ?? 0;
    j = (j + left) & 0xff;
    const right = state[j] ?? 0;
    state[i] = right;
    state[j] = left;
    bytes[at] = (bytes[at] ?? 0) ^ (state[(left + right) & 0xff] ?? 0);
  }
  state[AT.i] = i;
  state[AT.j] = j;
};
