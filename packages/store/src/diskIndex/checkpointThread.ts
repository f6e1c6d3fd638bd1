/**
 * The thread that brings the write-ahead log into the database file, so that no event loop waits for the disk. It has
 * a connection of its own. Its imports must load without conditions, because it starts from sources as well as compiled.
 */
import { parentPort, workerData } from "node:worker_threads";
import Database from "better-sqlite3";
import { THREAD_STATE } from "./threadState.ts";

/** Milliseconds to wait for a lock of another process. */
const LOCK_TIMEOUT_MS = 200;

interface ThreadTask {
  readonly path: string;
  readonly state: Int32Array;
}

/** Boundary parser. */
const readTask = (data: unknown): ThreadTask | undefined => {
  if (typeof data !== "object" || data === null || !("path" in data) || !("state" in data)) return undefined;
  const { path, state } = data;
  return typeof path === "string" && state instanceof Int32Array ? { path, state } : undefined;
};

const serve = (port: NonNullable<typeof parentPort>, { path, state }: ThreadTask): void => {
  if (Atomics.compareExchange(state, 0, THREAD_STATE.STARTING, THREAD_STATE.OPEN) !== THREAD_STATE.STARTING) return;
  let database: Database.Database | undefined;
  const checkpoint = (): string => {
    try {
      database ??= new Database(path, { fileMustExist: true, timeout: LOCK_TIMEOUT_MS });
      database.pragma("synchronous = NORMAL");
      database.pragma("wal_checkpoint(PASSIVE)");
      return "";
    } catch (cause) {
      return cause instanceof Error ? cause.message : String(cause);
    }
  };
  port.on("message", (message: unknown) => {
    if (message === "checkpoint") {
      port.postMessage(checkpoint());
      return;
    }
    try {
      database?.close();
    } finally {
      Atomics.store(state, 0, THREAD_STATE.CLOSED);
      Atomics.notify(state, 0);
      port.close();
    }
  });
};

const task = readTask(workerData);
if (parentPort !== null && task !== undefined) serve(parentPort, task);
