import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import type { InfoLog } from "@basalt/telemetry";
import { type Access, decideAccess, isRoleSufficient, type ManagerSettings } from "./access.ts";
import { type Answer, fail, renderAnswer } from "./answer.ts";
import type { Control, PurgeVerb } from "./contract.ts";
import { dispatch, dispatchPurgeMethod, refusePurgeMethod } from "./dispatch.ts";
import { readBody } from "./requestBody.ts";
import type { Call, Channel, RouteContext } from "./route.ts";
import { controlRoutes } from "./routes/control.ts";
import { EXPLAIN_ROUTES } from "./routes/explain.ts";
import { LIFECYCLE_ROUTES } from "./routes/lifecycle.ts";
import { MONITORING_ROUTES } from "./routes/monitoring.ts";
import { ORIGIN_ROUTES } from "./routes/origin.ts";
import { PURGE_ROUTES } from "./routes/purge.ts";
import { STORE_ROUTES } from "./routes/store.ts";
import { TcpFront } from "./tcpFront.ts";
import { listenOnUnixSocket } from "./unixSocket.ts";

const LIMITS = {
  /** A purge of many targets by GET is a long request line. */
  headBytes: 64 * 1024,
  headTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  keepAliveTimeoutMs: 5_000,
  checkTimeoutsEveryMs: 2_000,
  connections: 256,
  /** How long answers under way may take when the server closes. */
  closeGraceMs: 1_000,
} as const;

export interface ManagementServerOptions {
  readonly control: Control;
  /** Asked at each connection and request, so that a reload is in force at once. */
  readonly settings: () => ManagerSettings;
  readonly productVersion: string;
  readonly log: InfoLog;
  /** See `controlSocketPath`. */
  readonly socketPath: string;
  /** TCP address; without it loopback as long as no `<Allow>` exists, else all addresses. */
  readonly address?: string;
}

export interface ManagementServer {
  /** Rejects when the socket or the port cannot be had; nothing is open then. */
  start(): Promise<void>;
  /**
   * Call it after each applied configuration. A changed port is opened before the old one is closed, and connections
   * on the old one finish. Rejects when the new port cannot be had; the old one stays then.
   */
  applySettings(): Promise<void>;
  /** Undefined while not listening. */
  readonly port: number | undefined;
  close(): Promise<void>;
}

interface Binding {
  readonly address: string;
  /** As configured: 0 lets the system choose. */
  readonly port: number;
  readonly front: TcpFront;
}

class HttpManagementServer implements ManagementServer {
  readonly #options: ManagementServerOptions;
  readonly #context: RouteContext;
  readonly #http: Server;
  readonly #networkSockets = new WeakSet<Duplex>();
  readonly #verbs = new WeakMap<Duplex, PurgeVerb>();
  readonly #answering = new Set<Promise<void>>();
  #binding: Binding | undefined;
  #changes: Promise<void> = Promise.resolve();

  constructor(options: ManagementServerOptions) {
    this.#options = options;
    const { control, log, productVersion } = options;
    const routes = [
      ...MONITORING_ROUTES,
      ...EXPLAIN_ROUTES,
      ...ORIGIN_ROUTES,
      ...PURGE_ROUTES,
      ...STORE_ROUTES,
      ...LIFECYCLE_ROUTES,
      ...controlRoutes(control),
    ];
    this.#context = { control, log, productVersion, routes };
    this.#http = createServer({
      maxHeaderSize: LIMITS.headBytes,
      headersTimeout: LIMITS.headTimeoutMs,
      requestTimeout: LIMITS.requestTimeoutMs,
      keepAliveTimeout: LIMITS.keepAliveTimeoutMs,
      connectionsCheckingInterval: LIMITS.checkTimeoutsEveryMs,
    });
    this.#http.on("request", (request, response) => {
      const answering = this.#serve(request, response).finally(() => this.#answering.delete(answering));
      this.#answering.add(answering);
    });
    this.#http.on("clientError", refuseMalformed);
  }

  async start(): Promise<void> {
    await listenOnUnixSocket(this.#http, this.#options.socketPath);
    try {
      await this.applySettings();
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  applySettings(): Promise<void> {
    const change = this.#changes.then(() => this.#bind());
    this.#changes = change.catch(() => undefined);
    return change;
  }

  get port(): number | undefined {
    return this.#binding?.front.port;
  }

  async close(): Promise<void> {
    await this.#changes;
    this.#binding?.front.close();
    this.#binding = undefined;
    const closed = new Promise<void>((resolve) => this.#http.close(() => resolve()));
    this.#http.closeIdleConnections();
    await Promise.race([Promise.all(this.#answering), delay(LIMITS.closeGraceMs, undefined, { ref: false })]);
    this.#http.closeAllConnections();
    await closed;
  }

  async #bind(): Promise<void> {
    const manager = this.#options.settings();
    const { port } = manager;
    const address = this.#options.address ?? (manager.allow.length === 0 ? "127.0.0.1" : "::");
    const previous = this.#binding;
    if (previous?.port === port && previous.address === address) return;
    if (previous?.port !== port || port === 0) {
      this.#binding = await this.#listen(address, port);
      previous?.front.close();
      return;
    }
    // The same port on another address: both cannot be open at once.
    previous.front.close();
    try {
      this.#binding = await this.#listen(address, port);
    } catch (error) {
      this.#binding = await this.#listen(previous.address, port);
      throw error;
    }
  }

  async #listen(address: string, port: number): Promise<Binding> {
    const open = async (host: string): Promise<TcpFront> => {
      const front = new TcpFront({
        isAdmitted: (remote) => decideAccess(this.#options.settings(), remote).kind === "granted",
        handOver: (socket, verb) => this.#adopt(socket, verb),
        firstBytesTimeoutMs: LIMITS.headTimeoutMs,
        maxConnections: LIMITS.connections,
      });
      await front.listen(host, port);
      return front;
    };
    try {
      return { address, port, front: await open(address) };
    } catch (error) {
      const hasNoIpv6 =
        error instanceof Error && "code" in error && /^EAFNOSUPPORT|^EADDRNOTAVAIL/.test(`${error.code}`);
      if (address !== "::" || !hasNoIpv6) throw error;
      return { address, port, front: await open("0.0.0.0") };
    }
  }

  #adopt(socket: Socket, verb: PurgeVerb | undefined): void {
    this.#networkSockets.add(socket);
    if (verb !== undefined) this.#verbs.set(socket, verb);
    this.#http.emit("connection", socket);
  }

  /** Never rejects. */
  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on("error", () => undefined);
    const { socket } = request;
    const channel: Channel = this.#networkSockets.has(socket) ? "network" : "socket";
    const access: Access =
      channel === "socket"
        ? { kind: "granted", role: "Admin" }
        : decideAccess(this.#options.settings(), socket.remoteAddress);
    if (access.kind === "refused") {
      socket.destroy();
      return;
    }
    const verb = this.#verbs.get(socket);
    this.#verbs.delete(socket);
    // Only a connection's first request is looked at for our own methods, so it must be the last as well.
    if (verb !== undefined) response.shouldKeepAlive = false;
    try {
      const answer = await this.#answer(request, channel, access, verb);
      if (answer === undefined) {
        socket.destroy();
        return;
      }
      await this.#send(request, response, answer);
    } catch (error) {
      this.#options.log.error(`Management API, ${request.method}: ${error instanceof Error ? error.stack : error}`);
      const failure = fail("", 500, "The function failed; the info log tells why.");
      await this.#send(request, response, failure).catch(() => socket.destroy());
    }
  }

  /** Undefined when the client has gone. */
  async #answer(
    request: IncomingMessage,
    channel: Channel,
    access: Extract<Access, { kind: "granted" }>,
    verb: PurgeVerb | undefined,
  ): Promise<Answer | undefined> {
    const { method = "", url = "" } = request;
    if (method === "PURGE") {
      const purgeVerb = verb ?? "purge";
      const isChecked = this.#options.settings().httpMethod;
      if (isChecked && !isRoleSufficient(access.role, "Admin")) return refusePurgeMethod(purgeVerb);
      const expireAfter = request.headers["x-expire-after"];
      const seconds = Array.isArray(expireAfter) ? expireAfter[0] : expireAfter;
      return dispatchPurgeMethod(purgeVerb, url, request.headers.host, seconds, this.#context);
    }
    const [path = "", ...rest] = url.replace(/^https?:\/\/[^/?]*/i, "").split("?");
    const call: Call = { channel, path, query: rest.join("?"), body: "" };
    if (method !== "POST") return dispatch(call, method, access.role, this.#context);
    const body = await readBody(request);
    switch (body.kind) {
      case "aborted":
        return undefined;
      case "tooLarge":
        return fail("", 413, "The body is larger than 1 MB.");
      case "complete":
        return dispatch({ ...call, body: body.text }, method, access.role, this.#context);
    }
  }

  #send(request: IncomingMessage, response: ServerResponse, answer: Answer): Promise<void> {
    const { contentType, text } = renderAnswer(answer, this.#options.productVersion, request.headers.accept ?? "");
    return new Promise((resolve) => {
      const finish = (): void => {
        resolve();
        this.#runAfterwards(answer);
      };
      if (response.closed) {
        finish();
        return;
      }
      response.once("close", finish);
      response.writeHead(answer.httpStatus, {
        "Content-Type": contentType,
        "Content-Length": Buffer.byteLength(text),
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        ...answer.headers,
      });
      response.end(text);
    });
  }

  #runAfterwards({ afterwards }: Answer): void {
    try {
      afterwards?.();
    } catch (error) {
      this.#options.log.error(`Management API: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}

const STATUS_OF_PARSER_ERROR: ReadonlyMap<string, number> = new Map([
  ["HPE_HEADER_OVERFLOW", 431],
  ["ERR_HTTP_REQUEST_TIMEOUT", 408],
]);

const refuseMalformed = (error: Error, socket: Duplex): void => {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const code = "code" in error ? String(error.code) : "";
  const status = STATUS_OF_PARSER_ERROR.get(code) ?? 400;
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`;
  socket.end(head, () => socket.destroy());
};

/** The management API of an instance: `start` opens the Unix socket and the TCP port. */
export const createManagementServer = (options: ManagementServerOptions): ManagementServer =>
  new HttpManagementServer(options);
