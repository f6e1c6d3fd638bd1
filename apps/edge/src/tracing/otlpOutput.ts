import { setTimeout as pause } from "node:timers/promises";
import type { LatePart, TraceRecord } from "@basalt/telemetry";
import { EdgeError } from "@basalt/types";
import type { SpanExporter } from "./otlpExporter.ts";

/** What may wait for a receiver; the rest is dropped. */
const MOST_WAITING = 1_000;
const BATCH = 100;
const SEND_EVERY_MS = 1_000;
const CLOSE_LIMIT_MS = 2_000;

export interface OtlpOutputParts {
  /** Called once, when there is something to send. */
  readonly open: () => Promise<SpanExporter>;
  readonly onExported: (spans: number) => void;
  readonly onDropped: (records: number) => void;
  /** Nothing can be sent; told once until it can again. */
  readonly onProblem: (reason: string) => void;
  readonly sendEveryMs?: number;
  readonly mostWaiting?: number;
}

/** The records of one process on their way to one receiver of OTLP. One batch is sent at a time, and nobody waits for it. */
export class OtlpOutput {
  readonly #parts: OtlpOutputParts;
  #waiting: (TraceRecord | LatePart)[] = [];
  #exporter: Promise<SpanExporter> | undefined;
  #sending: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #hasFailed = false;
  #isClosed = false;

  constructor(parts: OtlpOutputParts) {
    this.#parts = parts;
  }

  add(record: TraceRecord | LatePart): void {
    if (this.#isClosed || this.#waiting.length >= (this.#parts.mostWaiting ?? MOST_WAITING)) {
      this.#parts.onDropped(1);
      return;
    }
    this.#waiting.push(record);
    if (this.#waiting.length === BATCH) {
      // A whole batch does not wait until the time is up: by then there may be no room left.
      clearTimeout(this.#timer);
      this.#timer = undefined;
    }
    this.#schedule();
  }

  /** Sends what waits, as far as the receiver takes it within a moment. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await Promise.race([this.#sendAll(), pause(CLOSE_LIMIT_MS, undefined, { ref: false })]);
    if (this.#waiting.length > 0) this.#parts.onDropped(this.#waiting.length);
    this.#waiting = [];
    const exporter = await this.#exporter?.catch(() => undefined);
    void exporter?.close().catch(() => undefined);
  }

  async #sendAll(): Promise<void> {
    await this.#sending;
    while (this.#waiting.length > 0) await this.#send();
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.#sending !== undefined || this.#isClosed) return;
    const isFull = this.#waiting.length >= BATCH;
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        this.#sending = this.#send().finally(() => {
          this.#sending = undefined;
          if (this.#waiting.length > 0) this.#schedule();
        });
      },
      isFull ? 0 : (this.#parts.sendEveryMs ?? SEND_EVERY_MS),
    );
    this.#timer.unref();
  }

  /** Never rejects. */
  async #send(): Promise<void> {
    const batch = this.#waiting.splice(0, BATCH);
    try {
      this.#exporter ??= this.#parts.open();
      const exporter = await this.#exporter;
      this.#parts.onExported(await exporter.send(batch));
      this.#hasFailed = false;
    } catch (cause) {
      this.#parts.onDropped(batch.length);
      if (!this.#hasFailed) this.#parts.onProblem(EdgeError.from(cause).detail);
      this.#hasFailed = true;
    }
  }
}
