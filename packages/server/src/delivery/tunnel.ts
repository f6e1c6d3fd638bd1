import type { OriginTunnel } from "@basalt/origin";
import type { Exchange, Ongoing } from "../exchange.ts";
import { fieldLines } from "./fieldLines.ts";

/**
 * An accepted upgrade (RFC 9110 7.8): the 101 goes to the client, then bytes go both ways untouched until either side
 * ends. Each direction is paused while the other side is behind.
 */
export const openTunnel = (exchange: Exchange, { head, socket: origin }: OriginTunnel): void => {
  const { connection } = exchange;
  let isOver = false;

  const end = (): void => {
    if (isOver) return;
    isOver = true;
    origin.destroy();
    exchange.finish(false);
    connection.close();
  };

  const ongoing: Ongoing = {
    drained: () => origin.resume(),
    clientGone: () => {
      isOver = true;
      origin.destroy();
    },
    clientEnded: () => origin.end(),
  };
  exchange.ongoing = ongoing;

  const reason = head.reason === "" ? "Switching Protocols" : head.reason;
  const answer = Buffer.from(`HTTP/1.1 101 ${reason}\r\n${fieldLines(head.fields)}\r\n`, "latin1");
  exchange.responding(101, answer.length);
  connection.socket.write(answer);

  origin.on("data", (chunk: Buffer) => {
    exchange.bodyBytesSent += chunk.length;
    if (!connection.socket.write(chunk)) origin.pause();
  });
  origin.on("end", end);
  origin.on("error", end);
  origin.on("close", end);
  origin.on("drain", () => connection.resumeReading());

  const early = connection.openTunnel((data) => {
    if (!origin.write(data)) connection.pauseReading();
  });
  if (early.length > 0) origin.write(early);
};
