const PACKET_BYTES = 188;
const CLOCK_HZ = 90_000;
const LONGEST_CLOCK_SECONDS = 0.1;

/** `program_clock_reference_base` of a packet; undefined where it has none. */
const clockOf = (packet: Buffer): number | undefined => {
  const hasField = ((packet[3] ?? 0) & 0x20) !== 0 && (packet[4] ?? 0) > 6;
  if (!hasField || ((packet[5] ?? 0) & 0x10) === 0) return undefined;
  return packet.readUInt32BE(6) * 2 + ((packet[10] ?? 0) >> 7);
};

/**
 * What a transport stream breaks of ISO 13818-1, over the borders of its segments: packets in step, continuity counters,
 * and a clock that goes forward at least ten times a second. At most ten complaints.
 */
export const transportComplaints = (stream: Buffer): readonly string[] => {
  const complaints: string[] = [];
  if (stream.length % PACKET_BYTES !== 0) complaints.push(`${stream.length} bytes are no whole packets`);
  const counters = new Map<number, number>();
  let clock: number | undefined;
  for (let at = 0; at + PACKET_BYTES <= stream.length && complaints.length < 10; at += PACKET_BYTES) {
    const packet = stream.subarray(at, at + PACKET_BYTES);
    const name = `packet ${at / PACKET_BYTES}`;
    if (packet[0] !== 0x47) complaints.push(`${name}: no sync byte`);
    if (((packet[1] ?? 0) & 0x80) !== 0) complaints.push(`${name}: transport error indicator`);
    const pid = packet.readUInt16BE(1) & 0x1fff;
    const counter = (packet[3] ?? 0) & 0x0f;
    const before = counters.get(pid);
    if (pid !== 0x1fff && ((packet[3] ?? 0) & 0x10) !== 0) {
      if (before !== undefined && counter !== (before + 1) % 16) complaints.push(`${name}: ${before} then ${counter}`);
      counters.set(pid, counter);
    }
    const next = clockOf(packet);
    if (next === undefined) continue;
    const seconds = clock === undefined ? 0 : (next - clock) / CLOCK_HZ;
    if (seconds < 0 || seconds > LONGEST_CLOCK_SECONDS) complaints.push(`${name}: the clock moves by ${seconds} s`);
    clock = next;
  }
  return complaints;
};
