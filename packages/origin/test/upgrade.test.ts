import { once } from "node:events";
import { describe, expect, it } from "vitest";
import type { OriginExchange } from "../src/contract.ts";
import { getRequest, newOutcome, openPool, recordInto, until } from "./support/exchange.ts";
import { rawOrigin, refusedPort } from "./support/origin.ts";
import { addressAt, settingsFor } from "./support/settings.ts";

const websocket = getRequest("/chat", {
  fields: ["Upgrade", "websocket", "Connection", "Upgrade", "Sec-WebSocket-Key", "abc"],
  mode: "bypass",
});

describe("upgrade", () => {
  it("BYP-15 resolves with the raw socket after 101, early bytes included", async () => {
    const heads: string[] = [];
    const origin = await rawOrigin((socket, head) => {
      heads.push(head);
      socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello ");
      socket.on("data", (chunk) => socket.end(`echo ${chunk.toString()}`));
    });
    const { pool } = openPool(settingsFor([addressAt(origin.port)]));
    const outcome = newOutcome();
    const tunnel = await pool.upgrade(
      websocket,
      recordInto(outcome, () => {}),
    );
    if (tunnel === undefined) throw new Error("no tunnel");
    expect(heads[0]).toContain("\r\nconnection: upgrade\r\nupgrade: websocket\r\nSec-WebSocket-Key: abc");
    expect(tunnel.head.status).toBe(101);
    expect(tunnel.head.fields).toEqual(["Connection", "Upgrade", "Upgrade", "websocket"]);
    expect(pool.active).toBe(1);
    let received = "";
    tunnel.socket.on("data", (chunk: Buffer) => {
      received += chunk.toString();
    });
    tunnel.socket.write("ping");
    await once(tunnel.socket, "end");
    tunnel.socket.destroy();
    await until(() => pool.active === 0);
    expect(received).toBe("hello echo ping");
    expect(outcome.endings).toBe(0);
    expect(pool.counters.responses[1]).toBe(1);
  });

  it("hands a refusal to the handler as an ordinary answer", async () => {
    const origin = await rawOrigin((socket) =>
      socket.write("HTTP/1.1 426 Upgrade Required\r\nContent-Length: 2\r\n\r\nno"),
    );
    const { pool } = openPool(settingsFor([addressAt(origin.port)]));
    const outcome = newOutcome();
    expect(
      await pool.upgrade(
        websocket,
        recordInto(outcome, () => {}),
      ),
    ).toBeUndefined();
    expect([outcome.head?.status, outcome.body, outcome.endings]).toEqual([426, "no", 1]);
    await until(() => origin.sockets.size === 0);
  });

  it("reports a failure to the handler and resolves without a tunnel", async () => {
    const { pool } = openPool(settingsFor([addressAt(await refusedPort())]));
    const outcome = newOutcome();
    expect(
      await pool.upgrade(
        websocket,
        recordInto(outcome, () => {}),
      ),
    ).toBeUndefined();
    expect(outcome.error?.code).toBe("ORIGIN_CONNECT_FAILED");
    const plain = newOutcome();
    expect(
      await pool.upgrade(
        getRequest("/"),
        recordInto(plain, () => {}),
      ),
    ).toBeUndefined();
    expect(plain.error?.code).toBe("INTERNAL");
  });

  it("can be aborted by the handle given to onStart", async () => {
    const origin = await rawOrigin(() => {});
    const { pool } = openPool(settingsFor([addressAt(origin.port)]));
    const outcome = newOutcome();
    let exchange: OriginExchange | undefined;
    const tunnel = pool.upgrade(websocket, {
      ...recordInto(outcome, () => {}),
      onStart: (started) => {
        exchange = started;
      },
    });
    await until(() => pool.counters.requests === 1);
    exchange?.abort();
    expect(await tunnel).toBeUndefined();
    expect(outcome.endings).toBe(0);
    await until(() => origin.sockets.size === 0);
  });

  it("outlives an origin that resets the tunnel", async () => {
    const origin = await rawOrigin((socket) => {
      socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    });
    const { pool } = openPool(settingsFor([addressAt(origin.port)]));
    const tunnel = await pool.upgrade(
      websocket,
      recordInto(newOutcome(), () => {}),
    );
    for (const socket of origin.sockets) socket.resetAndDestroy();
    tunnel?.socket.resume();
    await until(() => pool.active === 0);
  });
});
