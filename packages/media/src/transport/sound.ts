import { TRANSPORT_START_TICKS, type TransportSamples } from "./contract.ts";
import { PACKET_BYTES } from "./packets.ts";
import { PES_HEADER_BYTES, writePesHeader } from "./pesHeader.ts";
import { MAX_STREAM_BYTES, type PesSource } from "./pesSource.ts";
import { ADTS_HEADER_BYTES, frameBytes, frameTicks, type SoundCodec, writeAdtsHeader } from "./soundFrame.ts";
import { SourceFinder, type SourceMemory } from "./sourceMemory.ts";

/** As much as other muxers put into a PES packet. */
const MAX_PAYLOAD_BYTES = 2_880;
/** 100 ms, so that a clock at the front of each packet is often enough. */
const MAX_PACKET_TICKS = 9_000;
/**
 * Players reckon the times of all frames but the first of a packet. A frame that is further off begins a packet of its
 * own; 1 ms of rounding is allowed for.
 */
const MAX_DEVIATION_TICKS = 100;

/** PES packets of several whole frames each. */
export const soundSource = (
  samples: TransportSamples,
  codec: SoundCodec,
  streamId: number,
  source: SourceMemory,
): PesSource => {
  const finder = new SourceFinder(source);
  const memory = source.bytes;
  const kept = new Uint32Array(samples.count);
  /** Where the frames that are kept lie in the memory. */
  const starts = new Float64Array(samples.count);
  let keptCount = 0;
  /** Position in `kept` of the first frame of each packet. */
  const firsts = new Uint32Array(samples.count + 1);
  const payloads = new Uint32Array(samples.count);
  const pesHeader = new Uint8Array(PES_HEADER_BYTES);
  const frameHeader = new Uint8Array(ADTS_HEADER_BYTES);
  let count = 0;

  const sizeOf = (sample: number): number => samples.sizes[sample] ?? 0;
  const presentationTicks = (sample: number): number => samples.presentationTicks[sample] ?? 0;

  let payload = 0;
  let packetTicks = 0;
  let expectedTicks = 0;
  let duration: number | undefined;
  let totalBytes = 0;
  for (let sample = 0; sample < samples.count && totalBytes <= MAX_STREAM_BYTES; sample++) {
    const size = frameBytes(codec, sizeOf(sample));
    if (size === 0) continue;
    const start = finder.find(samples.positions[sample] ?? 0, sizeOf(sample));
    if (start < 0) continue;
    const ticks = presentationTicks(sample);
    const continues =
      count > 0 &&
      duration !== undefined &&
      payload + size <= MAX_PAYLOAD_BYTES &&
      ticks + duration - packetTicks <= MAX_PACKET_TICKS &&
      Math.abs(ticks - expectedTicks) <= MAX_DEVIATION_TICKS;
    if (!continues) {
      firsts[count] = keptCount;
      count++;
      payload = 0;
      packetTicks = ticks;
      expectedTicks = ticks;
      duration = frameTicks(codec, memory.subarray(start, start + sizeOf(sample)));
      totalBytes += PACKET_BYTES;
    }
    totalBytes += size;
    payload += size;
    payloads[count - 1] = payload;
    expectedTicks += duration ?? 0;
    kept[keptCount] = sample;
    starts[keptCount] = start;
    keptCount++;
  }
  firsts[count] = keptCount;

  return {
    count,
    ticksOf: (packet) => samples.decodeTicks[kept[firsts[packet] ?? 0] ?? 0] ?? 0,
    bytesOf: (packet) => PES_HEADER_BYTES + (payloads[packet] ?? 0),
    isRandomAccess: () => false,
    write: (packet, writer) => {
      const first = firsts[packet] ?? 0;
      const end = firsts[packet + 1] ?? first;
      const ticks = presentationTicks(kept[first] ?? 0) + TRANSPORT_START_TICKS;
      writer.put(pesHeader, writePesHeader(pesHeader, 0, streamId, payloads[packet] ?? 0, ticks, undefined));
      for (let frame = first; frame < end; frame++) {
        const size = sizeOf(kept[frame] ?? 0);
        if (codec.kind === "aac") {
          writeAdtsHeader(codec, size, frameHeader);
          writer.put(frameHeader);
        }
        writer.copy(starts[frame] ?? 0, size);
      }
    },
  };
};
