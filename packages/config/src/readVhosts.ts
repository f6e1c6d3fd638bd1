import { checkDims } from "./checkDims.ts";
import { warnUnknownClients } from "./checkFtp.ts";
import { checkLogs } from "./checkLogs.ts";
import { checkMedia } from "./checkMedia.ts";
import { checkMetricFilters } from "./checkMetricFilters.ts";
import { checkNames } from "./checkNames.ts";
import { checkPorts } from "./checkPorts.ts";
import { checkRewrites } from "./checkRewrites.ts";
import { checkSubscriptions } from "./checkSubscriptions.ts";
import { checkTechniques, withConfiguredNames } from "./checkTechniques.ts";
import { CONDITION_FILE_NAMES, NO_CONDITIONS, readConditionFiles } from "./conditions/conditionFiles.ts";
import type {
  ConditionFiles,
  ConfigSources,
  ListenAddress,
  ServerSettings,
  StatsView,
  VhostSettings,
} from "./contract.ts";
import { type InheritedOptions, readProfile } from "./inheritedOptions.ts";
import type { BlockMemo } from "./options/blockMemo.ts";
import { LOG_OPTIONS } from "./options/logOptions.ts";
import { MEDIA_OPTIONS } from "./options/mediaOptions.ts";
import { ORIGIN_OPTIONS } from "./options/originOptions.ts";
import { STATS_OPTIONS } from "./options/statsOptions.ts";
import { VHOST_OPTIONS } from "./options/vhostOptions.ts";
import { facadeTargetOf, VHOST_HEAD, type VhostHead, type VhostsHead } from "./options/vhostsElements.ts";
import { resolveOptions } from "./options/walkTable.ts";
import { type ProblemList, wholeFile } from "./problems.ts";
import { formatListen } from "./syntax/listenAddress.ts";
import { completeAddress } from "./syntax/originAddress.ts";
import { suggest } from "./syntax/suggest.ts";
import { type NamedElement, placeInVhosts, VHOSTS_FILE } from "./vhostsPlaces.ts";
import { WrittenPlaces } from "./writtenPlaces.ts";
import { findChild, findChildren, type XmlElement } from "./xml/xmlElement.ts";

const CONDITIONS_FOLDER = "svc";

const readListen = (element: XmlElement, head: VhostHead, problems: ProblemList): readonly ListenAddress[] => {
  const addresses = new Map<string, ListenAddress>();
  for (const listen of head.listen) if (listen !== "OFF") addresses.set(formatListen(listen), listen);
  if (head.listen.includes("OFF") && head.listen.length > 1) {
    const place = findChild(element, "Listen") ?? element;
    problems.error(placeInVhosts(place, "Vhosts/Vhost/Listen"), "OFF stands beside other <Listen>.", "OFF alone");
  }
  return [...addresses.values()];
};

/** Files by folder below `svc/`, so that hosts without a folder cost nothing. */
const groupConditionFiles = (sources: ConfigSources): ReadonlyMap<string, readonly string[]> => {
  const folders = new Map<string, string[]>();
  for (const file of sources.keys()) {
    const [, folder, name] = /^(svc\/[^/]+)\/([^/]+)$/.exec(file) ?? [];
    if (folder === undefined || name === undefined) continue;
    const names = folders.get(folder);
    if (names === undefined) folders.set(folder, [name]);
    else names.push(name);
  }
  return folders;
};

const warnUnreadFiles = (folder: string, names: readonly string[], problems: ProblemList): void => {
  for (const name of names) {
    const place = wholeFile(`${folder}/${name}`);
    if (!CONDITION_FILE_NAMES.includes(name)) {
      const near = suggest(name, CONDITION_FILE_NAMES);
      const hint = near === undefined ? "" : ` Did you mean ${near}?`;
      problems.warn(place, `The file is not read.${hint}`, CONDITION_FILE_NAMES.join(", "));
    }
  }
};

/** Folders beyond these are counted: each hint compares with every name, and there may be thousands of both. */
const NAMED_STRAY_FOLDERS = 5;

/** A folder whose host is gone or misspelt: its rules do nothing. */
const warnStrayFolders = (folders: Iterable<string>, names: readonly string[], problems: ProblemList): void => {
  const known = new Set(names);
  const stray = [...folders].filter((folder) => !known.has(folder.slice(CONDITIONS_FOLDER.length + 1)));
  for (const folder of stray.slice(0, NAMED_STRAY_FOLDERS)) {
    const near = suggest(folder.slice(CONDITIONS_FOLDER.length + 1), names);
    const hint = near === undefined ? "" : ` Did you mean ${near}?`;
    problems.warn(wholeFile(folder), `The folder belongs to no virtual host.${hint}`);
  }
  const more = stray.length - NAMED_STRAY_FOLDERS;
  if (more > 0) problems.warn(wholeFile(CONDITIONS_FOLDER), `${more} more of its folders belong to no virtual host.`);
};

const readVhost = (
  element: XmlElement,
  inherited: InheritedOptions,
  readConditions: (name: string) => ConditionFiles,
  written: WrittenPlaces,
  memo: BlockMemo,
  problems: ProblemList,
): VhostSettings => {
  const head = resolveOptions<VhostHead>(VHOST_HEAD, element, undefined, written.noteBelow(""));
  const facadeOf = facadeTargetOf(head.status);
  if (!element.attributes.has("Name")) {
    problems.error(placeInVhosts(element, "Vhosts/Vhost@Name"), "A <Vhost> has no name.", 'Name="{host}"');
  }
  const origin = findChild(element, "Origin");
  if (findChildren(origin, "Address").length === 0 && facadeOf === undefined) {
    const message = `The virtual host ${head.name} has no origin server.`;
    problems.error(
      placeInVhosts(origin ?? element, "Vhosts/Vhost/Origin/Address"),
      message,
      "one <Origin><Address> or more",
    );
  }
  checkRewrites(VHOSTS_FILE, findChild(element, "OriginOptions"), "Vhosts/Vhost/OriginOptions", problems);
  checkLogs(VHOSTS_FILE, findChild(element, "Log"), "Vhosts/Vhost/Log", problems);
  checkMetricFilters(VHOSTS_FILE, findChild(element, "Log"), "Vhosts/Vhost/Log", problems);
  checkSubscriptions(VHOSTS_FILE, findChild(element, "Log"), "Vhosts/Vhost/Log", problems);
  const optionsLayer = findChild(element, "Options");
  const base = inherited.byProfile[readProfile(optionsLayer, inherited.profile)];
  const options = memo.resolve(VHOST_OPTIONS, optionsLayer, base.options, written.noteBelow("Options"));
  checkDims(VHOSTS_FILE, optionsLayer, "Vhosts/Vhost/Options", options, problems);
  const mediaLayer = findChild(element, "Media");
  const media = memo.resolve(MEDIA_OPTIONS, mediaLayer, inherited.media, written.noteBelow("Media"));
  checkMedia(VHOSTS_FILE, element, "Vhosts/Vhost", { media, options }, problems);
  return {
    name: head.name,
    status: head.status === "Inactive" ? "Inactive" : "Active",
    facadeOf,
    snmpIndex: head.snmpIndex,
    aliases: head.aliases,
    listen: readListen(element, head, problems),
    origin: {
      addresses: head.addresses.map((address) => completeAddress(address, head.name)),
      standby: head.standby.map((address) => completeAddress(address, head.name)),
      healthCheckers: head.healthCheckers,
    },
    portBypass: head.portBypass,
    subPaths: head.subStatus === "Active" ? head.subPaths : [],
    link: head.linkTarget === "" ? undefined : { vhost: head.linkTarget, condition: head.linkCondition },
    options,
    originOptions: memo.resolve(
      ORIGIN_OPTIONS,
      findChild(element, "OriginOptions"),
      base.originOptions,
      written.noteBelow("OriginOptions"),
    ),
    media,
    logs: memo.resolve(LOG_OPTIONS, findChild(element, "Log"), inherited.logs, written.noteBelow("Log")),
    stats: memo.resolve(STATS_OPTIONS, findChild(element, "Stats"), inherited.stats, written.noteBelow("Stats")),
    conditions: head.name === "" ? NO_CONDITIONS : readConditions(head.name),
  };
};

const checkDefault = (root: XmlElement, name: string, hosts: readonly NamedElement[], problems: ProblemList): void => {
  const names = hosts.map(({ vhost }) => vhost.name);
  if (name === "" || names.includes(name)) return;
  const near = suggest(name, names);
  const hint = near === undefined ? "" : ` Did you mean ${near}?`;
  const element = findChild(root, "Default") ?? root;
  const message = `There is no virtual host ${name}.${hint}`;
  problems.error(placeInVhosts(element, "Vhosts/Default"), message, "the exact name of a <Vhost>");
};

/** What each virtual host writes by itself, by its name. */
export type WrittenHosts = ReadonlyMap<string, WrittenPlaces>;

export interface VhostsContent {
  readonly vhosts: readonly VhostSettings[];
  readonly defaultVhost: string | undefined;
  readonly views: readonly StatsView[];
  readonly written: WrittenHosts;
}

/** The content of a `vhosts.xml` that was validated; reports what only shows across elements. */
export const readVhosts = (
  root: XmlElement,
  { defaultVhost: defaultName, views }: VhostsHead,
  inherited: InheritedOptions,
  sources: ConfigSources,
  server: ServerSettings,
  memo: BlockMemo,
  problems: ProblemList,
): VhostsContent => {
  const folders = groupConditionFiles(sources);
  const readConditions = (name: string): ConditionFiles => {
    const folder = `svc/${name}`;
    const names = folders.get(folder);
    if (names === undefined) return NO_CONDITIONS;
    warnUnreadFiles(folder, names, problems);
    return readConditionFiles(folder, (path) => sources.get(path), problems);
  };
  const written = new Map<string, WrittenPlaces>();
  const hosts = findChildren(root, "Vhost").map((element) => {
    const places = new WrittenPlaces();
    const vhost = readVhost(element, inherited, readConditions, places, memo, problems);
    written.set(vhost.name, places);
    warnUnknownClients(VHOSTS_FILE, findChild(element, "Log"), "Vhosts/Vhost/Log", server.ftp, problems);
    return { element, vhost };
  });
  checkNames(hosts, problems);
  checkTechniques(hosts, problems);
  const names = hosts.map(({ vhost }) => vhost.name);
  warnStrayFolders(folders.keys(), names, problems);
  checkPorts(hosts, server, problems);
  checkDefault(root, defaultName, hosts, problems);
  return {
    vhosts: withConfiguredNames(hosts.map(({ vhost }) => vhost)),
    defaultVhost: defaultName === "" ? undefined : defaultName,
    views,
    written,
  };
};
