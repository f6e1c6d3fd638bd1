import { randomUUID } from "node:crypto";
import { mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { readOcspResponse } from "@basalt/config";

export interface KeptAnswer {
  readonly response: Buffer;
  readonly fetchedMs: number;
  readonly validToMs: number;
}

const NAME = /^([0-9a-f]{64})\.der$/;
/** What a crash may leave of an unfinished one too. */
const OWN_NAME = /^[0-9a-f]{64}\.der(?:\.|$)/;

/** Answers of responders by the id of their subject, in a folder of the home folder. All were checked before they came here. */
export class OcspFiles {
  readonly #folder: string;

  constructor(home: string) {
    this.#folder = join(home, "ocsp");
  }

  async ids(): Promise<ReadonlySet<string>> {
    const names = await readdir(this.#folder).catch(() => []);
    return new Set(names.flatMap((name) => NAME.exec(name)?.[1] ?? []));
  }

  /** Undefined where there is none that can be read. */
  async read(id: string): Promise<KeptAnswer | undefined> {
    try {
      const handle = await open(this.#pathOf(id), "r");
      try {
        const { mtimeMs } = await handle.stat();
        const response = await handle.readFile();
        return { response, fetchedMs: mtimeMs, validToMs: readOcspResponse(response).validToMs };
      } finally {
        await handle.close();
      }
    } catch {
      return undefined;
    }
  }

  /** Readable for the owner alone, and never there in part. */
  async write(id: string, response: Buffer): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const path = this.#pathOf(id);
    const temporary = `${path}.${randomUUID()}`;
    try {
      const handle = await open(temporary, "wx", 0o600);
      try {
        await handle.writeFile(response);
        await handle.datasync();
      } finally {
        await handle.close();
      }
      await rename(temporary, path);
    } catch (cause) {
      await rm(temporary, { force: true });
      throw cause;
    }
  }

  /** Not to be called while one is being written. */
  async removeAllBut(ids: ReadonlySet<string>): Promise<void> {
    for (const name of await readdir(this.#folder).catch(() => [])) {
      const [, id] = NAME.exec(name) ?? [];
      if (OWN_NAME.test(name) && (id === undefined || !ids.has(id)))
        await rm(join(this.#folder, name), { force: true });
    }
  }

  #pathOf(id: string): string {
    return join(this.#folder, `${id}.der`);
  }
}
