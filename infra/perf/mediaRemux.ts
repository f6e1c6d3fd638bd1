import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { runTool } from "../../packages/testkit/src/media/index.ts";
import { median } from "./statistics.ts";

export interface RemuxFigure {
  readonly program: string;
  readonly segments: number;
  /** Of source, for each second of CPU. */
  readonly megabytesPerCpuSecond: number;
  readonly segmentsPerCpuSecond: number;
  readonly wallSeconds: number;
  readonly cpuSeconds: number;
}

interface Run {
  readonly wallSeconds: number;
  readonly cpuSeconds: number;
  readonly segments: number;
}

/** On one core; start of the program included, unless it tells what it has taken without. */
const runOnce = async (folder: string, core: number, command: readonly string[]): Promise<Run> => {
  await rm(folder, { recursive: true, force: true });
  const script = `mkdir -p "$0"; TIMEFORMAT='took %R %U %S'; time taskset -c ${core} "$@"`;
  const { stdout, stderr, exitCode } = await runTool("bash", ["-c", script, folder, ...command]);
  const told = /^([\d.]+) ([\d.]+)\s*$/.exec(stdout.toString());
  const [, wall, user, system] = /took ([\d.]+) ([\d.]+) ([\d.]+)/.exec(stderr) ?? [];
  if (exitCode !== 0) throw new Error(`${command[0]}: ${stderr.slice(-500)}`);
  const names = await readdir(folder);
  return {
    wallSeconds: Number(told?.[2] ?? wall),
    cpuSeconds: told === null ? Number(user) + Number(system) : Number(told[1]),
    segments: names.filter((name) => /\.(ts|m4s)$/.test(name)).length,
  };
};

const figure = (program: string, sourceBytes: number, runs: readonly Run[]): RemuxFigure => {
  const cpuSeconds = median(runs.map((run) => run.cpuSeconds));
  const segments = runs[0]?.segments ?? 0;
  return {
    program,
    segments,
    cpuSeconds,
    wallSeconds: median(runs.map((run) => run.wallSeconds)),
    megabytesPerCpuSecond: sourceBytes / 1e6 / cpuSeconds,
    segmentsPerCpuSecond: segments / cpuSeconds,
  };
};

/** The whole film into transport streams, in turn by this server's code and by ffmpeg. `folder` is best on a tmpfs. */
export const measureRemux = async (
  film: { readonly path: string; readonly bytes: number },
  folder: string,
  core: number,
  rounds: number,
): Promise<readonly RemuxFigure[]> => {
  const main = join(import.meta.dirname, "mediaRemuxMain.ts");
  const out = join(folder, "segments");
  const ours = [process.execPath, "--conditions=@basalt/source", main, film.path, out, "ts", "10"];
  const theirs = [
    ...[
      "ffmpeg",
      "-nostdin",
      "-v",
      "error",
      "-threads",
      "1",
      "-i",
      film.path,
      "-map",
      "0:v",
      "-map",
      "0:a",
      "-c",
      "copy",
    ],
    ...["-f", "hls", "-hls_time", "10", "-hls_list_size", "0", "-hls_playlist_type", "vod", join(out, "index.m3u8")],
  ];
  const [our, their]: [Run[], Run[]] = [[], []];
  for (let round = 0; round < rounds; round++) {
    our.push(await runOnce(out, core, ours));
    their.push(await runOnce(out, core, theirs));
  }
  await rm(out, { recursive: true, force: true });
  return [figure("Basalt, second time", film.bytes, our), figure("ffmpeg", film.bytes, their)];
};
