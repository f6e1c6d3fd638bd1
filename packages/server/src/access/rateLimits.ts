import { type ConnectionRate, parseIpAddress } from "@basalt/config";
import { type AdmittedCounts, RateLimiter, type RateSettings } from "./rateLimiter.ts";

/** What a worker has admitted, by the id of the limit. */
export type RateReport = readonly { readonly limit: string; readonly counts: AdmittedCounts }[];

/** All limits of a worker; each keeps its state as long as it is configured the same. */
export class RateLimits {
  #limiters = new Map<string, RateLimiter>();
  #configured: Set<string> | undefined;

  /** From here to `endConfiguration` all limits of a configuration are asked for; the others are forgotten then. */
  beginConfiguration(): void {
    this.#configured = new Set();
  }

  endConfiguration(): void {
    const configured = this.#configured;
    if (configured === undefined) return;
    for (const id of this.#limiters.keys()) if (!configured.has(id)) this.#limiters.delete(id);
    this.#configured = undefined;
  }

  /** The limit of that name with these settings. */
  limiter(name: string, settings: RateSettings): RateLimiter {
    const id = `${name} ${settings.count}/${settings.seconds}/${settings.burst}`;
    this.#configured?.add(id);
    const known = this.#limiters.get(id);
    if (known !== undefined) return known;
    const limiter = new RateLimiter(settings);
    this.#limiters.set(id, limiter);
    return limiter;
  }

  /** What was admitted here since the last call; empty when nothing was. */
  report(): RateReport {
    const report: { readonly limit: string; readonly counts: AdmittedCounts }[] = [];
    for (const [limit, limiter] of this.#limiters) {
      const counts = limiter.report();
      if (counts.length > 0) report.push({ limit, counts });
    }
    return report;
  }

  /** What another worker has admitted; limits that are not known here are of another configuration. */
  takeOff(report: RateReport, nowMs: number): void {
    for (const { limit, counts } of report) this.#limiters.get(limit)?.takeOff(counts, nowMs);
  }
}

/** Undefined without a limit. A burst of 0 is as many as in the whole time. */
export const connectionLimiter = (
  { count, seconds, burst }: ConnectionRate,
  limits: RateLimits,
): RateLimiter | undefined =>
  count === 0 ? undefined : limits.limiter("connections", { count, seconds, burst: burst === 0 ? count : burst });

const NETWORK_BITS = 64n;

/** By what a client is known: an IPv4 address, or the /64 of an IPv6 address, all of which one client may use. */
export const clientKeyOf = (address: string): string => {
  if (!address.includes(":")) return address;
  const parsed = parseIpAddress(address);
  if (parsed === undefined) return address;
  return parsed.family === 4 ? String(parsed.value) : (parsed.value >> NETWORK_BITS).toString(16);
};
