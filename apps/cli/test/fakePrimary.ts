/**
 * A script in the place of the primary, run as a process of its own. What it does is in `behaviour` of the home
 * folder: each start takes the first word of the file and leaves the rest; without words it serves.
 */
import { appendFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, join } from "node:path";
import { controlSocketPath } from "@basalt/management/socket-path";

const home = process.env.BASALT_HOME ?? "";

const takeBehaviour = (): string => {
  try {
    const path = join(home, "behaviour");
    const [first = "serve", ...rest] = readFileSync(path, "utf8").trim().split(/\s+/);
    if (rest.length > 0) writeFileSync(path, rest.join(" "));
    else rmSync(path);
    return first;
  } catch {
    return "serve";
  }
};

const behaviour = takeBehaviour();
appendFileSync(join(home, "starts"), `${process.pid}\n`);

const worker = (slot: number) => ({
  slot,
  pid: process.pid + slot,
  state: "serving",
  uptimeSeconds: 90_061,
  restarts: 0,
  connections: 12,
  requests: 1234,
  rssBytes: 73_400_320,
});

const report = () => ({
  version: "0.1.0",
  pid: process.pid,
  uptimeSeconds: 5,
  generation: 1,
  state: "Emergency",
  workers: [worker(0), worker(1)],
  transform: worker(0),
  objects: 5,
  bodyBytes: 2048,
  disks: [
    { path: "/cache1", state: "Normal", usedBytes: 1536, quotaBytes: 1_073_741_824, availableBytes: 73_400_320 },
    { path: "/cache2", state: "Unmounted", usedBytes: 0, quotaBytes: null, availableBytes: 0 },
  ],
  listening: ["*:8080"],
});

const reloadRefused = { Problems: [{ text: "server.xml:3:7: error: <Server/Nmae> Unknown element." }] };

const cleanedUp = (objects: number) => ({ Count: objects, Size: objects * 1024, Segments: 1, Folders: 0, Time: 5 });

const ORIGINS = {
  origin: [
    {
      VirtualHost: "a.test",
      Address: [{ "1.1.1.1": "Inactive" }, { "b.test": "Active" }],
      Address2: [{ "1.1.1.9": "Active" }],
      ActiveIP: [{ "1.1.1.9": 0 }, { "5.5.5.5": 21 }],
      InactiveIP: [{ "1.1.1.1": 0 }],
      State: [
        { Server: "1.1.1.1", State: "OutOfService", Reason: "Connect-Timeout" },
        { Server: "b.test 5.5.5.5", State: "InService", Reason: "" },
      ],
    },
  ],
};

const answers: Readonly<
  Record<string, () => { status: "OK" | "Fail"; result: unknown; exitCode?: number; httpStatus?: number }>
> = {
  "/control/status": () => ({ status: "OK", result: report() }),
  "/control/stop": () => ({ status: "OK", result: "", ...(behaviour === "deaf" ? {} : { exitCode: 0 }) }),
  "/control/restart?how=full": () => ({ status: "OK", result: "full", exitCode: 75 }),
  "/control/restart?how=rolling": () => ({ status: "OK", result: "rolling" }),
  "/control/scale?workers=3": () => ({ status: "OK", result: 3 }),
  "/conf/reload": () =>
    behaviour === "refuse"
      ? { status: "Fail", result: reloadRefused }
      : { status: "OK", result: { Generation: 2, Changes: 1, Warnings: [] } },
  "/command/cleanup": () => ({ status: "OK", result: cleanedUp(0) }),
  "/command/cleanup?age=10": () => ({ status: "OK", result: cleanedUp(1234) }),
  "/command/unmount?disk=%2Fmy%20disk%2B1": () => ({ status: "OK", result: "/my disk+1" }),
  "/command/mount?disk=%2Fcache1": () => ({ status: "OK", result: "/cache1" }),
  "/command/mount?disk=%2Felsewhere": () => ({ status: "Fail", result: "No disk is configured with this path." }),
  "/command/explain?url=http%3A%2F%2Fa.test%2F%3Fb%26c&method=PUT&header=X%3A%20y&header=Z%3A1": () => ({
    status: "OK",
    result: {
      method: "PUT",
      url: "http://a.test/?b&c",
      outcome: "bypass",
      verdict: "Bypasses the cache: the origin answers.",
      steps: [
        { step: "method", verdict: "The request bypasses the cache.", facts: [{ name: "method", value: "PUT" }] },
      ],
    },
  }),
  "/command/explain?url=%2Fa": () => ({ status: "Fail", result: "The URL names no host.", httpStatus: 400 }),
  "/command/resetorigin": () => ({ status: "OK", result: "" }),
  "/command/resetorigin?vhost=nobody.test": () => ({
    status: "Fail",
    result: "No virtual host has this name.",
    httpStatus: 404,
  }),
  "/monitoring/origin?vhost=nobody.test": () => ({
    status: "Fail",
    result: "No virtual host has this name.",
    httpStatus: 404,
  }),
  "/version": () => ({ status: "OK", result: "0.1.0" }),
};

let scrapes = 0;

/** Hosts that answer more requests from one scrape to the next. */
const scrape = (): string => {
  scrapes += 1;
  return ["a.test", "b.test"]
    .flatMap((vhost, index) => [
      `basalt_client_requests_total{vhost="${vhost}"} ${scrapes * 100 * (index + 1)}`,
      `basalt_cache_results_total{vhost="${vhost}",result="TCP_HIT"} ${scrapes * 90 * (index + 1)}`,
      `basalt_cache_results_total{vhost="${vhost}",result="TCP_MISS"} ${scrapes * 10 * (index + 1)}`,
    ])
    .join("\n");
};

const serve = (): void => {
  const path = controlSocketPath(home);
  mkdirSync(dirname(path), { recursive: true });
  rmSync(path, { force: true });
  process.on("SIGTERM", () => {
    if (behaviour !== "deaf") process.exit(0);
  });
  createServer((request, response) => {
    if (request.url === "/monitoring/origin") {
      response.end(JSON.stringify(ORIGINS));
      return;
    }
    if (request.url === "/metrics") {
      response.end(scrape());
      return;
    }
    const answer = answers[request.url ?? ""]?.();
    if (answer === undefined) {
      response.writeHead(404).end('{"status":"Fail","result":"unknown"}');
      return;
    }
    const { exitCode, httpStatus = 200, ...envelope } = answer;
    response.once("close", () => {
      if (exitCode !== undefined) process.exit(exitCode);
    });
    response.writeHead(httpStatus).end(JSON.stringify({ version: "0.1.0", method: "", ...envelope }));
  }).listen(path);
};

switch (behaviour) {
  case "configuration":
    process.stdout.write("server.xml:1:1: error: nothing is right here\n");
    process.exit(78);
    break;
  case "crash":
    process.exit(1);
    break;
  default:
    serve();
}
