import { readdirSync, readFileSync, statSync } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { EdgeError } from "@basalt/types";
import { type CountryDatabase, isDatabaseName, openCountryDatabase } from "./countryDatabase.ts";

export interface CountryFile {
  readonly file: string;
  readonly sizeBytes: number;
}

export interface CountryFolderParts {
  readonly notice: (text: string) => void;
  readonly warning: (text: string) => void;
  /** How often the folder is looked at. */
  readonly everyMs?: number;
}

interface KnownFile {
  /** Of what was read last, whether it could be used or not. */
  readonly mark: string;
  /** The last that could be used. */
  readonly database: CountryDatabase | undefined;
}

const LOOK_EVERY_MS = 1_000;
const MOST_REMEMBERED = 10_000;

const markOf = ({ ino, size, mtimeMs }: { readonly ino: number; readonly size: number; readonly mtimeMs: number }) =>
  `${ino} ${size} ${mtimeMs}`;

/**
 * The country databases of a folder (ACL-16). They lie in memory, and files that are put in place of others take effect by
 * themselves, once they have not changed between two looks. One that cannot be used leaves the last one in service.
 */
export class CountryFolder {
  readonly #parts: CountryFolderParts;
  #folder = "";
  #files = new Map<string, KnownFile>();
  #databases: readonly CountryDatabase[] = [];
  /** Marks at the last look of files that differ from what is known. */
  #changing = new Map<string, string>();
  readonly #remembered = new Map<string, string | undefined>();
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: CountryFolderParts) {
    this.#parts = parts;
  }

  /** Empty: no country is known. Another folder is read before this returns. */
  setFolder(folder: string): void {
    if (folder === this.#folder) return;
    clearTimeout(this.#timer);
    this.#folder = folder;
    this.#files = new Map();
    this.#changing = new Map();
    if (folder !== "") this.#readAll(folder);
    this.#use();
    if (folder !== "") this.#lookLater(folder);
  }

  get isConfigured(): boolean {
    return this.#folder !== "";
  }

  /** By the first file in the order of names, `.mmdb` before `.dat`, that knows the address. */
  readonly countryOf = (address: string): string | undefined => {
    if (this.#databases.length === 0) return undefined;
    const known = this.#remembered.get(address);
    if (known !== undefined || this.#remembered.has(address)) return known;
    const country = this.#lookUp(address);
    if (this.#remembered.size >= MOST_REMEMBERED) this.#remembered.clear();
    this.#remembered.set(address, country);
    return country;
  };

  /** ACL-17: the database files that are there now. */
  async list(): Promise<readonly CountryFile[]> {
    const files: CountryFile[] = [];
    for (const file of (await readdir(this.#folder).catch(() => [])).filter(isDatabaseName).sort()) {
      const found = await stat(join(this.#folder, file)).catch(() => undefined);
      if (found?.isFile()) files.push({ file, sizeBytes: found.size });
    }
    return files;
  }

  get folder(): string {
    return this.#folder;
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #lookUp(address: string): string | undefined {
    for (const database of this.#databases) {
      try {
        const country = database.countryOf(address);
        if (country !== undefined) return country;
      } catch {
        // A damaged place in a file: the address is not known there.
      }
    }
    return undefined;
  }

  #readAll(folder: string): void {
    try {
      for (const file of readdirSync(folder).filter(isDatabaseName)) {
        const found = statSync(join(folder, file));
        if (found.isFile()) this.#take(file, markOf(found), () => readFileSync(join(folder, file)));
      }
    } catch (cause) {
      this.#parts.warning(`the GeoIP folder ${folder} cannot be read: ${EdgeError.from(cause).detail}`);
    }
  }

  #take(file: string, mark: string, read: () => Buffer): void {
    const before = this.#files.get(file)?.database;
    try {
      const database = openCountryDatabase(file, read());
      this.#files.set(file, { mark, database });
      this.#parts.notice(`the GeoIP database ${file} (${database.description}) is in service`);
    } catch (cause) {
      const { detail } = EdgeError.from(cause);
      const rest = before === undefined ? "it is not used" : "the last one stays in service";
      this.#files.set(file, { mark, database: before });
      this.#parts.warning(`the GeoIP database ${file} cannot be used: ${detail}; ${rest}`);
    }
  }

  #use(): void {
    const names = [...this.#files.keys()].sort((one, other) => {
      const [isDat, isOtherDat] = [one, other].map((name) => name.toLowerCase().endsWith(".dat"));
      if (isDat !== isOtherDat) return isDat ? 1 : -1;
      return one < other ? -1 : 1;
    });
    this.#databases = names.map((name) => this.#files.get(name)?.database).filter((database) => database !== undefined);
    this.#remembered.clear();
  }

  #lookLater(folder: string): void {
    this.#timer = setTimeout(() => {
      void this.#look(folder)
        .catch((cause: unknown) => this.#parts.warning(`the GeoIP folder: ${EdgeError.from(cause).detail}`))
        .finally(() => {
          if (folder === this.#folder) this.#lookLater(folder);
        });
    }, this.#parts.everyMs ?? LOOK_EVERY_MS);
    this.#timer.unref();
  }

  async #look(folder: string): Promise<void> {
    // A folder that is gone for a moment takes nothing out of service.
    const names = await readdir(folder).catch(() => undefined);
    if (names === undefined || folder !== this.#folder) return;
    const changing = new Map<string, string>();
    let hasChanged = false;
    for (const file of names.filter(isDatabaseName)) {
      const found = await stat(join(folder, file)).catch(() => undefined);
      if (found === undefined || !found.isFile()) continue;
      const mark = markOf(found);
      if (this.#files.get(file)?.mark === mark) continue;
      if (this.#changing.get(file) !== mark) {
        changing.set(file, mark);
        continue;
      }
      const bytes = await readFile(join(folder, file)).catch(() => undefined);
      if (bytes === undefined || folder !== this.#folder) continue;
      this.#take(file, mark, () => bytes);
      hasChanged = true;
    }
    if (folder !== this.#folder) return;
    this.#changing = changing;
    const present = new Set(names);
    for (const file of [...this.#files.keys()]) {
      if (present.has(file)) continue;
      this.#files.delete(file);
      this.#parts.notice(`the GeoIP database ${file} is gone`);
      hasChanged = true;
    }
    if (hasChanged) this.#use();
  }
}
