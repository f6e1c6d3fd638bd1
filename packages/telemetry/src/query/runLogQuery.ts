import { stat } from "node:fs/promises";
import { join } from "node:path";
import { listLogFiles } from "../logs/keptFiles.ts";
import { contentBytes } from "../reading/contentBytes.ts";
import { FileForm } from "../reading/fileForm.ts";
import type { LineFields } from "../reading/lineForm.ts";
import { readLogLines } from "../reading/logLines.ts";
import { QueryLimitError, type Value } from "./contract.ts";
import { parseQuery } from "./parseQuery.ts";
import { type Cell, RunningQuery } from "./plan.ts";
import type { KeptRow } from "./steps.ts";
import { createTimeLimit } from "./timeLimit.ts";

/** One log whose files are read. Plain data. */
export interface QuerySource {
  readonly vhost: string;
  /** Beginning of the names of its files. */
  readonly kind: string;
  readonly folder: string;
  /** As `LogPlan` has it. */
  readonly form: string;
  /** A file without a date in its name that belongs to it too, such as that of the info log. */
  readonly currentFile?: string;
}

/** Plain data. */
export interface LogQuestion {
  readonly query: string;
  readonly sources: readonly QuerySource[];
  /** Lines from this moment on; undefined: from the first. */
  readonly fromMs: number | undefined;
  /** Lines before this moment; undefined: up to the last. */
  readonly toMs: number | undefined;
  readonly limitMs: number;
}

/** Plain data. */
export interface LogQueryReport {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
  readonly recordsMatched: number;
  readonly recordsScanned: number;
  readonly bytesScanned: number;
  readonly files: number;
  /** Files that could not be read to their end. */
  readonly unreadable: readonly string[];
}

const ROW_BYTES = 512;

class LogRow implements KeptRow {
  readonly #source: QuerySource;
  readonly #file: string;
  readonly #line: string;
  readonly #fields: LineFields;
  readonly #timestampMs: number | undefined;
  readonly #number: number;

  constructor(
    { source, file }: FileToRead,
    line: string,
    fields: LineFields,
    { timestampMs, number }: { readonly timestampMs: number | undefined; readonly number: number },
  ) {
    this.#source = source;
    this.#file = file;
    this.#line = line;
    this.#fields = fields;
    this.#timestampMs = timestampMs;
    this.#number = number;
  }

  get bytes(): number {
    return ROW_BYTES + this.#line.length * 4;
  }

  get(name: string): Value {
    switch (name) {
      case "@message":
        return this.#line;
      case "@timestamp":
        return this.#timestampMs;
      case "@number":
        return this.#number;
      case "@vhost":
        return this.#source.vhost || undefined;
      case "@log":
        return this.#source.kind;
      case "@logStream":
        return this.#file;
      default:
        return this.#fields.field(name);
    }
  }
}

interface FileToRead {
  readonly source: QuerySource;
  readonly file: string;
  readonly path: string;
  readonly startMs: number;
}

/** Between the end of its compression and its deletion a file is there twice. */
const isThereTwice = async (folder: string, names: ReadonlySet<string>, name: string): Promise<boolean> => {
  if (!names.has(`${name}.gz`)) return false;
  const path = join(folder, name);
  const [plain, compressed] = await Promise.all([path, `${path}.gz`].map((one) => contentBytes(one).catch(() => -1)));
  return plain === -1 || (plain !== undefined && plain % 2 ** 32 === compressed);
};

const filesOf = async (source: QuerySource): Promise<readonly FileToRead[]> => {
  const { folder, kind, currentFile } = source;
  const listed = await listLogFiles(folder, kind);
  const names = new Set(listed.map(({ name }) => name));
  const found: typeof listed = [];
  for (const file of listed) if (!(await isThereTwice(folder, names, file.name))) found.push(file);
  const files = found.map(({ name, startMs }) => ({
    source,
    file: name,
    path: join(folder, name),
    startMs,
  }));
  if (currentFile === undefined) return files;
  return [...files, { source, file: currentFile, path: join(folder, currentFile), startMs: Number.NEGATIVE_INFINITY }];
};

const isGone = (cause: unknown): boolean => cause instanceof Error && "code" in cause && cause.code === "ENOENT";

/** A file was rotated away while it waited for its turn: its content is now in the compressed one. */
const pathNow = async (path: string): Promise<{ readonly path: string; readonly changedMs: number } | undefined> => {
  for (const one of [path, `${path}.gz`]) {
    const found = await stat(one).catch(() => undefined);
    if (found !== undefined) return { path: one, changedMs: found.mtimeMs };
  }
  return undefined;
};

/**
 * AWS-88: a query over all files of logs, also rotated and compressed ones. Memory is bounded whatever their size.
 * Rejects with a QueryError for an unsound query, a QueryLimitError for one that takes too much; `nowMs` is a clock.
 */
export const runLogQuery = async (question: LogQuestion, nowMs: () => number): Promise<LogQueryReport> => {
  const { sources, fromMs = Number.NEGATIVE_INFINITY, toMs = Number.POSITIVE_INFINITY, limitMs } = question;
  const running = new RunningQuery(parseQuery(question.query));
  const endsAtMs = nowMs() + limitMs;
  const runWithin = createTimeLimit();
  const inTime = (job: () => void): void => {
    const leftMs = endsAtMs - nowMs();
    if (leftMs < 0 || !runWithin(leftMs, job))
      throw new QueryLimitError(`more than ${limitMs / 1000} seconds; a shorter time or one host helps`);
  };
  const unreadable: string[] = [];
  let recordsScanned = 0;
  let bytesScanned = 0;
  let files = 0;
  const readFile = async (file: FileToRead): Promise<void> => {
    const found = await pathNow(file.path);
    if (found === undefined || found.changedMs < fromMs) return;
    files++;
    const form = new FileForm(file.source.form);
    let timestampMs: number | undefined;
    let before = 0;
    for await (const { lines, endBytes } of readLogLines(found.path)) {
      bytesScanned += endBytes - before;
      before = endBytes;
      inTime(() => {
        for (const line of lines) {
          const fields = form.read(line);
          if (fields === undefined) continue;
          timestampMs = fields.timestampMs ?? timestampMs;
          recordsScanned++;
          if (timestampMs !== undefined && (timestampMs < fromMs || timestampMs >= toMs)) continue;
          running.push(new LogRow(file, line, fields, { timestampMs, number: recordsScanned }));
        }
      });
    }
  };
  for (const source of sources) {
    for (const file of await filesOf(source)) {
      if (file.startMs >= toMs) continue;
      try {
        await readFile(file);
      } catch (cause) {
        if (cause instanceof QueryLimitError) throw cause;
        if (!isGone(cause)) unreadable.push(join(source.vhost, file.file));
      }
    }
  }
  inTime(() => running.end());
  const { columns, rows, matched } = running;
  return { columns, rows, recordsMatched: matched, recordsScanned, bytesScanned, files, unreadable };
};
