import { createServer, type Server, type Socket } from "node:net";
import { findFreePort } from "../edge/freePorts.ts";
import { HANG_LIMIT_MS } from "../limits.ts";
import { ByteReader } from "../wire/byteReader.ts";
import { renderFields } from "../wire/fields.ts";
import { RuleBuilder } from "./reply.ts";
import { keepsAlive, OriginRequestRecord, readRequestBody, readRequestHead } from "./request.ts";
import { writeReply } from "./writer.ts";

/** A path (without a query it matches any query), a list of them, or a test of the request. */
export type RequestMatch = string | ((request: OriginRequestRecord) => boolean);

interface Rule {
  readonly matches: (request: OriginRequestRecord) => boolean;
  readonly builder: RuleBuilder;
}

const compileMatch = (match: RequestMatch): ((request: OriginRequestRecord) => boolean) => {
  if (typeof match === "function") return match;
  return match.includes("?") ? (request) => request.target === match : (request) => request.path === match;
};

const KEEP_ALIVE_LIMIT_MS = 120_000;

export interface OriginPlace {
  /** IP to listen on; 127.0.0.1 when absent. */
  readonly ip?: string;
  /** A free one when absent. */
  readonly port?: number;
}

/** A web server that does exactly what a test tells it, wrong things included, and remembers what it was asked. */
export class TestOrigin {
  readonly #sockets = new Set<Socket>();
  readonly #watchers = new Set<() => void>();
  #rules: Rule[] = [];
  #server: Server | undefined;
  readonly #ip: string;
  #port: number;
  #closedBytes = { in: 0, out: 0 };
  /** Every request, in the order of its head. */
  readonly requests: OriginRequestRecord[] = [];
  /** What peers sent against RFC 9112: must stay empty behind a sound edge. */
  readonly violations: string[] = [];
  /** Added to the system's clock in the Date field: an origin whose clock goes with a moved edge, or wrong. */
  dateOffsetMs = 0;
  /** Connections accepted since the start. */
  connections = 0;

  constructor(place: OriginPlace = {}) {
    this.#ip = place.ip ?? "127.0.0.1";
    this.#port = place.port ?? 0;
  }

  get ip(): string {
    return this.#ip;
  }

  get port(): number {
    return this.#port;
  }

  /** As an operator writes it in `<Address>`. */
  get address(): string {
    return `${this.#ip}:${this.#port}`;
  }

  /** Connections that neither side has closed. */
  get openConnections(): number {
    return [...this.#sockets].filter((socket) => !peerHasGone(socket)).length;
  }

  get bytes(): { readonly in: number; readonly out: number } {
    let { in: received, out: sent } = this.#closedBytes;
    for (const socket of this.#sockets) {
      received += socket.bytesRead;
      sent += socket.bytesWritten;
    }
    return { in: received, out: sent };
  }

  /** A new rule; of several that match, the one made last holds. */
  on(match: RequestMatch): RuleBuilder {
    const builder = new RuleBuilder();
    this.#rules.unshift({ matches: compileMatch(match), builder });
    return builder;
  }

  /** Requests that match; all of them when nothing is said. */
  seen(match?: RequestMatch): OriginRequestRecord[] {
    return match === undefined ? [...this.requests] : this.requests.filter(compileMatch(match));
  }

  saw(match?: RequestMatch): number {
    return this.seen(match).length;
  }

  lastSeen(match?: RequestMatch): OriginRequestRecord {
    const last = this.seen(match).at(-1);
    if (last === undefined) throw new Error("the origin has not seen such a request");
    return last;
  }

  /** Resolves when that many matching requests have arrived; rejects after `limitMs`. */
  async sawAtLeast(match: RequestMatch, count: number, limitMs = HANG_LIMIT_MS): Promise<void> {
    if (this.saw(match) >= count) return;
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#watchers.delete(look);
        reject(new Error(`the origin saw ${this.saw(match)} of ${count} requests within ${limitMs} ms`));
      }, limitMs);
      const look = (): void => {
        if (this.saw(match) < count) return;
        clearTimeout(timer);
        this.#watchers.delete(look);
        resolve();
      };
      this.#watchers.add(look);
    });
  }

  /** Forgets rules and records; connections stay. */
  reset(): void {
    this.#rules = [];
    this.requests.length = 0;
    this.violations.length = 0;
  }

  /** Stops listening and drops every connection: the next connect is refused. */
  async refuse(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    for (const socket of this.#sockets) socket.destroy();
    if (server !== undefined) await new Promise<void>((resolve) => server.close(() => resolve()));
  }

  /** Drops the open connections, as an origin does that restarts. */
  dropConnections(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Listens again, on the same port. */
  async listen(): Promise<void> {
    if (this.#server !== undefined) return;
    const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => void this.#serve(socket));
    this.#server = server;
    if (this.#port === 0) this.#port = await findFreePort(this.#ip);
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen({ port: this.#port, host: this.#ip }, () => resolve());
    });
  }

  close(): Promise<void> {
    return this.refuse();
  }

  async #serve(socket: Socket): Promise<void> {
    this.connections += 1;
    const connection = this.connections;
    this.#sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => {
      this.#sockets.delete(socket);
      this.#closedBytes = {
        in: this.#closedBytes.in + socket.bytesRead,
        out: this.#closedBytes.out + socket.bytesWritten,
      };
    });
    const reader = new ByteReader(socket, KEEP_ALIVE_LIMIT_MS);
    try {
      while (await this.#exchange(socket, reader, connection)) {
        // one request after the other, pipelined or not
      }
      socket.end();
    } catch (error) {
      const aborted = reader.failure !== undefined || peerHasGone(socket);
      if (!aborted && error instanceof Error) this.violations.push(error.message);
      socket.destroy();
    }
  }

  /** True while the connection goes on. */
  async #exchange(socket: Socket, reader: ByteReader, connection: number): Promise<boolean> {
    const head = await readRequestHead(reader);
    if (head === undefined) return false;
    const record = new OriginRequestRecord(head, connection);
    this.requests.push(record);
    for (const look of [...this.#watchers]) look();
    if (record.field("expect")?.toLowerCase() === "100-continue") socket.write("HTTP/1.1 100 Continue\r\n\r\n");
    await readRequestBody(reader, record);

    const plan = this.#rules.find((rule) => rule.matches(record))?.builder.nextPlan();
    const after =
      plan === undefined ? await this.#replyUnknown(socket) : await writeReply(socket, plan, record, this.#now());
    if (after === "tunnel") {
      await echo(socket, reader);
      return false;
    }
    return after === "keep" && keepsAlive(record) && !socket.destroyed;
  }

  #now(): Date {
    return new Date(Date.now() + this.dateOffsetMs);
  }

  async #replyUnknown(socket: Socket): Promise<"keep"> {
    const body = "the test origin knows no such page";
    const fields = renderFields(["Content-Length", String(body.length), "Date", this.#now().toUTCString()]);
    socket.write(`HTTP/1.1 404 Not Found\r\n${fields}\r\n${body}`);
    return "keep";
  }
}

const echo = async (socket: Socket, reader: ByteReader): Promise<void> => {
  for (;;) {
    const bytes = await reader.readSome(65_536, "bytes of the tunnel");
    if (bytes === undefined) return;
    socket.write(bytes);
  }
};

const peerHasGone = (socket: Socket): boolean => socket.destroyed || socket.readableEnded;

export const startOrigin = async (place: OriginPlace = {}): Promise<TestOrigin> => {
  const origin = new TestOrigin(place);
  await origin.listen();
  return origin;
};
