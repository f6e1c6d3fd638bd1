import { EdgeError } from "@basalt/types";
import type { DeliveryReports } from "./contract.ts";
import { type EventSource, envelopeOf } from "./envelope.ts";
import type { Spool } from "./spool.ts";

export interface DeliveryTerms {
  readonly url: string;
  readonly source: EventSource;
  /** Events of one call. */
  readonly mostEvents: number;
  /** How long an event may wait for others. */
  readonly waitMs: number;
}

/** Makes a call; resolves with its status, rejects when there was none. */
export type PostEvents = (url: string, body: string, signal: AbortSignal) => Promise<number>;

export interface DeliveryParts {
  readonly spool: Spool;
  readonly post: PostEvents;
  readonly reports: DeliveryReports;
}

/** Of the events of one call, before they are compressed; receivers have limits of a few megabytes. */
const MOST_BODY_BYTES = 1024 * 1024;
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 60_000;
const TOO_LARGE = 413;

/** Brings what is in a spool to its receiver: one call at a time, again and again with growing waits where it fails. */
export class Delivery {
  readonly #parts: DeliveryParts;
  #terms: DeliveryTerms;
  /** Events that came since the last call; those of an earlier process are not known. */
  #waiting = Number.POSITIVE_INFINITY;
  #most: number;
  #failures = 0;
  #timer: NodeJS.Timeout | undefined;
  #dueMs = 0;
  #call: { readonly control: AbortController; readonly done: Promise<void> } | undefined;
  #isClosed = false;

  constructor(parts: DeliveryParts, terms: DeliveryTerms) {
    this.#parts = parts;
    this.#terms = terms;
    this.#most = terms.mostEvents;
  }

  setTerms(terms: DeliveryTerms): void {
    const isElsewhere = terms.url !== this.#terms.url;
    this.#terms = terms;
    this.#most = terms.mostEvents;
    if (!isElsewhere) return;
    this.#failures = 0;
    this.#plan(0);
  }

  /** So many events are in the spool more. */
  noteAdded(events: number): void {
    this.#waiting += events;
    // Behind a failure a call is planned already, unless nothing was left to send then.
    if (this.#failures > 0 && this.#timer !== undefined) return;
    this.#plan(this.#waiting >= this.#most ? 0 : this.#terms.waitMs);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#call?.control.abort();
    await this.#call?.done;
  }

  #plan(waitMs: number): void {
    if (this.#isClosed || this.#call !== undefined || this.#parts.spool.isEmpty) return;
    const dueMs = performance.now() + waitMs;
    if (this.#timer !== undefined && this.#dueMs <= dueMs) return;
    clearTimeout(this.#timer);
    this.#dueMs = dueMs;
    this.#timer = setTimeout(() => this.#begin(), waitMs);
  }

  #begin(): void {
    this.#timer = undefined;
    const control = new AbortController();
    const done = this.#deliver(control.signal).then((waitMs) => {
      this.#call = undefined;
      this.#plan(waitMs);
    });
    this.#call = { control, done };
  }

  /** How long to wait before the next call. Never rejects. */
  async #deliver(signal: AbortSignal): Promise<number> {
    const { spool, reports } = this.#parts;
    try {
      const events = await spool.peek(this.#most, MOST_BODY_BYTES);
      const last = events.at(-1);
      if (last === undefined) {
        // What the state speaks of is not in the files any more.
        await spool.take(spool.lastId);
        return this.#terms.waitMs;
      }
      const { url, source } = this.#terms;
      const status = await this.#parts.post(url, await envelopeOf(source, events), signal);
      if (status >= 200 && status < 300) {
        await spool.take(last.id);
        reports.onDelivered(events.length);
        this.#succeed(events.length);
        return this.#waiting > 0 && this.#waiting < this.#most ? this.#terms.waitMs : 0;
      }
      if (status === TOO_LARGE && events.length > 1) {
        this.#most = Math.ceil(events.length / 2);
        return 0;
      }
      if (status === TOO_LARGE) {
        await spool.take(last.id);
        reports.onDropped(1);
        return 0;
      }
      return this.#fail(`status ${status}`);
    } catch (cause) {
      return signal.aborted && this.#isClosed ? 0 : this.#fail(EdgeError.from(cause).detail);
    }
  }

  #succeed(events: number): void {
    const { reports } = this.#parts;
    if (this.#failures > 0) reports.onNotice(`the receiver takes events again, after ${this.#failures} failed calls`);
    this.#failures = 0;
    // Grows again bit by bit where a receiver has found calls too large.
    this.#most = Math.min(this.#terms.mostEvents, this.#most * 2);
    this.#waiting = Number.isFinite(this.#waiting) ? Math.max(0, this.#waiting - events) : Number.POSITIVE_INFINITY;
    if (this.#parts.spool.isEmpty) this.#waiting = 0;
  }

  #fail(reason: string): number {
    const { reports } = this.#parts;
    reports.onFailedCall();
    if (this.#failures === 0) reports.onProblem(`the receiver has not taken events: ${reason}; they are kept`);
    this.#failures++;
    const waitMs = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(10, this.#failures - 1));
    return waitMs * (0.75 + Math.random() / 2);
  }
}
