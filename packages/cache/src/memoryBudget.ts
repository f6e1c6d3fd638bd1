import type { MemoryUse } from "@basalt/policy";
import type { MemoryTier } from "@basalt/store";
import type { TierEntry } from "./tierEntry.ts";

/** Share of the limit that the memory tier keeps whatever is pinned: what is loaded is to be served (OPT-62). */
const FLOOR_SHARE = 1 / 16;

/** Changes smaller than this share of the limit are not reported. */
const REPORT_SHARE = 1 / 64;

/**
 * Gets every buffer that is in use; the same memory may come several times. `isKept`: the memory tier holds it anyway,
 * so that its use takes nothing from the tier.
 */
export type PinnedVisitor = (data: Buffer, isKept: boolean) => void;

export interface MemoryBudgetParts {
  readonly tier: Pick<MemoryTier<TierEntry>, "setLimit" | "limitBytes" | "bytes">;
  /** This worker's share of the content memory of the host. */
  readonly limitBytes: number;
  /** What clients have not taken yet and what is being read for them. */
  readonly sending: { visitPinned(visit: PinnedVisitor): void };
  /** What fills hold of bodies that are not on disk yet. */
  readonly filling: { readonly pinnedBytes: number };
}

export interface ContentMemoryUse extends MemoryUse {
  /** Bytes of the memory tier. */
  readonly tierBytes: number;
}

/**
 * The content memory of a worker: its memory tier, and what is pinned, which is content on its way to slow clients or
 * to the disk. The limit holds for both together, so that pinned memory displaces cached objects (OPT-04) before any is
 * taken from the system (OPT-61).
 */
export class MemoryBudget {
  readonly #parts: MemoryBudgetParts;
  readonly #seen = new Set<ArrayBufferLike>();
  #limitBytes: number;
  #pinnedBytes = 0;
  #looseBytes = 0;
  #reported: MemoryUse | undefined;

  constructor(parts: MemoryBudgetParts) {
    this.#parts = parts;
    this.#limitBytes = parts.limitBytes;
    this.#fitTier();
  }

  /** As of the last sample. */
  get use(): ContentMemoryUse {
    return { limitBytes: this.#limitBytes, pinnedBytes: this.#pinnedBytes, tierBytes: this.#parts.tier.bytes };
  }

  setLimit(limitBytes: number): void {
    this.#limitBytes = limitBytes;
    this.#fitTier();
  }

  /** Looks at what is pinned and fits the memory tier to it; call about ten times a second. */
  sample(): void {
    const { sending, filling } = this.#parts;
    this.#looseBytes = filling.pinnedBytes;
    this.#pinnedBytes = filling.pinnedBytes;
    sending.visitPinned(this.#count);
    this.#seen.clear();
    this.#fitTier();
  }

  /** What the primary should know: undefined while it has hardly changed since the last time. */
  takeReport(): MemoryUse | undefined {
    const { limitBytes, pinnedBytes } = this.use;
    const last = this.#reported;
    const hasChanged =
      last?.limitBytes !== limitBytes || Math.abs(last.pinnedBytes - pinnedBytes) > limitBytes * REPORT_SHARE;
    if (!hasChanged) return undefined;
    this.#reported = { limitBytes, pinnedBytes };
    return this.#reported;
  }

  /** A view pins all of the memory that it looks at, and several views pin it once. */
  readonly #count: PinnedVisitor = ({ buffer }, isKept) => {
    if (this.#seen.has(buffer)) return;
    this.#seen.add(buffer);
    this.#pinnedBytes += buffer.byteLength;
    if (!isKept) this.#looseBytes += buffer.byteLength;
  };

  #fitTier(): void {
    const { tier } = this.#parts;
    const floorBytes = Math.floor(this.#limitBytes * FLOOR_SHARE);
    const tierLimitBytes = Math.max(floorBytes, this.#limitBytes - this.#looseBytes);
    if (tierLimitBytes !== tier.limitBytes) tier.setLimit(tierLimitBytes);
  }
}
