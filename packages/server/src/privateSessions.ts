import type { OriginPool, PrivateSession } from "@basalt/origin";

/**
 * The origin connections that belong to one client connection (BYP-12), one for each virtual host that it names: each is
 * opened by its first private request and lives until either side ends (OPEN 5).
 */
export class PrivateSessions {
  readonly #held = new Map<string, PrivateSession>();
  readonly #onOriginEnd: () => void;

  constructor(onOriginEnd: () => void) {
    this.#onOriginEnd = onOriginEnd;
  }

  /** A reload that takes a server out ends what leads to it, and nothing else (AWS-31). */
  of(vhost: string, pool: OriginPool): PrivateSession {
    const held = this.#held.get(vhost);
    if (held !== undefined && !held.hasEnded) return held;
    const session = pool.openPrivateSession(this.#onOriginEnd);
    this.#held.set(vhost, session);
    return session;
  }

  end(): void {
    for (const session of this.#held.values()) session.end();
    this.#held.clear();
  }
}
