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
}

/**
 * TLS in the primary: the certificates in service, and the keys of session tickets. All workers have the same keys, so
 * that a client can resume with any of them; they live as long as the primary and are never written down.
 */
export class TlsKeeper {
  readonly #parts: TlsKeeperParts;
  #loaded = NO_TLS;
  #keys: readonly TicketKey[] = [createTicketKey()];
  #rotatedMs: number;

  constructor(parts: TlsKeeperParts) {
    this.#parts = parts;
    this.#rotatedMs = parts.clock.monotonic();
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
    this.#parts.onTicketKeys(this.#keys);
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
