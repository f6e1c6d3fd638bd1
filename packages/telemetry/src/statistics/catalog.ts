import { DISK_FIELDS } from "./diskFields.ts";
import type { Field } from "./field.ts";
import { HOST_FIELDS, SOCKET_FIELDS, SYSTEM_FIELDS } from "./hostFields.ts";
import type { FieldSource } from "./sources.ts";
import { PORT_BYPASS_FIELDS, TRAFFIC_FIELDS } from "./trafficFields.ts";
import { CLIENT_TRAFFIC_FIELDS, FILE_SYSTEM_FIELDS, VHOST_FIELDS } from "./vhostFields.ts";

/** A field with its whole place. Views have those of virtual hosts, with `View` for `VirtualHost`. */
export interface CatalogField {
  /** `Host.VirtualHost[].Session.Client`. */
  readonly json: string;
  /** `/Host/VirtualHost/Session/@Client`. */
  readonly xml: string;
  readonly unit: string;
  readonly isAverageOnly: boolean;
  readonly source: FieldSource<never>["kind"];
  /** Where facts come from; slots of counters for all others. */
  readonly from: string;
  readonly slots: readonly number[];
  readonly doc: string;
}

const slotsOf = (source: FieldSource<never>): readonly number[] => {
  switch (source.kind) {
    case "rate":
    case "total":
    case "level":
      return source.slots;
    case "mean":
      return source.of;
    case "requestHitRatio":
      return [source.results];
    case "byteHitRatio":
      return [...source.sent, ...source.received];
    case "fact":
    case "empty":
      return [];
  }
};

const placed = <Facts>(json: string, xml: string, fields: readonly Field<Facts>[]): readonly CatalogField[] =>
  fields.map((field) => ({
    json: `${json}.${field.json ?? ""}`,
    xml: `${xml}/${field.xml ?? ""}`,
    unit: field.unit,
    isAverageOnly: field.source.kind === "total",
    source: field.source.kind,
    from: field.source.kind === "fact" ? field.source.from : "counters",
    slots: slotsOf(field.source),
    doc: field.doc,
  }));

const VHOST_JSON = "Host.VirtualHost[]";
const VHOST_XML = "/Host/VirtualHost";

/** Every field of the statistics, in the order in which they are written. */
export const STATISTICS_CATALOG: readonly CatalogField[] = [
  ...placed("Host", "/Host", HOST_FIELDS),
  ...placed("Host", "/Host", SYSTEM_FIELDS),
  ...placed("Host.System.Storage.Disk[]", "/Host/System/Storage/Disk", DISK_FIELDS),
  ...placed("Host", "/Host", SOCKET_FIELDS),
  ...placed(VHOST_JSON, VHOST_XML, VHOST_FIELDS),
  ...placed(`${VHOST_JSON}.PortBypass[]`, `${VHOST_XML}/PortBypass`, PORT_BYPASS_FIELDS),
  ...placed(VHOST_JSON, VHOST_XML, CLIENT_TRAFFIC_FIELDS),
  ...placed(`${VHOST_JSON}.ClientTraffic.Traffic[]`, `${VHOST_XML}/ClientTraffics/Traffic`, TRAFFIC_FIELDS),
  ...placed(`${VHOST_JSON}.ClientTraffic.Traffic[]`, `${VHOST_XML}/ClientTraffics`, FILE_SYSTEM_FIELDS),
];
