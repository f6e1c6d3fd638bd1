import type { CachedObject } from "./cachedObject.ts";
import type { BodyBlock } from "./parts/bodyBlock.ts";

/** What the memory tier of a worker holds: whole objects, and blocks of long bodies. */
export type TierEntry = CachedObject | BodyBlock;
