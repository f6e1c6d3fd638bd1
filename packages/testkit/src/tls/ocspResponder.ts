import { createHash, sign, X509Certificate } from "node:crypto";
import { createServer, type Server, type ServerResponse } from "node:http";
import { algorithmOf, nameOf, type TestCertificate } from "./certificates.ts";
import { generalizedTime, integer, objectIdentifier, octetString, oneBitString, sequence, tagged } from "./der.ts";

export type OcspStatus = "good" | "revoked" | "unknown";

export interface OcspAnswer {
  readonly issuer: TestCertificate;
  readonly serialNumber: number;
  /** Default: good. */
  readonly status?: OcspStatus;
  /** Default: an hour ago. */
  readonly thisUpdate?: Date;
  /** Default: in a week; `none`: the answer names no time. */
  readonly nextUpdate?: Date | "none";
  /** Default: the issuer. */
  readonly signer?: TestCertificate;
  /** Default: the signer's certificate where that is not the issuer. */
  readonly enclosed?: readonly TestCertificate[];
}

const OID = { sha1: "1.3.14.3.2.26", basic: "1.3.6.1.5.5.7.48.1.1" } as const;
const TAG = { context0: 0xa0, context1: 0xa1, primitive0: 0x80, primitive2: 0x82, enumerated: 0x0a } as const;
const NULL = Buffer.from([5, 0]);
const HOUR_MS = 3_600_000;
const WEEK_MS = 7 * 24 * HOUR_MS;

const sha1 = (data: Buffer): Buffer => createHash("sha1").update(data).digest();
const derOf = ({ certificatePem }: TestCertificate): Buffer => Buffer.from(new X509Certificate(certificatePem).raw);

/** The subject public key without its wrapping: what key hashes are of. */
const keyBitsOf = ({ certificatePem }: TestCertificate): Buffer => {
  const info = new X509Certificate(certificatePem).publicKey.export({ type: "spki", format: "der" });
  const readLength = (at: number): { readonly length: number; readonly start: number } => {
    const first = info[at] ?? 0;
    if (first < 0x80) return { length: first, start: at + 1 };
    const bytes = first & 0x7f;
    return { length: info.readUIntBE(at + 1, bytes), start: at + 1 + bytes };
  };
  const { start: algorithmAt } = readLength(1);
  const algorithm = readLength(algorithmAt + 1);
  const bits = readLength(algorithm.start + algorithm.length + 1);
  return info.subarray(bits.start + 1);
};

const statusOf = (status: OcspStatus): Buffer => {
  switch (status) {
    case "good":
      return tagged(TAG.primitive0);
    case "revoked":
      return tagged(TAG.context1, generalizedTime(new Date(Date.now() - HOUR_MS)));
    case "unknown":
      return tagged(TAG.primitive2);
  }
};

/** An OCSP response (RFC 6960, 4.2.1) as a responder makes it. */
export const makeOcspAnswer = (answer: OcspAnswer): Buffer => {
  const { issuer, serialNumber, status = "good", signer = issuer } = answer;
  const { thisUpdate = new Date(Date.now() - HOUR_MS), nextUpdate = new Date(Date.now() + WEEK_MS) } = answer;
  const certificateId = sequence(
    sequence(objectIdentifier(OID.sha1), NULL),
    octetString(sha1(nameOf(issuer.commonName))),
    octetString(sha1(keyBitsOf(issuer))),
    integer(serialNumber),
  );
  const single = sequence(
    certificateId,
    statusOf(status),
    generalizedTime(thisUpdate),
    ...(nextUpdate === "none" ? [] : [tagged(TAG.context0, generalizedTime(nextUpdate))]),
  );
  const data = sequence(tagged(TAG.context1, nameOf(signer.commonName)), generalizedTime(thisUpdate), sequence(single));
  const enclosed = answer.enclosed ?? (signer === issuer ? [] : [signer]);
  const basic = sequence(
    data,
    algorithmOf(signer.privateKey),
    oneBitString(sign("sha256", data, signer.privateKey)),
    ...(enclosed.length === 0 ? [] : [tagged(TAG.context0, sequence(...enclosed.map(derOf)))]),
  );
  const bytes = tagged(TAG.context0, sequence(objectIdentifier(OID.basic), octetString(basic)));
  return sequence(tagged(TAG.enumerated, Buffer.from([0])), bytes);
};

/** A response that says only why there is none. */
export const makeOcspRefusal = (status: number): Buffer => sequence(tagged(TAG.enumerated, Buffer.from([status])));

/** What the next requests get: an answer, or whatever else the listener makes of them. */
export type OcspReply = Buffer | ((response: ServerResponse) => void);

export const startOcspResponder = async (reply: OcspReply): Promise<OcspResponder> => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return new OcspResponder(server, reply);
};

/** A responder that keeps what it was asked, and answers whatever it is told to. */
export class OcspResponder {
  readonly requests: { readonly method: string; readonly contentType: string; readonly body: Buffer }[] = [];
  reply: OcspReply;
  readonly #server: Server;

  constructor(server: Server, reply: OcspReply) {
    this.#server = server;
    this.reply = reply;
    server.on("request", (message, response) => {
      const chunks: Buffer[] = [];
      message.on("data", (chunk: Buffer) => chunks.push(chunk));
      message.on("end", () => {
        const { method = "", headers } = message;
        this.requests.push({ method, contentType: headers["content-type"] ?? "", body: Buffer.concat(chunks) });
        if (typeof this.reply === "function") this.reply(response);
        else response.writeHead(200, { "Content-Type": "application/ocsp-response" }).end(this.reply);
      });
    });
  }

  get url(): string {
    const address = this.#server.address();
    return `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}/ocsp`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
