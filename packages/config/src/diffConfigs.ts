import type { ConditionFiles, ConfigChange, EdgeConfig, OriginAddress, VhostSettings } from "./contract.ts";
import { LOG_OPTIONS } from "./options/logOptions.ts";
import { MEDIA_OPTIONS } from "./options/mediaOptions.ts";
import { formatAddress, formatHealthChecker } from "./options/originElements.ts";
import { ORIGIN_OPTIONS } from "./options/originOptions.ts";
import { SERVER_OPTIONS } from "./options/serverOptions.ts";
import { STATS_OPTIONS, VIEW_OPTION } from "./options/statsOptions.ts";
import { CLIENT_REWRITE_OPTION, formatSubPath } from "./options/techniqueOptions.ts";
import { formatLinkCondition } from "./options/vhostLinkOptions.ts";
import { VHOST_OPTIONS } from "./options/vhostOptions.ts";
import { formatPortBypass } from "./options/vhostsElements.ts";
import { compareSettings, type Difference } from "./options/walkTable.ts";
import { formatListen } from "./syntax/listenAddress.ts";

const toChanges = (root: string, differences: readonly Difference[]): readonly ConfigChange[] =>
  differences.map(({ row, from, to, effect }) => ({ element: `${root}/${row.at}`, from, to, effect }));

const live = (element: string, from: string, to: string): readonly ConfigChange[] =>
  from === to ? [] : [{ element, from, to, effect: "live" }];

const formatAddresses = (addresses: readonly OriginAddress[]): string => addresses.map(formatAddress).join(", ");

/** What rules do, wherever they stand: moving a line without changing the order changes nothing. */
const fingerprint = (rules: readonly { readonly line: number }[]): string =>
  JSON.stringify(rules.map(({ line: _line, ...rule }) => rule));

const describeRules = (rules: readonly unknown[]): string => (rules.length === 1 ? "1 rule" : `${rules.length} rules`);

const compareConditions = (root: string, from: ConditionFiles, to: ConditionFiles): readonly ConfigChange[] => {
  const names = [
    "acl",
    "users",
    "ttl",
    "bypass",
    "querystring",
    "compression",
    "headers",
    "expires",
    "postbody",
  ] as const;
  return names
    .filter((name) => from[name] !== to[name] && fingerprint(from[name]) !== fingerprint(to[name]))
    .map((name) => ({
      element: `${root}/${name}.txt`,
      from: describeRules(from[name]),
      to: describeRules(to[name]),
      effect: "live",
    }));
};

const describeStatus = ({ status, facadeOf }: VhostSettings): string =>
  facadeOf === undefined ? status : `facade:${facadeOf}`;

const describeLink = ({ link }: VhostSettings): string =>
  link === undefined ? "none" : `${link.vhost} (${formatLinkCondition(link.condition)})`;

const compareVhosts = (from: VhostSettings, to: VhostSettings): readonly ConfigChange[] => {
  const root = `Vhost[${to.name}]`;
  return [
    ...live(`${root}@Status`, describeStatus(from), describeStatus(to)),
    ...live(`${root}@StaticIndex`, String(from.snmpIndex), String(to.snmpIndex)),
    ...live(`${root}/Alias`, from.aliases.join(", "), to.aliases.join(", ")),
    ...live(`${root}/Listen`, from.listen.map(formatListen).join(", "), to.listen.map(formatListen).join(", ")),
    ...live(`${root}/Origin/Address`, formatAddresses(from.origin.addresses), formatAddresses(to.origin.addresses)),
    ...live(`${root}/Origin/Address2`, formatAddresses(from.origin.standby), formatAddresses(to.origin.standby)),
    ...live(
      `${root}/Origin/HealthChecker`,
      from.origin.healthCheckers.map(formatHealthChecker).join(", "),
      to.origin.healthCheckers.map(formatHealthChecker).join(", "),
    ),
    ...live(
      `${root}/PortBypass`,
      from.portBypass.map(formatPortBypass).join(", "),
      to.portBypass.map(formatPortBypass).join(", "),
    ),
    ...live(`${root}/Sub/Path`, from.subPaths.map(formatSubPath).join(", "), to.subPaths.map(formatSubPath).join(", ")),
    ...live(`${root}/VhostLink`, describeLink(from), describeLink(to)),
    ...toChanges(`${root}/Options`, compareSettings(VHOST_OPTIONS, from.options, to.options)),
    ...toChanges(`${root}/OriginOptions`, compareSettings(ORIGIN_OPTIONS, from.originOptions, to.originOptions)),
    ...toChanges(`${root}/Media`, compareSettings(MEDIA_OPTIONS, from.media, to.media)),
    ...toChanges(`${root}/Log`, compareSettings(LOG_OPTIONS, from.logs, to.logs)),
    ...toChanges(`${root}/Stats`, compareSettings(STATS_OPTIONS, from.stats, to.stats)),
    ...compareConditions(root, from.conditions, to.conditions),
  ];
};

const describeViews = ({ views }: EdgeConfig): string =>
  views.length === 0 ? "none" : views.map((view) => VIEW_OPTION.format(view)).join("; ");

const describeRewrites = ({ urlRewrites }: EdgeConfig): string =>
  urlRewrites.length === 0 ? "none" : urlRewrites.map((rewrite) => CLIENT_REWRITE_OPTION.format(rewrite)).join("; ");

/** Every value that differs, server first, then the hosts in the order of `to`, then the hosts that are gone. */
export const diffConfigs = (from: EdgeConfig, to: EdgeConfig): readonly ConfigChange[] => {
  const before = new Map(from.vhosts.map((vhost) => [vhost.name, vhost]));
  const after = new Set(to.vhosts.map((vhost) => vhost.name));
  return [
    ...toChanges("Server", compareSettings(SERVER_OPTIONS, from.server, to.server)),
    ...live("Vhosts/Default", from.defaultVhost ?? "none", to.defaultVhost ?? "none"),
    ...live("Vhosts/View", describeViews(from), describeViews(to)),
    ...live("Vhosts/URLRewrite", describeRewrites(from), describeRewrites(to)),
    ...to.vhosts.flatMap((vhost) => {
      const known = before.get(vhost.name);
      if (known === vhost) return [];
      return known === undefined ? live(`Vhost[${vhost.name}]`, "absent", "present") : compareVhosts(known, vhost);
    }),
    ...from.vhosts
      .filter((vhost) => !after.has(vhost.name))
      .flatMap((vhost) => live(`Vhost[${vhost.name}]`, "present", "absent")),
  ];
};
