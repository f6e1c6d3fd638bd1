import type { EdgeConfig, VhostSettings } from "@basalt/config";
import { compileVhostTable, hostNameOf } from "../vhostTable.ts";
import type { ConfigSource, ExplainFact, ExplainStep } from "./contract.ts";
import type { Sources } from "./sources.ts";
import type { UnderstoodRequest } from "./understand.ts";

export interface ChosenVhost {
  readonly vhost: VhostSettings | undefined;
  /** How the chosen one matched; made when its sources can be found. */
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
  const vhost = table.select(request.host, request.port);
  if (vhost === undefined) {
    const elsewhere = request.host === undefined ? undefined : table.find(request.host);
    return { vhost, by: undefined, runnerUp: undefined, elsewhere };
  }
  const others = { ...config, vhosts: config.vhosts.filter((other) => other !== vhost) };
  const next = compileVhostTable(others).select(request.host, request.port);
  return {
    vhost,
    by: matchOf(vhost, request.host),
    runnerUp: next === undefined ? undefined : { vhost: next, by: matchOf(next, request.host) },
    elsewhere: undefined,
  };
};

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
  { vhost, by, runnerUp, elsewhere }: ChosenVhost,
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
    { name: "vhost", value: vhost.name, because: matchWords(by), source: matchSource(by, sources) },
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
  return { step: "vhost", verdict: `${vhost.name}, ${matchWords(by)}.`, facts };
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
