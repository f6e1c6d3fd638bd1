import { once } from "node:events";
import net from "node:net";
import { setImmediate as turn } from "node:timers/promises";

/** Types of TLS records. */
export const RECORD = { changeCipherSpec: 20, alert: 21, handshake: 22, data: 23 } as const;

export const recordOf = (type: number, content: Buffer, minor = 3): Buffer =>
  Buffer.concat([Buffer.from([type, 3, minor, content.length >> 8, content.length & 0xff]), content]);

/** Takes whole records from the front of what has come. */
export class Records {
  #rest: Buffer = Buffer.alloc(0);
  readonly all: Buffer[] = [];

  add(bytes: Buffer): readonly Buffer[] {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    const whole: Buffer[] = [];
    while (this.#rest.length >= 5) {
      const end = 5 + this.#rest.readUInt16BE(3);
      if (this.#rest.length < end) break;
      whole.push(this.#rest.subarray(0, end));
      this.#rest = this.#rest.subarray(end);
    }
    this.all.push(...whole);
    return whole;
  }

  types(): readonly (number | undefined)[] {
    return this.all.map((record) => record[0]);
  }
}

export interface Relay {
  readonly port: number;
  readonly fromServer: Records;
  close(): void;
}

/** Between a client and the edge; `toServer` and `toClient` say what becomes of each record. */
export const relayTo = async (
  target: number,
  shape: {
    readonly toServer?: (record: Buffer, index: number) => Buffer | undefined;
    readonly toClient?: (record: Buffer, index: number) => Buffer | undefined;
  } = {},
): Promise<Relay> => {
  const [fromClient, fromServer] = [new Records(), new Records()];
  const sockets: net.Socket[] = [];
  const server = net.createServer({ noDelay: true }, (client) => {
    const upstream = net.connect({ port: target, host: "127.0.0.1", noDelay: true });
    sockets.push(client, upstream);
    for (const socket of [client, upstream]) socket.on("error", () => {});
    let [sent, given] = [0, 0];
    let writing = Promise.resolve();
    client.on("data", (bytes) => {
      for (const record of fromClient.add(bytes)) {
        const index = sent++;
        writing = writing.then(async () => {
          const shaped = shape.toServer === undefined ? record : shape.toServer(record, index);
          if (shaped !== undefined) upstream.write(shaped);
          for (let count = 0; count < 20; count++) await turn();
        });
      }
    });
    upstream.on("data", (bytes) => {
      for (const record of fromServer.add(bytes)) {
        const shaped = shape.toClient === undefined ? record : shape.toClient(record, given++);
        if (shaped !== undefined) client.write(shaped);
      }
    });
    client.on("close", () => upstream.destroy());
    upstream.on("close", () => client.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const close = (): void => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  return { port: address.port, fromServer, close };
};
