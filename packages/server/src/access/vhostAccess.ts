import type { AccessOptions, VhostSettings } from "@basalt/config";
import {
  type AccessList,
  type CorsRules,
  compileAccessList,
  compileCors,
  compilePathPatterns,
  compileSignedUrls,
  type SignedUrls,
} from "@basalt/policy";
import { PasswordCheck } from "./passwordCheck.ts";
import type { RateLimiter } from "./rateLimiter.ts";
import type { RateLimits } from "./rateLimits.ts";

export interface LimitedUrls {
  /** Of the limits that a path falls under, in order. */
  limitsOf(path: string): readonly ClientLimit[];
}

export interface ClientLimit {
  readonly limiter: RateLimiter;
  /** Field that tells clients apart; empty: the address. */
  readonly field: string;
}

export interface ProtectedUrls {
  readonly passwords: PasswordCheck;
  /** Undefined for paths that are open to everybody. */
  realmOf(path: string): string | undefined;
}

/** Everything that stands between a request and a virtual host, in the order in which it is asked. */
export interface VhostAccess {
  readonly list: AccessList | undefined;
  readonly limited: LimitedUrls | undefined;
  /** 0: without limit. */
  readonly maxBodyBytes: number;
  readonly cors: CorsRules | undefined;
  readonly signed: SignedUrls | undefined;
  readonly settings: AccessOptions;
  readonly protected: ProtectedUrls | undefined;
}

/** Undefined where everybody may have everything: such hosts cost a request one comparison. */
export const compileVhostAccess = (settings: VhostSettings, rateLimits: RateLimits): VhostAccess | undefined => {
  const { access, caseSensitive } = settings.options;
  const list = compileAccessList(settings);
  const limited = limitedUrls(settings, rateLimits);
  const cors = compileCors(access.cors);
  const signed = compileSignedUrls(access.signedUrls, caseSensitive);
  const protectedOnes = protectedUrls(settings);
  const maxBodyBytes = access.maxRequestBodyBytes;
  const isOpen = [list, limited, cors, signed, protectedOnes].every((part) => part === undefined) && maxBodyBytes === 0;
  return isOpen ? undefined : { list, limited, maxBodyBytes, cors, signed, settings: access, protected: protectedOnes };
};

const limitedUrls = ({ name, options }: VhostSettings, rateLimits: RateLimits): LimitedUrls | undefined => {
  const { rateLimits: rules } = options.access;
  if (rules.length === 0) return undefined;
  const limits = rules.map(({ url, requests, seconds, burst, field }) => ({
    patternOf: compilePathPatterns([url], options.caseSensitive),
    limiter: rateLimits.limiter(`${name} ${field} ${url}`, { count: requests, seconds, burst }),
    field,
  }));
  return { limitsOf: (path) => limits.filter(({ patternOf }) => patternOf(path) === 0) };
};

const protectedUrls = ({ options, conditions }: VhostSettings): ProtectedUrls | undefined => {
  const { basicAuthentication } = options.access;
  if (basicAuthentication.length === 0) return undefined;
  const patterns = basicAuthentication.map(({ url }) => url);
  const patternOf = compilePathPatterns(patterns, options.caseSensitive);
  return {
    passwords: new PasswordCheck(conditions.users),
    realmOf: (path) => basicAuthentication[patternOf(path)]?.realm,
  };
};
