import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { isEdgeBuilt, renderRequest, startEdge, type TestEdge } from "../../src/index.ts";
import { scenario, useEdge, useShared } from "../../src/scenario/index.ts";
import { frameOf, OPCODE, WebSocketServer } from "./support/webSocketServer.ts";

/** WebSocket through two workers: with the client of the runtime, and byte by byte. */
useEdge({ workers: 2 });

const HOST = "ws.test";
let server: WebSocketServer;
let edge: TestEdge;

// The client of the runtime names no virtual host: it is the default one's.
useShared(
  async () => {
    server = new WebSocketServer();
    await server.listen();
    const vhosts = [{ name: HOST, origin: `127.0.0.1:${server.port}` }];
    edge = await startEdge({ workers: 2, vhosts, defaultVhost: HOST });
  },
  async () => {
    await edge?.close();
    await server?.close();
  },
);
beforeEach(() => {
  server.onOpen = () => {};
});

interface Opened {
  readonly socket: WebSocket;
  /** Sends, and resolves with the next message. */
  readonly ask: (data: string | Uint8Array<ArrayBuffer>) => Promise<string | Buffer>;
  /** The close event. */
  readonly closed: Promise<{ readonly code: number; readonly wasClean: boolean }>;
}

const open = async (path = "/chat"): Promise<Opened> => {
  const socket = new WebSocket(`ws://127.0.0.1:${edge.port}${path}`);
  socket.binaryType = "arraybuffer";
  const closed = new Promise<{ code: number; wasClean: boolean }>((resolve) => {
    socket.addEventListener("close", ({ code, wasClean }) => resolve({ code, wasClean }));
  });
  await new Promise((resolve, reject) => {
    socket.addEventListener("open", resolve);
    socket.addEventListener("error", () => reject(new Error("the WebSocket was not opened")));
  });
  const ask: Opened["ask"] = (data) =>
    new Promise((resolve) => {
      const listener = ({ data: answer }: { readonly data: unknown }): void =>
        resolve(answer instanceof ArrayBuffer ? Buffer.from(answer) : String(answer));
      socket.addEventListener("message", listener, { once: true });
      socket.send(data);
    });
  return { socket, ask, closed };
};

describe.skipIf(!isEdgeBuilt() && process.env.CI === undefined)("WebSocket with a client library", () => {
  it("echo of text and binary messages, and a clean close", async () => {
    const { socket, ask, closed } = await open();
    expect(await ask("hello")).toBe("hello");
    expect(await ask(new Uint8Array([0, 255, 10, 13]))).toEqual(Buffer.from([0, 255, 10, 13]));
    socket.close(1000, "bye");
    expect(await closed).toEqual({ code: 1000, wasClean: true });
    await edge.counted({ TCP_CLIENT_REFRESH_MISS: 1, "client_responses{class=1xx}": 1 }, HOST);
  });

  it("messages of megabytes", async () => {
    const { socket, ask, closed } = await open();
    for (const length of [125, 126, 65_535, 65_536, 8 << 20]) {
      const message = Buffer.alloc(length, `${length} `);
      const answer = await ask(new Uint8Array(message));
      expect(Buffer.isBuffer(answer) && answer.equals(message)).toBe(true);
    }
    socket.close();
    await closed;
  });

  it("ping of the origin, pong of the client", async () => {
    server.pongs.length = 0;
    server.onOpen = (socket) => socket.write(frameOf(OPCODE.ping, Buffer.from("are you there")));
    const { socket, ask, closed } = await open();
    await ask("x");
    await expect.poll(() => server.pongs).toEqual(["are you there"]);
    socket.close();
    await closed;
  });

  it("an origin that ends its side with its close frame still gets the client's", async () => {
    const before = server.closes;
    server.onOpen = (socket) => socket.end(frameOf(OPCODE.close, Buffer.from([3, 232])));
    const { closed } = await open();
    expect(await closed).toEqual({ code: 1000, wasClean: true });
    await expect.poll(() => server.closes).toBe(before + 1);
  });

  it("200 at a time", async () => {
    const before = server.connections;
    const all = await Promise.all(Array.from({ length: 200 }, (_, index) => open(`/chat/${index}`)));
    for (let round = 0; round < 3; round++) {
      const answers = await Promise.all(all.map(({ ask }, index) => ask(`${index}:${round}`)));
      expect(answers).toEqual(all.map((_, index) => `${index}:${round}`));
    }
    expect(server.connections - before).toBe(200);
    for (const { socket } of all) socket.close();
    await Promise.all(all.map(({ closed }) => closed));
    await expect.poll(async () => (await edge.status()).workers.map(({ connections }) => connections)).toEqual([0, 0]);
  });
});

describe("the access log of a WebSocket", () => {
  scenario(
    "AWS-42, A9 of spec 12: one line when it is closed, with the bytes of both directions",
    { xml: '<Log><Access Local="ON" Form="json">ON</Access></Log>' },
    async ({ origin, edge, client }) => {
      origin.on("/t").echoUpgrade();
      const session = await client();
      await session.send(
        renderRequest({ path: "/t", host: edge.host, headers: { Connection: "Upgrade", Upgrade: "websocket" } }),
      );
      expect((await session.readHead()).status).toBe(101);
      const folder = join(edge.cluster.home, "log", edge.host);
      const lines = async (): Promise<readonly Record<string, unknown>[]> => {
        const names = (await readdir(folder).catch(() => [])).filter((name) => name.startsWith("access"));
        const texts = await Promise.all(names.map((name) => readFile(join(folder, name), "utf8")));
        return texts.flatMap((text) => text.split("\n").filter((line) => line !== "")).map((line) => JSON.parse(line));
      };
      expect(await lines()).toEqual([]);
      await session.send(Buffer.alloc(10_000, "x"));
      session.halfClose();
      expect((await session.readUntilClose()).length).toBe(10_000);
      await expect.poll(async () => (await lines()).length, { timeout: 60_000 }).toBe(1);
      const [line] = await lines();
      expect(line).toMatchObject({ status: 101, body_bytes_sent: 10_000 });
      expect(Number(line?.bytes_received)).toBeGreaterThan(10_000);
      await edge.counted({ TCP_CLIENT_REFRESH_MISS: 1, client_bypassed: 1 });
    },
  );
});

describe("tunnels byte by byte", () => {
  const upgradeOf = (host: string): Buffer =>
    renderRequest({ path: "/t", host, headers: { Connection: "Upgrade", Upgrade: "echo" } });

  scenario(
    "a client that ends its side gets everything that the origin still says",
    async ({ origin, edge, client }) => {
      origin.on("/t").echoUpgrade();
      const session = await client();
      await session.send(upgradeOf(edge.host));
      expect((await session.readHead()).status).toBe(101);
      await session.send(Buffer.alloc(3_000_000, "x"));
      session.halfClose();
      expect((await session.readUntilClose()).length).toBe(3_000_000);
      await expect.poll(() => origin.openConnections).toBe(0);
    },
  );

  scenario(
    "BYP-13: it ends when nothing has moved for BypassReceiveTimeout",
    { xml: "<OriginOptions><BypassReceiveTimeout>1</BypassReceiveTimeout></OriginOptions>" },
    async ({ origin, edge, client }) => {
      origin.on("/t").echoUpgrade();
      const session = await client();
      await session.send(upgradeOf(edge.host));
      await session.readHead();
      expect(await session.closedByPeer()).toBe(true);
      await expect.poll(() => origin.openConnections).toBe(0);
    },
  );

  scenario("a refused upgrade is an ordinary answer", async ({ origin, client, edge }) => {
    origin.on("/t").reply(403, {}, "no");
    origin.on("/a").reply(200, {}, "v");
    const session = await client();
    await session.send(upgradeOf(edge.host));
    expect((await session.readResponse()).text).toBe("no");
    expect((await session.request({ path: "/a", host: edge.host })).text).toBe("v");
  });
});
