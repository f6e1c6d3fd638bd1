import { availableParallelism, hostname } from "node:os";
import {
  adviseOnTimeouts,
  type ConfigOutcome,
  type ConfigSources,
  checkFiles,
  parseConfig,
  readConfigSources,
  settleSecrets,
} from "@basalt/config";

/** Compiles the files of a configuration for a home folder, and looks at the files that they name. */
export const compileConfig = async (
  sources: ConfigSources,
  home: string,
  generation: number,
): Promise<ConfigOutcome> => {
  const outcome = parseConfig(sources, { home, generation, cores: availableParallelism(), hostName: hostname() });
  if (!outcome.ok) return outcome;
  const { provenance, warnings } = outcome;
  const secrets = await settleSecrets(outcome.config, provenance, home);
  const problems = [...(await checkFiles(secrets.config, provenance)), ...secrets.problems];
  if (problems.some(({ severity }) => severity === "error")) return { ok: false, problems };
  const advice = adviseOnTimeouts(secrets.config);
  return { ok: true, config: secrets.config, provenance, warnings: [...warnings, ...problems, ...advice] };
};

export type LoadedConfig = ConfigOutcome & { readonly sources: ConfigSources };

/** Reads and compiles the configuration files of a home folder. */
export const loadConfig = async (home: string, generation: number): Promise<LoadedConfig> => {
  const sources = await readConfigSources(home);
  return { ...(await compileConfig(sources, home, generation)), sources };
};
