import { randomBytes } from "node:crypto";
import net from "node:net";
import tls from "node:tls";
import { CounterBlock, PROCESS_SLOT, tlsFailureSlot, tlsHandshakeSlot } from "@basalt/telemetry";
import { AdjustableClock } from "@basalt/types";
import { afterEach, describe, expect, it } from "vitest";
import type { ServedConnection } from "../../src/edgeServer.ts";
import {
  acceptTls,
  bindListeningSocket,
  CIPHER_SUITES,
  type ClientSocket,
  createTicketKey,
  orderSuites,
  type SocketHandler,
  type TlsIdentity,
  type TlsPlan,
  TlsService,
} from "../../src/index.ts";
import { TEST_CERTIFICATE, TEST_KEY } from "../support/certificates.ts";
import { until } from "../support/waiting.ts";

const open: (() => void)[] = [];

afterEach(() => {
  for (const close of open.splice(0)) close();
});

const suitesOf = (isNew: boolean): readonly string[] =>
  orderSuites(CIPHER_SUITES, { prefersForwardSecrecy: true, prefersAes: true })
    .filter(({ version }) => (version === "TLSv1.3") === isNew)
    .map(({ name }) => name);

const identity = (change: Partial<TlsIdentity> = {}): TlsIdentity => ({
  id: "one",
  names: ["a.test", "*.b.test"],
  certificates: [
    {
      keyType: "ec",
      curve: "prime256v1",
      certificatePem: TEST_CERTIFICATE,
      keyPem: TEST_KEY,
      ocspResponse: undefined,
      ocspValidToMs: 0,
    },
  ],
  versions: ["TLSv1.2", "TLSv1.3"],
  suites: suitesOf(false),
  suites13: suitesOf(true),
  prefersOwnOrder: true,
  http2: true,
  ...change,
});

class Peer implements SocketHandler {
  readonly socket: ClientSocket;
  received = Buffer.alloc(0);
  drains = 0;
  ends = 0;
  closes = 0;

  constructor(socket: ClientSocket) {
    this.socket = socket;
  }

  onData(buffer: Buffer, start: number, end: number): void {
    this.received = Buffer.concat([this.received, buffer.subarray(start, end)]);
  }

  onDrain(): void {
    this.drains++;
  }

  onEnd(): void {
    this.ends++;
  }

  onClose(): void {
    this.closes++;
  }
}

interface Scene {
  readonly port: number;
  readonly peers: Peer[];
  readonly http2: Peer[];
  readonly watched: Set<ServedConnection>;
  readonly counters: CounterBlock;
  readonly clock: AdjustableClock;
  readonly service: TlsService;
  refusing: boolean;
}

const listen = (plan: Partial<TlsPlan> = {}, identities: readonly TlsIdentity[] = [identity()]): Scene => {
  const listening = bindListeningSocket("127.0.0.1", 0);
  const place: { address?: string; port?: number } = {};
  listening.getsockname(place);
  const port = place.port ?? 0;
  const counters = new CounterBlock();
  const clock = new AdjustableClock();
  const service = new TlsService(counters);
  service.configure({
    listeners: [{ address: undefined, port, identities }],
    ticketKeys: [createTicketKey()],
    challenges: { pages: [], certificates: [] },
    handshakeTimeoutSeconds: 10,
    maxHandshakes: 100,
    ...plan,
  });
  const scene: Scene = { port, peers: [], http2: [], watched: new Set(), counters, clock, service, refusing: false };
  const defects: unknown[] = [];
  const acceptor = acceptTls(
    listening,
    {
      localPort: port,
      service,
      server: {
        parts: { clock, onDefect: (error) => defects.push(error) },
        admits: () => !scene.refusing,
        enlist: (connection) => scene.watched.add(connection),
        replaced: (connection) => scene.watched.delete(connection),
        forget: (connection) => scene.watched.delete(connection),
      },
    },
    (socket, attach) => {
      const peer = new Peer(socket);
      scene.peers.push(peer);
      attach(peer);
    },
    (socket, attach) => {
      const peer = new Peer(socket);
      scene.http2.push(peer);
      attach(peer);
    },
  );
  open.push(() => {
    acceptor.close();
    for (const { socket } of scene.peers) socket.destroy();
    for (const { socket } of scene.http2) socket.destroy();
    for (const connection of [...scene.watched]) connection.destroy();
    if (defects.length > 0) throw defects[0];
  });
  return scene;
};

const connect = (scene: Scene, options: tls.ConnectionOptions = {}): tls.TLSSocket => {
  const client = tls.connect({ port: scene.port, host: "127.0.0.1", rejectUnauthorized: false, ...options });
  client.on("error", () => {});
  open.push(() => client.destroy());
  return client;
};

const secured = async (scene: Scene, options: tls.ConnectionOptions = {}): Promise<[tls.TLSSocket, Peer]> => {
  const count = scene.peers.length;
  const client = connect(scene, options);
  let isSecure = false;
  client.on("secureConnect", () => {
    isSecure = true;
  });
  await until(() => isSecure && scene.peers.length > count);
  const peer = scene.peers[count];
  if (peer === undefined) throw new Error("no connection");
  return [client, peer];
};

const collect = (client: net.Socket): { bytes: () => Buffer; length: () => number; hasEnded: () => boolean } => {
  const parts: Buffer[] = [];
  let length = 0;
  let ended = false;
  client.on("data", (data) => {
    parts.push(data);
    length += data.length;
  });
  client.on("close", () => {
    ended = true;
  });
  return { bytes: () => Buffer.concat(parts), length: () => length, hasEnded: () => ended };
};

describe("TLS below the runtime's sockets", () => {
  it("carries bytes both ways and tells version and cipher", async () => {
    const scene = listen();
    const [client, peer] = await secured(scene);
    client.write("hello");
    await until(() => peer.received.length === 5);
    expect(peer.received.toString()).toBe("hello");
    expect(peer.socket.tls).toEqual({ protocol: "TLSv1.3", cipher: "TLS_AES_128_GCM_SHA256" });
    expect(peer.socket.remotePort).toBe(client.localPort);
    const answer = collect(client);
    expect(peer.socket.write(Buffer.from("small"))).toBe(true);
    await until(() => answer.length() === 5);
    expect(scene.counters.get(tlsHandshakeSlot("TLSv1.3"))).toBe(1);
    expect(scene.watched.size).toBe(0);
  });

  it("keeps the order of writes that come while another one is under way", async () => {
    const scene = listen();
    const [client, peer] = await secured(scene);
    const answer = collect(client);
    const pieces = Array.from({ length: 50 }, (_, index) => randomBytes(index % 7 === 0 ? 300_000 : 100 * index + 1));
    for (const [index, piece] of pieces.entries()) {
      if (index % 3 === 0) peer.socket.writePair(Buffer.from(piece.subarray(0, 1)), piece.subarray(1));
      else peer.socket.write(piece);
    }
    const whole = Buffer.concat(pieces);
    await until(() => answer.length() >= whole.length);
    expect(answer.bytes().equals(whole)).toBe(true);
    await until(() => peer.socket.unsentBytes === 0);
    expect(peer.drains).toBeGreaterThan(0);
  });

  it("tells what a client has not taken, and drains when it has", async () => {
    const scene = listen();
    const [client, peer] = await secured(scene);
    client.pause();
    const body = randomBytes(16 * 1024 * 1024);
    expect(peer.socket.writePair(Buffer.from("head"), body)).toBe(false);
    const before = peer.socket.unsentBytes;
    expect(before).toBeGreaterThan(body.length / 2);
    const seen: Buffer[] = [];
    peer.socket.visitUnsent((data) => seen.push(data));
    expect(seen.length === 1 && seen[0] === body).toBe(true);
    const answer = collect(client);
    client.resume();
    await until(() => answer.length() === body.length + 4);
    await until(() => peer.drains === 1);
    expect(peer.socket.unsentBytes).toBe(0);
  });

  it("sends what is waiting before it ends, with a close_notify", async () => {
    const scene = listen();
    const [client, peer] = await secured(scene);
    const answer = collect(client);
    let ended = false;
    client.on("end", () => {
      ended = true;
    });
    const body = randomBytes(2 * 1024 * 1024);
    peer.socket.write(body);
    peer.socket.end();
    await until(() => answer.length() === body.length);
    await until(() => ended && peer.closes === 1);
  });

  it("hears of the client's end and of its disappearance", async () => {
    const scene = listen();
    const [client, peer] = await secured(scene);
    client.end();
    await until(() => peer.ends === 1);
    peer.socket.end();
    await until(() => peer.closes === 1);
    const stream = net.connect(scene.port, "127.0.0.1");
    const [, otherPeer] = await secured(scene, { socket: stream });
    stream.resetAndDestroy();
    await until(() => otherPeer.closes === 1);
  });

  it("takes nothing for a write, and breaks off also while it is being ended", async () => {
    const [client, peer] = await secured(listen());
    let received = 0;
    client.on("data", (data: Buffer) => {
      received += data.length;
    });
    expect([peer.socket.write(Buffer.alloc(0)), peer.socket.unsentBytes]).toEqual([true, 0]);
    peer.socket.writePair(Buffer.from("head"), Buffer.alloc(0));
    peer.socket.writePair(Buffer.from("next"), Buffer.alloc(0));
    await until(() => received === 8);
    await until(() => peer.drains === 1);
    let isClosed = false;
    client.on("close", () => {
      isClosed = true;
    });
    peer.socket.end();
    peer.socket.reset();
    expect(peer.closes).toBe(1);
    await until(() => isClosed);
  });

  it("TLS-04 an entry for :: is found by connections to any address", () => {
    const { service } = listen({ listeners: [{ address: "::", port: 8443, identities: [identity()] }] });
    expect(service.listenerAt("2001:db8::1", 8443)).toBeDefined();
    expect(service.listenerAt("10.0.0.1", 8443)).toBeDefined();
    expect(service.listenerAt("10.0.0.1", 8444)).toBeUndefined();
  });

  it("breaks off", async () => {
    const scene = listen();
    const [client, peer] = await secured(scene);
    const answer = collect(client);
    peer.socket.write(randomBytes(8 * 1024 * 1024));
    peer.socket.reset();
    expect(peer.closes).toBe(1);
    await until(() => answer.hasEnded());
    const [, another] = await secured(scene);
    another.socket.destroy();
    another.socket.destroy();
    expect(another.closes).toBe(1);
    expect(another.socket.write(Buffer.from("late"))).toBe(true);
    expect(another.socket.tls?.protocol).toBe("TLSv1.3");
  });

  it("hands a connection over when both sides want HTTP/2", async () => {
    const scene = listen();
    const client = connect(scene, { ALPNProtocols: ["h2", "http/1.1"] });
    await until(() => scene.http2.length === 1);
    await until(() => client.alpnProtocol === "h2");
    expect(scene.watched.size).toBe(0);
    const answer = collect(client);
    scene.http2[0]?.socket.write(Buffer.from("over h2"));
    await until(() => answer.bytes().toString() === "over h2");
    const [plain] = await secured(scene, { ALPNProtocols: ["http/1.1"] });
    expect(plain.alpnProtocol).toBe("http/1.1");
  });

  it("refuses clients with other protocols of ALPN only", async () => {
    const scene = listen();
    const client = connect(scene, { ALPNProtocols: ["smtp"] });
    let reason = "";
    client.on("error", (error) => {
      reason = String(error);
    });
    await until(() => reason !== "");
    expect(reason).toContain("no application protocol");
    await until(() => scene.watched.size === 0);
    expect(scene.counters.get(tlsFailureSlot("refused"))).toBe(1);
  });

  it("resumes sessions by keys that another worker has, also by the last one", async () => {
    const keys = [createTicketKey(), createTicketKey()];
    const scenes = [
      listen({ ticketKeys: keys }),
      listen({ ticketKeys: [createTicketKey(), ...keys] }),
      listen(),
    ] as const;
    for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
      const client = connect(scenes[0], { maxVersion, servername: "a.test" });
      let session: Buffer | undefined;
      client.on("session", (given) => {
        session = given;
      });
      client.on("data", () => {});
      const peers = scenes[0].peers.length;
      await until(() => scenes[0].peers.length > peers - 1 && session !== undefined);
      if (session === undefined) throw new Error("no session");
      const [again] = await secured(scenes[1], { maxVersion, session, servername: "a.test" });
      expect(again.isSessionReused()).toBe(true);
      const [stranger] = await secured(scenes[2], { maxVersion, session, servername: "a.test" });
      expect(stranger.isSessionReused()).toBe(false);
    }
    expect(scenes[1].counters.get(PROCESS_SLOT.tlsResumed)).toBe(2);
  });

  it("REG-123 REG-124 TLS-11 survives garbage, half handshakes and early ends", async () => {
    const scene = listen();
    const hellos = [
      "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n",
      "\u0016",
      "\u0016\u0003\u0001\u0000\u0005\u0001\u0000\u0000\u0001\u0000",
    ];
    for (const hello of hellos) {
      const raw = net.connect(scene.port, "127.0.0.1");
      raw.on("error", () => {});
      raw.resume();
      raw.end(Buffer.from(hello, "latin1"));
      await until(() => raw.closed);
    }
    for (let round = 0; round < 20; round++) {
      const raw = net.connect(scene.port, "127.0.0.1");
      raw.on("error", () => {});
      raw.write(Buffer.concat([Buffer.from([0x16, 3, 1, 1, 0, 1, 0, 0, 0xfc, 3, 3]), randomBytes(300)]));
      if (round % 2 === 0) setImmediate(() => raw.resetAndDestroy());
      else raw.on("data", () => raw.destroy());
      open.push(() => raw.destroy());
    }
    await until(() => scene.watched.size === 0);
    const [client, peer] = await secured(scene);
    client.write("still there");
    await until(() => peer.received.length > 0);
    expect(scene.counters.get(tlsFailureSlot("malformed"))).toBeGreaterThan(0);
  });

  it("gives up handshakes that take too long, and the oldest when there are too many", async () => {
    const scene = listen({ maxHandshakes: 2 });
    const raws = [0, 1, 2].map(() => net.connect(scene.port, "127.0.0.1"));
    for (const raw of raws) {
      raw.on("error", () => {});
      raw.write(Buffer.from([0x16]));
    }
    await until(() => scene.counters.get(tlsFailureSlot("limit")) === 1);
    expect(scene.service.handshakesUnderWay).toBe(2);
    for (const connection of scene.watched) connection.checkDeadline(scene.clock.monotonic());
    expect(scene.watched.size).toBe(2);
    for (const connection of [...scene.watched]) connection.checkDeadline(scene.clock.monotonic() + 10_001);
    expect(scene.watched.size).toBe(0);
    expect(scene.counters.get(tlsFailureSlot("timeout"))).toBe(2);
    for (const raw of raws) raw.destroy();
  });

  it("closes clients that are not admitted before their handshake", async () => {
    const scene = listen();
    scene.refusing = true;
    const client = connect(scene);
    await until(() => client.destroyed);
    expect(scene.watched.size).toBe(0);
  });

  it("TLS-11 does not renegotiate", async () => {
    const scene = listen();
    const [client, peer] = await secured(scene, { maxVersion: "TLSv1.2" });
    client.renegotiate({}, () => {});
    await until(() => peer.closes === 1 || client.destroyed);
  });
});
