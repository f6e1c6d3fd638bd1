/** Where an `<Https>` entry serves (TLS-04). */
export interface HttpsListen {
  /** `any`: what `<Cache><Listen>` names. `interface`: the addresses of a network interface. */
  readonly kind: "any" | "address" | "interface";
  /** Empty for `any`. */
  readonly name: string;
  readonly port: number;
}

/** A certificate, where it serves, and how (spec 07). */
export interface HttpsEntry {
  readonly listen: HttpsListen;
  /** Files; empty where none is named. An entry without certificate or key is left out. */
  readonly certificateFile: string;
  readonly keyFile: string;
  readonly chainFile: string;
  readonly ocspFile: string;
  /** Whether a response is fetched where no file is named. */
  readonly ocspFetch: boolean;
  /** Hosts and networks that are no public ones and may be asked for it. */
  readonly ocspAllow: readonly string[];
  /** Cipher string of OpenSSL; empty: all suites that the edge speaks. */
  readonly cipherSuite: string;
  readonly forwardSecrecy: boolean;
  readonly tls13: boolean;
  readonly tls12: boolean;
  readonly tls11: boolean;
  readonly tls10: boolean;
  /** Never spoken (OPEN 5 of spec 07). */
  readonly ssl30: boolean;
  /** Whether HTTP/2 is offered. */
  readonly http2: boolean;
  /** Names of a certificate that the edge gets by itself (ACME); empty: it is in files. */
  readonly acmeNames: readonly string[];
  readonly acmeDirectory: string;
  /** Empty: none. */
  readonly acmeEmail: string;
  readonly acmeChallenge: AcmeChallenge;
  readonly acmeKeyType: AcmeKeyType;
}

/** How the edge shows an authority that a name is its own (RFC 8555 8.3, RFC 8737). */
export type AcmeChallenge = "http-01" | "tls-alpn-01";

export type AcmeKeyType = "ecdsa" | "rsa";

export interface TlsSettings {
  readonly handshakeTimeoutSeconds: number;
  /** Handshakes that one worker may have under way. */
  readonly maxHandshakes: number;
  /** How long a key encrypts session tickets; it decrypts twice as long. */
  readonly ticketRotationSeconds: number;
}
