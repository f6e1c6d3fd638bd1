import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { link, open, readFile, rm } from "node:fs/promises";
import { join } from "node:path";

/**
 * Secrets of the configuration (LOG-178, LOG-179): AES-256-GCM under a key of this instance, `password.key` in the home
 * folder, which only its user may read. The text is base64 of a format number, nonce, tag and ciphertext.
 */

const KEY_FILE = "password.key";
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const FORMAT = 1;
const CIPHER = "aes-256-gcm";

const checkKey = (key: Buffer): Buffer => {
  if (key.length !== KEY_BYTES) throw new Error(`${KEY_FILE} is damaged: it has ${key.length} bytes`);
  return key;
};

const isMissing = (error: unknown): boolean => error instanceof Error && "code" in error && error.code === "ENOENT";
const isThere = (error: unknown): boolean => error instanceof Error && "code" in error && error.code === "EEXIST";

const readKey = async (home: string): Promise<Buffer> => checkKey(await readFile(join(home, KEY_FILE)));

/** Whole or not there at all, and never in place of another. */
const makeKey = async (home: string): Promise<Buffer> => {
  const key = randomBytes(KEY_BYTES);
  const draft = join(home, `${KEY_FILE}.${randomBytes(8).toString("hex")}`);
  try {
    const file = await open(draft, "wx", 0o600);
    try {
      await file.writeFile(key);
      await file.sync();
    } finally {
      await file.close();
    }
    await link(draft, join(home, KEY_FILE));
  } finally {
    await rm(draft, { force: true });
  }
  return key;
};

/** The key of a home folder, made at its first use. */
const keyOf = async (home: string): Promise<Buffer> => {
  try {
    return await readKey(home);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
  try {
    return await makeKey(home);
  } catch (error) {
    if (isThere(error)) return await readKey(home);
    throw error;
  }
};

/** Each call gives another text for the same password. */
export const encryptPassword = async (home: string, plain: string): Promise<string> => {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, await keyOf(home), nonce, { authTagLength: TAG_BYTES });
  const encrypted = Buffer.concat([cipher.update(plain, "utf8"), cipher.final()]);
  return Buffer.concat([Buffer.from([FORMAT]), nonce, cipher.getAuthTag(), encrypted]).toString("base64");
};

/** The password of a text that `encryptPassword` gave under the same home folder. Rejects for any other. */
export const decryptPassword = async (home: string, encrypted: string): Promise<string> => {
  const bytes = Buffer.from(encrypted, "base64");
  const textStart = 1 + NONCE_BYTES + TAG_BYTES;
  if (bytes[0] !== FORMAT || bytes.length < textStart) throw new Error("it is no encrypted password");
  const key = await readKey(home);
  const decipher = createDecipheriv(CIPHER, key, bytes.subarray(1, 1 + NONCE_BYTES), { authTagLength: TAG_BYTES });
  decipher.setAuthTag(bytes.subarray(1 + NONCE_BYTES, textStart));
  try {
    return Buffer.concat([decipher.update(bytes.subarray(textStart)), decipher.final()]).toString("utf8");
  } catch (cause) {
    throw new Error("it was encrypted under another key", { cause });
  }
};
