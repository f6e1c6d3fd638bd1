import type { Problem } from "@basalt/types";

/** How a configuration came into service (CFG-75, CFG-82). */
export type ConfigChangeKind = "loaded" | "modified" | "uploaded" | "restored";

/** One line of the history (CFG-75). */
export interface ConfigHistoryEntry {
  /** One more at each change. */
  readonly id: number;
  /** `YYYY-MM-DD` and `HH:MM:SS`, local time. */
  readonly date: string;
  readonly time: string;
  readonly kind: ConfigChangeKind;
  /** Of the archive. */
  readonly sizeBytes: number;
  /** SHA-1 of the content, 40 upper-case digits. */
  readonly hash: string;
  readonly productVersion: string;
}

/** `hash` wins where both are given (CFG-76, CFG-77). */
export interface ConfigHistoryKey {
  readonly hash: string | undefined;
  readonly id: number | undefined;
}

export interface ConfigArchiveFile {
  readonly name: string;
  readonly bytes: Buffer;
}

/** What an upload brings: a complete archive, or one file, plain or compressed. */
export type UploadKind = "archive" | "server.xml" | "vhosts.xml";

/** CFG-79, without the code of a call that brought no file. */
export type UploadCode = "E0000" | "E0002" | "E0003" | "E0004";

export interface UploadOutcome {
  readonly code: UploadCode;
  /** What a person wants to know besides, in sentences. */
  readonly notes: readonly string[];
  readonly problems: readonly Problem[];
}

export type RestoreOutcome =
  | { readonly kind: "restored"; readonly hash: string }
  | { readonly kind: "unknown" }
  | { readonly kind: "failed"; readonly notes: readonly string[]; readonly problems: readonly Problem[] };

/** What is to be put in service in place of a file, undefined for nothing, and what the caller is to know of it. */
export interface FileEdit<Result> {
  readonly bytes: Buffer | undefined;
  readonly result: Result;
}

/** The configurations that were in service, the one that is, and ways to another. Every change is whole or not at all. */
export interface ConfigurationControl {
  /** Ascending by id. */
  history(): readonly ConfigHistoryEntry[];
  archiveOf(key: ConfigHistoryKey): Promise<ConfigArchiveFile | undefined>;
  /** A file of the configuration in service, by its path below the home folder; undefined when it has none. */
  fileInService(path: string): Promise<Uint8Array | undefined>;
  restore(key: ConfigHistoryKey): Promise<RestoreOutcome>;
  upload(kind: UploadKind, bytes: Buffer): Promise<UploadOutcome>;
  /** An upload made of what is in service, which nothing else changes meanwhile. `uploaded`: undefined without one. */
  edit<Result>(
    name: "server.xml" | "vhosts.xml",
    edit: (inService: Uint8Array | undefined) => FileEdit<Result>,
  ): Promise<{ readonly uploaded: UploadOutcome | undefined; readonly result: Result }>;
}
