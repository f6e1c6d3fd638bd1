import { existsSync, readFileSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { canListen, findFreePort } from "../lib/ports.ts";
import { startProcess, stopProcess } from "../lib/processes.ts";
import { listProcessTree } from "../lib/procfs.ts";
import { type CertificateFiles, TLS_SUITE, writeCertificate } from "./certificate.ts";
import type { Contender, ContenderSettings } from "./contender.ts";

export const nginxProgram = ["/usr/sbin/nginx", "/usr/bin/nginx"].find((path) => existsSync(path));

/** Connections of the memory row, listeners and cache files being written; the rest may hold files open. */
const RESERVED_DESCRIPTORS = 7000;

/** A process without the privilege for more has its hard limit. A cached file that is held open takes one. */
function readDescriptorLimit(): number {
  const hard = Number(/^Max open files\s+\d+\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "latin1"))?.[1] ?? 0);
  return Math.max(RESERVED_DESCRIPTORS + 1000, hard);
}

const TEMPORARY_PATHS = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];

interface TlsPlace extends CertificateFiles {
  readonly port: number;
}

/** The suite that Basalt prefers: left alone, nginx takes the client's first, which costs twice the AES rounds. */
const renderTls = ({ port, certificate, key }: TlsPlace): string => `listen 127.0.0.1:${port} ssl backlog=4096;
    ssl_protocols TLSv1.3;
    ssl_conf_command Ciphersuites ${TLS_SUITE};
    ssl_certificate ${certificate};
    ssl_certificate_key ${key};`;

/**
 * A caching proxy at its best on loopback: descriptors kept open, an access log only where it is wanted, endless
 * keep-alive, and
 * `tcp_nopush off`, without which every 64 KB answer waits 44 ms for the delayed acknowledgement.
 */
function renderConfiguration(settings: ContenderSettings, port: number, tls: TlsPlace | undefined): string {
  const { folder } = settings;
  const descriptors = readDescriptorLimit();
  return `${process.getuid?.() === 0 ? "user root;\n" : ""}daemon off;
worker_processes ${settings.workers};
worker_rlimit_nofile ${descriptors};
pid ${folder}/nginx.pid;
error_log ${folder}/error.log warn;
events { worker_connections 12000; }
http {
  ${TEMPORARY_PATHS.map((name) => `${name}_temp_path ${folder}/${name};`).join("\n  ")}
  proxy_cache_path ${folder}/cache levels=1:2 keys_zone=rig:128m max_size=20g inactive=1d use_temp_path=off;
  access_log ${settings.hasAccessLog === true ? `${folder}/access.log combined buffer=64k flush=1s` : "off"};
  sendfile on;
  tcp_nopush off;
  tcp_nodelay on;
  keepalive_timeout 300s;
  keepalive_requests 1000000000;
  open_file_cache max=${descriptors - RESERVED_DESCRIPTORS} inactive=600s;
  open_file_cache_valid 600s;
  open_file_cache_min_uses 1;
  upstream origin {
    server 127.0.0.1:${settings.originPort};
    keepalive 64;
    keepalive_requests 1000000000;
  }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    ${tls === undefined ? "" : renderTls(tls)}
    location / {
      proxy_pass http://origin;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_cache rig;
      proxy_cache_key $uri$is_args$args;
      proxy_cache_valid 200 1d;
      proxy_cache_lock on;
    }
  }
}
`;
}

export async function startNginx(settings: ContenderSettings): Promise<Contender> {
  if (nginxProgram === undefined) throw new Error("nginx is not installed");
  const port = await findFreePort();
  for (const name of ["cache", ...TEMPORARY_PATHS]) await mkdir(join(settings.folder, name), { recursive: true });
  const tls =
    settings.certificate === undefined
      ? undefined
      : { port: await findFreePort(), ...(await writeCertificate(settings.folder, settings.certificate)) };
  const configuration = join(settings.folder, "nginx.conf");
  await writeFile(configuration, renderConfiguration(settings, port, tls));
  const started = startProcess(nginxProgram, ["-p", settings.folder, "-e", "stderr", "-c", configuration], {
    cores: settings.cores,
  });
  const deadline = Date.now() + 10_000;
  while (await canListen(port)) {
    if (Date.now() > deadline) throw new Error(`nginx does not start: ${started.output()}`);
    await delay(50);
  }
  const allPids = () => listProcessTree(started.pid);
  return {
    name: "nginx",
    port,
    tlsPort: tls?.port,
    workerPids: async () => {
      const titles = await Promise.all(
        allPids().map(async (pid) => [pid, await readFile(`/proc/${pid}/cmdline`, "latin1")] as const),
      );
      return titles.filter(([, title]) => title.startsWith("nginx: worker")).map(([pid]) => pid);
    },
    allPids,
    lastWords: async () => (await readFile(join(settings.folder, "error.log"), "utf8")).slice(-1000),
    stop: () => stopProcess(started, 5000),
  };
}
