import type { Condition } from "./contract.ts";

/** Which clients may connect at all (ACL-10 to ACL-16). */
export interface ServiceAccessSettings {
  /** What happens to clients that no entry matches. */
  readonly default: "Allow" | "Deny";
  /** Absolute folder of the country databases; empty: countries are not known. */
  readonly geoIp: string;
  /** In the order of the file: the first that matches decides. */
  readonly entries: readonly AccessEntry[];
}

export interface AccessEntry {
  readonly action: "Allow" | "Deny";
  /** An address expression of ACL-01 to ACL-05, as written. */
  readonly address: string;
}

/** New connections of one client; `count` 0: without limit. */
export interface ConnectionRate {
  readonly count: number;
  readonly seconds: number;
  /** How many may come at once. */
  readonly burst: number;
}

/** One line of acl.txt (ACL-30 to ACL-44). */
export interface AccessRule {
  readonly condition: Condition;
  readonly action: AccessAction;
  readonly line: number;
}

export type AccessAction =
  /** ACL-41, OPEN reading A: what `<AccessControl Default>` does not do. */
  | { readonly kind: "opposite" }
  | { readonly kind: "allow" }
  /** Status undefined: that of `<AccessControl DenialCode>`. */
  | { readonly kind: "deny"; readonly status: number | undefined }
  /** As written, with `#URL` in it; fit for a field value. */
  | { readonly kind: "redirect"; readonly location: string };

/** One `<RateLimit>`: so many requests of a client within so many seconds. */
export interface RateLimit {
  /** URL pattern by CFG-70. */
  readonly url: string;
  readonly requests: number;
  readonly seconds: number;
  /** How many may come at once. */
  readonly burst: number;
  /** Field that tells clients apart, in lower case; empty: the address. */
  readonly field: string;
}

/** A key that signed URLs are made with. */
export interface SigningKey {
  readonly id: string;
  readonly secret: string;
}

/** One `<BasicAuthentication>`: who may have the URLs of a pattern. */
export interface BasicAuthentication {
  /** URL pattern by CFG-70. */
  readonly url: string;
  readonly realm: string;
}

/** A line of users.txt. */
export interface UserEntry {
  readonly user: string;
  readonly password: PasswordHash;
  readonly line: number;
}

/** What is kept of a password; salts and hashes in base64. */
export type PasswordHash =
  | {
      readonly kind: "scrypt";
      /** Binary logarithm of the cost. */
      readonly costLog2: number;
      readonly blockSize: number;
      readonly parallelization: number;
      readonly salt: string;
      readonly hash: string;
    }
  /** SHA-256 of password and salt; the salt may be empty. */
  | { readonly kind: "sha256"; readonly salt: string; readonly hash: string };

/** Who may have what of a virtual host. */
export interface AccessOptions {
  readonly accessControl: {
    readonly enabled: boolean;
    readonly default: "Allow" | "Deny";
    readonly denialCode: number;
  };
  /** Longest body of a request; 0: only that of the server holds. */
  readonly maxRequestBodyBytes: number;
  readonly rateLimits: readonly RateLimit[];
  readonly signedUrls: {
    readonly enabled: boolean;
    /** Query parameter that carries expiry and signature. */
    readonly parameter: string;
    readonly denialCode: number;
    readonly expiredCode: number;
    /** URL patterns by CFG-70 that need a signature. */
    readonly urls: readonly string[];
    /** The first signs, all verify. */
    readonly keys: readonly SigningKey[];
  };
  readonly basicAuthentication: readonly BasicAuthentication[];
  readonly cors: {
    readonly enabled: boolean;
    readonly credentials: boolean;
    readonly maxAgeSeconds: number;
    /** Comma lists, as they are sent. */
    readonly methods: string;
    /** Empty: what the preflight asks for. */
    readonly allowHeaders: string;
    readonly exposeHeaders: string;
    /** `*`, or origins whose host may begin with `*.`; in lower case. */
    readonly origins: readonly string[];
  };
}
