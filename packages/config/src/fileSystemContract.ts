/** The mount of the cache (FS-01 to FS-04). */
export interface MountSettings {
  readonly enabled: boolean;
  /** Absolute path of the mount point. */
  readonly path: string;
  /** What has no dot is a folder, whatever virtual host it is of (FS-31). */
  readonly dotDir: boolean;
  /** One ASCII character that stands for `/` (FS-51). */
  readonly separator: string;
}

/** What calls of `unlink` do (FS-11). */
export type UnlinkVerb = "Purge" | "Expire" | "HardPurge";

/** A virtual host seen through the mount (FS-05 to FS-11). */
export interface FileSystemSettings {
  readonly status: "Active" | "Inactive";
  /** What has no dot is a folder (FS-32). */
  readonly dotDir: boolean;
  readonly fileTime: "Origin" | "Local";
  /** Statuses whose body is a file; empty: any. */
  readonly fileStatus: readonly number[];
  /** Statuses that stand for a folder; those of files count first. */
  readonly dirStatus: readonly number[];
  readonly unlink: UnlinkVerb;
}
