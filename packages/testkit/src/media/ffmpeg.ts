import { execFile, spawnSync } from "node:child_process";

const OUTPUT_LIMIT_BYTES = 256 << 20;
const RUN_LIMIT_MS = 900_000;

let known: boolean | undefined;

/** Whether Debian's `ffmpeg` and `ffprobe` are here: tests that need them are skipped otherwise. */
export const hasFfmpeg = (): boolean => {
  known ??= ["ffmpeg", "ffprobe"].every((name) => spawnSync(name, ["-version"], { stdio: "ignore" }).status === 0);
  return known;
};

export interface ToolOutput {
  readonly stdout: Buffer;
  readonly stderr: string;
  readonly exitCode: number;
}

/** Runs a program to its end, whatever its exit code. */
export const runTool = (program: string, args: readonly string[]): Promise<ToolOutput> =>
  new Promise((resolve) => {
    const options = { encoding: "buffer", maxBuffer: OUTPUT_LIMIT_BYTES, timeout: RUN_LIMIT_MS } as const;
    execFile(program, [...args], options, (error, stdout, stderr) => {
      const exitCode = error === null ? 0 : typeof error.code === "number" ? error.code : -1;
      const reason = exitCode === -1 ? `${error?.message}\n` : "";
      resolve({ stdout, stderr: reason + stderr.toString("utf8"), exitCode });
    });
  });

const runWell = async (program: string, args: readonly string[]): Promise<Buffer> => {
  const { stdout, stderr, exitCode } = await runTool(program, args);
  if (exitCode !== 0) throw new Error(`${program} ${args.join(" ")} ended with ${exitCode}: ${stderr.slice(-2000)}`);
  return stdout;
};

const QUIET = ["-hide_banner", "-nostdin", "-v", "error", "-y"];

/** Rejects unless it succeeds. */
export const runFfmpeg = (args: readonly string[]): Promise<Buffer> => runWell("ffmpeg", [...QUIET, ...args]);

/** What `ffmpeg` complains of when it decodes everything in the file or at the URL; empty when all is well. */
export const decodeComplaints = async (input: string): Promise<string> => {
  const { stderr, exitCode } = await runTool("ffmpeg", [
    ...QUIET,
    "-i",
    input,
    "-map",
    "0",
    "-dn",
    "-sn",
    "-f",
    "null",
    "-",
  ]);
  return exitCode === 0 ? stderr.trim() : `exit code ${exitCode}: ${stderr.trim()}`;
};

export interface ProbedStream {
  readonly index: number;
  readonly type: string;
  readonly codec: string;
  readonly width: number;
  readonly height: number;
  readonly durationSeconds: number;
}

export interface ProbedFile {
  readonly durationSeconds: number;
  readonly streams: readonly ProbedStream[];
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;
const records = (value: unknown): Record<string, unknown>[] => (Array.isArray(value) ? value.filter(isRecord) : []);

const showJson = async (input: string, show: readonly string[]): Promise<Record<string, unknown>> => {
  const text = await runWell("ffprobe", ["-v", "error", "-of", "json", ...show, input]);
  const report: unknown = JSON.parse(text.toString("utf8"));
  if (!isRecord(report)) throw new Error(`ffprobe says nothing of ${input}`);
  return report;
};

/**
 * ffprobe counts MP4 from 0, also where the first sample comes later, as in fragments of a longer stream, and there takes
 * the end of each track for its length.
 */
const durationOf = (format: Record<string, unknown>, streams: readonly Record<string, unknown>[]): number => {
  const [whole, start] = [Number(format.duration), Number(format.start_time)];
  if (!String(format.format_name).includes("mp4") || !(start > 0)) return whole;
  const ends = streams.map(({ duration }) => Number(duration)).filter((end) => end > start);
  return Math.min(whole, ...(ends.length === 0 ? [] : [Math.max(...ends)])) - start;
};

export const probeFile = async (input: string): Promise<ProbedFile> => {
  const report = await showJson(input, ["-show_format", "-show_streams"]);
  const { format } = report;
  const streams = records(report.streams);
  return {
    durationSeconds: isRecord(format) ? durationOf(format, streams) : Number.NaN,
    streams: streams.map((stream) => ({
      index: Number(stream.index),
      type: String(stream.codec_type),
      codec: String(stream.codec_name),
      width: Number(stream.width ?? 0),
      height: Number(stream.height ?? 0),
      durationSeconds: Number(stream.duration),
    })),
  };
};

export interface ProbedPacket {
  readonly ptsSeconds: number;
  readonly dtsSeconds: number;
  readonly bytes: number;
  readonly isKey: boolean;
  /** Decoded, but outside of what the edit list shows. */
  readonly isDiscarded: boolean;
}

/** Packets of one stream, as `v:0` or `a:0`, in the order of the file. */
export const probePackets = async (input: string, stream: string): Promise<readonly ProbedPacket[]> => {
  const entries = "packet=pts_time,dts_time,size,flags";
  const report = await showJson(input, ["-select_streams", stream, "-show_entries", entries]);
  return records(report.packets).map((packet) => ({
    ptsSeconds: Number(packet.pts_time),
    dtsSeconds: Number(packet.dts_time),
    bytes: Number(packet.size),
    isKey: String(packet.flags).includes("K"),
    isDiscarded: String(packet.flags).includes("D"),
  }));
};

/** A coded frame or a decoded picture. */
export interface Frame {
  readonly ptsSeconds: number;
  readonly bytes: number;
  readonly digest: string;
}

/** Lines of ffmpeg's `framehash` for the only stream in it. */
const readFrames = (report: Buffer): Frame[] => {
  const lines = report.toString("latin1").split("\n");
  const [, units = "1", perSecond = "1"] = /^#tb 0: (\d+)\/(\d+)$/m.exec(lines.slice(0, 20).join("\n")) ?? [];
  const tick = Number(units) / Number(perSecond);
  return lines
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => {
      const [, , pts, , bytes, digest = ""] = line.split(",").map((cell) => cell.trim());
      return { ptsSeconds: Number(pts) * tick, bytes: Number(bytes), digest };
    });
};

const FRAME_HASH = ["-f", "framehash", "-hash", "md5", "-"];

/** The decoded pictures of the first video stream, as coded (not rotated), in the order in which they are shown. */
export const shownPictures = async (input: string): Promise<readonly Frame[]> => {
  const passThrough = ["-fps_mode", "passthrough", "-enc_time_base:v", "1:90000"];
  const args = ["-copyts", "-noautorotate", "-i", input, "-map", "0:v:0", ...passThrough, ...FRAME_HASH];
  return readFrames(await runFfmpeg(args));
};

/**
 * The coded frames of a stream, as `a:0`, in the order of the file. AAC with ADTS headers comes without them, so that
 * frames of a transport stream compare with those of an MP4.
 */
export const codedFrames = async (input: string, stream: string, isAdts = false): Promise<readonly Frame[]> => {
  const filter = isAdts ? ["-bsf:a", "aac_adtstoasc"] : [];
  const copy = ["-map", `0:${stream}`, "-c", "copy", ...filter, "-avoid_negative_ts", "disabled"];
  return readFrames(await runFfmpeg(["-copyts", "-i", input, ...copy, ...FRAME_HASH]));
};
