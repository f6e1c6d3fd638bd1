import type { Clock } from "@basalt/types";
import type { OriginServer } from "./contract.ts";
import type { OriginPurpose, OriginTransaction, TransactionEnd } from "./transaction.ts";

/** What a transaction is known by before it begins. */
export interface TransactionOccasion {
  readonly vhost: string;
  readonly server: OriginServer;
  readonly domain: string;
  readonly purpose: OriginPurpose;
  readonly sessionId: bigint;
  readonly cause: object | undefined;
  readonly dnsMs: number;
}

export interface TransactionRequest {
  readonly method: string;
  readonly target: string;
  /** Flat, with Host. */
  readonly fields: readonly string[];
}

const fieldOf = (fields: readonly string[], lowerCaseName: string): string | undefined => {
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index] ?? "";
    if (name.length === lowerCaseName.length && name.toLowerCase() === lowerCaseName) return fields[index + 1];
  }
  return undefined;
};

/** The transaction while it runs; its marks are set as it goes on. */
export class TransactionRecord implements OriginTransaction {
  readonly vhost: string;
  readonly server: string;
  readonly serverIp: string;
  readonly serverPort: number;
  readonly domain: string;
  readonly purpose: OriginPurpose;
  readonly method: string;
  readonly target: string;
  readonly sessionId: bigint;
  readonly cause: object | undefined;
  readonly dnsMs: number;
  status = 0;
  requestHeadBytes = 0;
  requestBodyBytes = 0;
  responseHeadBytes = 0;
  responseBodyBytes = 0;
  startedAtMs: number;
  isReused = false;
  connectionNumber = 0;
  transactionNumber = 0;
  localIp = "";
  ended: TransactionEnd = "complete";
  responseFields: readonly string[] = [];
  readonly #clock: Clock;
  readonly #requestFields: readonly string[];
  #begunMs: number;
  /** Moments of the monotonic clock; undefined: not reached. */
  #connectedMs: number | undefined;
  #sentMs: number | undefined;
  #firstByteAtMs: number | undefined;
  #endedMs: number | undefined;

  constructor(occasion: TransactionOccasion, request: TransactionRequest, clock: Clock) {
    this.vhost = occasion.vhost;
    this.server = occasion.server.id;
    this.serverIp = occasion.server.ip;
    this.serverPort = occasion.server.port;
    this.domain = occasion.domain;
    this.purpose = occasion.purpose;
    this.sessionId = occasion.sessionId;
    this.cause = occasion.cause;
    this.dnsMs = occasion.dnsMs;
    this.method = request.method;
    this.target = request.target;
    this.#requestFields = request.fields;
    this.#clock = clock;
    this.startedAtMs = clock.now();
    this.#begunMs = clock.monotonic();
  }

  /** It has a connection, or makes one. */
  begin(): void {
    this.startedAtMs = this.#clock.now();
    this.#begunMs = this.#clock.monotonic();
  }

  connected(): void {
    this.#connectedMs = this.isReused ? this.#begunMs : this.#clock.monotonic();
  }

  sent(): void {
    this.#sentMs ??= this.#clock.monotonic();
  }

  responseBegan(): void {
    this.#firstByteAtMs ??= this.#clock.monotonic();
    this.#sentMs ??= this.#firstByteAtMs;
  }

  end(ended: TransactionEnd): void {
    this.ended = ended;
    this.#endedMs = this.#clock.monotonic();
  }

  get host(): string {
    return fieldOf(this.#requestFields, "host") ?? "";
  }

  requestField(lowerCaseName: string): string | undefined {
    return fieldOf(this.#requestFields, lowerCaseName);
  }

  responseField(lowerCaseName: string): string | undefined {
    return fieldOf(this.responseFields, lowerCaseName);
  }

  get connectMs(): number {
    if (this.isReused) return 0;
    return (this.#connectedMs ?? this.#endedMs ?? this.#begunMs) - this.#begunMs;
  }

  get sendMs(): number {
    if (this.#connectedMs === undefined) return 0;
    return (this.#sentMs ?? this.#endedMs ?? this.#connectedMs) - this.#connectedMs;
  }

  get firstByteMs(): number {
    if (this.#sentMs === undefined) return 0;
    return (this.#firstByteAtMs ?? this.#endedMs ?? this.#sentMs) - this.#sentMs;
  }

  get completeMs(): number {
    if (this.#firstByteAtMs === undefined) return 0;
    return (this.#endedMs ?? this.#firstByteAtMs) - this.#firstByteAtMs;
  }
}
