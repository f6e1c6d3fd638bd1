import { execFile, execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import tls from "node:tls";
import { promisify } from "node:util";
import { afterAll, expect } from "vitest";
import {
  type CertificateSpec,
  fetchHttps,
  findFreePort,
  type HttpsAnswer,
  makeCertificate,
  type TestCertificate,
} from "../../src/index.ts";
import { scenario, useEdge } from "../../src/scenario/index.ts";

const folder = mkdtempSync(join(tmpdir(), "basalt-https-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const write = (name: string, made: TestCertificate, keyPem = made.keyPem): void => {
  writeFileSync(join(folder, `${name}.pem`), made.certificatePem);
  writeFileSync(join(folder, `${name}.key`), keyPem);
};

const certificate = (name: string, spec: Partial<CertificateSpec> = {}): TestCertificate => {
  const made = makeCertificate({ names: [name], commonName: name, ...spec });
  write(name, made);
  return made;
};

const entry = (name: string, listen: string, attributes = "", more = ""): string =>
  `<Https Listen="${listen}" ${attributes}><Cert>${folder}/${name}.pem</Cert><Key>${folder}/${name}.key</Key>${more}</Https>`;

const ports: number[] = [];
for (let index = 0; index < 8; index++) ports.push(await findFreePort());
const [exact = 0, other = 0, named = 0, forward = 0, free = 0, weak = 0, broken = 0, paired = 0] = ports;

for (const name of ["first.test", "second.test", "third.test", "a.com", "old.test"]) certificate(name);
certificate("x.b.com", { names: ["*.b.com"] });
certificate("rsa.test", { keyType: "rsa" });
certificate("pair-rsa", { names: ["pair.test"], keyType: "rsa" });
certificate("pair-ec", { names: ["pair.test"] });
write("locked.test", certificate("locked.test"), certificate("locked.test").encryptedKeyPem("secret"));

/** What a responder with the certificate's own key says of it. */
const answerOcsp = (name: string): void => {
  const run = (...words: readonly string[]) =>
    execFileSync("openssl", ["ocsp", ...words], { cwd: folder, stdio: "ignore" });
  run("-issuer", `${name}.pem`, "-cert", `${name}.pem`, "-no_nonce", "-reqout", "request");
  writeFileSync(join(folder, "index.txt"), "");
  const signer = ["-index", "index.txt", "-CA", `${name}.pem`, "-rsigner", `${name}.pem`, "-rkey", `${name}.key`];
  run(...signer, "-reqin", "request", "-ndays", "2", "-respout", `${name}.ocsp`);
};
answerOcsp("a.com");

const entries = [
  entry("first.test", `*:${exact}`),
  entry("second.test", `127.0.0.1:${exact}`),
  entry("third.test", `*:${other}`),
  entry("a.com", `*:${named}`, "", `<OCSP>${folder}/a.com.ocsp</OCSP>`),
  entry("x.b.com", `*:${named}`),
  entry("rsa.test", `*:${forward}`),
  entry("rsa.test", `*:${free}`, 'FS="OFF"'),
  entry("old.test", `*:${weak}`, 'TLS1.0="ON" TLS1.1="ON"'),
  entry("locked.test", `*:${broken}`),
  entry("pair-rsa", `*:${paired}`),
  entry("pair-ec", `*:${paired}`),
];

useEdge({
  rootXml: entries.join("\n"),
  serverXml: "<Listen>127.0.0.1</Listen><Listen>127.0.0.2</Listen>",
  workers: 2,
});

const commonNameAt = async (hostField: string, port: number, change: object = {}): Promise<string> =>
  (await fetchHttps({ port, hostField, ...change })).commonName;

scenario(
  "A1 of spec 07, TLS-09, TLS-26, TLS-27: the certificate of the most exact address",
  async ({ origin, edge }) => {
    origin.on("/").reply(200, {}, "page");
    const { host } = edge;
    expect(await commonNameAt(host, exact)).toBe("second.test");
    expect(await commonNameAt(host, exact, { address: "127.0.0.2" })).toBe("first.test");
    expect(await commonNameAt(host, other, { address: "127.0.0.2" })).toBe("third.test");
    expect(await commonNameAt(host, other)).toBe("third.test");
  },
);

scenario("TLS-32: HTTP and HTTPS share objects", async ({ origin, edge }) => {
  origin.on("/shared").reply(200, { "cache-control": "max-age=100" }, "one");
  await edge.get("/shared").expect(200, "one");
  await edge.stored("/shared");
  const answer = await fetchHttps({ port: other, hostField: edge.host, path: "/shared" });
  expect(answer.status).toBe(200);
  expect(answer.text).toContain("one");
  expect(answer.version).toBe("TLSv1.3");
  expect(origin.saw("/shared")).toBe(1);
});

scenario(
  "A3 of spec 07, TLS-21 to TLS-23, TLS-25: the certificate of the name that is asked for",
  async ({ origin, edge }) => {
    origin.on("/").reply(200, {}, "page");
    const { host } = edge;
    expect(await commonNameAt(host, named, { servername: "x.b.com" })).toBe("x.b.com");
    expect(await commonNameAt(host, named, { servername: "X.B.COM" })).toBe("x.b.com");
    expect(await commonNameAt(host, named, { servername: "a.com" })).toBe("a.com");
    expect(await commonNameAt(host, named, { servername: "unknown.test" })).toBe("a.com");
    expect(await commonNameAt(host, named)).toBe("a.com");
  },
);

const OLD = { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" } as const;

scenario("A4 of spec 07, TLS-17 to TLS-19: old versions only where they are ON", async ({ origin, edge }) => {
  origin.on("/").reply(200, {}, "page");
  const { host: hostField } = edge;
  await expect(fetchHttps({ port: other, hostField, ...OLD })).rejects.toThrow(/version|alert|handshake/i);
  const newer = await fetchHttps({ port: other, hostField, maxVersion: "TLSv1.2" });
  expect([newer.status, newer.version]).toEqual([200, "TLSv1.2"]);
  const old = await fetchHttps({ port: weak, hostField, ...OLD });
  expect([old.status, old.version]).toEqual([200, "TLSv1.1"]);
});

scenario("A5 of spec 07, TLS-15: forward secrecy first, or the order of the client", async ({ origin, edge }) => {
  origin.on("/").reply(200, {}, "page");
  const ask = { hostField: edge.host, maxVersion: "TLSv1.2", ciphers: "AES128-SHA:ECDHE-RSA-AES128-SHA" } as const;
  expect((await fetchHttps({ port: forward, ...ask })).cipher).toBe("ECDHE-RSA-AES128-SHA");
  expect((await fetchHttps({ port: free, ...ask })).cipher).toBe("AES128-SHA");
});

scenario(
  "A9 of spec 07, TLS-06: an entry with an encrypted key is left out, with a line in the log",
  async ({ edge }) => {
    await expect(fetchHttps({ port: broken, hostField: edge.host })).rejects.toThrow();
    expect(await edge.cluster.log()).toMatch(new RegExp(`<Https Listen="\\*:${broken}">.*is left out: .*encrypted`));
  },
);

scenario("certificates for the same names with RSA and ECDSA keys serve side by side", async ({ origin, edge }) => {
  origin.on("/").reply(200, {}, "page");
  const ask = { port: paired, hostField: edge.host, maxVersion: "TLSv1.2" } as const;
  expect((await fetchHttps({ ...ask, ciphers: "ECDHE-RSA-AES128-GCM-SHA256" })).commonName).toBe("pair-rsa");
  expect((await fetchHttps({ ...ask, ciphers: "ECDHE-ECDSA-AES128-GCM-SHA256" })).commonName).toBe("pair-ec");
  expect((await fetchHttps({ port: paired, hostField: edge.host })).commonName).toBe("pair-ec");
  expect((await fetchHttps({ port: paired, hostField: edge.host, sigalgs: "RSA-PSS+SHA256" })).commonName).toBe(
    "pair-rsa",
  );
});

scenario(
  "sessions are resumed with any worker, those that take the places of killed ones too",
  async ({ origin, edge }) => {
    origin.on("/").reply(200, { "cache-control": "max-age=100" }, "page");
    const ask = { port: other, hostField: edge.host, servername: "third.test" };
    let { session } = await fetchHttps(ask);
    const resume = async (): Promise<HttpsAnswer> => {
      const answer = await fetchHttps({ ...ask, ...(session === undefined ? {} : { session }) });
      session = answer.session ?? session;
      return answer;
    };
    for (let round = 0; round < 10; round++) expect((await resume()).isResumed).toBe(true);
    const { cluster } = edge;
    const killed = await cluster.workers();
    for (const pid of killed) cluster.signal(pid, "SIGKILL");
    await cluster.waitUntilServing(({ workers }) => workers.every(({ pid }) => !killed.includes(pid)));
    for (let round = 0; round < 5; round++) expect((await resume()).isResumed).toBe(true);
  },
);

scenario(
  "sessions are resumed behind a full restart, in which the primary is another one",
  async ({ origin, edge }) => {
    origin.on("/").reply(200, { "cache-control": "max-age=100" }, "page");
    const ask = { port: other, hostField: edge.host, servername: "third.test" };
    const { session } = await fetchHttps(ask);
    if (session === undefined) throw new Error("no session");
    const { cluster } = edge;
    const [{ primaryPid }, before] = [await cluster.status(), await cluster.workers()];
    await cluster.control("/control/restart?how=full", { method: "POST" });
    await cluster.waitUntilServing((status) => status.primaryPid !== primaryPid);
    await expect.poll(() => before.filter((pid) => existsSync(`/proc/${pid}`)), { timeout: 60_000 }).toEqual([]);
    for (let round = 0; round < 5; round++) expect((await fetchHttps({ ...ask, session })).isResumed).toBe(true);
  },
);

const runFile = promisify(execFile);

scenario("an OCSP response in a file is stapled for clients that ask, with any version", async ({ edge }) => {
  for (const version of ["-tls1_2", "-tls1_3"]) {
    const words = ["s_client", "-connect", `127.0.0.1:${named}`, "-servername", "a.com", "-status", version];
    const shown = runFile("openssl", words);
    shown.child.stdin?.end();
    expect((await shown).stdout).toContain("OCSP Response Status: successful");
  }
  expect(await edge.cluster.log()).not.toContain("OCSP response");
});

scenario("TLS-12: a processor with AES instructions is told of in the log", async ({ edge }) => {
  const hasThem = /^(?:flags|Features)\s*:.*\baes\b/m.test(readFileSync("/proc/cpuinfo", "latin1"));
  expect((await edge.cluster.log()).includes("AES-NI : ON (SSL/TLS accelerated)")).toBe(hasThem);
});

scenario(
  "A7 of spec 07, TLS-01, TLS-29: the origin is asked in plain HTTP and told of https",
  {
    xml: "<OriginOptions><ModifyHeader>ON</ModifyHeader></OriginOptions>",
    conditions: { "headers.txt": "$URL[*], $ORGREQ[X-Forwarded-Proto: #PROTOCOL], set" },
  },
  async ({ origin, edge }) => {
    origin.on("/told").reply(200, {}, "page");
    await fetchHttps({ port: other, hostField: edge.host, path: "/told" });
    expect(origin.requests.at(-1)?.field("x-forwarded-proto")).toBe("https");
  },
);

scenario(
  "AWS-37, AWS-38, A7 of spec 12: the origin is told of https and of its port",
  {
    xml: "<OriginOptions><XForwardedProto>ON</XForwardedProto><XForwardedPort>ON</XForwardedPort></OriginOptions>",
  },
  async ({ origin, edge }) => {
    origin.on("/port").reply(200, {}, "page");
    await fetchHttps({ port: other, hostField: edge.host, path: "/port" });
    const seen = origin.lastSeen("/port");
    expect(["x-forwarded-for", "x-forwarded-proto", "x-forwarded-port"].map((name) => seen.field(name))).toEqual([
      "127.0.0.1",
      "https",
      String(other),
    ]);
  },
);

scenario(
  "REG-111, A8 of spec 07, BYP-18, TLS-28, TLS-30: POST over HTTPS is bypassed, HSTS is a rule for responses, and only HTTP is redirected",
  {
    xml: "<Options><ModifyHeader>ON</ModifyHeader><AccessControl>ON</AccessControl></Options>",
    conditions: {
      "headers.txt": "$URL[*], $RES[Strict-Transport-Security: max-age=31536000], set",
      "acl.txt": "$PROTOCOL[HTTP], redirect, https://secure.test#URL",
    },
  },
  async ({ origin, edge }) => {
    origin.on("/form").reply(201, {}, "taken");
    const answer = await fetchHttps({ port: other, hostField: edge.host, path: "/form", post: "name=value" });
    expect(answer.status).toBe(201);
    expect(answer.text).toMatch(/^strict-transport-security: max-age=31536000\r$/im);
    expect(origin.requests.at(-1)).toMatchObject({ method: "POST" });
    expect(String(origin.requests.at(-1)?.body)).toBe("name=value");
    const redirected = await edge.get("/form?a=1").expect(302);
    expect(redirected.field("location")).toBe("https://secure.test/form?a=1");
    expect(origin.saw("/form")).toBe(1);
  },
);

scenario(
  "TLS-31, LOG-73, STAT-13, STAT-80: HTTPS in the access log and apart in the statistics",
  {
    host: "facts.test",
    xml: '<Log><Access Local="ON">ON</Access></Log><Stats><ClientLocal>ON</ClientLocal></Stats>',
  },
  async ({ origin, edge }) => {
    origin.on("/facts").reply(200, {}, "page");
    await fetchHttps({ port: other, hostField: edge.host, path: "/facts", maxVersion: "TLSv1.2" });
    const logs = join(edge.cluster.home, "log", edge.host);
    const log = (): string => {
      const names = existsSync(logs) ? readdirSync(logs).filter((name) => name.startsWith("access")) : [];
      return names.map((name) => readFileSync(join(logs, name), "latin1")).join("");
    };
    await expect.poll(log).toMatch(/\/facts .*TLS1\.2/);
    await expect
      .poll(async () =>
        (await edge.cluster.metrics()).sum("basalt_client_tls_handshakes_total", { version: "TLSv1.2" }),
      )
      .toBeGreaterThan(0);
    await edge.counted({ client_requests: 1 });
    const hostOf = async () => {
      const document = JSON.parse((await edge.cluster.api("/monitoring/average.json")).text);
      return document.Host.VirtualHost.find(({ Name }: { Name: string }) => Name === edge.host);
    };
    expect(JSON.stringify((await hostOf()).ClientTraffic.Traffic[0].HttpReqCount)).toMatch(/^(0|\{.*0.*\})$/);
  },
);

scenario(
  "REG-132, A2 of spec 07, TLS-08, AWS-45: certificates that were overwritten are in force after a reload",
  async ({ origin, edge }) => {
    origin.on("/").reply(200, {}, "page");
    const { host: hostField } = edge;
    const running = tls.connect({ port: other, host: "127.0.0.1", rejectUnauthorized: false });
    await new Promise((resolve) => running.once("secureConnect", resolve));
    write("third.test", makeCertificate({ names: ["third.test"], commonName: "renewed.test" }));
    expect((await fetchHttps({ port: other, hostField })).commonName).toBe("third.test");
    await edge.cluster.reload();
    expect((await fetchHttps({ port: other, hostField })).commonName).toBe("renewed.test");
    const answer = new Promise<string>((resolve) => running.once("data", (data) => resolve(data.toString("latin1"))));
    running.write(`GET / HTTP/1.1\r\nHost: ${hostField}\r\n\r\n`);
    expect(await answer).toContain("200 OK");
    running.destroy();
    // OPEN 1: the address would have no certificate any more.
    writeFileSync(join(folder, "third.test.key"), "no key");
    expect((await edge.cluster.reload().catch((error: unknown) => String(error))).toString()).not.toBe("");
    expect((await fetchHttps({ port: other, hostField })).commonName).toBe("renewed.test");
  },
);
