import type { EdgeConfig, VhostSettings } from "@basalt/config";

/** Stands for the port of a connection with TLS: its listeners serve every host that listens somewhere (CFG-60). */
export const HTTPS_PORTS = 0;

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
  const steps = compileVhostTableInSteps(config);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
};

/** The same in small steps: with thousands of hosts it takes longer than a process that serves may be away. */
export function* compileVhostTableInSteps(config: EdgeConfig): Generator<void, VhostTable> {
  const all = new NameTable();
  yield* all.add(config.vhosts);
  const byPort = new Map<number, PortTable>();
  const groups = groupByPort(config.vhosts);
  if (config.server.https.length > 0) {
    groups.set(
      HTTPS_PORTS,
      config.vhosts.filter(({ status, listen }) => status === "Active" && listen.length > 0),
    );
  }
  for (const [port, listening] of groups) {
    const names = new NameTable(port);
    yield* names.add(listening);
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
}

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
  readonly #port: number | undefined;
  #otherLengths: readonly number[] = [];
  #longestLabelSuffix = 0;

  /** With `port`, names with that port are found too. */
  constructor(port?: number) {
    this.#port = port;
  }

  /** Names count before aliases: to be called once. */
  *add(vhosts: readonly VhostSettings[]): Generator<void, void> {
    for (const vhost of vhosts) {
      this.#addName(vhost.name.toLowerCase(), vhost);
      yield;
    }
    const otherLengths = new Set<number>();
    for (const vhost of vhosts) {
      for (const alias of vhost.aliases) {
        const name = alias.toLowerCase();
        if (name.startsWith("*.")) this.#longestLabelSuffix = Math.max(this.#longestLabelSuffix, name.length - 1);
        else if (name.startsWith("*")) otherLengths.add(name.length - 1);
        if (name.startsWith("*")) this.#addSuffix(name.slice(1), vhost);
        else this.#addName(name, vhost);
      }
      yield;
    }
    this.#otherLengths = [...otherLengths].sort((left, right) => right - left);
  }

  #addName(name: string, vhost: VhostSettings): void {
    if (!this.#exact.has(name)) this.#exact.set(name, vhost);
    if (this.#port === undefined) return;
    const withPort = `${name}:${this.#port}`;
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
