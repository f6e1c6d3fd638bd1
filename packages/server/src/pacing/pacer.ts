import type { Clock } from "@basalt/types";
import { TrafficGate } from "./trafficGate.ts";

/** Something that waits for a moment. */
export interface Waiting {
  /** Tick for which it waits; only the pacer writes it. */
  dueTick: number;
  due(nowMs: number): void;
}

const TICK_MS = 20;
/** Longest wait at a time: who needs more is called early and waits again. */
const WHEEL_TICKS = 64;

const NOT_WAITING = -1;

/**
 * The moments of all paced connections of a worker: a wheel of ticks with one timer, which runs only while somebody
 * waits.
 */
export class Pacer {
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #onDefect: (error: unknown) => void;
  readonly #wheel: Waiting[][] = Array.from({ length: WHEEL_TICKS }, () => []);
  readonly #gates = new Map<string, TrafficGate>();
  readonly #crowdedGates = new Set<TrafficGate>();
  #waitingCount = 0;
  #lastTick: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(clock: Pick<Clock, "monotonic">, onDefect: (error: unknown) => void) {
    this.#clock = clock;
    this.#onDefect = onDefect;
    this.#lastTick = this.#tickOf(clock.monotonic());
  }

  get nowMs(): number {
    return this.#clock.monotonic();
  }

  /** Calls `due` in about so long, once; a wait before that is forgotten. */
  wait(waiting: Waiting, delayMs: number): void {
    const nowMs = this.#clock.monotonic();
    // Not while anybody waits, within `tick` either: whose tick would be passed over waits for a round of the wheel.
    if (this.#waitingCount === 0) this.#lastTick = this.#tickOf(nowMs);
    const tick = Math.max(this.#tickOf(nowMs + delayMs), this.#lastTick) + 1;
    waiting.dueTick = Math.min(tick, this.#lastTick + WHEEL_TICKS - 1);
    this.#wheel[waiting.dueTick % WHEEL_TICKS]?.push(waiting);
    this.#waitingCount++;
    this.#arm();
  }

  cancel(waiting: Waiting): void {
    waiting.dueTick = NOT_WAITING;
  }

  isWaiting(waiting: Waiting): boolean {
    return waiting.dueTick !== NOT_WAITING;
  }

  /** The gate of a virtual host with a traffic cap; made with all of it, and kept while the host has one. */
  gateOf(vhost: string, capBytesPerSecond: number): TrafficGate {
    const gate =
      this.#gates.get(vhost) ?? new TrafficGate(capBytesPerSecond, this.nowMs, (crowded) => this.#serve(crowded));
    gate.setCap(capBytesPerSecond, this.nowMs);
    this.#gates.set(vhost, gate);
    return gate;
  }

  get gates(): ReadonlyMap<string, TrafficGate> {
    return this.#gates;
  }

  /** Forgets the gates of all other hosts; who is being sent something through one is sent the rest of it. */
  keepGates(vhosts: ReadonlySet<string>): void {
    for (const vhost of this.#gates.keys()) if (!vhosts.has(vhost)) this.#gates.delete(vhost);
  }

  /** What is due by now; called by the timer. */
  tick(): void {
    const nowMs = this.#clock.monotonic();
    const tick = this.#tickOf(nowMs);
    const first = Math.max(this.#lastTick + 1, tick - WHEEL_TICKS + 1);
    this.#lastTick = tick;
    for (let passed = first; passed <= tick; passed++) this.#callDue(passed, nowMs);
    for (const gate of this.#crowdedGates) {
      this.#guarded(() => gate.serve(nowMs));
      if (!gate.isCrowded) this.#crowdedGates.delete(gate);
    }
  }

  #callDue(tick: number, nowMs: number): void {
    const slot = this.#wheel[tick % WHEEL_TICKS];
    if (slot === undefined || slot.length === 0) return;
    this.#wheel[tick % WHEEL_TICKS] = [];
    this.#waitingCount -= slot.length;
    for (const waiting of slot) {
      const { dueTick } = waiting;
      if (dueTick > tick) this.#keepLate(waiting, tick);
      else if (dueTick !== NOT_WAITING) {
        waiting.dueTick = NOT_WAITING;
        this.#guarded(() => waiting.due(nowMs));
      }
    }
  }

  /** Where many ticks are made up for, what has just been put into a slot may be for the next round of the wheel. */
  #keepLate(waiting: Waiting, tick: number): void {
    if (waiting.dueTick % WHEEL_TICKS !== tick % WHEEL_TICKS) return;
    this.#wheel[tick % WHEEL_TICKS]?.push(waiting);
    this.#waitingCount++;
  }

  #guarded(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#onDefect(error);
    }
  }

  #serve(gate: TrafficGate): void {
    this.#crowdedGates.add(gate);
    this.#arm();
  }

  #arm(): void {
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.tick();
      if (this.#waitingCount > 0 || this.#crowdedGates.size > 0) this.#arm();
    }, TICK_MS);
  }

  #tickOf(monotonicMs: number): number {
    return Math.floor(monotonicMs / TICK_MS);
  }
}
