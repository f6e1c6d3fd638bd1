/** A server under test, started by the rig and ended by it. */
export interface Contender {
  readonly name: "basalt" | "nginx";
  readonly port: number;
  /** Where it speaks TLS, if it does. */
  readonly tlsPort: number | undefined;
  /** The processes that serve clients. */
  workerPids(): Promise<readonly number[]>;
  /** All its processes, the workers among them. */
  allPids(): readonly number[];
  /** The end of what it logged, for the report of a failure. */
  lastWords(): Promise<string>;
  stop(): Promise<void>;
}

/** How a contender is to be set up. */
export interface ContenderSettings {
  readonly folder: string;
  readonly originPort: number;
  readonly workers: number;
  readonly cores: readonly number[];
  /** Smallest possible memory tier, so that a large set of objects is served from the page cache. */
  readonly smallMemoryTier?: boolean;
  /** Writes a line for each request. */
  readonly hasAccessLog?: boolean;
  /** Speaks TLS too, by a certificate with such a key. */
  readonly certificate?: "ec" | "rsa";
  /** Program of another build of Basalt. */
  readonly program?: string;
  readonly environment?: Readonly<Record<string, string>>;
}

export type StartContender = (settings: ContenderSettings) => Promise<Contender>;
