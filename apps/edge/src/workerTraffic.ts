import type { TrafficDemand } from "@basalt/policy";
import type { Pacer } from "@basalt/server";
import type { WorkerShare } from "./protocol.ts";

const REPORT_MS = 100;

export interface WorkerTrafficParts {
  readonly pacer: () => Pacer | undefined;
  readonly tellDemands: (byVhost: ReadonlyMap<string, TrafficDemand>) => void;
}

const demandsOf = (pacer: Pacer, elapsedMs: number): Map<string, TrafficDemand> => {
  const byVhost = new Map<string, TrafficDemand>();
  for (const [vhost, gate] of pacer.gates) {
    const { sessions, isShort, sentBytes } = gate.takeUse();
    if (sessions === 0 && sentBytes === 0) continue;
    byVhost.set(vhost, { sessions, isShort, bytesPerSecond: (sentBytes * 1000) / Math.max(1, elapsedMs) });
  }
  return byVhost;
};

/** This worker's part of the traffic caps (BW-01): tells the primary what it uses, and follows what it is given. */
export class WorkerTraffic {
  readonly #parts: WorkerTrafficParts;
  #workers = 1;
  #fractions: ReadonlyMap<string, number> = new Map();
  #toldAtMs = performance.now();
  #hasDemand = false;

  constructor(parts: WorkerTrafficParts) {
    this.#parts = parts;
    setInterval(() => this.#report(), REPORT_MS).unref();
  }

  /** Fractions of the caps; of hosts that are not named the last ones stay. */
  follow(fractions: ReadonlyMap<string, number>): void {
    this.#fractions = new Map([...this.#fractions, ...fractions]);
    this.#apply();
  }

  /** Nobody deals out any more. */
  cutOff(): void {
    this.#fractions = new Map();
    this.#apply();
  }

  /** Until the primary has dealt a cap out, the workers have it in equal parts. Call it when hosts have changed, too. */
  setShare({ workers }: WorkerShare): void {
    this.#workers = Math.max(1, workers);
    this.#apply();
  }

  #apply(): void {
    const pacer = this.#parts.pacer();
    if (pacer === undefined) return;
    for (const [vhost, gate] of pacer.gates) {
      gate.setFraction(this.#fractions.get(vhost) ?? 1 / this.#workers, pacer.nowMs);
    }
  }

  #report(): void {
    const pacer = this.#parts.pacer();
    const nowMs = performance.now();
    if (pacer === undefined || pacer.gates.size === 0) return;
    const demands = demandsOf(pacer, nowMs - this.#toldAtMs);
    this.#toldAtMs = nowMs;
    if (demands.size > 0 || this.#hasDemand) this.#parts.tellDemands(demands);
    this.#hasDemand = demands.size > 0;
  }
}
