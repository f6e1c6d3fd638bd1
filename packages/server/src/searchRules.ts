import { canonicalQuery, type NoVarySearch, parseNoVarySearch } from "@basalt/policy";

/** Paths remembered per virtual host and worker; beyond it the oldest go, and their queries count in full again. */
const MOST_PATHS = 10_000;

/** Characters of paths and values remembered: a path may be as long as a head, and clients choose it. */
const MOST_CHARACTERS = 4 * 1024 * 1024;

/**
 * What responses said of the parameters in the queries of their path (No-Vary-Search): those that make no difference
 * are left out of the key from then on. Learned by each worker for itself.
 */
export class SearchRules {
  readonly #byPath = new Map<string, { readonly text: string; readonly rule: NoVarySearch }>();
  #characters = 0;

  get isEmpty(): boolean {
    return this.#byPath.size === 0;
  }

  canonicalUrl(url: string): string {
    const query = url.indexOf("?");
    if (query < 0) return url;
    const known = this.#byPath.get(url.slice(0, query));
    return known === undefined ? url : canonicalQuery(url, known.rule);
  }

  /**
   * Takes the value that came with a response for that URL; undefined when there was none. Answers the path when its
   * queries have a rule from now on that they did not have before.
   */
  learn(url: string, value: string | undefined): string | undefined {
    const query = url.indexOf("?");
    const path = query < 0 ? url : url.slice(0, query);
    const known = this.#byPath.get(path);
    if (known?.text === value) return undefined;
    this.#forget(path);
    const rule = parseNoVarySearch(value);
    if (value === undefined || rule === undefined) return undefined;
    this.#byPath.set(path, { text: value, rule });
    this.#characters += path.length + value.length;
    for (const oldest of this.#byPath.keys()) {
      if (this.#byPath.size <= MOST_PATHS && this.#characters <= MOST_CHARACTERS) break;
      this.#forget(oldest);
    }
    return path;
  }

  #forget(path: string): void {
    const known = this.#byPath.get(path);
    if (known === undefined) return;
    this.#byPath.delete(path);
    this.#characters -= path.length + known.text.length;
  }
}
