import { sectionChecksum } from "../../src/transport/tables.ts";
import { byteStreamProblems } from "./byteStreamChecker.ts";

/** One PES packet as it was found. */
export interface FoundPes {
  readonly segment: number;
  readonly presentationTicks: number;
  readonly decodeTicks: number;
  readonly isRandomAccess: boolean;
  readonly payload: Uint8Array;
}

export interface FoundStream {
  readonly pid: number;
  readonly streamType: number;
  readonly language: string | undefined;
  readonly registration: string | undefined;
  readonly packets: FoundPes[];
}

export interface TransportReport {
  /** Empty for a stream without fault. */
  readonly problems: readonly string[];
  readonly streams: readonly FoundStream[];
  readonly clockTicks: readonly number[];
  readonly clockPid: number | undefined;
}

interface OpenPes {
  readonly segment: number;
  readonly isRandomAccess: boolean;
  readonly clockTicks: number | undefined;
  readonly parts: Uint8Array[];
}

const PACKET_BYTES = 188;
const MAX_CLOCK_INTERVAL_TICKS = 9_000;
/** What is decoded later than this behind the clock would need a larger buffer than decoders have. */
const MAX_CLOCK_LEAD_TICKS = 180_000;
const MAX_PROBLEMS = 50;

const joined = (parts: readonly Uint8Array[]): Uint8Array => {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
};

const pidAt = (bytes: Uint8Array, at: number): number => (((bytes[at] ?? 0) & 31) << 8) | (bytes[at + 1] ?? 0);
const lengthAt = (bytes: Uint8Array, at: number): number => (((bytes[at] ?? 0) & 15) << 8) | (bytes[at + 1] ?? 0);

const descriptorsIn = (bytes: Uint8Array): Map<number, string> => {
  const found = new Map<number, string>();
  for (let at = 0; at + 2 <= bytes.length; at += 2 + (bytes[at + 1] ?? 0))
    found.set(bytes[at] ?? 0, String.fromCharCode(...bytes.subarray(at + 2, at + 2 + (bytes[at + 1] ?? 0))));
  return found;
};

class Checker {
  readonly problems: string[] = [];
  readonly clockTicks: number[] = [];
  readonly streams = new Map<number, FoundStream>();
  clockPid: number | undefined;
  readonly #open = new Map<number, OpenPes>();
  readonly #counters = new Map<number, number>();
  #programMapPid: number | undefined;
  #programMap: string | undefined;
  #segment = 0;
  #at = 0;
  #section: Uint8Array[] = [];
  #tablesAreRead = false;
  #clockIsDue = true;

  readSegment(segment: Uint8Array, number: number): void {
    this.#segment = number;
    this.#tablesAreRead = false;
    this.#clockIsDue = true;
    if (segment.length % PACKET_BYTES !== 0 || segment.length === 0) this.#report(`${segment.length} bytes`);
    for (this.#at = 0; this.#at + PACKET_BYTES <= segment.length; this.#at += PACKET_BYTES)
      this.#readPacket(segment.subarray(this.#at, this.#at + PACKET_BYTES));
    if (!this.#tablesAreRead) this.#report("no tables");
    for (const pid of [...this.#open.keys()]) this.#endPes(pid);
  }

  #report(problem: string): void {
    if (this.problems.length < MAX_PROBLEMS)
      this.problems.push(`segment ${this.#segment}, byte ${this.#at}: ${problem}`);
  }

  #readPacket(packet: Uint8Array): void {
    const [sync = 0, second = 0, , fourth = 0, fieldRest = 0] = packet;
    if (sync !== 0x47) {
      this.#report("no sync byte");
      return;
    }
    if ((second & 0x80) !== 0) this.#report("transport_error_indicator");
    if ((fourth & 0xc0) !== 0) this.#report("scrambled");
    const begins = (second & 0x40) !== 0;
    const pid = pidAt(packet, 1);
    const hasField = (fourth & 0x20) !== 0;
    const hasPayload = (fourth & 0x10) !== 0;
    if (!hasField && !hasPayload) {
      this.#report("neither field nor payload");
      return;
    }
    this.#checkCounter(pid, fourth & 15, hasPayload);
    if (this.#at === 0 && pid !== 0) this.#report("the first packet is not a PAT");
    const fieldLength = hasField ? 1 + fieldRest : 0;
    if (!hasPayload && fieldLength !== 184) this.#report(`adaptation field of ${fieldLength} in 184 bytes`);
    if (hasPayload && fieldLength > 183) {
      this.#report("adaptation field leaves no payload");
      return;
    }
    const flags = hasField ? this.#readField(packet.subarray(5, 4 + fieldLength), pid) : 0;
    if (pid === this.clockPid && this.#clockIsDue) {
      if ((flags & 0x10) === 0) this.#report("the stream of the clock begins without one");
      this.#clockIsDue = false;
    }
    if (hasPayload) this.#readPayload(packet.subarray(4 + fieldLength), pid, begins, (flags & 0x40) !== 0);
    else if (begins) this.#report("a start without payload");
  }

  #checkCounter(pid: number, counter: number, hasPayload: boolean): void {
    const before = this.#counters.get(pid);
    const isFirst = before === undefined;
    const expected = isFirst ? counter : hasPayload ? (before + 1) & 15 : before;
    if (counter !== expected) this.#report(`pid ${pid} counts ${counter} instead of ${expected}`);
    this.#counters.set(pid, counter);
  }

  /** Answers the flags. */
  #readField(field: Uint8Array, pid: number): number {
    const flags = field[0] ?? 0;
    if ((flags & ~0x50) !== 0) this.#report(`unexpected flags ${flags} of an adaptation field`);
    const hasClock = (flags & 0x10) !== 0;
    if (hasClock) this.#readClock(field, pid);
    if (!field.subarray(hasClock ? 7 : 1).every((byte) => byte === 0xff)) this.#report("stuffing is not 255");
    return flags;
  }

  #readClock(field: Uint8Array, pid: number): void {
    const [, a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = field;
    const ticks = a * 2 ** 25 + b * 2 ** 17 + c * 2 ** 9 + d * 2 + (e >> 7);
    if ((e & 0x7f) !== 0x7e || f !== 0) this.#report("bits of a PCR");
    if (pid !== this.clockPid) this.#report(`PCR on pid ${pid}`);
    const before = this.clockTicks.at(-1);
    if (before !== undefined && (ticks <= before || ticks - before > MAX_CLOCK_INTERVAL_TICKS))
      this.#report(`PCR goes from ${before} to ${ticks}`);
    this.clockTicks.push(ticks);
  }

  #readPayload(payload: Uint8Array, pid: number, begins: boolean, isRandomAccess: boolean): void {
    if (pid === 0 || pid === this.#programMapPid) {
      this.#readTable(payload, pid, begins);
      return;
    }
    if (!this.#tablesAreRead) this.#report(`pid ${pid} in front of the tables`);
    if (!this.streams.has(pid)) this.#report(`unknown pid ${pid}`);
    if (begins) {
      this.#endPes(pid);
      const clockTicks = this.clockTicks.at(-1);
      this.#open.set(pid, { segment: this.#segment, isRandomAccess, clockTicks, parts: [payload] });
      return;
    }
    const open = this.#open.get(pid);
    if (open === undefined) this.#report(`pid ${pid} goes on with nothing`);
    else open.parts.push(payload);
  }

  #readTable(payload: Uint8Array, pid: number, begins: boolean): void {
    if (begins) {
      if (payload[0] !== 0) this.#report("pointer_field");
      this.#section = [payload.subarray(1)];
    } else this.#section.push(payload);
    const bytes = joined(this.#section);
    const end = 3 + lengthAt(bytes, 1);
    if (bytes.length < end) return;
    const section = bytes.subarray(0, end);
    if (sectionChecksum(section) !== 0) this.#report(`CRC of the table of pid ${pid}`);
    if (!bytes.subarray(end).every((byte) => byte === 0xff)) this.#report("stuffing behind a table");
    if (pid === 0) this.#readAssociation(section);
    else this.#readProgramMap(section);
  }

  #readAssociation(section: Uint8Array): void {
    if (section.length !== 16 || section[0] !== 0) this.#report("PAT of other than one program");
    this.#programMapPid = pidAt(section, 10);
  }

  #readProgramMap(section: Uint8Array): void {
    if (section[0] !== 2) this.#report("no PMT");
    this.#tablesAreRead = true;
    const text = section.join();
    if (this.#programMap !== undefined && this.#programMap !== text) this.#report("PMT differs from that before");
    this.#programMap = text;
    this.clockPid = pidAt(section, 8);
    for (let at = 12; at < section.length - 4; ) {
      const pid = pidAt(section, at + 1);
      const length = lengthAt(section, at + 3);
      const descriptors = descriptorsIn(section.subarray(at + 5, at + 5 + length));
      if (!this.streams.has(pid))
        this.streams.set(pid, {
          pid,
          streamType: section[at] ?? 0,
          language: descriptors.get(0x0a)?.slice(0, 3),
          registration: descriptors.get(0x05),
          packets: [],
        });
      at += 5 + length;
    }
  }

  #endPes(pid: number): void {
    const open = this.#open.get(pid);
    const stream = this.streams.get(pid);
    this.#open.delete(pid);
    if (open === undefined || stream === undefined) return;
    const bytes = joined(open.parts);
    const isPictures = stream.streamType === 0x1b || stream.streamType === 0x24;
    for (const problem of headerProblems(bytes, isPictures)) this.#report(`pid ${pid}: ${problem}`);
    const hasDecodeTime = bytes[7] === 0xc0;
    const presentationTicks = this.#ticksAt(bytes, 9, hasDecodeTime ? 3 : 2);
    const decodeTicks = hasDecodeTime ? this.#ticksAt(bytes, 14, 1) : presentationTicks;
    const before = stream.packets.at(-1);
    if (hasDecodeTime && decodeTicks >= presentationTicks)
      this.#report(`DTS ${decodeTicks} of PTS ${presentationTicks}`);
    if (before !== undefined && decodeTicks <= before.decodeTicks)
      this.#report(`pid ${pid}: DTS from ${before.decodeTicks} to ${decodeTicks}`);
    const clock = open.clockTicks;
    if (clock !== undefined && (decodeTicks <= clock || decodeTicks > clock + MAX_CLOCK_LEAD_TICKS))
      this.#report(`pid ${pid}: DTS ${decodeTicks} at clock ${clock}`);
    const payload = bytes.subarray(9 + (bytes[8] ?? 0));
    const isFirst = before?.segment !== open.segment;
    for (const problem of byteStreamProblems(stream.streamType, payload, open.isRandomAccess, isFirst))
      this.#report(`pid ${pid}: ${problem}`);
    const { segment, isRandomAccess } = open;
    stream.packets.push({ segment, presentationTicks, decodeTicks, isRandomAccess, payload });
  }

  #ticksAt(bytes: Uint8Array, at: number, prefix: number): number {
    const [a = 0, b = 0, c = 0, d = 0, e = 0] = bytes.subarray(at, at + 5);
    if (a >> 4 !== prefix || (a & c & e & 1) === 0) this.#report("bits of a PTS or DTS");
    return ((a >> 1) & 7) * 2 ** 30 + b * 2 ** 22 + (c >> 1) * 2 ** 15 + d * 2 ** 7 + (e >> 1);
  }
}

function* headerProblems(bytes: Uint8Array, isPictures: boolean): Generator<string> {
  const [zero, zeros, one, streamId = 0, lengthHigh = 0, lengthLow = 0, marks, flags, headerLength] = bytes;
  if (zero !== 0 || zeros !== 0 || one !== 1) yield "no PES start code";
  if (isPictures !== (streamId >= 0xe0 && streamId < 0xf0)) yield `stream_id ${streamId}`;
  const length = lengthHigh * 256 + lengthLow;
  if (length !== (isPictures ? 0 : bytes.length - 6)) yield `PES length ${length} of ${bytes.length}`;
  const hasDecodeTime = flags === 0xc0;
  if (marks !== 0x84 || !(hasDecodeTime || flags === 0x80) || headerLength !== (hasDecodeTime ? 10 : 5))
    yield "PES header";
}

/**
 * Reads segments as a player does that plays one after the other, and names everything in which they are not a strict
 * transport stream (ISO/IEC 13818-1) of the form that HLS asks for. Times may not pass the end of their 33 bits.
 */
export const checkTransport = (segments: readonly Uint8Array[]): TransportReport => {
  const checker = new Checker();
  for (const [number, segment] of segments.entries()) checker.readSegment(segment, number);
  const { problems, clockTicks, clockPid } = checker;
  return { problems, clockTicks, clockPid, streams: [...checker.streams.values()] };
};
