import { setTimeout as pause } from "node:timers/promises";
import type { PendingAnswer } from "../client/answer.ts";
import type { EdgeRequest, TestEdge } from "../edge/edge.ts";
import { HANG_LIMIT_MS } from "../limits.ts";
import type { TestOrigin } from "../origin/origin.ts";

/** What is stored at all is stored by then, unless the machine is busy. */
const SETTLE_MS = 400;
const LONGEST_SETTLE_MS = 5_000;
/** Moments in time pairs are whole seconds. */
const TIME_PAIR_GRAIN_MS = 1_500;

/** Second figure of a time pair `[ moment, delta ]` (STAT-95). */
const deltaOf = (pair: unknown): number => Number(/, (-?\d+) \]$/.exec(typeof pair === "string" ? pair : "")?.[1]);

export type FileInfoRecord = Readonly<Record<string, unknown>>;

/** The edge as one scene sees it: requests name the scene's own virtual host. */
export class SceneEdge {
  readonly cluster: TestEdge;
  /** Name of the scene's virtual host. */
  readonly host: string;

  readonly #origin: TestOrigin;
  /** How many of the origin's records have been waited for. */
  #settledRequests = 0;

  constructor(cluster: TestEdge, host: string, origin: TestOrigin) {
    this.cluster = cluster;
    this.host = host;
    this.#origin = origin;
  }

  get port(): number {
    return this.cluster.port;
  }

  get(path: string, request: EdgeRequest = {}): PendingAnswer {
    return this.cluster.get(path, { host: this.host, ...request });
  }

  head(path: string, request: EdgeRequest = {}): PendingAnswer {
    return this.cluster.head(path, { host: this.host, ...request });
  }

  /** Waits until the counters of this scene's host have those values. */
  counted(wanted: Readonly<Record<string, number>>): Promise<void> {
    return this.cluster.counted(wanted, this.host);
  }

  /** `/monitoring/fileinfo` of one URL: a record per stored variant, none when nothing is stored. */
  async fileInfo(path: string): Promise<FileInfoRecord[]> {
    const { result } = await this.cluster.apiJson(`/monitoring/fileinfo?url=${this.host}${path}`);
    if (!Array.isArray(result)) return [];
    return result.filter((record) => typeof record === "object" && record !== null);
  }

  /** Waits until that many variants of the URL are stored: an answer may reach its client a little earlier. */
  async stored(path: string, variants = 1, limitMs = HANG_LIMIT_MS): Promise<void> {
    const limit = Date.now() + limitMs;
    for (;;) {
      const { length } = (await this.fileInfo(path)).filter((record) => record.Purge !== "Y");
      if (length >= variants) return;
      if (Date.now() > limit)
        throw new Error(`${length} of ${variants} variants of ${path} stored after ${limitMs} ms`);
      await pause(10);
    }
  }

  /**
   * Waits until what the origin was asked since the last call has been stored or renewed: until then an equal request
   * may still join it. What is never stored is given up when nothing is on its way any more.
   */
  async settled(): Promise<void> {
    const { requests } = this.#origin;
    const recent = requests.slice(Math.min(this.#settledRequests, requests.length));
    this.#settledRequests = requests.length;
    const lastAsked = new Map<string, number>();
    for (const request of recent) if (request.method === "GET") lastAsked.set(request.target, request.atMs);
    const startMs = Date.now();
    for (const [target, askedMs] of lastAsked) {
      while (!(await this.#isUpdatedSince(target, askedMs)) && !(await this.#isNothingComing(startMs))) await pause(10);
    }
  }

  async #isNothingComing(startMs: number): Promise<boolean> {
    const elapsedMs = Date.now() - startMs;
    if (elapsedMs < SETTLE_MS) return false;
    return elapsedMs > LONGEST_SETTLE_MS || (await this.cluster.metrics()).sum("basalt_fills_running") === 0;
  }

  async #isUpdatedSince(target: string, askedMs: number): Promise<boolean> {
    const records = await this.fileInfo(target);
    return records.some((record) => Date.now() + deltaOf(record.UpdateTime) * 1000 >= askedMs - TIME_PAIR_GRAIN_MS);
  }

  /** Seconds until the first stored variant expires; negative after that. */
  async ttlLeft(path: string): Promise<number> {
    const [record] = await this.fileInfo(path);
    if (record === undefined) throw new Error(`${path} is not stored`);
    return deltaOf(record["TTL-Left"]);
  }

  /** `/command/purge` and its kin for a target of this host; answers the count. */
  async purge(target: string, verb = "purge"): Promise<number> {
    const { httpStatus, result } = await this.cluster.apiJson(`/command/${verb}?url=${this.host}${target}`);
    const count: unknown = typeof result === "object" && result !== null ? Reflect.get(result, "Count") : undefined;
    if (httpStatus !== 200 || typeof count !== "number") throw new Error(`${verb}: ${httpStatus}`);
    return count;
  }
}
