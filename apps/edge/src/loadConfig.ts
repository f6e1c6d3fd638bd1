import { availableParallelism, hostname } from "node:os";
import { type ConfigOutcome, checkFiles, parseConfig, readConfigSources } from "@basalt/config";

/** Reads and compiles the configuration files of a home folder, and looks at the files that they name. */
export const loadConfig = async (home: string, generation: number): Promise<ConfigOutcome> => {
  const outcome = parseConfig(await readConfigSources(home), {
    home,
    generation,
    cores: availableParallelism(),
    hostName: hostname(),
  });
  if (!outcome.ok) return outcome;
  const problems = await checkFiles(outcome.config, outcome.provenance);
  return problems.length === 0 ? outcome : { ok: false, problems };
};
