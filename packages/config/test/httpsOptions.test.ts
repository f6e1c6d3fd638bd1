import { describe, expect, it } from "vitest";
import { formatHttpsListen, parseHttpsListen } from "../src/options/httpsOptions.ts";
import { load, vhost } from "./support.ts";

describe("<Https Listen>", () => {
  it.each([
    ["*:886", "any", "", 886],
    ["*", "any", "", 443],
    ["1.1.1.1:443", "address", "1.1.1.1", 443],
    ["1.1.1.1", "address", "1.1.1.1", 443],
    ["[2001:db8::1]:8443", "address", "2001:db8::1", 8443],
    ["2001:db8::1", "address", "2001:db8::1", 443],
    ["[2001:DB8:0::1]:443", "address", "2001:db8::1", 443],
    ["[::ffff:1.2.3.4]:443", "address", "1.2.3.4", 443],
    ["0.0.0.0:886", "any", "", 886],
    ["[::]:443", "address", "::", 443],
    ["eth0", "interface", "eth0", 443],
    ["eth0.5", "interface", "eth0.5", 443],
    ["bond0:444", "interface", "bond0", 444],
  ])("TLS-04 reads %s", (text, kind, name, port) => {
    const listen = parseHttpsListen(text);
    expect(listen).toEqual({ kind, name, port });
    if (listen !== undefined) expect(parseHttpsListen(formatHttpsListen(listen))).toEqual(listen);
  });

  it.each(["", "a b", "1.1.1.1:0", "1.1.1.1:65536", "[1.1.1.1]:1", ":443", "much-too-long-a-name", "1.1.1.1:x"])(
    "TLS-10 refuses %j",
    (text) => {
      expect(parseHttpsListen(text)).toBeUndefined();
    },
  );
});

describe("empty values", () => {
  it.each([
    ["<Https/>", true],
    ["<Https></Https>", true],
    ['<Https Listen="" CipherSuite=""><Cert></Cert><Key></Key></Https>', true],
    ["<Https><Cert/><Key/><CA/></Https>", true],
    ["<Https><Cert> </Cert><Key>\n</Key></Https>", true],
    ['<Https FS=""><Cert>/a.pem</Cert><Key>/a.key</Key></Https>', false],
    ['<Https TLS1.2=""><Cert>/a.pem</Cert><Key>/a.key</Key></Https>', false],
  ])("REG-130 %s is read or refused with its place", (https, isRead) => {
    const outcome = load({ "server.xml": `<Server>${https}</Server>`, "vhosts.xml": `<Vhosts>${vhost("")}</Vhosts>` });
    expect(outcome.ok).toBe(isRead);
    const problems = outcome.ok ? [] : outcome.problems;
    for (const problem of problems) expect(problem).toMatchObject({ file: "server.xml", line: 1 });
    if (!isRead) expect(problems.length).toBeGreaterThan(0);
  });
});

describe("a port of its own for HTTPS", () => {
  const isAccepted = (listen: string, host: string, cache = "", manager = ""): boolean =>
    load({
      "server.xml": `<Server><Host><Manager Port="10040">${manager}</Manager></Host><Cache>${cache}</Cache><Https Listen="${listen}"/></Server>`,
      "vhosts.xml": `<Vhosts>${vhost(host)}</Vhosts>`,
    }).ok;

  it.each([
    ["10.0.0.7:8443", "<Listen>10.0.0.8:8443</Listen>", true],
    ["10.0.0.7:8443", "<Listen>10.0.0.7:8443</Listen>", false],
    ["*:8443", "<Listen>*:8444</Listen>", true],
    ["eth0:8443", "<Listen>10.0.0.8:8443</Listen>", true],
    ["10.0.0.7:8443", "<PortBypass>8443</PortBypass>", false],
    ["*:80", "", false],
  ])("TLS-04 BYP-23 beside <Https Listen=%j>, %s may stand: %s", (listen, host, isFine) => {
    expect(isAccepted(listen, host)).toBe(isFine);
  });

  it("TLS-04 knows where <Cache><Listen> is", () => {
    const cache = "<Listen>10.0.0.7</Listen>";
    expect(isAccepted("*:8443", "<Listen>10.0.0.8:8443</Listen>", cache)).toBe(true);
    expect(isAccepted("10.0.0.8:8443", "<Listen>*:8443</Listen>", cache)).toBe(true);
    expect(isAccepted("*:8443", "<Listen>10.0.0.7:8443</Listen>", cache)).toBe(false);
    expect(isAccepted("10.0.0.8:8443", "<PortBypass>8443</PortBypass>", cache)).toBe(true);
    expect(isAccepted("*:8443", "<PortBypass>8443</PortBypass>", cache)).toBe(false);
    expect(isAccepted("*:10040", "", cache)).toBe(true);
    expect(isAccepted("*:10040", "", cache, "<Allow>10.0.0.1</Allow>")).toBe(false);
    expect(isAccepted("eth0:10040", "", cache)).toBe(true);
  });
});
