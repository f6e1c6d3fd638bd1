import { availableParallelism, hostname } from "node:os";
import { type ConfigOutcome, type ConfigSources, checkFiles, parseConfig, readConfigSources } from "@basalt/config";

/** Compiles the files of a configuration for a home folder, and looks at the files that they name. */
export const compileConfig = async (
  sources: ConfigSources,
  home: string,
  generation: number,
): Promise<ConfigOutcome> => {
  const outcome = parseConfig(sources, { home, generation, cores: availableParallelism(), hostName: hostname() });
  if (!outcome.ok) return outcome;
  const problems = await checkFiles(outcome.config, outcome.provenance);
  return problems.length === 0 ? outcome : { ok: false, problems };
};

export type LoadedConfig = ConfigOutcome & { readonly sources: ConfigSources };

/** Reads and compiles the configuration files of a home folder. */
export const loadConfig = async (home: string, generation: number): Promise<LoadedConfig> => {
  const sources = await readConfigSources(home);
  return { ...(await compileConfig(sources, home, generation)), sources };
};
