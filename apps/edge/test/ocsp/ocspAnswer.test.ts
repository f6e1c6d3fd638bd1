import {
  makeCertificate,
  makeOcspAnswer,
  makeOcspRefusal,
  type OcspAnswer,
  type TestCertificate,
} from "@basalt/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkOcspAnswer, writeOcspRequest } from "../../src/ocsp/ocspAnswer.ts";
import { type OcspSubject, ocspSubjectOf } from "../../src/ocsp/ocspSubject.ts";

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const NOW_MS = Date.now();
const at = (fromNowMs: number): Date => new Date(Math.floor((NOW_MS + fromNowMs) / 1000) * 1000);

const issuer = makeCertificate({ names: [], commonName: "issuer", isAuthority: true });
const other = makeCertificate({ names: [], commonName: "issuer", isAuthority: true });
const leaf = makeCertificate({ names: ["a.test"], issuer, ocspResponder: "http://ocsp.test/" });
const signerOf = (by: TestCertificate, change: object = {}): TestCertificate =>
  makeCertificate({ names: [], commonName: "signer", issuer: by, isOcspSigner: true, ...change });

const subjectOf = (...chain: readonly TestCertificate[]): OcspSubject => {
  const outcome = ocspSubjectOf({ certificatePem: chain.map((each) => each.certificatePem).join(""), allow: [] });
  if (!outcome.ok) throw new Error(outcome.reason);
  return outcome.subject;
};
const subject = subjectOf(leaf, issuer);

const answer = (change: Partial<OcspAnswer> = {}): Buffer =>
  makeOcspAnswer({ issuer, serialNumber: leaf.serialNumber, ...change });

describe("what may be asked of a responder", () => {
  it.each([
    ["a certificate without a responder", [makeCertificate({ names: ["b.test"], issuer }), issuer], undefined],
    ["an issuer that is not in the chain", [leaf], "is not in its chain"],
    ["somebody of the issuer's name in the chain", [leaf, other], "is not in its chain"],
    [
      "a responder that is not asked by http",
      [makeCertificate({ names: ["c.test"], issuer, ocspResponder: "https://ocsp.test/" }), issuer],
      "names no OCSP responder that is asked by http",
    ],
  ] as const)("%s: nothing is fetched", (_, chain, reason) => {
    const outcome = ocspSubjectOf({ certificatePem: chain.map((each) => each.certificatePem).join(""), allow: [] });
    expect(outcome).toEqual({ ok: false, reason: reason === undefined ? undefined : expect.stringContaining(reason) });
  });

  it("the issuer is found anywhere in the chain", () => {
    expect(subjectOf(leaf, other, issuer).issuer.raw).toEqual(subject.issuer.raw);
    expect(subject.responder.href).toBe("http://ocsp.test/");
  });
});

describe("the answer of a responder", () => {
  const check = (bytes: Buffer, of = subject): Promise<number> => checkOcspAnswer(of, bytes, NOW_MS);

  it.each([
    ["the issuer", {}],
    ["a responder that the issuer has certified", { signer: signerOf(issuer) }],
    ["a responder with an RSA key", { signer: signerOf(issuer, { keyType: "rsa" }) }],
  ])("signed by %s is good until its next update", async (_, change) => {
    expect(await check(answer({ ...change, nextUpdate: at(3 * DAY_MS) }))).toBe(at(3 * DAY_MS).getTime());
  });

  it("signed by an issuer with an RSA key is good", async () => {
    const authority = makeCertificate({ names: [], commonName: "rsa issuer", isAuthority: true, keyType: "rsa" });
    const certificate = makeCertificate({ names: ["r.test"], issuer: authority, ocspResponder: "http://ocsp.test/" });
    const bytes = makeOcspAnswer({ issuer: authority, serialNumber: certificate.serialNumber });
    expect(await check(bytes, subjectOf(certificate, authority))).toBeGreaterThan(NOW_MS);
  });

  it("without a next update is good for an hour", async () => {
    const bytes = answer({ thisUpdate: at(-HOUR_MS / 2), nextUpdate: "none" });
    expect(await check(bytes)).toBe(at(-HOUR_MS / 2).getTime() + HOUR_MS);
  });

  const tampered = answer();
  tampered[tampered.length - 80] = (tampered[tampered.length - 80] ?? 0) ^ 1;
  const forged = { commonName: "signer", names: [], isOcspSigner: true };

  it.each([
    ["about another certificate", answer({ serialNumber: leaf.serialNumber + 1 }), "about another certificate"],
    ["of the serial number by another issuer", answer({ issuer: other }), "is not signed by"],
    ["about another issuer's certificate", answer({ issuer: other, signer: issuer }), "about another certificate"],
    ["signed by somebody else", answer({ signer: other, enclosed: [] }), "is not signed by"],
    ["signed by somebody who encloses himself", answer({ signer: makeCertificate(forged) }), "is not signed by"],
    ["signed by a responder of another issuer", answer({ signer: signerOf(other) }), "is not signed by"],
    ["signed by a certificate for other uses", answer({ signer: signerOf(issuer, { isOcspSigner: false }) }), "is not"],
    ["signed by the certificate itself", answer({ signer: leaf }), "is not signed by"],
    [
      "signed by a responder whose certificate has ended",
      answer({ signer: signerOf(issuer, { validFrom: at(-2 * DAY_MS), validTo: at(-DAY_MS) }) }),
      "is not signed by",
    ],
    ["changed on its way", tampered, "is not signed by"],
    ["out of date", answer({ thisUpdate: at(-3 * DAY_MS), nextUpdate: at(-HOUR_MS) }), "out of date"],
    ["without an end and old", answer({ thisUpdate: at(-2 * HOUR_MS), nextUpdate: "none" }), "out of date"],
    ["of the future", answer({ thisUpdate: at(HOUR_MS) }), "of the future"],
    ["revoked", answer({ status: "revoked" }), "is revoked"],
    ["unknown", answer({ status: "unknown" }), "does not know"],
    ["try later", makeOcspRefusal(3), "asks to try later"],
    ["unauthorized", makeOcspRefusal(6), "may not answer"],
    ["a status of its own", makeOcspRefusal(99), "it refuses"],
    ["success without an answer", makeOcspRefusal(0), "answers nothing"],
    ["empty", Buffer.alloc(0), "no OCSP response"],
    ["a page of HTML", Buffer.from("<html>not found</html>"), "no OCSP response"],
    ["cut", answer().subarray(0, 100), "no OCSP response"],
    ["followed by something", Buffer.concat([answer(), Buffer.from("more")]), "no OCSP response"],
    ["nested without end", Buffer.alloc(65_536, Buffer.from([0x30, 0x80])), "no OCSP response"],
  ])("that is %s is refused", async (_, bytes, reason) => {
    await expect(check(bytes)).rejects.toThrow(reason);
  });

  it("of any bytes is refused, and never crashes", async () => {
    const good = answer({ nextUpdate: at(DAY_MS) });
    const changed = fc
      .tuple(fc.integer({ min: 0, max: good.length - 1 }), fc.integer({ min: 1, max: 255 }))
      .map(([index, bits]) => {
        const bytes = Buffer.from(good);
        bytes[index] = (bytes[index] ?? 0) ^ bits;
        return bytes;
      });
    const anything = fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes));
    await fc.assert(
      fc.asyncProperty(fc.oneof(changed, anything), async (bytes) => {
        const outcome: unknown = await check(bytes).catch((cause: unknown) => cause);
        if (!(outcome instanceof Error)) expect(outcome).toBe(at(DAY_MS).getTime());
      }),
      { numRuns: 150 },
    );
  });
});

describe("a request", () => {
  it("names the certificate by its issuer and number, and has no nonce", async () => {
    const request = await writeOcspRequest(subject);
    expect(request.length).toBeLessThan(120);
    const id = answer().subarray(answer().indexOf(Buffer.from("06052b0e03021a", "hex")));
    expect(request.includes(id.subarray(0, 55))).toBe(true);
  });
});
