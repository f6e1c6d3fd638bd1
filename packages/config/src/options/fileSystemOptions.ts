import type { FileSystemSettings, MountSettings } from "../fileSystemContract.ts";
import { type OptionTable, option } from "./option.ts";
import { folderPath, oneOf, onOff, statusList, type ValueType } from "./valueTypes.ts";

/** Where other programs look for it, so that it depends on no home folder. */
const mountPoint: ValueType<string> = {
  ...folderPath,
  allowed: "the absolute path of a folder other than `/`",
  parse: (text) => {
    const path = text.replace(/\/+$/, "");
    return path.startsWith("/") && !path.split("/").some((part) => part === ".." || part === ".")
      ? folderPath.parse(path)
      : { ok: false, message: `${JSON.stringify(text)} is no absolute path of a folder.` };
  },
};

/** What may stand in a URL and has no meaning of its own in paths and query strings. */
const separator: ValueType<string> = {
  name: "character",
  allowed: "one visible ASCII character other than letters, digits and / . ? & = % # _",
  emptyIsValue: false,
  parse: (text) =>
    /^[\x21-\x7e]$/.test(text) && !/[\w/.?&=%#]/.test(text)
      ? { ok: true, value: text }
      : { ok: false, message: `${JSON.stringify(text)} is not such a character.` },
  format: (value) => value,
};

/** Places are relative to `<Server>`. */
export const MOUNT_OPTIONS: OptionTable<MountSettings> = {
  enabled: option("Cache/FileSystem", onOff, false, {
    doc: "Whether the cache is mounted as a file system (FUSE).",
    reload: "restart",
    spec: "FS-01",
  }),
  path: option("Cache/FileSystem@Mount", mountPoint, "/cachefs", {
    doc: "Mount point; made when it is not there.",
    reload: "restart",
    spec: "FS-02",
  }),
  dotDir: option("Cache/FileSystem@DotDir", onOff, false, {
    doc: "Whether a path without a dot is a folder at once, whatever virtual host it is of.",
    reload: "restart",
    spec: "FS-03, FS-31",
  }),
  separator: option("Cache/FileSystem@Separator", separator, "^", {
    doc: "Character that stands for `/` inside a name.",
    reload: "restart",
    spec: "FS-04, FS-51",
  }),
};

/** Places are relative to `<Options>`. */
export const FILE_SYSTEM_OPTIONS: OptionTable<FileSystemSettings> = {
  status: option("FileSystem@Status", oneOf("Active", "Inactive"), "Inactive", {
    doc: "Whether the host is reachable through the mounted file system.",
    spec: "FS-05",
  }),
  dotDir: option("FileSystem@DotDir", onOff, false, {
    doc: "Whether a path of this host without a dot is a folder, for which the origin is not asked.",
    spec: "FS-06, FS-32",
  }),
  fileTime: option("FileSystem/FileTime", oneOf("Origin", "Local"), "Origin", {
    doc: "Time of files: `Origin` is `Last-Modified` (1970-01-01 without one), `Local` when the object was stored.",
    spec: "FS-07",
  }),
  fileStatus: option<readonly number[]>("FileSystem/FileStatus", statusList, [200], {
    doc: "Statuses of the origin whose body is shown as a file.",
    spec: "FS-08",
  }),
  dirStatus: option<readonly number[]>("FileSystem/DirStatus", statusList, [301, 302, 400, 401, 403], {
    doc: "Statuses of the origin that are shown as a folder; with any other the path does not exist.",
    spec: "FS-09, FS-10",
  }),
  unlink: option("FileSystem/Unlink", oneOf("Purge", "Expire", "HardPurge"), "Purge", {
    doc: "What is done to the object when a process deletes the file.",
    spec: "FS-11, FS-24",
  }),
};
