import { mkdtemp, rename, rm, stat } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Role } from "@basalt/config";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { controlSocketPath, decideAccess, type ManagerSettings } from "../src/index.ts";
import { listenOnUnixSocket } from "../src/unixSocket.ts";
import { openScene, type Scene } from "./scene.ts";

const manager = (allow: readonly (readonly [string, Role])[]): ManagerSettings => ({
  port: 10040,
  httpMethod: true,
  role: "User",
  uploadMultipartName: "confile",
  allow: allow.map(([address, role]) => ({ address, role })),
});

describe("who may connect", () => {
  it.each([
    ["127.0.0.1", true],
    ["127.8.9.1", true],
    ["::1", true],
    ["::ffff:127.0.0.1", true],
    ["192.168.0.1", false],
    ["::ffff:10.0.0.1", false],
    ["2001:db8::1", false],
    ["", false],
    [undefined, false],
  ])("CFG-32 without an entry: %s → %s", (address, isGranted) => {
    expect(decideAccess(manager([]), address)).toEqual(
      isGranted ? { kind: "granted", role: "User" } : { kind: "refused" },
    );
  });

  it.each([
    ["192.168.1.1", "Admin"],
    ["::ffff:192.168.1.1", "Admin"],
    ["192.168.2.77", "User"],
    ["192.168.3.9", "Looker"],
    ["192.168.4.200", "Looker"],
    ["192.168.2.0", undefined],
    ["127.0.0.1", undefined],
    ["::1", undefined],
  ] as const)("CFG-32 by the first entry that matches: %s → %s", (address, role) => {
    const settings = manager([
      ["192.168.1.1", "Admin"],
      ["192.168.2.1-255", "User"],
      ["192.168.3.0/24", "Looker"],
      ["192.168.4.0/255.255.255.0", "Looker"],
      ["192.168.1.0/24", "Looker"],
    ]);
    const expected = role === undefined ? { kind: "refused" } : { kind: "granted", role };
    expect(decideAccess(settings, address)).toEqual(expected);
  });
});

describe("access over real sockets", () => {
  let scene: Scene;
  beforeEach(async () => {
    scene = await openScene();
  });
  afterEach(() => scene.close());

  const GET_VERSION = "GET /version HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

  it("REG-162 CFG-17 closes the connection of an address that is not listed without a byte", async () => {
    scene.allow(["127.0.0.1", "Admin"]);
    expect(await scene.raw(GET_VERSION, "127.0.0.2")).toBe("");
    expect(await scene.raw("PURGE /a HTTP/1.1\r\nHost: a\r\n\r\n", "127.0.0.2")).toBe("");
    expect(await scene.raw(GET_VERSION)).toMatch(/^HTTP\/1\.1 200 OK/);
  });

  it("CFG-17 closes a kept connection at its next request when its address is no longer listed", async () => {
    const received: string[] = [];
    const socket = connect({ host: "127.0.0.1", port: scene.port });
    const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
    socket.on("data", (chunk) => received.push(chunk.toString()));
    socket.write("GET /version HTTP/1.1\r\nHost: a\r\n\r\n");
    await expect.poll(() => received.join("")).toContain('"result":"2.5.16"}');
    scene.allow(["10.0.0.1", "Admin"]);
    const before = received.length;
    socket.write("GET /version HTTP/1.1\r\nHost: a\r\n\r\n");
    await closed;
    expect(received).toHaveLength(before);
  });

  it.each([
    ["Admin", "/version", 200],
    ["Admin", "/monitoring/vhostslist", 200],
    ["User", "/monitoring/vhostslist", 200],
    ["User", "/monitoring/unknown", 404],
    ["User", "/graph/unknown", 404],
    ["User", "/version", 401],
    ["User", "/command/purge?url=a/b", 401],
    ["User", "/conf/reload", 401],
    ["User", "/command/terminate?key=JUSTDOIT", 401],
    ["Looker", "/monitoring/hwinfo", 401],
    ["Looker", "/monitoring/vhostslist", 401],
    ["Looker", "/graph/unknown", 404],
    ["Looker", "/graph/cpu_day.png", 200],
    ["User", "/graph/vhost/mem_day.png", 200],
    ["Admin", "/graph/cpu_day.png", 200],
    ["Looker", "/unknown", 401],
  ] as const)("CFG-36 CFG-17 GRAPH-04 as %s: GET %s → %i", async (role, path, expected) => {
    scene.allow(["127.0.0.1", role]);
    const { status, text } = await scene.ask(path);
    expect(status).toBe(expected);
    if (expected !== 200) expect(JSON.parse(text)).toMatchObject({ status: "Fail" });
    expect([scene.control.purges, scene.control.terminated]).toEqual([[], 0]);
  });

  it("CFG-36 gives the Unix socket the role Admin whatever the list says", async () => {
    scene.allow(["10.0.0.1", "Looker"]);
    expect((await scene.askSocket("/version")).status).toBe(200);
    expect((await stat(scene.socketPath)).mode & 0o777).toBe(0o600);
  });

  it.each([
    ["NUL bytes", Buffer.alloc(100)],
    ["a TLS hello", Buffer.from("16030100c8010000c40303", "hex")],
    ["half a method", "EXPIR"],
    ["a line without version", "GET /\r\n\r\n"],
    ["a bad version", "GET / HTTP/9.9\r\n\r\n"],
    ["a space before the colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n"],
    ["a head beyond the limit", `GET / HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(100_000)}\r\n\r\n`],
    [
      "two framings",
      "POST /command/purge HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
    ["CONNECT", "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["an unknown method", "BREW /pot HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["an extension method with garbage", "HARDPURGE \u0000\u0001\r\n\r\n"],
  ])("CFG-17 survives %s", async (_, bytes) => {
    const socket = connect({ host: "127.0.0.1", port: scene.port });
    socket.on("error", () => undefined);
    const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
    socket.resume();
    socket.end(bytes);
    await closed;
    expect((await scene.ask("/version")).status).toBe(200);
    expect(scene.logged.filter((line) => line.startsWith("ERROR"))).toEqual([]);
  });

  it("REG-162 CFG-17 survives a thousand refused connections", async () => {
    scene.allow(["127.0.0.1", "Admin"]);
    for (let round = 0; round < 20; round += 1) {
      const replies = await Promise.all(Array.from({ length: 50 }, () => scene.raw("\u0000", "127.0.0.2")));
      expect(replies.join("")).toBe("");
    }
    expect((await scene.ask("/version")).status).toBe(200);
  });
});

describe("the path of the Unix socket", () => {
  it("lies in the home folder", () => {
    expect(controlSocketPath("/srv/edge")).toBe("/srv/edge/run/basalt.sock");
  });

  it("is short and the same each time for a long home", () => {
    const home = join("/srv", "x".repeat(200));
    expect(controlSocketPath(home).length).toBeLessThan(100);
    expect(controlSocketPath(home)).toBe(controlSocketPath(`${home}/`));
    expect(controlSocketPath(home)).not.toBe(controlSocketPath(`${home}y`));
  });

  it("is not taken from a server that answers on it", async () => {
    const scene = await openScene();
    await expect(listenOnUnixSocket(createServer(), scene.socketPath)).rejects.toThrow(/Another process/);
    await scene.close();
  });

  it("is taken over when its server was killed", async () => {
    const folder = await mkdtemp(join(tmpdir(), "basalt-socket-"));
    const path = join(folder, "basalt.sock");
    const killed = createServer();
    await listenOnUnixSocket(killed, join(folder, "other.sock"));
    await rename(join(folder, "other.sock"), path);
    await new Promise((resolve) => killed.close(resolve));
    const successor = createServer();
    await listenOnUnixSocket(successor, path);
    expect(successor.listening).toBe(true);
    await new Promise((resolve) => successor.close(resolve));
    await rm(folder, { recursive: true });
  });
});
