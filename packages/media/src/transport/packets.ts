export const PACKET_BYTES = 188;
export const SYNC_BYTE = 0x47;

export const HEADER_BYTES = 4;
export const PAYLOAD_BYTES = PACKET_BYTES - HEADER_BYTES;
/** Length, flags and a PCR. */
const CLOCK_FIELD_BYTES = 8;
/** Length and flags. */
const FLAGS_FIELD_BYTES = 2;

const FLAG_RANDOM_ACCESS = 0x40;
const FLAG_CLOCK = 0x10;

/** PTS, DTS and the base of PCR have 33 bits. */
const TICKS_MODULUS = 2 ** 33;
export const wrapTicks = (ticks: number): number => {
  const wrapped = ticks % TICKS_MODULUS;
  return wrapped < 0 ? wrapped + TICKS_MODULUS : wrapped;
};

/** Bytes of the adaptation field with which a PES packet begins. */
export const fieldBytes = (hasClock: boolean, isRandomAccess: boolean): number =>
  hasClock ? CLOCK_FIELD_BYTES : isRandomAccess ? FLAGS_FIELD_BYTES : 0;

/** Transport packets that a PES packet takes at least. */
export const packetCountOf = (pesBytes: number, hasClock: boolean, isRandomAccess: boolean): number =>
  Math.ceil((pesBytes + fieldBytes(hasClock, isRandomAccess)) / PAYLOAD_BYTES);

const writeClock = (out: Uint8Array, at: number, ticks: number): void => {
  const base = wrapTicks(ticks);
  const high = Math.floor(base / 2);
  out[at] = high >>> 24;
  out[at + 1] = high >>> 16;
  out[at + 2] = high >>> 8;
  out[at + 3] = high;
  // The last bit of the base, six reserved bits, and an extension of 0.
  out[at + 4] = (base % 2 === 1 ? 0x80 : 0) | 0x7e;
  out[at + 5] = 0;
};

/** An adaptation field of `length` bytes, that of its own among them; what nothing else takes is stuffing. */
export const writeField = (
  out: Uint8Array,
  at: number,
  length: number,
  clockTicks: number | undefined,
  isRandomAccess: boolean,
): void => {
  out[at] = length - 1;
  if (length === 1) return;
  out[at + 1] = (clockTicks === undefined ? 0 : FLAG_CLOCK) | (isRandomAccess ? FLAG_RANDOM_ACCESS : 0);
  let stuffing = at + FLAGS_FIELD_BYTES;
  if (clockTicks !== undefined) {
    writeClock(out, stuffing, clockTicks);
    stuffing = at + CLOCK_FIELD_BYTES;
  }
  if (stuffing < at + length) out.fill(0xff, stuffing, at + length);
};

/** A packet with a clock and no payload: its continuity counter is that of the packet before, so `counter` has not moved. */
export const writeClockPacket = (
  out: Uint8Array,
  at: number,
  pid: number,
  counter: number,
  clockTicks: number,
): void => {
  out[at] = SYNC_BYTE;
  out[at + 1] = pid >> 8;
  out[at + 2] = pid;
  out[at + 3] = 0x20 | ((counter - 1) & 15);
  writeField(out, at + HEADER_BYTES, PAYLOAD_BYTES, clockTicks, false);
};
