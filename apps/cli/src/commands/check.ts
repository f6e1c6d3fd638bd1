import { availableParallelism, hostname, networkInterfaces } from "node:os";
import { formatProblem, type Problem } from "@basalt/types";
import type { Command } from "../command.ts";
import { EXIT } from "../exitCodes.ts";
import type { Home } from "../home.ts";
import { formatQuantity, print, printError, printJson } from "../output.ts";
import { readLivePid } from "../pidFile.ts";

interface Findings {
  readonly problems: readonly Problem[];
  /** Undefined for a configuration that cannot be put in service. */
  readonly vhosts: number | undefined;
}

const addressesOfMachine = (): ReadonlySet<string> =>
  new Set(Object.values(networkInterfaces()).flatMap((known) => (known ?? []).map(({ address }) => address)));

/** A dry run: reads what a start would read and changes nothing. */
const checkHome = async (home: Home): Promise<Findings> => {
  // Loaded here alone: the other commands start several times faster without it.
  const {
    adviseOnConfig,
    checkFiles,
    checkHttps,
    checkStart,
    parseConfig,
    readConfigSources,
    readListeningSockets,
    settleSecrets,
  } = await import("@basalt/config");
  const outcome = parseConfig(await readConfigSources(home.path), {
    home: home.path,
    generation: 1,
    cores: availableParallelism(),
    hostName: hostname(),
  });
  if (!outcome.ok) return { problems: outcome.problems, vhosts: undefined };
  const { config, provenance, warnings } = outcome;
  const primary = readLivePid(home.primaryPidFile);
  const found = [
    ...(await checkFiles(config, provenance)),
    ...(await settleSecrets(config, provenance, home.path)).problems,
    ...(await checkHttps(config, Date.now())),
    ...(await checkStart(config, provenance, {
      listeners: readListeningSockets(primary === undefined ? [] : [primary]),
      addresses: addressesOfMachine(),
    })),
  ];
  const isSound = found.every(({ severity }) => severity !== "error");
  return {
    problems: [...warnings, ...adviseOnConfig(config), ...found],
    vhosts: isSound ? config.vhosts.length : undefined,
  };
};

export const check: Command = {
  name: "check",
  words: [],
  options: ["json"],
  doc: "Reads the configuration files and prints what is wrong with them.",
  run: async ({ home, options }) => {
    const { problems, vhosts } = await checkHome(home);
    const isSound = vhosts !== undefined;
    if (options.json) {
      printJson({ ok: isSound, problems });
      return isSound ? EXIT.done : EXIT.failed;
    }
    for (const problem of problems) printError(formatProblem(problem));
    if (!isSound) {
      printError("The configuration cannot be put in service.");
      return EXIT.failed;
    }
    print(`The configuration is sound: ${formatQuantity(vhosts, "virtual host")}.`);
    return EXIT.done;
  },
};
