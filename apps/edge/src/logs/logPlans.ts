import { join } from "node:path";
import type { EdgeConfig, LogFileSettings, VhostSettings } from "@basalt/config";
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

/** Of logs whose lines have a field for the id of the trace (AWS-101). */
export const TRACED_FORM = " traced";

/** Of access logs with a field for hosts that requests were handed on to (VHT-52). */
const LINKED_FORM = " linked";

export const isTracing = ({ options }: VhostSettings): boolean => options.tracing.status === "Active";

/** Whether the requests that a host logs have traces: those for a facade are traced as its target says (VHT-21). */
export const logsTraces = (vhost: VhostSettings, find: (name: string) => VhostSettings | undefined): boolean =>
  isTracing((vhost.facadeOf === undefined ? undefined : find(vhost.facadeOf)) ?? vhost);

/** Whether requests that a host logs may be handed on (VHT-52): those for a facade are as its target says. */
export const logsLinks = (vhost: VhostSettings, find: (name: string) => VhostSettings | undefined): boolean =>
  ((vhost.facadeOf === undefined ? undefined : find(vhost.facadeOf)) ?? vhost).link !== undefined;

/** Of hosts that stand for themselves: the same objects as long as the settings are, so that nobody compares thousands. */
const plansOf = new WeakMap<VhostSettings, readonly ConfiguredLog[]>();

const vhostLogs = (
  vhost: VhostSettings,
  find: (name: string) => VhostSettings | undefined,
): readonly ConfiguredLog[] => {
  const known = plansOf.get(vhost);
  if (known !== undefined) return known;
  const logs = planVhostLogs(vhost, find);
  if (vhost.facadeOf === undefined) plansOf.set(vhost, logs);
  return logs;
};

/** Whose files subscriptions read. */
const marked = (
  logs: readonly ConfiguredLog[],
  subscriptions: readonly { readonly log: LogKind }[],
): readonly ConfiguredLog[] =>
  logs.map((log) =>
    subscriptions.some(({ log: kind }) => kind === log.plan.kind)
      ? { ...log, plan: { ...log.plan, isFollowed: true } }
      : log,
  );

/** Of a facade only what concerns its clients (VHT-21). Logs that are off have plans too: by these their old files go. */
const planVhostLogs = (
  vhost: VhostSettings,
  find: (name: string) => VhostSettings | undefined,
): readonly ConfiguredLog[] => {
  const { name, logs, facadeOf } = vhost;
  const folder = join(logs.dir, name);
  const { access, accessExtra, accessFormat, origin, monitoring, dns, fileSystem, detail, trace } = logs;
  const traced = logsTraces(vhost, find) ? TRACED_FORM : "";
  const columns = `${traced}${logsLinks(vhost, find) ? LINKED_FORM : ""}`;
  const formOf = ({ form }: typeof access): string =>
    `${form === "custom" ? `custom ${accessFormat}` : form}${columns}`;
  const ofClients = [
    configuredLog("access", name, folder, access, formOf(access)),
    configuredLog("accessextra", name, folder, accessExtra, formOf(accessExtra)),
    configuredLog("monitoring", name, folder, monitoring, monitoring.form),
    configuredLog("detail", name, folder, detail),
  ];
  if (facadeOf !== undefined) return marked(ofClients, logs.subscriptions);
  const all = [
    ...ofClients,
    configuredLog("origin", name, folder, origin, traced),
    configuredLog("dns", name, folder, dns),
    configuredLog("filesystem", name, folder, fileSystem),
    configuredLog("trace", name, folder, isTracing(vhost) ? trace : { ...trace, enabled: false, sysLog: false }),
  ];
  return marked(all, logs.subscriptions);
};

/** The logs of the whole server. */
const serverLogs = ({ server, vhosts }: EdgeConfig, home: string): readonly ConfiguredLog[] => {
  const folder = join(home, "log");
  const { denyLog, originErrorLog, subscriptions } = server.cache;
  const [first] = vhosts;
  // Such requests belong to no host: their log is kept as that of the first one is.
  const unknown =
    first === undefined
      ? []
      : [configuredLog("access", UNKNOWN_HOST, join(first.logs.dir, UNKNOWN_FOLDER), first.logs.access)];
  const own = [configuredLog("deny", "", folder, denyLog), configuredLog("originerror", "", folder, originErrorLog)];
  return [...marked(own, subscriptions), ...unknown];
};

/** One log of a configuration by its id; `vhosts`: its hosts by name. */
export const findLog = (
  id: string,
  config: EdgeConfig,
  vhosts: ReadonlyMap<string, VhostSettings>,
  home: string,
): ConfiguredLog | undefined => {
  const space = id.indexOf(" ");
  const vhost = space < 0 ? undefined : vhosts.get(id.slice(space + 1));
  const logs = vhost === undefined ? serverLogs(config, home) : vhostLogs(vhost, (name) => vhosts.get(name));
  return logs.find(({ plan }) => plan.id === id);
};

/** All logs but the info log, of which only the primary writes lines. */
export const configuredLogs = (config: EdgeConfig, home: string): readonly ConfiguredLog[] => {
  const byName = new Map(config.vhosts.map((vhost) => [vhost.name, vhost]));
  return [
    ...serverLogs(config, home),
    ...config.vhosts.flatMap((vhost) => vhostLogs(vhost, (name) => byName.get(name))),
  ];
};
