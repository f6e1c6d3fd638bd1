import { type CachedObject, type DerivedRequest, selectorIn, variantText } from "@basalt/cache";
import { type CompressionDecision, compressedFields, compressionMark } from "@basalt/policy";
import type { ServedVhost } from "../servedVhost.ts";
import { variantOfCoding } from "./codings.ts";

/** What the cache is asked for to have a compressed copy of an object. */
export const compressionRequest = (
  vhost: ServedVhost,
  object: CachedObject,
  decision: CompressionDecision,
): DerivedRequest => {
  const { coding, level } = decision;
  const variant = variantOfCoding(coding);
  const selector = selectorIn(object.variant);
  return {
    vhost: vhost.cache,
    source: { kind: "object", object },
    variant,
    url: object.url,
    selector,
    head: {
      ...object.head,
      variant: variantText(variant, selector),
      fields: compressedFields(object.fields, coding),
      bodyBytes: -1,
      bodyVersion: compressionMark(decision),
      sourceVersion: object.bodyVersion,
    },
    operation: { kind: "compress", coding, level },
    maxSourceBytes: object.bodyBytes,
  };
};
