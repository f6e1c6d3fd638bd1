import { once } from "node:events";
import tls from "node:tls";
import { CounterBlock } from "@basalt/telemetry";
import { AdjustableClock } from "@basalt/types";
import { afterEach, describe, expect, it } from "vitest";
import { acceptTls, bindListeningSocket, createTicketKey, TlsService } from "../../src/index.ts";
import { TEST_CERTIFICATE, TEST_KEY } from "../support/certificates.ts";

const open: (() => void)[] = [];

afterEach(() => {
  for (const close of open.splice(0)) close();
});

const listen = () => {
  const listening = bindListeningSocket("127.0.0.1", 0);
  const place: { port?: number } = {};
  listening.getsockname(place);
  const port = place.port ?? 0;
  const service = new TlsService(new CounterBlock());
  service.configure({
    listeners: [{ address: undefined, port, identities: [] }],
    ticketKeys: [createTicketKey()],
    challenges: {
      pages: [],
      certificates: [{ name: "a.test", certificatePem: TEST_CERTIFICATE, keyPem: TEST_KEY }],
    },
    handshakeTimeoutSeconds: 10,
    maxHandshakes: 100,
  });
  const watched = new Set<unknown>();
  const defects: unknown[] = [];
  const acceptor = acceptTls(
    listening,
    {
      localPort: port,
      service,
      server: {
        parts: { clock: new AdjustableClock(), onDefect: (error) => defects.push(error) },
        admits: () => true,
        enlist: (connection) => watched.add(connection),
        replaced: (connection) => watched.delete(connection),
        forget: (connection) => watched.delete(connection),
      },
    },
    () => defects.push("accepted"),
    () => defects.push("accepted as HTTP/2"),
  );
  open.push(() => acceptor.close());
  return { port, watched, defects };
};

describe("the handshake of a challenge", () => {
  it.each(["TLSv1.2", "TLSv1.3"] as const)("RFC 8737 3: is whole for the authority over %s", async (version) => {
    const { port, watched, defects } = listen();
    const client = tls.connect({
      port,
      host: "127.0.0.1",
      servername: "a.test",
      ALPNProtocols: ["acme-tls/1"],
      minVersion: version,
      maxVersion: version,
      rejectUnauthorized: false,
    });
    open.push(() => client.destroy());
    await once(client, "secureConnect");
    expect(client.alpnProtocol).toBe("acme-tls/1");
    client.on("error", () => {});
    await once(client, "close");
    expect(watched.size).toBe(0);
    expect(defects).toEqual([]);
  });
});
