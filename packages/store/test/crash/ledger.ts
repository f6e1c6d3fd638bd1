import { unreachable } from "@basalt/types";
import type { CrashEvent, CrashWay } from "./crashEvents.ts";
import type { ObjectState } from "./objects.ts";

/** What must be found of one URL: this state or a later one. */
export interface Promised {
  readonly version: number;
  readonly seed: number;
  /** Blocks that must be present; undefined: all. */
  readonly blocks: ReadonlySet<number> | undefined;
}

/** What the store has promised at one moment. */
export interface Promises {
  /** By URL. */
  readonly held: Map<string, Promised>;
  /** Versions up to which an object must not be found again, by URL. */
  readonly removedTo: Map<string, number>;
}

const emptyPromises = (): Promises => ({ held: new Map(), removedTo: new Map() });
const copyOf = ({ held, removedTo }: Promises): Promises => ({ held: new Map(held), removedTo: new Map(removedTo) });

const nameOf = ({ url, version, seed }: Pick<ObjectState, "url" | "version" | "seed">): string =>
  `${url} ${version} ${seed}`;

/** Follows what a writing process tells, and knows what its store must have kept at any moment. */
export class Ledger {
  /** Ids that were given. */
  readonly ids = new Set<string>();
  /** Rows may name records that were lost by then. */
  hadPowerCut = false;
  #wrongs: string[] = [];
  readonly #begun = new Set<string>();
  readonly #urls = new Set<string>();
  #now = emptyPromises();
  /** As of the last sync that began. */
  #syncing = emptyPromises();
  /** As of the last sync that has ended. */
  #durable = emptyPromises();

  /** URLs that something was ever begun for. */
  get urls(): ReadonlySet<string> {
    return this.#urls;
  }

  /** What was wrong without any crash, since the last call. */
  takeWrongs(): string[] {
    const wrongs = this.#wrongs;
    this.#wrongs = [];
    return wrongs;
  }

  promisesAfter(way: CrashWay): Promises {
    return way === "kill" ? this.#now : this.#durable;
  }

  wasBegun(state: ObjectState): boolean {
    return this.#begun.has(nameOf(state));
  }

  /** What was found after a crash is what there is: it was synced then. */
  restart(found: Iterable<ObjectState>, way: CrashWay): void {
    const { removedTo } = this.promisesAfter(way);
    this.#now = { held: new Map(), removedTo: new Map(removedTo) };
    for (const { url, version, seed } of found) this.#now.held.set(url, { version, seed, blocks: new Set() });
    this.#syncing = copyOf(this.#now);
    this.#durable = copyOf(this.#now);
    if (way === "kill") return;
    this.hadPowerCut = true;
    this.ids.clear();
  }

  note(event: CrashEvent): void {
    switch (event.kind) {
      case "id": {
        const id = `${event.of} ${event.id}`;
        if (this.ids.has(id)) this.#wrongs.push(`${id} was given twice`);
        this.ids.add(id);
        return;
      }
      case "begun":
        this.#begun.add(nameOf(event));
        this.#urls.add(event.url);
        return;
      case "stored":
        this.#hold(event, undefined);
        return;
      case "parted":
        this.#hold(event, new Set());
        return;
      case "headed":
        this.#hold(event, this.#now.held.get(event.url)?.blocks);
        return;
      case "block": {
        const promised = this.#now.held.get(event.url);
        if (promised?.blocks === undefined || promised.seed !== event.seed) return;
        this.#now.held.set(event.url, { ...promised, blocks: new Set([...promised.blocks, event.block]) });
        return;
      }
      case "leaving":
        for (const promises of [this.#now, this.#syncing, this.#durable]) promises.held.delete(event.url);
        return;
      case "removed":
        this.#now.removedTo.set(event.url, event.version);
        return;
      case "syncBegun":
        this.#syncing = copyOf(this.#now);
        return;
      case "syncEnded":
        this.#durable = copyOf(this.#syncing);
        return;
      case "wrong":
        this.#wrongs.push(event.what);
        return;
      case "problem":
        if (!this.hadPowerCut || !event.file.endsWith(".body")) this.#wrongs.push(`${event.file}: ${event.message}`);
        return;
      case "point":
        return;
      default:
        unreachable(event);
    }
  }

  /** A power cut may take the new state and leave the index with it: then the old one is gone too. */
  #hold({ url, version, seed }: Omit<ObjectState, "bodyBytes">, blocks: ReadonlySet<number> | undefined): void {
    const { held } = this.#now;
    const present = held.get(url);
    if (present !== undefined && present.version > version) return;
    held.set(url, { version, seed, blocks });
    this.#syncing.held.delete(url);
    this.#durable.held.delete(url);
  }
}
