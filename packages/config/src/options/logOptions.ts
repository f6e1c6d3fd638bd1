import type {
  AccessLogSettings,
  DetailLogSettings,
  LogFileSettings,
  LogUnit,
  MonitoringLogSettings,
  OriginErrorLogSettings,
  OriginLogSettings,
  SyslogReceiver,
  VhostLogs,
} from "../contract.ts";
import { formatReceiver, parseDestination, parsePriority } from "../syntax/syslogReceiver.ts";
import { METRIC_FILTERS } from "./metricFilterOptions.ts";
import { listOption, type OptionTable, option } from "./option.ts";
import { VHOST_SUBSCRIPTIONS } from "./subscriptionOptions.ts";
import { folderPath, integer, oneOf, onOff, plainText, type ValueType } from "./valueTypes.ts";

/** LOG-13: a file is begun once a day at least. */
export const MOST_MINUTES = 1440;
const MOST_MEGABYTES = 1_000_000;

/** One number or two; which of them are minutes and which megabytes is said by `Type`. */
const logUnit: ValueType<LogUnit> = {
  name: "unit",
  allowed: `minutes (1 to ${MOST_MINUTES}), megabytes (1 to ${MOST_MEGABYTES}), or {minutes}, {megabytes}`,
  emptyIsValue: false,
  parse: (text) => {
    const [, first, second] = /^(\d{1,7})(?:\s*,\s*(\d{1,7}))?$/.exec(text) ?? [];
    const numbers = [first, second].filter((number) => number !== undefined).map(Number);
    const isSound = numbers.length > 0 && numbers.every((number) => number >= 1 && number <= MOST_MEGABYTES);
    if (!isSound) return { ok: false, message: `${JSON.stringify(text)} is no such number.` };
    return { ok: true, value: numbers };
  },
  format: (value) => value.join(", "),
};

const clientNames: ValueType<readonly string[]> = {
  name: "list",
  allowed: "a comma list of names of <Ftp> clients, or empty",
  emptyIsValue: true,
  parse: (text) => ({
    ok: true,
    value: text
      .split(",")
      .map((name) => name.trim())
      .filter((name) => name !== ""),
  }),
  format: (value) => value.join(", "),
};

const MOST_MASKED = 100;

const fieldNames: ValueType<readonly string[]> = {
  name: "list",
  allowed: `a comma list of at most ${MOST_MASKED} field names, or empty`,
  emptyIsValue: true,
  parse: (text) => {
    const names = text
      .split(",")
      .map((name) => name.trim().toLowerCase())
      .filter((name) => name !== "");
    const wrong = names.find((name) => !/^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name));
    if (wrong !== undefined) return { ok: false, message: `${JSON.stringify(wrong)} is no name of a field.` };
    return names.length > MOST_MASKED ? { ok: false, message: "That are too many names." } : { ok: true, value: names };
  },
  format: (value) => value.join(", "),
};

const priority: ValueType<number> = {
  name: "priority",
  allowed: "{facility}.{severity} with the names of syslog, such as local3.info",
  emptyIsValue: false,
  parse: (text) => {
    const value = parsePriority(text);
    return value === undefined
      ? { ok: false, message: `${JSON.stringify(text)} is no priority.` }
      : { ok: true, value };
  },
  format: String,
};

const destination: ValueType<{ readonly host: string; readonly port: number }> = {
  name: "address",
  allowed: "{host} or {host}:{port}",
  emptyIsValue: false,
  parse: (text) => {
    const value = parseDestination(text);
    return value === undefined ? { ok: false, message: `${JSON.stringify(text)} is no address.` } : { ok: true, value };
  },
  format: ({ host, port }) => `${host}:${port}`,
};

const DEFAULT_PRIORITY = "local0.info";

const receivers = (at: string) =>
  listOption<SyslogReceiver>(`${at}/SysLog`, {
    text: undefined,
    attributes: [
      { name: "Priority", type: priority, defaultNote: `\`${DEFAULT_PRIORITY}\``, doc: "Facility and severity." },
      { name: "Dest", type: destination, defaultNote: "required", doc: "Host, and its UDP port unless that is 514." },
    ],
    default: [],
    doc: "A syslog receiver; a line goes to all of them.",
    spec: "LOG-193 to LOG-195",
    read: (element) => ({
      priority: parsePriority(element.attributes.get("Priority") ?? DEFAULT_PRIORITY) ?? 0,
      ...(parseDestination(element.attributes.get("Dest") ?? "") ?? { host: "", port: 0 }),
    }),
    format: formatReceiver,
  });

interface LogDefaults {
  readonly doc: string;
  readonly spec: string;
  readonly isOn: boolean;
  readonly type: LogFileSettings["type"];
  readonly unit: LogUnit;
  readonly retention: number;
}

const DAILY = { type: "time", unit: [MOST_MINUTES], retention: 10 } as const;
const bySize = (megabytes: number, retention: number) => ({ type: "size", unit: [megabytes], retention }) as const;

/** Rows that all logs share. */
const logFile = (
  at: string,
  { doc, spec, isOn, type, unit, retention }: LogDefaults,
): OptionTable<LogFileSettings> => ({
  enabled: option(at, onOff, isOn, { doc: `${doc} OFF suppresses the file alone.`, spec: `${spec}, LOG-25` }),
  type: option(`${at}@Type`, oneOf("time", "size", "both"), type, {
    doc: "Whether a new file begins with time, with size, or with whichever comes first.",
    spec: "LOG-12",
  }),
  unit: option(`${at}@Unit`, logUnit, unit, {
    doc: "Minutes for `time`, counted from midnight; megabytes for `size`; both, in that order, for `both`.",
    spec: "LOG-13, LOG-14",
  }),
  retention: option(`${at}@Retention`, integer({ min: 1, max: 100_000 }), retention, {
    doc: "Rotated files that are kept.",
    spec: "LOG-15",
  }),
  retentionDays: option(`${at}@RetentionDays`, integer({ min: 0, max: 36_500 }, "days"), 0, {
    doc: "Age at which rotated files are deleted; 0: by their number alone. Not in the guide.",
    spec: "AWS-89",
  }),
  compression: option(`${at}@Compression`, onOff, false, {
    doc: "Whether rotated files are compressed by gzip.",
    spec: "LOG-16",
  }),
  sysLog: option(`${at}@SysLog`, onOff, false, {
    doc: "Whether lines go to the `<SysLog>` receivers below.",
    spec: "LOG-17, LOG-193",
  }),
  ftp: option(`${at}@Ftp`, clientNames, [], {
    doc: "FTP clients that upload rotated files.",
    spec: "LOG-18",
  }),
  receivers: receivers(at),
});

const accessLog = (at: string, defaults: LogDefaults): OptionTable<AccessLogSettings> => ({
  ...logFile(at, defaults),
  xff: option(`${at}@XFF`, oneOf("ON", "OFF", "TrimCIP"), "ON", {
    doc: "Client address: with X-Forwarded-For in front, alone, or X-Forwarded-For alone.",
    spec: "LOG-53",
  }),
  form: option(`${at}@Form`, oneOf("ston", "apache", "iis", "custom", "json", "elb", "elb-ext", "alb"), "ston", {
    doc: "Form of the lines; `custom` takes that of `<AccessFormat>`. `json` is not in the guide.",
    spec: "LOG-54, LOG-55, AWS-01, AWS-15, AWS-16",
  }),
  local: option(`${at}@Local`, onOff, false, { doc: "Whether requests over loopback are logged.", spec: "LOG-19" }),
  balancer: option(`${at}@Name`, plainText, "", {
    doc: "Name of the balancer in the forms `elb`, `elb-ext` and `alb`.",
    defaultNote: "the name of the server",
    spec: "AWS-04",
  }),
});

const originLog = (at: string, defaults: LogDefaults): OptionTable<OriginLogSettings> => ({
  ...logFile(at, defaults),
  local: option(`${at}@Local`, onOff, false, { doc: "Whether origins on loopback are logged.", spec: "LOG-19" }),
});

const monitoringLog = (at: string, defaults: LogDefaults): OptionTable<MonitoringLogSettings> => ({
  ...logFile(at, defaults),
  form: option(`${at}@Form`, oneOf("json", "xml"), "json", { doc: "Form of the records.", spec: "LOG-146" }),
});

const originErrorLog = (at: string, defaults: LogDefaults): OptionTable<OriginErrorLogSettings> => ({
  ...logFile(at, defaults),
  warning: option(`${at}@Warning`, onOff, false, {
    doc: "Whether bad HTTP behaviour of origins is logged too.",
    spec: "LOG-41",
  }),
});

const detailLog = (at: string, defaults: LogDefaults): OptionTable<DetailLogSettings> => ({
  ...logFile(at, defaults),
  mask: option(`${at}@Mask`, fieldNames, [], {
    doc: "Fields whose values are hidden, beside Authorization, Cookie and the like, which are in any case.",
    spec: "AWS-91",
  }),
});

/** Places are relative to `<Log>`. */
export const LOG_OPTIONS: OptionTable<VhostLogs> = {
  dir: option("@Dir", folderPath, "", {
    doc: "Folder with a folder for each virtual host.",
    defaultNote: "`log` in the home folder",
    spec: "LOG-21",
  }),
  level: option("@Level", oneOf("INFO", "WARNING", "ERROR"), "INFO", {
    doc:
      "The least grave transactions that have lines in access, origin and detail log: all, those with 4xx or a client " +
      "that left and graver ones, or those with 5xx or a failed origin alone. Not in the guide.",
    spec: "AWS-91",
  }),
  access: accessLog("Access", { ...DAILY, isOn: true, spec: "LOG-06, LOG-52", doc: "Requests of clients." }),
  accessExtra: accessLog("AccessExtra", {
    ...DAILY,
    isOn: false,
    spec: "AWS-01",
    doc: "A second access log, with a form of its own.",
  }),
  accessFormat: option("AccessFormat", plainText, "", {
    doc: "Line of the form `custom`.",
    defaultNote: "none: the form `ston`",
    spec: "LOG-80 to LOG-112",
  }),
  origin: originLog("Origin", { ...DAILY, isOn: true, spec: "LOG-07, LOG-113", doc: "Requests to origins." }),
  monitoring: monitoringLog("Monitoring", {
    ...bySize(10, 10),
    isOn: true,
    spec: "LOG-08, LOG-146",
    doc: "Statistics, each five minutes.",
  }),
  dns: logFile("Dns", { ...bySize(10, 10), isOn: true, spec: "LOG-05, LOG-49", doc: "Resolutions of origin domains." }),
  fileSystem: logFile("FileSystem", {
    ...DAILY,
    isOn: true,
    spec: "LOG-09, LOG-148",
    doc: "Use of the mounted file system; nothing is written before there is one.",
  }),
  detail: detailLog("Detail", {
    ...bySize(100, 5),
    isOn: false,
    spec: "AWS-91",
    doc: "Whole heads of requests and responses, as JSON, with the values of secret fields hidden. Not in the guide.",
  }),
  trace: logFile("Trace", {
    ...DAILY,
    isOn: true,
    spec: "AWS-98, AWS-102",
    doc: "Segment documents of sampled requests, where `<Tracing>` is active. Not in the guide.",
  }),
  metricFilters: METRIC_FILTERS,
  subscriptions: VHOST_SUBSCRIPTIONS,
};

/** Rows of `<Server><Cache>`. */
export const GLOBAL_LOG_OPTIONS = {
  infoLog: logFile("Cache/InfoLog", {
    ...bySize(1, 5),
    isOn: true,
    spec: "LOG-02, LOG-34",
    doc: "Operation of the server and changes of its configuration.",
  }),
  denyLog: logFile("Cache/DenyLog", {
    ...bySize(1, 5),
    isOn: true,
    spec: "LOG-03, LOG-36",
    doc: "Refused connections.",
  }),
  originErrorLog: originErrorLog("Cache/OriginErrorLog", {
    ...bySize(5, 5),
    isOn: false,
    spec: "LOG-04, LOG-37",
    doc: "Failures of origins, of all virtual hosts.",
  }),
} as const;
