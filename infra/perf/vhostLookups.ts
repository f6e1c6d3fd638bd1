import type { ConfigSources, EdgeConfig } from "../../packages/config/src/index.ts";
import { parseConfig } from "../../packages/config/src/index.ts";
import { compileVhostTable } from "../../packages/policy/src/index.ts";
import { seededRandom } from "./seededRandom.ts";

const LOOKUPS = 200_000;
const ROUNDS = 5;

export const hostName = (index: number): string => `www.host${index}.example.com`;

/** The further names of each host: an alias and a pattern. */
export const aliasXml = (index: number): string =>
  `<Alias>host${index}.example.com</Alias><Alias>*.host${index}.example.net</Alias>`;

const KINDS: readonly (readonly [kind: string, nameOf: (index: number) => string])[] = [
  ["name", hostName],
  ["alias", (index) => `host${index}.example.com`],
  ["pattern", (index) => `a.b.host${index}.example.net`],
  ["unknown", (index) => `nobody${index}.example.org`],
];

const configOf = (hosts: number): EdgeConfig => {
  const vhosts = Array.from(
    { length: hosts },
    (_, index) =>
      `<Vhost Name="${hostName(index)}">${aliasXml(index)}<Origin><Address>127.0.0.1</Address></Origin></Vhost>`,
  );
  const sources: ConfigSources = new Map([
    ["server.xml", "<Server/>"],
    ["vhosts.xml", `<Vhosts>${vhosts.join("\n")}</Vhosts>`],
  ]);
  const outcome = parseConfig(sources, { home: "/opt/basalt", generation: 1, cores: 1, hostName: "bench" });
  if (!outcome.ok) throw new Error("the configuration is wrong");
  return outcome.config;
};

/** CPU nanoseconds of one lookup by a name that is drawn at random, the least of some rounds, by kind of name. */
export const measureVhostLookups = (hosts: number): ReadonlyMap<string, number> => {
  const table = compileVhostTable(configOf(hosts));
  const random = seededRandom(7);
  const figures = new Map<string, number>();
  for (const [kind, nameOf] of KINDS) {
    const names = Array.from({ length: LOOKUPS }, () => nameOf(Math.floor(random() * hosts)));
    let least = Number.POSITIVE_INFINITY;
    for (let round = 0; round < ROUNDS; round++) {
      const before = process.threadCpuUsage();
      let found = 0;
      for (const name of names) if (table.select(name, 80) !== undefined) found += 1;
      const { user, system } = process.threadCpuUsage(before);
      if (found !== (kind === "unknown" ? 0 : names.length)) throw new Error(`${kind}: ${found} found`);
      least = Math.min(least, ((user + system) * 1000) / names.length);
    }
    figures.set(kind, least);
  }
  return figures;
};
