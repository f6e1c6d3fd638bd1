import { STATISTICS_CATALOG } from "./catalog.ts";

const escapeCell = (text: string): string => text.replaceAll("|", "\\|");

const renderRow = (cells: readonly string[]): string => `| ${cells.map(escapeCell).join(" | ")} |`;

/** What stands before the fields of each part. */
const PARTS: readonly (readonly [prefix: string, title: string])[] = [
  ["Host.VirtualHost[].ClientTraffic.Traffic[].FileSystem.", "Mounted folders"],
  ["Host.VirtualHost[].ClientTraffic.Traffic[].", "Client traffic of one folder"],
  ["Host.VirtualHost[].PortBypass[].", "A bypassed port"],
  ["Host.VirtualHost[].", "A virtual host or a view"],
  ["Host.System.Storage.Disk[].", "A disk"],
  ["Host.System.", "The machine"],
  ["Host.", "The host"],
];

const titleOf = (json: string): string => PARTS.find(([prefix]) => json.startsWith(prefix))?.[1] ?? "";

const INTRODUCTION = `# Statistics reference

Generated from the catalog of the statistics by \`scripts/generateReference.ts\`; do not edit.

\`/monitoring/realtime\` gives the last second, \`/monitoring/average\` the last five minutes of the clock, or with
\`min=1\` to \`min=60\` that many last minutes. \`vhost=NAME[,NAME]\` picks virtual hosts. Both answer in JSON and, with
\`type=xml\` or the suffix \`.xml\`, in XML. Averages carry \`Host.Time\`, the end of their time.

Amounts are per second and truncated. Totals carry values in averages only, and 0 in realtime. Sizes are those of heads
and contents, without transfer coding and TLS. Views have the fields of virtual hosts, with \`View\` for \`VirtualHost\`.
Loopback clients and origins are left out unless \`<Stats>\` says otherwise.`;

/** The page docs/reference/statistics.md. */
export const renderStatisticsReference = (): string => {
  const titles = [...new Set(STATISTICS_CATALOG.map(({ json }) => titleOf(json)))];
  const sections = titles.map((title) => {
    const rows = STATISTICS_CATALOG.filter(({ json }) => titleOf(json) === title).map(
      ({ json, xml, unit, from, doc }) => renderRow([`\`${json}\``, `\`${xml}\``, unit, from, doc]),
    );
    return [
      `## ${title}`,
      [
        renderRow(["JSON", "XML", "Unit", "From", "What"]),
        renderRow(["---", "---", "---", "---", "---"]),
        ...rows,
      ].join("\n"),
    ];
  });
  return `${[INTRODUCTION, ...sections.flat()].join("\n\n")}\n`;
};
