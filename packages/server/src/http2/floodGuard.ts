import type { Http2Settings } from "@basalt/config";

/** Counts are of so long a time. */
const PERIOD_MS = 10_000;

/** A client that takes so many bytes has reason to send one of WINDOW_UPDATE frames. */
const SENT_BYTES_PER_CONTROL_BYTE = 64;

export type FloodLimits = Pick<Http2Settings, "maxPings" | "maxSettings" | "maxResets" | "maxControlBytes">;

/** Bytes that a connection has moved since it began, as the transport counts them. */
export interface Moved {
  readonly receivedBytes: number;
  readonly sentBytes: number;
}

/**
 * What a client does on a connection beside asking for something. All of it is cheap once and none of it is once per
 * request: frames of each kind are counted where the protocol library shows them, the others by the bytes that no
 * request, no body and no response explains (empty DATA, PRIORITY, WINDOW_UPDATE and unknown frames).
 */
export class FloodGuard {
  readonly #limits: FloodLimits;
  #periodEndMs: number;
  #pings = 0;
  #settings = 0;
  #resets = 0;
  /** Of heads and bodies; of bodies twice, for the frames around short pieces. */
  #explainedBytes = 0;
  #start: Moved;

  constructor(limits: FloodLimits, moved: Moved, nowMs: number) {
    this.#limits = limits;
    this.#start = moved;
    this.#periodEndMs = nowMs + PERIOD_MS;
  }

  /** False: it is one too many. */
  countPing(): boolean {
    return ++this.#pings <= this.#limits.maxPings;
  }

  /** False: it is one too many. */
  countSettings(): boolean {
    return ++this.#settings <= this.#limits.maxSettings;
  }

  /** False: it is one too many. */
  countReset(): boolean {
    return ++this.#resets <= this.#limits.maxResets;
  }

  countHead(byteCount: number): void {
    this.#explainedBytes += byteCount;
  }

  countBody(byteCount: number): void {
    this.#explainedBytes += byteCount * 2;
  }

  /** False: too much was received for what was asked; call about twice a second. */
  check(moved: Moved, nowMs: number): boolean {
    const receivedBytes = moved.receivedBytes - this.#start.receivedBytes;
    const sentBytes = moved.sentBytes - this.#start.sentBytes;
    const explainedBytes = this.#explainedBytes + sentBytes / SENT_BYTES_PER_CONTROL_BYTE;
    if (receivedBytes - explainedBytes > this.#limits.maxControlBytes) return false;
    if (nowMs >= this.#periodEndMs) {
      this.#periodEndMs = nowMs + PERIOD_MS;
      this.#pings = 0;
      this.#settings = 0;
      this.#resets = 0;
      this.#explainedBytes = 0;
      this.#start = moved;
    }
    return true;
  }
}
