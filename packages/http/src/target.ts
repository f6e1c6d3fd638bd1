import { normalizeAuthority } from "./authority.ts";
import { METHOD, type Method } from "./contract.ts";

export interface AbsoluteTarget {
  readonly scheme: "http" | "https";
  /** Lower case, with port if sent. */
  readonly authority: string;
  /** Starts with `/`. */
  readonly pathAndQuery: string;
}

const ABSOLUTE = /^(https?):\/\/([^/?#]*)([^#]*)$/i;

/** Absolute-form of a request target (RFC 9112 3.2.2), http and https only; undefined for everything else. */
export const parseAbsoluteTarget = (target: string): AbsoluteTarget | undefined => {
  const [, scheme = "", sentAuthority = "", rest = ""] = ABSOLUTE.exec(target) ?? [];
  const authority = normalizeAuthority(sentAuthority);
  if (authority === undefined) return undefined;
  return {
    scheme: scheme.length === 5 ? "https" : "http",
    authority,
    pathAndQuery: rest.startsWith("/") ? rest : `/${rest}`,
  };
};

const isAuthorityForm = (target: string): boolean => {
  const authority = normalizeAuthority(target);
  return authority !== undefined && /:[0-9]+$/.test(authority);
};

/** Whether the form of a target fits the method (RFC 9112 3.2); its bytes have been checked before. */
export const isTargetFor = (method: Method, target: string): boolean => {
  if (method === METHOD.CONNECT) return isAuthorityForm(target);
  if (target.charCodeAt(0) === 0x2f) return true;
  if (target === "*") return method === METHOD.OPTIONS;
  return parseAbsoluteTarget(target) !== undefined;
};
