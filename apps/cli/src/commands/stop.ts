import type { Command } from "../command.ts";
import { parseWholeNumber } from "../command.ts";
import { askControl, readStatus } from "../controlClient.ts";
import { EXIT } from "../exitCodes.ts";
import { print, printError } from "../output.ts";
import { isAlive, readLivePid, releasePidFile } from "../pidFile.ts";
import { pollUntil } from "../waiting.ts";

const STOP_TIMEOUT_SECONDS = 40;
const KILL_TIMEOUT_MS = 5_000;

const signal = (pid: number, name: "SIGTERM" | "SIGKILL"): void => {
  try {
    process.kill(pid, name);
  } catch {
    // Gone meanwhile: what was wanted.
  }
};

/** A primary leads a process group of its own, in which its workers are: they would outlive it. */
const killGroup = (primary: number): void => {
  signal(-primary, "SIGKILL");
  signal(primary, "SIGKILL");
};

const waitForEnd = (pids: readonly number[], timeoutMs: number): Promise<true | undefined> =>
  pollUntil(() => Promise.resolve(pids.some(isAlive) ? undefined : true), timeoutMs);

export const stop: Command = {
  name: "stop",
  words: [],
  options: ["timeout"],
  doc: "Stops the instance after its connections are finished; after --timeout seconds (40) by force.",
  run: async ({ home, options }) => {
    const timeoutSeconds =
      options.timeout === undefined ? STOP_TIMEOUT_SECONDS : parseWholeNumber(options.timeout, "--timeout", 1, 86_400);
    const launcher = readLivePid(home.launcherPidFile);
    const primary = (await readStatus(home))?.pid ?? readLivePid(home.primaryPidFile);
    const pids = [launcher, primary].filter((pid) => pid !== undefined);
    if (pids.length === 0) {
      print("Basalt is not running.");
      return EXIT.done;
    }
    const asked = await askControl(home, "/control/stop");
    if (asked.kind !== "answered") for (const pid of pids.slice(0, 1)) signal(pid, "SIGTERM");
    if ((await waitForEnd(pids, timeoutSeconds * 1000)) === true) {
      print("Basalt has stopped.");
      return EXIT.done;
    }
    if (launcher !== undefined) signal(launcher, "SIGKILL");
    if (primary !== undefined) killGroup(primary);
    if ((await waitForEnd(pids, KILL_TIMEOUT_MS)) === undefined) {
      printError(`Basalt could not be stopped: pid ${pids.join(", ")}.`);
      return EXIT.failed;
    }
    if (launcher !== undefined) releasePidFile(home.launcherPidFile, launcher);
    if (primary !== undefined) releasePidFile(home.primaryPidFile, primary);
    print(`Basalt did not stop within ${timeoutSeconds} s and was killed.`);
    return EXIT.done;
  },
};
