import type { PartedFile } from "@basalt/store";
import type { HeldSink } from "../heldSink.ts";
import type { BodySink } from "../originFetch.ts";
import type { PartUpdate } from "../protocol.ts";
import { PartedBody, type PartedBodyParts } from "./partedBody.ts";

/** What a body is made of. */
export type BodyMaker = Omit<PartedBodyParts, "onUnused" | "follow" | "unfollow">;

interface PartBlocks {
  readonly first: number;
  readonly end: number;
}

/** What was told of a part before this worker knew which body it belongs to: messages may overtake a reply. */
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

  find(file: number): PartedBody | undefined {
    return this.#bodies.get(file);
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

  update(update: PartUpdate): void {
    const body = this.#byPart.get(update.partId);
    if (body === undefined) this.#newsOf(update.partId).updates.push(update);
    else body.update(update);
  }

  share(partId: number): void {
    const body = this.#byPart.get(partId);
    if (body === undefined) this.#newsOf(partId).isShared = true;
    else body.share(partId);
  }

  trim(partId: number, end: number): void {
    const body = this.#byPart.get(partId);
    if (body === undefined) this.#newsOf(partId).trimTo = end;
    else body.trim(partId, end);
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

  #newsOf(partId: number): EarlyNews {
    let news = this.#early.get(partId);
    if (news === undefined) {
      news = { isShared: false, trimTo: undefined, updates: [] };
      this.#early.set(partId, news);
    }
    return news;
  }
}
