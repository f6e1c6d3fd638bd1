/** One row of the specification that a test can name. */
export interface SpecRow {
  readonly file: string;
  readonly id: string;
}

/** A row's identity in a Markdown table: `TTL-03`, `STAT-30a`, `STAT-96.1`, `AWS-A2`, `OPEN-S3`. */
const TABLE_ROW = /^\|\s*[`*]*([A-Z]+-[A-Z]?\d+(?:\.\d+|[a-z])?)[`*]*\s*\|/;

/** Acceptance cases written as paragraphs: `A1. …`; they are named `A1 of spec 02`. */
const ACCEPTANCE_CASE = /^[*]*(A\d+)\.\s/;

/**
 * Rows of one file. A row of a `.tsv` has no id: it goes by the column that names it (`name` of an OID, JSON path
 * of a statistic), and a title that names the file itself stands for a table test over all of its rows.
 */
export function readSpecRows(file: string, text: string): SpecRow[] {
  const ids = new Set<string>();
  if (file.endsWith(".tsv")) {
    for (const line of text.split("\n").slice(1)) {
      const columns = line.split("\t");
      const name = columns[1]?.trim();
      if (name !== undefined && name !== "") ids.add(name);
    }
  } else {
    const number = /^(\d+)/.exec(file)?.[1] ?? file;
    for (const line of text.split("\n")) {
      const id = TABLE_ROW.exec(line)?.[1];
      const acceptance = ACCEPTANCE_CASE.exec(line)?.[1];
      if (id !== undefined) ids.add(id);
      else if (acceptance !== undefined) ids.add(`${acceptance} of spec ${number}`);
    }
  }
  return [...ids].map((id) => ({ file, id }));
}

const RANGE_MARK = /\s*(?:\.\.+|…|–|—|-(?=[A-Z]+-)|\bto\b)\s*/.source;
const NAMED_ID = new RegExp(
  `\\b([A-Z]+-[A-Z]?)(\\d+)((?:\\.\\d+|[a-z](?![a-z]))?)(?:${RANGE_MARK}(?:\\1)?(\\d+)(?!\\d))?`,
  "g",
);
const NAMED_CASE = new RegExp(`\\bA(\\d+)(?:${RANGE_MARK}A?(\\d+))?(?:[^.;]*?)\\bof spec (\\d+)`, "g");

/** Every id that the titles name, ranges such as `ORG-01..12` or `CFG-62 to CFG-71` spelled out. */
export function collectNamedIds(titles: Iterable<string>): ReadonlySet<string> {
  const named = new Set<string>();
  for (const title of titles) {
    for (const [, prefix = "", first = "", suffix = "", last] of title.matchAll(NAMED_ID)) {
      named.add(`${prefix}${first}${suffix}`);
      for (const number of numbersAfter(first, last)) named.add(`${prefix}${number}`);
    }
    for (const [, first = "", last, spec = ""] of title.matchAll(NAMED_CASE)) {
      named.add(`A${first} of spec ${spec}`);
      for (const number of numbersAfter(first, last)) named.add(`A${number} of spec ${spec}`);
    }
  }
  return named;
}

/** The numbers after `first` up to `last`, with the same leading zeros. */
function numbersAfter(first: string, last: string | undefined): string[] {
  const from = Number(first);
  const to = last === undefined ? from : Number(last);
  if (to <= from || to - from > 500) return [];
  return Array.from({ length: to - from }, (_, index) => String(from + index + 1).padStart(first.length, "0"));
}

/** The other name of an acceptance case with a row of its own: `LOG-A3` is `A3 of spec 10`. */
const caseOf = (file: string, id: string): string =>
  `${/-(A\d+)$/.exec(id)?.[1] ?? id} of spec ${/^\d+/.exec(file)?.[0] ?? file}`;

export interface FileCoverage {
  readonly file: string;
  readonly rows: number;
  readonly missing: readonly string[];
}

export function measureCoverage(rows: readonly SpecRow[], titles: readonly string[]): FileCoverage[] {
  const named = collectNamedIds(titles);
  const words = new Set(titles.flatMap((title) => title.split(/[\s,;:"'`()]+/)));
  const files = new Map<string, { rows: number; missing: string[] }>();
  for (const { file, id } of rows) {
    const entry = files.get(file) ?? { rows: 0, missing: [] };
    files.set(file, entry);
    entry.rows += 1;
    const isNamed = file.endsWith(".tsv")
      ? (id.includes(".") && words.has(id)) || words.has(file)
      : named.has(id) || named.has(caseOf(file, id));
    if (!isNamed) entry.missing.push(id);
  }
  return [...files].map(([file, entry]) => ({ file, ...entry }));
}
