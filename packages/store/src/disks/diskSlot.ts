import type { DiskState } from "../contract.ts";
import type { DiskMarker } from "./diskMarker.ts";
import type { ConfiguredDisk } from "./registryContract.ts";

/** How it stands with a configured disk. */
export type DiskCondition =
  | { readonly kind: "inUse"; readonly marker: DiskMarker }
  /** Excluded for its failures (CFG-42); what lies on it may come back. */
  | { readonly kind: "failing"; readonly marker: DiskMarker; readonly reason: string; readonly sinceMs: number }
  /** Has no content that is known and cannot be used yet: every check tries again. */
  | { readonly kind: "waiting"; readonly reason: string }
  /** The folder is in other hands; only the administrator or a restart takes it back. */
  | { readonly kind: "foreign"; readonly reason: string }
  | { readonly kind: "unmounted" };

export const stateOf = (condition: DiskCondition): DiskState => {
  switch (condition.kind) {
    case "inUse":
      return "Normal";
    case "unmounted":
      return "Unmounted";
    default:
      return "Invalid";
  }
};

export const markerOf = (condition: DiskCondition): DiskMarker | undefined =>
  condition.kind === "inUse" || condition.kind === "failing" ? condition.marker : undefined;

export const reasonOf = (condition: DiskCondition): string => {
  switch (condition.kind) {
    case "inUse":
      return "";
    case "unmounted":
      return "unmounted by the administrator";
    default:
      return condition.reason;
  }
};

/** Overtaken: another decision about the disk was made meanwhile. */
export type Entering = "entered" | "failed" | "overtaken";

/** A configured disk as the registry keeps it. */
export interface DiskSlot {
  readonly path: string;
  quotaBytes: number | undefined;
  condition: DiskCondition;
  /** The identity that is being put on the disk. */
  claim: DiskMarker | undefined;
  failuresMs: readonly number[];
  looking: Promise<void> | undefined;
  /** The latest attempt to put the disk in use; attempts follow one another. */
  entering: Promise<Entering> | undefined;
  /** Moment at which each text was last reported. */
  readonly reported: Map<string, number>;
}

const withoutTrailingSlash = (path: string): string => path.replace(/(?<=.)\/+$/, "");

export const isSamePath = (left: string, right: string): boolean =>
  withoutTrailingSlash(left) === withoutTrailingSlash(right);

export const createSlots = (disks: readonly ConfiguredDisk[]): DiskSlot[] =>
  disks.map(({ path, quotaBytes }, position) => ({
    path,
    quotaBytes,
    condition: disks.slice(0, position).some((earlier) => isSamePath(earlier.path, path))
      ? { kind: "foreign", reason: "it is configured twice" }
      : { kind: "waiting", reason: "not looked at yet" },
    claim: undefined,
    failuresMs: [],
    looking: undefined,
    entering: undefined,
    reported: new Map(),
  }));
