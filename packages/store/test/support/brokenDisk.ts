import fs from "node:fs";
import { afterEach } from "vitest";

/** File functions that fail as those of a bad disk do, until the end of the test or `mendDisks`. */

const { open, read, readSync, writev, fdatasync } = fs;

type Done = (error: Error | null, result?: number) => void;

export const mendDisks = (): void => {
  Object.assign(fs, { open, read, readSync, writev, fdatasync });
};

afterEach(mendDisks);

export const fileError = (code: string, errno = 0): Error =>
  Object.assign(new Error(`${code}: by the test`), { code, errno });

/** Writes to files opened under `root` from now on are refused. */
export const failWrites = (root: string, code: string, errno = 0): void => {
  const descriptors = new Set<number>();
  Object.assign(fs, {
    open: (path: string, flags: string, mode: number, done: (error: Error | null, descriptor: number) => void) =>
      open(path, flags, mode, (error, descriptor) => {
        if (error === null && path.startsWith(root)) descriptors.add(descriptor);
        else descriptors.delete(descriptor);
        done(error, descriptor);
      }),
    writev: (descriptor: number, buffers: readonly Buffer[], position: number, done: Done) => {
      if (descriptors.has(descriptor)) setImmediate(done, fileError(code, errno));
      else writev(descriptor, buffers, position, done);
    },
  });
};

/** The next write is refused when `tornBytes` of it are in the file. */
export const tearNextWrite = (tornBytes: number, code: string): void => {
  Object.assign(fs, {
    writev: (descriptor: number, buffers: readonly Buffer[], position: number, done: Done) => {
      Object.assign(fs, { writev });
      fs.writeSync(descriptor, Buffer.concat(buffers), 0, tornBytes, position);
      setImmediate(done, fileError(code));
    },
  });
};

export const failReads = (code: string): void => {
  Object.assign(fs, {
    read: (...[, , , , , done]: [number, Buffer, number, number, number, Done]) => setImmediate(done, fileError(code)),
    readSync: () => {
      throw fileError(code);
    },
  });
};

export const failSyncs = (code: string): void => {
  Object.assign(fs, { fdatasync: (_descriptor: number, done: Done) => setImmediate(done, fileError(code)) });
};

/** Lengths of the reads since it was called. */
export const watchReads = (): number[] => {
  const lengths: number[] = [];
  Object.assign(fs, {
    read: (...args: [number, Buffer, number, number, number, Done]) => {
      lengths.push(args[3]);
      read(...args);
    },
    readSync: (...args: [number, Buffer, number, number, number]) => {
      lengths.push(args[3]);
      return readSync(...args);
    },
  });
  return lengths;
};

/** Paths of the files synced since it was called. */
export const watchSyncs = (): string[] => {
  const paths: string[] = [];
  Object.assign(fs, {
    fdatasync: (descriptor: number, done: (error: Error | null) => void) => {
      paths.push(fs.readlinkSync(`/proc/self/fd/${descriptor}`));
      fdatasync(descriptor, done);
    },
  });
  return paths;
};
