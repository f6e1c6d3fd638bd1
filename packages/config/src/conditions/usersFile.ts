import type { PasswordHash, UserEntry } from "../accessContract.ts";
import type { ProblemList } from "../problems.ts";

/**
 * Costs that a request may cause: memory of a check is 128 bytes times block size times cost, and it runs beside the
 * event loop on one of a few threads.
 */
const LARGEST_COST_LOG2 = 17;
const LARGEST_MEMORY_BYTES = 256 * 1024 ** 2;
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;
const SHA256_BYTES = 32;

const bytesOf = (base64: string): number => Buffer.from(base64, "base64").length;

/** `$scrypt$ln=15,r=8,p=1$salt$hash`, as password libraries write it. */
const parseScrypt = (text: string): PasswordHash | undefined => {
  const [, cost = "", block = "", parallel = "", salt = "", hash = ""] =
    /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([^$]+)\$([^$]+)$/.exec(text) ?? [];
  const [costLog2, blockSize, parallelization] = [Number(cost), Number(block), Number(parallel)];
  if (!BASE64.test(salt) || !BASE64.test(hash)) return undefined;
  if (costLog2 < 1 || costLog2 > LARGEST_COST_LOG2 || blockSize < 1 || parallelization < 1) return undefined;
  if (128 * blockSize * 2 ** costLog2 * parallelization > LARGEST_MEMORY_BYTES) return undefined;
  return bytesOf(hash) < 16 ? undefined : { kind: "scrypt", costLog2, blockSize, parallelization, salt, hash };
};

/** `{SHA256}` and `{SSHA256}` of LDAP servers: the digest, in the second the salt behind it. */
const parseSha256 = (text: string): PasswordHash | undefined => {
  const [, salted, content = ""] = /^\{(S?)SHA256\}(.+)$/.exec(text) ?? [];
  if (salted === undefined || !BASE64.test(content)) return undefined;
  const bytes = Buffer.from(content, "base64");
  if (salted === "" ? bytes.length !== SHA256_BYTES : bytes.length <= SHA256_BYTES) return undefined;
  return {
    kind: "sha256",
    hash: bytes.subarray(0, SHA256_BYTES).toString("base64"),
    salt: bytes.subarray(SHA256_BYTES).toString("base64"),
  };
};

/** Undefined for forms that are not known, or that would cost too much to check. */
export const parsePasswordHash = (text: string): PasswordHash | undefined => parseScrypt(text) ?? parseSha256(text);

const MAX_LINE_LENGTH = 1_024;

/** Why a line cannot be read; never tells what stands in it. */
const refusalOf = (user: string, hash: string, known: ReadonlySet<string>): string | undefined => {
  if (hash === "") return "It is not of the form {name}:{hash}.";
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
  if (user === "" || /[\x00-\x1f\x7f]/.test(user)) return "The name is empty or holds control characters.";
  if (known.has(user)) return `The name ${JSON.stringify(user)} stands twice.`;
  return undefined;
};

/** `{name}:{hash}` per line. A line that cannot be read is skipped with a warning: its user cannot enter. */
export const readUsers = (file: string, text: string | undefined, problems: ProblemList): readonly UserEntry[] => {
  const users: UserEntry[] = [];
  const known = new Set<string>();
  const source = text?.startsWith("\uFEFF") ? text.slice(1) : (text ?? "");
  for (const [index, raw] of source.split(/\r\n|\n|\r/).entries()) {
    const content = raw.trim();
    if (content === "" || content.startsWith("#")) continue;
    const line = index + 1;
    const colon = content.length > MAX_LINE_LENGTH ? -1 : content.indexOf(":");
    const user = content.slice(0, Math.max(0, colon));
    const hash = colon < 0 ? "" : content.slice(colon + 1);
    const password = parsePasswordHash(hash);
    const refusal = refusalOf(user, hash, known) ?? (password === undefined ? UNKNOWN_HASH : undefined);
    if (refusal !== undefined || password === undefined) {
      problems.warn({ file, line, column: 1, element: "" }, `The line is skipped. ${refusal ?? UNKNOWN_HASH}`);
      continue;
    }
    known.add(user);
    users.push({ user, password, line });
  }
  return users;
};

const UNKNOWN_HASH = "The hash is neither $scrypt$… of a bearable cost nor {SSHA256}… nor {SHA256}….";
