import { X509Certificate } from "node:crypto";
import {
  BasicOCSPResponse,
  CertID,
  Certificate,
  getCrypto,
  OCSPRequest,
  OCSPResponse,
  type SingleResponse,
} from "pkijs";
import type { OcspSubject } from "./ocspSubject.ts";

/** What responders are sure to know (RFC 5019 2.1.1); it names the certificate and secures nothing. */
const NAMING_HASH = "SHA-1";
const OCSP_SIGNING = "1.3.6.1.5.5.7.3.9";
/** By how much a responder's clock may be ahead of ours. */
const CLOCK_SKEW_MS = 300_000;
/** Without a next update there is newer information at any time. */
const UNBOUNDED_LIFE_MS = 3_600_000;
/** One is what responders send. */
const MOST_SIGNERS = 4;

/** Without a nonce: one answer is for all clients, and responders may have made it in advance (RFC 5019). */
export const writeOcspRequest = async ({ certificate, issuer }: OcspSubject): Promise<Buffer> => {
  const request = new OCSPRequest();
  await request.createForCertificate(Certificate.fromBER(certificate.raw), {
    hashAlgorithm: NAMING_HASH,
    issuerCertificate: Certificate.fromBER(issuer.raw),
  });
  return Buffer.from(request.toSchema(true).toBER());
};

/**
 * Until when the answer of a responder (RFC 6960, 4.2) shows that the certificate is good. Throws where it does not: the
 * message says why.
 */
export const checkOcspAnswer = async (subject: OcspSubject, answer: Buffer, nowMs: number): Promise<number> => {
  const response = readBasicResponse(answer);
  await expectSignature(subject, response, nowMs);
  const single = await singleResponseFor(subject, response);
  const status = tagNumberOf(single.certStatus);
  if (status === 1) throw new Error("the certificate is revoked");
  if (status !== 0) throw new Error("the responder does not know the certificate");
  if (single.thisUpdate.getTime() > nowMs + CLOCK_SKEW_MS) throw new Error("it is of the future");
  const validToMs = single.nextUpdate?.getTime() ?? single.thisUpdate.getTime() + UNBOUNDED_LIFE_MS;
  if (!(validToMs > nowMs)) throw new Error("it is out of date");
  return validToMs;
};

/** What a responder says instead of an answer (RFC 6960, 4.2.1). */
const REFUSALS: ReadonlyMap<number, string> = new Map([
  [1, "it finds the request malformed"],
  [2, "it has an internal error"],
  [3, "it asks to try later"],
  [5, "it wants signed requests"],
  [6, "it may not answer"],
]);

const readBasicResponse = (answer: Buffer): BasicOCSPResponse => {
  const whole = readable(() => OCSPResponse.fromBER(answer));
  // What follows it, or is written in another way than DER, goes out to clients, and not all of them would take it.
  const written = readable(() => Buffer.from(whole.toSchema().toBER()));
  if (!written.equals(answer)) throw new Error(NO_RESPONSE);
  const status = whole.responseStatus.valueBlock.valueDec;
  if (status !== 0) throw new Error(REFUSALS.get(status) ?? "it refuses");
  const bytes = whole.responseBytes?.response.valueBlock.valueHexView;
  if (bytes === undefined) throw new Error("it answers nothing");
  return readable(() => BasicOCSPResponse.fromBER(Buffer.from(bytes)));
};

const NO_RESPONSE = "what it sends is no OCSP response";

const readable = <T>(read: () => T): T => {
  try {
    return read();
  } catch (cause) {
    throw new Error(NO_RESPONSE, { cause });
  }
};

/** By the issuer, or by whom the issuer itself has certified for this alone (RFC 6960, 4.2.2.2). */
const expectSignature = async ({ issuer }: OcspSubject, response: BasicOCSPResponse, nowMs: number): Promise<void> => {
  const delegates = readable(() =>
    (response.certs ?? [])
      .slice(0, MOST_SIGNERS)
      .map((certificate) => new X509Certificate(Buffer.from(certificate.toSchema().toBER()))),
  ).filter((delegate) => isDelegate(delegate, issuer, nowMs));
  for (const signer of [issuer, ...delegates]) {
    const { subjectPublicKeyInfo } = Certificate.fromBER(signer.raw);
    const isSigned = await getCrypto(true)
      .verifyWithPublicKey(
        response.tbsResponseData.tbsView,
        response.signature,
        subjectPublicKeyInfo,
        response.signatureAlgorithm,
      )
      // A key of another kind than the signature says.
      .catch(() => false);
    if (isSigned) return;
  }
  throw new Error("it is not signed by the certificate's issuer");
};

const isDelegate = (delegate: X509Certificate, issuer: X509Certificate, nowMs: number): boolean =>
  delegate.validFromDate.getTime() <= nowMs &&
  delegate.validToDate.getTime() > nowMs &&
  (delegate.keyUsage ?? []).includes(OCSP_SIGNING) &&
  delegate.checkIssued(issuer) &&
  delegate.verify(issuer.publicKey);

const singleResponseFor = async (
  { certificate, issuer }: OcspSubject,
  { tbsResponseData }: BasicOCSPResponse,
): Promise<SingleResponse> => {
  const asked = await CertID.create(Certificate.fromBER(certificate.raw), {
    hashAlgorithm: NAMING_HASH,
    issuerCertificate: Certificate.fromBER(issuer.raw),
  });
  const found = tbsResponseData.responses.find(({ certID }) => certID.isEqual(asked));
  if (found === undefined) throw new Error("it is about another certificate");
  return found;
};

/** Boundary: the library leaves the type of the choice open. */
const tagNumberOf = (choice: unknown): number => {
  const block = fieldOf(choice, "idBlock");
  const tag = fieldOf(block, "tagNumber");
  return typeof tag === "number" ? tag : -1;
};

const fieldOf = (value: unknown, name: string): unknown =>
  typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
