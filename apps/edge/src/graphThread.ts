import { parentPort, workerData } from "node:worker_threads";
import { Channel, portToOwner } from "@basalt/ipc";
import { GraphHistory } from "./graphs/graphHistory.ts";
import type { GraphOwner, GraphService } from "./graphs/graphProtocol.ts";

/** Composition root of the thread that keeps the history of the graphs and draws them, one after another (GRAPH-05). */

/** Boundary parser. */
const readPath = (data: unknown): string | undefined =>
  typeof data === "object" && data !== null && "path" in data && typeof data.path === "string" ? data.path : undefined;

const path = readPath(workerData);
if (parentPort !== null && path !== undefined) {
  let opened: GraphHistory | undefined;
  const history = (): GraphHistory => {
    opened ??= new GraphHistory(path, (text) => channel.tell("problem", { text }));
    return opened;
  };
  const channel = new Channel<GraphService, GraphOwner>(
    portToOwner(parentPort),
    {
      draw: ({ question, untilMs }) => history().draw(question, untilMs),
      record: (window) => {
        history().recordServer(window);
        return null;
      },
      recordHosts: ({ hosts, ...span }) => {
        history().recordHosts(span, hosts);
        return null;
      },
      tidy: ({ nowMs }) => {
        history().tidy(nowMs);
        return null;
      },
      close: () => {
        opened?.close();
        return null;
      },
    },
    {},
  );
}
