import type { OriginPool, PrivateSession } from "@basalt/origin";

interface Held {
  readonly pool: OriginPool;
  readonly session: PrivateSession;
}

/**
 * The origin connections that belong to one client connection (BYP-12), one for each virtual host that it names: each is
 * opened by its first private request and lives until either side ends (OPEN 5).
 */
export class PrivateSessions {
  readonly #held = new Map<string, Held>();
  readonly #onOriginEnd: () => void;

  constructor(onOriginEnd: () => void) {
    this.#onOriginEnd = onOriginEnd;
  }

  /** A reload that changes the origin of a host ends what leads to the old one. */
  of(vhost: string, pool: OriginPool): PrivateSession {
    const held = this.#held.get(vhost);
    if (held?.pool === pool) return held.session;
    held?.session.end();
    const session = pool.openPrivateSession(this.#onOriginEnd);
    this.#held.set(vhost, { pool, session });
    return session;
  }

  end(): void {
    for (const { session } of this.#held.values()) session.end();
    this.#held.clear();
  }
}
