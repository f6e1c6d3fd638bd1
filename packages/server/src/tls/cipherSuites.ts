/**
 * The cipher suites that the edge speaks: those of the guide (TLS-13) and, for keys and machines that it did not know,
 * ECDSA, ChaCha20 and TLS 1.3. No suite with static Diffie-Hellman, DHE, PSK, NULL, RC4, 3DES or export strength: the
 * library has none of them, or they are unsafe or slow.
 */
export interface CipherSuite {
  /** Of OpenSSL. */
  readonly name: string;
  readonly code: number;
  /** The lowest version that has it, as `openssl ciphers -v` writes it. */
  readonly version: "SSLv3" | "TLSv1" | "TLSv1.2" | "TLSv1.3";
  readonly keyExchange: "RSA" | "ECDH" | "any";
  readonly authentication: "RSA" | "ECDSA" | "any";
  readonly encryption: string;
  readonly mac: "SHA1" | "SHA256" | "SHA384" | "AEAD";
}

const suite = (
  name: string,
  code: number,
  version: CipherSuite["version"],
  encryption: string,
  mac: CipherSuite["mac"],
): CipherSuite => ({
  name,
  code,
  version,
  keyExchange: name.startsWith("TLS_") ? "any" : name.startsWith("ECDHE-") ? "ECDH" : "RSA",
  authentication: name.startsWith("TLS_") ? "any" : name.startsWith("ECDHE-ECDSA-") ? "ECDSA" : "RSA",
  encryption,
  mac,
});

/** In the order in which they are preferred by default. */
export const CIPHER_SUITES: readonly CipherSuite[] = [
  suite("TLS_AES_128_GCM_SHA256", 0x1301, "TLSv1.3", "AESGCM(128)", "AEAD"),
  suite("TLS_AES_256_GCM_SHA384", 0x1302, "TLSv1.3", "AESGCM(256)", "AEAD"),
  suite("TLS_CHACHA20_POLY1305_SHA256", 0x1303, "TLSv1.3", "CHACHA20/POLY1305(256)", "AEAD"),
  suite("ECDHE-ECDSA-AES128-GCM-SHA256", 0xc02b, "TLSv1.2", "AESGCM(128)", "AEAD"),
  suite("ECDHE-RSA-AES128-GCM-SHA256", 0xc02f, "TLSv1.2", "AESGCM(128)", "AEAD"),
  suite("ECDHE-ECDSA-AES256-GCM-SHA384", 0xc02c, "TLSv1.2", "AESGCM(256)", "AEAD"),
  suite("ECDHE-RSA-AES256-GCM-SHA384", 0xc030, "TLSv1.2", "AESGCM(256)", "AEAD"),
  suite("ECDHE-ECDSA-CHACHA20-POLY1305", 0xcca9, "TLSv1.2", "CHACHA20/POLY1305(256)", "AEAD"),
  suite("ECDHE-RSA-CHACHA20-POLY1305", 0xcca8, "TLSv1.2", "CHACHA20/POLY1305(256)", "AEAD"),
  suite("ECDHE-ECDSA-AES128-SHA256", 0xc023, "TLSv1.2", "AES(128)", "SHA256"),
  suite("ECDHE-RSA-AES128-SHA256", 0xc027, "TLSv1.2", "AES(128)", "SHA256"),
  suite("ECDHE-ECDSA-AES256-SHA384", 0xc024, "TLSv1.2", "AES(256)", "SHA384"),
  suite("ECDHE-RSA-AES256-SHA384", 0xc028, "TLSv1.2", "AES(256)", "SHA384"),
  suite("ECDHE-ECDSA-AES128-SHA", 0xc009, "TLSv1", "AES(128)", "SHA1"),
  suite("ECDHE-RSA-AES128-SHA", 0xc013, "TLSv1", "AES(128)", "SHA1"),
  suite("ECDHE-ECDSA-AES256-SHA", 0xc00a, "TLSv1", "AES(256)", "SHA1"),
  suite("ECDHE-RSA-AES256-SHA", 0xc014, "TLSv1", "AES(256)", "SHA1"),
  suite("AES128-GCM-SHA256", 0x009c, "TLSv1.2", "AESGCM(128)", "AEAD"),
  suite("AES256-GCM-SHA384", 0x009d, "TLSv1.2", "AESGCM(256)", "AEAD"),
  suite("AES128-SHA256", 0x003c, "TLSv1.2", "AES(128)", "SHA256"),
  suite("AES256-SHA256", 0x003d, "TLSv1.2", "AES(256)", "SHA256"),
  suite("AES128-SHA", 0x002f, "SSLv3", "AES(128)", "SHA1"),
  suite("AES256-SHA", 0x0035, "SSLv3", "AES(256)", "SHA1"),
];

export const SUITE_CODES: ReadonlyMap<string, number> = new Map(CIPHER_SUITES.map(({ name, code }) => [name, code]));

/** A row of `/monitoring/ssl` (TLS-16). */
export const describeSuite = ({ name, version, keyExchange, authentication, encryption, mac }: CipherSuite) => ({
  Name: name,
  Ver: version,
  Kx: keyExchange,
  Au: authentication,
  Enc: encryption,
  Mac: mac,
});

const isAes = ({ encryption }: CipherSuite): boolean => encryption.startsWith("AES");

/** With a stable order within each half. */
const first = (suites: readonly CipherSuite[], isFirst: (suite: CipherSuite) => boolean): readonly CipherSuite[] => [
  ...suites.filter(isFirst),
  ...suites.filter((one) => !isFirst(one)),
];

/**
 * The order in which an entry offers its suites: those with forward secrecy first (TLS-15), and behind the others what is
 * AES where the processor is not to be used for it (TLS-12).
 */
export const orderSuites = (
  suites: readonly CipherSuite[],
  { prefersForwardSecrecy, prefersAes }: { readonly prefersForwardSecrecy: boolean; readonly prefersAes: boolean },
): readonly CipherSuite[] => {
  const byCost = prefersAes ? suites : first(suites, (one) => !isAes(one));
  return prefersForwardSecrecy ? first(byCost, ({ keyExchange }) => keyExchange !== "RSA") : byCost;
};
