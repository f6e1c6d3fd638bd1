import { mkdir, open, readdir, rename, stat } from "node:fs/promises";
import { join } from "node:path";
import { parseSegmentName, SEGMENT_FOLDER } from "../bodies/diskPaths.ts";
import { causeCode } from "../storeProblem.ts";

/** Lies in the folder of a disk and says whose content is there. */
export const MARKER_FILE = "basalt-disk.json";
const MARKER_FORMAT = 1;
/** Far above what is written; a longer file is not ours. */
const MARKER_LIMIT_BYTES = 4096;

export interface DiskMarker {
  /** See `ObjectLocation.disk`. */
  readonly number: number;
  /** Which index gave the number. */
  readonly instance: string;
  /** Segments with lower ids were there before the disk was given its number: nothing in them is an object. */
  readonly firstSegment: number;
}

export type MarkerReading =
  | { readonly kind: "marked"; readonly marker: DiskMarker }
  | { readonly kind: "unmarked"; readonly reason: string }
  /** The disk refused. */
  | { readonly kind: "failed"; readonly cause: unknown };

export const isSameMarker = (left: DiskMarker, right: DiskMarker): boolean =>
  left.number === right.number && left.instance === right.instance;

const isCount = (value: unknown): value is number => typeof value === "number" && Number.isSafeInteger(value);

/** Boundary parser: undefined for anything that `encodeMarker` did not write. */
export const parseMarker = (text: string): DiskMarker | undefined => {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  if (!("format" in value && "number" in value && "instance" in value && "firstSegment" in value)) return undefined;
  const { format, number, instance, firstSegment } = value;
  if (format !== MARKER_FORMAT || !isCount(number) || !isCount(firstSegment)) return undefined;
  if (number < 0 || firstSegment < 0 || typeof instance !== "string") return undefined;
  return { number, instance, firstSegment };
};

export const encodeMarker = ({ number, instance, firstSegment }: DiskMarker): string =>
  `${JSON.stringify({ format: MARKER_FORMAT, number, instance, firstSegment })}\n`;

const isAbsence = (cause: unknown): boolean => causeCode(cause) === "ENOENT" || causeCode(cause) === "ENOTDIR";

const folderExists = (path: string): Promise<boolean> =>
  stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  );

/** What the file begins with; one byte more than a marker may have. */
const readBeginning = async (path: string): Promise<string> => {
  const file = await open(path, "r");
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(MARKER_LIMIT_BYTES + 1), 0, MARKER_LIMIT_BYTES + 1, 0);
    return buffer.toString("utf8", 0, bytesRead);
  } finally {
    await file.close();
  }
};

/** Never throws. */
export const readMarker = async (root: string): Promise<MarkerReading> => {
  try {
    const text = await readBeginning(join(root, MARKER_FILE));
    const marker = text.length > MARKER_LIMIT_BYTES ? undefined : parseMarker(text);
    if (marker !== undefined) return { kind: "marked", marker };
    return { kind: "unmarked", reason: `its file ${MARKER_FILE} is damaged` };
  } catch (cause) {
    // EISDIR: somebody made a folder of that name.
    if (!isAbsence(cause) && causeCode(cause) !== "EISDIR") return { kind: "failed", cause };
    const reason = (await folderExists(root)) ? `its file ${MARKER_FILE} is gone` : "the folder is gone";
    return { kind: "unmarked", reason };
  }
};

/** Fails where the file system has no such thing, which costs the guarantee and nothing else. */
const syncFolder = async (path: string): Promise<void> => {
  const folder = await open(path, "r");
  await folder.sync().finally(() => folder.close());
};

const putMarkerText = async (root: string, text: string): Promise<void> => {
  await mkdir(root, { recursive: true, mode: 0o750 });
  const path = join(root, MARKER_FILE);
  const draft = await open(`${path}.new`, "w", 0o640);
  try {
    await draft.writeFile(text);
    await draft.sync();
  } finally {
    await draft.close();
  }
  await rename(`${path}.new`, path);
  await syncFolder(root).catch(() => undefined);
};

/** Makes the folder if need be; safe from a power cut when it resolves. */
export const writeMarker = (root: string, marker: DiskMarker): Promise<void> =>
  putMarkerText(root, encodeMarker(marker));

/** Leaves the folder without a marker; throws when `writeMarker` would. */
export const clearMarker = (root: string): Promise<void> => putMarkerText(root, "");

const namesIn = async (path: string): Promise<string[]> => {
  try {
    return await readdir(path);
  } catch (cause) {
    if (isAbsence(cause)) return [];
    throw cause;
  }
};

/** The id above all segments that lie on the disk. */
export const segmentAfterAllOn = async (root: string): Promise<number> => {
  let highest = 0;
  for (const folder of await namesIn(join(root, SEGMENT_FOLDER))) {
    for (const name of await namesIn(join(root, SEGMENT_FOLDER, folder))) {
      highest = Math.max(highest, parseSegmentName(name) ?? 0);
    }
  }
  return highest + 1;
};
