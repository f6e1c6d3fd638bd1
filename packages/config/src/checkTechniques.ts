import type { VhostSettings } from "./contract.ts";
import type { ProblemList } from "./problems.ts";
import { suggest } from "./syntax/suggest.ts";
import { type NamedElement, placeInVhosts } from "./vhostsPlaces.ts";
import { findChild, findChildren } from "./xml/xmlElement.ts";

/** Each hint compares with every name, and there may be thousands of both. */
const MOST_HINTS = 5;

const ELEMENTS_OF_SERVERS = ["Origin", "Options", "OriginOptions", "Media", "PortBypass", "Sub", "VhostLink"];

class HostNames {
  readonly #byName: ReadonlyMap<string, VhostSettings>;
  #hints = 0;

  constructor(vhosts: readonly VhostSettings[]) {
    this.#byName = new Map(vhosts.map((vhost) => [vhost.name.toLowerCase(), vhost]));
  }

  find(name: string): VhostSettings | undefined {
    return this.#byName.get(name.toLowerCase());
  }

  hintFor(name: string): string {
    this.#hints += 1;
    const near = this.#hints > MOST_HINTS ? undefined : suggest(name, this.#byName.keys());
    return near === undefined ? "" : ` Did you mean ${near}?`;
  }
}

const checkFacade = (
  { vhost, element }: NamedElement,
  target: string,
  names: HostNames,
  problems: ProblemList,
): void => {
  const place = placeInVhosts(element, "Vhosts/Vhost@Status");
  const host = names.find(target);
  const outcome = `Requests for ${vhost.name} are answered as those for an unknown host.`;
  if (host === undefined) {
    problems.warn(place, `There is no virtual host ${target}.${names.hintFor(target)} ${outcome}`);
  } else if (host.facadeOf !== undefined) {
    const message = host === vhost ? `${vhost.name} is a facade of itself.` : `${target} is a facade itself.`;
    problems.error(place, message, "a virtual host that has an origin");
  } else if (host.status === "Inactive") {
    problems.warn(place, `${target} is Inactive. ${outcome}`);
  }
  for (const name of ELEMENTS_OF_SERVERS) {
    const ignored = findChild(element, name);
    if (ignored === undefined) continue;
    const message = `${target} serves for ${vhost.name}: what stands here has no effect.`;
    problems.warn(placeInVhosts(ignored, `Vhosts/Vhost/${name}`), message);
  }
};

const checkSubPaths = ({ element }: NamedElement, names: HostNames, problems: ProblemList): void => {
  const sub = findChild(element, "Sub");
  for (const path of findChildren(sub, "Path")) {
    const place = placeInVhosts(path, "Vhosts/Vhost/Sub/Path@Vhost");
    const name = path.attributes.get("Vhost") ?? "";
    if (name === "") {
      problems.error(place, "A <Path> names no virtual host.", 'Vhost="{virtual host}"');
      continue;
    }
    const host = names.find(name);
    if (host?.status === "Active") continue;
    const reason =
      host === undefined ? `There is no virtual host ${name}.${names.hintFor(name)}` : `${name} is Inactive.`;
    problems.warn(place, `${reason} Requests for ${path.text} are answered as those for an unknown host.`);
  }
};

const checkLink = ({ vhost, element }: NamedElement, names: HostNames, problems: ProblemList): void => {
  const written = findChild(element, "VhostLink");
  if (written === undefined || vhost.link === undefined) return;
  const target = vhost.link.vhost;
  if (!written.attributes.has("Condition")) {
    const place = placeInVhosts(written, "Vhosts/Vhost/VhostLink@Condition");
    problems.error(place, "A <VhostLink> has no condition.", "statuses, classes of them or fail");
  }
  const place = placeInVhosts(written, "Vhosts/Vhost/VhostLink");
  const host = names.find(target);
  if (host?.status === "Active" && host !== vhost) return;
  const reason =
    host === undefined
      ? `There is no virtual host ${target}.${names.hintFor(target)}`
      : `${target} is ${host === vhost ? "this host itself" : "Inactive"}.`;
  problems.warn(place, `${reason} Nothing is handed on to it.`);
};

/** What facades and `<Sub>` name (VHT-23): a facade of a facade is an error, a host that is not served is told. */
export const checkTechniques = (hosts: readonly NamedElement[], problems: ProblemList): void => {
  const names = new HostNames(hosts.map(({ vhost }) => vhost));
  for (const host of hosts) {
    if (host.vhost.facadeOf !== undefined) checkFacade(host, host.vhost.facadeOf, names, problems);
    else {
      checkSubPaths(host, names, problems);
      checkLink(host, names, problems);
    }
  }
};

/** Hosts that name others name them as these are written; case does not count in the file. */
export const withConfiguredNames = (vhosts: readonly VhostSettings[]): readonly VhostSettings[] => {
  const isNaming = ({ facadeOf, subPaths, link }: VhostSettings): boolean =>
    facadeOf !== undefined || subPaths.length > 0 || link !== undefined;
  if (!vhosts.some(isNaming)) return vhosts;
  const names = new HostNames(vhosts);
  const nameOf = (written: string): string => names.find(written)?.name ?? written;
  return vhosts.map((vhost) => {
    if (!isNaming(vhost)) return vhost;
    const { facadeOf, subPaths, link } = vhost;
    return {
      ...vhost,
      facadeOf: facadeOf === undefined ? undefined : nameOf(facadeOf),
      subPaths: subPaths.map(({ path, vhost: name }) => ({ path, vhost: nameOf(name) })),
      link: link === undefined ? undefined : { ...link, vhost: nameOf(link.vhost) },
    };
  });
};
