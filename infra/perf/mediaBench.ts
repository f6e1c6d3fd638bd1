import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { corpusFile, probeFile } from "../../packages/testkit/src/media/index.ts";
import { formatTable, print } from "../lib/print.ts";
import { listAllowedCores } from "../lib/procfs.ts";
import { describeMachine } from "./machine.ts";
import { measureRemux, type RemuxFigure } from "./mediaRemux.ts";
import { measureTrimming, type TrimFigure } from "./mediaTrim.ts";
import { type FirstByteFigure, measureFirstByte, measureViewers, type ViewersFigure } from "./mediaViewers.ts";

const HELP = `scripts/bench-media [--part remux,trim,first,viewers] [--rounds 3] [--seconds 5] [--viewers 500] [--quick]

remux: a film of ten minutes with 5 Mbps into segments, beside ffmpeg -c copy -f hls. trim: sections of it through the
server, beside nginx's mp4 module. first: time to the first byte. viewers: at different positions of a film of two hours.
--quick: one short round, nothing is written.`;

const { values } = parseArgs({
  options: {
    part: { type: "string", default: "remux,trim,first,viewers" },
    rounds: { type: "string", default: "3" },
    seconds: { type: "string", default: "5" },
    viewers: { type: "string", default: "500" },
    "viewer-seconds": { type: "string", default: "60" },
    quick: { type: "boolean", default: false },
    help: { type: "boolean", short: "h" },
  },
});

const RESULTS = join(import.meta.dirname, "results");
const figureText = (value: number): string => (Number.isNaN(value) ? "–" : value.toFixed(value >= 100 ? 0 : 1));

const remuxTable = (figures: readonly RemuxFigure[]): string[][] => [
  ["into segments", "segments", "MB/s of CPU", "segments/s of CPU", "CPU s", "wall s"],
  ...figures.map((each) => [
    each.program,
    String(each.segments),
    figureText(each.megabytesPerCpuSecond),
    figureText(each.segmentsPerCpuSecond),
    each.cpuSeconds.toFixed(2),
    each.wallSeconds.toFixed(2),
  ]),
];

const trimTable = (figures: readonly TrimFigure[]): string[][] => [
  ["trimming", "section s", "MB/s of CPU", "requests/s of CPU", "first byte ms"],
  ...figures.map((each) => [
    each.program,
    String(each.sectionSeconds),
    figureText(each.megabytesPerCpuSecond),
    figureText(each.requestsPerCpuSecond),
    each.firstByteMs.toFixed(2),
  ]),
];

const firstTable = (figures: readonly FirstByteFigure[]): string[][] => [
  ["first byte", "cold ms", "warm ms"],
  ...figures.map(({ what, coldMs, warmMs }) => [what, figureText(coldMs), figureText(warmMs)]),
];

const viewersTable = (figure: ViewersFigure): string[][] => [
  ["viewers", String(figure.viewers)],
  ["seconds", figureText(figure.seconds)],
  ["segments", String(figure.segments)],
  ["Mbps", figureText(figure.megabitsPerSecond)],
  ["cores of CPU", figure.cpuShare.toFixed(2)],
  ["anonymous memory at its height, MB", figureText(figure.memoryBytes / 1e6)],
  ["its growth, MB", figureText(figure.memoryGrowthBytes / 1e6)],
  ["bytes of the origin, MB", figureText(figure.originBytes / 1e6)],
  ["segment, median ms", figureText(figure.medianMs)],
  ["segment, 99 % ms", figureText(figure.slowest99Ms)],
  ["segments that came late", String(figure.late)],
];

const asMarkdown = ([head = [], ...rows]: readonly (readonly string[])[]): string => {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map((_, column) => (column === 0 ? "---" : "---:"))), ...rows.map(line)].join("\n");
};

const main = async (): Promise<void> => {
  if (values.help) return print(HELP);
  const parts = values.part.split(",");
  const rounds = values.quick ? 1 : Number(values.rounds);
  const seconds = values.quick ? 1 : Number(values.seconds);
  const cores = listAllowedCores();
  const [core = 0] = cores;
  const folder = await mkdtemp(join(tmpdir(), "basalt-bench-media-"));
  // Segments are written to memory where that can be, so that no disk is measured.
  const scratch = await mkdtemp(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "basalt-bench-media-"));
  const tables: string[][][] = [];
  const show = (table: string[][]): void => {
    tables.push(table);
    print(`${formatTable(table)}\n`);
  };
  const inFolder = async (name: string): Promise<string> => {
    const path = join(folder, name);
    await mkdir(path);
    return path;
  };
  try {
    const brisk = await corpusFile("brisk.mp4");
    const { durationSeconds } = await probeFile(brisk.path);
    print(`${brisk.name}: ${(brisk.bytes / 1e6).toFixed(0)} MB, ${durationSeconds.toFixed(0)} s\n`);
    if (parts.includes("remux")) show(remuxTable(await measureRemux(brisk, scratch, core, rounds)));
    if (parts.includes("trim")) {
      show(trimTable(await measureTrimming(brisk.path, durationSeconds, await inFolder("trim"), core, seconds)));
    }
    if (parts.includes("first")) {
      show(firstTable(await measureFirstByte(brisk.path, await inFolder("first"), values.quick ? 3 : 15)));
    }
    if (parts.includes("viewers")) {
      const film = values.quick ? brisk : await corpusFile("feature.mp4");
      const length = values.quick ? 10 : Number(values["viewer-seconds"]);
      show(viewersTable(await measureViewers(film.path, await inFolder("viewers"), Number(values.viewers), length)));
    }
    if (!values.quick) {
      const machine = describeMachine();
      const date = new Date().toISOString().slice(0, 10);
      const path = join(RESULTS, `${date}-${machine.commit}-media.md`);
      await mkdir(RESULTS, { recursive: true });
      await writeFile(
        path,
        `# Media of ${date}, ${machine.commit}

${machine.cpu}, ${machine.cores} cores; Linux ${machine.kernel}; Node ${machine.node}; ${machine.nginx}. Medians of ${rounds}
rounds. Into segments: one core; ffmpeg as a whole process, Basalt's code
in a thread at the second time, as in a server that runs. Trimming: one worker each on one core, the film at
hand; nginx has it as a file. Viewers: two workers, the film asked of the origin as they go; the client shares the machine.

${tables.map(asMarkdown).join("\n\n")}
`,
      );
      print(path);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
    await rm(scratch, { recursive: true, force: true });
  }
};

await main();
