import { constants } from "node:fs";
import { type FileHandle, link, mkdir, open, unlink } from "node:fs/promises";
import { dirname } from "node:path";

/** A log file that several processes append to, each with whole lines. */
export interface AppendFile {
  /** How many of the bytes were written; fewer only when the disk is full. */
  append(data: Uint8Array): Promise<number>;
  /** Takes `tail` off the end of the file if that is what it ends with. */
  takeBack(tail: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/** Opens the file; the one that creates it puts `header` in front of all lines. */
export type OpenAppendFile = (path: string, header: string) => Promise<AppendFile>;

class HandleFile implements AppendFile {
  readonly #handle: FileHandle;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  async append(data: Uint8Array): Promise<number> {
    const { bytesWritten } = await this.#handle.write(data, 0, data.length, null);
    return bytesWritten;
  }

  async takeBack(tail: Uint8Array): Promise<void> {
    const { size } = await this.#handle.stat();
    const from = size - tail.length;
    if (from < 0) return;
    const found = Buffer.alloc(tail.length);
    await this.#handle.read(found, 0, found.length, from);
    if (found.equals(tail)) await this.#handle.truncate(from);
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}

const isCode = (cause: unknown, code: string): boolean =>
  cause instanceof Error && "code" in cause && cause.code === code;

const FLAGS = constants.O_RDWR | constants.O_APPEND;
const MODE = 0o644;
let drafts = 0;

/** Whether the process that writes this draft of a new log file lives: it is at work on it. */
export const isDraftInUse = (name: string): boolean => {
  const [, pid] = /\.(\d+)\.\d+\.tmp$/.exec(name) ?? [];
  if (pid === undefined) return false;
  try {
    process.kill(Number(pid), 0);
    return true;
  } catch (cause) {
    return isCode(cause, "EPERM");
  }
};

/** A file appears with its header in it: it is written under another name and linked, which succeeds for one process. */
const createWithHeader = async (path: string, header: string): Promise<void> => {
  await mkdir(dirname(path), { recursive: true });
  const draft = `${path}.${process.pid}.${drafts++}.tmp`;
  const handle = await open(draft, "wx", MODE);
  try {
    if (header !== "") await handle.writeFile(header, "latin1");
    await handle.close();
    await link(draft, path);
  } catch (cause) {
    if (!isCode(cause, "EEXIST")) throw cause;
  } finally {
    await handle.close().catch(() => undefined);
    await unlink(draft).catch(() => undefined);
  }
};

export const openAppendFile: OpenAppendFile = async (path, header) => {
  try {
    return new HandleFile(await open(path, FLAGS));
  } catch (cause) {
    if (!isCode(cause, "ENOENT")) throw cause;
  }
  await createWithHeader(path, header);
  return new HandleFile(await open(path, FLAGS));
};
