import { fileURLToPath } from "node:url";

/** Scripts of the processes and threads that the primary starts: beside this file, in the bundle beside the primary's own. */
const entry = (name: string): string => fileURLToPath(new URL(`./${name}.js`, import.meta.url));

export const WORKER_ENTRY = entry("worker");
export const TRANSFORM_ENTRY = entry("transformHost");
export const UPLOAD_ENTRY = entry("uploadHost");
export const LOG_HOST_ENTRY = entry("logHost");
export const GRAPH_THREAD_ENTRY = entry("graphThread");
