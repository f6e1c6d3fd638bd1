import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Figure, judge } from "./figures.ts";
import type { Machine } from "./machine.ts";

const RESULTS = join(import.meta.dirname, "results");

export interface RunReport {
  readonly date: string;
  readonly machine: Machine;
  readonly rounds: number;
  readonly secondsPerRun: number;
  readonly figures: readonly Figure[];
}

function round(value: number): string {
  if (!Number.isFinite(value)) return "–";
  if (Math.abs(value) >= 100) return String(Math.round(value));
  return value.toFixed(Math.abs(value) >= 10 ? 1 : 2);
}

/** Rows of a table: title, value with spread, marks and verdict, then what stands behind. */
function renderRow(figure: Figure): string[] {
  const [least, most] = figure.spread ?? [figure.value, figure.value];
  return [
    figure.title,
    `${round(figure.value)} ${figure.valueUnit}`,
    figure.spread === undefined ? "" : `${round(least)} – ${round(most)}`,
    figure.budget === undefined ? "" : `${figure.better === "higher" ? "≥" : "≤"} ${figure.budget}`,
    figure.stretch === undefined ? "" : String(figure.stretch),
    judge(figure),
    round(figure.basalt),
    figure.nginx === undefined ? "" : round(figure.nginx),
    figure.unit,
  ];
}

const COLUMNS = ["figure", "value", "spread", "budget", "stretch", "", "Basalt", "nginx", "measured in"];

export function renderTable(figures: readonly Figure[]): string[][] {
  return [COLUMNS, ...figures.map(renderRow)];
}

export function renderMarkdown(report: RunReport): string {
  const { machine } = report;
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return `# Benchmark of ${report.date}, ${machine.commit}

${machine.cpu}, ${machine.cores} cores, ${Math.round(machine.memoryBytes / 2 ** 30)} GB; Linux ${machine.kernel}; Node ${machine.node};
nginx ${machine.nginx} (caching proxy, \`open_file_cache\`, \`tcp_nopush off\`); wrk ${machine.wrk}.
${report.rounds} rounds of ${report.secondsPerRun} s; medians; server on one core, load on the other. Load rows are requests per
second of server CPU, all processes, relative to nginx in the same round.

${line(COLUMNS)}
${line(COLUMNS.map(() => "---"))}
${report.figures.map((figure) => line(renderRow(figure))).join("\n")}

${report.figures.map((figure) => `- ${figure.title}: ${figure.remark}.`).join("\n")}
`;
}

/** Returns the path of the Markdown file. */
export async function writeReport(report: RunReport): Promise<string> {
  await mkdir(RESULTS, { recursive: true });
  const base = join(RESULTS, `${report.date}-${report.machine.commit}`);
  await writeFile(`${base}.json`, `${JSON.stringify(report, undefined, 2)}\n`);
  await writeFile(`${base}.md`, renderMarkdown(report));
  return `${base}.md`;
}
