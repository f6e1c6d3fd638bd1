import type { InactiveOption } from "./option.ts";

/** Elements of the guide below `<Server>` that this version accepts without acting on them. */
export const INACTIVE_SERVER_OPTIONS: readonly InactiveOption[] = [
  {
    kind: "removed",
    at: "Cache/MaxFileCount",
    repeatable: false,
    spec: "ORG-25",
    doc: "The number of files has no limit any more.",
  },
];
