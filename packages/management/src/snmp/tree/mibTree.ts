import type { SnmpObject, SnmpSubtree } from "../contract.ts";
import { compareOids } from "../oid.ts";
import { CACHE_OBJECTS, CACHE_SUBTREES } from "./cacheObjects.ts";
import { META_OBJECTS, META_SUBTREES } from "./metaObjects.ts";
import { SYSTEM_OBJECTS, SYSTEM_SUBTREES } from "./systemObjects.ts";

const bySuffix = (left: { readonly suffix: readonly number[] }, right: { readonly suffix: readonly number[] }) =>
  compareOids(left.suffix, right.suffix);

/** Every object of the tree, in the order of a walk. From it come answers, the MIB file and the reference page. */
export const MIB_OBJECTS: readonly SnmpObject[] = [...META_OBJECTS, ...SYSTEM_OBJECTS, ...CACHE_OBJECTS].toSorted(
  bySuffix,
);

export const MIB_SUBTREES: readonly SnmpSubtree[] = [...META_SUBTREES, ...SYSTEM_SUBTREES, ...CACHE_SUBTREES].toSorted(
  bySuffix,
);
