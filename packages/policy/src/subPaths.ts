import type { SubPath } from "@basalt/config";
import { compileGlob } from "./glob.ts";

/** Name of the virtual host that handles a path, by `<Sub>`; undefined: the present one. */
export type SubPaths = (path: string) => string | undefined;

/** VHT-32 to VHT-34: the first entry that matches counts. Undefined without entries. */
export const compileSubPaths = (entries: readonly SubPath[]): SubPaths | undefined => {
  if (entries.length === 0) return undefined;
  const compiled = entries.map(({ vhost, path }) => ({ vhost, matches: compilePath(path) }));
  return (path) => compiled.find(({ matches }) => matches(path))?.vhost;
};

const compilePath = (path: string): ((path: string) => boolean) => {
  if (path.includes("*")) return compileGlob(path.endsWith("/") ? `${path}*` : path, true);
  return path.endsWith("/") ? (asked) => asked.startsWith(path) : (asked) => asked === path;
};

/** A place that requests come to: a virtual host, or a facade of one. */
export interface SubPathStation {
  /** The host that serves there. */
  readonly vhost: { readonly name: string; readonly subPaths: SubPaths | undefined };
}

/**
 * Follows `<Sub>` from host to host (VHT-30, VHT-37). Whoever would be visited twice is not: the request stays where it
 * is. Undefined when it is handed to a host that is not served.
 */
export const followSubPaths = <Station extends SubPathStation>(
  first: Station,
  path: string,
  stationOf: (vhost: string) => Station | undefined,
): Station | undefined => {
  const visited = new Set<string>();
  let station = first;
  for (;;) {
    const name = station.vhost.subPaths?.(path);
    if (name === undefined) return station;
    visited.add(station.vhost.name);
    const next = stationOf(name);
    if (next === undefined) return undefined;
    if (visited.has(next.vhost.name)) return station;
    station = next;
  }
};
