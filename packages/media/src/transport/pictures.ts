import { accessUnitBytes, IS_ENTRY_POINT, putAccessUnit, type SampleScan, scanSample } from "./accessUnit.ts";
import { TRANSPORT_START_TICKS, type TransportSamples } from "./contract.ts";
import { PACKET_BYTES } from "./packets.ts";
import { PES_HEADER_BYTES, PES_HEADER_BYTES_WITH_DECODE_TIME, writePesHeader } from "./pesHeader.ts";
import { MAX_STREAM_BYTES, type PesSource } from "./pesSource.ts";
import type { PictureFormat } from "./pictureFormat.ts";
import { SourceFinder, type SourceMemory } from "./sourceMemory.ts";

const OPEN_LENGTH = 0;

/**
 * A PES packet for each picture. Key frames have parameter sets in front, and so has the first picture: a player that
 * begins here needs them.
 */
export const pictureSource = (
  samples: TransportSamples,
  format: PictureFormat,
  streamId: number,
  source: SourceMemory,
): PesSource => {
  const finder = new SourceFinder(source);
  const memory = source.bytes;
  const kept = new Uint32Array(samples.count);
  /** Where the samples that are kept lie in the memory. */
  const starts = new Float64Array(samples.count);
  const pesBytes = new Uint32Array(samples.count);
  const contents = new Uint8Array(samples.count);
  const header = new Uint8Array(PES_HEADER_BYTES_WITH_DECODE_TIME);
  const scan: SampleScan = { content: 0, unitBytes: 0 };
  let count = 0;

  const sizeOf = (sample: number): number => samples.sizes[sample] ?? 0;
  const decodeTicks = (sample: number): number => samples.decodeTicks[sample] ?? 0;
  const presentationTicks = (sample: number): number => samples.presentationTicks[sample] ?? 0;
  const isEntry = (packet: number): boolean =>
    samples.isRandomAccess[kept[packet] ?? 0] === 1 || ((contents[packet] ?? 0) & IS_ENTRY_POINT) !== 0;
  const hasSets = (packet: number): boolean => packet === 0 || isEntry(packet);

  let totalBytes = 0;
  for (let sample = 0; sample < samples.count && totalBytes <= MAX_STREAM_BYTES; sample++) {
    const start = finder.find(samples.positions[sample] ?? 0, sizeOf(sample));
    if (start < 0) continue;
    scanSample(memory, start, start + sizeOf(sample), format, scan);
    const { content, unitBytes } = scan;
    kept[count] = sample;
    starts[count] = start;
    contents[count] = content;
    const headerBytes =
      decodeTicks(sample) === presentationTicks(sample) ? PES_HEADER_BYTES : PES_HEADER_BYTES_WITH_DECODE_TIME;
    const size = headerBytes + accessUnitBytes(format, content, unitBytes, hasSets(count));
    totalBytes += size + PACKET_BYTES;
    pesBytes[count] = size;
    count++;
  }

  return {
    count,
    ticksOf: (packet) => decodeTicks(kept[packet] ?? 0),
    bytesOf: (packet) => pesBytes[packet] ?? 0,
    isRandomAccess: isEntry,
    write: (packet, writer) => {
      const sample = kept[packet] ?? 0;
      const decode = decodeTicks(sample);
      const presentation = presentationTicks(sample);
      const headerBytes = writePesHeader(
        header,
        0,
        streamId,
        OPEN_LENGTH,
        presentation + TRANSPORT_START_TICKS,
        decode === presentation ? undefined : decode + TRANSPORT_START_TICKS,
      );
      writer.put(header, headerBytes);
      const start = starts[packet] ?? 0;
      putAccessUnit(memory, start, start + sizeOf(sample), format, contents[packet] ?? 0, hasSets(packet), writer);
    },
  };
};
