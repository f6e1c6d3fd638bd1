import { request } from "node:http";
import { EXIT } from "./exitCodes.ts";
import type { Home } from "./home.ts";
import { printError } from "./output.ts";

/** Prints new lines of a log as they come, until this program is interrupted or the server ends. */
export const traceLog = (home: Home, log: string, vhost: string | undefined): Promise<number> =>
  new Promise((resolve) => {
    const query = vhost === undefined ? "" : `?vhost=${encodeURIComponent(vhost)}`;
    const path = `/monitoring/logtrace/${encodeURIComponent(log)}${query}`;
    const asked = request({ socketPath: home.controlSocket, path, agent: false }, (response) => {
      if (response.statusCode === 200) {
        response.pipe(process.stdout, { end: false });
        response.once("close", () => resolve(EXIT.done));
        return;
      }
      const reason = response.statusCode === 400 ? "It needs --vhost NAME." : "There is no such log or virtual host.";
      printError(`${log} cannot be traced: ${reason}`);
      response.resume();
      resolve(EXIT.failed);
    });
    asked.once("error", (error) => {
      printError(`Basalt does not answer on ${home.path}: ${error.message}`);
      resolve(EXIT.notRunning);
    });
    process.once("SIGINT", () => asked.destroy());
    process.once("SIGTERM", () => asked.destroy());
    process.stdout.once("error", () => asked.destroy());
    asked.end();
  });
