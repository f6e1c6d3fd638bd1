import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { canListen, findFreePort } from "../lib/ports.ts";
import { startProcess, stopProcess } from "../lib/processes.ts";
import { listProcessTree, readCpuSeconds } from "../lib/procfs.ts";
import { MediaClient } from "./mediaClient.ts";
import { startMediaEdge } from "./mediaEdge.ts";
import { nginxProgram } from "./nginx.ts";
import { median } from "./statistics.ts";

export interface TrimFigure {
  readonly program: string;
  readonly sectionSeconds: number;
  readonly requests: number;
  readonly megabytesPerCpuSecond: number;
  readonly requestsPerCpuSecond: number;
  readonly firstByteMs: number;
}

interface Trimmer {
  readonly program: string;
  readonly port: number;
  readonly target: (startSeconds: number, endSeconds: number) => string;
  cpuSeconds(): number;
  stop(): Promise<void>;
}

const startNginxMp4 = async (folder: string, film: string, filmName: string, core: number): Promise<Trimmer> => {
  if (nginxProgram === undefined) throw new Error("nginx is not installed");
  const port = await findFreePort();
  const root = join(folder, "root");
  await mkdir(root, { recursive: true });
  await symlink(film, join(root, filmName));
  const configuration = join(folder, "nginx.conf");
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (name) => `${name}_temp_path ${folder}/${name};`,
  );
  await writeFile(
    configuration,
    `${process.getuid?.() === 0 ? "user root;\n" : ""}daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log warn;
events { worker_connections 4000; }
http {
  ${temporary.join("\n  ")}
  access_log off;
  sendfile on;
  tcp_nodelay on;
  keepalive_requests 1000000000;
  open_file_cache max=100 inactive=600s;
  open_file_cache_valid 600s;
  server {
    listen 127.0.0.1:${port};
    root ${root};
    location / { mp4; mp4_buffer_size 4m; mp4_max_buffer_size 64m; }
  }
}
`,
  );
  const started = startProcess(nginxProgram, ["-p", folder, "-e", "stderr", "-c", configuration], { cores: [core] });
  const until = Date.now() + 10_000;
  while (await canListen(port)) {
    if (Date.now() > until) throw new Error(`nginx does not start: ${started.output()}`);
    await delay(50);
  }
  return {
    program: "nginx",
    port,
    target: (start, end) => `/${filmName}?start=${start}&end=${end}`,
    cpuSeconds: () => readCpuSeconds(listProcessTree(started.pid)),
    stop: () => stopProcess(started, 5000),
  };
};

/** Until the index is there, every part of the film has been used, and the code is compiled. */
const WARM_SECONDS = 5;

/** One section after the other, each elsewhere in the film. */
const measure = async (
  { program, port, target, cpuSeconds }: Trimmer,
  sectionSeconds: number,
  filmSeconds: number,
  seconds: number,
): Promise<TrimFigure> => {
  const client = new MediaClient(port);
  const waits: number[] = [];
  let [bytes, requests] = [0, 0];
  const ask = async (forSeconds: number): Promise<void> => {
    for (const startedMs = performance.now(); performance.now() - startedMs < forSeconds * 1000; ) {
      const start = (requests * 97) % Math.max(1, Math.floor(filmSeconds - sectionSeconds));
      const answer = await client.get(target(start, start + sectionSeconds));
      if (answer.status !== 200)
        throw new Error(`${program}: ${answer.status} for ${target(start, start + sectionSeconds)}`);
      waits.push(answer.firstByteMs);
      bytes += answer.bytes;
      requests += 1;
    }
  };
  await ask(WARM_SECONDS);
  waits.length = 0;
  [bytes, requests] = [0, 0];
  const cpuBefore = cpuSeconds();
  await ask(seconds);
  const cpu = cpuSeconds() - cpuBefore;
  client.close();
  return {
    program,
    sectionSeconds,
    requests,
    megabytesPerCpuSecond: bytes / 1e6 / cpu,
    requestsPerCpuSecond: requests / cpu,
    firstByteMs: median(waits),
  };
};

/** Sections of a film that both have at hand: nginx as a file, this server in its cache. One worker each, on one core. */
export const measureTrimming = async (
  film: string,
  filmSeconds: number,
  folder: string,
  core: number,
  seconds: number,
): Promise<readonly TrimFigure[]> => {
  const media = await startMediaEdge(folder, film, 1, [core]);
  const basalt: Trimmer = {
    program: "Basalt",
    port: media.port,
    target: (start, end) => `/t/${media.filmName}?start=${start}&end=${end}`,
    cpuSeconds: media.cpuSeconds,
    stop: media.stop,
  };
  const client = new MediaClient(media.port);
  await client.get(`/t/${media.filmName}`);
  client.close();
  const nginx = await startNginxMp4(folder, film, media.filmName, core);
  try {
    const figures: TrimFigure[] = [];
    for (const sectionSeconds of [10, 300]) {
      for (const trimmer of [basalt, nginx]) figures.push(await measure(trimmer, sectionSeconds, filmSeconds, seconds));
    }
    return figures;
  } finally {
    await nginx.stop();
    await basalt.stop();
  }
};
