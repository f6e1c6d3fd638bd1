import { setTimeout as pause } from "node:timers/promises";
import type { DeriveReply } from "@basalt/cache";
import { Channel, portToParent } from "@basalt/ipc";
import { EdgeError } from "@basalt/types";
import type { TransformOwner, TransformService, TransformTask } from "../../src/protocol.ts";

/** A transform host for tests: does what the head of the request says, each job as if it had a thread. */

let isRetiring = false;
let running = 0;
const waiting: ((error: EdgeError) => void)[] = [];

const reply = (text: string): DeriveReply => ({ kind: "made", head: Buffer.alloc(0), body: Buffer.from(text) });

const derive = async ({ number, request, share }: TransformTask): Promise<DeriveReply> => {
  const [command = "", argument = ""] = request.head.toString().split(" ");
  if (command === "wait") {
    if (isRetiring) throw new EdgeError("SHUTTING_DOWN");
    return await new Promise((_, reject) => waiting.push(reject));
  }
  channel.tell("started", { number });
  running++;
  try {
    switch (command) {
      case "crash":
        process.kill(process.pid, "SIGKILL");
        return await new Promise(() => {});
      case "overrun":
        channel.tell("overran", { number });
        throw new EdgeError("TRANSFORM_FAILED", { detail: "longer than 1 ms" });
      case "unfit":
        channel.tell("unfit", { reason: argument, isUrgent: argument === "urgent" });
        await pause(200);
        return reply(`pid ${process.pid}`);
      case "slow":
        await pause(Number(argument));
        return reply(`pid ${process.pid}`);
      case "share":
        return reply(JSON.stringify(share));
      default:
        return reply(`pid ${process.pid}`);
    }
  } finally {
    running--;
  }
};

const channel = new Channel<TransformService, TransformOwner>(
  portToParent(),
  {
    configure: ({ store }) => {
      if (store.isBypassing) throw new EdgeError("INTERNAL", { detail: "cannot begin" });
      return null;
    },
    derive,
    figures: () => ({
      waiting: waiting.length,
      running,
      done: 0,
      failed: 0,
      refused: 0,
      cancelled: 0,
      overloaded: 0,
      spentMs: new Map(),
      residentBytes: 0,
      cpuSeconds: 0,
    }),
  },
  {
    store: () => {},
    settings: () => {},
    abandon: () => {
      for (const reject of waiting.splice(0)) reject(new EdgeError("TRANSFORM_FAILED", { detail: "cancelled" }));
    },
    retire: async () => {
      isRetiring = true;
      for (const reject of waiting.splice(0)) reject(new EdgeError("SHUTTING_DOWN"));
      while (running > 0) await pause(5);
      channel.tell("retired", null);
    },
  },
);
channel.onClose(() => process.exit(0));
channel.tell("ready", null);
