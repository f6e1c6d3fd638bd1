import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { checkStart, readListeningSockets, type Surroundings } from "../src/index.ts";
import { type ListeningSocket, parseSocketTable } from "../src/surroundings/listeningSockets.ts";
import { load, server, vhost, vhosts } from "./support.ts";

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "basalt-start-"));
});
afterEach(() => rm(home, { recursive: true, force: true }));

const find = async (
  serverXml: string,
  vhostsXml: string,
  surroundings: Partial<Surroundings> = {},
): Promise<readonly string[]> => {
  const outcome = load({ "server.xml": serverXml, "vhosts.xml": vhostsXml }, { home });
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.problems));
  const found = await checkStart(outcome.config, outcome.provenance, {
    listeners: [],
    addresses: undefined,
    ...surroundings,
  });
  return found.map(({ file, line, severity, element, message }) => `${file}:${line} ${severity} ${element} ${message}`);
};

const HOST = vhosts(vhost(""));
const disks = (...paths: readonly string[]): string =>
  server(`<Cache><Storage>${paths.map((path) => `\n<Disk>${path}</Disk>`).join("")}</Storage></Cache>`);

describe("folders that a start needs", () => {
  it("are sound when they are there or can be made, and are not made", async () => {
    await mkdir(join(home, "there"));
    expect(await find(disks("there", "to/be/made"), HOST)).toEqual([]);
    expect(await readdir(home)).toEqual(["there"]);
  });

  it("CFG-39 name disk and line when something else stands in the way", async () => {
    await writeFile(join(home, "file"), "");
    expect(await find(disks("fine", "file/below"), HOST)).toEqual([
      `server.xml:3 error Server/Cache/Storage/Disk ${home}/file is not a folder.`,
    ]);
  });

  it("CFG-08 are looked at in memory-only mode too", async () => {
    await writeFile(join(home, "file"), "");
    expect(await find(server("<Cache>\n<MemoryPath>file</MemoryPath></Cache>"), HOST)).toEqual([
      `server.xml:2 error Server/Cache/MemoryPath ${home}/file is not a folder.`,
    ]);
  });

  it("LOG-21 are those of the logs as well", async () => {
    await writeFile(join(home, "logs"), "");
    expect(await find(disks("disk"), vhosts(vhost('\n<Log Dir="logs"/>')))).toEqual([
      `vhosts.xml:2 error Vhosts/Vhost/Log@Dir ${home}/logs is not a folder.`,
    ]);
  });
});

describe("ports that a start needs", () => {
  const held = (...listeners: readonly ListeningSocket[]) => ({ listeners });

  it.each([
    ["*:80", { address: "0.0.0.0", port: 80 }, "0.0.0.0:80"],
    ["*:80", { address: "10.0.0.1", port: 80 }, "10.0.0.1:80"],
    ["10.0.0.1:80", { address: "::", port: 80 }, "[::]:80"],
    ["10.0.0.1:80", { address: "10.0.0.1", port: 80 }, "10.0.0.1:80"],
  ])("CFG-60 %s warns of another program on %o", async (listen, other, where) => {
    expect(await find(disks("d"), vhosts(vhost(`\n<Listen>${listen}</Listen>`)), held(other))).toEqual([
      `vhosts.xml:2 warning Vhosts/Vhost/Listen Port 80 is in use: another program listens on ${where}.`,
    ]);
  });

  it.each([
    { address: "10.0.0.2", port: 80 },
    { address: "0.0.0.0", port: 81 },
  ])("10.0.0.1:80 says nothing of %o", async (other) => {
    expect(await find(disks("d"), vhosts(vhost("<Listen>10.0.0.1:80</Listen>")), held(other))).toEqual([]);
  });

  it("CFG-35 BYP-21 are those of the manager and of relays too", async () => {
    const xml = vhosts(vhost("<Listen>OFF</Listen>\n<PortBypass>1935</PortBypass>"));
    const found = await find(disks("d"), xml, held({ address: "::", port: 10_040 }, { address: "::", port: 1_935 }));
    expect(found).toEqual([
      "vhosts.xml:2 warning Vhosts/Vhost/PortBypass Port 1935 is in use: another program listens on [::]:1935.",
      "server.xml:0 warning Server/Host/Manager@Port Port 10040 is in use: another program listens on [::]:10040.",
    ]);
  });

  it("CFG-55 are not those of hosts that are not served", async () => {
    const xml = vhosts(vhost("", 'Name="a" Status="Inactive"'));
    expect(await find(disks("d"), xml, held({ address: "::", port: 80 }))).toEqual([]);
  });

  it("CFG-50 warn of an address that no interface has", async () => {
    const serverXml = server("<Cache>\n<Listen>10.9.9.9</Listen></Cache>");
    expect(await find(serverXml, vhosts(vhost("")), { addresses: new Set(["10.0.0.1"]) })).toEqual([
      "vhosts.xml:0 warning Vhosts/Vhost/Listen No interface of this machine has the address 10.9.9.9.",
    ]);
  });
});

describe("the listening sockets of the machine", () => {
  const HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode";

  it("are read from the kernel's tables", () => {
    const rows = [
      "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0 100 0 0 10 0",
      "   1: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4712 1 0 100 0 0 10 0",
      "   2: 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 4713 1 0 100 0 0 10 0",
      "   3: 00000000000000000000000000000000:2738 00000000000000000000000000000000:0000 0A 0:0 00:0 0 0 0 4714 1",
      "   4: 0000000000000000FFFF00000100007F:0051 00000000000000000000000000000000:0000 0A 0:0 00:0 0 0 0 4715 1",
      "   5: 000080FE00000000000000000100A8C0:0052 00000000000000000000000000000000:0000 0A 0:0 00:0 0 0 0 4716 1",
      "torn",
    ];
    expect(parseSocketTable([HEAD, ...rows, ""].join("\n"))).toEqual([
      { address: "127.0.0.1", port: 8_080, inode: "4711" },
      { address: "0.0.0.0", port: 80, inode: "4712" },
      { address: "::", port: 10_040, inode: "4714" },
      { address: "127.0.0.1", port: 81, inode: "4715" },
      { address: "fe80:0:0:0:0:0:c0a8:1", port: 82, inode: "4716" },
    ]);
  });

  it("are those of other programs: our own are left out", async () => {
    const listener = await new Promise<Server>((resolve) => {
      const created = createServer().listen(0, "127.0.0.1", () => resolve(created));
    });
    const address = listener.address();
    const port = typeof address === "object" ? address?.port : undefined;
    const ports = (own: readonly number[]) => readListeningSockets(own).map((socket) => socket.port);
    expect(ports([])).toContain(port);
    expect(ports([process.pid])).not.toContain(port);
    await new Promise((resolve) => listener.close(resolve));
  });
});
