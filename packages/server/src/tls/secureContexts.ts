import { constants } from "node:crypto";
import { createSecureContext, type SecureContext } from "node:tls";
import { EdgeError } from "@basalt/types";
import { SUITE_CODES } from "./cipherSuites.ts";
import type { ClientHello } from "./clientHello.ts";
import {
  type KeyType,
  listenerKey,
  type OcspStaple,
  TLS_VERSIONS,
  type TlsCertificate,
  type TlsIdentity,
  type TlsListenerPlan,
  type TlsPlan,
  type TlsVersion,
} from "./plan.ts";
import { compileServerNames, type ServerNames } from "./serverNames.ts";
import type { TicketKeys } from "./ticketKeys.ts";

/** How long a session can be resumed. */
const SESSION_SECONDS = 7_200;

/** Versions whose handshakes are signed with SHA-1, which OpenSSL counts as security level 0. */
const WEAK_VERSIONS: readonly TlsVersion[] = ["TLSv1", "TLSv1.1"];

const NO_VERSION: Readonly<Record<TlsVersion, number>> = {
  TLSv1: constants.SSL_OP_NO_TLSv1,
  "TLSv1.1": constants.SSL_OP_NO_TLSv1_1,
  "TLSv1.2": constants.SSL_OP_NO_TLSv1_2,
  "TLSv1.3": constants.SSL_OP_NO_TLSv1_3,
};

/** Throws what the library says of a certificate, key or suite that it refuses. */
export const createContext = (identity: TlsIdentity, certificate: TlsCertificate): SecureContext => {
  const { versions, suites, suites13, prefersOwnOrder } = identity;
  const [lowest = "TLSv1.2"] = versions;
  const highest = versions.at(-1) ?? lowest;
  const isWeak = versions.some((version) => WEAK_VERSIONS.includes(version));
  let secureOptions = constants.SSL_OP_NO_RENEGOTIATION;
  if (prefersOwnOrder) secureOptions |= constants.SSL_OP_CIPHER_SERVER_PREFERENCE;
  for (const version of TLS_VERSIONS) if (!versions.includes(version)) secureOptions |= NO_VERSION[version];
  return createSecureContext({
    cert: certificate.certificatePem,
    key: certificate.keyPem,
    // None: no certificates of clients are asked for, and the system's list would be loaded for nothing.
    ca: [],
    minVersion: lowest,
    maxVersion: highest,
    ciphers: [...suites13, ...suites, ...(isWeak ? ["@SECLEVEL=0"] : [])].join(":"),
    secureOptions,
    sessionTimeout: SESSION_SECONDS,
    sessionIdContext: identity.id,
  });
};

/** What a handshake goes on with. */
export interface TlsChoice {
  readonly context: SecureContext;
  readonly ocspResponse: Uint8Array | undefined;
  readonly http2: boolean;
}

export interface TlsListener {
  choose(hello: ClientHello, nowMs: number): TlsChoice;
}

/** An entry for the IPv6 address that stands for all: no connection has it as its own. */
const EVERY_ADDRESS = "::";

/** By `certificatePem`. */
type Staples = ReadonlyMap<string, OcspStaple>;

/** The contexts of a plan; each is made at its first use. */
export class SecureContexts {
  readonly #listeners = new Map<string, ListenerContexts>();
  readonly #staples = new Map<string, OcspStaple>();

  constructor({ listeners }: TlsPlan, ticketKeys: TicketKeys) {
    for (const plan of listeners) {
      this.#listeners.set(listenerKey(plan.address, plan.port), new ListenerContexts(plan, ticketKeys, this.#staples));
    }
  }

  /** Takes the place of what the plan has for that certificate. */
  staple(staple: OcspStaple): void {
    this.#staples.set(staple.certificatePem, staple);
  }

  /** TLS-09: undefined where no TLS is spoken. */
  listenerAt(localAddress: string, port: number): TlsListener | undefined {
    return (
      this.#listeners.get(listenerKey(localAddress, port)) ??
      this.#listeners.get(listenerKey(undefined, port)) ??
      this.#listeners.get(listenerKey(EVERY_ADDRESS, port))
    );
  }
}

class ListenerContexts implements TlsListener {
  readonly #identities: ServerNames<IdentityContexts> | undefined;

  constructor({ identities }: TlsListenerPlan, ticketKeys: TicketKeys, staples: Staples) {
    const [first, ...others] = identities.map((identity) => new IdentityContexts(identity, ticketKeys, staples));
    this.#identities = first === undefined ? undefined : compileServerNames(first, others);
  }

  choose(hello: ClientHello, nowMs: number): TlsChoice {
    const found = this.#identities?.find(hello.serverName);
    if (found === undefined) throw new EdgeError("INTERNAL", { detail: "a TLS listener without certificates" });
    return found.choose(hello, nowMs);
  }
}

/** Signature schemes of TLS (RFC 8446 4.2.3) that show that a client can use a key. */
const SCHEMES: Readonly<Record<string, number>> = { prime256v1: 0x0403, secp384r1: 0x0503, secp521r1: 0x0603 };
const ED25519_SCHEME = 0x0807;

class IdentityContexts {
  readonly #identity: TlsIdentity;
  readonly #ticketKeys: TicketKeys;
  readonly #staples: Staples;
  readonly #contexts = new Map<TlsCertificate, SecureContext>();
  readonly #ecdsaSuites: ReadonlySet<number>;

  constructor(identity: TlsIdentity, ticketKeys: TicketKeys, staples: Staples) {
    this.#identity = identity;
    this.#ticketKeys = ticketKeys;
    this.#staples = staples;
    this.#ecdsaSuites = new Set(
      identity.suites.filter((name) => name.includes("ECDSA")).flatMap((name) => SUITE_CODES.get(name) ?? []),
    );
  }

  get names(): readonly string[] {
    return this.#identity.names;
  }

  choose(hello: ClientHello, nowMs: number): TlsChoice {
    const certificate = this.#certificateFor(hello);
    let context = this.#contexts.get(certificate);
    if (context === undefined) {
      context = createContext(this.#identity, certificate);
      this.#ticketKeys.attach(context);
      this.#contexts.set(certificate, context);
    }
    const { ocspResponse, ocspValidToMs } = this.#staples.get(certificate.certificatePem) ?? certificate;
    return {
      context,
      ocspResponse: nowMs < ocspValidToMs ? ocspResponse : undefined,
      http2: this.#identity.http2,
    };
  }

  /** The cheapest key that the client can use; without one, the last, for the library to refuse. */
  #certificateFor(hello: ClientHello): TlsCertificate {
    const { certificates } = this.#identity;
    let last: TlsCertificate | undefined;
    for (const type of KEY_TYPES) {
      for (const certificate of certificates) {
        if (certificate.keyType !== type) continue;
        if (certificates.length === 1 || type === "rsa" || this.#suits(certificate, hello)) return certificate;
        last ??= certificate;
      }
    }
    if (last === undefined) throw new EdgeError("INTERNAL", { detail: "a TLS identity without certificates" });
    return last;
  }

  #suits({ keyType, curve }: TlsCertificate, { signatureSchemes, suites, offersTls13 }: ClientHello): boolean {
    const scheme = keyType === "ed25519" ? ED25519_SCHEME : SCHEMES[curve];
    if (scheme === undefined || !signatureSchemes.includes(scheme)) return false;
    if (offersTls13 && this.#identity.versions.includes("TLSv1.3")) return true;
    return suites.some((code) => this.#ecdsaSuites.has(code));
  }
}

const KEY_TYPES: readonly KeyType[] = ["ec", "ed25519", "rsa"];
