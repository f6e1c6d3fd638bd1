import { TokenBucket } from "./tokenBucket.ts";

/** A connection that wants to send through a gate. */
export interface GatedSender {
  /** The interval of the gate in which it was last seen; only the gate writes it. */
  seenInterval: number;
  /** Sends, and spends, at most so many bytes now; gives back how many. It enters again by itself when it wants more. */
  sendThrough(limitBytes: number, nowMs: number): number;
}

/** Smaller turns cost more than they carry, while many wait. */
const TURN_BYTES = 2_048;

/** What went through a gate since the last look. */
export interface TrafficUse {
  readonly sessions: number;
  readonly isShort: boolean;
  readonly sentBytes: number;
}

/**
 * One worker's share of the traffic cap of a virtual host (BW-01). While it suffices everybody sends at once; else
 * connections take turns, each of which is worth alike.
 */
export class TrafficGate {
  readonly #bucket: TokenBucket;
  readonly #onCrowded: (gate: TrafficGate) => void;
  /** In the order of their turns. */
  readonly #waiting = new Set<GatedSender>();
  #capBytesPerSecond: number;
  #fraction = 1;
  #interval = 0;
  #sessions = 0;
  #sentBytes = 0;
  #turns = 0;
  #shortTurns = 0;

  constructor(capBytesPerSecond: number, nowMs: number, onCrowded: (gate: TrafficGate) => void) {
    this.#capBytesPerSecond = capBytesPerSecond;
    this.#bucket = new TokenBucket(capBytesPerSecond, nowMs);
    this.#onCrowded = onCrowded;
  }

  /** Of the host, all workers together. */
  setCap(capBytesPerSecond: number, nowMs: number): void {
    this.#capBytesPerSecond = capBytesPerSecond;
    this.#bucket.setRate(capBytesPerSecond * this.#fraction, nowMs);
  }

  /** What of the cap this worker has. */
  setFraction(fraction: number, nowMs: number): void {
    this.#fraction = fraction;
    this.#bucket.setRate(this.#capBytesPerSecond * fraction, nowMs);
  }

  get isCrowded(): boolean {
    return this.#waiting.size > 0;
  }

  /** How many of the bytes may leave now, which the sender then spends; 0: it waits for its turn, `sendThrough`. */
  enter(sender: GatedSender, wantedBytes: number, nowMs: number): number {
    this.#see(sender);
    if (this.#waiting.size === 0) {
      const granted = Math.min(wantedBytes, this.#bucket.available(nowMs));
      if (granted >= Math.min(wantedBytes, this.#leastTurn)) return granted;
    }
    this.#waiting.add(sender);
    this.#onCrowded(this);
    return 0;
  }

  spend(byteCount: number): void {
    this.#bucket.take(byteCount);
    this.#sentBytes += byteCount;
  }

  leave(sender: GatedSender): void {
    this.#waiting.delete(sender);
  }

  /** Deals out what has gathered; call it once per tick while somebody waits. */
  serve(nowMs: number): void {
    let idleTurns = 0;
    while (this.#waiting.size > 0 && idleTurns < this.#waiting.size) {
      const available = this.#bucket.available(nowMs);
      if (available < this.#leastTurn) break;
      const [sender] = this.#waiting;
      if (sender === undefined) break;
      const turnBytes = Math.min(available, Math.max(TURN_BYTES, Math.floor(available / this.#waiting.size)));
      this.#waiting.delete(sender);
      if (sender.sendThrough(turnBytes, nowMs) === 0) idleTurns++;
    }
    this.#turns++;
    if (this.#waiting.size > 0) this.#shortTurns++;
  }

  /** Begins the next interval. */
  takeUse(): TrafficUse {
    const use = {
      sessions: Math.max(this.#sessions, this.#waiting.size),
      isShort: this.#shortTurns > this.#turns / 2,
      sentBytes: this.#sentBytes,
    };
    this.#interval++;
    this.#sessions = 0;
    this.#sentBytes = 0;
    this.#turns = 0;
    this.#shortTurns = 0;
    return use;
  }

  get #leastTurn(): number {
    return Math.min(TURN_BYTES, this.#bucket.sliceBytes);
  }

  #see(sender: GatedSender): void {
    if (sender.seenInterval === this.#interval) return;
    sender.seenInterval = this.#interval;
    this.#sessions++;
  }
}
