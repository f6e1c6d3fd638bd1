import { appendFile, readFile, rename, writeFile } from "node:fs/promises";

/** What a call has done. */
export interface JobResult {
  readonly count: number;
  readonly bytes: number;
  readonly elapsedMs: number;
  /** Answer code. */
  readonly status: number;
}

/** A job of which the call has returned, as it outlives the process. */
export interface JobRecord {
  readonly id: string;
  readonly createdMs: number;
  readonly verb: "purge" | "expire" | "expireafter" | "hardpurge";
  /** For people: may be shortened. */
  readonly targets: string;
  readonly reference: string | undefined;
  /** Digest of all that the call asked for. */
  readonly digest: string;
  /** Versions of its invalidations; later than the last without any. */
  readonly firstVersion: number;
  readonly lastVersion: number;
  readonly result: JobResult;
}

export interface JobFileParts {
  /** A power cut may cost what was written last. */
  readonly path: string;
  /** Once, and again after it worked in between. */
  readonly onProblem: (cause: unknown) => void;
  /** What the file is to hold when it is written anew. */
  readonly records: () => readonly JobRecord[];
  /** Lines of the file at most. */
  readonly mostLines: number;
}

const textOf = (value: object, name: string): string | undefined => {
  const field: unknown = Reflect.get(value, name);
  return typeof field === "string" ? field : undefined;
};

const numberOf = (value: object, name: string): number | undefined => {
  const field: unknown = Reflect.get(value, name);
  return typeof field === "number" && Number.isFinite(field) && field >= 0 ? field : undefined;
};

const parseResult = (value: unknown): JobResult | undefined => {
  if (typeof value !== "object" || value === null) return undefined;
  const count = numberOf(value, "count");
  const bytes = numberOf(value, "bytes");
  const elapsedMs = numberOf(value, "elapsedMs");
  const status = numberOf(value, "status");
  if (count === undefined || bytes === undefined || elapsedMs === undefined || status === undefined) return undefined;
  return { count, bytes, elapsedMs, status };
};

const parseVerb = (text: string | undefined): JobRecord["verb"] | undefined =>
  text === "purge" || text === "expire" || text === "expireafter" || text === "hardpurge" ? text : undefined;

/** Boundary parser: undefined for anything that is not a whole line of ours. */
export const parseJobLine = (line: string): JobRecord | undefined => {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const id = textOf(value, "id");
  const createdMs = numberOf(value, "createdMs");
  const verb = parseVerb(textOf(value, "verb"));
  const targets = textOf(value, "targets");
  const digest = textOf(value, "digest");
  const firstVersion = numberOf(value, "firstVersion");
  const lastVersion = numberOf(value, "lastVersion");
  const result = parseResult(Reflect.get(value, "result"));
  if (id === undefined || !/^I[0-9A-Z]{11}$/.test(id) || createdMs === undefined || verb === undefined)
    return undefined;
  if (targets === undefined || digest === undefined || result === undefined) return undefined;
  if (firstVersion === undefined || lastVersion === undefined) return undefined;
  const reference = textOf(value, "reference");
  return { id, createdMs, verb, targets, reference, digest, firstVersion, lastVersion, result };
};

const encodeLine = (record: JobRecord): string => `${JSON.stringify(record)}\n`;

const isAbsence = (cause: unknown): boolean => cause instanceof Error && "code" in cause && cause.code === "ENOENT";

/** Jobs as lines, the latest last. A file that cannot be used never fails a call. */
export class InvalidationJobFile {
  readonly #parts: JobFileParts;
  #waiting: string[] = [];
  /** The write that will take what waits. */
  #nextWrite: Promise<void> | undefined;
  #last: Promise<void> = Promise.resolve();
  #lines = 0;
  #isFailing = false;

  constructor(parts: JobFileParts) {
    this.#parts = parts;
  }

  async readAll(): Promise<JobRecord[]> {
    const records: JobRecord[] = [];
    await this.#inTurn(async () => {
      const text = await readFile(this.#parts.path, "utf8").catch((cause: unknown) => {
        if (isAbsence(cause)) return "";
        throw cause;
      });
      const lines = text.split("\n");
      for (const line of lines) {
        const record = parseJobLine(line);
        if (record !== undefined) records.push(record);
      }
      this.#lines = lines.length - 1;
      // What a kill has torn would take the next line with it.
      if (!text.endsWith("\n") && text !== "") await appendFile(this.#parts.path, "\n");
    });
    return records;
  }

  /** Resolves when a kill would not lose it, or when it could not be written. Calls at the same time share a write. */
  append(record: JobRecord): Promise<void> {
    this.#waiting.push(encodeLine(record));
    this.#nextWrite ??= this.#inTurn(() => this.#write());
    return this.#nextWrite;
  }

  close(): Promise<void> {
    return this.#last;
  }

  async #write(): Promise<void> {
    const { path, records, mostLines } = this.#parts;
    const lines = this.#waiting;
    this.#waiting = [];
    this.#nextWrite = undefined;
    await appendFile(path, lines.join(""), { mode: 0o640 });
    this.#lines += lines.length;
    if (this.#lines <= mostLines) return;
    const kept = records();
    const draft = `${path}.new`;
    await writeFile(draft, kept.map(encodeLine).join(""), { mode: 0o640 });
    await rename(draft, path);
    this.#lines = kept.length;
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    this.#last = this.#last.then(work).then(
      () => {
        this.#isFailing = false;
      },
      (cause: unknown) => {
        if (!this.#isFailing) this.#parts.onProblem(cause);
        this.#isFailing = true;
      },
    );
    return this.#last;
  }
}
