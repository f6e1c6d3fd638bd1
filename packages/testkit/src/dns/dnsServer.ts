import { createSocket, type Socket as DatagramSocket } from "node:dgram";
import { createServer, type Server, type Socket } from "node:net";
import { HANG_LIMIT_MS } from "../limits.ts";
import { type AddressRecord, type DnsQuestion, parseQuestion, RESPONSE_CODE, renderResponse } from "./message.ts";

/** What a test has the name server say about a name. */
export type DnsAnswer =
  | { readonly kind: "addresses"; readonly records: readonly AddressRecord[] }
  /** The answer over UDP is cut, the one over TCP is whole. */
  | { readonly kind: "truncated"; readonly records: readonly AddressRecord[] }
  /** The name exists and has no address. */
  | { readonly kind: "empty" }
  | { readonly kind: "nxdomain" }
  | { readonly kind: "servfail" }
  | { readonly kind: "refused" }
  | { readonly kind: "silent" }
  /** Bytes behind the right id, else whatever came from nowhere. */
  | { readonly kind: "garbage"; readonly bytes: Buffer };

export interface DnsQueryRecord {
  readonly name: string;
  /** 1 for A, 28 for AAAA. */
  readonly type: number;
  readonly transport: "udp" | "tcp";
}

const BIND_ATTEMPTS = 20;

/** A name server on loopback, over UDP and TCP on one port, that says exactly what a test tells it. */
export class TestDns {
  readonly queries: DnsQueryRecord[] = [];
  readonly #answers = new Map<string, DnsAnswer>();
  readonly #sockets = new Set<Socket>();
  readonly #watchers = new Set<() => void>();
  #datagrams: DatagramSocket | undefined;
  #server: Server | undefined;
  #port = 0;

  /** As an operator writes it in `<DnsServer>`. */
  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }

  /** Holds from the next query on; names without an answer do not exist. */
  answer(name: string, answer: DnsAnswer): void {
    this.#answers.set(name.toLowerCase(), answer);
  }

  /** The name has these addresses, all with one TTL. */
  addresses(name: string, ips: readonly string[], ttlSeconds = 1): void {
    this.answer(name, { kind: "addresses", records: ips.map((ip) => ({ ip, ttlSeconds })) });
  }

  asked(name: string): number {
    return this.queries.filter((query) => query.name === name.toLowerCase()).length;
  }

  /** Resolves when the name has been asked for `count` more times; rejects after `limitMs`. */
  askedAgain(name: string, count = 1, limitMs = HANG_LIMIT_MS): Promise<void> {
    const wanted = this.asked(name) + count;
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (this.asked(name) < wanted) return;
        clearTimeout(timer);
        this.#watchers.delete(look);
        resolve();
      };
      const timer = setTimeout(() => {
        this.#watchers.delete(look);
        reject(new Error(`${name} was asked for ${this.asked(name)} of ${wanted} times within ${limitMs} ms`));
      }, limitMs);
      this.#watchers.add(look);
    });
  }

  /** Listens, on the same port after `close`. */
  async listen(): Promise<this> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#bind();
        return this;
      } catch (error) {
        await this.close();
        this.#port = 0;
        if (attempt === BIND_ATTEMPTS) throw error;
      }
    }
  }

  /** Nobody answers any more: queries over UDP meet a closed port. */
  async close(): Promise<void> {
    const datagrams = this.#datagrams;
    const server = this.#server;
    this.#datagrams = undefined;
    this.#server = undefined;
    for (const socket of this.#sockets) socket.destroy();
    if (datagrams !== undefined) await new Promise<void>((resolve) => datagrams.close(() => resolve()));
    if (server !== undefined) await new Promise<void>((resolve) => server.close(() => resolve()));
  }

  async #bind(): Promise<void> {
    const datagrams = createSocket("udp4");
    await new Promise<void>((resolve, reject) => {
      datagrams.once("error", reject);
      datagrams.bind(this.#port, "127.0.0.1", () => resolve());
    });
    datagrams.on("error", () => {});
    datagrams.on("message", (message, from) => {
      const reply = this.#reply(message, "udp");
      if (reply !== undefined) datagrams.send(reply, from.port, from.address);
    });
    this.#datagrams = datagrams;
    this.#port = datagrams.address().port;
    const server = createServer((socket) => this.#serve(socket));
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(this.#port, "127.0.0.1", () => resolve());
    });
    this.#server = server;
  }

  /** Over TCP two bytes of length stand before each message. */
  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => this.#sockets.delete(socket));
    let unread = Buffer.alloc(0);
    socket.on("data", (chunk: Buffer) => {
      unread = Buffer.concat([unread, chunk]);
      while (unread.length >= 2 && unread.length >= 2 + unread.readUInt16BE(0)) {
        const end = 2 + unread.readUInt16BE(0);
        const reply = this.#reply(unread.subarray(2, end), "tcp");
        unread = unread.subarray(end);
        if (reply === undefined) continue;
        const length = Buffer.alloc(2);
        length.writeUInt16BE(reply.length);
        socket.write(Buffer.concat([length, reply]));
      }
    });
  }

  #reply(message: Buffer, transport: DnsQueryRecord["transport"]): Buffer | undefined {
    const question = parseQuestion(message);
    if (question === undefined) return undefined;
    this.queries.push({ name: question.name, type: question.type, transport });
    const answer = this.#answers.get(question.name) ?? { kind: "nxdomain" };
    const reply = renderAnswer(question, answer, transport);
    for (const look of [...this.#watchers]) look();
    return reply;
  }
}

const renderAnswer = (
  question: DnsQuestion,
  answer: DnsAnswer,
  transport: DnsQueryRecord["transport"],
): Buffer | undefined => {
  const respond = (code: number, records: readonly AddressRecord[] = [], isTruncated = false): Buffer =>
    renderResponse(question, { code, records, isTruncated });
  switch (answer.kind) {
    case "addresses":
      return respond(RESPONSE_CODE.noError, answer.records);
    case "truncated":
      return respond(RESPONSE_CODE.noError, answer.records, transport === "udp");
    case "empty":
      return respond(RESPONSE_CODE.noError);
    case "nxdomain":
      return respond(RESPONSE_CODE.nameError);
    case "servfail":
      return respond(RESPONSE_CODE.serverFailure);
    case "refused":
      return respond(RESPONSE_CODE.refused);
    case "silent":
      return undefined;
    case "garbage": {
      const id = Buffer.alloc(2);
      id.writeUInt16BE(question.id);
      return Buffer.concat([id, answer.bytes]);
    }
  }
};

export const startDns = (): Promise<TestDns> => new TestDns().listen();
