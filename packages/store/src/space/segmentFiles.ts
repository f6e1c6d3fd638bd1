import { stat } from "node:fs/promises";
import { type EpochMs, epochMs } from "@basalt/types";
import { segmentPath } from "../bodies/diskPaths.ts";
import type { DiskSetting } from "../contract.ts";
import { causeCode } from "../storeProblem.ts";

export type SegmentMeasure =
  | { readonly kind: "found"; readonly fileBytes: number; readonly modifiedAt: EpochMs }
  | { readonly kind: "gone" }
  | { readonly kind: "unknown" };

/** Length of one segment file, without a listing. */
export const measureSegmentFile = async (disk: DiskSetting, segment: number): Promise<SegmentMeasure> => {
  try {
    const { size, mtimeMs } = await stat(segmentPath(disk.path, segment));
    return { kind: "found", fileBytes: size, modifiedAt: epochMs(Math.floor(mtimeMs)) };
  } catch (cause) {
    return { kind: causeCode(cause) === "ENOENT" ? "gone" : "unknown" };
  }
};
