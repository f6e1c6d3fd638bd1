import { TRANSPORT_START_TICKS, type TransportSamples } from "./contract.ts";
import { PACKET_BYTES } from "./packets.ts";
import { PES_HEADER_BYTES, writePesHeader } from "./pesHeader.ts";
import { MAX_STREAM_BYTES, type PesSource } from "./pesSource.ts";
import { frameBytes, frameTicks, type SoundCodec, writeFrame } from "./soundFrame.ts";
import type { SourceBytes } from "./sourceBytes.ts";

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
  source: SourceBytes,
): PesSource => {
  const kept = new Uint32Array(samples.count);
  let keptCount = 0;
  /** Position in `kept` of the first frame of each packet. */
  const firsts = new Uint32Array(samples.count + 1);
  const payloads = new Uint32Array(samples.count);
  let count = 0;

  const sampleBytes = (sample: number): Uint8Array | undefined =>
    source.find(samples.positions[sample] ?? 0, samples.sizes[sample] ?? 0);
  const presentationTicks = (sample: number): number => samples.presentationTicks[sample] ?? 0;

  let payload = 0;
  let packetTicks = 0;
  let expectedTicks = 0;
  let duration: number | undefined;
  let totalBytes = 0;
  for (let sample = 0; sample < samples.count && totalBytes <= MAX_STREAM_BYTES; sample++) {
    const size = frameBytes(codec, samples.sizes[sample] ?? 0);
    if (size === 0) continue;
    const bytes = sampleBytes(sample);
    if (bytes === undefined) continue;
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
      duration = frameTicks(codec, bytes);
      totalBytes += PACKET_BYTES;
    }
    totalBytes += size;
    payload += size;
    payloads[count - 1] = payload;
    expectedTicks += duration ?? 0;
    kept[keptCount] = sample;
    keptCount++;
  }
  firsts[count] = keptCount;

  return {
    count,
    ticksOf: (packet) => samples.decodeTicks[kept[firsts[packet] ?? 0] ?? 0] ?? 0,
    bytesOf: (packet) => PES_HEADER_BYTES + (payloads[packet] ?? 0),
    isRandomAccess: () => false,
    write: (packet, out, start) => {
      const first = firsts[packet] ?? 0;
      const end = firsts[packet + 1] ?? first;
      const ticks = presentationTicks(kept[first] ?? 0) + TRANSPORT_START_TICKS;
      let at = start + writePesHeader(out, start, streamId, payloads[packet] ?? 0, ticks, undefined);
      for (let frame = first; frame < end; frame++) {
        const bytes = sampleBytes(kept[frame] ?? 0);
        if (bytes !== undefined) at += writeFrame(codec, bytes, out, at);
      }
    },
  };
};
