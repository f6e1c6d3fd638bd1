import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, renameSync } from "node:fs";
import { dirname } from "node:path";
import type { Command } from "../command.ts";
import { parseWholeNumber } from "../command.ts";
import { readStatus } from "../controlClient.ts";
import { EXIT } from "../exitCodes.ts";
import { type Home, processEnvironment } from "../home.ts";
import { launch } from "../launch.ts";
import { fileSize, readLastLines } from "../logTail.ts";
import { formatQuantity, print, printError } from "../output.ts";
import { readLivePid } from "../pidFile.ts";
import { launcherEntry } from "../programEntries.ts";
import { isServing, pollUntil } from "../waiting.ts";

const START_TIMEOUT_SECONDS = 60;
const MAX_LAUNCHER_LOG_BYTES = 16 * 1024 * 1024;
const SHOWN_LINES = 20;

const spawnLauncher = (home: Home): ChildProcess => {
  mkdirSync(dirname(home.launcherLog), { recursive: true });
  if (fileSize(home.launcherLog) > MAX_LAUNCHER_LOG_BYTES) renameSync(home.launcherLog, `${home.launcherLog}.1`);
  const log = openSync(home.launcherLog, "a");
  try {
    return spawn(process.execPath, [...process.execArgv, launcherEntry()], {
      env: processEnvironment(home),
      cwd: "/",
      stdio: ["ignore", log, log],
      detached: true,
    });
  } finally {
    closeSync(log);
  }
};

const findRunning = async (home: Home): Promise<number | undefined> =>
  readLivePid(home.launcherPidFile) ?? (await readStatus(home))?.pid;

type StartResult =
  | { readonly kind: "serving"; readonly pid: number; readonly workers: number }
  | { readonly kind: "ended" };

const waitUntilServing = (home: Home, launcher: ChildProcess, timeoutMs: number): Promise<StartResult | undefined> =>
  pollUntil<StartResult>(async () => {
    if (launcher.exitCode !== null || launcher.signalCode !== null) return { kind: "ended" };
    const status = await readStatus(home);
    return status !== undefined && isServing(status)
      ? { kind: "serving", pid: status.pid, workers: status.workers.length }
      : undefined;
  }, timeoutMs);

const startDetached = async (home: Home, timeoutMs: number): Promise<number> => {
  const launcherLogStart = fileSize(home.launcherLog);
  const infoLogStart = fileSize(home.infoLog);
  const launcher = spawnLauncher(home);
  launcher.on("error", (error) => printError(error.message));
  const result = await waitUntilServing(home, launcher, timeoutMs);
  if (result?.kind === "serving") {
    print(`Basalt is running: pid ${result.pid}, ${formatQuantity(result.workers, "worker")}.`);
    launcher.unref();
    return EXIT.done;
  }
  printError(result === undefined ? `Basalt did not start within ${timeoutMs / 1000} s.` : "Basalt did not start.");
  if (result === undefined) launcher.kill("SIGTERM");
  launcher.unref();
  for (const [path, start] of [
    [home.launcherLog, launcherLogStart],
    [home.infoLog, infoLogStart],
  ] as const) {
    const lines = readLastLines(path, SHOWN_LINES, Math.min(start, fileSize(path)));
    if (lines.length > 0) printError(`Last lines of ${path}:\n${lines.map((line) => `  ${line}`).join("\n")}`);
  }
  return launcher.exitCode === EXIT.configuration ? EXIT.configuration : EXIT.failed;
};

export const start: Command = {
  name: "start",
  words: [],
  options: ["foreground", "timeout"],
  doc: "Starts the instance and waits until all workers serve.",
  run: async ({ home, options }) => {
    if (!existsSync(home.path)) {
      printError(`There is no home folder ${home.path}; name another with --home.`);
      return EXIT.failed;
    }
    const running = await findRunning(home);
    if (running !== undefined) {
      printError(`Basalt already runs on ${home.path}, pid ${running}.`);
      return EXIT.failed;
    }
    if (options.foreground) return launch(home);
    const timeoutSeconds =
      options.timeout === undefined ? START_TIMEOUT_SECONDS : parseWholeNumber(options.timeout, "--timeout", 1, 86_400);
    return startDetached(home, timeoutSeconds * 1000);
  },
};
