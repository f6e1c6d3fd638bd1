import {
  CLASS_COUNTER_NAMES,
  COUNTER_NAMES,
  inHundredthsOfMs,
  isLoopback,
  newCounters,
  type OriginCounters,
  type OriginPool,
  type OriginTransaction,
} from "@basalt/origin";
import {
  blockKey,
  type CounterBlock,
  classIndexOf,
  originFailureSlot,
  outcomeOf,
  PROCESS_SLOT,
  RequestTrace,
  type ServiceOutcome,
  timeBucketOf,
  VHOST_SLOT,
} from "@basalt/telemetry";

interface Watched {
  readonly vhost: string;
  readonly pool: OriginPool;
  /** Undefined before the pool has counted anything: most of thousands never do. */
  seen: { readonly all: OriginCounters; readonly local: OriginCounters } | undefined;
}

/** Carries what origin pools have counted into the counters of their virtual hosts, as differences. */
export class OriginCounting {
  readonly #counters: CounterBlock;
  readonly #watched = new Map<OriginPool, Watched>();

  constructor(counters: CounterBlock) {
    this.#counters = counters;
  }

  watch(vhost: string, pool: OriginPool): void {
    if (this.#watched.has(pool)) return;
    this.#watched.set(pool, { vhost, pool, seen: undefined });
  }

  /** The pool is closed and counts no more. */
  forget(pool: OriginPool): void {
    this.collect();
    this.#watched.delete(pool);
  }

  /** Connections count as active anew (STAT-27). */
  beginInterval(): void {
    for (const { pool } of this.#watched.values()) pool.beginInterval();
  }

  /** What pools do not keep: figures of each origin, and the distribution of the times to the first byte. */
  noteTransaction(transaction: OriginTransaction): void {
    const { vhost, serverIp, status, purpose, firstByteMs } = transaction;
    if (purpose === "probe" || purpose === "healthcheck") return;
    this.#noteOrigin(transaction);
    if (status === 0) return;
    const offset = this.#blockOf(vhost, isLoopback(serverIp));
    const hundredths = inHundredthsOfMs(firstByteMs);
    this.#counters.add(offset + VHOST_SLOT.originFirstByteSeconds + timeBucketOf(hundredths), 1);
    this.#counters.latencies.add("origin", offset, hundredths);
  }

  /** Call it before counters are read. Traffic with loopback servers counts apart (STAT-15). */
  collect(): void {
    for (const watched of this.#watched.values()) {
      const { vhost, pool } = watched;
      if (watched.seen === undefined ? isUnused(pool.counters) : isEqual(pool.counters, watched.seen.all)) continue;
      watched.seen ??= { all: newCounters(), local: newCounters() };
      const local = growth(pool.localCounters, watched.seen.local);
      const others = without(growth(pool.counters, watched.seen.all), local);
      this.#add(this.#blockOf(vhost, false), others);
      if (hasAny(local)) this.#add(this.#blockOf(vhost, true), local);
      this.#counters.add(this.#blockOf(vhost, false) + VHOST_SLOT.originRefused, others.refused);
    }
  }

  #noteOrigin(transaction: OriginTransaction): void {
    const { vhost, domain, serverPort, cause, connectMs, sendMs, firstByteMs, completeMs } = transaction;
    const outcome = outcomeOfExchange(transaction);
    if (outcome === undefined) return;
    this.#counters.origins.add(
      { vhost, origin: formatAuthority(domain, serverPort) },
      {
        outcome,
        hundredths: inHundredthsOfMs(connectMs + sendMs + firstByteMs + completeMs),
        isTraced: cause instanceof RequestTrace && cause.isSampled,
      },
    );
  }

  #blockOf(vhost: string, isLocal: boolean): number {
    return isLocal ? this.#counters.block(blockKey({ vhost, isLocal, port: undefined })) : this.#counters.vhost(vhost);
  }

  #add(offset: number, grown: OriginCounters): void {
    const add = (slot: number, amount: number): void => this.#counters.add(offset + slot, amount);
    const requestBytes = grown.requestHeadBytes + grown.requestBodyBytes;
    const responseBytes = grown.responseHeadBytes + grown.responseBodyBytes;
    add(VHOST_SLOT.originRequests, grown.requests);
    add(VHOST_SLOT.originRequestBytes, requestBytes);
    add(VHOST_SLOT.originRequestBodyBytes, grown.requestBodyBytes);
    add(VHOST_SLOT.originResponseBytes, responseBytes);
    add(VHOST_SLOT.originResponseBodyBytes, grown.responseBodyBytes);
    add(originFailureSlot("ORIGIN_CONNECT_FAILED"), grown.connectFailures);
    add(originFailureSlot("ORIGIN_RECEIVE_TIMEOUT"), grown.receiveTimeouts);
    add(originFailureSlot("ORIGIN_CLOSED"), grown.closedEarly);
    add(originFailureSlot("ORIGIN_MALFORMED"), grown.malformed);
    add(VHOST_SLOT.originConnects, grown.connections);
    add(VHOST_SLOT.originConnectTime, grown.connectTime);
    add(VHOST_SLOT.originSessions, grown.connections - grown.connectionsClosed);
    add(VHOST_SLOT.originSessionsActive, grown.connectionsActive);
    this.#counters.add(PROCESS_SLOT.originConnectionsMade, grown.connections);
    this.#counters.add(PROCESS_SLOT.originConnectionsClosed, grown.connectionsClosed);
    this.#counters.add(PROCESS_SLOT.originConnectionsOpen, grown.connections - grown.connectionsClosed);
    for (let group = 1; group <= 5; group++) {
      const index = classIndexOf(group * 100);
      add(VHOST_SLOT.originResponseClass + index, grown.responses[group] ?? 0);
      add(VHOST_SLOT.originCompleted + index, grown.completed[group] ?? 0);
      add(VHOST_SLOT.originFirstByteTime + index, grown.firstByteTime[group] ?? 0);
      add(VHOST_SLOT.originCompleteTime + index, grown.completeTime[group] ?? 0);
    }
  }
}

/** Undefined for what this side has broken off before an answer. */
const outcomeOfExchange = ({ status, ended }: OriginTransaction): ServiceOutcome | undefined => {
  if (ended !== "complete" && ended !== "aborted") return "fault";
  return status === 0 ? undefined : outcomeOf(status);
};

const formatAuthority = (host: string, port: number): string =>
  host.includes(":") && !host.startsWith("[") ? `[${host}]:${port}` : `${host}:${port}`;

/** Whatever a pool counts begins with one of these. */
const isUnused = ({ requests, connections, connectFailures, refused }: OriginCounters): boolean =>
  requests === 0 && connections === 0 && connectFailures === 0 && refused === 0;

/** Local traffic counts in both. */
const isEqual = (left: OriginCounters, right: OriginCounters): boolean => {
  for (const name of COUNTER_NAMES) if (left[name] !== right[name]) return false;
  for (const name of CLASS_COUNTER_NAMES) {
    for (let group = 1; group <= 5; group++) if (left[name][group] !== right[name][group]) return false;
  }
  return true;
};

/** By how much counters have grown; what was seen is brought up to them. */
const growth = (now: OriginCounters, seen: OriginCounters): OriginCounters => {
  const grown = newCounters();
  for (const name of COUNTER_NAMES) {
    grown[name] = now[name] - seen[name];
    seen[name] = now[name];
  }
  for (const name of CLASS_COUNTER_NAMES) {
    for (let group = 1; group <= 5; group++) {
      grown[name][group] = (now[name][group] ?? 0) - (seen[name][group] ?? 0);
      seen[name][group] = now[name][group] ?? 0;
    }
  }
  return grown;
};

const without = (all: OriginCounters, part: OriginCounters): OriginCounters => {
  const rest = newCounters();
  for (const name of COUNTER_NAMES) rest[name] = all[name] - part[name];
  for (const name of CLASS_COUNTER_NAMES) {
    for (let group = 1; group <= 5; group++) rest[name][group] = (all[name][group] ?? 0) - (part[name][group] ?? 0);
  }
  return rest;
};

const hasAny = (counters: OriginCounters): boolean =>
  COUNTER_NAMES.some((name) => counters[name] !== 0) || counters.responses.some((count) => count !== 0);
