import type { OverloadSettings } from "@basalt/config";

/** Requests of one virtual host that this worker is at. */
export class OverloadGate {
  #inProgress = 0;

  get inProgress(): number {
    return this.#inProgress;
  }

  enter(): void {
    this.#inProgress += 1;
  }

  leave(): void {
    this.#inProgress -= 1;
  }
}

/** AWS-58. */
export interface OverloadGuard {
  readonly gate: OverloadGate;
  /** Most requests in progress in this worker. */
  readonly limit: number;
  readonly page: string;
}

/** Of all virtual hosts of a worker; what is in progress stays counted over a reload. */
export class OverloadGates {
  readonly #gates = new Map<string, OverloadGate>();

  /** Undefined without a limit. `workers` share it in equal parts. */
  guardOf(vhost: string, { limit, page }: OverloadSettings, workers: number): OverloadGuard | undefined {
    if (limit === 0) return undefined;
    let gate = this.#gates.get(vhost);
    if (gate === undefined) {
      gate = new OverloadGate();
      this.#gates.set(vhost, gate);
    }
    return { gate, limit: Math.max(1, Math.floor(limit / workers)), page };
  }

  /** The hosts that exist; the gates of others are forgotten. */
  keepOnly(vhosts: ReadonlySet<string>): void {
    for (const name of this.#gates.keys()) if (!vhosts.has(name)) this.#gates.delete(name);
  }
}
