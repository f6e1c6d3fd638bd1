import { networkInterfaces } from "node:os";
import type { EdgeConfig } from "@basalt/config";
import {
  type AcmeChallenges,
  createTicketKey,
  type OcspStaple,
  type TicketKey,
  type TlsListenerPlan,
  type TlsPlan,
} from "@basalt/server";
import type { Clock } from "@basalt/types";
import type { KeptTicketKeys } from "./launcherProtocol.ts";
import { type LoadedTls, loadTls, NO_TLS } from "./tlsPlanning.ts";

const CHECK_MS = 10_000;

export interface TlsKeeperParts {
  readonly clock: Clock;
  readonly config: () => EdgeConfig;
  /** What is shown to authorities at this moment. */
  readonly challenges: () => AcmeChallenges;
  /** What has been fetched to go out with certificates, by `certificatePem`. */
  readonly staples: () => ReadonlyMap<string, OcspStaple>;
  /** Workers are to use these from now on. */
  readonly onTicketKeys: (keys: readonly TicketKey[]) => void;
  /** What the last primary has left. */
  readonly kept: KeptTicketKeys | undefined;
  /** Is to be there for the next primary. */
  readonly keep: (kept: KeptTicketKeys) => void;
}

/**
 * TLS in the primary: the certificates in service, and the keys of session tickets. All workers have the same keys, so
 * that a client can resume with any of them; the launcher keeps them from one primary to the next, and they are never
 * written down.
 */
export class TlsKeeper {
  readonly #parts: TlsKeeperParts;
  #loaded = NO_TLS;
  #keys: readonly TicketKey[];
  #rotatedMs: number;

  constructor(parts: TlsKeeperParts) {
    const { clock, kept } = parts;
    this.#parts = parts;
    this.#keys = kept?.keys ?? [createTicketKey()];
    const ageMs = kept === undefined ? 0 : Math.max(0, clock.now() - kept.sinceMs);
    this.#rotatedMs = clock.monotonic() - ageMs;
    if (kept === undefined) this.#keepKeys();
    setInterval(() => this.#rotateWhenDue(), CHECK_MS).unref();
  }

  load(config: EdgeConfig): Promise<LoadedTls> {
    return loadTls(config, this.#parts.clock.now(), networkInterfaces());
  }

  putInService(loaded: LoadedTls): void {
    this.#loaded = loaded;
  }

  get loaded(): LoadedTls {
    return this.#loaded;
  }

  get plan(): TlsPlan {
    const { handshakeTimeoutSeconds, maxHandshakes } = this.#parts.config().server.cache.tls;
    return {
      listeners: withStaples(this.#loaded.listeners, this.#parts.staples()),
      ticketKeys: this.#keys,
      challenges: this.#parts.challenges(),
      handshakeTimeoutSeconds,
      maxHandshakes,
    };
  }

  /** The last key goes on to decrypt. */
  #rotateWhenDue(): void {
    const { ticketRotationSeconds } = this.#parts.config().server.cache.tls;
    const nowMs = this.#parts.clock.monotonic();
    if (nowMs - this.#rotatedMs < ticketRotationSeconds * 1000) return;
    this.#rotatedMs = nowMs;
    this.#keys = [createTicketKey(), ...this.#keys.slice(0, 1)];
    this.#keepKeys();
    this.#parts.onTicketKeys(this.#keys);
  }

  #keepKeys(): void {
    this.#parts.keep({ keys: this.#keys, sinceMs: this.#parts.clock.now() });
  }
}

const withStaples = (
  listeners: readonly TlsListenerPlan[],
  staples: ReadonlyMap<string, OcspStaple>,
): readonly TlsListenerPlan[] => {
  if (staples.size === 0) return listeners;
  return listeners.map((listener) => ({
    ...listener,
    identities: listener.identities.map((identity) => ({
      ...identity,
      certificates: identity.certificates.map((certificate) => ({
        ...certificate,
        ...staples.get(certificate.certificatePem),
      })),
    })),
  }));
};
