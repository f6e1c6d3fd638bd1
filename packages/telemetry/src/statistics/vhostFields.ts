import { cacheResultSlot, originFailureSlot, VHOST_SLOT } from "../counterTable.ts";
import { SIZE_CLASSES, type VhostFacts } from "./facts.ts";
import {
  attribute,
  BYTES_PER_SECOND,
  type Field,
  fact,
  HUNDREDTHS,
  LEVEL,
  level,
  mean,
  PER_SECOND,
  rate,
  summed,
  text,
} from "./field.ts";
import { ORIGIN_CLASSES } from "./slots.ts";
import { summaryFields } from "./summaryFields.ts";
import { cacheResultFields, responseFields, trafficBytes } from "./trafficFields.ts";

const { dims, compression, fileSystem } = VHOST_SLOT;

const identity: readonly Field<VhostFacts>[] = [
  attribute(
    "Name",
    "text",
    fact("configuration", ({ name }) => name),
    "Name of the virtual host, or of the view.",
  ),
  attribute(
    "Uptime",
    "s",
    fact("primary", ({ uptimeSeconds }) => uptimeSeconds),
    "Since the host is served; of a view, that of its oldest member.",
  ),
];

const file = (name: string, source: Field<VhostFacts>["source"], doc: string): Field<VhostFacts> => ({
  json: `File${name}`,
  xml: `File/@${name}`,
  unit: LEVEL,
  source,
  doc,
});

const event = (name: string, slot: number, doc: string): Field<VhostFacts> =>
  attribute(`CacheFileEvent.${name}`, PER_SECOND, rate([slot]), doc);

const content: readonly Field<VhostFacts>[] = [
  text("Memory", "bytes", level([VHOST_SLOT.memoryBytes]), "Content in the memory tiers."),
  text("SecuredMemory", "bytes", rate([VHOST_SLOT.swappedBytes]), "Content that left them for lack of room."),
  file(
    "Total",
    fact("index", ({ files }) => files.objects),
    "Stored objects.",
  ),
  file("Opened", level([VHOST_SLOT.filesOpen]), "Open files of long bodies."),
  file(
    "Instance",
    fact("index", ({ files }) => files.objects),
    "Stored objects.",
  ),
  { json: "Cached", xml: "Cached", unit: "object", source: { kind: "empty" }, doc: "Always empty." },
  event("Create", VHOST_SLOT.fills, "Objects stored."),
  event("Swap", VHOST_SLOT.swappedObjects, "Objects that left a memory tier for lack of room."),
  event("Erase", VHOST_SLOT.erasedObjects, "Stored objects removed."),
  event("Purge", VHOST_SLOT.purgedObjects, "Stored objects purged."),
  event("Expire", VHOST_SLOT.expiredObjects, "Stored objects expired by force."),
  text(
    "WaitingFiles2Delete",
    LEVEL,
    fact("store", () => 0),
    "Files that wait for deletion; none does, as they are deleted at once.",
  ),
  ...summed<VhostFacts>("ClientHttpReqBypass", [VHOST_SLOT.clientBypassed], "bypassed requests."),
  ...summed<VhostFacts>("ClientHttpReqDenied", [cacheResultSlot("TCP_DENIED")], "denied requests."),
  { json: "UrlBypass", xml: "UrlBypass", unit: "object", source: { kind: "empty" }, doc: "Always empty." },
];

const disk = (name: string, unit: string, source: Field<VhostFacts>["source"], doc: string): Field<VhostFacts> =>
  text(`Disk.${name}`, unit, source, doc);

const diskFields: readonly Field<VhostFacts>[] = [
  disk(
    "TotalSize",
    "bytes",
    fact("index", ({ files }) => files.bytes),
    "Bodies of stored objects.",
  ),
  disk("Create", PER_SECOND, rate([VHOST_SLOT.filesCreated]), "Files made for long bodies."),
  disk("Open", PER_SECOND, rate([VHOST_SLOT.filesOpened]), "Such files opened."),
  disk("Delete", PER_SECOND, rate([VHOST_SLOT.filesDeleted]), "Such files deleted."),
  disk("ReadCount", PER_SECOND, rate([VHOST_SLOT.diskReads]), "Reads of stored objects."),
  disk("ReadSize", BYTES_PER_SECOND, rate([VHOST_SLOT.diskReadBytes]), "Bytes read."),
  disk("WriteCount", PER_SECOND, rate([VHOST_SLOT.diskWrites]), "Writes of stored objects."),
  disk("WriteSize", BYTES_PER_SECOND, rate([VHOST_SLOT.diskWrittenBytes]), "Bytes written."),
  ...SIZE_CLASSES.map((name, index) =>
    attribute<VhostFacts>(
      `Disk.Distribution.${name}`,
      LEVEL,
      fact("index", ({ files }) => files.bySize[index] ?? 0),
      index === SIZE_CLASSES.length - 1
        ? "Stored objects of 16 GB and more."
        : `Stored objects below ${name.slice(1)}B that are in no smaller class.`,
    ),
  ),
];

const sessionFields: readonly Field<VhostFacts>[] = [
  attribute("Session.Client", LEVEL, level([VHOST_SLOT.clientSessions]), "Client connections."),
  attribute("Session.ActiveClient", LEVEL, rate([VHOST_SLOT.clientSessionsActive]), "Those that carried data."),
  attribute("Session.Origin", LEVEL, level([VHOST_SLOT.originSessions]), "Connections to origins."),
  attribute("Session.ActiveOrigin", LEVEL, rate([VHOST_SLOT.originSessionsActive]), "Those that carried data."),
];

const HUNDREDTHS_PER_MS = 100;

/** OPEN-S10: sources and times of all that have ended, results of those that succeeded. */
const conversionFields = (name: string, slots: typeof dims, what: string): readonly Field<VhostFacts>[] => [
  attribute(`${name}.Requests`, PER_SECOND, rate([slots.requests]), `${what}: requests.`),
  attribute(`${name}.Converted`, PER_SECOND, rate([slots.converted]), `${what}: successes.`),
  attribute(`${name}.Failed`, PER_SECOND, rate([slots.failed]), `${what}: failures.`),
  attribute(
    `${name}.AvgSrcSize`,
    "bytes",
    mean([slots.sourceBytes], [slots.converted, slots.failed]),
    `${what}: mean size of sources.`,
  ),
  attribute(
    `${name}.AvgDestSize`,
    "bytes",
    mean([slots.resultBytes], [slots.converted]),
    `${what}: mean size of results.`,
  ),
  attribute(
    `${name}.AvgTime`,
    "ms",
    mean([slots.time], [slots.converted, slots.failed], HUNDREDTHS_PER_MS),
    `${what}: mean time.`,
  ),
];

const originTraffic: readonly Field<VhostFacts>[] = [
  ...summed<VhostFacts>("OriginTraffic.HttpReqCount", [VHOST_SLOT.originRequests], "requests sent to origins."),
  ...trafficBytes<VhostFacts>("OriginTraffic.", {
    request: [VHOST_SLOT.originRequestBytes],
    requestBody: [VHOST_SLOT.originRequestBodyBytes],
    responseHead: rate([VHOST_SLOT.originResponseBytes], [VHOST_SLOT.originResponseBodyBytes]),
    responseBody: [VHOST_SLOT.originResponseBodyBytes],
  }),
  ...responseFields<VhostFacts>("OriginTraffic.", ORIGIN_CLASSES),
  ...summed<VhostFacts>(
    "OriginTraffic.Response.ConnectTimeout",
    [originFailureSlot("ORIGIN_CONNECT_FAILED"), originFailureSlot("ORIGIN_CONNECT_TIMEOUT")],
    "origin servers that could not be connected.",
  ),
  ...summed<VhostFacts>(
    "OriginTraffic.Response.ReceiveTimeout",
    [originFailureSlot("ORIGIN_RECEIVE_TIMEOUT")],
    "transactions in which the origin was silent for too long.",
  ),
  ...summed<VhostFacts>(
    "OriginTraffic.Response.Close",
    [originFailureSlot("ORIGIN_CLOSED")],
    "connections that the origin closed within a transaction.",
  ),
  text("OriginTraffic.Connect.Count", PER_SECOND, rate([VHOST_SLOT.originConnects]), "Connections made."),
  text(
    "OriginTraffic.Connect.AvgDNSQueryTime",
    HUNDREDTHS,
    mean([VHOST_SLOT.dnsTime], [VHOST_SLOT.dnsQueries]),
    "Mean time of a question to a name server.",
  ),
  text(
    "OriginTraffic.Connect.AvgConnTime",
    HUNDREDTHS,
    mean([VHOST_SLOT.originConnectTime], [VHOST_SLOT.originConnects]),
    "Mean time from SYN to SYN ACK.",
  ),
];

/** Of a virtual host or a view, up to its bypassed ports. */
export const VHOST_FIELDS: readonly Field<VhostFacts>[] = [
  ...identity,
  ...summaryFields<VhostFacts>(),
  ...content,
  ...diskFields,
  ...sessionFields,
  ...conversionFields("Dims", dims, "Pictures"),
  ...conversionFields("Compression", compression, "Compression"),
  ...originTraffic,
];

const onOff = (isOn: boolean): string => (isOn ? "ON" : "OFF");

/** Of its client traffic, up to the folders. */
export const CLIENT_TRAFFIC_FIELDS: readonly Field<VhostFacts>[] = [
  attribute(
    "ClientTraffic.Depth",
    "setting",
    fact("configuration", ({ settings }) => settings.depth),
    "`<DirDepth>` in force.",
    ["ClientTraffics"],
  ),
  attribute(
    "ClientTraffic.Accum",
    "setting ON/OFF",
    fact("configuration", ({ settings }) => onOff(settings.accum)),
    "`<DirDepthAccum>` in force.",
    ["ClientTraffics"],
  ),
  attribute(
    "ClientTraffic.HttpsTraffic",
    "setting ON/OFF",
    fact("configuration", ({ settings }) => onOff(settings.httpsTraffic)),
    "`<HttpsTraffic>` in force.",
    ["ClientTraffics"],
  ),
  text(
    "ClientTraffic.TrafficCount",
    "count",
    fact("folders", ({ folderCount }) => folderCount),
    "Folders that follow.",
    ["ClientTraffics", "TrafficCount"],
  ),
];

const call = (name: string, unit: string, slots: readonly number[], doc: string): Field<unknown> =>
  attribute(`FileSystem.${name}`, unit, rate(slots), doc);

/** In JSON within each folder, in XML once, beside them (OPEN-S2). */
export const FILE_SYSTEM_FIELDS: readonly Field<unknown>[] = [
  attribute(
    "FileSystem.GetAttr.TimeRes",
    HUNDREDTHS,
    mean(
      [fileSystem.attributeTime],
      [fileSystem.attributeFiles, fileSystem.attributeFolders, fileSystem.attributeFailures],
    ),
    "Mean time of getattr.",
  ),
  call("GetAttr.FileCount", PER_SECOND, [fileSystem.attributeFiles], "Answered with a file."),
  call("GetAttr.DirCount", PER_SECOND, [fileSystem.attributeFolders], "Answered with a folder."),
  call("GetAttr.FailCount", PER_SECOND, [fileSystem.attributeFailures], "Failed."),
  text(
    "FileSystem.GetAttr.TotalCount",
    PER_SECOND,
    rate([fileSystem.attributeFiles, fileSystem.attributeFolders, fileSystem.attributeFailures]),
    "All calls of getattr.",
    ["FileSystem", "GetAttr"],
  ),
  attribute(
    "FileSystem.Open.TimeRes",
    HUNDREDTHS,
    mean([fileSystem.openTime], [fileSystem.opens]),
    "Mean time of open.",
  ),
  text("FileSystem.Open.Count", PER_SECOND, rate([fileSystem.opens]), "Calls of open.", ["FileSystem", "Open"]),
  attribute(
    "FileSystem.Read.TimeRes",
    HUNDREDTHS,
    mean([fileSystem.readTime], [fileSystem.reads]),
    "Mean time of read.",
  ),
  call("Read.BufferSize", BYTES_PER_SECOND, [fileSystem.readAskedBytes], "Bytes asked for."),
  call("Read.BufferFilled", BYTES_PER_SECOND, [fileSystem.readGivenBytes], "Bytes given."),
  text("FileSystem.Read.Count", PER_SECOND, rate([fileSystem.reads]), "Calls of read.", ["FileSystem", "Read"]),
  ...cacheResultFields<unknown>("FileSystem.", fileSystem.result),
];
