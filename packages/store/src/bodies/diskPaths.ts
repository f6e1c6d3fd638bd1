import { join } from "node:path";
import type { ObjectLocation } from "../contract.ts";

/**
 * Names of files: made of our own ids only, never of anything that came with a request. Two levels of folders by the
 * low bytes of the id keep folders small with billions of files. Put together by hand: a path is made for every read.
 */

export const SEGMENT_FOLDER = "seg";
export const FILE_FOLDER = "obj";
const SEGMENT_SUFFIX = ".seg";
const FILE_SUFFIX = ".body";

const byteName = (value: number): string => value.toString(16).padStart(2, "0");
const lowByte = (id: number): string => byteName(id % 256);
const secondByte = (id: number): string => byteName(Math.floor(id / 256) % 256);

/** Folders in which a segment lies, outermost first; the one above them is made when the disk is put in use. */
export const segmentFolders = (root: string, segment: number): string[] => [
  join(root, SEGMENT_FOLDER, lowByte(segment)),
];

export const bodyFileFolders = (root: string, file: number): string[] => [
  join(root, FILE_FOLDER, lowByte(file)),
  join(root, FILE_FOLDER, lowByte(file), secondByte(file)),
];

/** Beginnings of the paths of all files on a disk. */
export const filePrefixes = (root: string): string[] =>
  [SEGMENT_FOLDER, FILE_FOLDER].map((folder) => `${root}/${folder}/`);

export const segmentPath = (root: string, segment: number): string =>
  `${root}/${SEGMENT_FOLDER}/${lowByte(segment)}/${segment}${SEGMENT_SUFFIX}`;

export const bodyFilePath = (root: string, file: number): string =>
  `${root}/${FILE_FOLDER}/${lowByte(file)}/${secondByte(file)}/${file}${FILE_SUFFIX}`;

/** The file that holds an object: its own, or the segment. */
export const objectPath = (root: string, { file, segment }: Pick<ObjectLocation, "file" | "segment">): string =>
  file === 0 ? segmentPath(root, segment) : bodyFilePath(root, file);

const parseId = (name: string, suffix: string): number | undefined => {
  if (!name.endsWith(suffix)) return undefined;
  const digits = name.slice(0, -suffix.length);
  if (!/^[1-9][0-9]{0,15}$/.test(digits)) return undefined;
  const id = Number(digits);
  return Number.isSafeInteger(id) ? id : undefined;
};

/** Id of a segment by its file name; undefined for a name that is not ours. */
export const parseSegmentName = (name: string): number | undefined => parseId(name, SEGMENT_SUFFIX);
export const parseBodyFileName = (name: string): number | undefined => parseId(name, FILE_SUFFIX);
