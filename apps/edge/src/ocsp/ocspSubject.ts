import { X509Certificate } from "node:crypto";

/** A certificate with which an OCSP response is to go out. */
export interface OcspWish {
  /** With its chain. */
  readonly certificatePem: string;
  /** Responders that need no public address, as `OCSPAllow` names them. */
  readonly allow: readonly string[];
}

/** What has to be known of a certificate to ask for its status. */
export interface OcspSubject extends OcspWish {
  /** The same for as long as the certificate is. */
  readonly id: string;
  /** For the log. */
  readonly name: string;
  readonly certificate: X509Certificate;
  readonly issuer: X509Certificate;
  readonly responder: URL;
}

/** `reason`: why nothing can be asked; undefined where nothing is meant to be. */
export type OcspSubjectOutcome =
  | { readonly ok: true; readonly subject: OcspSubject }
  | { readonly ok: false; readonly reason: string | undefined };

const CERTIFICATES = /-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----/gs;
/** A line of the authority information access, as the runtime writes it. */
const RESPONDER = /^OCSP - URI:(\S+)$/gim;
const LONGEST_NAME = 100;

export const ocspSubjectOf = (wish: OcspWish): OcspSubjectOutcome => {
  const [certificate, ...chain] = (wish.certificatePem.match(CERTIFICATES) ?? []).map(
    (text) => new X509Certificate(text),
  );
  const responders = [...(certificate?.infoAccess ?? "").matchAll(RESPONDER)].map(([, place = ""]) => place);
  if (certificate === undefined || responders.length === 0) return { ok: false, reason: undefined };
  const name = (certificate.subject ?? certificate.serialNumber).replaceAll("\n", ", ").slice(0, LONGEST_NAME);
  const responder = responders.map((place) => URL.parse(place)).find((url) => url?.protocol === "http:");
  if (responder === undefined || responder === null) {
    return { ok: false, reason: `the certificate ${name} names no OCSP responder that is asked by http` };
  }
  const issuer = chain.find((each) => certificate.checkIssued(each) && certificate.verify(each.publicKey));
  if (issuer === undefined) {
    return {
      ok: false,
      reason: `the issuer of the certificate ${name} is not in its chain: no OCSP response is fetched`,
    };
  }
  const id = certificate.fingerprint256.replaceAll(":", "").toLowerCase();
  return { ok: true, subject: { ...wish, id, name, certificate, issuer, responder } };
};
