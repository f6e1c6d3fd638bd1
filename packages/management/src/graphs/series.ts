import {
  byteHitRatio,
  CLIENT_CLASSES,
  CLIENT_RECEIVED,
  CLIENT_SENT,
  type ClassSlots,
  cacheResultSlot,
  type Figures,
  type HostFacts,
  ORIGIN_CLASSES,
  ORIGIN_RECEIVED,
  ORIGIN_SENT,
  PROCESS_SLOT,
  requestHitRatio,
  SIZE_CLASSES,
  type StoredFileFacts,
  VHOST_SLOT,
} from "@basalt/telemetry";
import type { CacheResult } from "@basalt/types";
import { ofMachine } from "../snmp/tree/sources.ts";

/** What a value is while a host has nothing to do: 0, what it was before, or nothing that could be said. */
export type IdleValue = "zero" | "same" | "unknown";

/** One number for each step, of a virtual host, of all of them, or of the server. NaN: nothing can be said. */
export interface GraphSeries<Facts> {
  readonly idle: IdleValue;
  readonly read: (facts: Facts) => number;
}

/** What a virtual host, or all of them together, did in some minutes, and has stored at their end. */
export interface HostReading {
  readonly figures: Figures;
  readonly files: StoredFileFacts;
}

type HostSeries = GraphSeries<HostReading>;
type ServerSeries = GraphSeries<HostFacts>;

const BITS_PER_BYTE = 8;
const HUNDREDTHS_PER_MS = 100;
/** Shares of the statistics are in 0.01 %. */
const PER_PERCENT = 100;

const sumOf = ({ values }: Figures, slots: readonly number[]): number =>
  slots.reduce((sum, slot) => sum + (values[slot] ?? 0), 0);

const perSecond = (...slots: readonly number[]): HostSeries => ({
  idle: "zero",
  read: ({ figures }) => sumOf(figures, slots) / figures.seconds,
});

const bitsPerSecond = (slots: readonly number[]): HostSeries => ({
  idle: "zero",
  read: ({ figures }) => (sumOf(figures, slots) * BITS_PER_BYTE) / figures.seconds,
});

const level = (slot: number): HostSeries => ({
  idle: "same",
  read: ({ figures }) => sumOf(figures, [slot]) / figures.samples,
});

/** Weighted by the number of responses, of several hosts too (GRAPH-A6). */
const milliseconds = (times: readonly number[], responses: readonly number[]): HostSeries => ({
  idle: "unknown",
  read: ({ figures }) => sumOf(figures, times) / sumOf(figures, responses) / HUNDREDTHS_PER_MS,
});

const requestShare: HostSeries = {
  idle: "unknown",
  read: ({ figures }) =>
    sumOf(figures, [VHOST_SLOT.clientRequests]) === 0
      ? Number.NaN
      : requestHitRatio(figures, VHOST_SLOT.cacheResult) / PER_PERCENT,
};

const byteShare: HostSeries = {
  idle: "unknown",
  read: ({ figures }) => {
    const sent = sumOf(figures, CLIENT_SENT);
    return sent === 0 ? Number.NaN : byteHitRatio(sent, sumOf(figures, ORIGIN_RECEIVED)) / PER_PERCENT;
  },
};

const result = (name: CacheResult): HostSeries => perSecond(cacheResultSlot(name));

/** Stored objects of the size classes from the one of `first` to that of `last`; they are counted a while after a start. */
const files = (first: (typeof SIZE_CLASSES)[number], last = first): HostSeries => {
  const [from, to] = [SIZE_CLASSES.indexOf(first), SIZE_CLASSES.indexOf(last) + 1];
  return {
    idle: "same",
    read: ({ files: { bySize, objects } }) => {
      const isCounted = objects === 0 || bySize.some((count) => count > 0);
      return isCounted ? bySize.slice(from, to).reduce((sum, count) => sum + count, 0) : Number.NaN;
    },
  };
};

const classSlots = (classes: readonly ClassSlots[], name: string): ClassSlots => {
  const found = classes.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no class of responses is called ${name}`);
  return found;
};

const clientClass = (name: string): ClassSlots => classSlots(CLIENT_CLASSES, name);
const originClass = (name: string): ClassSlots => classSlots(ORIGIN_CLASSES, name);

/** In the order in which they are kept: new ones go to the end. */
export const HOST_SERIES = {
  requestHitRatio: requestShare,
  byteHitRatio: byteShare,
  filesTo4KB: files("U1K", "U4K"),
  filesTo16KB: files("U8K", "U16K"),
  filesTo32KB: files("U32K"),
  filesTo64KB: files("U64K"),
  filesTo128KB: files("U128K"),
  filesTo256KB: files("U256K"),
  filesTo1MB: files("U512K", "U1M"),
  filesTo8MB: files("U2M", "U8M"),
  filesTo128MB: files("U16M", "U128M"),
  filesTo512MB: files("U256M", "U512M"),
  filesTo1GB: files("U1G"),
  filesTo4GB: files("U2G", "U4G"),
  filesFrom4GB: files("U8G", "O16G"),
  files: { idle: "same", read: ({ files: { objects } }) => objects },
  memoryBytes: level(VHOST_SLOT.memoryBytes),
  /** Files are deleted at once (STAT-63). */
  filesToDelete: { idle: "zero", read: () => 0 },
  clientBypassed: perSecond(VHOST_SLOT.clientBypassed),
  clientDenied: result("TCP_DENIED"),
  clientSessions: level(VHOST_SLOT.clientSessions),
  clientSessionsActive: perSecond(VHOST_SLOT.clientSessionsActive),
  clientInbound: bitsPerSecond(CLIENT_RECEIVED),
  clientOutbound: bitsPerSecond(CLIENT_SENT),
  clientRequests: perSecond(VHOST_SLOT.clientRequests),
  clientResponses: perSecond(...clientClass("Total").count),
  client2xx: perSecond(...clientClass("2xx").count),
  client3xx: perSecond(...clientClass("3xx").count),
  client4xx: perSecond(...clientClass("4xx").count),
  client5xx: perSecond(...clientClass("5xx").count),
  clientCompleted: perSecond(...clientClass("Total").completed),
  clientFirstByte: milliseconds(clientClass("Total").firstByteTime, clientClass("Total").count),
  clientComplete: milliseconds(clientClass("Total").completeTime, clientClass("Total").count),
  TCP_HIT: result("TCP_HIT"),
  TCP_IMS_HIT: result("TCP_IMS_HIT"),
  TCP_REFRESH_HIT: result("TCP_REFRESH_HIT"),
  TCP_REF_FAIL_HIT: result("TCP_REF_FAIL_HIT"),
  TCP_NEGATIVE_HIT: result("TCP_NEGATIVE_HIT"),
  TCP_REDIRECT_HIT: result("TCP_REDIRECT_HIT"),
  TCP_MISS: result("TCP_MISS"),
  TCP_REFRESH_MISS: result("TCP_REFRESH_MISS"),
  TCP_CLIENT_REFRESH_MISS: result("TCP_CLIENT_REFRESH_MISS"),
  TCP_ERROR: result("TCP_ERROR"),
  tlsInbound: bitsPerSecond([VHOST_SLOT.tlsReceivedBytes]),
  tlsOutbound: bitsPerSecond([VHOST_SLOT.tlsSentBytes]),
  originSessions: level(VHOST_SLOT.originSessions),
  originSessionsActive: perSecond(VHOST_SLOT.originSessionsActive),
  originInbound: bitsPerSecond(ORIGIN_RECEIVED),
  originOutbound: bitsPerSecond(ORIGIN_SENT),
  originRequests: perSecond(VHOST_SLOT.originRequests),
  originResponses: perSecond(...originClass("Total").count),
  origin2xx: perSecond(...originClass("2xx").count),
  origin3xx: perSecond(...originClass("3xx").count),
  origin4xx: perSecond(...originClass("4xx").count),
  origin5xx: perSecond(...originClass("5xx").count),
  originCompleted: perSecond(...originClass("Total").completed),
  originFirstByte: milliseconds(originClass("Total").firstByteTime, originClass("Total").count),
  originComplete: milliseconds(originClass("Total").completeTime, originClass("Total").count),
} as const satisfies Readonly<Record<string, HostSeries>>;

const machine = (json: string, divisor = 1): ServerSeries => {
  const read = ofMachine(json);
  return { idle: "same", read: (facts) => read(facts) / divisor };
};

const machineSum = (left: string, right: string): ServerSeries => {
  const [first, second] = [ofMachine(left), ofMachine(right)];
  return { idle: "same", read: (facts) => (first(facts) + second(facts)) / PER_PERCENT };
};

const processRate = (slot: number): ServerSeries => ({
  idle: "same",
  read: ({ process, seconds }) => (process[slot] ?? 0) / seconds,
});

const processLevel = (slot: number): ServerSeries => ({
  idle: "same",
  read: ({ process, samples }) => (process[slot] ?? 0) / samples,
});

const usedMemory: ServerSeries = {
  idle: "same",
  read: ({ machine: { now } }) => Math.max(0, now.memory.totalBytes - now.memory.freeBytes),
};

/** In the order in which they are kept, as HOST_SERIES. */
export const SERVER_SERIES = {
  cpu: machineSum("System.CPU.Kernel", "System.CPU.User"),
  cpuKernel: machine("System.CPU.Kernel", PER_PERCENT),
  ownCpu: machineSum("System.CPU.ProcKernel", "System.CPU.ProcUser"),
  ownCpuKernel: machine("System.CPU.ProcKernel", PER_PERCENT),
  usedMemory,
  ownMemory: machine("System.Mem.STON"),
  ioWait: machine("System.CPU.IOWait", PER_PERCENT),
  loadAverage: machine("System.SystemLoadAverage.Min1", PER_PERCENT),
  clientsAccepted: processRate(PROCESS_SLOT.connectionsAccepted),
  clientsClosed: processRate(PROCESS_SLOT.connectionsClosed),
  clientConnections: processLevel(PROCESS_SLOT.connectionsOpen),
  originsConnected: processRate(PROCESS_SLOT.originConnectionsMade),
  originsClosed: processRate(PROCESS_SLOT.originConnectionsClosed),
  originConnections: processLevel(PROCESS_SLOT.originConnectionsOpen),
  accessDenied: processRate(PROCESS_SLOT.accessDenied),
  waitingEvents: machine("System.EQ"),
  filesToWrite: processLevel(PROCESS_SLOT.fillsRunning),
  rewrittenUrls: processRate(PROCESS_SLOT.rewrittenUrls),
  tcpEstablished: machine("System.TCPSocket.Established"),
  tcpTimewait: machine("System.TCPSocket.Timewait"),
  tcpOrphan: machine("System.TCPSocket.Orphan"),
  tcpAllocated: machine("System.TCPSocket.Alloc"),
  tcpMemoryPages: machine("System.TCPSocket.Mem"),
} as const satisfies Readonly<Record<string, ServerSeries>>;

export type HostSeriesName = keyof typeof HOST_SERIES;
export type ServerSeriesName = keyof typeof SERVER_SERIES;

const HOST_LIST: readonly HostSeries[] = Object.values(HOST_SERIES);
const SERVER_LIST: readonly ServerSeries[] = Object.values(SERVER_SERIES);

const knownOrNothing = (value: number): number => (Number.isFinite(value) ? value : Number.NaN);

export const readHost = (reading: HostReading): Float32Array =>
  Float32Array.from(HOST_LIST, ({ read }) => knownOrNothing(read(reading)));

export const readServer = (facts: HostFacts): Float32Array =>
  Float32Array.from(SERVER_LIST, ({ read }) => knownOrNothing(read(facts)));

const LEVELS: readonly number[] = [...HOST_LIST.keys()].filter((at) => HOST_LIST[at]?.idle === "same");
const AMOUNTS: readonly number[] = [...HOST_LIST.keys()].filter((at) => HOST_LIST[at]?.idle === "zero");

/** What a host still has when it has nothing to do. */
export const levelsOf = (values: Float32Array): Float32Array => Float32Array.from(LEVELS, (at) => values[at] ?? 0);

/** Whether something happened in the time of these values, beyond a change of levels. */
export const hasActivity = (values: Float32Array): boolean => AMOUNTS.some((at) => (values[at] ?? 0) !== 0);
