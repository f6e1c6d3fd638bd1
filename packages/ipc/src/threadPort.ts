import type { MessagePort, Worker } from "node:worker_threads";
import type { Port } from "./port.ts";

/** The owner's end of a thread. It carries no handles. */
export const portToThread = (worker: Worker): Port => ({
  post(message) {
    worker.postMessage(message);
  },
  onMessage(listener) {
    worker.on("message", (message: unknown) => listener(message, undefined));
  },
  onClose(listener) {
    worker.once("exit", listener);
  },
  close() {
    void worker.terminate();
  },
});

/** The thread's end: `parentPort` of `node:worker_threads`. */
export const portToOwner = (parent: MessagePort): Port => ({
  post(message) {
    parent.postMessage(message);
  },
  onMessage(listener) {
    parent.on("message", (message: unknown) => listener(message, undefined));
  },
  onClose(listener) {
    parent.once("close", listener);
  },
  close() {
    parent.close();
  },
});
