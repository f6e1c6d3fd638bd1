import { brotliCompressSync, constants, gzipSync, zstdCompressSync } from "node:zlib";
import {
  type CacheVhost,
  type DeriveRefusal,
  type DeriveSource,
  decodeHead,
  encodeHead,
  ObjectCache,
  ObjectCoordinator,
  VhostRegistry,
} from "@basalt/cache";
import { type EdgeConfig, parseConfig } from "@basalt/config";
import { compileCachingRules, compileCustomTtl, type DeriveOperation } from "@basalt/policy";
import { type ClientTransaction, CounterBlock, markRequest } from "@basalt/telemetry";
import { EdgeError } from "@basalt/types";
import { EdgeServer, type PurgeAnswer, type PurgeCall, type RequestTracing } from "../../src/index.ts";
import { DirectChannel } from "./directChannel.ts";
import { FakeOrigin } from "./fakeOrigin.ts";
import { FakeSocket } from "./fakeSocket.ts";
import { MapIndex, MapTier, MemoryBodies } from "./memoryStore.ts";
import { type ClientResponse, readResponses } from "./responses.ts";
import { TestClock } from "./testClock.ts";
import { until } from "./waiting.ts";

export const HOST = "www.example.com";

/** With fields that the response has beside those of the source. */
export interface MadeBody {
  readonly body: Buffer;
  readonly fields: readonly string[];
}

/** Ranges of the source that are to be brought first. */
interface Lacking {
  readonly lacking: readonly { readonly start: number; readonly end: number }[];
}

export interface EdgeSettings {
  /** Content of `<Vhost>` beside its origin. */
  readonly vhost?: string;
  /** Content of `<Server>` beside that. */
  readonly server?: string;
  /** Content of `<Host>`. */
  readonly host?: string;
  /** Content of `<Cache>` beside its storage. */
  readonly cache?: string;
  readonly files?: Readonly<Record<string, string>>;
  readonly moreVhosts?: string;
  readonly tracing?: RequestTracing;
}

/** As the transform host leaves it: with the length of the result. */
const headOfResult = (encoded: Buffer, fields: readonly string[], bodyBytes: number): Buffer => {
  const head = decodeHead(encoded);
  if (head === undefined) throw new Error("not a stored head");
  return encodeHead({ ...head, bodyBytes, fields: [...head.fields, ...fields] });
};

const configOf = (
  { vhost = "", server = "", host = "", cache = "", files = {}, moreVhosts = "" }: EdgeSettings,
  generation = 1,
): EdgeConfig => {
  const origin = "<Origin><Address>10.0.0.1</Address></Origin>";
  const sources = new Map([
    [
      "server.xml",
      `<Server>${server}<Host>${host}</Host><Cache><Storage><Disk>/d/</Disk></Storage>${cache}</Cache></Server>`,
    ],
    ["vhosts.xml", `<Vhosts><Vhost Name="${HOST}">${origin}${vhost}</Vhost>${moreVhosts}</Vhosts>`],
    ...Object.entries(files),
  ]);
  const outcome = parseConfig(sources, { home: "/opt/edge", generation, cores: 1, hostName: "edge" });
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.problems));
  return outcome.config;
};

/** The request side of a worker, with a primary and an origin in the same process and nothing on disk. */
const compressedBody = (body: Buffer, operation: DeriveOperation): Buffer => {
  if (operation.kind !== "compress") return body;
  const { coding, level } = operation;
  if (coding === "br") return brotliCompressSync(body, { params: { [constants.BROTLI_PARAM_QUALITY]: level } });
  if (coding === "zstd") return zstdCompressSync(body, { params: { [constants.ZSTD_c_compressionLevel]: level } });
  return gzipSync(body, { level });
};

export class TestEdge {
  readonly clock = new TestClock();
  readonly counters = new CounterBlock();
  origin = new FakeOrigin();
  readonly bodies = new MemoryBodies();
  readonly index = new MapIndex();
  readonly tier = new MapTier();
  readonly cache: ObjectCache;
  readonly server: EdgeServer;
  readonly defects: unknown[] = [];
  /** Which requests they happened to, as the info log has it. */
  readonly defectMarks: string[] = [];
  readonly purges: PurgeCall[] = [];
  purgeAnswer: PurgeAnswer = { status: 200, body: "{}" };
  deriveCalls = 0;
  /** What the transform host makes of a body. */
  onDerive: (
    body: Buffer,
    operation: DeriveOperation,
  ) => Buffer | MadeBody | Lacking | DeriveRefusal | "overloaded" | "unchanged" | Promise<Buffer> = compressedBody;
  /** Derivations that nobody waited for. */
  idleDerivations = 0;
  /** Derivations that the transform host was told to give up. */
  readonly abandoned: number[] = [];
  readonly #registry = new VhostRegistry();

  async #bytesOf(source: DeriveSource): Promise<Buffer> {
    if (source.kind === "bytes") return source.body;
    const reader = await this.bodies.openBody(source.location);
    const body = Buffer.alloc(source.location.bodyBytes);
    await reader?.read(body, 0, body.length, 0);
    reader?.release();
    return body;
  }

  constructor(settings: EdgeSettings = {}) {
    const { clock, counters, index } = this;
    const coordinator = new ObjectCoordinator({
      clock,
      index,
      hasDisk: () => true,
      onDefect: (error) => this.defects.push(error),
      derive: async ({ source, head, image, operation, priority }) => {
        this.deriveCalls++;
        if (priority === "idle") this.idleDerivations++;
        const made = await this.onDerive(await this.#bytesOf(source), operation);
        if (typeof made === "object" && "lacking" in made) return { kind: "lacking", ranges: made.lacking };
        const { body: result, fields } =
          typeof made === "object" && "fields" in made ? made : { body: made, fields: [] as readonly string[] };
        if (result === "unchanged") return { kind: "unchanged", reason: "larger" };
        if (result === "overloaded") throw new EdgeError("TRANSFORM_OVERLOADED");
        if (typeof result === "string") return { kind: "refused", reason: result, detail: "" };
        const ownHead = headOfResult(head, fields, result.length);
        if (image === undefined) return { kind: "made", head: ownHead, body: result };
        return { kind: "stored", location: await this.bodies.append(image, ownHead, result), head: ownHead };
      },
      abandonDerivation: (id) => this.abandoned.push(id),
    });
    const channel = new DirectChannel(coordinator);
    this.cache = new ObjectCache({ clock, channel, index, bodies: this.bodies, tier: this.tier, counters });
    this.server = new EdgeServer({
      clock,
      cache: this.cache,
      counters,
      product: { name: "Basalt", version: "1.2.3" },
      purge: (call) => {
        this.purges.push(call);
        return Promise.resolve(this.purgeAnswer);
      },
      accessLog: (transaction) => this.logged.push(factsOf(transaction)),
      ...(settings.tracing === undefined ? {} : { tracing: settings.tracing }),
      onDefect: (error, request) => {
        this.defects.push(error);
        this.defectMarks.push(markRequest("", request));
      },
    });
    this.configure(settings);
  }

  /** Finished requests, as the access log sees them. */
  readonly logged: LoggedFacts[] = [];

  configure(settings: EdgeSettings, generation = 1, share = 1): void {
    const config = configOf(settings, generation);
    const vhosts = new Map<string, CacheVhost>();
    for (const each of config.vhosts) {
      const { index, invalidations } = this.#registry.enter(each.name);
      vhosts.set(each.name, {
        name: each.name,
        index,
        settings: each,
        pool: this.origin,
        invalidations,
        counters: this.counters.vhost(each.name),
        rules: compileCachingRules(each),
        customTtl: compileCustomTtl(each),
      });
    }
    this.server.configure(config, vhosts, share);
  }

  /** Offset of a virtual host's counters. */
  vhostCounters(name = HOST): number {
    return this.counters.vhost(name);
  }

  connect(): TestClient {
    const socket = new FakeSocket();
    this.server.acceptor(80)(socket, (handler) => {
      socket.handler = handler;
    });
    return new TestClient(socket);
  }

  /** Has the object of a path stored and in memory. */
  async store(path: string, body: Buffer | string, fields: readonly string[] = [], status = 200): Promise<void> {
    const number = this.origin.calls.length + 1;
    const client = this.connect();
    client.get(path);
    (await this.origin.call(number)).reply(status, body, fields);
    await client.responses(1);
    client.socket.destroy();
    await until(() => this.index.findVariants(HOST, path).length > 0, `${path} stored`);
  }

  /** Time passes, and the worker looks after its connections. */
  advanceSeconds(seconds: number): void {
    this.clock.advanceSeconds(seconds);
    this.server.sweep();
  }
}

/** What a test compares of a transaction; the transaction itself is used again. */
export type LoggedFacts = ReturnType<typeof factsOf>;

const factsOf = (transaction: ClientTransaction) => ({
  vhostName: transaction.vhostName,
  method: transaction.method,
  httpVersion: transaction.httpVersion,
  target: transaction.target,
  status: transaction.status,
  bodyBytesSent: transaction.bodyBytesSent,
  contentLength: transaction.contentLength,
  contentCoding: transaction.contentCoding,
  requestBodyBytes: transaction.requestBodyBytes,
  result: transaction.result,
  bypassKind: transaction.bypassKind,
  isComplete: transaction.isComplete,
  elapsedMs: transaction.elapsedMs,
  startedAtMs: transaction.startedAtMs,
  sessionText: transaction.sessionText,
  heads:
    transaction.heads === undefined
      ? undefined
      : { requestFields: transaction.heads.requestFields(), response: transaction.heads.response },
  addresses: `${transaction.clientIp}:${transaction.clientPort} ${transaction.serverIp}:${transaction.serverPort}`,
});

export const requestText = (path: string, fields: readonly string[] = [], method = "GET", version = "1.1"): string =>
  `${method} ${path} HTTP/${version}\r\nHost: ${HOST}\r\n${fields.map((line) => `${line}\r\n`).join("")}\r\n`;

/** A client's view of its connection. */
export class TestClient {
  readonly socket: FakeSocket;

  constructor(socket: FakeSocket) {
    this.socket = socket;
  }

  send(data: Buffer | string, pieceBytes?: number): this {
    this.socket.send(data, pieceBytes);
    return this;
  }

  get(path: string, fields: readonly string[] = [], method = "GET"): this {
    return this.send(requestText(path, fields, method));
  }

  /** Everything received, as responses. */
  all(methods: readonly string[] = []): ClientResponse[] {
    return readResponses(this.socket.received, methods, this.socket.hasEnded);
  }

  /** That many complete responses, once they are there. */
  async responses(count: number, methods: readonly string[] = []): Promise<ClientResponse[]> {
    const complete = (): ClientResponse[] => {
      const { received } = this.socket;
      if (received.length > 0 && !received.includes("\r\n\r\n")) return [];
      return this.all(methods).filter(({ isComplete, status }) => isComplete && status >= 200);
    };
    await until(() => complete().length >= count, `${count} responses`);
    return complete();
  }

  async response(method = "GET"): Promise<ClientResponse> {
    const [first] = await this.responses(1, [method]);
    if (first === undefined) throw new Error("unreachable");
    return first;
  }

  ended(): Promise<void> {
    return until(() => this.socket.hasEnded, "the end of the connection");
  }
}
