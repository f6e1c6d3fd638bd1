import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseConfig } from "@basalt/config";
import { afterAll, describe, expect, it } from "vitest";
import { type LoadedTls, loadTls, lossOf } from "../src/tlsPlanning.ts";
import { type CertificateFiles, writeCertificate, writeOcspResponse } from "./support/certificates.ts";

const folder = mkdtempSync(join(tmpdir(), "basalt-tls-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const make = (name: string, made: Partial<CertificateFiles> = {}): void =>
  writeCertificate(folder, name, { names: [name], ...made });

for (const name of ["a.test", "b.test", "c.test"]) make(name);
make("a-rsa", { names: ["a.test"], keyType: "rsa" });
make("old.test", { days: -1 });
make("locked", { passphrase: "secret" });

writeOcspResponse(folder, "a.test", 3);
const DAY_MS = 86_400_000;

const entry = (name: string, attributes = "", key = name): string =>
  `<Https ${attributes}><Cert>${folder}/${name}.pem</Cert><Key>${folder}/${key}.key</Key></Https>`;

const load = async (entries: readonly string[], cache = "", nowMs = Date.now()): Promise<LoadedTls> => {
  const server = `<Server><Cache>${cache}</Cache>${entries.join("")}</Server>`;
  const sources = new Map([
    ["server.xml", server],
    ["vhosts.xml", "<Vhosts/>"],
  ]);
  const outcome = parseConfig(sources, { home: folder, generation: 1, cores: 1, hostName: "edge" });
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.problems));
  const nic = { address: "10.0.0.7", netmask: "", family: "IPv4", mac: "", internal: false, cidr: null } as const;
  return loadTls(outcome.config, nowMs, { eth0: [nic] });
};

const namesAt = ({ listeners }: LoadedTls): Record<string, readonly string[]> =>
  Object.fromEntries(
    listeners.map(({ address, port, identities }) => [
      `${address ?? "*"}:${port}`,
      identities.map(
        ({ names, certificates }) => `${names.join()} ${certificates.map(({ keyType }) => keyType).join()}`,
      ),
    ]),
  );

describe("what <Https> entries come to", () => {
  it("REG-134 TLS-04 TLS-05 TLS-09 OPEN 7: an address of its own beats an interface, and * is for the rest", async () => {
    const loaded = await load([
      entry("a.test"),
      entry("b.test", 'Listen="eth0"'),
      entry("c.test", 'Listen="10.0.0.7:443"'),
      entry("c.test", 'Listen="eth0:444"'),
    ]);
    expect(namesAt(loaded)).toEqual({
      "*:443": ["a.test ec"],
      "10.0.0.7:443": ["c.test ec"],
      "10.0.0.7:444": ["c.test ec"],
    });
    expect(loaded.places).toContainEqual({ address: "0.0.0.0", port: 443 });
    expect(loaded.places).toContainEqual({ address: "10.0.0.7", port: 444 });
  });

  it("TLS-21: several entries share an address, those for the same names by the types of their keys", async () => {
    const entries = [entry("a.test"), entry("b.test"), entry("a-rsa"), entry("a.test")];
    const loaded = await load(entries);
    expect(namesAt(loaded)).toEqual({ "*:443": ["a.test ec,rsa", "b.test ec"] });
    expect(loaded.notes).toHaveLength(1);
  });

  it("TLS-24: with <HttpsSNI> OFF the first entry of an address counts", async () => {
    const loaded = await load([entry("a.test"), entry("b.test")], "<HttpsSNI>OFF</HttpsSNI>");
    expect(namesAt(loaded)).toEqual({ "*:443": ["a.test ec"] });
    expect(loaded.notes[0]).toMatch(/b\.test.*has no effect/);
  });

  it.each([
    ["", "it names no certificate"],
    [entry("missing"), "cannot be read"],
    [entry("a.test", "", "b.test"), "is not that of the certificate"],
    [entry("locked"), "is encrypted"],
    [entry("a.test", 'CipherSuite="NOSUCH"'), "the cipher suites NOSUCH"],
    [entry("a.test", 'TLS1.2="OFF" TLS1.3="OFF"'), "no version of TLS is ON"],
    [entry("a.test", 'Listen="wlan9"'), "there is no interface wlan9"],
  ])("REG-130 OPEN 1 TLS-06 TLS-10: %s is left out, the others serve", async (bad, reason) => {
    const written = bad === "" ? "<Https Listen=''><Cert></Cert><Key/></Https>" : bad;
    const loaded = await load([written, entry("b.test", 'Listen="*:444"')]);
    expect(namesAt(loaded)).toEqual({ "*:444": ["b.test ec"] });
    expect(loaded.notes.join()).toContain(reason);
  });

  it("OPEN 1: only an address that is served must not be lost", async () => {
    const served = await load([entry("a.test")]);
    const broken = await load([entry("missing"), entry("missing", 'Listen="*:444"')]);
    expect(lossOf(served, broken)).toMatch(/\*:443.*cannot be read/);
    expect(lossOf(broken, broken)).toBeUndefined();
    expect(lossOf(served, await load([]))).toBeUndefined();
    expect(lossOf(served, await load([entry("missing"), entry("b.test")]))).toBeUndefined();
  });

  it("an expired certificate serves, with a warning", async () => {
    const loaded = await load([entry("old.test")]);
    expect(loaded.listeners).toHaveLength(1);
    expect(loaded.notes[0]).toMatch(/has expired on/);
  });

  describe("a file with an OCSP response", () => {
    const stapled = (file: string): string =>
      entry("a.test").replace("</Https>", `<OCSP>${folder}/${file}</OCSP></Https>`);

    it("is stapled until its next update", async () => {
      const loaded = await load([stapled("a.test.ocsp")]);
      const [certificate] = loaded.listeners[0]?.identities[0]?.certificates ?? [];
      expect(certificate?.ocspResponse).toEqual(readFileSync(join(folder, "a.test.ocsp")));
      expect(Math.abs((certificate?.ocspValidToMs ?? 0) - Date.now() - 3 * DAY_MS)).toBeLessThan(DAY_MS / 2);
      expect(loaded.notes).toEqual([]);
    });

    it.each([
      ["a.test.ocsp", 4 * DAY_MS, "is out of date and not sent"],
      ["a.test.pem", 0, "cannot be used: it"],
      ["cut.ocsp", 0, "cannot be used: it ends early"],
      ["missing.ocsp", 0, "cannot be used: ENOENT"],
    ])("%s costs the stapling alone where it is of no use (%d ms on)", async (file, laterMs, reason) => {
      writeFileSync(join(folder, "cut.ocsp"), readFileSync(join(folder, "a.test.ocsp")).subarray(0, 100));
      const loaded = await load([stapled(file)], "", Date.now() + laterMs);
      expect(loaded.listeners[0]?.identities[0]?.certificates[0]?.ocspResponse).toBeUndefined();
      expect(loaded.notes.join()).toContain(reason);
    });
  });

  it("an OCSP response is to be fetched unless a file has one or OCSPFetch is OFF", async () => {
    const file = entry("b.test", 'Listen="*:444"').replace("</Https>", `<OCSP>${folder}/a.test.ocsp</OCSP></Https>`);
    const loaded = await load([
      entry("a.test", 'OCSPAllow="10.0.0.0/8, ocsp.test"'),
      file,
      entry("c.test", 'Listen="*:445" OCSPFetch="OFF"'),
      entry("missing", 'Listen="*:446"'),
    ]);
    expect(loaded.stapled).toEqual([
      { certificatePem: readFileSync(join(folder, "a.test.pem"), "utf8"), allow: ["10.0.0.0/8", "ocsp.test"] },
    ]);
  });

  it("TLS-17 to TLS-20: only what is safe is ON by default; SSL 3.0 is only noted", async () => {
    const [standard] = (await load([entry("a.test")])).listeners;
    expect(standard?.identities[0]?.versions).toEqual(["TLSv1.2", "TLSv1.3"]);
    const wide = await load([entry("a.test", 'TLS1.0="ON" TLS1.1="ON" SSL3.0="ON" TLS1.3="OFF"')]);
    expect(wide.listeners[0]?.identities[0]?.versions).toEqual(["TLSv1", "TLSv1.1", "TLSv1.2"]);
    expect(wide.notes.join()).toContain("SSL 3.0 is not spoken");
  });

  it("TLS-14 OPEN 4: FS orders what CipherSuite allows", async () => {
    const suites = 'CipherSuite="AES128-SHA:ECDHE-RSA-AES128-SHA"';
    const [ordered] = (await load([entry("a-rsa", suites)])).listeners;
    expect(ordered?.identities[0]).toMatchObject({
      suites: ["ECDHE-RSA-AES128-SHA", "AES128-SHA"],
      prefersOwnOrder: true,
    });
    const [free] = (await load([entry("a-rsa", `${suites} FS="OFF"`)])).listeners;
    expect(free?.identities[0]).toMatchObject({ prefersOwnOrder: false });
  });
});
