import { join } from "node:path";
import type { EdgeConfig, LogFileSettings, VhostLogs } from "@basalt/config";
import { type LogKind, type LogPlan, rotationRule, type SyslogTarget } from "@basalt/telemetry/logs";

/** A log of the configuration in service. */
export interface ConfiguredLog {
  readonly plan: LogPlan;
  readonly receivers: readonly SyslogTarget[];
}

/** Requests that no virtual host answers are logged under this name, which no virtual host can have. */
export const UNKNOWN_HOST = "*unknown";
const UNKNOWN_FOLDER = "unknown";

export const logId = (kind: LogKind, vhost = ""): string => (vhost === "" ? kind : `${kind} ${vhost}`);

const configuredLog = (
  kind: LogKind,
  vhost: string,
  folder: string,
  settings: LogFileSettings,
  form = "",
): ConfiguredLog => ({
  plan: {
    id: logId(kind, vhost),
    kind,
    vhost,
    folder,
    isOn: settings.enabled,
    rule: rotationRule(settings.type, settings.unit),
    retention: { files: settings.retention, days: settings.retentionDays },
    compress: settings.compression,
    ftp: settings.ftp,
    form,
  },
  receivers: settings.sysLog ? settings.receivers : [],
});

const vhostLogs = (name: string, logs: VhostLogs): readonly ConfiguredLog[] => {
  const folder = join(logs.dir, name);
  const { access, accessExtra, accessFormat, origin, monitoring, dns } = logs;
  const formOf = ({ form }: typeof access): string => (form === "custom" ? `custom ${accessFormat}` : form);
  return [
    configuredLog("access", name, folder, access, formOf(access)),
    configuredLog("accessextra", name, folder, accessExtra, formOf(accessExtra)),
    configuredLog("origin", name, folder, origin),
    configuredLog("monitoring", name, folder, monitoring, monitoring.form),
    configuredLog("dns", name, folder, dns),
  ];
};

/** All logs but the info log, of which only the primary writes lines. */
export const configuredLogs = ({ server, vhosts }: EdgeConfig, home: string): readonly ConfiguredLog[] => {
  const folder = join(home, "log");
  const { denyLog, originErrorLog } = server.cache;
  const [first] = vhosts;
  // Such requests belong to no host: their log is kept as that of the first one is.
  const unknown =
    first === undefined
      ? []
      : [configuredLog("access", UNKNOWN_HOST, join(first.logs.dir, UNKNOWN_FOLDER), first.logs.access)];
  return [
    configuredLog("deny", "", folder, denyLog),
    configuredLog("originerror", "", folder, originErrorLog),
    ...unknown,
    ...vhosts.flatMap(({ name, logs }) => vhostLogs(name, logs)),
  ];
};
