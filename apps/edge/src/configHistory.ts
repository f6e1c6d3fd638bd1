import { type ConfigOutcome, type ConfigSources, decodeConfigFiles, readConfigSources } from "@basalt/config";
import {
  type ConfigArchiveFile,
  type ConfigChangeKind,
  type ConfigFiles,
  type ConfigHistoryEntry,
  type ConfigHistoryKey,
  type ConfigurationControl,
  type FileEdit,
  gunzipFile,
  isGzip,
  type ReloadOutcome,
  type RestoreOutcome,
  selectConfigFiles,
  type UploadCode,
  type UploadKind,
  type UploadOutcome,
  unpackConfig,
} from "@basalt/management";
import type { InfoLog } from "@basalt/telemetry";
import type { Clock, Problem } from "@basalt/types";
import { archiveNameOf, type ConfigHistoryList } from "./configHistoryList.ts";
import { type Placement, placeFiles } from "./configHistoryPlacement.ts";
import { compileConfig } from "./loadConfig.ts";

export interface ConfigHistoryParts {
  readonly home: string;
  readonly clock: Clock;
  readonly log: InfoLog;
  readonly generation: () => number;
  /** Whole or not at all. */
  readonly putInService: (outcome: ConfigOutcome) => Promise<ReloadOutcome>;
  /** One change of the instance after the other. */
  readonly exclusively: <T>(change: () => Promise<T>) => Promise<T>;
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const filesOf = (sources: ConfigSources): ConfigFiles => selectConfigFiles(sources.files ?? new Map());

/** What differs, undefined where a file is to go. */
const differences = (from: ConfigFiles, to: ConfigFiles): ReadonlyMap<string, Uint8Array | undefined> => {
  const changes = new Map<string, Uint8Array | undefined>();
  for (const [path, bytes] of to) {
    const current = from.get(path);
    if (current === undefined || Buffer.compare(current, bytes) !== 0) changes.set(path, bytes);
  }
  for (const path of from.keys()) if (!to.has(path)) changes.set(path, undefined);
  return changes;
};

/** CFG-79: a file that is no XML, or none at all, cannot be loaded; everything else is its content. */
const codeOf = (problems: readonly Problem[]): UploadCode =>
  problems.some(({ severity, file, element }) => severity === "error" && element === "" && file.endsWith(".xml"))
    ? "E0003"
    : "E0004";

type ChangeOutcome =
  | { readonly kind: "applied"; readonly hash: string; readonly warnings: readonly Problem[] }
  | { readonly kind: "refused"; readonly problems: readonly Problem[] }
  /** The files cannot be put in place. */
  | { readonly kind: "failed"; readonly reason: string };

/**
 * The configuration in service, all that were, and every way to another: reload, upload and restore. A change is
 * compiled as a whole, its files are put in place, then it comes into service; if anything fails, files and
 * configuration are as they were.
 */
export class ConfigHistory implements ConfigurationControl {
  readonly #parts: ConfigHistoryParts;
  readonly #list: ConfigHistoryList;
  /** What is in service, as it was packed: files on disk may have been edited since. */
  #inService: Buffer = Buffer.alloc(0);

  constructor(parts: ConfigHistoryParts, list: ConfigHistoryList) {
    this.#parts = parts;
    this.#list = list;
  }

  history(): readonly ConfigHistoryEntry[] {
    return this.#list.entries;
  }

  async archiveOf(key: ConfigHistoryKey): Promise<ConfigArchiveFile | undefined> {
    const entry = this.#list.find(key);
    const bytes = entry === undefined ? undefined : await this.#list.readArchive(entry);
    return entry === undefined || bytes === undefined ? undefined : { name: archiveNameOf(entry), bytes };
  }

  async fileInService(path: string): Promise<Uint8Array | undefined> {
    return (await this.#filesInService()).get(path);
  }

  /** The configuration that the instance began with. */
  async started(sources: ConfigSources): Promise<void> {
    await this.#record(filesOf(sources), "loaded");
  }

  reload(): Promise<ReloadOutcome> {
    const { home, generation, putInService, exclusively } = this.#parts;
    return exclusively(async () => {
      const sources = await readConfigSources(home);
      const outcome = await putInService(await compileConfig(sources, home, generation() + 1));
      if (outcome.kind === "refused") return outcome;
      const { warnings } = await this.#record(filesOf(sources), "modified");
      return { ...outcome, warnings: [...outcome.warnings, ...warnings] };
    });
  }

  restore(key: ConfigHistoryKey): Promise<RestoreOutcome> {
    return this.#parts.exclusively(async () => {
      const archive = await this.archiveOf(key);
      if (archive === undefined) return { kind: "unknown" };
      const unpacked = await unpackConfig(archive.bytes);
      if (!unpacked.ok) {
        return { kind: "failed", notes: [`${archive.name} cannot be used: ${unpacked.reason}.`], problems: [] };
      }
      const outcome = await this.#change(unpacked.files, "restored", "all");
      switch (outcome.kind) {
        case "applied":
          return { kind: "restored", hash: outcome.hash };
        case "refused":
          return { kind: "failed", notes: [], problems: outcome.problems };
        case "failed":
          return { kind: "failed", notes: [outcome.reason], problems: [] };
      }
    });
  }

  upload(kind: UploadKind, bytes: Buffer): Promise<UploadOutcome> {
    return this.#parts.exclusively(async () => {
      if (kind !== "archive") return await this.#uploadXml(kind, bytes);
      const unpacked = await unpackConfig(bytes);
      if (!unpacked.ok) return { code: "E0002", notes: [`The archive is refused: ${unpacked.reason}.`], problems: [] };
      const notes = unpacked.skipped.slice(0, 20).map((name) => `${JSON.stringify(name)} was left out.`);
      return describe(await this.#change(unpacked.files, "uploaded", "all"), "E0002", notes);
    });
  }

  edit<Result>(
    name: "server.xml" | "vhosts.xml",
    edit: (inService: Uint8Array | undefined) => FileEdit<Result>,
  ): Promise<{ readonly uploaded: UploadOutcome | undefined; readonly result: Result }> {
    return this.#parts.exclusively(async () => {
      const { bytes, result } = edit(await this.fileInService(name));
      return { uploaded: bytes === undefined ? undefined : await this.#uploadXml(name, bytes), result };
    });
  }

  /** CFG-51. */
  async prune(days: number): Promise<void> {
    const { log, clock } = this.#parts;
    try {
      const gone = await this.#list.prune(days, clock.now());
      if (gone > 0) log.notice(`${gone} configurations older than ${days} days left the history`);
    } catch (error) {
      log.error(`the history of the configuration: ${messageOf(error)}`);
    }
  }

  /** CFG-81: `server.xml` goes with all files as they are on disk, `vhosts.xml` with the `server.xml` in service. */
  async #uploadXml(name: "server.xml" | "vhosts.xml", bytes: Buffer): Promise<UploadOutcome> {
    const plain = isGzip(bytes) ? await gunzipFile(bytes) : bytes;
    const packed = plain === undefined ? undefined : await this.#fileOfArchive(name, bytes);
    const content = packed ?? plain;
    if (content === undefined) return { code: "E0002", notes: ["The file cannot be unpacked."], problems: [] };
    const files = new Map(filesOf(await readConfigSources(this.#parts.home)));
    if (name === "vhosts.xml") {
      const server = await this.fileInService("server.xml");
      if (server !== undefined) files.set("server.xml", server);
    }
    files.set(name, content);
    return describe(await this.#change(files, "uploaded", name), "E0003", []);
  }

  /** OPEN 16: the one file may come in an archive too. */
  async #fileOfArchive(name: string, bytes: Buffer): Promise<Uint8Array | undefined> {
    if (!isGzip(bytes)) return undefined;
    const unpacked = await unpackConfig(bytes);
    return unpacked.ok ? unpacked.files.get(name) : undefined;
  }

  async #change(
    files: ConfigFiles,
    kind: ConfigChangeKind,
    placed: "all" | "server.xml" | "vhosts.xml",
  ): Promise<ChangeOutcome> {
    const { home, log, generation, putInService } = this.#parts;
    const compiled = await compileConfig(decodeConfigFiles(files), home, generation() + 1);
    if (!compiled.ok) {
      await putInService(compiled);
      return { kind: "refused", problems: compiled.problems };
    }
    const onDisk = filesOf(await readConfigSources(home));
    const changes = new Map([...differences(onDisk, files)].filter(([path]) => placed === "all" || path === placed));
    let placement: Placement;
    try {
      placement = await placeFiles(home, changes);
    } catch (error) {
      log.error(`the configuration (${kind}) is refused, its files cannot be put in place: ${messageOf(error)}`);
      return { kind: "failed", reason: `The files cannot be put in place: ${messageOf(error)}.` };
    }
    let outcome: ReloadOutcome;
    try {
      outcome = await putInService(compiled);
    } catch (error) {
      await placement.rollBack();
      throw error;
    }
    if (outcome.kind === "refused") {
      await placement.rollBack();
      return { kind: "refused", problems: outcome.problems };
    }
    await placement.commit();
    const { hash, warnings } = await this.#record(files, kind);
    return { kind: "applied", hash, warnings };
  }

  async #record(
    files: ConfigFiles,
    kind: ConfigChangeKind,
  ): Promise<{ readonly hash: string; readonly warnings: readonly Problem[] }> {
    const { clock, log } = this.#parts;
    const { entry, archive, failure } = await this.#list.record(files, kind, clock.now());
    this.#inService = archive;
    if (failure === undefined) return { hash: entry.hash, warnings: [] };
    const message = `The configuration is in service, but its backup cannot be written: ${failure}.`;
    log.error(message);
    const warning: Problem = { severity: "warning", file: "conf", line: 0, column: 0, element: "", message };
    return { hash: entry.hash, warnings: [warning] };
  }

  async #filesInService(): Promise<ConfigFiles> {
    const unpacked = await unpackConfig(this.#inService);
    return unpacked.ok ? unpacked.files : new Map();
  }
}

const describe = (outcome: ChangeOutcome, codeWhenNotPlaced: UploadCode, notes: readonly string[]): UploadOutcome => {
  switch (outcome.kind) {
    case "applied":
      return { code: "E0000", notes, problems: outcome.warnings };
    case "refused":
      return { code: codeOf(outcome.problems), notes, problems: outcome.problems };
    case "failed":
      return { code: codeWhenNotPlaced, notes: [...notes, outcome.reason], problems: [] };
  }
};
