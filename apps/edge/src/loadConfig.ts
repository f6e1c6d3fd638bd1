import { availableParallelism, hostname } from "node:os";
import { type ConfigOutcome, parseConfig, readConfigSources } from "@basalt/config";

/** Reads and compiles the configuration files of a home folder. */
export const loadConfig = async (home: string, generation: number): Promise<ConfigOutcome> =>
  parseConfig(await readConfigSources(home), { home, generation, cores: availableParallelism(), hostName: hostname() });
