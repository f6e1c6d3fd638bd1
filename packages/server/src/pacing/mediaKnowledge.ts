import type { MediaFacts } from "@basalt/media";

/** Files that are remembered at most. */
const MOST_FILES = 4_096;

interface Known {
  readonly version: number;
  readonly facts: MediaFacts;
}

/** One version of one stored body. */
export interface MediaBody {
  readonly name: string;
  readonly version: number;
}

/** What this worker has learnt of media files; the ones asked for longest ago are forgotten first. */
export class MediaKnowledge {
  readonly #files = new Map<string, Known>();

  find({ name, version }: MediaBody): MediaFacts | undefined {
    const known = this.#files.get(name);
    if (known === undefined) return undefined;
    this.#files.delete(name);
    if (known.version !== version) return undefined;
    this.#files.set(name, known);
    return known.facts;
  }

  remember({ name, version }: MediaBody, facts: MediaFacts): void {
    this.#files.delete(name);
    this.#files.set(name, { version, facts });
    if (this.#files.size <= MOST_FILES) return;
    const [oldest] = this.#files.keys();
    if (oldest !== undefined) this.#files.delete(oldest);
  }
}
