import { buffer } from "node:stream/consumers";
import { setImmediate } from "node:timers/promises";
import { promisify } from "node:util";
import { gunzip, gzip } from "node:zlib";
import { extract, type Header, pack } from "tar-stream";
import { type ConfigFiles, isConfigFileName } from "./configFileNames.ts";
import { sortFiles } from "./configHash.ts";

const compress = promisify(gzip);
const decompress = promisify(gunzip);

/** What an archive may hold, far beyond any configuration; it is unpacked in memory. */
export const ARCHIVE_LIMITS = {
  compressedBytes: 32 * 1024 ** 2,
  unpackedBytes: 64 * 1024 ** 2,
  fileBytes: 16 * 1024 ** 2,
  entries: 100_000,
} as const;

const ENTRIES_A_TURN = 100;

export type UnpackOutcome =
  | {
      readonly ok: true;
      readonly files: ConfigFiles;
      /** Plain files that are no part of a configuration: they are left where they are. */
      readonly skipped: readonly string[];
    }
  | { readonly ok: false; readonly reason: string };

/** Archives of operators: why one is not taken is an outcome, not a defect. */
class RefusedArchive extends Error {}

const refuse = (reason: string): never => {
  throw new RefusedArchive(reason);
};

/** The files as `.tgz`, each with the given time. */
export const packConfig = async (files: ConfigFiles, modified: Date): Promise<Buffer> => {
  const tar = pack();
  const packing = buffer(tar);
  for (const [name, bytes] of sortFiles(files)) tar.entry({ name, mode: 0o600, mtime: modified }, Buffer.from(bytes));
  tar.finalize();
  return await compress(await packing);
};

/** A name that leads out of the folder is hostile whatever would become of it. */
const readName = ({ name }: Header): string => {
  const path = name.replace(/^(?:\.\/)+/, "").replace(/\/+$/, "");
  if (name.startsWith("/")) refuse(`${JSON.stringify(name)} is an absolute path`);
  if (path.split("/").includes("..")) refuse(`${JSON.stringify(name)} leads out of the folder`);
  if (/[\\\p{Cc}]/u.test(path)) refuse(`${JSON.stringify(name)} is no name of a file`);
  return path;
};

const inflate = async (archive: Buffer): Promise<Buffer> => {
  try {
    return await decompress(archive, { maxOutputLength: ARCHIVE_LIMITS.unpackedBytes });
  } catch (error) {
    const isTooLarge = error instanceof Error && "code" in error && error.code === "ERR_BUFFER_TOO_LARGE";
    return refuse(
      isTooLarge ? `it unpacks to more than ${ARCHIVE_LIMITS.unpackedBytes / 1024 ** 2} MB` : "it is no gzip file",
    );
  }
};

const readTar = async (tar: Buffer, maxEntries: number): Promise<Extract<UnpackOutcome, { ok: true }>> => {
  const files = new Map<string, Uint8Array>();
  const skipped: string[] = [];
  const extraction = extract();
  extraction.end(tar);
  let entries = 0;
  for await (const entry of extraction) {
    entries += 1;
    if (entries > maxEntries) refuse(`it has more than ${maxEntries} entries`);
    // Entries follow each other within one turn of the event loop, which others wait for.
    if (entries % ENTRIES_A_TURN === 0) await setImmediate();
    const { header } = entry;
    const path = readName(header);
    if (header.type !== "file" && header.type !== "directory") refuse(`${JSON.stringify(path)} is a ${header.type}`);
    const isTaken = header.type === "file" && isConfigFileName(path);
    if (isTaken && files.has(path)) refuse(`${JSON.stringify(path)} stands in it twice`);
    if (isTaken && header.size > ARCHIVE_LIMITS.fileBytes) refuse(`${JSON.stringify(path)} is larger than 16 MB`);
    const chunks: Uint8Array[] = [];
    for await (const chunk of entry) if (isTaken && chunk instanceof Uint8Array) chunks.push(chunk);
    if (isTaken) files.set(path, Buffer.concat(chunks));
    else if (header.type === "file") skipped.push(path);
  }
  if (entries === 0) refuse("it holds nothing");
  return { ok: true, files, skipped };
};

/**
 * The files of a configuration in a `.tgz`. Links, devices, paths that lead elsewhere, names that stand twice and
 * archives beyond the limits are refused whole.
 */
export const unpackConfig = async (
  archive: Buffer,
  maxEntries: number = ARCHIVE_LIMITS.entries,
): Promise<UnpackOutcome> => {
  try {
    return await readTar(await inflate(archive), maxEntries);
  } catch (error) {
    if (error instanceof RefusedArchive) return { ok: false, reason: error.message };
    return { ok: false, reason: `it is no tar file: ${error instanceof Error ? error.message : String(error)}` };
  }
};

/** Whether bytes begin as gzip does. */
export const isGzip = (bytes: Uint8Array): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b;

/** Undefined when it is no gzip file, or too large unpacked. */
export const gunzipFile = async (bytes: Buffer): Promise<Buffer | undefined> => {
  try {
    return await decompress(bytes, { maxOutputLength: ARCHIVE_LIMITS.fileBytes + 1024 ** 2 });
  } catch {
    return undefined;
  }
};
