import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import tls from "node:tls";
import { promisify } from "node:util";
import { afterAll, expect } from "vitest";
import { findFreePort, makeCertificate, makeOcspAnswer, startOcspResponder } from "../../src/index.ts";
import { scenario, useEdge } from "../../src/scenario/index.ts";

const folder = mkdtempSync(join(tmpdir(), "basalt-ocsp-scene-"));
const root = makeCertificate({ names: [], commonName: "test root", isAuthority: true });
const between = makeCertificate({ names: [], commonName: "test authority", issuer: root, isAuthority: true });
const responder = await startOcspResponder(Buffer.alloc(0));
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await responder.close();
});

const leaf = makeCertificate({ names: ["ocsp.test"], issuer: between, ocspResponder: responder.url });
const refused = makeCertificate({ names: ["refused.test"], issuer: between, ocspResponder: responder.url });
const answer = (): Buffer => makeOcspAnswer({ issuer: between, serialNumber: leaf.serialNumber });
let current = answer();
responder.reply = current;

writeFileSync(join(folder, "root.pem"), root.certificatePem);
writeFileSync(join(folder, "between.pem"), between.certificatePem);
for (const [name, made] of Object.entries({ leaf, refused })) {
  writeFileSync(join(folder, `${name}.pem`), made.certificatePem);
  writeFileSync(join(folder, `${name}.key`), made.keyPem);
}
const [port, refusedPort] = [await findFreePort(), await findFreePort()];
const entry = (name: string, listen: number, attributes = ""): string =>
  `<Https Listen="*:${listen}" ${attributes}><Cert>${folder}/${name}.pem</Cert><Key>${folder}/${name}.key</Key><CA>${folder}/between.pem</CA></Https>`;

useEdge({
  rootXml: [entry("leaf", port, 'OCSPAllow="127.0.0.1"'), entry("refused", refusedPort)].join("\n"),
  workers: 2,
});

/** The response that a client gets who knows the root alone; undefined without one. */
const stapledAt = (place: number, servername: string): Promise<Buffer | undefined> =>
  new Promise((resolve, reject) => {
    let stapled: Buffer | undefined;
    const ca = root.certificatePem;
    const socket = tls.connect({ host: "127.0.0.1", port: place, servername, ca, requestOCSP: true }, () => {
      resolve(stapled);
      socket.destroy();
    });
    socket.on("OCSPResponse", (response: Buffer | null) => {
      stapled = response === null || response.length === 0 ? undefined : response;
    });
    socket.on("error", reject);
  });

/** Connections go to either worker. */
const stapledByAll = async (wanted: Buffer): Promise<boolean> => {
  const responses = await Promise.all(Array.from({ length: 12 }, () => stapledAt(port, "ocsp.test")));
  return responses.every((response) => response?.equals(wanted) === true);
};

const awaitStapling = (wanted: Buffer): Promise<void> =>
  expect.poll(() => stapledByAll(wanted), { timeout: 60_000, interval: 100 }).toBe(true);

const runFile = promisify(execFile);

scenario(
  "TLS-07: the chain goes out, and with it an OCSP response that the edge has fetched, from every worker",
  async ({ edge }) => {
    await awaitStapling(current);
    const words = ["s_client", "-connect", `127.0.0.1:${port}`, "-servername", "ocsp.test", "-status"];
    const shown = runFile("openssl", [...words, "-CAfile", join(folder, "root.pem"), "-verify_return_error"]);
    shown.child.stdin?.end();
    const { stdout } = await shown;
    expect(stdout).toContain("OCSP Response Status: successful");
    expect(stdout).toContain("Cert Status: good");
    expect(stdout).toMatch(/0 s:CN\s?=\s?ocsp\.test.*1 s:CN\s?=\s?test authority/s);
    expect(stdout).toContain("Verify return code: 0 (ok)");
    const kept = readdirSync(join(edge.cluster.home, "ocsp"));
    expect(kept).toHaveLength(1);
    expect(statSync(join(edge.cluster.home, "ocsp", kept[0] ?? "")).mode & 0o777).toBe(0o600);
  },
);

scenario("a responder at a private address is not asked unless it is allowed", async ({ edge }) => {
  await expect
    .poll(() => edge.cluster.log(), { timeout: 60_000 })
    .toContain("its address 127.0.0.1 is no public one, and OCSPAllow does not name it; none goes out meanwhile");
  expect(await stapledAt(refusedPort, "refused.test")).toBeUndefined();
});

scenario("a response is there after a restart though the responder is not", async ({ edge }) => {
  await awaitStapling(current);
  const asked = responder.requests.length;
  responder.reply = (response) => response.destroy();
  await edge.cluster.restartEverything();
  await awaitStapling(current);
  expect(responder.requests.length).toBe(asked);
});

scenario("a renewed response takes the place of the one before in all workers without a reload", async ({ clock }) => {
  await awaitStapling(current);
  const before = current;
  current = makeOcspAnswer({
    issuer: between,
    serialNumber: leaf.serialNumber,
    nextUpdate: new Date(Date.now() + 60 * 86_400_000),
  });
  responder.reply = current;
  expect(current.equals(before)).toBe(false);
  await clock.advance(5 * 86_400);
  await awaitStapling(current);
});
