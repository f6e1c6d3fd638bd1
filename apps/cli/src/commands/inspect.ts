import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import type { DiskStatus, StatusReport, WorkerStatus } from "@basalt/management";
import { PRODUCT_NAME, PRODUCT_VERSION } from "@basalt/types";
import type { Command, CommandOptions } from "../command.ts";
import { parseWholeNumber } from "../command.ts";
import { callControl, readStatus } from "../controlClient.ts";
import { parseStatusReport } from "../envelope.ts";
import { EXIT } from "../exitCodes.ts";
import type { Home } from "../home.ts";
import { runLive } from "../live/liveLoop.ts";
import { fitLines } from "../live/renderTop.ts";
import { traceLog } from "../logTrace.ts";
import { formatBytes, formatCount, formatDuration, formatTable, print, printError, printJson } from "../output.ts";
import { readLivePid } from "../pidFile.ts";
import { timesOf } from "./top.ts";

const DEFAULT_LOG_LINES = "50";

const processRow = (name: string, worker: WorkerStatus): readonly string[] => [
  name,
  String(worker.pid),
  worker.state,
  formatDuration(worker.uptimeSeconds),
  formatCount(worker.restarts),
  formatCount(worker.connections),
  formatCount(worker.requests),
  formatBytes(worker.rssBytes),
];

const diskRow = ({ path, state, usedBytes, quotaBytes, availableBytes }: DiskStatus): readonly string[] => [
  path,
  state,
  formatBytes(usedBytes),
  quotaBytes === null ? "-" : formatBytes(quotaBytes),
  formatBytes(availableBytes),
];

export const formatStatus = (home: Home, status: StatusReport): string => {
  const summary = [
    ["home", home.path],
    ["version", status.version],
    ["primary", `pid ${status.pid}, up ${formatDuration(status.uptimeSeconds)}`],
    ["state", status.state],
    ["configuration", String(status.generation)],
    ["listening", status.listening.length === 0 ? "-" : status.listening.join(", ")],
    ["objects", `${formatCount(status.objects)} (${formatBytes(status.bodyBytes)})`],
  ];
  const processes = [
    ["process", "pid", "state", "up", "restarts", "connections", "requests", "memory"],
    ...status.workers.map((worker) => processRow(`worker-${worker.slot}`, worker)),
    processRow("transform", status.transform),
  ];
  const disks = [["disk", "state", "used", "quota", "available"], ...status.disks.map(diskRow)];
  return [summary, ...(status.disks.length === 0 ? [] : [disks]), processes].map(formatTable).join("\n\n");
};

const watchStatus = (home: Home, options: CommandOptions): Promise<number> =>
  runLive({
    isJson: options.json,
    times: timesOf(options.lines),
    look: async () => {
      const report = await readStatus(home);
      if (report === undefined) return { kind: "absent", reason: `Basalt does not answer on ${home.path}.` };
      return {
        kind: "shown",
        json: { running: true, home: home.path, ...report },
        render: ({ columns, rows }) => fitLines(formatStatus(home, report).split("\n"), columns, rows),
      };
    },
  });

export const status: Command = {
  name: "status",
  words: [],
  options: ["json", "watch", "lines"],
  doc: "Shows processes, objects, disks and listeners; --watch each second anew, -n so many times.",
  run: async ({ home, options }) => {
    if (options.watch) return watchStatus(home, options);
    const outcome = await callControl(home, "/control/status");
    const report = outcome.kind === "answered" ? parseStatusReport(outcome.envelope.result) : undefined;
    if (report !== undefined) {
      if (options.json) printJson({ running: true, home: home.path, ...report });
      else print(formatStatus(home, report));
      return EXIT.done;
    }
    const launcher = readLivePid(home.launcherPidFile);
    if (options.json) printJson({ running: false, home: home.path, launcherPid: launcher ?? null });
    else if (launcher === undefined) print(`Basalt is not running on ${home.path}.`);
    else print(`Basalt does not answer; its launcher runs, pid ${launcher}.`);
    return launcher === undefined ? EXIT.notRunning : EXIT.failed;
  },
};

export const logs: Command = {
  name: "logs",
  words: [],
  options: ["follow", "lines", "trace", "vhost"],
  doc: "Shows the last lines of the info log (-n N, 50), with -f also those to come; --trace LOG new lines of another log, of the host --vhost where each has one.",
  run: async ({ home, options }) => {
    if (options.trace !== undefined) return traceLog(home, options.trace, options.vhost);
    const lines = parseWholeNumber(options.lines ?? DEFAULT_LOG_LINES, "-n", 0, 1_000_000);
    if (!options.follow && !existsSync(home.infoLog)) {
      printError(`There is no log yet: ${home.infoLog}.`);
      return EXIT.failed;
    }
    const follow = options.follow ? ["-F"] : [];
    const tail = spawn("tail", ["-n", String(lines), ...follow, "--", home.infoLog], { stdio: "inherit" });
    return new Promise((resolve) => {
      process.once("SIGINT", () => tail.kill("SIGINT"));
      process.once("SIGTERM", () => tail.kill("SIGTERM"));
      tail.once("error", (error) => {
        printError(`tail could not be started: ${error.message}`);
        resolve(EXIT.failed);
      });
      tail.once("exit", (code) => resolve(code ?? EXIT.done));
    });
  },
};

export const version: Command = {
  name: "version",
  words: [],
  options: ["json"],
  doc: "Shows the version of the program.",
  run: ({ options }) => {
    if (options.json) printJson({ product: PRODUCT_NAME, version: PRODUCT_VERSION, node: process.version });
    else print(`${PRODUCT_NAME} ${PRODUCT_VERSION} (Node ${process.version.slice(1)})`);
    return Promise.resolve(EXIT.done);
  },
};
