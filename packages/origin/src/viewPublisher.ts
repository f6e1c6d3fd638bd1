import type { Clock } from "@basalt/types";
import type { OriginView } from "./contract.ts";
import { TRANSACTIONS_INTERVAL_MS, VIEW_INTERVAL_MS } from "./limits.ts";
import { runAfter, type Scheduler } from "./scheduler.ts";

/** What a view says, without its number. */
export type ViewContent = Omit<OriginView, "version">;

export interface PublisherDependencies {
  readonly clock: Clock;
  readonly schedule: Scheduler;
  /** What is so now. */
  readonly content: () => ViewContent;
  readonly publish: (content: ViewContent) => void;
}

const serversKey = (content: ViewContent): string => JSON.stringify({ ...content, transactions: 0 });

/** Sends the views of one host when something has changed, and not more often than the workers can use them. */
export class ViewPublisher {
  readonly #dependencies: PublisherDependencies;
  #sentKey = "";
  #sentTransactions = 0;
  #sentAt = Number.NEGATIVE_INFINITY;
  #waiting: { readonly dueAt: number; readonly stop: () => void } | undefined;

  constructor(dependencies: PublisherDependencies) {
    this.#dependencies = dependencies;
  }

  /** The servers may have changed. */
  noteServers(): void {
    this.#note(VIEW_INTERVAL_MS);
  }

  /** The transactions in progress may have changed. */
  noteTransactions(): void {
    this.#note(TRANSACTIONS_INTERVAL_MS);
  }

  close(): void {
    this.#waiting?.stop();
    this.#waiting = undefined;
  }

  #note(intervalMs: number): void {
    const now = this.#dependencies.clock.monotonic();
    const dueAt = Math.max(now, this.#sentAt + intervalMs);
    if (this.#waiting !== undefined && this.#waiting.dueAt <= dueAt) return;
    this.close();
    if (dueAt <= now) this.#send();
    else this.#waiting = { dueAt, stop: runAfter(this.#dependencies.schedule, dueAt - now, () => this.#sendWaiting()) };
  }

  #sendWaiting(): void {
    this.#waiting = undefined;
    this.#send();
  }

  #send(): void {
    const content = this.#dependencies.content();
    const key = serversKey(content);
    if (key === this.#sentKey && content.transactions === this.#sentTransactions) return;
    this.#sentKey = key;
    this.#sentTransactions = content.transactions;
    this.#sentAt = this.#dependencies.clock.monotonic();
    this.#dependencies.publish(content);
  }
}
