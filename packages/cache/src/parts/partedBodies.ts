import type { PartedFile } from "@basalt/store";
import type { HeldSink } from "../heldSink.ts";
import type { BodySink } from "../originFetch.ts";
import type { PartUpdate } from "../protocol.ts";
import { PartedBody, type PartedBodyParts } from "./partedBody.ts";

/** What a body is made of. */
export type BodyMaker = Omit<PartedBodyParts, "onUnused" | "follow" | "unfollow" | "expectNews">;

interface PartBlocks {
  readonly first: number;
  readonly end: number;
}

/** What was told of a part while the reply that names it is on its way: messages may overtake it. */
interface EarlyNews {
  isShared: boolean;
  trimTo: number | undefined;
  readonly updates: PartUpdate[];
}

/** The parted bodies in use in this worker: one for each file, so that all readers see one state. */
export class PartedBodies {
  readonly #bodies = new Map<number, PartedBody>();
  readonly #opening = new Map<number, Promise<PartedBody | undefined>>();
  readonly #byPart = new Map<number, PartedBody>();
  readonly #early = new Map<number, EarlyNews>();
  /** Replies on their way. */
  #expected = 0;

  find(file: number): PartedBody | undefined {
    return this.#bodies.get(file);
  }

  /** Parts whose news wait for a reply. */
  get newsKept(): number {
    return this.#early.size;
  }

  get pinnedBytes(): number {
    let bytes = 0;
    for (const body of this.#bodies.values()) bytes += body.pinnedBytes;
    return bytes;
  }

  get fillsRunning(): number {
    let count = 0;
    for (const body of this.#bodies.values()) count += body.fillsRunning;
    return count;
  }

  /** The body of a file, opened once for all who ask meanwhile. */
  open(file: number, make: () => Promise<BodyMaker | undefined>): Promise<PartedBody | undefined> {
    const known = this.#bodies.get(file);
    if (known !== undefined) return Promise.resolve(known);
    const opening = this.#opening.get(file) ?? this.#open(file, make).finally(() => this.#opening.delete(file));
    this.#opening.set(file, opening);
    return opening;
  }

  /** Enters a body that has just been made. */
  enter(maker: BodyMaker): PartedBody {
    const { file } = maker.file.location;
    const body: PartedBody = new PartedBody({
      ...maker,
      follow: (partId, follower) => this.#follow(partId, follower),
      unfollow: (partId) => {
        this.#byPart.delete(partId);
        this.#early.delete(partId);
      },
      expectNews: () => this.#expectNews(),
      onUnused: () => {
        if (this.#bodies.get(file) !== body) return;
        this.#bodies.delete(file);
        maker.file.release();
      },
    });
    this.#bodies.set(file, body);
    return body;
  }

  /** The first part of a body that has just been made goes on with the exchange that brought its head. */
  begin(file: PartedFile, partId: number, blocks: PartBlocks, arrived: HeldSink): BodySink {
    const body = this.#bodies.get(file.location.file);
    if (body === undefined) throw new Error("a part of a body that nobody has entered");
    return body.begin(partId, blocks, arrived.control, arrived.bytes);
  }

  /** No news of other workers will come any more: what they have filled shows in the maps, the rest is asked for anew. */
  cutOff(): void {
    for (const [partId, body] of [...this.#byPart]) body.update({ partId, kind: "ended" });
  }

  update(update: PartUpdate): void {
    const body = this.#byPart.get(update.partId);
    if (body === undefined) this.#newsOf(update.partId)?.updates.push(update);
    else body.update(update);
  }

  share(partId: number): void {
    const body = this.#byPart.get(partId);
    if (body !== undefined) {
      body.share(partId);
      return;
    }
    const news = this.#newsOf(partId);
    if (news !== undefined) news.isShared = true;
  }

  trim(partId: number, end: number): void {
    const body = this.#byPart.get(partId);
    if (body !== undefined) {
      body.trim(partId, end);
      return;
    }
    const news = this.#newsOf(partId);
    if (news !== undefined) news.trimTo = end;
  }

  async #open(file: number, make: () => Promise<BodyMaker | undefined>): Promise<PartedBody | undefined> {
    const maker = await make();
    return maker === undefined ? undefined : (this.#bodies.get(file) ?? this.enter(maker));
  }

  #follow(partId: number, body: PartedBody): void {
    this.#byPart.set(partId, body);
    const news = this.#early.get(partId);
    if (news === undefined) return;
    this.#early.delete(partId);
    if (news.isShared) body.share(partId);
    if (news.trimTo !== undefined) body.trim(partId, news.trimTo);
    for (const update of news.updates) body.update(update);
  }

  #expectNews(): () => void {
    this.#expected++;
    return () => {
      this.#expected--;
      if (this.#expected === 0) this.#early.clear();
    };
  }

  /** Undefined when nobody waits for a reply: the part is over here, or not read any more. */
  #newsOf(partId: number): EarlyNews | undefined {
    if (this.#expected === 0) return undefined;
    let news = this.#early.get(partId);
    if (news === undefined) {
      news = { isShared: false, trimTo: undefined, updates: [] };
      this.#early.set(partId, news);
    }
    return news;
  }
}
