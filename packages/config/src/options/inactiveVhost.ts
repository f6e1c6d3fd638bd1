import { defineInactive, type InactiveOption } from "./option.ts";

const trimmingRows = (name: string, spec: string) =>
  [
    [`Media/${name}`, spec, "Whether parts of such files can be asked for."],
    [`Media/${name}@StartParam`, "MEDIA-71", "Query parameter of the start."],
    [`Media/${name}@EndParam`, "MEDIA-72", "Query parameter of the end."],
    [`Media/${name}@AllTracks`, "MEDIA-73", "Whether tracks beside sound and picture are kept."],
    [`Media/${name}@MultiParam`, "MEDIA-90", "Query parameter of several parts."],
    [`Media/${name}@MaxRatio`, "MEDIA-93", "How much the result may outgrow the source."],
  ] as const;

const hlsRows = (name: string, spec: string) =>
  [
    [`Media/${name}@Status`, spec, "Whether such files are served as HLS."],
    [`Media/${name}@Keyword`, "MEDIA-11", "Path segment that asks for HLS."],
    [`Media/${name}/Index`, "MEDIA-12", "Name of the playlist."],
    [`Media/${name}/Index@Ver`, "MEDIA-13", "Version of the playlist."],
    [`Media/${name}/Index@Alternates`, "MEDIA-14", "Whether the playlist names another one."],
    [`Media/${name}/AlternatesName`, "MEDIA-15", "Name of that other one."],
    [`Media/${name}/Sequence`, "MEDIA-16", "Number of the first segment."],
    [`Media/${name}/Duration`, "MEDIA-17", "Target length of a segment."],
  ] as const;

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
    ["Options/Overload@Limit", "AWS-58", "Requests in progress beyond which a static page is served."],
    ["Options/Overload@Page", "AWS-58", "That page."],
    ["OriginOptions/Draining", "AWS-27", "Whether requests under way to a server that leaves may finish."],
    ["OriginOptions/Draining@Timeout", "AWS-27", "How long they may take."],
    ["OriginOptions/Sticky@Mode", "AWS-29", "How a client is known again."],
    ["OriginOptions/Sticky@Name", "AWS-29", "Name of the cookie."],
    ["OriginOptions/Sticky@Duration", "AWS-29", "Lifetime of the cookie."],
    ["Options/FileSystem@Status", "FS-05", "Whether the host is reachable through the file system."],
    ["Options/FileSystem@DotDir", "FS-06", "Treatment of folders with a dot."],
    ["Options/FileSystem/FileTime", "FS-07", "Time shown for files."],
    ["Options/FileSystem/FileStatus", "FS-08", "Statuses shown as files."],
    ["Options/FileSystem/DirStatus", "FS-09", "Statuses shown as folders."],
    ["Options/FileSystem/Unlink", "FS-11", "What deleting a file does."],
    ...hlsRows("MP4HLS", "MEDIA-10"),
    ...hlsRows("MP3HLS", "MEDIA-50"),
    ["Media/MP3HLS@SegmentType", "MEDIA-51", "Form of the segments."],
    ["Media/UpfrontMP4Header", "MEDIA-60", "Whether the header of MP4 files is moved to the front."],
    ["Media/UpfrontM4AHeader", "MEDIA-61", "Whether the header of M4A files is moved to the front."],
    ...trimmingRows("MP4Trimming", "MEDIA-70"),
    ...trimmingRows("M4ATrimming", "MEDIA-70"),
    ...trimmingRows("MP3Trimming", "MEDIA-70"),
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
  ["Vhost@StaticIndex", "SNMP-24", "Fixed index of the host in SNMP."],
  ["Vhost/Origin@ByClient", "CFG-15", "Whether the origin is taken from the request."],
  ["Vhost/Origin@ByClientKeyword", "CFG-15", "Companion of `ByClient`."],
  ["Vhost/Origin/Address@Weight", "AWS-33", "Share of the requests that this server gets."],
]);
