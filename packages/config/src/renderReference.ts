import { describeDefault } from "./options/describeDefault.ts";
import { INACTIVE_SERVER_OPTIONS } from "./options/inactiveServer.ts";
import { INACTIVE_SHARED_OPTIONS, INACTIVE_VHOSTS_OPTIONS } from "./options/inactiveVhost.ts";
import { LOG_OPTIONS } from "./options/logOptions.ts";
import { MEDIA_OPTIONS } from "./options/mediaOptions.ts";
import type { AnyOption, InactiveOption, ListOption, OptionTable } from "./options/option.ts";
import { ORIGIN_OPTIONS } from "./options/originOptions.ts";
import { SERVER_OPTIONS } from "./options/serverOptions.ts";
import { STATS_OPTIONS } from "./options/statsOptions.ts";
import { VHOST_OPTIONS } from "./options/vhostOptions.ts";
import { VHOST_HEAD, VHOSTS_HEAD } from "./options/vhostsElements.ts";
import { flattenTable } from "./options/walkTable.ts";

const escapeCell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("\n", " ");

const renderRow = (cells: readonly string[]): string => `| ${cells.map(escapeCell).join(" | ")} |`;

const renderTable = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [renderRow(head), renderRow(head.map(() => "---")), ...rows.map(renderRow)].join("\n");

const renderAttributes = (row: ListOption<unknown>): readonly (readonly string[])[] => [
  ...row.attributes.map(({ name, type, defaultNote, doc, reload }) => [
    `\`${row.at}@${name}\``,
    type.allowed,
    defaultNote,
    reload ?? row.reload,
    doc,
    row.spec,
  ]),
  ...(row.children ?? []).map(({ name, type, doc }) => [
    `\`${row.at}/${name}\``,
    type.allowed,
    "required",
    row.reload,
    doc,
    row.spec,
  ]),
];

const renderBelow = (row: ListOption<unknown>): readonly (readonly string[])[] =>
  (row.below ?? []).flatMap((below) =>
    renderOption({ ...below, at: below.at.startsWith("@") ? row.at + below.at : `${row.at}/${below.at}` }),
  );

const renderOption = (row: AnyOption): readonly (readonly string[])[] => {
  const type = row.kind === "value" ? row.type : row.text;
  const place = row.kind === "value" ? `\`${row.at}\`` : `\`${row.at}\`, repeatable`;
  return [
    [place, type?.allowed ?? "elements", describeDefault(row), row.reload, row.doc, row.spec],
    ...(row.kind === "list" ? [...renderAttributes(row), ...renderBelow(row)] : []),
  ];
};

const OPTION_HEAD = ["Element", "Allowed", "Default", "Change", "Meaning", "Requirement"];

const renderOptions = <Settings>(table: OptionTable<Settings>): string =>
  renderTable(OPTION_HEAD, flattenTable(table).flatMap(renderOption));

const renderInactive = (rows: readonly InactiveOption[]): string =>
  renderTable(
    ["Element", "Meaning", "Requirement"],
    rows.map(({ at, kind, repeatable, doc, spec }) => [
      `\`${at}\`${repeatable ? ", repeatable" : ""}${kind === "removed" ? ", ignored" : ""}`,
      doc,
      spec,
    ]),
  );

/** The reference page of all configuration elements, in Markdown. */
export const renderReference = (): string =>
  `${[
    "# Configuration reference",
    "Generated from the option tables by `scripts/generateReference.ts`; do not edit.",
    "A place such as `TTL/Res2xx` is the text of an element, `TTL/Res2xx@Ratio` an attribute. Words are compared without regard to case. *live* changes act on reload, *restart* changes when the server starts.",
    "## server.xml",
    "Places are relative to `<Server>`.",
    renderOptions(SERVER_OPTIONS),
    "## vhosts.xml",
    "Places are relative to `<Vhosts>`, which holds a `<Vhost>` for every virtual host.",
    renderOptions(VHOSTS_HEAD),
    "Places are relative to `<Vhosts><Vhost>`.",
    renderOptions(VHOST_HEAD),
    "## Options",
    "Places are relative to `<Options>`, in `<Server><VHostDefault>` for all virtual hosts and in `<Vhosts><Vhost>` for one. A value that a host does not write is inherited.",
    renderOptions(VHOST_OPTIONS),
    "## OriginOptions",
    "Places are relative to `<OriginOptions>`, in the same two places.",
    renderOptions(ORIGIN_OPTIONS),
    "## Media",
    "Places are relative to `<Media>`, in the same two places.",
    renderOptions(MEDIA_OPTIONS),
    "## Log",
    "Places are relative to `<Log>`, in the same two places.",
    renderOptions(LOG_OPTIONS),
    "## Stats",
    "Places are relative to `<Stats>`, in the same two places.",
    renderOptions(STATS_OPTIONS),
    "## Condition files",
    "One rule per line in `svc/{virtual host}/`; `#` begins a comment, commas separate fields. A line that cannot be read is skipped with a warning. A condition is a URL, or `$NAME[…]` terms joined by ` & `; `!NAME[…]` negates; `*` matches any run of characters.",
    renderTable(
      ["File", "Line", "Conditions", "Requirement"],
      [
        [
          "`acl.txt`",
          "`{condition}[, allow | deny[, {status}] | redirect, {target, with #URL}]`",
          "URL, IP, HEADER, PROTOCOL",
          "ACL-30 to ACL-44",
        ],
        ["`users.txt`", "`{name}:{hash}`, as `basalt htpasswd` makes it", "none", "own file"],
        ["`ttl.txt`", "`{condition}, {seconds or time expression}`", "URL", "TTL-19"],
        ["`bypass.txt`", "`{condition}[, cache | bypass]`", "URL, IP, HEADER, PROTOCOL", "BYP-06"],
        ["`querystring.txt`", "`{condition}`", "URL", "KEY-06"],
        ["`compression.txt`", "`{condition}[, {gzip, br, zstd, no or level}[, {level}]]`", "URL", "HTTP-58"],
        [
          "`headers.txt`",
          "`{condition}, {$REQ, $RES or $ORGREQ}[{name}[: {value}]], {set, put, append or unset}[, {status or class of $RES}]`",
          "URL, IP, HEADER, METHOD",
          "HTTP-44, HTTP-45, ORG-53",
        ],
        [
          "`expires.txt`",
          "`{condition}, {seconds or time expression}[, access | modification]`",
          "URL, MIME",
          "HTTP-15",
        ],
        ["`postbody.txt`", "`{condition}`", "URL", "KEY-14"],
      ],
    ),
    "## Not active in this version",
    "These elements are accepted with a warning and have no effect yet. Places are relative to `<Server>`:",
    renderInactive(INACTIVE_SERVER_OPTIONS),
    "Relative to `<Vhosts>`:",
    renderInactive(INACTIVE_VHOSTS_OPTIONS),
    "Relative to `<Server><VHostDefault>` and `<Vhosts><Vhost>`:",
    renderInactive(INACTIVE_SHARED_OPTIONS),
  ].join("\n\n")}\n`;
