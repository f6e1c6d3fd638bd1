import {
  cacheResultSlot,
  classIndexOf,
  folderOf,
  TRAFFIC_SLOT_COUNT,
  timeBucketOf,
  VHOST_SLOT,
} from "@basalt/telemetry";
import { clientBlockOf } from "./clientCounting.ts";
import type { Exchange } from "./exchange.ts";
import type { BookedVhost } from "./servedVhost.ts";

/**
 * What is measured and counted of one request: its moments, and how much of it the counters know already. An exchange
 * has one and uses it again for each request. Only logs, traces and statistics depend on it: what is done for them at
 * each request is done here.
 */
export class RequestAccount {
  /** Length of the request's head. */
  headBytes = 0;
  /** From the complete head to the end, with fractions. */
  elapsedMs = 0;
  readonly #exchange: Exchange;
  #respondedMs = 0;
  /** What of the bodies has been counted while they were on their way. */
  #countedSentBytes = 0;
  #countedReceivedBytes = 0;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  /** The head of a request is complete. */
  begin(headBytes: number): void {
    this.headBytes = headBytes;
    this.#respondedMs = 0;
  }

  /** The first byte of the response leaves now; not to be called where that is the moment of `end` too. */
  responded(): void {
    this.#respondedMs = this.#exchange.connection.server.parts.clock.monotonic();
  }

  /** The request is over. */
  end(): void {
    const endedMs = this.#exchange.connection.server.parts.clock.monotonic();
    this.elapsedMs = endedMs - this.#exchange.startedMs;
    if (this.#respondedMs === 0) this.#respondedMs = endedMs;
  }

  /** From the complete head to the first byte of the response. */
  get firstByteMs(): number {
    return this.#respondedMs - this.#exchange.startedMs;
  }

  /** Where requests of that virtual host on this connection count. */
  blockOf(vhost: BookedVhost): number {
    const { connection } = this.#exchange;
    return clientBlockOf(vhost, connection, connection.server.parts.counters);
  }

  /** Counts a request that is over. */
  count(vhost: BookedVhost): void {
    if (vhost.stats.dirDepth === 0) this.#countRequest(this.blockOf(vhost));
    else this.#countTraffic(vhost, (offset) => this.#countRequest(offset));
  }

  /** Counts what has moved of long bodies, so that the figures of a second are those of that second. */
  countProgress(vhost: BookedVhost): void {
    const { bodyBytesSent, requestBodyBytes, connection } = this.#exchange;
    const sentBytes = Math.max(0, bodyBytesSent - connection.heldBytes - this.#countedSentBytes);
    const receivedBytes = requestBodyBytes - this.#countedReceivedBytes;
    if (sentBytes === 0 && receivedBytes === 0) return;
    this.#countTraffic(vhost, (offset) => this.#countBodies(offset, sentBytes, receivedBytes));
  }

  /** Counts by folder too (STAT-11): all that `count` changes of the client traffic. */
  #countTraffic(vhost: BookedVhost, count: (offset: number) => void): void {
    const { connection, path } = this.#exchange;
    const { counters } = connection.server.parts;
    const offset = this.blockOf(vhost);
    const { dirDepth } = vhost.stats;
    if (dirDepth === 0) {
      count(offset);
      return;
    }
    const before = counters.values.slice(offset, offset + TRAFFIC_SLOT_COUNT);
    count(offset);
    const after = counters.values.subarray(offset, offset + TRAFFIC_SLOT_COUNT);
    const isLocal = !vhost.stats.clientLocal && connection.isLocal();
    const scope = { vhost: vhost.name, isLocal, path: folderOf(path, dirDepth) };
    const isApart = connection.isTls && !vhost.stats.httpsTraffic;
    counters.folders.addGrowth(scope, isApart ? withTlsBytesOf(before, after) : before, after);
  }

  #countBodies(offset: number, sentBytes: number, receivedBytes: number): void {
    const { connection } = this.#exchange;
    const { counters } = connection.server.parts;
    this.#countedSentBytes += sentBytes;
    this.#countedReceivedBytes += receivedBytes;
    if (connection.isTls) {
      counters.add(offset + VHOST_SLOT.tlsSentBytes, sentBytes);
      counters.add(offset + VHOST_SLOT.tlsReceivedBytes, receivedBytes);
    }
    counters.add(offset + VHOST_SLOT.clientResponseBodyBytes, sentBytes);
    if (receivedBytes > 0) {
      counters.add(offset + VHOST_SLOT.clientRequestBytes, receivedBytes);
      counters.add(offset + VHOST_SLOT.clientRequestBodyBytes, receivedBytes);
    }
    if (connection.becomesActive(offset)) counters.add(offset + VHOST_SLOT.clientSessionsActive, 1);
  }

  #countRequest(offset: number): void {
    const { connection, status, result, bodyBytesSent, requestBodyBytes, headBytesSent, isComplete } = this.#exchange;
    const { counters } = connection.server.parts;
    counters.add(offset + VHOST_SLOT.clientRequests, 1);
    counters.add(offset + VHOST_SLOT.clientRequestBytes, this.headBytes);
    counters.add(offset + cacheResultSlot(result), 1);
    this.#countBodies(offset, bodyBytesSent - this.#countedSentBytes, requestBodyBytes - this.#countedReceivedBytes);
    this.#countedSentBytes = 0;
    this.#countedReceivedBytes = 0;
    if (connection.isTls) {
      counters.add(offset + VHOST_SLOT.tlsReceivedBytes, this.headBytes);
      counters.add(offset + VHOST_SLOT.tlsSentBytes, headBytesSent);
    }
    if (status === 0) return;
    const classIndex = classIndexOf(status);
    const firstByte = Math.round(this.firstByteMs * HUNDREDTHS_PER_MS);
    const complete = Math.max(firstByte, Math.round(this.elapsedMs * HUNDREDTHS_PER_MS));
    counters.add(offset + VHOST_SLOT.clientResponseHeadBytes, headBytesSent);
    counters.add(offset + VHOST_SLOT.clientResponseClass + classIndex, 1);
    if (isComplete) counters.add(offset + VHOST_SLOT.clientCompleted + classIndex, 1);
    counters.add(offset + VHOST_SLOT.clientFirstByteTime + classIndex, firstByte);
    counters.add(offset + VHOST_SLOT.clientCompleteTime + classIndex, complete);
    counters.add(offset + VHOST_SLOT.clientFirstByteSeconds + timeBucketOf(firstByte), 1);
    counters.add(offset + VHOST_SLOT.clientCompleteSeconds + timeBucketOf(complete), 1);
    counters.latencies.add("client", offset, complete);
    if (status === 304) counters.add(offset + VHOST_SLOT.clientNotModified, 1);
    else if (status === 206) counters.add(offset + VHOST_SLOT.clientRanges, 1);
    else if (status === 429) counters.add(offset + VHOST_SLOT.clientThrottled, 1);
  }
}

const HUNDREDTHS_PER_MS = 100;

/** Of HTTPS traffic that counts apart only its own bytes are those of a folder (STAT-13). */
const withTlsBytesOf = (before: Float64Array, after: Float64Array): Float64Array => {
  const most = after.slice();
  for (const slot of [VHOST_SLOT.tlsReceivedBytes, VHOST_SLOT.tlsSentBytes]) most[slot] = before[slot] ?? 0;
  return most;
};
