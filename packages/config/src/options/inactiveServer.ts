import { defineInactive, type InactiveOption } from "./option.ts";

/** Elements of the guide below `<Server>` that this version accepts without acting on them. */
export const INACTIVE_SERVER_OPTIONS: readonly InactiveOption[] = [
  ...defineInactive([
    ["Cache/FileSystem", "FS-01", "Whether the cache is mounted as a file system."],
    ["Cache/FileSystem@Mount", "FS-02", "Mount point."],
    ["Cache/FileSystem@DotDir", "FS-03", "Treatment of folders with a dot."],
    ["Cache/FileSystem@Separator", "FS-04", "Character that stands for the query string's `?`."],
  ]),
  {
    kind: "removed",
    at: "Cache/MaxFileCount",
    repeatable: false,
    spec: "ORG-25",
    doc: "The number of files has no limit any more.",
  },
];
