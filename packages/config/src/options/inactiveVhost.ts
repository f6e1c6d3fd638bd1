import { defineInactive, type InactiveOption } from "./option.ts";

const removed = (at: string): InactiveOption => ({
  kind: "removed",
  at,
  repeatable: false,
  spec: "ORG-25",
  doc: "Dropped by release 2.0.0 of the guide.",
});

/** Elements that both `<VHostDefault>` and `<Vhost>` may hold and that this version accepts without acting on them. */
export const INACTIVE_SHARED_OPTIONS: readonly InactiveOption[] = [
  ...defineInactive([
    ["Options/FileSystem@Status", "FS-05", "Whether the host is reachable through the file system."],
    ["Options/FileSystem@DotDir", "FS-06", "Treatment of folders with a dot."],
    ["Options/FileSystem/FileTime", "FS-07", "Time shown for files."],
    ["Options/FileSystem/FileStatus", "FS-08", "Statuses shown as files."],
    ["Options/FileSystem/DirStatus", "FS-09", "Statuses shown as folders."],
    ["Options/FileSystem/Unlink", "FS-11", "What deleting a file does."],
  ]),
  {
    kind: "removed",
    at: "Options/Dims@port",
    repeatable: false,
    spec: "DIMS-06",
    doc: "Port of a module of old releases; conversions are built in.",
  },
  removed("Options/MaxFileCount"),
  removed("OriginOptions/MaxFileCount"),
  removed("OriginOptions/DNSBackup"),
  removed("OriginOptions/Distribution"),
];

/** Elements of vhosts.xml that this version accepts without acting on them. Places are relative to `<Vhosts>`. */
export const INACTIVE_VHOSTS_OPTIONS: readonly InactiveOption[] = defineInactive([
  ["Vhost/Origin@ByClient", "CFG-15", "Whether the origin is taken from the request."],
  ["Vhost/Origin@ByClientKeyword", "CFG-15", "Companion of `ByClient`."],
]);
