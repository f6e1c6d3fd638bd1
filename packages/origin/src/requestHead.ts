import type { OriginAddress } from "@basalt/config";
import { EdgeError } from "@basalt/types";
import type { OriginRequest } from "./contract.ts";

/** Fields of one connection or of framing: this package writes them itself (RFC 9110 7.6.1, RFC 9112 6). */
const OWN_FIELDS: ReadonlySet<string> = new Set([
  "host",
  "content-length",
  "transfer-encoding",
  "connection",
  "keep-alive",
  "proxy-connection",
  "upgrade",
  "te",
  "expect",
]);

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const INVALID_VALUE = /[^\t\x20-\x7e\x80-\xff]/;
const INVALID_TARGET = /[^\x21-\x7e\x80-\xff]/;

/** What stays the same on every address the request may be sent to. */
export interface PreparedHead {
  /** End-to-end fields, flat, without Host. */
  readonly fields: readonly string[];
  /** Host of the request's own fields. */
  readonly host: string | undefined;
  /** Value of the Upgrade field. */
  readonly upgrade: string | undefined;
}

/**
 * Splits the request's fields into those passed on and those decided here.
 * Throws EdgeError INTERNAL for anything that could change the framing or inject a line: whoever built the request
 * has failed to validate it.
 */
export const prepareHead = (request: OriginRequest): PreparedHead => {
  if (!TOKEN.test(request.method)) throw refusal("method is not a token");
  if (request.method === "CONNECT") throw new EdgeError("METHOD_NOT_IMPLEMENTED", { detail: "CONNECT to an origin" });
  if (!request.target.startsWith("/")) throw refusal("target is not in origin-form");
  if (INVALID_TARGET.test(request.target)) throw refusal("invalid character in the target");
  if (request.fields.length % 2 !== 0) throw refusal("field without a value");
  const fields: string[] = [];
  let host: string | undefined;
  let upgrade: string | undefined;
  for (let index = 0; index < request.fields.length; index += 2) {
    const name = request.fields[index] ?? "";
    const value = request.fields[index + 1] ?? "";
    if (!TOKEN.test(name)) throw refusal("field name is not a token");
    if (INVALID_VALUE.test(value)) throw refusal(`invalid character in field ${name}`);
    const lowerCaseName = name.toLowerCase();
    if (!OWN_FIELDS.has(lowerCaseName)) {
      fields.push(name, value);
    } else if (lowerCaseName === "host") {
      if (host !== undefined) throw refusal("more than one Host");
      host = value;
    } else if (lowerCaseName === "upgrade") {
      upgrade = upgrade === undefined ? value : `${upgrade}, ${value}`;
    }
  }
  return { fields, host, upgrade };
};

const refusal = (detail: string): EdgeError => new EdgeError("INTERNAL", { detail: `origin request: ${detail}` });

/** Host to send: the request's own, else the one configured for all addresses (ORG-42), else the table of CFG-12. */
export const decideHost = (own: string | undefined, configured: string, address: OriginAddress): string => {
  if (own !== undefined) return own;
  return configured === "" || configured === "*" ? address.hostField : configured;
};

/** Target with the path prefix of the address in front (CFG-13, OPEN 3 B). */
export const prefixTarget = (target: string, address: OriginAddress): string => address.pathPrefix + target;

/** Bytes a flat field array takes on the wire. */
export const fieldBytes = (fields: readonly string[]): number => {
  let total = 0;
  for (const text of fields) total += text.length + 2;
  return total;
};
