import { lookup, Resolver } from "node:dns/promises";
import { networkInterfaces } from "node:os";
import type { ResolvedIp } from "./ipTable.ts";
import { HOSTS_FILE_TTL_SECONDS } from "./limits.ts";

/** A or AAAA. */
export type IpFamily = 4 | 6;

/** Asks name servers. Rejects with anything when there is no answer; may take long or forever. */
export interface OriginResolver {
  resolve(domain: string, family: IpFamily): Promise<readonly ResolvedIp[]>;
}

export interface SystemResolverOptions {
  /** `ip` or `ip:port`; empty: those of the system. */
  readonly servers: readonly string[];
  /** Asked about names that the name servers do not know; the hosts file, as the system reads it, when absent. */
  readonly lookUp?: (domain: string, family: IpFamily) => Promise<readonly string[]>;
  /** Whether this host can reach IPv6 addresses other than its own; looked up when absent. */
  readonly hasIpv6?: () => boolean;
}

const QUERY_TIMEOUT_MS = 1_500;
const QUERY_TRIES = 2;
const LOOPBACK_V6 = "::1";

/** One address of that family; the system's own order of sources. */
const lookUpInSystem = async (domain: string, family: IpFamily): Promise<readonly string[]> =>
  (await lookup(domain, { family, all: true })).map(({ address }) => address);

/** An address that leads out of this host: AAAA records are of no use without one (RFC 3484, what getaddrinfo does). */
const hasGlobalIpv6 = (): boolean =>
  Object.values(networkInterfaces()).some((addresses) =>
    addresses?.some(({ family, internal, address }) => family === "IPv6" && !internal && !/^fe80:/i.test(address)),
  );

/** Resolves with the name servers' TTLs. */
export const createSystemResolver = (options: SystemResolverOptions): OriginResolver => {
  const resolver = new Resolver({ timeout: QUERY_TIMEOUT_MS, tries: QUERY_TRIES });
  if (options.servers.length > 0) resolver.setServers(options.servers);
  const lookUp = options.lookUp ?? lookUpInSystem;
  const hasIpv6 = options.hasIpv6 ?? hasGlobalIpv6;
  const query = async (domain: string, family: IpFamily): Promise<readonly ResolvedIp[]> => {
    const records =
      family === 4 ? await resolver.resolve4(domain, { ttl: true }) : await resolver.resolve6(domain, { ttl: true });
    return records.map(({ address, ttl }) => ({ ip: address, ttlSeconds: ttl }));
  };
  const resolve: OriginResolver["resolve"] = async (domain, family) => {
    try {
      return await query(domain, family);
    } catch (cause) {
      const found = await lookUp(domain, family).catch(() => []);
      if (found.length === 0) throw cause;
      return found.map((ip) => ({ ip, ttlSeconds: HOSTS_FILE_TTL_SECONDS }));
    }
  };
  return {
    resolve: async (domain, family) => {
      if (family === 4) return resolve(domain, family);
      const answer = await resolve(domain, family);
      return hasIpv6() ? answer : answer.filter(({ ip }) => ip === LOOPBACK_V6);
    },
  };
};
