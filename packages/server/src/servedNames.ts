import { type EdgeConfig, recordsHeads, type VhostSettings } from "@basalt/config";
import type { CounterBlock } from "@basalt/telemetry";
import type { BookedVhost, ServedVhost } from "./servedVhost.ts";

/** Where the requests for one name of the configuration come to. */
export interface ServedName {
  readonly vhost: ServedVhost;
  /** `vhost` itself unless the name is that of a facade (VHT-21). */
  readonly booked: BookedVhost;
}

/** By name: every host that is served, and every facade of one; the others are unserved (VHT-23). */
export class ServedNames {
  readonly #served: { get(name: string): ServedVhost | undefined };
  readonly #counters: CounterBlock;
  readonly #settings = new Map<string, VhostSettings>();
  readonly #asked = new Map<string, ServedName>();

  constructor(served: { get(name: string): ServedVhost | undefined }, counters: CounterBlock) {
    this.#served = served;
    this.#counters = counters;
  }

  /** In small steps. */
  *add({ vhosts }: EdgeConfig): Generator<void, void> {
    for (const settings of vhosts) {
      yield;
      if (settings.status === "Active") this.#settings.set(settings.name, settings);
    }
  }

  get(name: string): ServedName | undefined {
    const known = this.#asked.get(name);
    if (known !== undefined) return known;
    const settings = this.#settings.get(name);
    const vhost = settings === undefined ? undefined : this.#served.get(settings.facadeOf ?? name);
    if (settings === undefined || vhost?.settings.status !== "Active") return undefined;
    const found = { vhost, booked: settings.facadeOf === undefined ? vhost : this.#facadeOf(settings) };
    this.#asked.set(name, found);
    return found;
  }

  #facadeOf({ name, stats, logs }: VhostSettings): BookedVhost {
    return { name, stats, counters: this.#counters.vhost(name), blocks: [], isRecorded: recordsHeads(logs) };
  }
}
