import type { EpochMs } from "@basalt/types";

/** 2025-01-01T00:00:00Z: origin of the ids that a fresh index starts from. */
const ID_EPOCH_MS = 1_735_689_600_000;

/**
 * Where ids begin when the index is new. Files of an earlier index, lost or set aside, may still lie on the disks;
 * ids that grow with the clock keep clear of them as long as fewer were given per second than `idsPerSecond`.
 */
export const firstId = (now: EpochMs, idsPerSecond: number): number =>
  Math.max(1, Math.floor(((now - ID_EPOCH_MS) / 1000) * idsPerSecond));

/** Gives ids and reserves them in blocks: only a reservation has to reach the disk before use. */
export class IdCounter {
  readonly #blockSize: number;
  readonly #reserve: (reservedUpTo: number) => void;
  #next: number;
  #reserved: number;

  constructor(reservedBefore: number, blockSize: number, reserve: (reservedUpTo: number) => void) {
    this.#next = reservedBefore + 1;
    this.#reserved = reservedBefore;
    this.#blockSize = blockSize;
    this.#reserve = reserve;
  }

  take(): number {
    if (this.#next > this.#reserved) {
      const reservedUpTo = this.#reserved + this.#blockSize;
      this.#reserve(reservedUpTo);
      this.#reserved = reservedUpTo;
    }
    const id = this.#next;
    this.#next += 1;
    return id;
  }

  /** Highest id that may have been given. */
  get reserved(): number {
    return this.#reserved;
  }
}
