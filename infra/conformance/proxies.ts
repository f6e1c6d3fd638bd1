import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { startEdge, writeRigHome } from "../lib/edge.ts";
import { canListen, findFreePort } from "../lib/ports.ts";
import { runToEnd, type StartedProcess, startProcess, stopProcess } from "../lib/processes.ts";

/** A caching proxy in front of the suite's origin. */
export interface RunningProxy {
  readonly port: number;
  readonly version: string;
  stop(): Promise<void>;
}

export interface ProxySettings {
  /** Empty, and its own. */
  readonly folder: string;
  readonly originPort: number;
}

export const CACHING_PROFILES = ["rfc9111", "guide"] as const;
export type CachingProfile = (typeof CACHING_PROFILES)[number];

export const PEERS = ["nginx", "varnish"] as const;
export type Peer = (typeof PEERS)[number];

const STARTS_WITHIN_MS = 60_000;

/**
 * What each profile is measured with. With the defaults of `guide` the suite could neither hand its tests to the
 * origin (PUT) nor see which answer came from where (the origin's own fields). It still cannot tell the origin which
 * request it is at, since `guide` does not pass the client's own fields on: some tests end as "retry".
 */
const PROFILE_OPTIONS: Readonly<Record<CachingProfile, string>> = {
  rfc9111: "<CachingProfile>rfc9111</CachingProfile>",
  guide:
    "<CachingProfile>guide</CachingProfile><BypassPutRequest>ON</BypassPutRequest><OriginalHeader>ON</OriginalHeader>",
};

/** The suite's origin drops connections on purpose, in many tests at once: that must not exclude it (ORG-03). */
const NEVER_EXCLUDED = "<OriginOptions><Exclusion>1000</Exclusion></OriginOptions>";

/** Two workers, so that what one has stored is asked of the other. */
export async function startBasalt(settings: ProxySettings, profile: CachingProfile): Promise<RunningProxy> {
  const port = await findFreePort();
  await writeRigHome(settings.folder, {
    port,
    managerPort: await findFreePort(),
    originPort: settings.originPort,
    workers: 2,
    optionsXml: PROFILE_OPTIONS[profile],
    vhostXml: NEVER_EXCLUDED,
  });
  const edge = await startEdge(settings.folder);
  const { version } = await edge.status();
  return { port, version, stop: () => edge.stop() };
}

export function startPeer(peer: Peer, settings: ProxySettings): Promise<RunningProxy> {
  return peer === "nginx" ? startNginx(settings) : startVarnish(settings);
}

const findProgram = (name: string): string => {
  const path = ["/usr/sbin", "/usr/bin"].map((folder) => join(folder, name)).find((candidate) => existsSync(candidate));
  if (path === undefined) throw new Error(`${name} is not installed`);
  return path;
};

async function waitUntilListening(port: number, started: StartedProcess): Promise<void> {
  const deadline = Date.now() + STARTS_WITHIN_MS;
  while (await canListen(port)) {
    if (Date.now() > deadline) throw new Error(`no answer from port ${port}: ${started.output()}`);
    await delay(50);
  }
}

/** The settings under which the suite's authors measure nginx: a cache that revalidates, and else the defaults. */
async function startNginx({ folder, originPort }: ProxySettings): Promise<RunningProxy> {
  const program = findProgram("nginx");
  const port = await findFreePort();
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  for (const name of ["cache", ...temporary]) await mkdir(join(folder, name), { recursive: true });
  const configuration = join(folder, "nginx.conf");
  await writeFile(
    configuration,
    `${process.getuid?.() === 0 ? "user root;\n" : ""}daemon off;
worker_processes 2;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log warn;
events { worker_connections 2048; }
http {
  ${temporary.map((name) => `${name}_temp_path ${folder}/${name};`).join("\n  ")}
  proxy_cache_path ${folder}/cache levels=1:2 keys_zone=suite:8m max_size=1g inactive=600m use_temp_path=off;
  access_log off;
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://127.0.0.1:${originPort};
      proxy_cache suite;
      proxy_cache_revalidate on;
    }
  }
}
`,
  );
  const started = startProcess(program, ["-p", folder, "-e", "stderr", "-c", configuration]);
  await waitUntilListening(port, started);
  const version = await runToEnd(program, ["-v"]);
  return { port, version: /nginx\/(\S+)/.exec(version)?.[1] ?? "", stop: () => stopProcess(started, 5000) };
}

/** The settings under which the suite's authors measure Varnish: its own rules, nothing kept fresh without reason. */
async function startVarnish({ folder, originPort }: ProxySettings): Promise<RunningProxy> {
  const program = findProgram("varnishd");
  const port = await findFreePort();
  const started = startProcess(program, [
    // Its folder is ours alone, which another user could not read.
    ...["-j", "none", "-F", "-n", join(folder, "work"), "-s", "malloc,64M"],
    ...["-a", `127.0.0.1:${port}`, "-b", `127.0.0.1:${originPort}`],
    ...["default_ttl=0", "default_grace=0", "default_keep=3600"].flatMap((parameter) => ["-p", parameter]),
  ]);
  await waitUntilListening(port, started);
  const version = await runToEnd(program, ["-V"]);
  return { port, version: /varnish-(\S+)/.exec(version)?.[1] ?? "", stop: () => stopProcess(started, 5000) };
}
