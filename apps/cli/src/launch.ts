import { mkdirSync } from "node:fs";
import { EXIT } from "./exitCodes.ts";
import type { Home } from "./home.ts";
import { claimPidFile, releasePidFile } from "./pidFile.ts";
import { primaryEntry } from "./programEntries.ts";
import { Supervisor } from "./supervise.ts";

const report = (text: string): void => {
  process.stdout.write(`${new Date().toISOString()} launcher ${process.pid}: ${text}\n`);
};

/**
 * The life of a launcher: claims the home folder, keeps the primary running, hands SIGTERM, SIGINT and SIGHUP on to it.
 * Resolves with the exit code.
 */
export const launch = async (home: Home): Promise<number> => {
  mkdirSync(home.runFolder, { recursive: true, mode: 0o755 });
  if (!claimPidFile(home.launcherPidFile)) {
    report(`Another launcher runs on ${home.path}.`);
    return EXIT.failed;
  }
  // Only a launcher needs it: the other commands start sooner without.
  const { SocketKeeper } = await import("@basalt/edge/socket-keeper");
  const keeper = new SocketKeeper();
  try {
    const activated = keeper.takeActivated(process.env);
    if (activated.length > 0) report(`Sockets of the service manager: ${activated.join(", ")}.`);
    const supervisor = new Supervisor({ home, entry: primaryEntry(), keeper, report });
    process.on("SIGTERM", () => supervisor.stop("SIGTERM"));
    process.on("SIGINT", () => supervisor.stop("SIGINT"));
    process.on("SIGHUP", () => supervisor.reload());
    return await supervisor.run();
  } finally {
    keeper.close();
    releasePidFile(home.launcherPidFile, process.pid);
  }
};
