/** A virtual host as a test describes it. */
export interface VhostSpec {
  readonly name: string;
  /** One or more `<Address>` texts. */
  readonly origin: string | readonly string[];
  /** `Active` when absent. */
  readonly status?: string;
  /** Further inner elements of `<Origin>`, e.g. `<HealthChecker>/</HealthChecker>`. */
  readonly originXml?: string;
  /** Further inner elements of `<Vhost>`, e.g. `<Options>…</Options>`. */
  readonly xml?: string;
  /** Condition files by name, e.g. `{ "ttl.txt": "/a, 60" }`. */
  readonly conditions?: Readonly<Record<string, string>>;
}

/** A `<Disk>` as a test describes it. */
export interface DiskSpec {
  /** Folder; `disk{n}` in the home when absent. */
  readonly path?: string;
  readonly quotaGigabytes?: number;
}

/** What the two XML files say; everything may change between starts and reloads. */
export interface EdgeConfiguration {
  readonly vhosts: readonly VhostSpec[];
  /** Accept workers; 2 when absent. */
  readonly workers?: number;
  /** Number of disk folders, the disks one by one, or memory-only mode; 1 when absent. */
  readonly disks?: number | readonly DiskSpec[] | "memory";
  /** Attributes of `<Storage>`. */
  readonly storage?: Readonly<Record<string, string | number>>;
  /** Further elements of `<Cache>`. */
  readonly serverXml?: string;
  /** Further elements of `<Host>`. */
  readonly hostXml?: string;
  /** Elements inside `<Manager>`, e.g. `<Allow …>`. */
  readonly managerXml?: string;
  readonly vhostDefaultXml?: string;
  /** Further elements of `<Server>`, e.g. `<Ftp …>`. */
  readonly rootXml?: string;
  /** Further elements of `<Vhosts>`, e.g. `<URLRewrite>…</URLRewrite>`. */
  readonly vhostsXml?: string;
  /** Name of the `<Default>` host. */
  readonly defaultVhost?: string;
}

export interface EdgeOptions extends EdgeConfiguration {
  /** `detached` leaves the program to its own launcher, as an operator does. */
  readonly start?: "foreground" | "detached";
  /** Program and leading arguments instead of the built CLI. */
  readonly program?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly readyLimitMs?: number;
}

export interface EdgePorts {
  readonly service: number;
  readonly manager: number;
}

const escapeXml = (text: string): string =>
  text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/"/g, "&quot;");

/** Elements with values fit for tests, unless the test gives its own. */
const withDefaults = (given: string, defaults: Readonly<Record<string, string>>): string =>
  Object.entries(defaults)
    .filter(([tag]) => !new RegExp(`<${tag}[\\s>/]`).test(given))
    .map(([tag, value]) => `    <${tag}>${value}</${tag}>`)
    .concat(given)
    .join("\n");

/** The disks with the folders that they get. */
export const disksOf = ({ disks = 1 }: EdgeConfiguration, home: string): (DiskSpec & { readonly path: string })[] => {
  if (disks === "memory") return [];
  const specs: readonly DiskSpec[] = typeof disks === "number" ? Array.from({ length: disks }, () => ({})) : disks;
  return specs.map((spec, index) => ({ path: `${home}/disk${index + 1}`, ...spec }));
};

const renderStorage = (configuration: EdgeConfiguration, home: string): string => {
  const attributes = Object.entries(configuration.storage ?? {}).map(([name, value]) => ` ${name}="${value}"`);
  const disks = disksOf(configuration, home).map(({ path, quotaGigabytes }) => {
    const quota = quotaGigabytes === undefined ? "" : ` Quota="${quotaGigabytes}"`;
    return `<Disk${quota}>${escapeXml(path)}</Disk>`;
  });
  return `<Storage${attributes.join("")}>${disks.join("")}</Storage>`;
};

export const renderServerXml = (configuration: EdgeConfiguration, ports: EdgePorts, home: string): string => {
  const { workers = 2, serverXml = "", hostXml = "", managerXml = "" } = configuration;
  const cache = withDefaults(serverXml, {
    Listen: "127.0.0.1",
    Workers: String(workers),
    TransformThreads: "1",
    MemoryPath: escapeXml(`${home}/memory`),
    DrainSeconds: "5",
  });
  const host = withDefaults(hostXml, { Name: "testkit" });
  const defaults = configuration.vhostDefaultXml;
  return `<Server>
  <Host>
${host}
    <Manager Port="${ports.manager}">${managerXml}</Manager>
  </Host>
  <Cache>
    ${renderStorage(configuration, home)}
${cache}
  </Cache>
${configuration.rootXml ?? ""}
${defaults === undefined ? "" : `  <VHostDefault>${defaults}</VHostDefault>\n`}</Server>
`;
};

export const renderVhostsXml = (configuration: EdgeConfiguration, ports: EdgePorts): string => {
  const hosts = configuration.vhosts.map((vhost) => {
    const addresses = typeof vhost.origin === "string" ? [vhost.origin] : vhost.origin;
    const status = vhost.status === undefined ? "" : ` Status="${escapeXml(vhost.status)}"`;
    return `  <Vhost Name="${escapeXml(vhost.name)}"${status}>
    <Listen>127.0.0.1:${ports.service}</Listen>
    <Origin>${addresses.map((address) => `<Address>${escapeXml(address)}</Address>`).join("")}${vhost.originXml ?? ""}</Origin>
    ${vhost.xml ?? ""}
  </Vhost>`;
  });
  const chosen = configuration.defaultVhost;
  const fallback = chosen === undefined ? "" : `  <Default>${escapeXml(chosen)}</Default>\n`;
  return `<Vhosts>\n${hosts.join("\n")}\n${fallback}${configuration.vhostsXml ?? ""}</Vhosts>\n`;
};
