import type { EdgeConfig } from "@basalt/config";
import { bindListeningSocket, type ListeningHandle } from "@basalt/server";
import type { TakenSocket } from "./launcherLink.ts";
import type { KeptSocket } from "./launcherProtocol.ts";
import type { ListeningPlace } from "./workerProcess.ts";

type Held = TakenSocket;

/** Who keeps the sockets from one primary to the next. */
export interface SocketHolder {
  hold(socket: KeptSocket, handle: ListeningHandle): void;
  /** Resolves when it no longer has the socket. */
  release(place: string): Promise<void>;
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
 * The listening sockets of the instance, held by the primary and its launcher: while one worker is replaced by another,
 * or all are gone, or the primary itself is, connections wait in the kernel instead of being refused.
 */
export class Listeners {
  readonly #held = new Map<string, Held>();
  /** Sockets that are there and not used: of the last primary, or of systemd, which keeps them whatever we do. */
  readonly #offered = new Map<string, Held>();
  readonly #holder: SocketHolder | undefined;

  constructor(holder?: SocketHolder) {
    this.#holder = holder;
  }

  /**
   * Takes what the holder has kept. What the configuration does not want is closed everywhere before this resolves:
   * `unlisten` has others who accept there leave it.
   */
  async takeOver(
    sockets: readonly TakenSocket[],
    config: EdgeConfig,
    unlisten: (places: readonly string[]) => Promise<void>,
  ): Promise<void> {
    const wanted = placesOf(config);
    const unwanted: Held[] = [];
    for (const socket of sockets) {
      if (wanted.has(socket.place) || socket.isActivated) this.#offered.set(socket.place, socket);
      else unwanted.push(socket);
    }
    if (unwanted.length === 0) return;
    await unlisten(unwanted.map(({ place }) => place));
    for (const { place, handle } of unwanted) {
      handle.close();
      await this.#holder?.release(place);
    }
  }

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
    const bound: Held[] = [];
    const added: Held[] = [];
    const abandon = (): void => {
      for (const { handle } of bound) handle.close();
    };
    try {
      for (const [place, { address, port }] of wanted) {
        if (this.#held.has(place)) continue;
        const offered = this.#offered.get(place);
        if (offered === undefined) {
          bound.push({ place, port, isActivated: false, handle: bindListeningSocket(address, port) });
        } else added.push(offered);
      }
    } catch (cause) {
      abandon();
      throw cause;
    }
    added.push(...bound);
    return {
      abandon,
      commit: () => {
        const removed = [...this.#held.keys()].filter((place) => !wanted.has(place));
        for (const place of removed) this.#drop(place);
        for (const held of added) {
          this.#held.set(held.place, held);
          this.#offered.delete(held.place);
        }
        for (const { handle, ...socket } of bound) this.#holder?.hold(socket, handle);
        return { added, removed };
      },
    };
  }

  close(): void {
    for (const { handle } of [...this.#held.values(), ...this.#offered.values()]) handle.close();
    this.#held.clear();
    this.#offered.clear();
  }

  #drop(place: string): void {
    const held = this.#held.get(place);
    this.#held.delete(place);
    if (held === undefined) return;
    if (held.isActivated) {
      this.#offered.set(place, held);
      return;
    }
    held.handle.close();
    void this.#holder?.release(place);
  }
}
