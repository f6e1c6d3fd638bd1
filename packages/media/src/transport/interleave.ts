import { packetCountOf } from "./packets.ts";
import type { PesSource } from "./pesSource.ts";

/** 100 ms: the clock comes at least that often (ISO/IEC 13818-1 2.7.2). */
const MAX_CLOCK_INTERVAL_TICKS = 9_000;
/** 30 ms: pictures that follow faster need no clock each. */
const MIN_CLOCK_INTERVAL_TICKS = 2_700;
/** Of packets with a clock alone in one segment, 1.9 MB: stands still for a quarter of an hour. A file may claim more. */
const MAX_CLOCK_PACKETS = 10_000;

/**
 * A segment pads each stream to a multiple of this many packets with payload, so that all segments begin with the same
 * continuity counter, and a player finds it continuous from each segment to the next though each is made alone.
 */
const COUNTER_MODULUS = 16;

/** Order of the PES packets of a segment, and how each is put into transport packets. */
export interface Interleaving {
  readonly count: number;
  /** Place of the stream, and which of its PES packets. */
  readonly streamAt: Uint8Array;
  readonly packetAt: Uint32Array;
  readonly transportPacketsAt: Uint32Array;
  /** 1 where the PES packet begins with the clock of its decode time. */
  readonly hasClockAt: Uint8Array;
  /** Packets with a clock alone: in front of which in the order (`count`: at the end), and their times. */
  readonly clockPackets: readonly { readonly before: number; readonly ticks: number }[];
  readonly transportPacketCount: number;
}

/** By decode time, and among equals by the order of the streams. */
const nextStream = (sources: readonly PesSource[], cursors: Uint32Array): number => {
  let next = -1;
  let nextTicks = 0;
  for (let position = 0; position < sources.length; position++) {
    const source = sources[position];
    const cursor = cursors[position] ?? 0;
    if (source === undefined || cursor >= source.count) continue;
    const ticks = source.ticksOf(cursor);
    if (next >= 0 && ticks >= nextTicks) continue;
    next = position;
    nextTicks = ticks;
  }
  return next;
};

/** Where the clock stands before the segment: what is due at `ticks` is exactly an interval later without pictures. */
const clockBefore = (sources: readonly PesSource[], clockPosition: number): number | undefined => {
  const clockSource = sources[clockPosition];
  if (clockSource !== undefined && clockSource.count > 0) return undefined;
  const firsts = sources.filter((source) => source.count > 0).map((source) => source.ticksOf(0));
  return firsts.length === 0 ? undefined : Math.min(...firsts) - MAX_CLOCK_INTERVAL_TICKS;
};

/** `endTicks`: where the clock's stream goes on in the next segment. */
export const interleave = (sources: readonly PesSource[], clockPosition: number, endTicks: number): Interleaving => {
  const count = sources.reduce((sum, source) => sum + source.count, 0);
  const streamAt = new Uint8Array(count);
  const packetAt = new Uint32Array(count);
  const transportPacketsAt = new Uint32Array(count);
  const hasClockAt = new Uint8Array(count);
  const clockPackets: { before: number; ticks: number }[] = [];
  const cursors = new Uint32Array(sources.length);
  const transportPackets = new Float64Array(sources.length);
  const lastAt = new Int32Array(sources.length).fill(-1);

  let clockTicks = clockBefore(sources, clockPosition);
  const fillClock = (before: number, dueTicks: number): void => {
    if (clockTicks === undefined) return;
    while (dueTicks - clockTicks >= MAX_CLOCK_INTERVAL_TICKS && clockPackets.length < MAX_CLOCK_PACKETS) {
      clockTicks += MAX_CLOCK_INTERVAL_TICKS;
      clockPackets.push({ before, ticks: clockTicks });
    }
  };

  for (let place = 0; place < count; place++) {
    const stream = nextStream(sources, cursors);
    const source = sources[stream];
    if (source === undefined) break;
    const packet = cursors[stream] ?? 0;
    cursors[stream] = packet + 1;
    const ticks = source.ticksOf(packet);
    const isRandomAccess = source.isRandomAccess(packet);
    // What has a clock of its own needs none in front that says the same.
    fillClock(place, Math.min(endTicks - 1, stream === clockPosition ? ticks - 1 : ticks));
    const hasClock =
      stream === clockPosition &&
      (clockTicks === undefined ||
        ticks - clockTicks >= MIN_CLOCK_INTERVAL_TICKS ||
        (isRandomAccess && ticks > clockTicks));
    if (hasClock) clockTicks = ticks;
    const transportPacketCount = packetCountOf(source.bytesOf(packet), hasClock, isRandomAccess);
    streamAt[place] = stream;
    packetAt[place] = packet;
    hasClockAt[place] = hasClock ? 1 : 0;
    transportPacketsAt[place] = transportPacketCount;
    transportPackets[stream] = (transportPackets[stream] ?? 0) + transportPacketCount;
    lastAt[stream] = place;
  }
  fillClock(count, endTicks - 1);

  let total = clockPackets.length;
  for (const [stream, place] of lastAt.entries()) {
    if (place < 0) continue;
    const beyond = (transportPackets[stream] ?? 0) % COUNTER_MODULUS;
    const padding = beyond === 0 ? 0 : COUNTER_MODULUS - beyond;
    transportPacketsAt[place] = (transportPacketsAt[place] ?? 0) + padding;
    total += (transportPackets[stream] ?? 0) + padding;
  }
  return { count, streamAt, packetAt, transportPacketsAt, hasClockAt, clockPackets, transportPacketCount: total };
};
