import { chmod, lstat, mkdir, rm } from "node:fs/promises";
import { connect, type Server } from "node:net";
import { dirname } from "node:path";

const isAnswered = (path: string): Promise<boolean> =>
  new Promise((resolve) => {
    const probe = connect(path);
    probe.once("connect", () => {
      probe.destroy();
      resolve(true);
    });
    probe.once("error", () => resolve(false));
  });

const prepareFolder = async (folder: string): Promise<void> => {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const owner = process.getuid?.();
  const { uid } = await lstat(folder);
  if (owner !== undefined && uid !== owner && uid !== 0) {
    throw new Error(`The folder of the management socket belongs to another user: ${folder}.`);
  }
};

/**
 * Listens where only this user may connect. A socket file left by a killed process is replaced; one that another
 * process answers is an error.
 */
export const listenOnUnixSocket = async (server: Server, path: string): Promise<void> => {
  await prepareFolder(dirname(path));
  if (await isAnswered(path)) throw new Error(`Another process listens on the management socket ${path}.`);
  await rm(path, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    const previousMask = process.umask(0o177);
    try {
      server.listen(path, () => {
        server.off("error", reject);
        resolve();
      });
    } finally {
      process.umask(previousMask);
    }
  });
  await chmod(path, 0o600);
};
