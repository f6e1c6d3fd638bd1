import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { extname } from "node:path";
import { Worker } from "node:worker_threads";

/** A port that is listened on and whose queue is full: what connects to it neither succeeds nor is refused. */
export interface FullBacklog {
  /** Nobody listens any more. */
  release(): Promise<void>;
}

/** The system answers a connect at once while the queue has room: this long without an answer means that it has none. */
const UNANSWERED_MS = 150;
const MOST_FILLERS = 16;

export const fillBacklog = async (ip: string, port: number): Promise<FullBacklog> => {
  const wake = new Int32Array(new SharedArrayBuffer(4));
  const program = new URL(`./deafListenerMain${extname(import.meta.url)}`, import.meta.url);
  const thread = new Worker(program, { workerData: { ip, port, wake } });
  const fillers: Socket[] = [];
  const release = async (): Promise<void> => {
    Atomics.store(wake, 0, 1);
    Atomics.notify(wake, 0);
    for (const filler of fillers) filler.destroy();
    await thread.terminate();
  };
  await once(thread, "message");
  while (await isTaken(ip, port, fillers)) {
    if (fillers.length > MOST_FILLERS) {
      await release();
      throw new Error(`the queue of ${ip}:${port} takes more than ${MOST_FILLERS} connections`);
    }
  }
  return { release };
};

const isTaken = (ip: string, port: number, fillers: Socket[]): Promise<boolean> =>
  new Promise((resolve, reject) => {
    const socket = connect({ port, host: ip });
    fillers.push(socket);
    const timer = setTimeout(() => resolve(false), UNANSWERED_MS);
    socket.once("connect", () => {
      clearTimeout(timer);
      resolve(true);
    });
    socket.on("error", reject);
  });
