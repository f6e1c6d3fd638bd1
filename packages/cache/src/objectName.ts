import { type CacheKey, computeCacheKey } from "@basalt/store";
import { VARIANT, VARIANT_NAMES, type Variant } from "./cacheVhost.ts";

/**
 * Stored responses of one URL and variant are told apart by a selector: a digest of what their requests differed in
 * (KEY-10, KEY-12), empty for the one that is looked up first. No selector and no URL holds a space.
 */
export const nameOf = (url: string, selector: string): string => (selector === "" ? url : `${url} ${selector}`);

/** The URL in a name made by `nameOf`. */
export const urlOfName = (name: string): string => {
  const end = name.indexOf(" ");
  return end < 0 ? name : name.slice(0, end);
};

/** Variant and selector as one text: part of the cache key, and kept with the object. */
export const variantText = (variant: Variant, selector: string): string => {
  const name = VARIANT_NAMES[variant] ?? "";
  return selector === "" ? name : `${name} ${selector}`;
};

export const keyOfName = (vhost: string, variant: Variant, name: string): CacheKey =>
  computeCacheKey(vhost, urlOfName(name), variantText(variant, selectorIn(name)));

/** Of a name, or of a text made by `variantText`. */
export const selectorIn = (text: string): string => {
  const start = text.indexOf(" ");
  return start < 0 ? "" : text.slice(start + 1);
};

export const variantIn = (text: string): Variant | undefined => {
  const end = text.indexOf(" ");
  const name = end < 0 ? text : text.slice(0, end);
  return VARIANTS.find((variant) => VARIANT_NAMES[variant] === name);
};

const VARIANTS: readonly Variant[] = Object.values(VARIANT);

/**
 * Selector of an object with a URL of its own that is made of another: how much of its URL is that of its source, and
 * what tells it from others of that URL (the source's variant and selector, and what the request chose).
 */
export const derivedSelector = (source: { readonly url: string; readonly variant: string }, choice: string): string =>
  [source.url.length, source.variant.replaceAll(" ", "+"), choice].join(",");

/** URL of what an object was made of, where that is another one than its own; `variant` as in its head. */
export const sourceUrlOf = (url: string, variant: string): string | undefined => {
  if (variantIn(variant) !== VARIANT.DERIVED) return undefined;
  const length = Number.parseInt(selectorIn(variant), 10);
  return Number.isInteger(length) ? url.slice(0, length) : undefined;
};
