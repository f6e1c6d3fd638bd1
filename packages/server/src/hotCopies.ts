import type { CachedObject } from "@basalt/cache";
import type { ContentCoding } from "@basalt/config";
import { bestCompression, compressionMark } from "@basalt/policy";
import type { Exchange } from "./exchange.ts";
import { compressionRequest } from "./phases/compressionRequest.ts";

/** Every so manieth hit is looked at: the others cost an addition. */
const SAMPLED = 16;
const WINDOW_MS = 60_000;
/** Samples of one copy within a window that make it worth the time. */
const HOT_SAMPLES = 4;
const MOST_COPIES = 1_024;
/** At the highest levels longer sources would take minutes. */
const MAX_SOURCE_BYTES = 4 * 1024 ** 2;

/** Compressed copies of one virtual host that are asked for often: they are made again, as small as can be. */
export class HotCopies {
  #hits = 0;
  #windowEndMs = 0;
  readonly #samples = new Map<string, number>();

  noteHit(exchange: Exchange, source: CachedObject, compressed: CachedObject, coding: ContentCoding): void {
    this.#hits++;
    if (this.#hits % SAMPLED === 0) this.#sample(exchange, source, compressed, coding);
  }

  #sample(exchange: Exchange, source: CachedObject, compressed: CachedObject, coding: ContentCoding): void {
    const best = bestCompression(coding);
    if (compressed.bodyVersion === compressionMark(best) || source.bodyBytes > MAX_SOURCE_BYTES) return;
    if (exchange.nowMs >= this.#windowEndMs || this.#samples.size >= MOST_COPIES) {
      this.#samples.clear();
      this.#windowEndMs = exchange.nowMs + WINDOW_MS;
    }
    const name = `${compressed.variant} ${compressed.url}`;
    const samples = (this.#samples.get(name) ?? 0) + 1;
    this.#samples.set(name, samples);
    const { vhost, connection } = exchange;
    if (samples !== HOT_SAMPLES || vhost === undefined || connection.server.isEmergency) return;
    const { cache, onDefect } = connection.server.parts;
    cache.derivations.improve(compressionRequest(vhost, source, best)).catch(onDefect);
  }
}
