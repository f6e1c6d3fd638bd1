import { randomUUID } from "node:crypto";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { type Authorization, Client, crypto } from "acme-client";
import { type AcmeOrder, readIfThere } from "./acmeOrders.ts";

/** How the authority is shown what it asks for. */
export interface Issuing {
  readonly showPage: (token: string, content: string) => Promise<void>;
  readonly showCertificate: (
    name: string,
    certificate: { readonly certificatePem: string; readonly keyPem: string },
  ) => Promise<void>;
  readonly hide: (token: string, name: string) => Promise<void>;
}

const RSA_BITS = 2048;
/** The library asks the authority for the outcome so often, ever more slowly. */
const OUTCOME_ATTEMPTS = 15;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 15_000;

/** Has a certificate issued for all names of the order (RFC 8555) and puts it with its key in the file. */
export const issueCertificate = async (order: AcmeOrder, issuing: Issuing): Promise<void> => {
  const { names, challenge, email } = order;
  const client = new Client({
    directoryUrl: order.directory,
    accountKey: await accountKeyOf(order),
    backoffAttempts: OUTCOME_ATTEMPTS,
    backoffMin: FIRST_PAUSE_MS,
    backoffMax: LONGEST_PAUSE_MS,
  });
  const key =
    order.keyType === "rsa" ? await crypto.createPrivateRsaKey(RSA_BITS) : await crypto.createPrivateEcdsaKey();
  const [, csr] = await crypto.createCsr({ altNames: [...names] }, key);
  const certificate = await client.auto({
    csr,
    ...(email === "" ? {} : { email }),
    termsOfServiceAgreed: true,
    // The edge need not be able to reach itself by these names.
    skipChallengeVerification: true,
    challengePriority: [challenge],
    challengeCreateFn: async (authorization, offered, content) => {
      if (offered.type !== challenge) throw new Error(`the authority offers ${offered.type} and not ${challenge}`);
      if (offered.type === "http-01") await issuing.showPage(offered.token, content);
      else await issuing.showCertificate(nameOf(authorization), await challengeCertificate(authorization, content));
    },
    challengeRemoveFn: (authorization, offered) => issuing.hide(offered.token, nameOf(authorization)),
  });
  await putInPlace(order.file, `${key.toString()}\n${certificate}`);
};

/** Something to serve until the first certificate is issued; it is for no name that a client asks for. */
export const writeStandIn = async ({ file }: AcmeOrder): Promise<void> => {
  const identifier = { type: "dns", value: "certificate-not-issued-yet.invalid" };
  const authorization = { identifier, status: "pending", challenges: [], url: "" } as const;
  const { certificatePem, keyPem } = await challengeCertificate({ ...authorization, challenges: [] }, "");
  await putInPlace(file, `${keyPem}\n${certificatePem}`);
};

const nameOf = ({ identifier }: Authorization): string => identifier.value.toLowerCase();

const challengeCertificate = async (authorization: Authorization, content: string) => {
  const [key, certificate] = await crypto.createAlpnCertificate(authorization, content);
  return { certificatePem: certificate.toString(), keyPem: key.toString() };
};

const accountKeyOf = async ({ accountFile }: AcmeOrder): Promise<Buffer> => {
  const known = await readIfThere(accountFile);
  if (known !== undefined) return known;
  const key = await crypto.createPrivateEcdsaKey();
  await putInPlace(accountFile, key.toString());
  return key;
};

/** Readable for the owner alone, and never there in part. */
const putInPlace = async (file: string, text: string): Promise<void> => {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const temporary = `${file}.${randomUUID()}`;
  const handle = await open(temporary, "wx", 0o600);
  try {
    await handle.writeFile(text);
    await handle.datasync();
    await handle.close();
    await rename(temporary, file);
  } catch (cause) {
    await handle.close().catch(() => undefined);
    await rm(temporary, { force: true });
    throw cause;
  }
};
