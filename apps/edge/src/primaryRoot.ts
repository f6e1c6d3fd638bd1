import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { createInfoLog, readableStack } from "@basalt/telemetry";
import { AdjustableClock, EdgeError, formatProblem } from "@basalt/types";
import { recoverPlacement } from "./configHistoryPlacement.ts";
import { Instance } from "./instance.ts";
import { LauncherLink } from "./launcherLink.ts";
import { loadConfig } from "./loadConfig.ts";
import { OrphanWorkers, orphanSocketPath } from "./orphanWorkers.ts";

/** Composition root of the primary; started by the launcher with BASALT_HOME set. */

/** The configuration is at fault: starting again would not help. */
const EXIT_CONFIGURATION = 78;

const home = resolve(process.env.BASALT_HOME ?? "/usr/local/basalt");
for (const folder of ["log", "run", "data"]) mkdirSync(join(home, folder), { recursive: true });

const clock = new AdjustableClock();
const log = createInfoLog(join(home, "log", "info.log"), clock, { echo: (line) => process.stdout.write(line) });

const exit = (code: number): void => process.exit(code);

const fail = async (text: string, code: number): Promise<void> => {
  log.error(text);
  await log.close();
  exit(code);
};

process.on("uncaughtException", (error) => void fail(`primary ends: ${readableStack(error)}`, 1));

const launched = await LauncherLink.open();
const orphans = new OrphanWorkers(orphanSocketPath(home), launched?.taken.orphans ?? [], log);

if (await recoverPlacement(home))
  log.warning("a change of the configuration that did not come to its end is taken back");
const outcome = await loadConfig(home, 1);
if (!outcome.ok) {
  for (const problem of outcome.problems) log.error(formatProblem(problem));
  await fail("not started: the configuration has errors", EXIT_CONFIGURATION);
} else {
  for (const warning of outcome.warnings) log.warning(formatProblem(warning));
  try {
    const instance = await Instance.open({
      home,
      config: outcome.config,
      provenance: outcome.provenance,
      sources: outcome.sources,
      clock,
      log,
      launched,
      orphans,
      hasTestClock: process.env.BASALT_TEST_CLOCK === "1",
      exit,
    });
    process.on("SIGTERM", () => void instance.stop(0));
    process.on("SIGINT", () => void instance.stop(0));
    process.on("SIGHUP", () => {
      log.reopen();
      instance.reload().catch((cause: unknown) => log.error(`reload failed: ${EdgeError.from(cause).detail}`));
    });
    await instance.start();
  } catch (cause) {
    const error = EdgeError.from(cause);
    await fail(`not started: ${error.detail}`, EXIT_CONFIGURATION);
  }
}
