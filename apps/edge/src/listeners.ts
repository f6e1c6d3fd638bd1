import type { EdgeConfig } from "@basalt/config";
import { bindListeningSocket, type ListeningHandle } from "@basalt/server";
import type { ListeningPlace } from "./workerProcess.ts";

interface Held {
  readonly place: string;
  readonly port: number;
  readonly handle: ListeningHandle;
}

/** Every `address:port` that the active virtual hosts of a configuration listen on (CFG-50, CFG-60) or bypass (BYP-21). */
export const placesOf = (
  config: EdgeConfig,
): ReadonlyMap<string, { readonly address: string; readonly port: number }> => {
  const places = new Map<string, { readonly address: string; readonly port: number }>();
  for (const vhost of config.vhosts) {
    if (vhost.status !== "Active") continue;
    const bypassed = vhost.portBypass.map(({ port }) => ({ address: undefined, port }));
    for (const listen of [...vhost.listen, ...bypassed]) {
      const addresses = listen.address === undefined ? config.server.cache.listen : [listen.address];
      for (const address of addresses) places.set(`${address}:${listen.port}`, { address, port: listen.port });
    }
  }
  // A socket on all addresses of a port leaves none for single ones.
  for (const [place, { address, port }] of places) {
    if (address !== "0.0.0.0" && places.has(`0.0.0.0:${port}`)) places.delete(place);
  }
  return places;
};

/**
 * The listening sockets of the instance, held by the primary: while one worker is replaced by another, or all are
 * gone, connections wait in the kernel instead of being refused.
 */
export class Listeners {
  readonly #held = new Map<string, Held>();

  get places(): readonly ListeningPlace[] {
    return [...this.#held.values()];
  }

  get names(): readonly string[] {
    return [...this.#held.keys()];
  }

  /**
   * Binds what the configuration needs beyond what is held. Throws, with nothing changed, when one place cannot be had.
   * `commit` closes what is no longer needed and says what changed; `abandon` gives back what was bound.
   */
  prepare(config: EdgeConfig): {
    readonly commit: () => { readonly added: readonly ListeningPlace[]; readonly removed: readonly string[] };
    readonly abandon: () => void;
  } {
    const wanted = placesOf(config);
    const added: Held[] = [];
    try {
      for (const [place, { address, port }] of wanted) {
        if (!this.#held.has(place)) added.push({ place, port, handle: bindListeningSocket(address, port) });
      }
    } catch (cause) {
      for (const { handle } of added) handle.close();
      throw cause;
    }
    return {
      abandon: () => {
        for (const { handle } of added) handle.close();
      },
      commit: () => {
        const removed = [...this.#held.keys()].filter((place) => !wanted.has(place));
        for (const place of removed) {
          this.#held.get(place)?.handle.close();
          this.#held.delete(place);
        }
        for (const held of added) this.#held.set(held.place, held);
        return { added, removed };
      },
    };
  }

  close(): void {
    for (const { handle } of this.#held.values()) handle.close();
    this.#held.clear();
  }
}
