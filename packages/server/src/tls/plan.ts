import type { AcmeChallenges } from "./acmeChallenges.ts";

/**
 * What the primary has made of the `<Https>` entries of a configuration: plain data, so that all workers of all ages have
 * the same certificates and keys whatever happens to the files meanwhile.
 */
export interface TlsPlan {
  readonly listeners: readonly TlsListenerPlan[];
  /** The first encrypts new tickets; all decrypt. */
  readonly ticketKeys: readonly TicketKey[];
  readonly challenges: AcmeChallenges;
  readonly handshakeTimeoutSeconds: number;
  /** Handshakes under way in one worker. */
  readonly maxHandshakes: number;
}

/** What connections to one local address and port get. */
export interface TlsListenerPlan {
  /** Undefined: any local address for which there is no listener of its own. */
  readonly address: string | undefined;
  readonly port: number;
  /** The first is for clients that name no server, or one that none is for (TLS-23). Not empty. */
  readonly identities: readonly TlsIdentity[];
}

export const TLS_VERSIONS = ["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"] as const;

/** As OpenSSL names it. */
export type TlsVersion = (typeof TLS_VERSIONS)[number];

/** One certificate, or several for the same names with keys of different types. */
export interface TlsIdentity {
  /** Stays the same when the certificates are renewed: sessions of before can be resumed. */
  readonly id: string;
  /** In lower case; `*.` in front stands for one label. */
  readonly names: readonly string[];
  readonly certificates: readonly TlsCertificate[];
  /** In ascending order, not empty. */
  readonly versions: readonly TlsVersion[];
  /** Names of OpenSSL, the most wanted first. */
  readonly suites: readonly string[];
  readonly suites13: readonly string[];
  /** Whether that order decides, or the client's (TLS-15). */
  readonly prefersOwnOrder: boolean;
  readonly http2: boolean;
}

export type KeyType = "rsa" | "ec" | "ed25519";

export interface TlsCertificate {
  readonly keyType: KeyType;
  /** Of an EC key, as OpenSSL names it; else empty. */
  readonly curve: string;
  /** With its chain. */
  readonly certificatePem: string;
  readonly keyPem: string;
  /** OCSP response (DER) to staple. */
  readonly ocspResponse: Uint8Array | undefined;
  /** From then on it is not sent any more. */
  readonly ocspValidToMs: number;
}

/** A response that is to go out with that certificate from now on. */
export type OcspStaple = Pick<TlsCertificate, "certificatePem" | "ocspResponse" | "ocspValidToMs">;

export interface TicketKey {
  /** 16 bytes that name it in tickets. */
  readonly name: Uint8Array;
  readonly hmacKey: Uint8Array;
  readonly aesKey: Uint8Array;
}

/** Where a connection came in, as keys of listeners. */
export const listenerKey = (address: string | undefined, port: number): string => `${address ?? "*"}:${port}`;
