import type { OriginTunnel } from "@basalt/origin";
import type { Exchange, Ongoing } from "../exchange.ts";
import { ByteRelay } from "./byteRelay.ts";
import { fieldLines } from "./fieldLines.ts";

/**
 * An accepted upgrade (RFC 9110 7.8): the 101 goes to the client, then bytes go both ways until both sides have ended or
 * nothing has moved for BypassReceiveTimeout (BYP-13). `ownFields` go with those of the 101, flat.
 */
export const openTunnel = (
  exchange: Exchange,
  { head, socket: origin, moved }: OriginTunnel,
  ownFields: readonly string[],
): void => {
  const { connection } = exchange;
  exchange.pace();
  const { socket } = connection;
  const close = (): void => {
    exchange.finish(false);
    connection.close();
  };

  const reason = head.reason === "" ? "Switching Protocols" : head.reason;
  const answer = Buffer.from(`HTTP/1.1 101 ${reason}\r\n${fieldLines([...head.fields, ...ownFields])}\r\n`, "latin1");
  exchange.responding(101, answer.length, -1);
  socket.write(answer);

  const client = {
    write: (data: Buffer) => socket.write(data),
    endWriting: () => socket.endWriting(),
    pauseReading: () => connection.pauseReading(),
    resumeReading: () => connection.resumeReading(),
  };
  const relay = new ByteRelay(client, origin, {
    fromClient: (byteCount) => {
      exchange.tunnelBytesReceived += byteCount;
      moved(byteCount, 0);
      connection.touchTunnel();
    },
    fromOrigin: (byteCount) => {
      exchange.bodyBytesSent += byteCount;
      moved(0, byteCount);
      connection.touchTunnel();
    },
    over: (end) => {
      if (end === "broken") exchange.abort();
      else close();
    },
  });
  const ongoing: Ongoing = {
    drained: () => relay.clientDrained(),
    clientGone: () => relay.destroy(),
    clientEnded: () => relay.clientEnded(),
  };
  exchange.ongoing = ongoing;

  const early = connection.openTunnel({
    receive: (data) => relay.fromClient(data),
    idleSeconds: exchange.vhost?.settings.originOptions.bypassReceiveTimeoutSeconds ?? 0,
    onIdle: () => {
      relay.destroy();
      close();
    },
  });
  if (early.length > 0) relay.fromClient(early);
  if (connection.hasPeerEnded) relay.clientEnded();
};
