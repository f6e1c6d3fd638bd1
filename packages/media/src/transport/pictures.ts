import { accessUnitBytes, contentOf, IS_ENTRY_POINT, type PictureFormat, writeAccessUnit } from "./accessUnit.ts";
import { TRANSPORT_START_TICKS, type TransportSamples } from "./contract.ts";
import { PACKET_BYTES } from "./packets.ts";
import { PES_HEADER_BYTES, PES_HEADER_BYTES_WITH_DECODE_TIME, writePesHeader } from "./pesHeader.ts";
import { MAX_STREAM_BYTES, type PesSource } from "./pesSource.ts";
import type { SourceBytes } from "./sourceBytes.ts";

const OPEN_LENGTH = 0;

/**
 * A PES packet for each picture. Key frames have parameter sets in front, and so has the first picture: a player that
 * begins here needs them.
 */
export const pictureSource = (
  samples: TransportSamples,
  format: PictureFormat,
  streamId: number,
  source: SourceBytes,
): PesSource => {
  const kept = new Uint32Array(samples.count);
  const sizes = new Uint32Array(samples.count);
  const contents = new Uint8Array(samples.count);
  let count = 0;

  const sampleBytes = (sample: number): Uint8Array | undefined =>
    source.find(samples.positions[sample] ?? 0, samples.sizes[sample] ?? 0);
  const decodeTicks = (sample: number): number => samples.decodeTicks[sample] ?? 0;
  const presentationTicks = (sample: number): number => samples.presentationTicks[sample] ?? 0;
  const isEntry = (packet: number): boolean =>
    samples.isRandomAccess[kept[packet] ?? 0] === 1 || ((contents[packet] ?? 0) & IS_ENTRY_POINT) !== 0;
  const hasSets = (packet: number): boolean => packet === 0 || isEntry(packet);

  let totalBytes = 0;
  for (let sample = 0; sample < samples.count && totalBytes <= MAX_STREAM_BYTES; sample++) {
    const bytes = sampleBytes(sample);
    if (bytes === undefined) continue;
    const content = contentOf(bytes, format);
    kept[count] = sample;
    contents[count] = content;
    const headerBytes =
      decodeTicks(sample) === presentationTicks(sample) ? PES_HEADER_BYTES : PES_HEADER_BYTES_WITH_DECODE_TIME;
    const size = headerBytes + accessUnitBytes(bytes, format, content, hasSets(count));
    totalBytes += size + PACKET_BYTES;
    sizes[count] = size;
    count++;
  }

  return {
    count,
    ticksOf: (packet) => decodeTicks(kept[packet] ?? 0),
    bytesOf: (packet) => sizes[packet] ?? 0,
    isRandomAccess: isEntry,
    write: (packet, out, at) => {
      const sample = kept[packet] ?? 0;
      const bytes = sampleBytes(sample);
      if (bytes === undefined) return;
      const decode = decodeTicks(sample);
      const presentation = presentationTicks(sample);
      const headerBytes = writePesHeader(
        out,
        at,
        streamId,
        OPEN_LENGTH,
        presentation + TRANSPORT_START_TICKS,
        decode === presentation ? undefined : decode + TRANSPORT_START_TICKS,
      );
      writeAccessUnit(bytes, format, contents[packet] ?? 0, hasSets(packet), out, at + headerBytes);
    },
  };
};
