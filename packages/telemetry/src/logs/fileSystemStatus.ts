/** How a transaction of the mounted file system ended (LOG-154 to LOG-173): the closed list of `sc-status`. */
export const FILE_SYSTEM_STATUSES = [
  { name: "normal", code: 200, meaning: "Normal." },
  { name: "bypassNeeded", code: 301, meaning: "The request would have to bypass the cache." },
  { name: "refused", code: 302, meaning: "The service was refused." },
  { name: "redirectNeeded", code: 303, meaning: "The answer is a redirect." },
  { name: "badRequest", code: 400, meaning: "Bad request." },
  { name: "unknownVhost", code: 401, meaning: "No virtual host was found." },
  { name: "originFailed", code: 402, meaning: "Initialisation from the origin failed." },
  { name: "objectFailed", code: 500, meaning: "Initialisation of the object failed." },
  { name: "openFailed", code: 501, meaning: "Opening the object failed." },
  { name: "pathFailed", code: 502, meaning: "Creating the storage path failed." },
  { name: "memoryFailed", code: 503, meaning: "Initialisation of memory failed." },
  { name: "emergency", code: 504, meaning: "Emergency mode." },
  { name: "fileTimeout", code: 600, meaning: "Timeout while waiting for the file." },
  { name: "dataTimeout", code: 601, meaning: "Timeout while waiting for data of the file." },
  { name: "fileWaitFailed", code: 602, meaning: "Initialisation of the file failed while waiting for it." },
  { name: "dataWaitFailed", code: 603, meaning: "Initialisation of data failed while waiting for data of the file." },
  { name: "wrongOffset", code: 701, meaning: "Wrong offset." },
  { name: "regionFailed", code: 702, meaning: "Loading a region of the file failed." },
  { name: "outOfMemory", code: 703, meaning: "Not enough memory." },
  { name: "sessionFailed", code: 704, meaning: "Creating a session with the origin failed." },
] as const;

export type FileSystemStatus = (typeof FILE_SYSTEM_STATUSES)[number]["name"];

const codes = new Map<FileSystemStatus, number>(FILE_SYSTEM_STATUSES.map(({ name, code }) => [name, code]));

export const fileSystemCodeOf = (status: FileSystemStatus): number => codes.get(status) ?? 0;
