import type { ClientSocket } from "../driver/contract.ts";
import { SocketAround } from "../driver/socketAround.ts";
import type { Pacer, Waiting } from "./pacer.ts";
import type { TokenBucket } from "./tokenBucket.ts";
import type { GatedSender, TrafficGate } from "./trafficGate.ts";

/** How one response is slowed down. */
export interface ResponsePace {
  readonly bucket: TokenBucket;
  /** Bytes of the response that may still leave without limit. */
  readonly freeBytes: number;
  /** Hears of what is written, before any of it leaves. `isBody`: all of it is body, for sure. */
  noteWritten(data: Buffer, isBody: boolean): void;
  noteSent(byteCount: number): void;
}

/** What holds for the bytes of a response; what is undefined does not limit them. */
export interface PaceLimits {
  readonly response: ResponsePace | undefined;
  /** Of the client connection. */
  readonly session: TokenBucket | undefined;
  /** Of the virtual host. */
  readonly gate: TrafficGate | undefined;
}

export const UNLIMITED: PaceLimits = { response: undefined, session: undefined, gate: undefined };

/** Of what is handed over at once: a quarter of a second's worth, so that slow clients hold little memory. */
const PIECE_SECONDS = 0.25;
const LEAST_PIECE_BYTES = 16 * 1024;
const MOST_PIECE_BYTES = 256 * 1024;

/**
 * A client's byte stream that is slowed down (spec 16): what is written is kept, as it is, and handed on in slices as
 * limits allow. It counts as unsent until it has been handed on, and the end waits for it. Whoever puts it around a
 * socket hands on that socket's `onDrain` and `onClose`.
 */
export class PacedSocket extends SocketAround implements Waiting, GatedSender {
  dueTick = -1;
  seenInterval = -1;
  readonly #pacer: Pacer;
  readonly #onDrain: () => void;
  #limits = UNLIMITED;
  #queue: Buffer[] = [];
  /** Of the first in the queue: handed on already. */
  #handedOn = 0;
  #queuedBytes = 0;
  /** What has been asked for, and whether the socket inside knows it. */
  #end: "open" | "endWriting" | "endedWriting" | "end" | "ended" = "open";

  /** `onDrain`: everything has been handed on and taken, as with any socket. */
  constructor(inner: ClientSocket, pacer: Pacer, onDrain: () => void) {
    super(inner);
    this.#pacer = pacer;
    this.#onDrain = onDrain;
  }

  /** From now on these limits hold, for what is waiting too. */
  limit(limits: PaceLimits): void {
    this.#limits.gate?.leave(this);
    this.#pacer.cancel(this);
    this.#limits = limits;
    this.#handOn(this.#pacer.nowMs);
  }

  /** It waits for its limits, not for the client. */
  get isHeldBack(): boolean {
    return this.#queuedBytes > 0 && this.inner.unsentBytes === 0;
  }

  get pieceBytes(): number {
    const { response, session } = this.#limits;
    const rate = Math.min(
      response?.bucket.bytesPerSecond ?? Number.POSITIVE_INFINITY,
      session?.bytesPerSecond ?? Number.POSITIVE_INFINITY,
    );
    if (rate === Number.POSITIVE_INFINITY) return MOST_PIECE_BYTES / 4;
    return Math.min(MOST_PIECE_BYTES, Math.max(LEAST_PIECE_BYTES, Math.ceil(rate * PIECE_SECONDS)));
  }

  write(data: Buffer): boolean {
    this.#limits.response?.noteWritten(data, false);
    this.#enqueue(data);
    return this.#handOnWritten();
  }

  writePair(head: Buffer, body: Buffer): boolean {
    const { response } = this.#limits;
    response?.noteWritten(head, false);
    response?.noteWritten(body, true);
    this.#enqueue(head);
    this.#enqueue(body);
    return this.#handOnWritten();
  }

  get unsentBytes(): number {
    return this.#queuedBytes + this.inner.unsentBytes;
  }

  visitUnsent(visit: (data: Buffer) => void): void {
    for (const data of this.#queue) visit(data);
    this.inner.visitUnsent(visit);
  }

  end(): void {
    if (this.#end !== "ended") this.#end = "end";
    this.#endWhenEmpty();
  }

  endWriting(): void {
    if (this.#end === "open") this.#end = "endWriting";
    this.#endWhenEmpty();
  }

  /** The socket inside has no bytes left. */
  innerDrained(): void {
    this.#handOn(this.#pacer.nowMs);
    this.#tellDrained();
  }

  /** The socket inside is gone: nothing waits any more. */
  closed(): void {
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#handedOn = 0;
    this.#pacer.cancel(this);
    this.#limits.gate?.leave(this);
    this.#limits = UNLIMITED;
  }

  due(nowMs: number): void {
    if (this.#handOn(nowMs) > 0) this.#tellDrained();
  }

  sendThrough(limitBytes: number, nowMs: number): number {
    if (!this.#mayHandOn()) return 0;
    const allowed = this.#allowed(Math.min(limitBytes, this.#queuedBytes), nowMs);
    if (allowed === 0) {
      this.#waitForAllowance(nowMs);
      return 0;
    }
    this.#send(allowed);
    this.#handOn(nowMs);
    this.#tellDrained();
    return allowed;
  }

  #enqueue(data: Buffer): void {
    if (data.length === 0) return;
    this.#queue.push(data);
    this.#queuedBytes += data.length;
  }

  /** True when the socket inside has taken all of it. */
  #handOnWritten(): boolean {
    this.#handOn(this.#pacer.nowMs);
    return this.unsentBytes === 0;
  }

  #mayHandOn(): boolean {
    return this.#queuedBytes > 0 && this.inner.unsentBytes === 0;
  }

  /** Hands on what may leave now, and sees to it that the rest does when it may; gives back how many bytes left. */
  #handOn(nowMs: number): number {
    let sentBytes = 0;
    while (this.#mayHandOn() && !this.#pacer.isWaiting(this)) {
      const allowed = this.#allowed(this.#queuedBytes, nowMs);
      if (allowed === 0) {
        this.#waitForAllowance(nowMs);
        break;
      }
      const { gate } = this.#limits;
      const granted = gate === undefined ? allowed : gate.enter(this, allowed, nowMs);
      if (granted === 0) break;
      this.#send(granted);
      sentBytes += granted;
    }
    if (this.#queuedBytes === 0) this.#endWhenEmpty();
    return sentBytes;
  }

  /** How much the connection's own limits let out now; 0 until it is worth sending. */
  #allowed(wantedBytes: number, nowMs: number): number {
    const { response, session } = this.#limits;
    let allowed = wantedBytes;
    if (response !== undefined && response.freeBytes < allowed) {
      const { freeBytes, bucket } = response;
      const gathered = bucket.available(nowMs);
      if (freeBytes === 0 && gathered < Math.min(allowed, bucket.sliceBytes)) return 0;
      allowed = Math.min(allowed, freeBytes + gathered);
    }
    if (session !== undefined) {
      const gathered = session.available(nowMs);
      if (gathered < Math.min(allowed, session.sliceBytes)) return 0;
      allowed = Math.min(allowed, gathered);
    }
    return allowed;
  }

  #waitForAllowance(nowMs: number): void {
    const { response, session } = this.#limits;
    let delayMs = 0;
    for (const bucket of [response?.freeBytes === 0 ? response.bucket : undefined, session]) {
      if (bucket === undefined) continue;
      delayMs = Math.max(delayMs, bucket.msUntil(Math.min(this.#queuedBytes, bucket.sliceBytes), nowMs));
    }
    this.#pacer.wait(this, delayMs);
  }

  #send(byteCount: number): void {
    const { response, session, gate } = this.#limits;
    response?.noteSent(byteCount);
    session?.take(byteCount);
    gate?.spend(byteCount);
    this.#queuedBytes -= byteCount;
    let left = byteCount;
    while (left > 0) {
      const [first] = this.#queue;
      if (first === undefined) return;
      const count = Math.min(left, first.length - this.#handedOn);
      const isWhole = this.#handedOn === 0 && count === first.length;
      const piece = isWhole ? first : first.subarray(this.#handedOn, this.#handedOn + count);
      if (this.#handedOn + count === first.length) {
        this.#queue.shift();
        this.#handedOn = 0;
      } else {
        this.#handedOn += count;
      }
      left -= count;
      const [next] = this.#queue;
      if (left > 0 && next !== undefined && isWhole && next.length <= left) {
        this.#queue.shift();
        left -= next.length;
        this.inner.writePair(piece, next);
      } else {
        this.inner.write(piece);
      }
    }
  }

  #tellDrained(): void {
    const isEnding = this.#end === "end" || this.#end === "ended";
    if (!isEnding && this.unsentBytes === 0) this.#onDrain();
  }

  #endWhenEmpty(): void {
    if (this.#queuedBytes > 0) return;
    if (this.#end === "end") {
      this.#end = "ended";
      this.inner.end();
    } else if (this.#end === "endWriting") {
      this.#end = "endedWriting";
      this.inner.endWriting();
    }
  }
}
