import { mkdir, open, rename } from "node:fs/promises";
import { dirname } from "node:path";
import { dashedMoment } from "../logs/moments.ts";

const HEADER = "#Fields: date time local-path cs-url file-size time-taken sc-status sc-error-msg\n";
/** Then it becomes `.1`, in place of the one before. */
const MOST_BYTES = 10 * 1024 ** 2;

export interface UploadRecord {
  readonly localPath: string;
  readonly host: string;
  readonly port: number;
  readonly remotePath: string;
  readonly bytes: number;
  readonly tookMs: number;
  /** Undefined: sent. */
  readonly error: string | undefined;
}

const percentByte = (character: string): string =>
  [...Buffer.from(character)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`).join("");

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is replaced
const BLANKS_AND_CONTROLS = /[\x00-\x20\x7f]/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is replaced
const CONTROLS = /[\x00-\x1f\x7f]+/g;

const asField = (text: string): string => text.replace(BLANKS_AND_CONTROLS, percentByte);

const asQuoted = (text: string): string => `"${text.replace(CONTROLS, " ").replaceAll('"', "'").trim()}"`;

/** LOG-190. */
export const uploadLine = (record: UploadRecord, atMs: number): string => {
  const host = record.host.includes(":") ? `[${record.host}]` : record.host;
  return [
    dashedMoment(atMs),
    asField(record.localPath),
    asField(`ftp://${host}:${record.port}${record.remotePath}`),
    record.bytes,
    Math.round(record.tookMs),
    record.error === undefined ? "success" : "fail",
    asQuoted(record.error ?? "-"),
  ].join(" ");
};

/** `stonb.log`: what became of each upload, of all clients. */
export class UploadLog {
  readonly #path: string;
  readonly #onProblem: (text: string) => void;
  #writing: Promise<void> = Promise.resolve();

  constructor(path: string, onProblem: (text: string) => void) {
    this.#path = path;
    this.#onProblem = onProblem;
  }

  write(record: UploadRecord, atMs: number): void {
    const line = `${uploadLine(record, atMs)}\n`;
    this.#writing = this.#writing
      .then(() => this.#append(line))
      .catch((cause: unknown) =>
        this.#onProblem(`${this.#path} cannot be written: ${cause instanceof Error ? cause.message : String(cause)}`),
      );
  }

  whenWritten(): Promise<void> {
    return this.#writing;
  }

  async #append(line: string): Promise<void> {
    await mkdir(dirname(this.#path), { recursive: true });
    const file = await open(this.#path, "a", 0o644);
    let bytes: number;
    try {
      bytes = (await file.stat()).size;
      await file.appendFile(bytes === 0 ? HEADER + line : line);
    } finally {
      await file.close();
    }
    if (bytes > MOST_BYTES) await rename(this.#path, `${this.#path}.1`);
  }
}
