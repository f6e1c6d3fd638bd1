import {
  fieldBytes,
  HEADER_BYTES,
  PACKET_BYTES,
  PAYLOAD_BYTES,
  SYNC_BYTE,
  writeClockPacket,
  writeField,
} from "./packets.ts";

/**
 * Puts PES packets into transport packets, one behind the other. What comes of the source is copied once, from where it
 * lies into the packet it belongs to, and that with the least effort where source and result are in one memory.
 */
export class PacketWriter {
  readonly #source: Uint8Array;
  readonly #out: Uint8Array;
  readonly #isOneMemory: boolean;
  #at: number;
  #pid = 0;
  #counter = 0;
  /** Transport packets that the PES packet has yet to begin. */
  #packetsLeft = 0;
  /** Bytes of the PES packet behind the current transport packet. */
  #bytesLeft = 0;
  /** Payload that the current transport packet still has room for. */
  #room = 0;

  /** Writes from `at` on; positions of the source are those in `source`. */
  constructor(source: Uint8Array, out: Uint8Array, at: number) {
    this.#source = source;
    this.#isOneMemory = out.buffer === source.buffer && out.byteOffset === source.byteOffset;
    this.#out = out;
    this.#at = at;
  }

  putClockPacket(pid: number, counter: number, clockTicks: number): void {
    writeClockPacket(this.#out, this.#at, pid, counter, clockTicks);
    this.#at += PACKET_BYTES;
  }

  /**
   * Begins a PES packet of that many bytes in that many transport packets. With more packets than it needs the last ones
   * hold a byte each.
   */
  begin(
    pid: number,
    firstCounter: number,
    packetCount: number,
    pesBytes: number,
    clockTicks: number | undefined,
    isRandomAccess: boolean,
  ): void {
    this.#pid = pid;
    this.#counter = firstCounter;
    this.#packetsLeft = packetCount;
    this.#bytesLeft = pesBytes;
    const field = fieldBytes(clockTicks !== undefined, isRandomAccess);
    this.#beginPacket(0x40, field, clockTicks, isRandomAccess);
  }

  /** Throws unless exactly what was announced has been put: nothing of what the memory held before may stay in it. */
  end(): void {
    if (this.#packetsLeft !== 0 || this.#room !== 0) throw new Error("a PES packet is shorter than was announced");
  }

  /** A few bytes that are not of the source; `length`: of them, from the beginning. */
  put(bytes: Uint8Array, length = bytes.length): void {
    const out = this.#out;
    for (let index = 0; index < length; index++) {
      if (this.#room === 0) this.#beginPacket(0, 0, undefined, false);
      out[this.#at++] = bytes[index] ?? 0;
      this.#room--;
    }
  }

  /** `length` bytes from the source. */
  copy(from: number, length: number): void {
    let position = from;
    const end = from + length;
    while (position < end) {
      if (this.#room === 0) {
        position += this.#copyFullPackets(position, end - position);
        if (position === end) return;
        this.#beginPacket(0, 0, undefined, false);
      }
      const part = Math.min(this.#room, end - position);
      this.#move(position, part, this.#at);
      this.#at += part;
      this.#room -= part;
      position += part;
    }
  }

  /** As many as these bytes fill from the first to the last byte of payload; answers how many bytes that were. */
  #copyFullPackets(from: number, length: number): number {
    // Each of the packets left begins with a byte at least: what is beyond that may fill them.
    const fillable = Math.floor((this.#bytesLeft - this.#packetsLeft) / (PAYLOAD_BYTES - 1));
    const count = Math.min(Math.floor(length / PAYLOAD_BYTES), fillable);
    if (count <= 0) return 0;
    const out = this.#out;
    const [pidHigh, pidLow] = [this.#pid >> 8, this.#pid & 0xff];
    let at = this.#at;
    let counter = this.#counter;
    for (let position = from; position < from + count * PAYLOAD_BYTES; position += PAYLOAD_BYTES) {
      out[at] = SYNC_BYTE;
      out[at + 1] = pidHigh;
      out[at + 2] = pidLow;
      out[at + 3] = 0x10 | counter;
      counter = (counter + 1) & 15;
      this.#move(position, PAYLOAD_BYTES, at + HEADER_BYTES);
      at += PACKET_BYTES;
    }
    this.#at = at;
    this.#counter = counter;
    this.#packetsLeft -= count;
    this.#bytesLeft -= count * PAYLOAD_BYTES;
    return count * PAYLOAD_BYTES;
  }

  #move(from: number, length: number, to: number): void {
    if (this.#isOneMemory) this.#out.copyWithin(to, from, from + length);
    else this.#out.set(this.#source.subarray(from, from + length), to);
  }

  #beginPacket(startFlag: number, field: number, clockTicks: number | undefined, isRandomAccess: boolean): void {
    if (this.#packetsLeft === 0) throw new Error("a PES packet is longer than was announced");
    const out = this.#out;
    const start = this.#at;
    this.#packetsLeft--;
    const taken = Math.min(PAYLOAD_BYTES - field, this.#bytesLeft - this.#packetsLeft);
    this.#bytesLeft -= taken;
    this.#room = taken;
    this.#at = start + PACKET_BYTES - taken;
    out[start] = SYNC_BYTE;
    out[start + 1] = startFlag | (this.#pid >> 8);
    out[start + 2] = this.#pid;
    const hasField = taken < PAYLOAD_BYTES;
    out[start + 3] = (hasField ? 0x30 : 0x10) | this.#counter;
    this.#counter = (this.#counter + 1) & 15;
    if (hasField) writeField(out, start + HEADER_BYTES, PAYLOAD_BYTES - taken, clockTicks, isRandomAccess);
  }
}
