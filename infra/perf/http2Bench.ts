import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { makeCertificate, startEdge, startOrigin } from "../../packages/testkit/src/index.ts";
import { canListen, findFreePort } from "../lib/ports.ts";
import { formatTable, print } from "../lib/print.ts";
import { runToEnd, startProcess, stopProcess } from "../lib/processes.ts";
import { listProcessTree, readCpuSeconds } from "../lib/procfs.ts";
import { nginxProgram } from "./nginx.ts";

/**
 * HTTP/2 hits beside nginx. As in the other rows, what counts is requests per second of CPU that the server's processes
 * have used: the load generator has the same cores.
 */
const HOST = "www.h2.test";
const SIZES = [1024, 64 * 1024] as const;

const { values } = parseArgs({
  options: {
    requests: { type: "string", default: "40000" },
    connections: { type: "string", default: "100" },
    streams: { type: "string", default: "100" },
    rounds: { type: "string", default: "3" },
  },
});
const rounds = Number(values.rounds);

interface Rig {
  readonly name: string;
  readonly port: number;
  /** Those that serve. */
  readonly pids: () => readonly number[];
}

const pathOf = (size: number): string => `/page-${size}`;

const folder = await mkdtemp(join(tmpdir(), "basalt-h2-bench-"));
const { certificatePem, keyPem } = makeCertificate({ names: [HOST] });
await writeFile(join(folder, "cert.pem"), certificatePem);
await writeFile(join(folder, "key.pem"), keyPem);

const origin = await startOrigin();
for (const size of SIZES) origin.on(pathOf(size)).reply(200, { "Cache-Control": "max-age=86400" }, "x".repeat(size));

const startNginx = async (): Promise<Rig & { readonly stop: () => Promise<void> }> => {
  if (nginxProgram === undefined) throw new Error("nginx is not installed");
  const port = await findFreePort();
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  for (const name of ["cache", ...temporary]) await mkdir(join(folder, name), { recursive: true });
  await writeFile(
    join(folder, "nginx.conf"),
    `${process.getuid?.() === 0 ? "user root;\n" : ""}daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log warn;
events { worker_connections 4096; }
http {
  ${temporary.map((name) => `${name}_temp_path ${folder}/${name};`).join("\n  ")}
  proxy_cache_path ${folder}/cache levels=1:2 keys_zone=rig:16m use_temp_path=off;
  access_log off;
  sendfile on;
  tcp_nodelay on;
  keepalive_requests 1000000000;
  open_file_cache max=1000 inactive=600s;
  open_file_cache_min_uses 1;
  server {
    listen 127.0.0.1:${port} ssl http2 backlog=4096;
    ssl_certificate ${folder}/cert.pem;
    ssl_certificate_key ${folder}/key.pem;
    http2_max_concurrent_streams 128;
    location / {
      proxy_pass http://${origin.address};
      proxy_http_version 1.1;
      proxy_cache rig;
      proxy_cache_key $uri;
      proxy_cache_valid 200 1d;
    }
  }
}
`,
  );
  const started = startProcess(nginxProgram, ["-p", folder, "-e", "stderr", "-c", join(folder, "nginx.conf")], {});
  for (let tries = 0; (await canListen(port)) && tries < 400; tries++) await delay(25);
  return {
    name: "nginx",
    port,
    pids: () => listProcessTree(started.pid),
    stop: () => stopProcess(started),
  };
};

interface Result {
  readonly perSecond: number;
  readonly perCpuSecond: number;
  readonly failed: number;
}

const load = async ({ port, pids }: Rig, size: number): Promise<Result> => {
  const before = readCpuSeconds(pids());
  const output = await runToEnd("h2load", [
    ...["-n", values.requests, "-c", values.connections, "-m", values.streams, "-t", "1"],
    `https://127.0.0.1:${port}${pathOf(size)}`,
  ]);
  const cpuSeconds = readCpuSeconds(pids()) - before;
  const requests = Number(/requests: (\d+) total/.exec(output)?.[1] ?? 0);
  const perSecond = Number(/, ([\d.]+) req\/s/.exec(output)?.[1] ?? 0);
  const failed = Number(/(\d+) failed/.exec(output)?.[1] ?? 0) + Number(/(\d+) errored/.exec(output)?.[1] ?? 0);
  return { perSecond, perCpuSecond: requests / cpuSeconds, failed };
};

/** The page is in the cache before it is asked for many times at once. */
const warm = async ({ port }: Rig, size: number): Promise<void> => {
  await runToEnd("h2load", ["-n", "2", "-c", "1", `https://127.0.0.1:${port}${pathOf(size)}`]);
};

const medianOf = (numbers: readonly number[]): number =>
  [...numbers].sort((one, other) => one - other)[Math.floor(numbers.length / 2)] ?? 0;

const port = await findFreePort();
const edge = await startEdge({
  workers: 1,
  rootXml: `<Https Listen="127.0.0.1:${port}"><Cert>${folder}/cert.pem</Cert><Key>${folder}/key.pem</Key></Https>`,
  vhosts: [{ name: HOST, origin: origin.address }],
  defaultVhost: HOST,
  readyLimitMs: 300_000,
});
const workers = await edge.workers();
const nginx = await startNginx();
try {
  const rigs: readonly Rig[] = [{ name: "Basalt", port, pids: () => workers }, nginx];
  const rows = [["hit over HTTP/2", "req/s", "req/s of CPU", "of nginx", "failed"]];
  for (const size of SIZES) {
    for (const rig of rigs) await warm(rig, size);
    const results = new Map<string, Result[]>(rigs.map(({ name }) => [name, []]));
    for (let round = 0; round < rounds; round++) {
      for (const rig of rigs) results.get(rig.name)?.push(await load(rig, size));
    }
    const figure = (name: string, key: keyof Result): number =>
      medianOf((results.get(name) ?? []).map((result) => result[key]));
    for (const { name } of rigs) {
      rows.push([
        `${size / 1024} KB, ${name}`,
        figure(name, "perSecond").toFixed(0),
        figure(name, "perCpuSecond").toFixed(0),
        (figure(name, "perCpuSecond") / figure("nginx", "perCpuSecond")).toFixed(2),
        figure(name, "failed").toFixed(0),
      ]);
    }
  }
  print(
    `${values.connections} connections with ${values.streams} streams, ${rounds} rounds of ${values.requests} requests`,
  );
  print(formatTable(rows));
} finally {
  await nginx.stop();
  await edge.close();
  await origin.close();
  await rm(folder, { recursive: true, force: true });
}
