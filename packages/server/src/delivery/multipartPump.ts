import type { BodySource } from "@basalt/cache";
import type { ByteRange } from "@basalt/http";
import type { Exchange } from "../exchange.ts";
import { BodyPump, type Unbegun } from "./bodyPump.ts";
import type { MultipartFrame } from "./multipart.ts";

export interface MultipartPlan {
  readonly head: Buffer;
  readonly frame: MultipartFrame;
  readonly ranges: readonly ByteRange[];
  readonly keepAlive: boolean;
  readonly unbegun?: Unbegun | undefined;
  /** The bytes of one range; asked for when the ranges in front of it have been handed over. */
  readonly sourceOf: (range: ByteRange) => BodySource;
}

/** Sends the ranges one after the other, each at the client's pace; nothing is gathered. */
export const pumpMultipart = (exchange: Exchange, plan: MultipartPlan): void => {
  const { frame, ranges, keepAlive, sourceOf } = plan;

  const sendFrom = (index: number): void => {
    const range = ranges[index];
    const opening = frame.openings[index];
    if (range === undefined || opening === undefined) {
      exchange.ongoing = undefined;
      exchange.bodyBytesSent += frame.closing.length;
      exchange.connection.socket.write(frame.closing);
      exchange.finish(keepAlive);
      return;
    }
    exchange.bodyBytesSent += opening.length;
    const pump = new BodyPump(exchange, sourceOf(range), {
      part: range,
      head: index === 0 ? Buffer.concat([plan.head, opening]) : opening,
      framing: "length",
      keepAlive,
      unbegun: index === 0 ? plan.unbegun : undefined,
      followedBy: () => sendFrom(index + 1),
    });
    pump.start();
  };

  sendFrom(0);
};
