import { getField, METHOD, type Method } from "@basalt/http";

/** The request's target as the client named it. */
export interface RequestTarget {
  readonly scheme: string;
  readonly authority: string;
  /** Path and query string. */
  readonly url: string;
}

/** Methods without an effect on what is stored (RFC 9110 9.2.1). */
const SAFE: ReadonlySet<Method> = new Set([METHOD.GET, METHOD.HEAD, METHOD.OPTIONS, METHOD.TRACE]);

export const isSafeMethod = (method: Method): boolean => SAFE.has(method);

/**
 * URLs of the host, each once, that an answer to an unsafe method makes invalid (RFC 9111 4.4): the target, and what
 * Location and Content-Location name within the same origin. An answer with an error changed nothing.
 */
export const invalidatedUrls = (
  method: Method,
  status: number,
  target: RequestTarget,
  fields: readonly string[],
): string[] => {
  if (SAFE.has(method) || status < 200 || status > 399) return [];
  const urls = new Set([target.url]);
  for (const name of ["location", "content-location"]) {
    const reference = getField(fields, name);
    const url = reference === undefined ? undefined : sameOriginUrl(reference, target);
    if (url !== undefined) urls.add(url);
  }
  return [...urls];
};

/**
 * Path and query string of a URI reference (RFC 3986 4.1) relative to a target; undefined when it is malformed or of
 * another origin. A plain absolute path stays as written, since a key may tell spellings apart.
 */
export const sameOriginUrl = (reference: string, target: RequestTarget): string | undefined => {
  if (/^\/(?!\/)[!-~]*$/.test(reference) && !/\\|\/\.\.?(?:[/?#]|$)/.test(reference)) return withoutFragment(reference);
  const base = URL.parse(`${target.scheme}://${target.authority}${target.url.startsWith("/") ? target.url : "/"}`);
  const named = base === null ? null : URL.parse(reference, base.href);
  if (base === null || named === null || named.origin !== base.origin || named.origin === "null") return undefined;
  return `${named.pathname}${named.search}`;
};

const withoutFragment = (url: string): string => url.split("#", 1)[0] ?? url;
