import { createSecureContext, type SecureContext } from "node:tls";

/** What an authority is to find at this edge while it issues a certificate (RFC 8555 8, RFC 8737). */
export interface AcmeChallenges {
  readonly pages: readonly { readonly token: string; readonly content: string }[];
  readonly certificates: readonly {
    /** In lower case. */
    readonly name: string;
    readonly certificatePem: string;
    readonly keyPem: string;
  }[];
}

export const NO_CHALLENGES: AcmeChallenges = { pages: [], certificates: [] };

/** Protocol of ALPN by which an authority asks for the certificate of a challenge. */
export const ACME_PROTOCOL = "acme-tls/1";

const FOLDER = "/.well-known/acme-challenge/";

/** The challenges that a worker answers now. */
export class AnsweredChallenges {
  readonly #pages: ReadonlyMap<string, string>;
  readonly #contexts: ReadonlyMap<string, SecureContext>;

  constructor({ pages, certificates }: AcmeChallenges) {
    this.#pages = new Map(pages.map(({ token, content }) => [`${FOLDER}${token}`, content]));
    this.#contexts = new Map(
      certificates.map(({ name, certificatePem, keyPem }) => [
        name,
        createSecureContext({ cert: certificatePem, key: keyPem, ca: [], minVersion: "TLSv1.2" }),
      ]),
    );
  }

  get isEmpty(): boolean {
    return this.#pages.size === 0 && this.#contexts.size === 0;
  }

  /** Content of the page at that path. */
  pageAt(target: string): string | undefined {
    return this.#pages.get(target);
  }

  contextFor(serverName: string | undefined): SecureContext | undefined {
    return serverName === undefined ? undefined : this.#contexts.get(serverName);
  }
}
