export type {
  BodyAnswer,
  FileCounting,
  FileRange,
  MountedHost,
  ObjectAnswer,
  ObjectSource,
} from "./contract.ts";
export { FuseDevice } from "./device/fuseDevice.ts";
export { type MountPoint, mountDevice, unmount, unmountAll } from "./device/mountPoint.ts";
export { FileSystem, type FileSystemParts } from "./fileSystem.ts";
