import { CONDITION_FILE_NAMES } from "@basalt/config";

/** Content of the files of a configuration by their paths below the home folder. */
export type ConfigFiles = ReadonlyMap<string, Uint8Array>;

const XML_FILES: ReadonlySet<string> = new Set(["server.xml", "vhosts.xml"]);

const CONDITION_FILES: ReadonlySet<string> = new Set(CONDITION_FILE_NAMES);

const MAX_NAME_BYTES = 255;

/** Whether a text can be the name of one folder: no way up or down, nothing that a file system or a terminal minds. */
export const isFolderName = (name: string): boolean =>
  name !== "" &&
  name !== "." &&
  name !== ".." &&
  Buffer.byteLength(name) <= MAX_NAME_BYTES &&
  !/[/\\\p{Cc}]/u.test(name);

/** CFG-72: the two XML files, and the condition files of each virtual host. */
export const isConfigFileName = (path: string): boolean => {
  if (XML_FILES.has(path)) return true;
  const [root, vhost = "", file = "", ...rest] = path.split("/");
  return root === "svc" && isFolderName(vhost) && CONDITION_FILES.has(file) && rest.length === 0;
};

/** Without what else lies in the folders of virtual hosts. */
export const selectConfigFiles = (files: ConfigFiles): ConfigFiles =>
  new Map([...files].filter(([path]) => isConfigFileName(path)));
