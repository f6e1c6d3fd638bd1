import { forkFirstWorker } from "./workerFork.ts";

/** Entry of the primary: its code and that of the first worker load side by side. */
forkFirstWorker();
await import("./primaryRoot.ts");
