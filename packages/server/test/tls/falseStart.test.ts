import { afterEach, describe, expect, it } from "vitest";
import {
  acceptTls,
  bindListeningSocket,
  CIPHER_SUITES,
  createTicketKey,
  orderSuites,
  TlsService,
} from "../../src/index.ts";
import { TEST_CERTIFICATE, TEST_KEY } from "../support/certificates.ts";
import { HOST, requestText, TestEdge } from "../support/edge.ts";
import { FalseStartClient } from "../support/falseStartClient.ts";
import { until } from "../support/waiting.ts";

const open: (() => void)[] = [];

afterEach(() => {
  for (const close of open.splice(0)) close();
});

/** An edge that is spoken to over TLS on a port of its own. */
const listen = (edge: TestEdge): number => {
  const listening = bindListeningSocket("127.0.0.1", 0);
  const place: { port?: number } = {};
  listening.getsockname(place);
  const port = place.port ?? 0;
  const service = new TlsService(edge.counters);
  const suites = orderSuites(CIPHER_SUITES, { prefersForwardSecrecy: true, prefersAes: true });
  const namesOf = (isNew: boolean) =>
    suites.filter(({ version }) => (version === "TLSv1.3") === isNew).map(({ name }) => name);
  service.configure({
    listeners: [
      {
        address: undefined,
        port,
        identities: [
          {
            id: "one",
            names: [HOST],
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
            suites: namesOf(false),
            suites13: namesOf(true),
            prefersOwnOrder: true,
            http2: true,
          },
        ],
      },
    ],
    ticketKeys: [createTicketKey()],
    challenges: { pages: [], certificates: [] },
    handshakeTimeoutSeconds: 10,
    maxHandshakes: 100,
  });
  const listener = edge.server.acceptor(port);
  const acceptor = acceptTls(listening, { localPort: port, service, server: edge.server }, listener, listener);
  open.push(() => acceptor.close());
  return port;
};

const HTTPS = { server: '<Https Listen="*:443"><Cert>/c.pem</Cert><Key>/k.pem</Key></Https>' };

const connect = (edge: TestEdge, path: string): FalseStartClient => {
  const client = new FalseStartClient(listen(edge), HOST, requestText(path));
  open.push(() => client.socket.destroy());
  return client;
};

describe("a client that sends its request with its own Finished", () => {
  it("LOG-57 is in the access log though it has read nothing of the server's Finished", async () => {
    const edge = new TestEdge(HTTPS);
    await edge.store("/a", "0123456789");
    edge.logged.length = 0;
    const client = connect(edge, "/a");
    await until(() => edge.logged.length > 0, "the line");
    expect(client.isSent).toBe(true);
    expect(edge.logged).toMatchObject([
      { vhostName: HOST, target: "/a", status: 200, bodyBytesSent: 10, isComplete: true, result: "TCP_HIT" },
    ]);
    expect(edge.defects).toEqual([]);
  });

  it("LOG-57 LOG-56 is in the access log, without bytes, when it leaves before the origin has answered", async () => {
    const edge = new TestEdge(HTTPS);
    const client = connect(edge, "/slow");
    await edge.origin.call();
    expect(client.isSent).toBe(true);
    client.socket.resetAndDestroy();
    await until(() => edge.logged.length > 0, "the line");
    expect(edge.logged).toMatchObject([{ target: "/slow", status: 0, bodyBytesSent: 0, isComplete: false }]);
    expect(edge.defects).toEqual([]);
  });
});
