import { fetchOnce } from "../client/rawClient.ts";
import type { TestOrigin } from "../origin/origin.ts";
import { type PatternBody, patternBody, verifyPattern } from "../pattern.ts";
import type { FieldRecord } from "../wire/fields.ts";
import type { SceneEdge } from "./sceneEdge.ts";

/** Content of the page `/{bytes}/{seed}`. */
export const pageBody = (path: string): PatternBody => {
  const [, bytes, seed] = /^\/(\d+)\/(\d+)(?:\?|$)/.exec(path) ?? [];
  if (bytes === undefined || seed === undefined) throw new Error(`${path} names no page`);
  return patternBody(Number(bytes), Number(seed));
};

/** Paths of `count` pages of that many bytes; their seeds begin at `firstSeed`. */
export const pagesOf = (bytes: number, count: number, firstSeed = 1): string[] =>
  Array.from({ length: count }, (_, index) => `/${bytes}/${firstSeed + index}`);

/** Lets the origin have every page. */
export const servePages = (origin: TestOrigin, fields: FieldRecord = {}): void => {
  const isPage = (path: string): boolean => /^\/\d+\/\d+$/.test(path);
  origin
    .on((request) => isPage(request.path))
    .reply((request) => ({ status: 200, fields, body: pageBody(request.path) }));
};

/** Fetches a page on a connection of its own; throws unless it comes whole and right. */
export const fetchPage = async (edge: SceneEdge, path: string): Promise<void> => {
  const { size, seed } = pageBody(path);
  const { status, body } = await fetchOnce(edge.port, { path, host: edge.host });
  const wrongAt = status === 200 ? verifyPattern(seed, 0, body) : undefined;
  if (status === 200 && body.length === size && wrongAt === undefined) return;
  throw new Error(
    `${path}: status ${status}, ${body.length} bytes, ${wrongAt === undefined ? "" : `wrong from ${wrongAt}`}`,
  );
};

export const fetchPages = async (edge: SceneEdge, paths: readonly string[]): Promise<void> => {
  for (const path of paths) await fetchPage(edge, path);
};

/** What each page was asked of the origin since: waits for nothing. */
export const timesAsked = (origin: TestOrigin, paths: readonly string[]): number[] =>
  paths.map((path) => origin.saw(path));

/** Requests pages in turn until it is stopped. */
export class PageLoad {
  readonly #loops: Promise<void>[];
  readonly #failures: string[] = [];
  #isStopped = false;
  answered = 0;

  constructor(edge: SceneEdge, paths: readonly string[], clients: number) {
    this.#loops = Array.from({ length: clients }, async (_, client) => {
      for (let round = client; !this.#isStopped; round++) {
        const path = paths[round % paths.length] ?? "/";
        await fetchPage(edge, path).then(
          () => {
            this.answered += 1;
          },
          (error: unknown) => this.#failures.push(String(error)),
        );
      }
    });
  }

  /** Ends the load; resolves with what went wrong. */
  async stop(): Promise<readonly string[]> {
    this.#isStopped = true;
    await Promise.all(this.#loops);
    return this.#failures;
  }
}

/** As `fetchPages`, over some connections that are kept: for thousands of pages. */
export const fetchManyPages = async (edge: SceneEdge, paths: readonly string[], connections = 16): Promise<void> => {
  const waiting = paths[Symbol.iterator]();
  const fetchInTurn = async (): Promise<void> => {
    const client = await edge.cluster.client();
    try {
      for (const path of waiting) {
        const { status, body } = await client.request({ path, host: edge.host });
        const { size, seed } = pageBody(path);
        const isRight = status === 200 && body.length === size && verifyPattern(seed, 0, body) === undefined;
        if (!isRight) throw new Error(`${path}: status ${status}, ${body.length} bytes`);
      }
    } finally {
      client.close();
    }
  };
  await Promise.all(Array.from({ length: connections }, fetchInTurn));
};
