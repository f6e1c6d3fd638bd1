import { type ChildProcess, fork } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, request, type Server } from "node:http";
import { join } from "node:path";

/**
 * Stand-in for the real program: the same command line, home, control socket and process tree, but a proxy without a
 * cache. It lets the cluster runner be tested by itself.
 */
const parameters = process.argv.slice(2);
const home = parameters[parameters.indexOf("--home") + 1] ?? "";
const pidFile = join(home, "run", "basalt.pid");
const socketPath = join(home, "run", "basalt.sock");

const readText = (name: string): string => readFileSync(join(home, name), "utf8");
const elementOf = (xml: string, pattern: RegExp): string => pattern.exec(xml)?.[1] ?? "";

let clockOffsetMs = 0;
let reloads = 0;

const startPrimary = (): void => {
  const serverXml = readText("server.xml");
  const vhostsXml = readText("vhosts.xml");
  const servicePort = Number(elementOf(vhostsXml, /<Listen>127\.0\.0\.1:(\d+)/));
  const [originHost = "", originPort = ""] = elementOf(vhostsXml, /<Address>([^<]+)/).split(":");
  const workers: ChildProcess[] = [];
  let stopping = false;
  const startWorker = (slot: number): void => {
    const worker = fork(process.argv[1] ?? "", ["worker"], { stdio: "ignore" });
    workers[slot] = worker;
    worker.once("exit", () => {
      if (!stopping) startWorker(slot);
    });
  };
  for (let slot = 0; slot < Number(elementOf(serverXml, /<Workers>(\d+)/)); slot++) startWorker(slot);

  const status = () => ({
    version: "0",
    pid: process.pid,
    generation: 1 + reloads,
    objects: 0,
    workers: workers.map((worker, slot) => ({ slot, pid: worker.pid, state: "serving", restarts: 0 })),
  });
  const answers = (path: string): object | string => {
    if (path === "/control/status") return status();
    if (path.startsWith("/control/clock")) {
      clockOffsetMs += Number(path.split("=")[1]);
      return { status: "OK" };
    }
    if (path === "/conf/reload") {
      reloads += 1;
      return { version: "0", method: "reload", status: "OK", result: {} };
    }
    if (path === "/metrics") return `basalt_cache_results_total{vhost="www.example.com",result="TCP_MISS"} ${served}\n`;
    return { version: "0", method: path.slice(1), status: "OK", result: { clockOffsetMs } };
  };
  let served = 0;
  const management = (): Server =>
    createServer((incoming, outgoing) => {
      const answer = answers(incoming.url ?? "/");
      outgoing.end(typeof answer === "string" ? answer : JSON.stringify(answer));
    });
  const proxy = createServer((incoming, outgoing) => {
    served += 1;
    const { method, url, headers } = incoming;
    const onward = request(
      { host: originHost, port: originPort, method, path: url, headers, agent: false },
      (reply) => {
        outgoing.writeHead(reply.statusCode ?? 502, reply.headers);
        reply.pipe(outgoing);
      },
    );
    onward.on("error", () => outgoing.writeHead(500).end());
    incoming.pipe(onward);
  });
  rmSync(socketPath, { force: true });
  management().listen(socketPath);
  management().listen(Number(elementOf(serverXml, /Port="(\d+)"/)), "127.0.0.1");
  proxy.listen(servicePort, "127.0.0.1");
  process.stdout.write("stand-in serves\n");
  process.once("SIGTERM", () => {
    stopping = true;
    for (const worker of workers) worker.kill("SIGTERM");
    process.exit(0);
  });
};

const startLauncher = (): void => {
  mkdirSync(join(home, "run"), { recursive: true });
  mkdirSync(join(home, "log"), { recursive: true });
  writeFileSync(join(home, "log", "info.log"), "stand-in started\n");
  writeFileSync(pidFile, `${process.pid}\n`);
  if (readText("vhosts.xml").includes("<Broken")) {
    process.stderr.write("vhosts.xml:1: broken\n");
    process.exit(78);
  }
  const primary = fork(process.argv[1] ?? "", ["primary", "--home", home], { stdio: "inherit" });
  primary.once("exit", (code) => process.exit(code ?? 1));
  process.once("SIGTERM", () => primary.kill("SIGTERM"));
};

const waitUntilAnswering = async (): Promise<void> => {
  for (;;) {
    const answered = await new Promise<boolean>((resolve) => {
      const probe = request({ socketPath, path: "/control/status", agent: false }, (reply) => {
        reply.resume();
        resolve(true);
      });
      probe.on("error", () => setTimeout(resolve, 20, false));
      probe.end();
    });
    if (answered) return;
  }
};

if (parameters[0] === "worker") setInterval(() => {}, 1_000);
else if (parameters[0] === "primary") startPrimary();
else if (parameters[0] === "stop") process.kill(Number(readFileSync(pidFile, "utf8")), "SIGTERM");
else if (parameters.includes("--foreground")) startLauncher();
else {
  fork(process.argv[1] ?? "", ["start", "--foreground", "--home", home], { detached: true, stdio: "ignore" }).unref();
  await waitUntilAnswering();
  process.exit(0);
}
