import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { DimsRate } from "./dimsRuns.ts";
import type { Machine } from "./machine.ts";

const RESULTS = join(import.meta.dirname, "results");

export interface DimsFigure {
  readonly id: string;
  readonly title: string;
  readonly threads: number;
  readonly sourceBytes: number;
  readonly pool: DimsRate;
  /** Ratios are medians over rounds, of the pool to sharp; below 1 the pool is slower, or takes more processor time. */
  readonly direct: (DimsRate & { readonly ratio: number; readonly cpuRatio: number }) | undefined;
  readonly commandPerSecond: number | undefined;
}

export interface DimsReport {
  readonly date: string;
  readonly machine: Machine;
  readonly rounds: number;
  readonly secondsPerRun: number;
  readonly figures: readonly DimsFigure[];
}

const COLUMNS = [
  "conversion",
  "source",
  "threads",
  "Basalt/s",
  "sharp/s",
  "ratio",
  "Basalt CPU ms",
  "sharp CPU ms",
  "ratio",
  "vips/s",
];

const short = (value: number | undefined): string =>
  value === undefined ? "–" : value >= 100 ? value.toFixed(0) : value.toFixed(value >= 10 ? 1 : 2);

export const renderDimsTable = (figures: readonly DimsFigure[]): string[][] => [
  COLUMNS,
  ...figures.map((figure) => [
    figure.title,
    `${Math.round(figure.sourceBytes / 1024)} KB`,
    String(figure.threads),
    short(figure.pool.perSecond),
    short(figure.direct?.perSecond),
    short(figure.direct?.ratio),
    short(figure.pool.cpuMs),
    short(figure.direct?.cpuMs),
    short(figure.direct?.cpuRatio),
    short(figure.commandPerSecond),
  ]),
];

/** Returns the path of the Markdown file. */
export const writeDimsReport = async (report: DimsReport): Promise<string> => {
  await mkdir(RESULTS, { recursive: true });
  const { machine, figures } = report;
  const base = join(RESULTS, `${report.date}-${machine.commit}-dims`);
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const [head = [], ...rows] = renderDimsTable(figures);
  await writeFile(`${base}.json`, `${JSON.stringify(report, undefined, 2)}\n`);
  await writeFile(
    `${base}.md`,
    `# Conversions of ${report.date}, ${machine.commit}

${machine.cpu}, ${machine.cores} cores; Linux ${machine.kernel}; Node ${machine.node}. ${report.rounds} rounds of ${report.secondsPerRun} s; medians.
Basalt: jobs through the pool, each with its source copied into the thread. sharp: the same call in a loop in one process, as
many at once as threads; both are warm. CPU: processor time of the whole process for one conversion; the ratio is that of
sharp to Basalt. vips: \`vipsthumbnail\` and \`vips\` of Debian, one process for each picture, one thread.

${line(head)}
${line(head.map(() => "---"))}
${rows.map(line).join("\n")}
`,
  );
  return `${base}.md`;
};
