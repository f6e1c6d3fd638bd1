import type { FileRun } from "@basalt/store";
import type { EdgeError } from "@basalt/types";
import type { BodySource } from "../bodySource.ts";
import { FRUITLESS_ATTEMPTS } from "../limits.ts";
import type { PartedBody, PartOrigin } from "./partedBody.ts";

/** Bytes `[start, end)` of a parted body, for one reader: grows as blocks arrive, fails when they cannot be had. */
export class PartView implements BodySource {
  readonly end: number;
  readonly origin: PartOrigin;
  /** The part, here or elsewhere, that the primary named when it was asked for what this view lacks. */
  waitingFor: number | undefined;
  readonly #body: PartedBody;
  readonly #start: number;
  #listener: (() => void) | undefined;
  #position: (() => number) | undefined;
  #error: EdgeError | undefined;
  #fruitless = 0;
  /** Furthest position that an attempt which failed has brought. */
  #reachedTo: number;
  #readers = 0;

  constructor(body: PartedBody, start: number, end: number, origin: PartOrigin) {
    this.#body = body;
    this.#start = start;
    this.#reachedTo = start;
    this.end = end;
    this.origin = origin;
  }

  get totalBytes(): number {
    return this.#body.totalBytes;
  }

  get availableBytes(): number {
    return this.#error === undefined ? this.#body.availableTo(this.position) : 0;
  }

  get state(): "growing" | "complete" | "failed" {
    return this.#error === undefined ? "growing" : "failed";
  }

  get error(): EdgeError | undefined {
    return this.#error;
  }

  /** False while nothing of what the reader wants next is here, and no origin has begun to send it. */
  get isConfirmed(): boolean {
    const at = this.position;
    return this.#error === undefined && (this.#body.availableTo(at) > at || this.#body.isArriving(at));
  }

  /** Where the reader is. */
  get position(): number {
    return this.#position?.() ?? this.#start;
  }

  peek(position: number): Buffer | undefined {
    const data = this.#body.peek(position);
    this.#body.advanced(this);
    return data;
  }

  fileRun(position: number, end: number): FileRun | "later" | undefined {
    const run = this.#body.fileRun(position, Math.min(end, this.end));
    this.#body.advanced(this);
    return run;
  }

  async read(target: Buffer, length: number, position: number): Promise<number> {
    return await this.#body.read(target, length, position);
  }

  watch(listener: () => void, position?: () => number): () => void {
    this.#position = position;
    this.#body.addView(this);
    this.#listener = listener;
    return () => {
      this.#listener = undefined;
    };
  }

  retain(): void {
    this.#readers++;
    if (this.#readers === 1) this.#body.retain();
  }

  release(): void {
    this.#readers--;
    if (this.#readers > 0) return;
    this.#body.removeView(this);
    this.#body.release();
  }

  notify(): void {
    this.#listener?.();
  }

  /** Whether the view has stopped within these bytes. */
  waitsIn(start: number, end: number): boolean {
    const at = this.#body.availableTo(this.position);
    return start <= at && at < end && at < this.end;
  }

  /**
   * An attempt to get what the view waits for has failed, at the position that it reached, if it brought anything; too
   * many that came no further than others before are its end.
   */
  note(error: EdgeError, reachedTo: number | undefined): void {
    const isFruitless = reachedTo === undefined || reachedTo <= this.#reachedTo;
    this.#fruitless = isFruitless ? this.#fruitless + 1 : 0;
    if (!isFruitless) this.#reachedTo = reachedTo;
    if (this.#fruitless < FRUITLESS_ATTEMPTS) return;
    this.#body.broken(error);
    this.fail(error);
  }

  fail(error: EdgeError): void {
    if (this.#error !== undefined) return;
    this.#error = error;
    this.notify();
  }
}
