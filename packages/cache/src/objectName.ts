import { type CacheKey, computeCacheKey } from "@basalt/store";
import { VARIANT_NAMES, type Variant } from "./cacheVhost.ts";

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
  switch (VARIANT_NAMES.indexOf(name)) {
    case 0:
      return 0;
    case 1:
      return 1;
    case 2:
      return 2;
    default:
      return undefined;
  }
};
