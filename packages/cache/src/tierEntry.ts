import type { CachedObject } from "./cachedObject.ts";
import type { BodyStretch } from "./parts/bodyStretch.ts";

/** What the memory tier of a worker holds: whole objects, and blocks of long bodies. */
export type TierEntry = CachedObject | BodyStretch;
