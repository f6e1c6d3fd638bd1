import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PACKET_BYTES } from "../../src/transport/packets.ts";
import { PacketWriter } from "../../src/transport/packetWriter.ts";
import { filler } from "../support/transportInput.ts";

const PID = 0x101;
const OUT_AT = 40_000;

/** What transport packets carry, read back. */
const payloadOf = (packets: Uint8Array): number[] => {
  const payload: number[] = [];
  for (let at = 0; at < packets.length; at += PACKET_BYTES) {
    const packet = packets.subarray(at, at + PACKET_BYTES);
    expect(packet[0]).toBe(0x47);
    const fieldBytes = (packet[3] ?? 0) & 0x20 ? 1 + (packet[4] ?? 0) : 0;
    payload.push(...packet.subarray(4 + fieldBytes));
  }
  return payload;
};

/** Source and result in one memory, as a server has them, or each in its own. */
const memories = (isOne: boolean): { readonly source: Uint8Array; readonly out: Uint8Array } => {
  const source = new Uint8Array(2 * OUT_AT);
  source.set(filler(OUT_AT));
  return { source, out: isOne ? source : new Uint8Array(2 * OUT_AT) };
};

const parts = fc.array(
  fc.record({
    isOwn: fc.boolean(),
    from: fc.nat(10_000),
    length: fc.oneof(fc.nat(12), fc.constantFrom(183, 184, 185, 367, 368, 369), fc.nat(3_000)),
  }),
  { minLength: 1, maxLength: 8 },
);

describe("a PES packet in transport packets", () => {
  it("MEDIA-37 holds what was put, from whichever memory and in whichever parts, also with packets of a byte at its end", () => {
    fc.assert(
      fc.property(fc.boolean(), parts, fc.nat(15), fc.boolean(), (isOne, given, padding, hasClock) => {
        const { source, out } = memories(isOne);
        const expected = given.flatMap(({ from, length }) => [...source.subarray(from, from + length)]);
        if (expected.length < 16) return;
        const count = Math.ceil((expected.length + 8) / 184) + padding;
        const writer = new PacketWriter(source, out, OUT_AT);
        writer.begin(PID, 5, count, expected.length, hasClock ? 90_000 : undefined, true);
        for (const { isOwn, from, length } of given) {
          if (isOwn) writer.put(source.slice(from, from + length));
          else writer.copy(from, length);
        }
        writer.end();
        const packets = out.subarray(OUT_AT, OUT_AT + count * PACKET_BYTES);
        expect(payloadOf(packets)).toEqual(expected);
        const counters = Array.from({ length: count }, (_, packet) => (packets[packet * PACKET_BYTES + 3] ?? 0) & 15);
        expect(counters).toEqual(counters.map((_, packet) => (5 + packet) % 16));
        expect(out[OUT_AT + count * PACKET_BYTES], "nothing behind it").toBe(0);
      }),
    );
  });

  it("is refused where it is not as long as was announced", () => {
    const { source, out } = memories(true);
    const begun = (): PacketWriter => {
      const writer = new PacketWriter(source, out, OUT_AT);
      writer.begin(PID, 0, 2, 300, undefined, false);
      return writer;
    };
    const long = begun();
    expect(() => long.copy(0, 301)).toThrow("longer");
    const longer = begun();
    longer.copy(0, 300);
    expect(() => longer.put(Uint8Array.of(1))).toThrow("longer");
    const short = begun();
    short.copy(0, 299);
    expect(() => short.end()).toThrow("shorter");
    expect(out[OUT_AT + 2 * PACKET_BYTES]).toBe(0);
  });
});
