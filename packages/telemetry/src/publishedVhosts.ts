import { VHOST_COUNTERS, VHOST_SLOT, VHOST_SLOT_COUNT } from "./counterTable.ts";
import { gaugeMask } from "./gaugeMask.ts";

/**
 * Bounds the number of series: beyond it only hosts with traffic have their own, and what exceeds it even then is
 * published as one sum under this name, which no host can have.
 */
const MOST_VHOSTS = 1000;
const OTHER_VHOSTS = "_other";

type Named = readonly [vhost: string, values: Float64Array];

const GAUGES = gaugeMask(VHOST_COUNTERS, VHOST_SLOT_COUNT);
const TRAFFIC_SIGNS = [VHOST_SLOT.clientRequests, VHOST_SLOT.originRequests, VHOST_SLOT.portBypassConnections];

const hasTraffic = (values: Float64Array): boolean => TRAFFIC_SIGNS.some((slot) => (values[slot] ?? 0) > 0);

/** Counters that are not 0, flat: slot and value. Few of most hosts are. */
type Counts = readonly number[];

const countsIn = (values: Float64Array): Counts => {
  const counts: number[] = [];
  for (let slot = 0; slot < values.length; slot++) {
    const count = values[slot] ?? 0;
    if (GAUGES[slot] !== true && count !== 0) counts.push(slot, count);
  }
  return counts;
};

const addTo = (sum: Float64Array, counts: Counts = [], sign: 1 | -1 = 1): void => {
  for (let at = 0; at < counts.length; at += 2) {
    const slot = counts[at] ?? 0;
    sum[slot] = (sum[slot] ?? 0) + sign * (counts[at + 1] ?? 0);
  }
};

/**
 * Picks the hosts that have series of their own; the others are one sum. Neither of them ever falls: a host that has been
 * picked stays so while it exists, one that counts among the others does so while there is no room for all, and what it
 * has counted there stays in the sum when it goes. One that comes back adds what it has counted since.
 */
export class PublishedVhosts {
  /** With their figures of the last time. */
  readonly #picked = new Map<string, Float64Array>();
  /** All that they have counted. */
  readonly #others = new Map<string, Counts>();
  /** All that hosts had counted when they left the picked ones, or the others. */
  readonly #before = new Map<string, Counts>();
  /** Of those that were among the others. */
  readonly #gone = new Float64Array(VHOST_SLOT_COUNT);
  readonly #isDetailed: (vhost: string) => boolean;
  #hasOthers = false;

  /** Hosts that are not detailed are among the others in any case (AWS-91). */
  constructor(isDetailed: (vhost: string) => boolean = () => true) {
    this.#isDetailed = isDetailed;
  }

  bound(vhosts: ReadonlyMap<string, Float64Array>): readonly Named[] {
    this.#partWith(vhosts);
    const hasRoom = vhosts.size <= MOST_VHOSTS;
    // Before the sum is begun: what they have counted among the others stays in it.
    if (hasRoom) for (const name of this.#others.keys()) if (this.#isDetailed(name)) this.#leaveOthers(name);
    const shown: Named[] = [];
    const sum = this.#gone.slice();
    for (const [name, values] of vhosts) {
      if (this.#isDetailed(name) && (hasRoom || this.#picked.has(name) || this.#mayPick(name, values))) {
        this.#picked.set(name, values);
        shown.push([name, values]);
        continue;
      }
      this.#hasOthers = true;
      const counts = countsIn(values);
      if (counts.length > 0) this.#others.set(name, counts);
      addTo(sum, counts);
      addTo(sum, this.#before.get(name), -1);
      for (let slot = 0; slot < values.length; slot++) {
        if (GAUGES[slot] === true) sum[slot] = (sum[slot] ?? 0) + (values[slot] ?? 0);
      }
    }
    return this.#hasOthers ? [...shown, [OTHER_VHOSTS, sum]] : shown;
  }

  #partWith(vhosts: ReadonlyMap<string, Float64Array>): void {
    for (const [name, values] of this.#picked) {
      if (vhosts.has(name) && this.#isDetailed(name)) continue;
      this.#picked.delete(name);
      this.#before.set(name, countsIn(values));
    }
    for (const name of this.#others.keys()) if (!vhosts.has(name)) this.#leaveOthers(name);
  }

  #leaveOthers(name: string): void {
    const counts = this.#others.get(name);
    if (counts === undefined) return;
    addTo(this.#gone, counts);
    addTo(this.#gone, this.#before.get(name), -1);
    this.#before.set(name, counts);
    this.#others.delete(name);
  }

  #mayPick(name: string, values: Float64Array): boolean {
    return this.#picked.size < MOST_VHOSTS - 1 && hasTraffic(values) && !this.#others.has(name);
  }
}
