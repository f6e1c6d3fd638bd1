import type { SecureContext } from "node:tls";
import type { TlsFailure } from "@basalt/telemetry";
import { ONE_READ_BUFFER } from "../driver/common.ts";
import type { AcceptListener, Acceptor, SocketHandler } from "../driver/contract.ts";
import { acceptHandles, RawSocket } from "../driver/rawTcp.ts";
import { createTlsHandle, type ListeningHandle, lastRead, type StreamHandle } from "../driver/runtime.ts";
import { TlsSocket } from "../driver/tlsSocket.ts";
import type { EdgeServer, ServedConnection } from "../edgeServer.ts";
import { ACME_PROTOCOL } from "./acmeChallenges.ts";
import { type ClientHello, MAX_HELLO_BYTES, parseClientHello } from "./clientHello.ts";
import type { TlsChoice, TlsListener } from "./secureContexts.ts";
import type { Handshake, TlsService } from "./tlsService.ts";

/** The part of the server that a connection has to do with before its handshake is over. */
export type TlsGate = Pick<EdgeServer, "admits" | "enlist" | "replaced" | "forget"> & {
  readonly parts: Pick<EdgeServer["parts"], "clock" | "onDefect">;
};

export interface TlsAcceptParts {
  readonly server: TlsGate;
  readonly service: TlsService;
  /** Port that the socket is bound to. */
  readonly localPort: number;
}

/** For connections on which the client and the certificate's settings agree on HTTP/2; the handshake is done. */
export type Http2Listener = (socket: TlsSocket, attach: (handler: SocketHandler) => void) => void;

/** Lists of ALPN (RFC 7301): each name behind its length. */
const protocolList = (...names: readonly string[]): Buffer =>
  Buffer.concat(names.map((name) => Buffer.from(String.fromCharCode(name.length) + name, "latin1")));

const HTTP_2 = "h2";
const ONLY_HTTP_1 = protocolList("http/1.1", "http/1.0");
const ONLY_ACME = protocolList(ACME_PROTOCOL);
const HTTP_2_OR_1 = protocolList(HTTP_2, "http/1.1", "http/1.0");

/**
 * Accepts connections of a listening socket in this process, those of an address where TLS is spoken after their
 * handshake. Clients are admitted before it.
 */
export const acceptTls = (
  listening: ListeningHandle,
  parts: TlsAcceptParts,
  onAccept: AcceptListener,
  onHttp2: Http2Listener,
): Acceptor =>
  acceptHandles(listening, (client) => {
    const local: { address?: string } = {};
    client.getsockname(local);
    const listener = parts.service.listenerAt(plainAddress(local.address), parts.localPort);
    const peer: { address?: string; port?: number } = {};
    client.getpeername(peer);
    if (!parts.server.admits(peer.address ?? "")) {
      client.close();
      return;
    }
    if (listener === undefined) {
      const socket = new RawSocket(client);
      onAccept(socket, (handler) => socket.attach(handler));
      return;
    }
    const place = {
      remoteAddress: peer.address ?? "",
      remotePort: peer.port ?? 0,
      localAddress: local.address ?? "",
    };
    new PendingConnection(client, place, listener, { ...parts, onAccept, onHttp2 }).start();
  });

const plainAddress = (address = ""): string => (address.startsWith("::ffff:") ? address.slice(7) : address);

type Place = Pick<TlsSocket, "remoteAddress" | "remotePort" | "localAddress">;

interface PendingParts extends TlsAcceptParts {
  readonly onAccept: AcceptListener;
  readonly onHttp2: Http2Listener;
}

const NOTHING = Buffer.alloc(0);

/**
 * A connection from its first byte to the end of the handshake. What the client offers is read before a TLS session is
 * made, so that the session has the versions, suites and certificate of the entry that is meant from its beginning
 * (OPEN 6 of spec 07), and what is no TLS costs none.
 */
class PendingConnection implements Handshake, ServedConnection {
  readonly block = -1;
  readonly #parts: PendingParts;
  readonly #listener: TlsListener;
  readonly #place: Place;
  readonly #deadline: number;
  #handle: StreamHandle | undefined;
  #received: Buffer = NOTHING;
  /** Who has the connection once the client's offer is known. */
  #secured: { destroy(): void } | undefined;
  #isOver = false;

  constructor(handle: StreamHandle, place: Place, listener: TlsListener, parts: PendingParts) {
    this.#parts = parts;
    this.#listener = listener;
    this.#place = place;
    this.#handle = handle;
    this.#deadline = parts.server.parts.clock.monotonic() + parts.service.handshakeTimeoutMs;
    handle.owner = this;
    handle.onread = onRead;
    handle.useUserBuffer(ONE_READ_BUFFER);
  }

  start(): void {
    this.#parts.server.enlist(this);
    this.#parts.service.began(this);
    this.#handle?.readStart();
  }

  get heldBytes(): number {
    return this.#received.length;
  }

  received(count: number): void {
    const handle = this.#handle;
    if (handle === undefined || count === 0) return;
    if (count < 0) {
      this.fail("refused");
      return;
    }
    this.#hold(Buffer.concat([this.#received, ONE_READ_BUFFER.subarray(0, count)]));
    if (this.#isOver) return;
    const outcome = parseClientHello(this.#received);
    switch (outcome.kind) {
      case "more":
        if (this.#received.length > MAX_HELLO_BYTES) this.fail("malformed");
        return;
      case "other":
        this.fail("malformed");
        return;
      case "hello":
        this.#begin(handle, outcome.hello);
        return;
    }
  }

  fail(reason: TlsFailure): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const { server, service } = this.#parts;
    service.failed(this, reason);
    this.#hold(NOTHING);
    const handle = this.#handle;
    this.#handle = undefined;
    if (handle === undefined) this.#secured?.destroy();
    else {
      handle.onread = ignoreRead;
      handle.close();
    }
    server.forget(this);
  }

  destroy(): void {
    this.fail("refused");
  }

  closeIfIdle(): void {}

  checkDeadline(monotonicMs: number): void {
    if (monotonicMs >= this.#deadline) this.fail("timeout");
  }

  visitPinned(): void {}

  countProgress(): void {}

  #hold(received: Buffer): void {
    const changeBytes = received.length - this.#received.length;
    this.#received = received;
    if (changeBytes !== 0) this.#parts.service.holds(changeBytes);
  }

  #begin(handle: StreamHandle, hello: ClientHello): void {
    const challenge = hello.protocols.includes(ACME_PROTOCOL)
      ? this.#parts.service.challenges?.contextFor(hello.serverName)
      : undefined;
    if (challenge !== undefined) {
      this.#showChallenge(handle, challenge);
      return;
    }
    let choice: TlsChoice;
    try {
      choice = this.#listener.choose(hello, this.#parts.server.parts.clock.now());
    } catch (cause) {
      this.#parts.server.parts.onDefect(cause);
      this.fail("refused");
      return;
    }
    this.#handle = undefined;
    const received = this.#received;
    this.#hold(NOTHING);
    const tls = createTlsHandle(handle, choice.context);
    if (choice.ocspResponse !== undefined) tls.setOCSPResponse(choice.ocspResponse);
    if (hello.protocols.length > 0) tls.setALPNProtocols(choice.http2 ? HTTP_2_OR_1 : ONLY_HTTP_1);
    const socket = new TlsSocket(handle, tls, this.#place, {
      secured: (secured, isResumed) => {
        this.#succeed(secured.tls.protocol, isResumed);
        const listener = secured.protocol === HTTP_2 ? this.#parts.onHttp2 : this.#parts.onAccept;
        listener(secured, (handler) => secured.attach(handler));
        this.#parts.server.replaced(this);
      },
      failed: () => this.fail("refused"),
    });
    this.#secured = socket;
    socket.start(received);
  }

  /** RFC 8737 3: the handshake is all that the authority wants; nothing is ever said over that connection. */
  #showChallenge(handle: StreamHandle, context: SecureContext): void {
    this.#handle = undefined;
    const received = this.#received;
    this.#hold(NOTHING);
    const tls = createTlsHandle(handle, context);
    tls.setALPNProtocols(ONLY_ACME);
    const socket = new TlsSocket(handle, tls, this.#place, {
      secured: (secured) => {
        this.#succeed(secured.tls.protocol, false);
        this.#parts.server.forget(this);
        // With TLS 1.2 the last word of the handshake is this side's, and leaves behind this call.
        setImmediate(() => secured.end());
      },
      failed: () => this.fail("refused"),
    });
    this.#secured = socket;
    socket.start(received);
  }

  #succeed(protocol: string, isResumed: boolean): void {
    this.#isOver = true;
    this.#parts.service.succeeded(this, protocol, isResumed);
  }
}

const ignoreRead = (): void => {};

function onRead(this: StreamHandle): void {
  if (this.owner instanceof PendingConnection) this.owner.received(lastRead());
}
