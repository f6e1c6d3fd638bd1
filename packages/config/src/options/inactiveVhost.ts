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
