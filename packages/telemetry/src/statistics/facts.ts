import type { SystemDisk, SystemSample } from "../system/sampleSystem.ts";

/** What the statistics say beside what was counted: plain values at the end of the time. */
export interface HostFacts {
  readonly version: string;
  readonly name: string;
  readonly state: "Healthy" | "Inactive" | "Emergency";
  readonly uptimeSeconds: number;
  /** Figures of the process part over the same time, by slot of PROCESS_SLOT. */
  readonly process: Float64Array;
  readonly samples: number;
  readonly seconds: number;
  readonly machine: MachineFacts;
  /** Jobs that wait for the transform host, and requests that wait for it or for a fill. */
  readonly waitingEvents: number;
}

/** The machine at the end of a time, and at its beginning. */
export interface MachineFacts {
  readonly now: SystemSample;
  readonly before: SystemSample;
}

export interface DiskFacts {
  readonly path: string;
  readonly status: string;
  readonly now: SystemDisk;
  readonly before: SystemDisk;
}

export interface VhostFacts {
  readonly name: string;
  readonly uptimeSeconds: number;
  readonly files: StoredFileFacts;
  readonly settings: { readonly depth: number; readonly accum: boolean; readonly httpsTraffic: boolean };
  /** Folders that are shown. */
  readonly folderCount: number;
}

/** What a virtual host has stored. */
export interface StoredFileFacts {
  readonly objects: number;
  readonly bytes: number;
  /** Objects by size, in the order of SIZE_CLASSES. */
  readonly bySize: readonly number[];
}

export interface PortFacts {
  readonly port: number;
  readonly originPort: number;
}

export interface FolderFacts {
  readonly path: string;
}

/** STAT-65: upper ends in words; the last is for everything above. */
export const SIZE_CLASSES = [
  ...["1K", "2K", "4K", "8K", "16K", "32K", "64K", "128K", "256K", "512K"].map((end) => `U${end}`),
  ...["1M", "2M", "4M", "8M", "16M", "32M", "64M", "128M", "256M", "512M"].map((end) => `U${end}`),
  ...["1G", "2G", "4G", "8G", "16G"].map((end) => `U${end}`),
  "O16G",
] as const;

const SMALLEST_CLASS_BITS = 10;

/** Position in SIZE_CLASSES of so many bytes. */
export const sizeClassOf = (bytes: number): number => {
  let index = 0;
  while (index < SIZE_CLASSES.length - 1 && bytes >= 2 ** (SMALLEST_CLASS_BITS + index)) index += 1;
  return index;
};

/** Of several hosts together. */
export const sumOfFiles = (files: readonly StoredFileFacts[]): StoredFileFacts => {
  const bySize = new Array<number>(SIZE_CLASSES.length).fill(0);
  let objects = 0;
  let bytes = 0;
  for (const one of files) {
    objects += one.objects;
    bytes += one.bytes;
    one.bySize.forEach((count, index) => {
      bySize[index] = (bySize[index] ?? 0) + count;
    });
  }
  return { objects, bytes, bySize };
};
