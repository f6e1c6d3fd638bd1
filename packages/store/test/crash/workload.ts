import { EdgeError } from "@basalt/types";
import {
  BLOCK_BYTES,
  type BodyStore,
  type BodyUpkeep,
  type DiskIndex,
  type IndexRow,
  type ObjectLocation,
  type PartedFile,
  type SpaceKeeper,
} from "../../src/index.ts";
import type { CrashEvent } from "./crashEvents.ts";
import { bodyOf, headOf, imageOf, keyOf, type ObjectState, parseHead, rowOf } from "./objects.ts";
import type { TurnQueue } from "./turnQueue.ts";

export interface WorkloadSettings {
  readonly index: DiskIndex;
  /** As two workers have them; rows of the second reach the index late, in order. */
  readonly stores: readonly [BodyStore & BodyUpkeep, BodyStore & BodyUpkeep];
  readonly keeperStore: BodyStore & BodyUpkeep;
  readonly keeper: SpaceKeeper;
  readonly queue: TurnQueue;
  readonly random: () => number;
  readonly report: (event: CrashEvent) => void;
  /** Seeds of bodies begin here; no two runs share one. */
  readonly firstSeed: number;
}

const PACKED_BYTES = [0, 1, 700, 700, 700, 4096, 30_000, 120_000, 250_000];
const GROWING_BYTES = [0, 300_000, BLOCK_BYTES, BLOCK_BYTES + 1];
const PARTED_BYTES = [1, BLOCK_BYTES - 1, BLOCK_BYTES + 17, BLOCK_BYTES + 17, 5 * BLOCK_BYTES];

interface LateWrite {
  readonly url: string;
  readonly segment: number;
  readonly write: () => void;
}

/** Deterministic clients of the store that go on until the process dies. */
export class Workload {
  readonly #settings: WorkloadSettings;
  /** What the second store wrote, on its way to the index. */
  readonly #late: LateWrite[] = [];
  /** Removed, but the index was not flushed yet. */
  #removed: { readonly url: string; readonly version: number }[] = [];
  #version: number;
  #seed: number;

  constructor(settings: WorkloadSettings) {
    this.#settings = settings;
    this.#version = settings.index.highestVersion;
    this.#seed = settings.firstSeed;
  }

  run(): Promise<unknown> {
    const forever = async (act: () => Promise<void>): Promise<void> => {
      for (;;) await act();
    };
    return Promise.all([
      ...[0, 0, 1, 1].map((store, client) => forever(() => this.#actAsClient(store, `/client${client}`))),
      forever(() => this.#actAsPrimary()),
    ]);
  }

  /** Evicted with records whose rows have not arrived: on so small a disk it can be that soon. */
  noteSegmentGoes(segment: number): void {
    for (const { url, segment: place } of this.#late) {
      if (place === segment) this.#settings.report({ kind: "leaving", url });
    }
  }

  #pick(choices: readonly number[]): number {
    return choices[Math.floor(this.#settings.random() * choices.length)] ?? 0;
  }

  #isLucky(chance: number): boolean {
    return this.#settings.random() < chance;
  }

  /** Lets others have some turns. */
  async #wait(turns: number): Promise<void> {
    for (let turn = 0; turn < turns; turn += 1) await this.#settings.queue.run(() => undefined);
  }

  async #actAsClient(store: number, folder: string): Promise<void> {
    const url = `${folder}/${Math.floor(this.#settings.random() * 12)}`;
    const { random, index } = this.#settings;
    const chance = random();
    const isKnown = index.find(keyOf(url)) !== undefined;
    if (chance < 0.5) await this.#storePacked(store, url);
    else if (chance < 0.6) await this.#storeGrowing(store, url);
    else if (chance < 0.72) await this.#storeParted(store, url);
    else if (!isKnown || this.#late.length > 0) await this.#wait(2);
    else if (chance < 0.8) await this.#replaceHead(store, url);
    else if (chance < 0.87) this.#remove(url);
    else if (chance < 0.92) this.#touch(url);
    else await this.#read(store, url);
  }

  async #actAsPrimary(): Promise<void> {
    const { random, keeper } = this.#settings;
    const chance = random();
    this.#arrive();
    if (chance < 0.5) await this.#flush();
    else if (chance < 0.75) await this.#sync();
    else await keeper.check();
    await this.#wait(1 + Math.floor(random() * 30));
  }

  #arrive(): void {
    for (const { write } of this.#late.splice(0)) write();
  }

  async #flush(): Promise<void> {
    const removed = this.#removed;
    this.#removed = [];
    await this.#settings.index.flush();
    for (const { url, version } of removed) this.#settings.report({ kind: "removed", url, version });
  }

  async #sync(): Promise<void> {
    const { index, stores, keeperStore, report } = this.#settings;
    report({ kind: "syncBegun" });
    await Promise.all([...stores, keeperStore].map((store) => store.sync()));
    await index.sync();
    report({ kind: "syncEnded" });
  }

  #beginNew(url: string, sizes: readonly number[]): ObjectState {
    this.#seed += 1;
    return this.#begin(url, this.#pick(sizes), this.#seed);
  }

  #begin(url: string, bodyBytes: number, seed: number): ObjectState {
    this.#version += 1;
    const state = { url, version: this.#version, seed, bodyBytes };
    this.#settings.report({ kind: "begun", ...state });
    return state;
  }

  /** What the second store wrote arrives later, behind what it wrote before. */
  #tellIndex(store: number, url: string, { segment }: ObjectLocation, write: () => void): void {
    if (store === 0) write();
    else this.#late.push({ url, segment, write });
  }

  #enter(store: number, { url, version }: ObjectState, row: IndexRow): void {
    const { index, report } = this.#settings;
    this.#tellIndex(store, url, row.location, () => {
      const present = index.find(row.key);
      if (present === undefined || present.version < version) index.put(row);
      else {
        index.passOver(row.location);
        report({ kind: "leaving", url });
      }
    });
  }

  async #storePacked(store: number, url: string): Promise<void> {
    const state = this.#beginNew(url, PACKED_BYTES);
    const image = imageOf(state, this.#settings.queue.clock.now());
    const location = await this.#store(store).append(image, headOf(state), bodyOf(state.seed, state.bodyBytes));
    this.#settings.report({ kind: "stored", ...state });
    this.#enter(store, state, rowOf(image, location));
  }

  async #storeGrowing(store: number, url: string): Promise<void> {
    const state = this.#beginNew(url, GROWING_BYTES);
    const body = bodyOf(state.seed, state.bodyBytes);
    const file = await this.#store(store).createFile();
    for (let position = 0; position < body.length; position += 400_000) {
      await file.write(body.subarray(position, position + 400_000));
      if (this.#isLucky(0.05)) return file.abandon();
    }
    const image = imageOf(state, this.#settings.queue.clock.now());
    const location = await file.complete(image, headOf(state));
    this.#settings.report({ kind: "stored", ...state });
    this.#enter(store, state, rowOf(image, location));
  }

  async #storeParted(store: number, url: string): Promise<void> {
    const state = this.#beginNew(url, PARTED_BYTES);
    const image = imageOf(state, this.#settings.queue.clock.now());
    const file = await this.#store(store).createParted(image, headOf(state), state.bodyBytes);
    this.#settings.report({ kind: "parted", ...state });
    this.#enter(store, state, rowOf(image, file.location, file.missingBytes));
    const other = await this.#store(1 - store).openParted(file.location);
    await this.#tolerate(image.key, file.location, async () => {
      const files = other === undefined ? [file] : [file, other];
      const blocks = Array.from({ length: file.blockCount }, (_, block) => block);
      const shuffled = blocks.toSorted(() => this.#settings.random() - 0.5);
      await Promise.all(
        shuffled.map((block, position) => this.#fillBlock(files[position % files.length] ?? file, state, block)),
      );
      await file.refresh(0, file.blockCount);
      const row = this.#settings.index.find(image.key);
      if (row?.location.file === file.location.file) {
        this.#settings.index.update(image.key, { missingBytes: file.missingBytes });
      }
    });
    file.release();
    other?.release();
  }

  async #fillBlock(file: PartedFile, { url, seed, bodyBytes }: ObjectState, block: number): Promise<void> {
    if (this.#isLucky(0.15)) return;
    const body = bodyOf(seed, bodyBytes);
    const end = Math.min(bodyBytes, (block + 1) * BLOCK_BYTES);
    const part = await file.startPart(block);
    try {
      while (part.position < end) {
        await part.write(body.subarray(part.position, Math.min(end, part.position + 450_000)));
        if (this.#isLucky(0.05)) return;
      }
      this.#settings.report({ kind: "block", url, seed, block });
    } finally {
      await part.close();
    }
  }

  async #replaceHead(store: number, url: string): Promise<void> {
    const { index, report, queue } = this.#settings;
    const row = index.find(keyOf(url));
    if (row === undefined) return;
    await this.#tolerate(row.key, row.location, async () => {
      const before = await this.#store(store).load(row.location);
      const old = before === undefined ? undefined : parseHead(before.head);
      if (old === undefined) return;
      const state = this.#begin(url, old.bodyBytes, old.seed);
      const image = imageOf(state, queue.clock.now());
      const location = await this.#store(store).replaceHead(row.location, image, headOf(state));
      const isThere = (): boolean => {
        const current = index.find(row.key);
        return current?.version === row.version && current.location.file === row.location.file;
      };
      report(isThere() ? { kind: "headed", ...state } : { kind: "leaving", url });
      this.#tellIndex(store, url, location, () => {
        if (!isThere()) report({ kind: "leaving", url });
        else index.update(row.key, { location, version: state.version, updatedAt: image.updatedAt });
      });
    });
  }

  #remove(url: string): void {
    const { index, report } = this.#settings;
    report({ kind: "leaving", url });
    const row = index.remove(keyOf(url));
    if (row !== undefined) this.#removed.push({ url, version: row.version });
  }

  #touch(url: string): void {
    this.#settings.index.update(keyOf(url), { lastAccess: this.#settings.queue.clock.now() });
  }

  /** What a client would be sent. */
  async #read(store: number, url: string): Promise<void> {
    const row = this.#settings.index.find(keyOf(url));
    if (row === undefined) return;
    await this.#tolerate(row.key, row.location, async () => {
      const loaded = await this.#store(store).load(row.location);
      if (loaded === undefined) return;
      const state = parseHead(loaded.head);
      if (state?.url !== url || state.version !== row.version) return this.#complain(`the head of ${url}`);
      const body = loaded.body ?? (await this.#readWhole(store, row.location));
      if (body !== undefined && !body.equals(bodyOf(state.seed, state.bodyBytes))) this.#complain(`the body of ${url}`);
    });
  }

  async #readWhole(store: number, location: ObjectLocation): Promise<Buffer | undefined> {
    const reader = await this.#store(store).openBody(location);
    if (reader === undefined) return undefined;
    const body = Buffer.alloc(location.bodyBytes);
    try {
      await reader.read(body, 0, body.length, 0);
      return body;
    } finally {
      reader.release();
    }
  }

  #complain(what: string): void {
    this.#settings.report({ kind: "wrong", what });
  }

  /** The store may refuse what concerns an object that was evicted or replaced meanwhile. */
  async #tolerate(key: Buffer, location: ObjectLocation, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (cause) {
      const current = this.#settings.index.find(key)?.location;
      const isSame = current?.segment === location.segment && current.offset === location.offset;
      if (!(cause instanceof EdgeError) || (isSame && current.file === location.file)) throw cause;
    }
  }

  #store(number: number): BodyStore & BodyUpkeep {
    return this.#settings.stores[number === 0 ? 0 : 1];
  }
}
