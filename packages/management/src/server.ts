import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as delay } from "node:timers/promises";
import { type InfoLog, readableStack } from "@basalt/telemetry";
import { type Access, type CountryOf, decideAccess, isRoleSufficient, type ManagerSettings } from "./access.ts";
import { type Answer, fail, renderAnswer } from "./answer.ts";
import { type AuditedCall, describeCall } from "./audit.ts";
import type { Control, PurgeVerb } from "./contract.ts";
import { dispatch, dispatchPurgeMethod, refuseCall, refusePurgeMethod, resolveTarget } from "./dispatch.ts";
import { MAX_FORM_BYTES, readBody } from "./requestBody.ts";
import type { AnswerFormat, Call, Caller, Channel, RouteContext } from "./route.ts";
import { routesOf } from "./routeTable.ts";
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
  /** For `<Allow>` of countries. */
  readonly countryOf?: CountryOf;
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

interface FormattedAnswer {
  readonly answer: Answer;
  readonly format: AnswerFormat;
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
    const { control, log, productVersion, settings } = options;
    this.#context = { control, log, productVersion, settings, routes: routesOf(control) };
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
        isAdmitted: (remote) =>
          decideAccess(this.#options.settings(), remote, this.#options.countryOf).kind === "granted",
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
        : decideAccess(this.#options.settings(), socket.remoteAddress, this.#options.countryOf);
    if (access.kind === "refused") {
      socket.destroy();
      return;
    }
    const verb = this.#verbs.get(socket);
    this.#verbs.delete(socket);
    // Only a connection's first request is looked at for our own methods, so it must be the last as well.
    if (verb !== undefined) response.shouldKeepAlive = false;
    const caller = { address: channel === "socket" ? "socket" : (socket.remoteAddress ?? ""), role: access.role };
    try {
      const answer =
        request.method === "PURGE"
          ? await this.#answerPurge(request, caller, verb ?? "purge")
          : await this.#answer(request, channel, caller);
      if (answer === undefined) {
        socket.destroy();
        return;
      }
      await this.#send(request, response, answer);
    } catch (error) {
      this.#options.log.error(`Management API, ${request.method}: ${readableStack(error)}`);
      if (response.headersSent) {
        socket.destroy();
        return;
      }
      const failure = fail("", 500, "The function failed; the info log tells why.");
      await this.#send(request, response, { answer: failure, format: "json" }).catch(() => socket.destroy());
    }
  }

  async #answerPurge(request: IncomingMessage, caller: Caller, verb: PurgeVerb): Promise<FormattedAnswer> {
    const isChecked = this.#options.settings().httpMethod;
    if (isChecked && !isRoleSufficient(caller.role, "Admin"))
      return { answer: refusePurgeMethod(verb), format: "json" };
    const { url = "" } = request;
    const startedMs = performance.now();
    const expireAfter = request.headers["x-expire-after"];
    const seconds = Array.isArray(expireAfter) ? expireAfter[0] : expireAfter;
    const answer = await dispatchPurgeMethod(verb, url, request.headers.host, seconds, this.#context);
    this.#audit(answer, startedMs, { caller, method: verb.toUpperCase(), path: url, query: "", body: "" });
    return { answer, format: "json" };
  }

  /** Undefined when the client has gone. */
  async #answer(request: IncomingMessage, channel: Channel, caller: Caller): Promise<FormattedAnswer | undefined> {
    const { method = "", url = "" } = request;
    const target = resolveTarget(url, channel, this.#context.routes);
    const { route, path, query, format = "json" } = target;
    const refusal = refuseCall(target, method, caller.role);
    if (refusal !== undefined || route === undefined) {
      return { answer: refusal ?? fail("", 404, ""), format };
    }
    let call: Call = { channel, caller, path, format, query, body: "" };
    if (method === "POST") {
      const body = await readBody(request, route.upload?.maxBytes ?? MAX_FORM_BYTES);
      if (body.kind === "aborted") return undefined;
      if (body.kind === "tooLarge") {
        const most = (route.upload?.maxBytes ?? MAX_FORM_BYTES) / 1024 ** 2;
        return { answer: fail("", 413, `The body is larger than ${most} MB.`), format };
      }
      call =
        route.upload === undefined
          ? { ...call, body: body.bytes.toString("latin1") }
          : { ...call, upload: { contentType: request.headers["content-type"] ?? "", bytes: body.bytes } };
    }
    const startedMs = performance.now();
    const audited = { caller, method, path, query, body: call.body, route, uploadBytes: call.upload?.bytes.length };
    try {
      const answer = await dispatch(route, call, this.#context);
      if (route.changes === true) this.#audit(answer, startedMs, audited);
      return { answer, format };
    } catch (error) {
      if (route.changes === true) this.#audit({ httpStatus: 500 }, startedMs, audited);
      throw error;
    }
  }

  #audit(
    answer: Pick<Answer, "httpStatus" | "hasChangedNothing">,
    startedMs: number,
    call: Omit<AuditedCall, "httpStatus" | "elapsedMs" | "route" | "uploadBytes"> &
      Partial<Pick<AuditedCall, "route" | "uploadBytes">>,
  ): void {
    if (answer.hasChangedNothing === true) return;
    const { httpStatus } = answer;
    const elapsedMs = performance.now() - startedMs;
    const text = describeCall({ route: undefined, uploadBytes: undefined, ...call, httpStatus, elapsedMs });
    this.#options.log.notice(text);
  }

  async #send(request: IncomingMessage, response: ServerResponse, { answer, format }: FormattedAnswer): Promise<void> {
    const { productVersion } = this.#options;
    const rendered = renderAnswer(answer, { productVersion, format, accept: request.headers.accept ?? "" });
    if ("source" in rendered) {
      response.writeHead(answer.httpStatus, {
        "Content-Type": rendered.contentType,
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        ...answer.headers,
      });
      response.flushHeaders();
      await pipeline(rendered.source, response).catch(() => undefined);
      this.#runAfterwards(answer);
      return;
    }
    const { contentType, body } = rendered;
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
        "Content-Length": Buffer.byteLength(body),
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        ...answer.headers,
      });
      response.end(body);
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
