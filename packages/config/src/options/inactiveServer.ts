import { defineInactive, type InactiveOption } from "./option.ts";

/** Elements of the guide below `<Server>` that this version accepts without acting on them. */
export const INACTIVE_SERVER_OPTIONS: readonly InactiveOption[] = [
  ...defineInactive([
    ["Host/SNMP@Port", "SNMP-03", "UDP port of the SNMP agent."],
    ["Host/SNMP@Status", "SNMP-03", "Whether the SNMP agent runs."],
    ["Host/SNMP@VHostCount", "SNMP-10", "Rows of the virtual host table."],
    ["Host/SNMP@VHostMin", "SNMP-11", "Minutes of the virtual hosts' means in a walk."],
    ["Host/SNMP@ViewCount", "SNMP-12", "Rows of the view table."],
    ["Host/SNMP@ViewMin", "SNMP-13", "Minutes of the views' means in a walk."],
    ["Host/SNMP@GlobalMin", "SNMP-14", "Minutes of the server's means in a walk."],
    ["Host/SNMP@DiskMin", "SNMP-15", "Minutes of the disks' means in a walk."],
    ["Host/SNMP@ConfCount", "SNMP-16", "Configuration generations listed."],
    ["Host/SNMP@UnregisteredCommunity", "SNMP-42", "What happens to communities that are not listed."],
    ["Host/SNMP/Allow*", "SNMP-04", "Addresses that may query the agent."],
    ["Host/SNMP/Community*", "SNMP-43", "A community and what it may read."],
    ["Host/SNMP/Community@Name", "SNMP-43", "Name of the community."],
    ["Host/SNMP/Community@OID", "SNMP-43", "Whether the listed OIDs are allowed or denied."],
    ["Host/SNMP/Community/OID*", "SNMP-44, SNMP-45", "A subtree or a range of it."],
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
