import { existsSync } from "node:fs";
import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { checkout, type Edge, launchEdge, waitUntilServing } from "../lib/edge.ts";
import { type MetricSample, parseMetrics, sumMetric } from "../lib/metrics.ts";
import { canListen, findFreePortFrom } from "../lib/ports.ts";
import { print, printError } from "../lib/print.ts";
import { onInterrupt } from "../lib/processes.ts";
import { type DemoOrigin, startDemoOrigin } from "./origin.ts";

const HELP = `scripts/run [--port N] [--manager-port N]   the demo: a small site with the edge in front of it
scripts/run --home DIR                      the edge on an existing configuration, without the demo's origin

  --port N           port of the site        (default: 8080 or the next free one)
  --manager-port N   port of the management  (default: 10040 or the next free one)

Ctrl-C ends everything.`;

const DEMO_HOME = join(checkout, ".basalt", "demo");
const READY_WITHIN_MS = 30_000;

interface Running {
  readonly edge: Edge;
  readonly origin: DemoOrigin | undefined;
}

interface RunOptions {
  readonly home: string | undefined;
  readonly port: number | undefined;
  readonly managerPort: number | undefined;
}

class WrongUse extends Error {}

function readOptions(): RunOptions | undefined {
  const { values } = parseArgs({
    options: {
      home: { type: "string" },
      port: { type: "string" },
      "manager-port": { type: "string" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help) return undefined;
  if (values.home !== undefined && (values.port ?? values["manager-port"]) !== undefined) {
    throw new WrongUse("with --home the ports are those of its configuration");
  }
  return { home: values.home, port: parsePort(values.port), managerPort: parsePort(values["manager-port"]) };
}

function parsePort(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const port = Number(text);
  if (!/^\d+$/.test(text) || port < 1 || port > 65_535) throw new WrongUse(`"${text}" is not a port`);
  return port;
}

/** The wanted port, which must be free, or the first free one from the usual one on. */
async function choosePort(wanted: number | undefined, usual: number, option: string): Promise<number> {
  if (wanted === undefined) return findFreePortFrom(usual);
  if (await canListen(wanted, "0.0.0.0")) return wanted;
  throw new WrongUse(`port ${wanted} is taken (or not yours to open); choose another with ${option}`);
}

async function writeDemoHome(port: number, managerPort: number, originPort: number): Promise<void> {
  await rm(DEMO_HOME, { recursive: true, force: true });
  await mkdir(join(DEMO_HOME, "disk"), { recursive: true });
  await cp(join(import.meta.dirname, "home"), DEMO_HOME, { recursive: true });
  const words: Readonly<Record<string, string>> = {
    "@PORT@": String(port),
    "@MANAGER_PORT@": String(managerPort),
    "@ORIGIN_PORT@": String(originPort),
    "@HOME@": DEMO_HOME,
  };
  for (const name of ["server.xml", "vhosts.xml"]) {
    const file = join(DEMO_HOME, name);
    await writeFile(
      file,
      (await readFile(file, "utf8")).replace(/@[A-Z_]+@/g, (word) => words[word] ?? word),
    );
  }
}

function printTour(port: number, managerPort: number): void {
  const site = `http://127.0.0.1:${port}`;
  const manager = `http://127.0.0.1:${managerPort}`;
  print(`
Harbour Market is open:

  ${site}/               the site, through the edge
  ${site}/film.html      a film, in ranges
  ${site}/slow           two seconds once, then at once
  ${site}/log            arrives in pieces
  ${manager}/help       what the management port can do

Try in another terminal:

  miss, then hit   for n in 1 2; do curl -s -o /dev/null -w '%{time_total} s\\n' ${site}/slow; done
  HEAD             curl -sI ${site}/products/
  range            curl -s -r 0-99 -o /dev/null -w '%{http_code} %{size_download} bytes\\n' ${site}/video/harbour.mp4
  conditional      curl -s -o /dev/null -w '%{http_code}\\n' -H "If-None-Match: $(curl -sI ${site}/ | sed -n 's/^etag: //Ip' | tr -d '\\r')" ${site}/
  gzip variant     curl -s --compressed -o /dev/null -w '%{size_download} bytes\\n' ${site}/products/
  purge            curl -s '${manager}/command/purge?url=harbour.example/products/*'
  file info        curl -s '${manager}/monitoring/fileinfo?url=harbour.example/'
  metrics          curl -s ${manager}/metrics | grep basalt_cache_results
  reload           curl -s ${manager}/conf/reload
  status           scripts/basalt status --home ${DEMO_HOME}
  load             wrk -c 32 -d 5 ${site}/styles/base.css
`);
}

async function startDemo(options: RunOptions, remember: (running: Running) => void): Promise<never> {
  const port = await choosePort(options.port, 8080, "--port");
  const managerPort = await choosePort(options.managerPort, 10_040, "--manager-port");
  const origin = await startDemoOrigin();
  await writeDemoHome(port, managerPort, origin.port);
  const edge = launchEdge(DEMO_HOME);
  const running = { edge, origin };
  remember(running);
  await waitUntilServing(edge, READY_WITHIN_MS);
  printTour(port, managerPort);
  return showHitRatio(managerPort, running);
}

async function startOnHome(home: string, remember: (running: Running) => void): Promise<void> {
  const folder = resolve(home);
  for (const name of ["server.xml", "vhosts.xml"]) {
    if (!existsSync(join(folder, name))) throw new WrongUse(`${folder} has no ${name}`);
  }
  const edge = launchEdge(folder);
  remember({ edge, origin: undefined });
  const status = await waitUntilServing(edge, READY_WITHIN_MS);
  print(`${status.workers.length} workers serve ${folder}; Ctrl-C ends them.`);
}

/** One line a second, drawn over itself on a terminal; elsewhere only when something has changed. */
async function showHitRatio(managerPort: number, running: Running): Promise<never> {
  let previous: readonly MetricSample[] = [];
  let shown = "";
  for (;;) {
    await delay(1000);
    const samples = await fetch(`http://127.0.0.1:${managerPort}/metrics`)
      .then((answer) => answer.text())
      .then(parseMetrics, () => undefined);
    if (samples === undefined) continue;
    const line = describeTraffic(samples, previous, running.origin?.requests() ?? 0);
    previous = samples;
    if (process.stdout.isTTY) process.stdout.write(`\r\x1b[K${line}`);
    else if (line !== shown) print(line);
    shown = line;
  }
}

function describeTraffic(
  now: readonly MetricSample[],
  before: readonly MetricSample[],
  originRequests: number,
): string {
  const count = (samples: readonly MetricSample[], onlyHits: boolean) =>
    sumMetric(samples, "basalt_cache_results_total", ({ result = "" }) =>
      onlyHits ? result.endsWith("_HIT") : result !== "TCP_NONE",
    );
  const requests = count(now, false);
  const recent = requests - count(before, false);
  const bytes = sumMetric(now, "basalt_client_response_body_bytes_total");
  const ratio = (hits: number, all: number) =>
    all === 0 ? "    –" : `${((100 * hits) / all).toFixed(1).padStart(5)} %`;
  return [
    `hit ratio ${ratio(count(now, true), requests)}`,
    `last second ${ratio(count(now, true) - count(before, true), recent)} of ${recent}`,
    `requests ${requests}`,
    `${(bytes / 1e6).toFixed(1)} MB out`,
    `origin asked ${originRequests} times`,
  ].join(" · ");
}

async function main(): Promise<void> {
  const options = readOptions();
  if (options === undefined) {
    print(HELP);
    return;
  }
  const started: Running[] = [];
  let stopping = false;
  onInterrupt(async () => {
    stopping = true;
    if (started.length > 0) print("\nstopping…");
    for (const { edge, origin } of started) {
      await edge.stop();
      await origin?.stop();
    }
  });
  const remember = (running: Running) => {
    started.push(running);
    running.edge.process.exited.then((result) => {
      if (stopping) return;
      printError(`\nthe edge ended (${result}):\n${running.edge.process.output().trim()}`);
      process.exit(1);
    });
  };
  if (options.home === undefined) {
    await startDemo(options, remember);
  } else {
    await startOnHome(options.home, remember);
  }
}

main().catch((error: unknown) => {
  printError(error instanceof Error ? error.message : String(error));
  process.exit(error instanceof WrongUse ? 2 : 1);
});
