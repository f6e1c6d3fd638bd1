import { rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer as createTcpServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer, type TlsOptions } from "node:tls";
import { describe, expect, it, onTestFinished } from "vitest";
import { FakeResolver } from "./support/board.ts";
import { AUTHORITY, IP_CERTIFICATE, IP_KEY, NAMES_CERTIFICATE, NAMES_KEY } from "./support/certificates.ts";
import { fetchFrom, getRequest, openPool, until } from "./support/exchange.ts";
import { rawOrigin } from "./support/origin.ts";
import { addressAt, checkerFor, domainAt, settingsFor } from "./support/settings.ts";

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

const caFile = join(tmpdir(), `basalt-origin-authority-${process.pid}.pem`);
writeFileSync(caFile, AUTHORITY);
process.once("exit", () => rmSync(caFile, { force: true }));

const NAMES = { cert: NAMES_CERTIFICATE, key: NAMES_KEY };
const IP = { cert: IP_CERTIFICATE, key: IP_KEY };

/** Answers every request; remembers the names it was asked for. */
const tlsOrigin = async (options: TlsOptions) => {
  const names: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer({ ...options, ALPNProtocols: ["h2", "http/1.1"] }, (socket) => {
    names.push(`${socket.servername} ${socket.alpnProtocol}`);
    socket.on("data", () => socket.write(OK)).on("error", () => {});
  });
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address: AddressInfo | string | null = server.address();
  if (address === null || typeof address === "string") throw new Error("not a TCP server");
  return { port: address.port, names, connections: () => sockets.size };
};

const https = (port: number) => addressAt(port, { scheme: "https", text: `https://127.0.0.1:${port}` });
const httpsDomain = (port: number, host = "origin.test") =>
  domainAt(port, { scheme: "https", text: `https://${host}:${port}`, host });

const resolver = new FakeResolver().answer("origin.test", { "127.0.0.1": 60 }).answer("else.test", { "127.0.0.1": 60 });

const ask = async (address: ReturnType<typeof https>, tls: { verify?: boolean; caFile?: string } = {}) => {
  const settings = settingsFor([address], { tls: { verify: true, caFile, ...tls } });
  const { pool, events } = openPool(settings, { resolver });
  const outcome = await fetchFrom(pool, getRequest("/"));
  const again = await fetchFrom(pool, getRequest("/"));
  return { body: `${outcome.body}${again.body}`, code: outcome.error?.code, detail: outcome.error?.detail, events };
};

describe("https origins", () => {
  it("asks a domain over TLS, with its name as SNI, and reuses the connection", async () => {
    const origin = await tlsOrigin(NAMES);
    expect((await ask(httpsDomain(origin.port))).body).toBe("okok");
    expect([origin.names, origin.connections()]).toEqual([["origin.test http/1.1"], 1]);
  });

  it.each([
    { what: "the name of the virtual host", options: NAMES },
    { what: "the IP itself", options: IP },
  ])("takes a certificate for $what from an IP address", async ({ options }) => {
    const origin = await tlsOrigin(options);
    expect((await ask(https(origin.port))).body).toBe("okok");
    expect(origin.names).toEqual(["www.example.com http/1.1"]);
  });

  it.each([
    { what: "for another name", address: (port: number) => httpsDomain(port, "else.test"), options: NAMES, tls: {} },
    { what: "for an IP instead of the domain", address: httpsDomain, options: IP, tls: {} },
    { what: "of an unknown authority", address: httpsDomain, options: NAMES, tls: { caFile: "" } },
  ])("ORG-10 refuses a certificate $what, as a failure to connect", async ({ address, options, tls }) => {
    const origin = await tlsOrigin(options);
    const { code, events } = await ask(address(origin.port), tls);
    expect(code).toBe("ORIGIN_CONNECT_FAILED");
    expect(events[0]).toMatchObject({ kind: "failure", reason: "Connect-Failed" });
    expect(origin.names).toEqual([]);
  });

  it("connects unchecked only when verification is off, and never with authorities that cannot be read", async () => {
    const origin = await tlsOrigin(NAMES);
    expect((await ask(httpsDomain(origin.port, "else.test"), { verify: false, caFile: "" })).body).toBe("okok");
    const { code, detail } = await ask(httpsDomain(origin.port), { caFile: "/nowhere/authority.pem" });
    expect([code, detail?.includes("ENOENT")]).toEqual(["ORIGIN_CONNECT_FAILED", true]);
  });

  it("ORG-01 counts the handshake to the time for the connection", async () => {
    const silent = await rawOrigin(() => {});
    const settings = settingsFor([https(silent.port)], { connectTimeoutSeconds: 0.05 });
    const { pool } = openPool(settings);
    expect((await fetchFrom(pool, getRequest("/"))).error?.code).toBe("ORIGIN_CONNECT_TIMEOUT");
    await until(() => silent.sockets.size === 0);
  });

  it.each([
    { what: "plain HTTP", bytes: OK },
    { what: "nothing, and closes", bytes: "" },
  ])("ORG-10 fails to connect to a server that speaks $what", async ({ bytes }) => {
    const server = createTcpServer((socket) => socket.on("error", () => {}).end(bytes));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void server.close());
    const address: AddressInfo | string | null = server.address();
    const port = address === null || typeof address === "string" ? 0 : address.port;
    expect((await ask(https(port))).code).toBe("ORIGIN_CONNECT_FAILED");
  });

  it("ORG-13 checks the health of a server over TLS too", async () => {
    const origin = await tlsOrigin(NAMES);
    const checker = checkerFor({ exclusion: 1, cycleSeconds: 0.001 });
    const settings = settingsFor([https(origin.port)], { tls: { verify: true, caFile } }, [], [checker]);
    const { board, events } = openPool(settings);
    await until(() => origin.names.length > 0);
    expect([board.snapshot("www.example.com")[0]?.excluded, events]).toEqual([false, []]);
  });
});
