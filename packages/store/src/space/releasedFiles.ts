import type { ReleasedFile } from "../contract.ts";
import type { Eviction } from "./eviction.ts";
import type { SpaceContext } from "./spaceContext.ts";

/** Looked up in the index without a pause. */
const FILES_AT_ONCE = 256;

/** Body files whose row was removed or replaced: deleted a check later, when readers of the old row have opened them. */
export class ReleasedFiles {
  readonly #context: SpaceContext;
  readonly #eviction: Eviction;
  #waiting: readonly ReleasedFile[] = [];

  constructor(context: SpaceContext, eviction: Eviction) {
    this.#context = context;
    this.#eviction = eviction;
  }

  get waiting(): readonly ReleasedFile[] {
    return this.#waiting;
  }

  /** Deletes those of the call before and takes up new ones. */
  async turn(): Promise<void> {
    const kept: ReleasedFile[] = [];
    const due: ReleasedFile[] = [];
    for (const file of this.#waiting) (this.#context.keepsFile(file.location.file) ? kept : due).push(file);
    this.#waiting = [...kept, ...this.#take()];
    await this.#delete(due);
  }

  /** Space is short: a late reader finds its object gone, which is a miss. */
  async deleteAll(): Promise<void> {
    const due = [...this.#waiting, ...this.#take()];
    this.#waiting = [];
    await this.#delete(due);
  }

  #take(): readonly ReleasedFile[] {
    const evicted = this.#eviction.takeEvictedFiles();
    return this.#context.index.takeReleasedFiles().filter(({ location }) => !evicted.has(location.file));
  }

  async #delete(files: readonly ReleasedFile[]): Promise<void> {
    const { index, bodies } = this.#context;
    for (let start = 0; start < files.length; start += FILES_AT_ONCE) {
      const unnamed = files
        .slice(start, start + FILES_AT_ONCE)
        .filter(({ key, location }) => index.find(key)?.location.file !== location.file);
      await bodies.removeBodies(unnamed.map(({ location }) => location));
    }
  }
}
