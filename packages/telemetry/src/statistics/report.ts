import { TRAFFIC_SLOT_COUNT, VHOST_SLOT_COUNT } from "../counterTable.ts";
import { DISK_FIELDS } from "./diskFields.ts";
import { type JsonObject, objectAt, renderElement, writeJson, writeXml, XmlElement } from "./document.ts";
import { type DiskFacts, type HostFacts, type PortFacts, sumOfFiles, type VhostFacts } from "./facts.ts";
import { HOST_FIELDS, SOCKET_FIELDS, SYSTEM_FIELDS } from "./hostFields.ts";
import type { Figures } from "./sources.ts";
import { sumOfRows } from "./subjects.ts";
import { PORT_BYPASS_FIELDS, TRAFFIC_FIELDS } from "./trafficFields.ts";
import { CLIENT_TRAFFIC_FIELDS, FILE_SYSTEM_FIELDS, VHOST_FIELDS } from "./vhostFields.ts";

/** A virtual host, or a view, with its figures. */
export interface VhostPart {
  readonly facts: Omit<VhostFacts, "folderCount">;
  readonly values: Float64Array;
  readonly folders: ReadonlyMap<string, Float64Array>;
  readonly ports: readonly { readonly facts: PortFacts; readonly values: Float64Array }[];
}

export interface StatisticsReport {
  readonly isAverage: boolean;
  /** What amounts are divided by. */
  readonly seconds: number;
  readonly samples: number;
  /** End of the time, `YYYY.MM.DD HH:MM:SS` in local time; in averages (STAT-31). */
  readonly time: string | undefined;
  readonly host: HostFacts;
  readonly disks: readonly DiskFacts[];
  readonly vhosts: readonly VhostPart[];
  /** Members with their names; a view is the sum of those that exist (STAT-88, STAT-90). */
  readonly views: readonly { readonly name: string; readonly vhosts: readonly string[] }[];
}

type Span = Pick<StatisticsReport, "isAverage" | "seconds" | "samples">;

const figuresOf = (span: Span, values: Float64Array): Figures => ({
  values,
  seconds: span.seconds,
  samples: span.samples,
  isAverage: span.isAverage,
});

/** STAT-90. */
const viewOf = (name: string, members: readonly VhostPart[]): VhostPart => {
  const folders = new Map<string, Float64Array>();
  for (const member of members) {
    for (const [path, values] of member.folders) {
      folders.set(
        path,
        sumOfRows([folders.get(path) ?? new Float64Array(TRAFFIC_SLOT_COUNT), values], TRAFFIC_SLOT_COUNT),
      );
    }
  }
  if (!folders.has("/")) folders.set("/", new Float64Array(TRAFFIC_SLOT_COUNT));
  return {
    facts: {
      name,
      uptimeSeconds: Math.max(0, ...members.map(({ facts }) => facts.uptimeSeconds)),
      files: sumOfFiles(members.map(({ facts }) => facts.files)),
      settings: {
        depth: Math.max(0, ...members.map(({ facts }) => facts.settings.depth)),
        accum: members.length > 0 && members.every(({ facts }) => facts.settings.accum),
        httpsTraffic: members.length > 0 && members.every(({ facts }) => facts.settings.httpsTraffic),
      },
    },
    values: sumOfRows(
      members.map(({ values }) => values),
      VHOST_SLOT_COUNT,
    ),
    folders,
    ports: members.flatMap(({ ports }) => ports),
  };
};

const partsOf = ({ vhosts, views }: StatisticsReport) => {
  const byName = new Map(vhosts.map((vhost) => [vhost.facts.name, vhost]));
  return views.map(({ name, vhosts: members }) =>
    viewOf(
      name,
      members.map((member) => byName.get(member)).filter((member) => member !== undefined),
    ),
  );
};

const completeFacts = ({ facts, folders }: VhostPart): VhostFacts => ({ ...facts, folderCount: folders.size });

/** One element of `VirtualHost` or `View`. */
export const vhostJson = (part: VhostPart, span: Span): JsonObject => {
  const json: JsonObject = {};
  const figures = figuresOf(span, part.values);
  const facts = completeFacts(part);
  writeJson(json, VHOST_FIELDS, figures, facts);
  json.PortBypass = part.ports.map(({ facts: port, values }) => {
    const entry: JsonObject = {};
    writeJson(entry, PORT_BYPASS_FIELDS, figuresOf(span, values), port);
    return entry;
  });
  writeJson(json, CLIENT_TRAFFIC_FIELDS, figures, facts);
  objectAt(json, ["ClientTraffic"]).Traffic = [...part.folders].map(([path, values]) => {
    const entry: JsonObject = {};
    writeJson(entry, TRAFFIC_FIELDS, figuresOf(span, values), { path });
    writeJson(entry, FILE_SYSTEM_FIELDS, path === "/" ? figures : figuresOf(span, values), undefined);
    return entry;
  });
  return json;
};

export const vhostXml = (element: XmlElement, part: VhostPart, span: Span): XmlElement => {
  const figures = figuresOf(span, part.values);
  const facts = completeFacts(part);
  writeXml(element, VHOST_FIELDS, figures, facts);
  for (const { facts: port, values } of part.ports) {
    writeXml(element.append("PortBypass"), PORT_BYPASS_FIELDS, figuresOf(span, values), port);
  }
  writeXml(element, CLIENT_TRAFFIC_FIELDS, figures, facts);
  const traffics = element.child("ClientTraffics");
  for (const [path, values] of part.folders) {
    writeXml(traffics.append("Traffic"), TRAFFIC_FIELDS, figuresOf(span, values), { path });
  }
  writeXml(traffics, FILE_SYSTEM_FIELDS, figures, undefined);
  return element;
};

const hostFigures = (report: StatisticsReport): Figures =>
  figuresOf(
    report,
    sumOfRows(
      report.vhosts.map(({ values }) => values),
      VHOST_SLOT_COUNT,
    ),
  );

const NOTHING = new Float64Array(0);

/** Without its hosts. */
const hostJson = (report: StatisticsReport): JsonObject => {
  const host: JsonObject = {};
  const figures = hostFigures(report);
  if (report.time !== undefined) host.Time = report.time;
  writeJson(host, HOST_FIELDS, figures, report.host);
  writeJson(host, SYSTEM_FIELDS, figures, report.host);
  objectAt(host, ["System", "Storage"]).Disk = report.disks.map((disk) => {
    const entry: JsonObject = {};
    writeJson(entry, DISK_FIELDS, figuresOf(report, NOTHING), disk);
    return entry;
  });
  writeJson(host, SOCKET_FIELDS, figures, report.host);
  return host;
};

function* jsonList(parts: Iterable<VhostPart>, span: Span): Generator<string> {
  let separator = "";
  for (const part of parts) {
    yield `${separator}${JSON.stringify(vhostJson(part, span))}`;
    separator = ",";
  }
}

/** A piece for each host: those of thousands are some ten megabytes, and nobody should have to wait for all of them. */
export function* reportJson(report: StatisticsReport): Generator<string> {
  yield `${JSON.stringify({ Host: hostJson(report) }).slice(0, -"}}".length)},"VirtualHost":[`;
  yield* jsonList(report.vhosts, report);
  yield '],"View":[';
  yield* jsonList(partsOf(report), report);
  yield "]}}";
}

/** A piece for each host, as `reportJson`. */
export function* reportXml(report: StatisticsReport): Generator<string> {
  const host = new XmlElement("Host");
  const figures = hostFigures(report);
  if (report.time !== undefined) host.attributes.push(["Time", report.time]);
  writeXml(host, HOST_FIELDS, figures, report.host);
  writeXml(host, SYSTEM_FIELDS, figures, report.host);
  const storage = host.at(["System", "Storage"]);
  for (const disk of report.disks) {
    writeXml(storage.append("Disk"), DISK_FIELDS, figuresOf(report, NOTHING), disk);
  }
  writeXml(host, SOCKET_FIELDS, figures, report.host);
  yield `<?xml version="1.0" encoding="UTF-8"?>\n${renderElement(host).slice(0, -"</Host>".length)}`;
  for (const vhost of report.vhosts) yield renderElement(vhostXml(new XmlElement("VirtualHost"), vhost, report));
  for (const view of partsOf(report)) yield renderElement(vhostXml(new XmlElement("View"), view, report));
  yield "</Host>\n";
}

/** One record of the Monitoring log (LOG-147), on one line. */
export const monitoringRecord = (
  part: VhostPart,
  span: Span & { readonly time: string },
  form: "json" | "xml",
): string => {
  if (form === "json") return JSON.stringify({ Time: span.time, ...vhostJson(part, span) });
  const element = new XmlElement("VirtualHost");
  element.attributes.push(["Time", span.time]);
  return renderElement(vhostXml(element, part, span));
};
