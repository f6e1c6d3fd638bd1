import type { HealthChecker } from "@basalt/config";
import type { OriginSettings } from "./contract.ts";
import { Verdict, type VerdictChange, type VerdictRules } from "./verdict.ts";

/** Exchanges with their recovery probes, or one health checker. Each decides by itself (ORG-20). */
export type Mechanism = typeof EXCHANGES | HealthChecker;

/** Exchanges exclude, recovery probes bring back (ORG-03, ORG-04). */
export const EXCHANGES = "exchanges";

const nameOf = (mechanism: Mechanism): string => (mechanism === EXCHANGES ? EXCHANGES : JSON.stringify(mechanism));

const rulesOf = (mechanism: Mechanism, settings: OriginSettings): VerdictRules =>
  mechanism === EXCHANGES
    ? { exclusion: settings.originOptions.exclusion, recovery: settings.originOptions.recovery.count }
    : mechanism;

/** What is known of one server: it is in service while no mechanism holds it out (OPEN 4 B of spec 05). */
export class ServerHealth {
  readonly #verdicts = new Map<string, Verdict>();
  #lastFailure = "";

  get isExcluded(): boolean {
    for (const verdict of this.#verdicts.values()) if (verdict.isExcluded) return true;
    return false;
  }

  /** Held out by its exchanges: for recovery probes to bring back. */
  get needsProbes(): boolean {
    return this.#verdicts.get(EXCHANGES)?.isExcluded ?? false;
  }

  /** Failures in a row of exchanges while in service. */
  get failures(): number {
    return this.#verdicts.get(EXCHANGES)?.failures ?? 0;
  }

  /** Successful recovery probes in a row. */
  get probes(): number {
    return this.#verdicts.get(EXCHANGES)?.successes ?? 0;
  }

  /** What the last failure was, of whatever mechanism; empty when there was none. */
  get lastFailure(): string {
    return this.#lastFailure;
  }

  get holders(): readonly string[] {
    return [...this.#verdicts].flatMap(([name, verdict]) => (verdict.isExcluded ? [name] : []));
  }

  /** What a mechanism that is at work for the server has seen. The change of its verdict, not of the server's state. */
  record(
    mechanism: Mechanism,
    isSuccess: boolean,
    settings: OriginSettings,
    failure: string,
  ): VerdictChange | undefined {
    if (!isSuccess) this.#lastFailure = failure;
    return this.#verdictOf(nameOf(mechanism)).record(isSuccess, rulesOf(mechanism, settings));
  }

  /** ORG-24: a new IP of an excluded domain is held out by what holds the others out. */
  inherit(holders: readonly string[]): void {
    for (const name of holders) this.#verdictOf(name).inheritExclusion();
    if (holders.length > 0) this.#lastFailure = "excluded with its domain";
  }

  /** The domain is back: what was excluded only for its sake is in service too. True when that was so. */
  endInheritance(): boolean {
    const inherited = [...this.#verdicts.values()].filter((verdict) => verdict.isInherited);
    for (const verdict of inherited) verdict.clear();
    return inherited.length > 0;
  }

  /** Health checkers that are no longer configured have no say. */
  keepOnly(checkers: readonly HealthChecker[]): void {
    const names = new Set([EXCHANGES, ...checkers.map(nameOf)]);
    for (const name of [...this.#verdicts.keys()]) if (!names.has(name)) this.#verdicts.delete(name);
  }

  /** ORG-27. */
  reset(): void {
    this.#verdicts.clear();
    this.#lastFailure = "";
  }

  #verdictOf(name: string): Verdict {
    const known = this.#verdicts.get(name);
    if (known !== undefined) return known;
    const verdict = new Verdict();
    this.#verdicts.set(name, verdict);
    return verdict;
  }
}
