import type { OriginTransaction } from "@basalt/origin";
import type { BackendFacts } from "@basalt/telemetry/logs";

/** Transactions remembered until their clients are done; the oldest go first. */
const MOST_FACTS = 10_000;

/** The last origin transaction of each client connection, for the forms of the access log that tell of it. */
export class BackendMemory {
  readonly #facts = new Map<string, BackendFacts>();
  /** Of the transaction whose lines are being written. */
  #taken: BackendFacts | undefined;

  note(transaction: OriginTransaction): void {
    const { sessionId, serverIp, serverPort, status, startedAtMs } = transaction;
    if (sessionId === 0n) return;
    const key = String(sessionId);
    const sentAtMs = startedAtMs + transaction.connectMs + transaction.sendMs;
    this.#facts.delete(key);
    this.#facts.set(key, {
      address: serverIp,
      port: serverPort,
      status,
      sentAtMs,
      firstByteAtMs: status === 0 ? 0 : sentAtMs + transaction.firstByteMs,
    });
    if (this.#facts.size <= MOST_FACTS) return;
    for (const oldest of this.#facts.keys()) {
      this.#facts.delete(oldest);
      return;
    }
  }

  /** Lines of another transaction begin. */
  begin(): void {
    this.#taken = undefined;
  }

  /**
   * Of the present transaction of a connection: what began before it belongs to an earlier one. Each log of it is told
   * the same.
   */
  take(sessionText: string, startedAtMs: number): BackendFacts | undefined {
    const facts = this.#facts.get(sessionText);
    this.#facts.delete(sessionText);
    if (facts !== undefined && facts.sentAtMs >= startedAtMs) this.#taken = facts;
    return this.#taken;
  }
}
