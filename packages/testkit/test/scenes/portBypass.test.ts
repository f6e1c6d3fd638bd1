import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer, text } from "node:stream/consumers";
import { createServer as createTlsServer } from "node:tls";
import { afterAll, describe, expect } from "vitest";
import { findFreePort } from "../../src/index.ts";
import { scenario, useEdge } from "../../src/scenario/index.ts";

/** Ports that are relayed as they are, through two workers. */
const folder = mkdtempSync(join(tmpdir(), "basalt-tls-"));
const certificate = join(folder, "certificate.pem");
const key = join(folder, "key.pem");
execFileSync(
  "openssl",
  [
    ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"],
    ...["-subj", "/CN=origin.test", "-addext", "subjectAltName=DNS:origin.test", "-keyout", key, "-out", certificate],
  ],
  { stdio: "ignore" },
);

const listening = async (server: ReturnType<typeof createServer>): Promise<number> => {
  await new Promise<void>((resolve) => server.listen({ port: 0, host: "127.0.0.1" }, resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
};

const secure = createTlsServer(
  { key: readFileSync(key), cert: readFileSync(certificate), allowHalfOpen: true },
  (socket) => {
    socket.on("error", () => {});
    socket.pipe(socket);
  },
);
const tlsPort = await listening(secure);

/** Says how much it was sent when that has ended, and nothing before. */
const counting = createServer({ allowHalfOpen: true }, async (socket) => {
  socket.on("error", () => {});
  socket.end(`${(await buffer(socket)).length} bytes`);
});
const countingPort = await listening(counting);
const deadPort = await findFreePort();

const [port, countPort, failPort, silentPort] = [
  await findFreePort(),
  await findFreePort(),
  await findFreePort(),
  await findFreePort(),
];
useEdge({ workers: 2 });

afterAll(() => {
  secure.close();
  counting.close();
  rmSync(folder, { recursive: true, force: true });
});

const exchange = async (to: number, sent: Buffer): Promise<Buffer> => {
  const socket = connect({ port: to, host: "127.0.0.1", allowHalfOpen: true });
  socket.end(sent);
  return await buffer(socket);
};

describe("BYP-21: a bypassed port", () => {
  scenario(
    "A10 of spec 06, BYP-22, AWS-35: a TLS handshake through it shows the origin's certificate",
    { xml: `<PortBypass Dest="${tlsPort}">${port}</PortBypass>` },
    async ({ edge, origin }) => {
      for (let round = 0; round < 4; round++) {
        const client = spawn(
          "openssl",
          [
            ...["s_client", "-connect", `127.0.0.1:${port}`, "-CAfile", certificate, "-verify_return_error"],
            ...["-servername", "origin.test", "-verify_hostname", "origin.test", "-ign_eof"],
          ],
          { stdio: ["pipe", "pipe", "ignore"] },
        );
        client.stdin.write(`hello ${round}\n`);
        let output = "";
        await new Promise<void>((resolve, reject) => {
          client.once("close", () => reject(new Error(output)));
          client.stdout.on("data", (chunk) => {
            output += String(chunk);
            if (output.includes(`\nhello ${round}\n`)) resolve();
          });
        });
        client.kill();
        expect(output).toContain("CN = origin.test");
        expect(output).toContain("Verify return code: 0 (ok)");
      }
      expect(origin.connections).toBe(0);
      await edge.counted({ port_bypass_connections: 4, port_bypass_connections_open: 0, client_requests: 0 });
    },
  );

  scenario(
    "REG-114: bytes both ways, each direction ending by itself, are counted for its host, with statistics of folders too",
    {
      xml: `<PortBypass Dest="${countingPort}">${countPort}</PortBypass>
        <Stats><DirDepth>2</DirDepth><DirDepthAccum>ON</DirDepthAccum></Stats>`,
    },
    async ({ edge }) => {
      for (const length of [0, 1, 5_000_000]) {
        expect(String(await exchange(countPort, Buffer.alloc(length, "x")))).toBe(`${length} bytes`);
      }
      const metrics = { port_bypass_client_bytes: 5_000_001, port_bypass_origin_bytes: 7 + 7 + 13 };
      await edge.counted({ ...metrics, port_bypass_connections: 3, "port_bypass_ended{by=client}": 3 });
    },
  );

  scenario(
    "a connection for which no origin can be had is closed, and counts for Exclusion",
    {
      xml: `<PortBypass Dest="${deadPort}">${failPort}</PortBypass><OriginOptions><Exclusion>1</Exclusion></OriginOptions>`,
    },
    async ({ edge, origin }) => {
      origin.on("/a").reply(200, {}, "v");
      await expect(exchange(failPort, Buffer.from("x"))).rejects.toThrow("ECONNRESET");
      await edge.counted({ port_bypass_failures: 1, port_bypass_connections: 0 });
      await expect.poll(async () => (await edge.get("/a")).status).not.toBe(200);
    },
  );

  scenario(
    "an idle connection ends after BypassReceiveTimeout",
    {
      xml: `<PortBypass Dest="${countingPort}">${silentPort}</PortBypass><OriginOptions><BypassReceiveTimeout>1</BypassReceiveTimeout></OriginOptions>`,
    },
    async ({ edge }) => {
      const socket = connect({ port: silentPort, host: "127.0.0.1" });
      await expect(text(socket)).rejects.toThrow("ECONNRESET");
      await edge.counted({ "port_bypass_ended{by=idle}": 1 });
    },
  );

  scenario(
    "BYP-23, A10 of spec 06: a port that another host has makes a reload fail, and one that comes or goes is live",
    { ownEdge: { workers: 2 } },
    async ({ edge }) => {
      const { cluster } = edge;
      const [first] = cluster.configuration.vhosts;
      if (first === undefined) throw new Error("no host");
      const bypassed = await findFreePort();
      const xml = `<PortBypass Dest="${countingPort}">${bypassed}</PortBypass>`;
      const other = { name: "other.test", origin: `127.0.0.1:${countingPort}`, xml };
      expect((await cluster.reload({ vhosts: [{ ...first, xml }, other] })).status).not.toBe("OK");
      await expect(exchange(bypassed, Buffer.from("x"))).rejects.toThrow(/ECONNREFUSED|ECONNRESET/);
      expect((await cluster.reload({ vhosts: [first, other] })).status).toBe("OK");
      for (let round = 0; round < 4; round++)
        expect(String(await exchange(bypassed, Buffer.from("x")))).toBe("1 bytes");
      expect((await cluster.reload({ vhosts: [first] })).status).toBe("OK");
      await expect(exchange(bypassed, Buffer.from("x"))).rejects.toThrow(/ECONNREFUSED|ECONNRESET/);
    },
  );
});
