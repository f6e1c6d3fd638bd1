import { hasProfileDefault, type Provenance, type VhostSettings } from "@basalt/config";
import type { ConfigSource } from "./contract.ts";

/** Finds the line behind a value. */
export interface Sources {
  /** Of an element below `<Vhost>`, `index` counting repeated ones. */
  option(element: string, index?: number): ConfigSource;
  server(element: string): ConfigSource;
  vhosts(element: string): ConfigSource;
  /** A line of a condition file of the host. */
  condition(fileName: string, line: number): ConfigSource;
}

/** Of one virtual host; undefined before one is chosen. */
export const createSources = (provenance: Provenance, vhost: VhostSettings | undefined): Sources => ({
  option: (element, index = 0) => {
    const places = vhost === undefined ? [] : provenance.placesOf(vhost.name, element);
    const place = places[index] ?? places[0];
    if (place !== undefined) return { kind: "line", ...place };
    const profile = vhost?.options.cachingProfile ?? "guide";
    return hasProfileDefault(element, profile) ? { kind: "default", element, profile } : { kind: "default", element };
  },
  server: (element) => {
    const [place] = provenance.serverPlacesOf(element);
    return place === undefined ? { kind: "default", element: `Server/${element}` } : { kind: "line", ...place };
  },
  vhosts: (element) => {
    const [place] = provenance.vhostsPlacesOf(element);
    return place === undefined ? { kind: "default", element: `Vhosts/${element}` } : { kind: "line", ...place };
  },
  condition: (fileName, line) => ({
    kind: "line",
    file: `svc/${vhost?.name ?? ""}/${fileName}`,
    line,
    element: "",
  }),
});
