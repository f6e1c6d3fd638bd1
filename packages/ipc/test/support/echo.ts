import { EdgeError } from "@basalt/types";
import { Channel, portToParent } from "../../src/index.ts";
import type { Echo, Home } from "./echoProtocol.ts";

const channel = new Channel<Echo, Home>(
  portToParent(),
  {
    echo: ({ bytes }) => ({ isBuffer: Buffer.isBuffer(bytes), bytes }),
    fail: () => {
      throw new EdgeError("TRANSFORM_FAILED", { detail: "in the child" });
    },
    wait: () => new Promise(() => {}),
  },
  { note: () => {} },
);
channel.onClose(() => process.exit(0));
channel.tell("ready", null);
