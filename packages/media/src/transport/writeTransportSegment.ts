import { type ResultRoom, resultIn } from "../resultRoom.ts";
import {
  type ElementaryStream,
  MAX_TRANSPORT_STREAMS,
  TRANSPORT_START_TICKS,
  type TransportSegment,
} from "./contract.ts";
import { interleave } from "./interleave.ts";
import { PACKET_BYTES } from "./packets.ts";
import { PacketWriter } from "./packetWriter.ts";
import type { PesSource } from "./pesSource.ts";
import { pictureFormatOf } from "./pictureFormat.ts";
import { pictureSource } from "./pictures.ts";
import { soundSource } from "./sound.ts";
import { isHalfRateFrame } from "./soundFrame.ts";
import { SourceFinder, type SourceMemory, sourceMemoryOf } from "./sourceMemory.ts";
import { pidOf, tablePackets } from "./tables.ts";

/** By how much the clock is behind the decode time of what is written: 0.7 s, as other muxers have it. */
const CLOCK_LEAD_TICKS = 63_000;
const CLOCK_OFFSET_TICKS = TRANSPORT_START_TICKS - CLOCK_LEAD_TICKS;

const PICTURES_STREAM_ID = 0xe0;
const SOUND_STREAM_ID = 0xc0;
const PRIVATE_STREAM_ID = 0xbd;

const isPictures = (stream: ElementaryStream): boolean => stream.codec.kind === "avc" || stream.codec.kind === "hevc";

const pesSourceOf = (stream: ElementaryStream, position: number, source: SourceMemory): PesSource => {
  const { codec, samples } = stream;
  switch (codec.kind) {
    case "avc":
    case "hevc":
      return pictureSource(samples, pictureFormatOf(codec), PICTURES_STREAM_ID + position, source);
    case "aac":
    case "mp3":
      return soundSource(samples, codec, SOUND_STREAM_ID + position, source);
    case "ac3":
    case "eac3":
      return soundSource(samples, codec, PRIVATE_STREAM_ID, source);
  }
};

const hasHalfRate = (stream: ElementaryStream, source: SourceMemory): boolean => {
  if (stream.codec.kind !== "mp3" || stream.samples.count === 0) return false;
  const size = stream.samples.sizes[0] ?? 0;
  const start = new SourceFinder(source).find(stream.samples.positions[0] ?? 0, size);
  return start >= 0 && isHalfRateFrame(source.bytes.subarray(start, start + size));
};

/**
 * A whole segment (MEDIA-37): PAT and PMT, then PES packets in the order of decode times. Times run on from segment to
 * segment, and so do the continuity counters. Never throws for what the samples hold. It is written into `room` if that is
 * large enough.
 */
export const writeTransportSegment = (request: TransportSegment, room?: ResultRoom): Uint8Array<ArrayBuffer> => {
  const streams = request.streams.slice(0, MAX_TRANSPORT_STREAMS);
  const clockPosition = Math.max(0, streams.findIndex(isPictures));
  const source = sourceMemoryOf(request.pieces);
  const tables = tablePackets(
    streams.map((stream) => ({ stream, halfRate: hasHalfRate(stream, source) })),
    clockPosition,
    request.segmentNumber,
  );
  const sources = streams.map((stream, position) => pesSourceOf(stream, position, source));
  const order = interleave(sources, clockPosition, streams[clockPosition]?.endTicks ?? 0);

  const result = resultIn(room, tables.length + order.transportPacketCount * PACKET_BYTES);
  result.set(tables);
  const writer = new PacketWriter(source.bytes, new Uint8Array(result.buffer), result.byteOffset + tables.length);
  const counters = new Uint8Array(streams.length);
  const clockPid = pidOf(clockPosition);
  let clockPacket = 0;
  const putClockPacketsBefore = (place: number): void => {
    for (let next = order.clockPackets[clockPacket]; next?.before === place; next = order.clockPackets[clockPacket]) {
      writer.putClockPacket(clockPid, counters[clockPosition] ?? 0, next.ticks + CLOCK_OFFSET_TICKS);
      clockPacket++;
    }
  };

  for (let place = 0; place < order.count; place++) {
    putClockPacketsBefore(place);
    const stream = order.streamAt[place] ?? 0;
    const packet = order.packetAt[place] ?? 0;
    const pes = sources[stream];
    if (pes === undefined) break;
    const packetCount = order.transportPacketsAt[place] ?? 0;
    const clockTicks = order.hasClockAt[place] === 1 ? pes.ticksOf(packet) + CLOCK_OFFSET_TICKS : undefined;
    const counter = counters[stream] ?? 0;
    writer.begin(pidOf(stream), counter, packetCount, pes.bytesOf(packet), clockTicks, pes.isRandomAccess(packet));
    pes.write(packet, writer);
    writer.end();
    counters[stream] = (counter + packetCount) & 15;
  }
  putClockPacketsBefore(order.count);
  return result;
};
