/** Longest duration accepted, about 68 years: later sums stay exact. */
const MAX_SECONDS = 2 ** 31 - 1;

export interface TargetQuery {
  /** What stands before `url=`. */
  readonly parameters: URLSearchParams;
  /** Undefined without `url=`. */
  readonly target: string | undefined;
}

/**
 * The target is the raw text behind `url=` to the very end (PRG-22), so that it may hold a query string of its own.
 * A value whose first slash is written `%2F` was encoded as a whole and is decoded once (OPEN 4 of spec 03).
 */
export const splitTarget = (query: string): TargetQuery => {
  const start = query.startsWith("url=") ? 0 : query.indexOf("&url=") + 1;
  if (start === 0 && !query.startsWith("url=")) {
    return { parameters: new URLSearchParams(query), target: undefined };
  }
  const raw = query.slice(start + "url=".length);
  return {
    parameters: new URLSearchParams(query.slice(0, start)),
    target: isEncodedAsWhole(raw) ? decodeWhole(raw) : raw,
  };
};

const isEncodedAsWhole = (raw: string): boolean => {
  const encodedSlash = raw.search(/%2f/i);
  const slash = raw.indexOf("/");
  return encodedSlash !== -1 && (slash === -1 || encodedSlash < slash);
};

const decodeWhole = (raw: string): string | undefined => {
  try {
    return decodeURIComponent(raw);
  } catch {
    return undefined;
  }
};

/** Whole number from `minimum` to `maximum`; undefined for anything else. */
export const parseWhole = (text: string, minimum: number, maximum: number): number | undefined => {
  if (!/^\d{1,15}$/.test(text)) return undefined;
  const value = Number(text);
  return value >= minimum && value <= maximum ? value : undefined;
};

/** Whole number from 1; undefined for anything else. */
export const parsePositive = (text: string, maximum: number = MAX_SECONDS): number | undefined =>
  parseWhole(text, 1, maximum);

/** Of a POST its body, of other methods the query. A plus sign stands for itself: paths on a disk may hold one. */
export const parametersOf = ({ query, body }: { readonly query: string; readonly body: string }): URLSearchParams => {
  const text = body === "" ? query : body.replace(/[\r\n]+$/, "");
  return new URLSearchParams(text.replaceAll("+", "%2B"));
};
