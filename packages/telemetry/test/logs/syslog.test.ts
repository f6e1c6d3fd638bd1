import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { afterEach, describe, expect, it } from "vitest";
import { SyslogSender } from "../../src/logs/index.ts";
import { rememberingLookup } from "../../src/logs/rememberingLookup.ts";
import { MOMENT } from "./support.ts";

const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.close();
});

const receiver = async () => {
  const socket = createSocket("udp4");
  sockets.push(socket);
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  const next = once(socket, "message").then(([message]) => String(message));
  return { port: socket.address().port, next };
};

const senderWith = (onDropped: (lines: number) => void = () => {}) =>
  new SyslogSender({ hostName: "edge", tagPrefix: "STON", now: () => MOMENT, onDropped });

describe("syslog", () => {
  it("LOG-193 LOG-196 LOG-198 A12 of spec 10: every receiver gets the line with its own PRI", async () => {
    const [one, two] = [await receiver(), await receiver()];
    const sender = senderWith();
    const targets = [
      { priority: 158, host: "127.0.0.1", port: one.port },
      { priority: 9, host: "127.0.0.1", port: two.port },
    ];
    sender.send(targets, "ORIGINERROR", Buffer.from("a line"));
    expect(await one.next).toBe("<158>Jun 27 16:52:24 edge STON/ORIGINERROR: a line");
    expect(await two.next).toBe("<9>Jun 27 16:52:24 edge STON/ORIGINERROR: a line");
    sender.close();
  });

  it("LOG-198 cuts a line at the limit of a datagram", async () => {
    const { port, next } = await receiver();
    const sender = senderWith();
    sender.send([{ priority: 1, host: "127.0.0.1", port }], "ACCESS", Buffer.alloc(1_000_000, "x"));
    expect((await next).length).toBeGreaterThan(60_000);
    sender.close();
  });

  it("LOG-195 finds a receiver by its name", async () => {
    const { port, next } = await receiver();
    const sender = senderWith();
    sender.send([{ priority: 1, host: "localhost", port }], "INFO", Buffer.from("x"));
    expect(await next).toContain("STON/INFO: x");
    sender.close();
  });

  it("LOG-31 asks for the address of a name once for many lines, and again after a while", () => {
    let nowMs = 0;
    const asked: (() => void)[] = [];
    const told: string[] = [];
    const find = rememberingLookup(
      (host, _, tell) =>
        asked.push(() => (host === "gone" ? tell(new Error("ENOTFOUND"), "", 0) : tell(null, "192.0.2.9", 4))),
      () => nowMs,
    );
    const ask = (host: string): void => find(host, {}, (error, address) => told.push(error?.message ?? address));
    for (const host of ["here", "here", "gone", "gone"]) ask(host);
    expect([asked.length, told]).toEqual([2, []]);
    for (const answer of asked.splice(0)) answer();
    ask("here");
    ask("gone");
    expect(asked).toEqual([]);
    expect(told).toEqual(["192.0.2.9", "192.0.2.9", "ENOTFOUND", "ENOTFOUND", "192.0.2.9", "ENOTFOUND"]);
    nowMs = 5_000;
    ask("here");
    ask("gone");
    expect(asked.length).toBe(1);
    nowMs = 30_000;
    ask("here");
    expect(asked.length).toBe(2);
  });

  it("LOG-31 counts what a name that is not found or too many datagrams cost", async () => {
    let dropped = 0;
    const sender = senderWith((lines) => {
      dropped += lines;
    });
    const target = { priority: 1, host: "no-such-host.invalid", port: 514 };
    for (let index = 0; index < 1_005; index++) sender.send([target], "INFO", Buffer.from("x"));
    expect(dropped).toBe(5);
    sender.close();
  });
});
