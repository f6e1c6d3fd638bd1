import { createServer } from "node:net";
import { parentPort, workerData } from "node:worker_threads";

/** A thread that listens and then stands still: the system queues its connections and nobody ever takes them. */
const { ip, port, wake }: { readonly ip: string; readonly port: number; readonly wake: Int32Array } = workerData;
const server = createServer();
server.listen({ port, host: ip, backlog: 1 }, () => {
  parentPort?.postMessage("listening");
  Atomics.wait(wake, 0, 0);
  server.close();
});
