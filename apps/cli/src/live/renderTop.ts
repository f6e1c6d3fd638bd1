import type { StatusReport } from "@basalt/management";
import { formatBytes, formatDuration } from "../output.ts";
import { COLUMNS, type Column, percent, type SortKey, shortBytes, shortCount, shortMs, sortHosts } from "./columns.ts";
import { type HostRates, type LiveFigures, slowestOrigins } from "./liveFigures.ts";

export interface TopView {
  readonly columns: number;
  /** Lines of the terminal; undefined: all hosts are shown. */
  readonly rows: number | undefined;
  readonly sort: SortKey;
  /** Hosts that are scrolled over. */
  readonly skip: number;
  readonly hasColour: boolean;
}

const DIM = "\u001b[2m";
const BOLD = "\u001b[1m";
const RED = "\u001b[31m";
const YELLOW = "\u001b[33m";
const INVERSE = "\u001b[7m";
const PLAIN = "\u001b[0m";

const SHORTEST_NAME = 12;
const LONGEST_NAME = 60;
const SLOW_ORIGINS = 3;

const fit = (text: string, width: number): string =>
  text.length > width ? `${text.slice(0, Math.max(0, width - 1))}…` : text;

/** Lines cut to the room of a terminal. */
export const fitLines = (lines: readonly string[], columns: number, rows: number | undefined): readonly string[] =>
  lines.slice(0, rows ?? lines.length).map((line) => fit(line, columns));

const columnsFor = (width: number): readonly Column[] => COLUMNS.filter(({ fromWidth }) => width >= fromWidth);

/** As many words as fit in a line each; a word that is longer is cut. */
const wrap = (words: readonly string[], width: number): readonly string[] => {
  const lines: string[] = [];
  for (const word of words) {
    const last = lines.at(-1);
    const longer = last === undefined ? undefined : `${last}  ${word}`;
    if (longer !== undefined && longer.length <= width) lines[lines.length - 1] = longer;
    else lines.push(fit(word, width));
  }
  return lines;
};

const optional = (value: number | null, format: (value: number) => string): string =>
  value === null ? "-" : format(value);

const summary = (status: StatusReport | undefined, { total, ...figures }: LiveFigures): readonly string[] => {
  const instance =
    status === undefined
      ? []
      : [
          `Basalt ${status.version}`,
          `up ${formatDuration(status.uptimeSeconds)}`,
          status.state,
          `${shortCount(status.objects)} objects, ${formatBytes(status.bodyBytes)}`,
        ];
  return [
    ...instance,
    `${shortCount(total.requestsPerSecond)} req/s`,
    `hit ${optional(total.hitRatio, percent)} %`,
    `out ${shortBytes(total.outBytesPerSecond)}/s`,
    `in ${shortBytes(total.inBytesPerSecond)}/s`,
    `5xx ${shortCount(total.errorsPerSecond)}/s`,
    `latency ${optional(total.latencyMs, shortMs)} ms`,
    `origin ${shortCount(total.originRequestsPerSecond)} req/s ${shortBytes(total.originBytesPerSecond)}/s`,
    `connections ${shortCount(figures.clientConnections)}, origin ${shortCount(figures.originConnections)}`,
    ...(figures.excludedAddresses === 0 ? [] : [`${figures.excludedAddresses} origin addresses excluded`]),
  ];
};

const processWords = ({ processes }: LiveFigures): readonly string[] =>
  processes.map(
    ({ process, cpu, residentBytes, lagMs }) =>
      `${process} ${(cpu * 100).toFixed(0)}% ${formatBytes(residentBytes)}${lagMs >= 1 ? ` lag ${shortMs(lagMs)} ms` : ""}`,
  );

const hostRow = (rates: HostRates, nameWidth: number, columns: readonly Column[]): string => {
  const cells = columns.map(({ read, format, width }) => optional(read(rates), format).padStart(width));
  return [fit(rates.host, nameWidth).padEnd(nameWidth), ...cells].join(" ");
};

const colourOf = (rates: HostRates): string => {
  if (rates.errorsPerSecond > 0 || rates.originFailuresPerSecond > 0) return RED;
  if (rates.requestsPerSecond === 0) return DIM;
  return rates.clientErrorsPerSecond > rates.requestsPerSecond / 10 ? YELLOW : "";
};

/** Lines of one redraw, none longer than the terminal is wide (colours aside), nor more than it has. */
export const renderTop = (status: StatusReport | undefined, figures: LiveFigures, view: TopView): readonly string[] => {
  const width = Math.max(40, view.columns);
  const paint = (colour: string, text: string): string =>
    view.hasColour && colour !== "" ? `${colour}${text}${PLAIN}` : text;
  const columns = columnsFor(width);
  const figureWidth = columns.reduce((sum, column) => sum + column.width + 1, 0);
  const hasRoom = view.rows === undefined;
  const longestName = figures.hosts.reduce((most, { host }) => Math.max(most, host.length), SHORTEST_NAME);
  const nameWidth = hasRoom
    ? longestName
    : Math.min(LONGEST_NAME, longestName, Math.max(SHORTEST_NAME, width - figureWidth));
  const cut = (line: string): string => (hasRoom ? line : fit(line, width));
  const slow = slowestOrigins(figures, SLOW_ORIGINS);
  const slowWords = slow.map(({ host, originLatencyMs }) => `${host} ${optional(originLatencyMs, shortMs)} ms`);
  const head = [
    ...wrap(summary(status, figures), width).map((line) => paint(BOLD, line)),
    ...wrap(processWords(figures), width),
    ...(slowWords.length === 0 ? [] : wrap(["slowest origins:", ...slowWords], width)),
    "",
  ];
  const titles = columns.map((column) =>
    (column.sort === view.sort ? `*${column.title}` : column.title).padStart(column.width),
  );
  const title = cut([(view.sort === "name" ? "*HOST" : "HOST").padEnd(nameWidth), ...titles].join(" "));
  const hosts = sortHosts(figures.hosts, view.sort);
  const room = view.rows === undefined ? hosts.length : Math.max(1, view.rows - head.length - 2);
  const skip = Math.max(0, Math.min(view.skip, hosts.length - room));
  const shown = hosts.slice(skip, skip + room);
  const rest = hosts.length - shown.length;
  const foot =
    view.rows === undefined ? [] : [paint(DIM, fit(`${helpLine}${rest > 0 ? `  ${rest} more hosts` : ""}`, width))];
  return [
    ...head,
    paint(INVERSE, hasRoom ? title : title.padEnd(width)),
    ...shown.map((rates) => paint(colourOf(rates), cut(hostRow(rates, nameWidth, columns)))),
    ...foot,
  ];
};

const helpLine = "sort: r h o i e l g m n   scroll: arrows, page keys   quit: q";
