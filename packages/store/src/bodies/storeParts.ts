import type { DescriptorPool } from "./descriptorPool.ts";
import type { DiskReports } from "./diskReports.ts";
import type { DiskSet } from "./diskSet.ts";
import type { UnsyncedFiles } from "./unsyncedFiles.ts";

/** What the parts of a body store share. */
export interface StoreParts {
  readonly disks: DiskSet;
  readonly reports: DiskReports;
  /** Descriptors to read with. */
  readonly readable: DescriptorPool;
  /** Descriptors to fill parts with. */
  readonly writable: DescriptorPool;
  readonly unsynced: UnsyncedFiles;
}
