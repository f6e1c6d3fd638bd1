import { type OriginScope, originKey } from "../blockKey.ts";
import type { CounterReport } from "../contract.ts";
import {
  ORIGIN_SERVER_SLOT,
  ORIGIN_SERVER_SLOT_COUNT,
  originOutcomeSlot,
  type ServiceOutcome,
} from "../counterTable.ts";
import { SparseRows } from "./sparseRows.ts";

/** Origins of one process between two reports; exchanges with further ones count under OTHER_ORIGINS of their host. */
const MOST_ORIGINS = 2_000;

/** Stands for origins beyond the limit. */
export const OTHER_ORIGINS = "*";

/** An exchange with an origin that has ended. */
export interface CountedExchange {
  readonly outcome: ServiceOutcome;
  /** In 0.01 ms. */
  readonly hundredths: number;
  readonly isTraced: boolean;
}

/** Exchanges by virtual host and origin since the last report. */
export class OriginCounters {
  readonly #rows = new SparseRows<string>(ORIGIN_SERVER_SLOT_COUNT);

  add(scope: OriginScope, { outcome, hundredths, isTraced }: CountedExchange): void {
    const known = originKey(scope);
    const hasRoom = this.#rows.size < MOST_ORIGINS || this.#rows.has(known);
    const key = hasRoom ? known : originKey({ ...scope, origin: OTHER_ORIGINS });
    this.#rows.add(key, originOutcomeSlot(outcome), 1);
    this.#rows.add(key, ORIGIN_SERVER_SLOT.time, hundredths);
    if (isTraced) this.#rows.add(key, ORIGIN_SERVER_SLOT.traced, 1);
  }

  take(): Pick<CounterReport, "origins" | "originValues"> {
    const origins = [...this.#rows.keys];
    const originValues = new Float64Array(origins.length * ORIGIN_SERVER_SLOT_COUNT);
    origins.forEach((key, index) => {
      originValues.set(this.#rows.find(key) ?? [], index * ORIGIN_SERVER_SLOT_COUNT);
    });
    this.#rows.clear();
    return { origins, originValues };
  }
}
