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

export interface SocketPlace {
  readonly address: string;
  readonly port: number;
}

/**
 * Every `address:port` that the active virtual hosts of a configuration listen on (CFG-50, CFG-60) or bypass (BYP-21), and
 * those of its certificates (TLS-04).
 */
export const placesOf = (
  config: EdgeConfig,
  httpsPlaces: readonly SocketPlace[] = [],
): ReadonlyMap<string, SocketPlace> => {
  const places = new Map<string, SocketPlace>();
  for (const { address, port } of httpsPlaces) places.set(`${address}:${port}`, { address, port });
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

/** What a socket on all addresses had in its queue, or half open, when one on a single address took its place. */
const LEAVE_MS = 2_000;

const ALL_ADDRESSES = "0.0.0.0";

const isWide = ({ place, port }: Pick<Held, "place" | "port">): boolean => place === `${ALL_ADDRESSES}:${port}`;

/**
 * Whether a socket of a single address lies beside a wanted one of all addresses. It stays: the kernel prefers it for its
 * address, and closing it would reset what waits in its queue.
 */
const isCovered = (socket: Pick<Held, "place" | "port">, wanted: ReadonlyMap<string, unknown>): boolean =>
  !isWide(socket) && /^[\d.]+:\d+$/.test(socket.place) && wanted.has(`${ALL_ADDRESSES}:${socket.port}`);

interface Leaving {
  readonly held: Held;
  timer: NodeJS.Timeout;
}

/**
 * The listening sockets of the instance, held by the primary and its launcher: while one worker is replaced by another,
 * or all are gone, or the primary itself is, connections wait in the kernel instead of being refused.
 */
export class Listeners {
  readonly #held = new Map<string, Held>();
  /** Sockets that are there and not used: of the last primary, or of systemd, which keeps them whatever we do. */
  readonly #offered = new Map<string, Held>();
  /** Sockets of all addresses that single ones have taken the place of, for a moment. */
  readonly #leaving = new Map<string, Leaving>();
  readonly #holder: SocketHolder | undefined;
  readonly #onLeft: (place: string) => void;
  #wanted: ReadonlyMap<string, unknown> = new Map();

  /** `onLeft`: a place that `commit` has not named among the removed ones is to be left by the workers too. */
  constructor(holder?: SocketHolder, onLeft: (place: string) => void = () => {}) {
    this.#holder = holder;
    this.#onLeft = onLeft;
  }

  /**
   * Takes what the holder has kept. What the configuration does not want is closed everywhere before this resolves:
   * `unlisten` has others who accept there leave it.
   */
  async takeOver(
    sockets: readonly TakenSocket[],
    config: EdgeConfig,
    unlisten: (places: readonly string[]) => Promise<void>,
    httpsPlaces: readonly SocketPlace[] = [],
  ): Promise<void> {
    const wanted = placesOf(config, httpsPlaces);
    const unwanted: Held[] = [];
    for (const socket of sockets) {
      const isUsed = wanted.has(socket.place) || isCovered(socket, wanted);
      if (isUsed || socket.isActivated) this.#offered.set(socket.place, socket);
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

  /** Those that the configuration names. */
  get names(): readonly string[] {
    return [...this.#held.keys()].filter((place) => this.#wanted.has(place));
  }

  /**
   * Binds what the configuration needs beyond what is held. Throws, with nothing changed, when one place cannot be had.
   * `commit` closes what is no longer needed and says what changed; `abandon` gives back what was bound.
   */
  prepare(
    config: EdgeConfig,
    httpsPlaces: readonly SocketPlace[] = [],
  ): {
    readonly commit: () => { readonly added: readonly ListeningPlace[]; readonly removed: readonly string[] };
    readonly abandon: () => void;
  } {
    const wanted = placesOf(config, httpsPlaces);
    const bound: Held[] = [];
    const added: Held[] = [];
    const recalled: Leaving[] = [];
    let isCommitted = false;
    const abandon = (): void => {
      if (isCommitted) return;
      for (const { handle } of bound) handle.close();
      for (const leaving of recalled) leaving.timer = this.#leaveLater(leaving.held);
    };
    try {
      for (const [place, { address, port }] of wanted) {
        if (this.#held.has(place)) continue;
        const leaving = this.#leaving.get(place);
        const offered = this.#offered.get(place);
        if (leaving !== undefined) {
          clearTimeout(leaving.timer);
          recalled.push(leaving);
        } else if (offered === undefined) {
          const handle = bindListeningSocket(address, port, this.#isBesideOwn(address, port));
          bound.push({ place, port, isActivated: false, handle });
        } else added.push(offered);
      }
    } catch (cause) {
      abandon();
      throw cause;
    }
    for (const offered of this.#offered.values()) {
      if (!offered.isActivated && isCovered(offered, wanted)) added.push(offered);
    }
    added.push(...bound, ...recalled.map(({ held }) => held));
    return {
      abandon,
      commit: () => {
        isCommitted = true;
        const ports = new Set([...wanted.values()].map(({ port }) => port));
        const unwanted = [...this.#held.values()].filter((held) => !wanted.has(held.place) && !isCovered(held, wanted));
        const replaced = unwanted.filter((held) => isWide(held) && ports.has(held.port));
        const removed = unwanted.filter((held) => !replaced.includes(held));
        for (const { place } of removed) this.#drop(place);
        for (const held of replaced) {
          this.#held.delete(held.place);
          this.#leaving.set(held.place, { held, timer: this.#leaveLater(held) });
        }
        for (const held of added) {
          this.#held.set(held.place, held);
          this.#offered.delete(held.place);
          this.#leaving.delete(held.place);
        }
        for (const { handle, ...socket } of bound) this.#holder?.hold(socket, handle);
        this.#wanted = wanted;
        return { added, removed: removed.map(({ place }) => place) };
      },
    };
  }

  /** The instance ends for good: clients are refused from now on, instead of waiting for nobody. */
  leaveAll(): void {
    for (const place of [...this.#held.keys()]) this.#drop(place);
  }

  close(): void {
    const leaving = [...this.#leaving.values()];
    for (const { timer } of leaving) clearTimeout(timer);
    const all = [...this.#held.values(), ...this.#offered.values(), ...leaving.map(({ held }) => held)];
    for (const { handle } of all) handle.close();
    this.#held.clear();
    this.#offered.clear();
    this.#leaving.clear();
  }

  /** Whether one of ours is there that keeps the place from being had alone: one of the two is of all addresses. */
  #isBesideOwn(address: string, port: number): boolean {
    const leaving = [...this.#leaving.values()].map(({ held }) => held);
    const own = [...this.#held.values(), ...this.#offered.values(), ...leaving];
    return own.some((held) => held.port === port && (isWide(held) || address === ALL_ADDRESSES));
  }

  #leaveLater(held: Held): NodeJS.Timeout {
    const timer = setTimeout(() => {
      this.#leaving.delete(held.place);
      this.#onLeft(held.place);
      this.#letGo(held);
    }, LEAVE_MS);
    return timer.unref();
  }

  #drop(place: string): void {
    const held = this.#held.get(place);
    this.#held.delete(place);
    if (held !== undefined) this.#letGo(held);
  }

  #letGo(held: Held): void {
    if (held.isActivated) {
      this.#offered.set(held.place, held);
      return;
    }
    held.handle.close();
    void this.#holder?.release(held.place);
  }
}
