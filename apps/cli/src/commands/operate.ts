import { readFileSync } from "node:fs";
import type { Command } from "../command.ts";
import { parseWholeNumber, UsageError } from "../command.ts";
import { askControl, callControl, readStatus } from "../controlClient.ts";
import { parseReloadResult } from "../envelope.ts";
import { EXIT } from "../exitCodes.ts";
import type { Home } from "../home.ts";
import { formatQuantity, print, printError, printJson } from "../output.ts";
import { readLivePid } from "../pidFile.ts";
import { isServing, pollUntil } from "../waiting.ts";
import { isDone, reportFailure } from "./outcome.ts";

/** A rolling restart waits for each worker's connections. */
const RESTART_TIMEOUT_MS = 30 * 60_000;
const RELOAD_TIMEOUT_MS = 120_000;

const restartFully = async (home: Home): Promise<number> => {
  if (readLivePid(home.launcherPidFile) === undefined) {
    printError("No launcher would bring the instance back; use stop and start.");
    return EXIT.failed;
  }
  const before = (await readStatus(home))?.pid;
  const outcome = await callControl(home, "/control/restart?how=full");
  if (!isDone(outcome)) return reportFailure(home, outcome);
  const after = await pollUntil(async () => {
    const status = await readStatus(home);
    return status !== undefined && status.pid !== before && isServing(status) ? status : undefined;
  }, RELOAD_TIMEOUT_MS);
  if (after === undefined) {
    printError("Basalt did not come back; see `basalt logs`.");
    return EXIT.failed;
  }
  print(`Basalt has restarted: pid ${after.pid}.`);
  return EXIT.done;
};

export const restart: Command = {
  name: "restart",
  words: [],
  options: ["full"],
  doc: "Replaces the workers one by one without losing a request; --full replaces every process.",
  run: async ({ home, options }) => {
    if (options.full) return restartFully(home);
    const outcome = await callControl(home, "/control/restart?how=rolling", RESTART_TIMEOUT_MS);
    if (!isDone(outcome)) return reportFailure(home, outcome);
    print("All workers have been replaced.");
    return EXIT.done;
  },
};

export const reload: Command = {
  name: "reload",
  words: [],
  options: ["json"],
  doc: "Puts the configuration files in service; a configuration with errors changes nothing.",
  run: async ({ home, options }) => {
    const outcome = await callControl(home, "/conf/reload", RELOAD_TIMEOUT_MS);
    if (outcome.kind !== "answered") return reportFailure(home, outcome);
    const hasWorked = isDone(outcome);
    if (options.json) {
      printJson(outcome.envelope);
      return hasWorked ? EXIT.done : EXIT.failed;
    }
    const { generation, changes, needRestart, problems } = parseReloadResult(outcome.envelope.result);
    for (const problem of problems) printError(problem);
    if (!hasWorked) {
      printError("The configuration was refused; the one in service stays.");
      return EXIT.failed;
    }
    print(`Configuration ${generation} is in service (${formatQuantity(changes, "change")}).`);
    if (needRestart.length > 0) print(`In force after a restart: ${needRestart.join(", ")}.`);
    return EXIT.done;
  },
};

export const scale: Command = {
  name: "scale",
  words: ["N"],
  options: [],
  doc: "Changes the number of workers until the next start.",
  run: async ({ home, words }) => {
    const workers = parseWholeNumber(words[0] ?? "", "N", 1, 1024);
    const outcome = await callControl(home, `/control/scale?workers=${workers}`, RESTART_TIMEOUT_MS);
    if (!isDone(outcome)) return reportFailure(home, outcome);
    print(`Basalt has ${formatQuantity(workers, "worker")}.`);
    return EXIT.done;
  },
};

const LINE_FEED = 0x0a;

const readUpload = (path: string): Buffer => {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new UsageError(`${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
};

export const api: Command = {
  name: "api",
  words: ["PATH"],
  options: ["file"],
  doc: "Asks the management API and prints its answer, e.g. `basalt api 'command/purge?url=www.example.com/a'`; --file is POSTed.",
  run: async ({ home, words, options }) => {
    const path = (words[0] ?? "").replace(/^\/*/, "/");
    const body = options.file === undefined ? undefined : readUpload(options.file);
    const outcome = await askControl(home, path, RESTART_TIMEOUT_MS, body);
    if (outcome.kind !== "answered") return reportFailure(home, outcome);
    const { bytes, contentType } = outcome.reply;
    process.stdout.write(bytes);
    const isText = /^text\/|json/.test(contentType);
    if (isText && bytes.at(-1) !== LINE_FEED) process.stdout.write("\n");
    return outcome.reply.status < 400 ? EXIT.done : EXIT.failed;
  },
};
