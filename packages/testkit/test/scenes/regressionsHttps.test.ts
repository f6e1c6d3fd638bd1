import { constants, publicEncrypt, randomBytes, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import tls from "node:tls";
import { afterAll, expect } from "vitest";
import { fetchHttps, findFreePort, makeCertificate } from "../../src/index.ts";
import { type SceneEdge, scenario, useEdge } from "../../src/scenario/index.ts";
import { RECORD, Records, recordOf, relayTo } from "./support/recordRelay.ts";

/** Section E of spec 22: what the wire of TLS may bring, at a whole edge with two workers. */
const folder = mkdtempSync(join(tmpdir(), "basalt-tls-wire-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const rsa = makeCertificate({ names: ["rsa.test"], keyType: "rsa" });
writeFileSync(join(folder, "rsa.pem"), rsa.certificatePem);
writeFileSync(join(folder, "rsa.key"), rsa.keyPem);

const [port, forward, local] = [await findFreePort(), await findFreePort(), await findFreePort()];
const entry = (attributes: string): string =>
  `<Https ${attributes}><Cert>${folder}/rsa.pem</Cert><Key>${folder}/rsa.key</Key></Https>`;
const ECDHE_ONLY = "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384";

useEdge({
  rootXml: [
    entry(`Listen="*:${port}"`),
    entry(`Listen="*:${forward}" CipherSuite="${ECDHE_ONLY}"`),
    entry(`Listen="lo:${local}"`),
  ].join("\n"),
  workers: 2,
});

const expectServing = async (edge: SceneEdge): Promise<void> => {
  expect((await fetchHttps({ port, hostField: edge.host, path: "/alive" })).status).toBe(200);
};

scenario("REG-120 REG-121: a connection costs one handshake, however many requests it brings", async (scene) => {
  const { origin, edge } = scene;
  origin.on(() => true).reply(200, {}, "page");
  await edge.get("/a").expect(200);
  const request = `GET /a HTTP/1.1\r\nHost: ${edge.host}\r\n\r\n`;
  const ask = async (): Promise<void> => {
    const socket = tls.connect({ port, host: "127.0.0.1", rejectUnauthorized: false });
    await once(socket, "secureConnect");
    let text = "";
    socket.on("data", (bytes) => {
      text += bytes.toString("latin1");
    });
    for (let count = 1; count <= 30; count++) {
      socket.write(request);
      await expect.poll(() => text.split("\r\n\r\npage").length - 1, { interval: 1 }).toBe(count);
    }
    socket.destroy();
  };
  await Promise.all([ask(), ask(), ask(), ask()]);
  // No other scene has spoken TLS before this one.
  await edge.cluster.counted({ client_tls_handshakes: 4 });
});

scenario("REG-125: records that come one by one get one ChangeCipherSpec from the server", async ({ origin, edge }) => {
  origin.on(() => true).reply(200, {}, "page");
  const relay = await relayTo(port);
  const answer = await fetchHttps({ port: relay.port, hostField: edge.host, maxVersion: "TLSv1.2" });
  relay.close();
  expect([answer.status, answer.version]).toEqual([200, "TLSv1.2"]);
  expect(relay.fromServer.types().filter((type) => type === RECORD.changeCipherSpec)).toHaveLength(1);
});

scenario("REG-126: the version of the message counts, not that of its record", async ({ origin, edge }) => {
  origin.on(() => true).reply(200, {}, "page");
  for (const minor of [0, 1, 2, 3]) {
    const relay = await relayTo(port, {
      toServer: (record, index) => (index === 0 ? recordOf(RECORD.handshake, record.subarray(5), minor) : record),
    });
    for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
      const answer = await fetchHttps({ port: relay.port, hostField: edge.host, maxVersion }).catch(String);
      expect([minor, answer]).toMatchObject([minor, { status: 200, version: maxVersion }]);
    }
    relay.close();
  }
});

scenario(
  "REG-110 REG-111: GET and POST over HTTPS are bypassed, with their bodies",
  { conditions: { "bypass.txt": "/live, bypass" } },
  async ({ origin, edge }) => {
    origin.on("/live").reply((request) => ({ status: 200, body: `${request.method} ${request.bodyBytes}` }));
    const post = "p".repeat(300_000);
    for (let round = 1; round <= 3; round++) {
      const got = await fetchHttps({ port, hostField: edge.host, path: "/live" });
      const posted = await fetchHttps({ port, hostField: edge.host, path: "/live", post });
      expect([got.text.endsWith("GET 0"), posted.text.endsWith("POST 300000")]).toEqual([true, true]);
      expect(origin.saw("/live")).toBe(2 * round);
    }
  },
);

scenario("REG-122: a browser's offer meets a choice of ECDHE suites alone", async ({ origin, edge }) => {
  origin.on(() => true).reply(200, {}, "page");
  const ciphers = [
    ...["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"],
    ...["ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305"],
    ...[
      "ECDHE-RSA-AES128-SHA",
      "ECDHE-RSA-AES256-SHA",
      "AES128-GCM-SHA256",
      "AES256-GCM-SHA384",
      "AES128-SHA",
      "AES256-SHA",
    ],
  ].join(":");
  const browser = { ciphers, ecdhCurve: "X25519:P-256:P-384", ALPNProtocols: ["http/1.1"], servername: "rsa.test" };
  const twelve = await fetchHttps({ port: forward, hostField: edge.host, ...browser, maxVersion: "TLSv1.2" });
  expect([twelve.status, twelve.version, twelve.cipher]).toEqual([200, "TLSv1.2", "ECDHE-RSA-AES128-GCM-SHA256"]);
  expect((await fetchHttps({ port: forward, hostField: edge.host, ...browser })).status).toBe(200);
  const old = { maxVersion: "TLSv1.2", ciphers: "AES128-GCM-SHA256" } as const;
  await expect(fetchHttps({ port: forward, hostField: edge.host, ...old })).rejects.toThrow();
});

scenario("REG-134: an interface's name stands for its addresses", async ({ origin, edge }) => {
  origin.on(() => true).reply(200, {}, "page");
  expect((await fetchHttps({ port: local, hostField: edge.host })).commonName).toBe("rsa.test");
});

/** Everything that the edge says to these bytes until it ends the connection. */
const talk = async (pieces: readonly Buffer[]): Promise<Records> => {
  const socket = net.connect({ port, host: "127.0.0.1", noDelay: true });
  const records = new Records();
  socket.on("error", () => {});
  socket.on("data", (bytes) => records.add(bytes));
  // `once` of node:events would reject where the edge has closed before all is written.
  const over = new Promise((resolve) => socket.once("close", resolve));
  for (const piece of pieces) {
    socket.write(piece);
    await turn();
  }
  socket.end();
  await over;
  return records;
};

scenario(
  "REG-123 REG-124: encrypted records before a handshake, and packets that are none",
  async ({ origin, edge }) => {
    origin.on(() => true).reply(200, {}, "page");
    const workers = await edge.cluster.workers();
    const data = recordOf(RECORD.data, randomBytes(64));
    const attacks = [
      [data],
      [data, data, data],
      [recordOf(RECORD.changeCipherSpec, Buffer.from([1]))],
      [recordOf(RECORD.handshake, Buffer.from([20, 0, 0, 12, ...randomBytes(12)]))],
      [recordOf(RECORD.handshake, Buffer.from([16, 0, 0, 2, 0, 0])), data],
      [recordOf(RECORD.alert, Buffer.from([1, 0])), data],
      [recordOf(RECORD.handshake, Buffer.alloc(0))],
      [recordOf(24, Buffer.from([1, 0xff, 0xff]))],
      ...Array.from({ length: 40 }, (_, index) => [randomBytes(1 + index * 13)]),
      ...Array.from({ length: 40 }, (_, index) => [recordOf(20 + (index % 6), randomBytes(index * 7))]),
    ];
    const outcomes = await Promise.all(attacks.map(talk));
    for (const records of outcomes) expect(records.types()).not.toContain(RECORD.data);
    for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
      for (const at of [0, 1]) {
        const relay = await relayTo(port, {
          toServer: (record, index) => (index === at ? Buffer.concat([record, data]) : record),
        });
        await expect(fetchHttps({ port: relay.port, hostField: edge.host, maxVersion })).rejects.toThrow();
        relay.close();
      }
    }
    await expectServing(edge);
    expect(await edge.cluster.workers()).toEqual(workers);
  },
);

const uint16 = (value: number): Buffer => Buffer.from([value >> 8, value & 0xff]);

/** Signatures by RSA with SHA-256. */
const SIGNATURES = Buffer.from([0, 8, 0, 0x0d, 0, 4, 0, 2, 4, 1]);

const clientHello = (version: number, suites: readonly number[], extensions = Buffer.alloc(0)): Buffer => {
  const body = Buffer.concat([
    ...[uint16(version), randomBytes(32), Buffer.from([0])],
    ...[uint16(suites.length * 2), ...suites.map(uint16), Buffer.from([1, 0]), extensions],
  ]);
  const message = Buffer.concat([Buffer.from([1, 0]), uint16(body.length), body]);
  return recordOf(RECORD.handshake, message, version & 0xff);
};

scenario("REG-131: SSL 3.0 is not spoken, and who asks for it is refused", async ({ origin, edge }) => {
  origin.on(() => true).reply(200, {}, "page");
  const records = await talk([clientHello(0x0300, [0x000a, 0x0005, 0x0004])]);
  expect(records.types()).not.toContain(RECORD.handshake);
  await expectServing(edge);
});

scenario("REG-133: what is wrong with an RSA key exchange cannot be told from the answer", async ({ origin, edge }) => {
  origin.on(() => true).reply(200, {}, "page");
  const { publicKey } = new X509Certificate(rsa.certificatePem);
  const secret = Buffer.concat([uint16(0x0303), randomBytes(46)]);
  const nonZero = Buffer.alloc(256, 0xa5);
  const padded = (secretBytes: Buffer): Buffer =>
    Buffer.concat([
      Buffer.from([0, 2]),
      nonZero.subarray(0, 256 - 3 - secretBytes.length),
      Buffer.from([0]),
      secretBytes,
    ]);
  const blocks = {
    sound: padded(secret),
    "another version": padded(Buffer.concat([uint16(0x0202), secret.subarray(2)])),
    "a wrong start": Buffer.concat([Buffer.from([0x41, 0x17]), padded(secret).subarray(2)]),
    "no end of the padding": Buffer.concat([Buffer.from([0, 2]), nonZero.subarray(0, 254)]),
    "an early end of the padding": Buffer.concat([Buffer.from([0, 2, 0]), nonZero.subarray(0, 253)]),
    "a short secret": padded(secret.subarray(0, 40)),
    "a long secret": padded(Buffer.concat([secret, secret])),
  };
  const answerTo = async (block: Buffer): Promise<string> => {
    const socket = net.connect({ port, host: "127.0.0.1", noDelay: true });
    const records = new Records();
    socket.on("error", () => {});
    socket.on("data", (bytes) => records.add(bytes));
    const over = once(socket, "close");
    socket.write(clientHello(0x0303, [0x009c], SIGNATURES));
    // ServerHelloDone is the last message of the server's flight.
    await expect
      .poll(() => records.all.some((record) => record.subarray(-4).equals(Buffer.from([14, 0, 0, 0]))))
      .toBe(true);
    const flight = records.all.length;
    const encrypted = publicEncrypt({ key: publicKey, padding: constants.RSA_NO_PADDING }, block);
    const exchange = Buffer.concat([Buffer.from([16, 0]), uint16(2 + 256), uint16(256), encrypted]);
    socket.write(
      Buffer.concat([
        recordOf(RECORD.handshake, exchange),
        recordOf(RECORD.changeCipherSpec, Buffer.from([1])),
        recordOf(RECORD.handshake, Buffer.alloc(40, 7)),
      ]),
    );
    await over;
    return records.all
      .slice(flight)
      .map((record) => record.toString("hex"))
      .join();
  };
  const answers: Record<string, string> = {};
  for (const [what, block] of Object.entries(blocks)) answers[what] = await answerTo(block);
  const { sound } = answers;
  expect(sound).toMatch(/^15/);
  expect(answers).toEqual(Object.fromEntries(Object.keys(blocks).map((what) => [what, sound])));
  await expectServing(edge);
});

scenario("REG-127: a hundred handshakes, finished, resumed and broken off", async ({ origin, edge }) => {
  origin.on(() => true).reply(200, {}, "page");
  const workers = await edge.cluster.workers();
  const { session } = await fetchHttps({ port, hostField: edge.host, maxVersion: "TLSv1.2" });
  const play = async (index: number): Promise<void> => {
    if (index % 3 === 0) {
      const socket = tls.connect({ port, host: "127.0.0.1", rejectUnauthorized: false });
      socket.on("error", () => {});
      const over = once(socket, "close");
      if (index % 2 === 0) socket.once("connect", () => setImmediate(() => socket.destroy()));
      else socket.once("secureConnect", () => socket.destroy());
      await over;
      return;
    }
    const maxVersion = index % 2 === 0 ? "TLSv1.2" : "TLSv1.3";
    const resuming = index % 4 === 0 && session !== undefined ? { session } : {};
    expect((await fetchHttps({ port, hostField: edge.host, maxVersion, ...resuming })).status).toBe(200);
  };
  for (let first = 0; first < 102; first += 34) {
    await Promise.all(Array.from({ length: 34 }, (_, index) => play(first + index)));
  }
  expect(await edge.cluster.workers()).toEqual(workers);
});

scenario(
  "REG-128: what a lost connection had begun is no part of the session that is resumed",
  async ({ origin, edge }) => {
    origin.on(() => true).reply((request) => ({ status: 200, body: request.target }));
    for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
      const { session } = await fetchHttps({ port, hostField: edge.host, path: "/first", maxVersion });
      if (session === undefined) throw new Error("no session");
      const lost = tls.connect({ port, host: "127.0.0.1", rejectUnauthorized: false, session, maxVersion });
      lost.on("error", () => {});
      await once(lost, "secureConnect");
      lost.write(
        `POST /lost HTTP/1.1\r\nHost: ${edge.host}\r\nContent-Length: 100\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: `,
      );
      await turn();
      lost.destroy();
      const answer = await fetchHttps({ port, hostField: edge.host, path: "/current", maxVersion, session });
      expect([answer.isResumed, answer.status, answer.text.endsWith("/current")]).toEqual([true, 200, true]);
    }
    expect(origin.saw("/smuggled")).toBe(0);
    expect(origin.saw("/current")).toBe(1);
  },
);

scenario(
  "REG-129: a client that asked and left before it read anything is in the access log",
  { xml: '<Log><Access Local="ON">ON</Access></Log>' },
  async ({ origin, edge }) => {
    origin.on(() => true).reply(200, {}, "page");
    let hasFinished = false;
    let withheld = 0;
    const relay = await relayTo(port, {
      toServer: (record, index) => {
        hasFinished ||= index > 0;
        return record;
      },
      toClient: (record) => {
        if (!hasFinished) return record;
        withheld += 1;
        return undefined;
      },
    });
    const client = tls.connect({
      port: relay.port,
      host: "127.0.0.1",
      rejectUnauthorized: false,
      minVersion: "TLSv1.3",
    });
    client.on("error", () => {});
    await once(client, "secureConnect");
    client.write(`GET /left HTTP/1.1\r\nHost: ${edge.host}\r\n\r\n`);
    await expect.poll(() => withheld).toBeGreaterThan(0);
    await origin.sawAtLeast("/left", 1);
    client.destroy();
    relay.close();
    const log = join(edge.cluster.home, "log", edge.host);
    const lines = (): string =>
      readdirSync(log)
        .filter((name) => name.startsWith("access_"))
        .map((name) => readFileSync(join(log, name), "latin1"))
        .join("");
    await expect.poll(lines).toContain(" GET /left ");
  },
);
