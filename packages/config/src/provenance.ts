import type { CachingProfile } from "./contract.ts";
import type { AnyOption } from "./options/option.ts";
import { ORIGIN_OPTIONS } from "./options/originOptions.ts";
import { VHOST_OPTIONS } from "./options/vhostOptions.ts";
import { flattenTable } from "./options/walkTable.ts";
import type { WrittenHosts } from "./readVhosts.ts";
import { SERVER_FILE } from "./serverPlaces.ts";
import { VHOSTS_FILE } from "./vhostsPlaces.ts";
import type { WrittenPlaces } from "./writtenPlaces.ts";

/** The line that a value comes from. */
export interface ConfigPlace {
  readonly file: string;
  /** Counted from 1. */
  readonly line: number;
  /** Element path from the root of the file, e.g. `Vhosts/Vhost/Options/AgeHeader`. */
  readonly element: string;
}

/**
 * Which line has set a value. Kept beside a configuration by whoever explains it, never sent to workers; it takes memory
 * for what is written only, not for what is inherited.
 */
export interface Provenance {
  /**
   * Places that set an element of a virtual host, named below `<Vhost>` (`Options/TTL/Res2xx@Ratio`, `Alias`, `@Name`):
   * its own, else those of `<VHostDefault>`. Several for a repeated element, in the order of the file; none for what has
   * its built-in default.
   */
  placesOf(vhost: string, element: string): readonly ConfigPlace[];
  /** As `placesOf`, for an element below `<Server>`. */
  serverPlacesOf(element: string): readonly ConfigPlace[];
  /** As `placesOf`, for an element of `vhosts.xml` that belongs to no host. */
  vhostsPlacesOf(element: string): readonly ConfigPlace[];
}

export interface WrittenConfig {
  readonly server: WrittenPlaces;
  /** Below `<VHostDefault>`. */
  readonly inherited: WrittenPlaces;
  readonly vhosts: WrittenPlaces;
  readonly hosts: WrittenHosts;
}

export const createProvenance = ({ server, inherited, vhosts, hosts }: WrittenConfig): Provenance => {
  const placesIn = (file: string, root: string, places: WrittenPlaces | undefined, element: string): ConfigPlace[] =>
    (places?.linesOf(element) ?? []).map((line) => ({
      file,
      line,
      element: element.startsWith("@") ? `${root}${element}` : `${root}/${element}`,
    }));
  return {
    placesOf: (vhost, element) => {
      const own = placesIn(VHOSTS_FILE, "Vhosts/Vhost", hosts.get(vhost), element);
      return own.length > 0 ? own : placesIn(SERVER_FILE, "Server/VHostDefault", inherited, element);
    },
    serverPlacesOf: (element) => placesIn(SERVER_FILE, "Server", server, element),
    vhostsPlacesOf: (element) => placesIn(VHOSTS_FILE, "Vhosts", vhosts, element),
  };
};

const OPTION_ROWS: ReadonlyMap<string, AnyOption> = new Map([
  ...flattenTable(VHOST_OPTIONS).map((row) => [`Options/${row.at}`, row] as const),
  ...flattenTable(ORIGIN_OPTIONS).map((row) => [`OriginOptions/${row.at}`, row] as const),
]);

/** Whether an element below `<Vhost>` has a default of its own in that profile. */
export const hasProfileDefault = (element: string, profile: CachingProfile): boolean => {
  const row = OPTION_ROWS.get(element);
  return row?.kind === "value" && row.profileDefault?.[profile] !== undefined;
};
