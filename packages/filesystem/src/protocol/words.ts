/** Words of the kernel's protocol (`include/uapi/linux/fuse.h`), as far as they are used. */

/** The version that answers keep to; a kernel with a later one speaks this one too. */
export const MAJOR = 7;
export const MINOR = 31;
/** Before it, answers had other lengths (Linux 4.20). */
export const LEAST_MINOR = 28;

export const OPCODE = {
  LOOKUP: 1,
  FORGET: 2,
  GETATTR: 3,
  SETATTR: 4,
  SYMLINK: 6,
  MKNOD: 8,
  MKDIR: 9,
  UNLINK: 10,
  RMDIR: 11,
  RENAME: 12,
  LINK: 13,
  OPEN: 14,
  READ: 15,
  WRITE: 16,
  STATFS: 17,
  RELEASE: 18,
  FSYNC: 20,
  SETXATTR: 21,
  REMOVEXATTR: 24,
  FLUSH: 25,
  INIT: 26,
  OPENDIR: 27,
  READDIR: 28,
  RELEASEDIR: 29,
  FSYNCDIR: 30,
  ACCESS: 34,
  CREATE: 35,
  INTERRUPT: 36,
  DESTROY: 38,
  NOTIFY_REPLY: 41,
  BATCH_FORGET: 42,
  FALLOCATE: 43,
  RENAME2: 45,
  COPY_FILE_RANGE: 47,
  TMPFILE: 51,
} as const;

/** What would change something (FS-25). */
export const WRITING_OPCODES: ReadonlySet<number> = new Set([
  OPCODE.SETATTR,
  OPCODE.SYMLINK,
  OPCODE.MKNOD,
  OPCODE.MKDIR,
  OPCODE.RMDIR,
  OPCODE.RENAME,
  OPCODE.LINK,
  OPCODE.WRITE,
  OPCODE.SETXATTR,
  OPCODE.REMOVEXATTR,
  OPCODE.CREATE,
  OPCODE.FALLOCATE,
  OPCODE.RENAME2,
  OPCODE.COPY_FILE_RANGE,
  OPCODE.TMPFILE,
]);

export const ERRNO = {
  ENOENT: 2,
  EINTR: 4,
  EIO: 5,
  EBADF: 9,
  EACCES: 13,
  EISDIR: 21,
  EINVAL: 22,
  EROFS: 30,
  ENOSYS: 38,
  EPROTO: 71,
  ETIMEDOUT: 110,
} as const;

export type Errno = (typeof ERRNO)[keyof typeof ERRNO];

export const ROOT_NODE = 1;

export const IN_HEADER_BYTES = 40;
export const OUT_HEADER_BYTES = 16;

/** Flags of INIT. */
export const INIT_FLAG = {
  ASYNC_READ: 1 << 0,
  AUTO_INVAL_DATA: 1 << 12,
  PARALLEL_DIROPS: 1 << 18,
  MAX_PAGES: 1 << 22,
} as const;

/** Of OPEN: the pages that the kernel has of the node are those of the object that is opened. */
export const OPEN_KEEP_CACHE = 1 << 1;

/** Of `open(2)`. */
export const ACCESS_MODE_MASK = 3;
/** Of `access(2)`. */
export const WANTS_WRITE = 2;
