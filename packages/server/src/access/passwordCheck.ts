import { hash, randomBytes, scrypt, timingSafeEqual } from "node:crypto";
import type { PasswordHash, UserEntry } from "@basalt/config";

/** What is said of an Authorization field: at once, or later where a costly hash has to be made. */
export type PasswordVerdict = boolean | Promise<PasswordOutcome>;

/** `busy`: too many checks wait, and this one was not made. */
export type PasswordOutcome = "right" | "wrong" | "busy";

/** Costly hashes at a time: they share the threads of the process with file access. */
const MOST_CHECKS = 2;
const MOST_WAITING = 64;
const MOST_REMEMBERED = 1_000;
const MOST_REFUSED = 10_000;
/** So long a wrong password is not checked again. */
const REFUSED_MS = 10_000;
const LONGEST_FIELD = 1_024;
/** Beside what the cost needs. */
const SCRYPT_SPARE_BYTES = 1024 * 1024;

/**
 * Checks names and passwords (RFC 7617) of users.txt. Verdicts are remembered by a digest of the field, so that a hash is
 * made once for each password and not for each request.
 */
export class PasswordCheck {
  readonly #users: ReadonlyMap<string, PasswordHash>;
  /** What unknown names are checked against, so that they take as long. */
  readonly #stranger: PasswordHash | undefined;
  readonly #salt = randomBytes(16).toString("hex");
  readonly #right = new Set<string>();
  readonly #wrongUntilMs = new Map<string, number>();
  readonly #pending = new Map<string, Promise<PasswordOutcome>>();
  readonly #queue: (() => void)[] = [];
  #running = 0;

  constructor(users: readonly UserEntry[]) {
    this.#users = new Map(users.map(({ user, password }) => [user, password]));
    this.#stranger = strangerOf(users);
  }

  verify(authorization: string | undefined, nowMs: number): PasswordVerdict {
    if (authorization === undefined || authorization.length > LONGEST_FIELD) return false;
    const digest = hash("sha256", `${this.#salt}${authorization}`, "base64");
    if (this.#right.has(digest)) return true;
    if ((this.#wrongUntilMs.get(digest) ?? 0) > nowMs) return false;
    const pending = this.#pending.get(digest);
    if (pending !== undefined) return pending;
    const credentials = credentialsOf(authorization);
    if (credentials === undefined) return false;
    const known = this.#users.get(credentials.user);
    const password = known ?? this.#stranger;
    if (password === undefined) return false;
    if (password.kind === "sha256") {
      const isRight = matchesSha256(password, credentials.password) && known !== undefined;
      this.#remember(digest, isRight, nowMs);
      return isRight;
    }
    const checking = this.#check(password, credentials.password)
      .then((outcome) => {
        const isRight = outcome === "right" && known !== undefined;
        if (outcome !== "busy") this.#remember(digest, isRight, nowMs);
        return outcome === "busy" ? outcome : isRight ? "right" : "wrong";
      })
      .finally(() => this.#pending.delete(digest));
    this.#pending.set(digest, checking);
    return checking;
  }

  #remember(digest: string, isRight: boolean, nowMs: number): void {
    if (isRight) {
      if (this.#right.size >= MOST_REMEMBERED) this.#right.clear();
      this.#right.add(digest);
      return;
    }
    if (this.#wrongUntilMs.size >= MOST_REFUSED) this.#wrongUntilMs.clear();
    this.#wrongUntilMs.set(digest, nowMs + REFUSED_MS);
  }

  async #check(password: ScryptHash, given: Buffer): Promise<PasswordOutcome> {
    if (this.#running >= MOST_CHECKS) {
      if (this.#queue.length >= MOST_WAITING) return "busy";
      await new Promise<void>((resolve) => this.#queue.push(resolve));
    }
    this.#running++;
    try {
      return (await matchesScrypt(password, given)) ? "right" : "wrong";
    } finally {
      this.#running--;
      this.#queue.shift()?.();
    }
  }
}

type ScryptHash = Extract<PasswordHash, { kind: "scrypt" }>;
type Sha256Hash = Extract<PasswordHash, { kind: "sha256" }>;

/** The costliest kind of those that there are. */
const strangerOf = (users: readonly UserEntry[]): PasswordHash | undefined => {
  const costs = users.map(({ password }) => password).filter((password) => password.kind === "scrypt");
  return costs.sort((one, other) => other.costLog2 - one.costLog2)[0] ?? users[0]?.password;
};

const credentialsOf = (authorization: string): { readonly user: string; readonly password: Buffer } | undefined => {
  const [, encoded] = /^Basic +([A-Za-z0-9+/]+={0,2})$/i.exec(authorization) ?? [];
  if (encoded === undefined) return undefined;
  const bytes = Buffer.from(encoded, "base64");
  const colon = bytes.indexOf(":");
  return colon < 0 ? undefined : { user: bytes.toString("utf8", 0, colon), password: bytes.subarray(colon + 1) };
};

const matchesSha256 = ({ salt, hash: expected }: Sha256Hash, given: Buffer): boolean => {
  const digest = hash("sha256", Buffer.concat([given, Buffer.from(salt, "base64")]), "buffer");
  const wanted = Buffer.from(expected, "base64");
  return digest.length === wanted.length && timingSafeEqual(digest, wanted);
};

const matchesScrypt = (password: ScryptHash, given: Buffer): Promise<boolean> => {
  const { costLog2, blockSize, parallelization } = password;
  const expected = Buffer.from(password.hash, "base64");
  const cost = 2 ** costLog2;
  const maxmem = 128 * blockSize * (cost + parallelization) + SCRYPT_SPARE_BYTES;
  return new Promise((resolve, reject) => {
    const options = { N: cost, r: blockSize, p: parallelization, maxmem };
    scrypt(given, Buffer.from(password.salt, "base64"), expected.length, options, (error, derived) => {
      if (error === null) resolve(timingSafeEqual(derived, expected));
      else reject(error);
    });
  });
};
