import fs from "node:fs";

/** Callback file functions as promises: measured faster than FileHandle, and descriptors stay plain numbers. */

export const openFile = (path: string, flags: string): Promise<number> =>
  new Promise((resolve, reject) => {
    fs.open(path, flags, 0o640, (error, descriptor) => {
      if (error === null) resolve(descriptor);
      else reject(error);
    });
  });

export const closeFile = (descriptor: number): Promise<void> =>
  new Promise((resolve) => {
    fs.close(descriptor, () => resolve());
  });

/** Cuts or extends an open file; what is new are zeros that take no room. */
export const setFileLength = (descriptor: number, length: number): Promise<void> =>
  new Promise((resolve, reject) => {
    fs.ftruncate(descriptor, length, (error) => {
      if (error === null) resolve();
      else reject(error);
    });
  });

/** Resolves when a power cut would not lose the file's bytes. */
export const syncFile = (descriptor: number): Promise<void> =>
  new Promise((resolve, reject) => {
    fs.fdatasync(descriptor, (error) => {
      if (error === null) resolve();
      else reject(error);
    });
  });

/** Reads until `length` bytes are there or the file ends; resolves with the count. */
export const readFully = (
  descriptor: number,
  target: Buffer,
  targetOffset: number,
  length: number,
  position: number,
): Promise<number> =>
  new Promise((resolve, reject) => {
    let done = 0;
    const next = (): void => {
      fs.read(descriptor, target, targetOffset + done, length - done, position + done, (error, count) => {
        if (error !== null) return reject(error);
        done += count;
        if (count === 0 || done >= length) return resolve(done);
        next();
      });
    };
    if (length <= 0) resolve(0);
    else next();
  });

/** Length of all of them together. */
export const totalBytes = (buffers: readonly Buffer[]): number => buffers.reduce((sum, { length }) => sum + length, 0);

/** `buffers` without their first `count` bytes. */
const skipBytes = (buffers: readonly Buffer[], count: number): Buffer[] => {
  const rest: Buffer[] = [];
  let toSkip = count;
  for (const buffer of buffers) {
    if (toSkip >= buffer.length) toSkip -= buffer.length;
    else {
      rest.push(toSkip === 0 ? buffer : buffer.subarray(toSkip));
      toSkip = 0;
    }
  }
  return rest;
};

/** Gathers the buffers into as few writes as the system allows; resolves when all bytes are written. */
export const writeFully = (descriptor: number, buffers: readonly Buffer[], position: number): Promise<void> =>
  new Promise((resolve, reject) => {
    const next = (rest: readonly Buffer[], at: number): void => {
      if (rest.length === 0) {
        resolve();
        return;
      }
      fs.writev(descriptor, rest, at, (error, count) => {
        if (error !== null) return reject(error);
        if (count === 0) return reject(new Error("the file system took no bytes"));
        next(skipBytes(rest, count), at + count);
      });
    };
    next(
      buffers.filter((buffer) => buffer.length > 0),
      position,
    );
  });
