import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import tls from "node:tls";
import { afterAll, expect } from "vitest";
import { fetchHttps, findFreePort, startAcmeAuthority } from "../../src/index.ts";
import { scenario, useEdge } from "../../src/scenario/index.ts";

const [pagePort, httpsPort, alpnPort] = [await findFreePort(), await findFreePort(), await findFreePort()];
const authority = await startAcmeAuthority({ httpPort: () => pagePort, tlsPort: () => alpnPort });
afterAll(() => authority.close());

const acme = (port: number, attributes: string): string =>
  `<Https Listen="*:${port}"><Acme Directory="${authority.directory}" ${attributes}/></Https>`;

useEdge({
  rootXml: [
    acme(httpsPort, 'Names="www.acme.test, acme.test" Email="ops@acme.test"'),
    acme(alpnPort, 'Names="alpn.test" Challenge="tls-alpn-01" KeyType="rsa"'),
  ].join("\n"),
  workers: 2,
});

const own = { xml: `<Listen>*:${pagePort}</Listen>`, host: "www.acme.test" };

/** Who has signed what a client gets under that name, as clients check it. */
const verifiedName = (port: number, servername: string): Promise<string> =>
  new Promise((resolve) => {
    const socket = tls.connect({ host: "127.0.0.1", port, servername, ca: authority.rootPem }, () => {
      resolve(String(socket.getPeerCertificate().subjectaltname ?? ""));
      socket.destroy();
    });
    socket.on("error", (error) => resolve(error.message));
  });

const named = (port: number, name: string, wanted: string): Promise<void> =>
  expect.poll(() => verifiedName(port, name), { timeout: 60_000 }).toBe(wanted);

scenario("ACME: certificates come by themselves, by a page and by TLS", own, async ({ origin, edge }) => {
  origin.on("/").reply(200, {}, "page");
  await named(httpsPort, "acme.test", "DNS:www.acme.test, DNS:acme.test");
  await named(alpnPort, "alpn.test", "DNS:alpn.test");
  expect(authority.attempts.toSorted()).toEqual([
    "http-01 acme.test",
    "http-01 www.acme.test",
    "tls-alpn-01 alpn.test",
  ]);
  for (let round = 0; round < 4; round++) {
    const answer = await fetchHttps({ port: httpsPort, hostField: edge.host, servername: "www.acme.test" });
    expect([answer.status, answer.text.endsWith("page")]).toEqual([200, true]);
  }
  const folder = join(edge.cluster.home, "acme");
  expect(existsSync(folder) && readdirSync(folder)).toHaveLength(3);
  for (const file of readdirSync(folder)) expect(statSync(join(folder, file)).mode & 0o777).toBe(0o600);
});

scenario("ACME: what is there is used after a restart, and nothing is ordered again", async ({ edge }) => {
  await named(alpnPort, "alpn.test", "DNS:alpn.test");
  const { issued } = authority;
  await edge.cluster.restartEverything();
  await named(httpsPort, "www.acme.test", "DNS:www.acme.test, DNS:acme.test");
  expect(authority.issued).toBe(issued);
});

scenario("ACME: a challenge that nobody has asked for is an ordinary URL", async ({ origin, edge }) => {
  origin.on("/.well-known/acme-challenge/none").reply(404, {}, "not here");
  await edge.get("/.well-known/acme-challenge/none").expect(404, "not here");
});
