import { isIPv4, isIPv6, SocketAddress } from "node:net";
import type { AcmeChallenge, AcmeKeyType, HttpsEntry, HttpsListen, TlsSettings } from "../httpsContract.ts";
import { parsePort } from "../syntax/originAddress.ts";
import type { XmlElement } from "../xml/xmlElement.ts";
import { listOption, type OptionTable, option } from "./option.ts";
import {
  duration,
  filePath,
  hostsOrNetworksList,
  integer,
  oneOf,
  onOff,
  plainText,
  type ValueType,
} from "./valueTypes.ts";
import { flattenTable, resolveOptions } from "./walkTable.ts";

const HTTPS_PORT = 443;
const EVERYWHERE: HttpsListen = { kind: "any", name: "", port: HTTPS_PORT };

const INTERFACE = /^[A-Za-z][\w.@-]{0,14}$/;

/** As the system writes the local address of a connection, by which an entry is found. */
const plainAddress = (name: string): string => {
  if (!isIPv6(name) || name.includes("%")) return name;
  const { address } = new SocketAddress({ address: name, family: "ipv6" });
  return address.startsWith("::ffff:") && isIPv4(address.slice(7)) ? address.slice(7) : address;
};

/** `::` is bound as it is, since the addresses of `*` may be IPv4 only. */
const ANY: readonly string[] = ["*", "0.0.0.0"];

const placeOf = (name: string, port: number): HttpsListen | undefined => {
  const address = plainAddress(name);
  if (ANY.includes(address)) return { kind: "any", name: "", port };
  if (isIPv4(address) || isIPv6(address)) return { kind: "address", name: address, port };
  return INTERFACE.test(name) ? { kind: "interface", name, port } : undefined;
};

export const parseHttpsListen = (text: string): HttpsListen | undefined => {
  const [, bracketed, plain, portText] = /^(?:\[([^\]]*)\]|([^:[\]]*)):(\d+)$/.exec(text) ?? [];
  if (portText === undefined) return placeOf(text.replace(/^\[([^\]]*)\]$/, "$1"), HTTPS_PORT);
  const port = parsePort(portText);
  if (port === undefined) return undefined;
  if (bracketed !== undefined) return isIPv6(bracketed) ? placeOf(bracketed, port) : undefined;
  return placeOf(plain ?? "", port);
};

export const formatHttpsListen = ({ kind, name, port }: HttpsListen): string => {
  if (kind === "any") return `*:${port}`;
  return name.includes(":") ? `[${name}]:${port}` : `${name}:${port}`;
};

const httpsListen: ValueType<HttpsListen> = {
  name: "address",
  allowed: "{IP}:{port}, *:{port}, {IP} or the name of a network interface; without a port it is 443",
  emptyIsValue: true,
  parse: (text) => {
    const value = text === "" ? EVERYWHERE : parseHttpsListen(text);
    return value === undefined
      ? { ok: false, message: `${JSON.stringify(text)} is no such address.` }
      : { ok: true, value };
  },
  format: formatHttpsListen,
};

/** The file is checked when it is loaded: an entry with a bad one is left out, the others serve (OPEN 1 of spec 07). */
const certificateFile = filePath;

const LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory";

const NAME = /^(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])$/;

/** Without wildcards, which no challenge that the edge can answer would prove. */
const certificateNames: ValueType<readonly string[]> = {
  name: "names",
  allowed: "host names parted by commas, without wildcards",
  emptyIsValue: false,
  parse: (text) => {
    const names = text.split(",").map((name) => name.trim().toLowerCase());
    const wrong = names.find((name) => !NAME.test(name));
    return wrong === undefined
      ? { ok: true, value: [...new Set(names)] }
      : { ok: false, message: `${JSON.stringify(wrong)} is no name for such a certificate.` };
  },
  format: (names) => names.join(", "),
};

const httpAddress: ValueType<string> = {
  name: "URL",
  allowed: "an http or https URL",
  emptyIsValue: false,
  parse: (text) =>
    URL.canParse(text) && /^https?:\/\//i.test(text)
      ? { ok: true, value: text }
      : { ok: false, message: `${JSON.stringify(text)} is no such URL.` },
  format: (value) => value,
};

/** A table of options has leaves for plain values only: the address is one by its type. */
type HttpsFields = Omit<HttpsEntry, "listen">;

/** Places are relative to `<Https>`. */
const HTTPS_TABLE: OptionTable<HttpsFields> = {
  certificateFile: option("Cert", certificateFile, "", {
    doc: "PEM file with the certificate; it may hold the chain too.",
    defaultNote: "without one the entry is left out",
    spec: "TLS-05",
  }),
  keyFile: option("Key", certificateFile, "", {
    doc: "PEM file with the private key, RSA, ECDSA or Ed25519, not encrypted.",
    defaultNote: "without one the entry is left out",
    spec: "TLS-06",
  }),
  chainFile: option("CA", certificateFile, "", {
    doc: "PEM file with the certificates of the authorities in between.",
    defaultNote: "none",
    spec: "TLS-07",
  }),
  ocspFile: option("OCSP", certificateFile, "", {
    doc: "File with an OCSP response (DER), which goes to clients that ask for it as long as it is valid.",
    defaultNote: "none: the edge fetches one, `OCSPFetch`",
    spec: "own element",
  }),
  ocspFetch: option("@OCSPFetch", onOff, true, {
    doc: "Whether the edge fetches and renews an OCSP response where no `<OCSP>` file is named, the certificate names a responder (http), and its issuer is in the chain.",
    spec: "own attribute",
  }),
  ocspAllow: option<readonly string[]>("@OCSPAllow", hostsOrNetworksList, [], {
    doc: "Responders that may be asked although their address is not a public one: host names, IP addresses and networks.",
    defaultNote: "none",
    spec: "own attribute",
  }),
  cipherSuite: option("@CipherSuite", plainText, "", {
    doc: "Cipher suites, as a cipher string of OpenSSL; `/monitoring/ssl?ciphersuite=` lists what one gives.",
    defaultNote: "all that the edge speaks",
    spec: "TLS-14",
  }),
  forwardSecrecy: option("@FS", onOff, true, {
    doc: "Suites with forward secrecy are chosen first (ON), or the order of the client decides (OFF).",
    spec: "TLS-15",
  }),
  tls13: option("@TLS1.3", onOff, true, { doc: "Whether TLS 1.3 is allowed.", spec: "own attribute, TLS-02" }),
  tls12: option("@TLS1.2", onOff, true, { doc: "Whether TLS 1.2 is allowed.", spec: "TLS-17" }),
  tls11: option("@TLS1.1", onOff, false, { doc: "Whether TLS 1.1 is allowed; it is not safe.", spec: "TLS-18" }),
  tls10: option("@TLS1.0", onOff, false, { doc: "Whether TLS 1.0 is allowed; it is not safe.", spec: "TLS-19" }),
  ssl30: option("@SSL3.0", onOff, false, { doc: "Accepted without effect: SSL 3.0 is not spoken.", spec: "TLS-20" }),
  http2: option("@HTTP2", onOff, true, { doc: "Whether HTTP/2 is offered.", spec: "own attribute, AWS-41" }),
  acmeNames: option<readonly string[]>("Acme@Names", certificateNames, [], {
    doc: "Names of a certificate that the edge gets and renews by itself (ACME, RFC 8555). Naming them agrees to the terms of service of the authority.",
    defaultNote: "none: the certificate is in files",
    spec: "own element",
  }),
  acmeDirectory: option("Acme@Directory", httpAddress, LETS_ENCRYPT, {
    doc: "Address of the authority's directory.",
    spec: "own attribute",
  }),
  acmeEmail: option("Acme@Email", plainText, "", {
    doc: "Where the authority writes to.",
    defaultNote: "nowhere",
    spec: "own attribute",
  }),
  acmeChallenge: option<AcmeChallenge>("Acme@Challenge", oneOf("http-01", "tls-alpn-01"), "http-01", {
    doc: "How the authority is shown that the names are the edge's: by a page on port 80, or by a certificate on port 443.",
    spec: "own attribute",
  }),
  acmeKeyType: option<AcmeKeyType>("Acme@KeyType", oneOf("ecdsa", "rsa"), "ecdsa", {
    doc: "Kind of the key: ECDSA on P-256, or RSA of 2048 bits.",
    spec: "own attribute",
  }),
};

const readEntry = (element: XmlElement): HttpsEntry => {
  const written = element.attributes.get("Listen") ?? "";
  return { ...resolveOptions(HTTPS_TABLE, element), listen: parseHttpsListen(written) ?? EVERYWHERE };
};

const formatEntry = (entry: HttpsEntry): string => {
  const { tls13, tls12, tls11, tls10, ssl30, forwardSecrecy, http2, cipherSuite, ocspFetch, ocspAllow } = entry;
  const versions = { "TLS1.3": tls13, "TLS1.2": tls12, "TLS1.1": tls11, "TLS1.0": tls10, "SSL3.0": ssl30 };
  const spoken = Object.entries(versions).flatMap(([name, isOn]) => (isOn ? [name] : []));
  const files = [entry.certificateFile, entry.keyFile, entry.chainFile, entry.ocspFile].filter((file) => file !== "");
  return [
    formatHttpsListen(entry.listen),
    ...files,
    ...(entry.acmeNames.length === 0 ? [] : [`ACME ${entry.acmeNames.join(" ")} by ${entry.acmeChallenge}`]),
    spoken.join(" "),
    `FS ${onOff.format(forwardSecrecy)} HTTP2 ${onOff.format(http2)} OCSPFetch ${onOff.format(ocspFetch)}`,
    ...(ocspAllow.length === 0 ? [] : [`OCSPAllow ${ocspAllow.join(" ")}`]),
    ...(cipherSuite === "" ? [] : [cipherSuite]),
  ].join(", ");
};

/** Relative to `<Server>`. */
export const HTTPS_OPTION = listOption<HttpsEntry>("Https", {
  text: undefined,
  attributes: [
    {
      name: "Listen",
      type: httpsListen,
      defaultNote: "`*:443`",
      doc: "Where the certificate serves; an address of its own beats an interface, and that beats `*`.",
    },
  ],
  below: flattenTable(HTTPS_TABLE),
  default: [],
  doc: "A certificate and the address that it serves; every virtual host is served there.",
  spec: "TLS-04",
  read: readEntry,
  format: formatEntry,
});

/** Relative to `<Server>`. */
export const TLS_OPTIONS: OptionTable<TlsSettings> = {
  handshakeTimeoutSeconds: option("Cache/Tls/HandshakeTimeout", duration({ min: 1, max: 3_600 }), 10, {
    doc: "How long a TLS handshake may take from the connection to its end.",
    spec: "own element, TLS-11",
  }),
  maxHandshakes: option("Cache/Tls/MaxHandshakes", integer({ min: 1, max: 100_000 }), 4_096, {
    doc: "TLS handshakes that one worker may have under way; with more, the oldest is given up.",
    spec: "own element, TLS-11",
  }),
  ticketRotationSeconds: option("Cache/Tls/TicketRotation", duration({ min: 60, max: 604_800 }), 43_200, {
    doc: "How long a key encrypts the tickets by which clients resume sessions; it decrypts them for as long again.",
    spec: "own element",
  }),
};
