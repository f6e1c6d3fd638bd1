import type { OriginEvent } from "@basalt/origin";
import type { InfoLog } from "@basalt/telemetry";
import { type Clock, unreachable } from "@basalt/types";

/** A dead origin under load fails thousands of times a second; one line tells of all its failures in that time. */
const FAILURE_LINE_EVERY_MS = 1_000;

/** Servers whose last line is remembered; domains may bring ever new ones. */
const MOST_FAILURES = 1_000;

interface FailureLine {
  readonly writtenAtMs: number;
  /** Failures since that were not written. */
  untold: number;
}

/** Events of origin servers as lines of the info log (ORG-10, LOG-35, LOG-40). */
export class OriginLog {
  readonly #log: Pick<InfoLog, "notice" | "warning">;
  readonly #clock: Clock;
  readonly #failures = new Map<string, FailureLine>();
  /** Why each domain cannot be resolved: said once, not at every attempt. */
  readonly #unresolved = new Map<string, string>();

  constructor(log: Pick<InfoLog, "notice" | "warning">, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  note(event: OriginEvent): void {
    const { vhost } = event;
    switch (event.kind) {
      case "failure":
        this.#noteFailure(vhost, event.server, event.reason, event.detail);
        return;
      case "excluded":
        this.#failures.delete(`${vhost} ${event.server}`);
        this.#log.warning(
          `origin: [${vhost}] ${event.server} excluded from service (${event.source}: ${event.reason})`,
        );
        return;
      case "recovered":
        this.#log.notice(`origin: [${vhost}] ${event.server} recovered back in service (${event.source})`);
        return;
      case "servers":
        this.#log.notice(`origin: [${vhost}] Origin server list: ${event.inService.join(",")}`);
        return;
      case "resolved": {
        const hasFailed = this.#unresolved.delete(`${vhost} ${event.domain}`);
        if (!event.isNews && !hasFailed) return;
        const answer = event.answer.map(({ ip, ttlSeconds }) => `${ip} (${ttlSeconds} s)`);
        this.#log.notice(`dns: [${vhost}] ${event.domain} resolves to ${answer.join(", ")}`);
        return;
      }
      case "unresolved": {
        const key = `${vhost} ${event.domain}`;
        if (this.#unresolved.get(key) === event.reason) return;
        this.#unresolved.set(key, event.reason);
        this.#log.warning(`dns: [${vhost}] ${event.domain} cannot be resolved: ${event.reason}`);
        return;
      }
      // Lines of the origin log, which this version does not write yet; exclusion and recovery are told above.
      case "probe":
        return;
      default:
        unreachable(event);
    }
  }

  #noteFailure(vhost: string, server: string, reason: string, detail: string): void {
    const key = `${vhost} ${server}`;
    const nowMs = this.#clock.monotonic();
    const last = this.#failures.get(key);
    if (last !== undefined && nowMs - last.writtenAtMs < FAILURE_LINE_EVERY_MS) {
      last.untold += 1;
      return;
    }
    const untold = last === undefined || last.untold === 0 ? "" : `, and ${last.untold} before it`;
    if (this.#failures.size >= MOST_FAILURES) this.#failures.clear();
    this.#failures.set(key, { writtenAtMs: nowMs, untold: 0 });
    this.#log.warning(`origin: [${vhost}] ${server} ${reason}: ${detail}${untold}`);
  }
}
