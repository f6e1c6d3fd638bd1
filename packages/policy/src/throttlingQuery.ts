import type { ThrottlingSettings } from "@basalt/config";

/** What a URL redefines (BW-30 to BW-35); undefined values are not redefined. */
export interface ThrottlingValues {
  readonly amount: number | undefined;
  readonly percent: number | undefined;
  readonly boostSeconds: number | undefined;
}

const MAX_AMOUNT = 100_000_000;
const MAX_PERCENT = 10_000;
const MAX_BOOST_SECONDS = 86_400;

/** BW-35. */
const positive = (text: string | undefined, max: number): number | undefined => {
  if (text === undefined || !/^\d{1,9}(?:\.\d{1,6})?$/.test(text)) return undefined;
  const value = Number(text);
  return value > 0 ? Math.min(value, max) : undefined;
};

/** Undefined when the URL redefines nothing. Of a key that stands twice the first counts. */
export const throttlingValuesIn = (
  url: string,
  { bandwidth, ratio, boost }: ThrottlingSettings,
  caseSensitive: boolean,
): ThrottlingValues | undefined => {
  const start = url.indexOf("?");
  if (start < 0) return undefined;
  const written = new Map<string, string>();
  for (const parameter of url.slice(start + 1).split("&")) {
    const equals = parameter.indexOf("=");
    if (equals < 0) continue;
    const name = folded(parameter.slice(0, equals), caseSensitive);
    if (!written.has(name)) written.set(name, parameter.slice(equals + 1));
  }
  const textOf = (param: string): string | undefined => written.get(folded(param, caseSensitive));
  const amount = positive(textOf(bandwidth.param), MAX_AMOUNT);
  const percent = positive(textOf(ratio.param), MAX_PERCENT);
  const boostSeconds = positive(textOf(boost.param), MAX_BOOST_SECONDS);
  if (amount === undefined && percent === undefined && boostSeconds === undefined) return undefined;
  return { amount, percent, boostSeconds };
};

/**
 * BW-34: gives a URL without the parameters that are about throttling, the others as they are and in their order; the
 * very same string when there are none. Undefined for a host whose URLs say nothing of it. They are left out while
 * `<Throttling>` is OFF too: switching it must not make another object of each URL.
 */
export const compileThrottlingKeyRemoval = (
  { queryString, bandwidth, ratio, boost }: ThrottlingSettings,
  caseSensitive: boolean,
): ((url: string) => string) | undefined => {
  if (!queryString) return undefined;
  const names = new Set([bandwidth, ratio, boost].map(({ param }) => folded(param, caseSensitive)));
  const isOther = (parameter: string): boolean => {
    const equals = parameter.indexOf("=");
    return !names.has(folded(equals < 0 ? parameter : parameter.slice(0, equals), caseSensitive));
  };
  return (url) => {
    const start = url.indexOf("?");
    if (start < 0) return url;
    const parameters = url.slice(start + 1).split("&");
    const kept = parameters.filter(isOther);
    if (kept.length === parameters.length) return url;
    return kept.length === 0 ? url.slice(0, start) : `${url.slice(0, start)}?${kept.join("&")}`;
  };
};

const folded = (name: string, caseSensitive: boolean): string => (caseSensitive ? name : name.toLowerCase());
