import type { EdgeConfig, VhostSettings } from "@basalt/config";

/** Which virtual host answers. Compiled once per configuration; a lookup costs the same with ten or 10,000 hosts. */
export interface VhostTable {
  /**
   * The host of a request that came in on `port` (CFG-58): name, exact alias, pattern alias with the longest suffix,
   * default, among the active hosts that listen on that port (CFG-55, CFG-60). A port in `hostField` is ignored.
   * A field equal to a configured name, in lower case, with or without that port, allocates nothing.
   */
  select(hostField: string | undefined, port: number): VhostSettings | undefined;
  /**
   * The host whose content an operator means by a name (PRG-12): no default, any port, inactive hosts too since their
   * content is kept. For a facade it is the one that serves (VHT-24).
   */
  find(host: string): VhostSettings | undefined;
}

export const compileVhostTable = (config: EdgeConfig): VhostTable => {
  const all = new NameTable(config.vhosts);
  const byPort = new Map<number, PortTable>();
  for (const [port, listening] of groupByPort(config.vhosts)) {
    const names = new NameTable(listening, port);
    byPort.set(port, { names, fallback: listening.find((vhost) => vhost.name === config.defaultVhost) });
  }
  return {
    select: (hostField, port) => {
      const table = byPort.get(port);
      if (table === undefined) return undefined;
      return (hostField === undefined ? undefined : table.names.find(hostField)) ?? table.fallback;
    },
    find: (host) => {
      const found = all.find(host);
      return found?.facadeOf === undefined ? found : all.findName(found.facadeOf);
    },
  };
};

interface PortTable {
  readonly names: NameTable;
  readonly fallback: VhostSettings | undefined;
}

/** The active hosts by the ports they listen on, in the order of the configuration. */
const groupByPort = (vhosts: readonly VhostSettings[]): Map<number, VhostSettings[]> => {
  const byPort = new Map<number, VhostSettings[]>();
  for (const vhost of vhosts) {
    if (vhost.status !== "Active") continue;
    for (const port of new Set(vhost.listen.map((listen) => listen.port))) {
      const listening = byPort.get(port);
      if (listening === undefined) byPort.set(port, [vhost]);
      else listening.push(vhost);
    }
  }
  return byPort;
};

/**
 * Names and aliases of a set of hosts. Suffixes that begin with a dot are looked up at the dots of the host only; the
 * others (`*example.com`) once per distinct length.
 */
class NameTable {
  readonly #exact = new Map<string, VhostSettings>();
  readonly #labelSuffixes = new Map<string, VhostSettings>();
  readonly #otherSuffixes = new Map<string, VhostSettings>();
  readonly #otherLengths: readonly number[];
  readonly #longestLabelSuffix: number;

  constructor(vhosts: readonly VhostSettings[], port?: number) {
    for (const vhost of vhosts) this.#addName(vhost.name.toLowerCase(), vhost, port);
    for (const vhost of vhosts) {
      for (const alias of vhost.aliases) {
        const name = alias.toLowerCase();
        if (name.startsWith("*")) this.#addSuffix(name.slice(1), vhost);
        else this.#addName(name, vhost, port);
      }
    }
    this.#otherLengths = [...new Set([...this.#otherSuffixes.keys()].map((suffix) => suffix.length))].sort(
      (left, right) => right - left,
    );
    this.#longestLabelSuffix = Math.max(0, ...new Set([...this.#labelSuffixes.keys()].map((suffix) => suffix.length)));
  }

  #addName(name: string, vhost: VhostSettings, port: number | undefined): void {
    if (!this.#exact.has(name)) this.#exact.set(name, vhost);
    if (port === undefined) return;
    const withPort = `${name}:${port}`;
    if (!this.#exact.has(withPort)) this.#exact.set(withPort, vhost);
  }

  #addSuffix(suffix: string, vhost: VhostSettings): void {
    const suffixes = suffix.startsWith(".") ? this.#labelSuffixes : this.#otherSuffixes;
    if (!suffixes.has(suffix)) suffixes.set(suffix, vhost);
  }

  findName(name: string): VhostSettings | undefined {
    return this.#exact.get(name.toLowerCase());
  }

  find(hostField: string): VhostSettings | undefined {
    const direct = this.#exact.get(hostField);
    if (direct !== undefined) return direct;
    const host = hostNameOf(hostField);
    return this.#exact.get(host) ?? this.#findBySuffix(host);
  }

  #findBySuffix(host: string): VhostSettings | undefined {
    let best: VhostSettings | undefined;
    let bestLength = -1;
    const from = Math.max(0, host.length - this.#longestLabelSuffix);
    for (let dot = host.indexOf(".", from); dot >= 0 && best === undefined; dot = host.indexOf(".", dot + 1)) {
      best = this.#labelSuffixes.get(host.slice(dot));
      if (best !== undefined) bestLength = host.length - dot;
    }
    for (const length of this.#otherLengths) {
      if (length <= bestLength) break;
      if (length > host.length) continue;
      const found = this.#otherSuffixes.get(host.slice(host.length - length));
      if (found !== undefined) return found;
    }
    return best;
  }
}

/** The name in a Host field: lower case, without port (CFG-58). The brackets of an IPv6 address stay. */
export const hostNameOf = (hostField: string): string => {
  const lower = hostField.toLowerCase();
  const colon = lower.lastIndexOf(":");
  return colon < 0 || lower.endsWith("]") ? lower : lower.slice(0, colon);
};
