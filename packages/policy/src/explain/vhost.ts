import type { EdgeConfig, VhostSettings } from "@basalt/config";
import { compileSubPaths, followSubPaths, type SubPathStation } from "../subPaths.ts";
import { compileVhostTable, hostNameOf } from "../vhostTable.ts";
import type { ConfigSource, ExplainFact, ExplainStep } from "./contract.ts";
import type { Sources } from "./sources.ts";
import type { UnderstoodRequest } from "./understand.ts";

export interface ChosenVhost {
  readonly vhost: VhostSettings | undefined;
  /** The one that the client has addressed, when another one serves: a facade, or one with `<Sub>`. */
  readonly addressed: VhostSettings | undefined;
  /** How the addressed one matched; made when its sources can be found. */
  readonly by: MatchKind | undefined;
  readonly runnerUp: { readonly vhost: VhostSettings; readonly by: MatchKind } | undefined;
  /** A host of that name that does not listen on the port or is inactive. */
  readonly elsewhere: VhostSettings | undefined;
}

type MatchKind =
  | { readonly kind: "name" }
  | { readonly kind: "alias" | "pattern"; readonly alias: string; readonly index: number }
  | { readonly kind: "default" };

/** The chosen host's own names say how it came to be chosen: the table gives the longest match only. */
const matchOf = (vhost: VhostSettings, hostField: string | undefined): MatchKind => {
  if (hostField === undefined) return { kind: "default" };
  const host = hostNameOf(hostField);
  if (vhost.name.toLowerCase() === host) return { kind: "name" };
  const exact = vhost.aliases.findIndex((alias) => alias.toLowerCase() === host);
  const alias = vhost.aliases[exact];
  if (alias !== undefined) return { kind: "alias", alias, index: exact };
  let best: MatchKind = { kind: "default" };
  let bestLength = 0;
  for (const [index, pattern] of vhost.aliases.entries()) {
    const suffix = pattern.toLowerCase().slice(1);
    if (!pattern.startsWith("*") || !host.endsWith(suffix) || pattern.length <= bestLength) continue;
    best = { kind: "pattern", alias: pattern, index };
    bestLength = pattern.length;
  }
  return best;
};

/** Chooses as the server does; the runner-up is who would be chosen if the chosen one were not there. */
export const chooseVhost = (request: UnderstoodRequest, config: EdgeConfig): ChosenVhost => {
  const table = compileVhostTable(config);
  const addressed = table.select(request.host, request.port);
  const vhost = addressed === undefined ? undefined : servingHost(addressed, request.path, config);
  if (addressed === undefined || vhost === undefined) {
    const elsewhere = request.host === undefined ? undefined : table.find(request.host);
    return { vhost: undefined, addressed, by: undefined, runnerUp: undefined, elsewhere };
  }
  const others = { ...config, vhosts: config.vhosts.filter((other) => other !== addressed) };
  const next = compileVhostTable(others).select(request.host, request.port);
  return {
    vhost,
    addressed: addressed === vhost ? undefined : addressed,
    by: matchOf(addressed, request.host),
    runnerUp: next === undefined ? undefined : { vhost: next, by: matchOf(next, request.host) },
    elsewhere: undefined,
  };
};

/** Who serves what comes to a host: the target of a facade, then whoever `<Sub>` names (VHT-21, VHT-30). */
const servingHost = (addressed: VhostSettings, path: string, config: EdgeConfig): VhostSettings | undefined => {
  const stationOf = (name: string): Station | undefined => {
    const host = config.vhosts.find((each) => each.name === name);
    const target = host?.facadeOf === undefined ? host : config.vhosts.find((each) => each.name === host.facadeOf);
    if (host?.status !== "Active" || target?.status !== "Active" || target.facadeOf !== undefined) return undefined;
    return { settings: target, vhost: { name: target.name, subPaths: compileSubPaths(target.subPaths) } };
  };
  const first = stationOf(addressed.name);
  return first === undefined ? undefined : followSubPaths(first, path, stationOf)?.settings;
};

interface Station extends SubPathStation {
  readonly settings: VhostSettings;
}

const matchWords = (by: MatchKind): string => {
  switch (by.kind) {
    case "name":
      return "by its name";
    case "alias":
      return `by its alias ${by.alias}`;
    case "pattern":
      return `by its alias ${by.alias}`;
    case "default":
      return "as the default host";
  }
};

const matchSource = (by: MatchKind, sources: Sources): ConfigSource => {
  switch (by.kind) {
    case "name":
      return sources.option("@Name");
    case "alias":
    case "pattern":
      return sources.option("Alias", by.index);
    case "default":
      return sources.vhosts("Default");
  }
};

export const vhostStep = (
  { vhost, addressed, by, runnerUp, elsewhere }: ChosenVhost,
  request: UnderstoodRequest,
  sourcesOf: (vhost: VhostSettings) => Sources,
): ExplainStep => {
  if (vhost === undefined || by === undefined) {
    return {
      step: "vhost",
      verdict: `No virtual host serves ${request.host ?? "a request without Host"} on port ${request.port}.`,
      facts: elsewhere === undefined ? [] : [elsewhereFact(elsewhere, sourcesOf(elsewhere))],
    };
  }
  const sources = sourcesOf(vhost);
  const facts: ExplainFact[] = [
    {
      name: addressed === undefined ? "vhost" : "addressed",
      value: (addressed ?? vhost).name,
      because: matchWords(by),
      source: matchSource(by, sourcesOf(addressed ?? vhost)),
    },
    ...(addressed === undefined ? [] : [servedByFact(vhost, addressed, sourcesOf(addressed))]),
    runnerUp === undefined
      ? { name: "runnerUp", value: null, because: "no other host would take the request" }
      : {
          name: "runnerUp",
          value: runnerUp.vhost.name,
          because: matchWords(runnerUp.by),
          source: matchSource(runnerUp.by, sourcesOf(runnerUp.vhost)),
        },
    {
      name: "cachingProfile",
      value: vhost.options.cachingProfile,
      source: sources.option("Options/CachingProfile"),
    },
  ];
  const words = addressed === undefined ? "" : `, in the place of ${addressed.name}`;
  return { step: "vhost", verdict: `${vhost.name}${words}, ${matchWords(by)}.`, facts };
};

const servedByFact = (vhost: VhostSettings, addressed: VhostSettings, sources: Sources): ExplainFact => {
  const isFacade = addressed.facadeOf !== undefined;
  return {
    name: "vhost",
    value: vhost.name,
    because: isFacade ? `${addressed.name} is a facade` : `<Sub> of ${addressed.name} names it for the path`,
    source: sources.option(isFacade ? "@Status" : "Sub/Path"),
  };
};

const elsewhereFact = (vhost: VhostSettings, sources: Sources): ExplainFact =>
  vhost.status === "Inactive"
    ? { name: "inactiveVhost", value: vhost.name, because: "it is Inactive", source: sources.option("@Status") }
    : {
        name: "otherPorts",
        value: vhost.listen.map(({ port }) => port).join(", "),
        because: `${vhost.name} listens there`,
        source: sources.option("Listen"),
      };

/** Only where the question names an address. */
export const listenStep = (
  listen: string,
  request: UnderstoodRequest,
  vhost: VhostSettings,
  config: EdgeConfig,
  sources: Sources,
): ExplainStep => {
  const address = listen.includes(":") ? listen.slice(0, listen.lastIndexOf(":")).replace(/^\[(.*)\]$/, "$1") : "*";
  const bound = config.server.cache.listen;
  const index = vhost.listen.findIndex(({ port }) => port === request.port);
  const configured = vhost.listen[index];
  const places = configured?.address === undefined ? bound : [configured.address];
  const isBound = address === "*" || address === "" || places.includes("0.0.0.0") || places.includes(address);
  const placeWords = places.length === 0 ? "every address" : places.join(", ");
  return {
    step: "listen",
    verdict: isBound
      ? `Port ${request.port} is served by ${vhost.name}.`
      : `Nothing of ${vhost.name} listens on ${address}; what decides is the port.`,
    facts: [
      {
        name: "listen",
        value: `${configured?.address ?? "*"}:${request.port}`,
        because: `bound on ${placeWords}`,
        source: sources.option("Listen", index),
      },
    ],
  };
};
