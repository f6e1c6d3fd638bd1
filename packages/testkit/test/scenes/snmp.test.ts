import { createSocket } from "node:dgram";
import { existsSync, readFileSync } from "node:fs";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { findFreePort } from "../../src/edge/freePorts.ts";
import { scenario, useEdge } from "../../src/scenario/index.ts";
import { until } from "./support/originState.ts";
import { hasSnmpTools, isThere, snmpTool } from "./support/snmpTools.ts";

/** Debian's managers against an edge with two workers. */
const sharedPort = await findFreePort();
const ownPort = await findFreePort();
const ROOT = "1.3.6.1.4.1.40001.1";

const snmpXml = (port: number, attributes: string, inner = "<Allow>127.0.0.1</Allow>"): string =>
  `<Admin>ops@example.com</Admin><SNMP Status="Active" Port="${port}" Address="127.0.0.1" ${attributes}>${inner}</SNMP>`;

useEdge({
  workers: 2,
  hostXml: snmpXml(sharedPort, 'VHostMin="5"'),
  vhostsXml:
    '<Vhost Name="static.test" StaticIndex="10300"><Listen>OFF</Listen><Origin><Address>127.0.0.1:1</Address></Origin></Vhost>' +
    '<View Name="both"><Vhost>kim.test</Vhost><Vhost>static.test</Vhost></View>',
});

const COUNTED = "<Stats><ClientLocal>ON</ClientLocal><OriginLocal>ON</OriginLocal></Stats>";
const WINDOW_SECONDS = 300;
/** Of the first one behind a clock that was set. */
const LONGEST_WINDOW_SECONDS = 450;
const SPECIFIED = fileURLToPath(new URL("../../../../../shared/spec/snmp-oids.tsv", import.meta.url));

const played: typeof scenario = hasSnmpTools() ? scenario : (title: string) => test.skip(title);

played(
  "SNMP-01 SNMP-02 SNMP-A1 SNMP-A4 SNMP-A5 SNMP-A6 SNMP-A9 SNMP-A10 SNMP-A13 REG-281: snmpget and snmpwalk read what a workload counted, every OID of snmp-oids.tsv with its type",
  { host: "kim.test", xml: COUNTED },
  async (scene) => {
    const { edge, origin, clock } = scene;
    const { cluster } = edge;
    const manager = snmpTool(sharedPort);
    origin.on("/a").reply(200, { "Content-Type": "text/html" }, "x".repeat(500));
    await clock.advance(WINDOW_SECONDS);
    await edge.get("/a").expect(200);
    await edge.stored("/a");
    for (let round = 0; round < 20; round++) await edge.get("/a").expect(200);
    await edge.get("/none").expect(404);
    await clock.advance(LONGEST_WINDOW_SECONDS);
    const requests = "11.11.10.9";
    await until("the requests are in minutes that have ended", async () => {
      const [variable] = await manager.get(`4.3.1.${requests}.60.1`);
      return variable?.value === "22";
    });
    const readOne = async (name: string) => (await manager.get(name))[0]?.value;
    for (const prefix of [`4.1.${requests}.60`, `4.3.1.${requests}.60.1`, `4.11.1.${requests}.60.1`]) {
      expect([prefix, await readOne(prefix)]).toEqual([prefix, "22"]);
    }
    const json = JSON.parse((await cluster.api("/monitoring/average.json?min=60")).text);
    const asked = ["4.1.11.11.10.7.60", "4.1.11.10.10.9.60", "4.1.11.1.60", "4.1.11.2.60"];
    const [sent, fetched, ratio, fine] = (await manager.get(...asked)).map(({ value }) => Number(value));
    const [host] = json.Host.VirtualHost.filter(({ Name }: { Name: string }) => Name === "kim.test");
    expect(sent).toBe(host.ClientTraffic.Traffic[0].HttpResBodySize);
    expect(fetched).toBe(host.OriginTraffic.HttpReqCountSum);
    expect([ratio, fine]).toEqual([Math.trunc(host.RequestHitRatio / 100), host.RequestHitRatio]);

    // SNMP-A4
    expect(await manager.get("4.3.1.2.10300", "4.4.0", "4.2.0", "1.2.0", "1.7.0")).toMatchObject([
      ...[{ value: "static.test" }, { value: "10300" }, { value: String(cluster.configuration.vhosts.length + 1) }],
      ...[{ value: "Basalt" }, { value: "ops@example.com" }],
    ]);
    // SNMP-A5
    const rows = (await manager.walk(`4.3.1.${requests}`)).map(({ name }) => name.slice(`4.3.1.${requests}.`.length));
    expect([rows.every((row) => row.startsWith("5.")), rows.at(-1)]).toEqual([true, "5.10300"]);
    const [beyond] = await manager.get(`4.3.1.${requests}.61.1`);
    expect(beyond?.type).toContain("No Such Instance");
    // SNMP-A9
    const walked = await manager.walk("");
    expect((await manager.walk("", "snmpwalk")).map(({ name }) => name)).toEqual(walked.map(({ name }) => name));
    expect(walked.filter(({ name }) => name.startsWith("4.1.11.20.")).length).toBe(38);
    if (existsSync(SPECIFIED)) {
      const places: Readonly<Record<string, string>> = { "": "0", "[confIndex]": "1", "[diskIndex]": "1" };
      const index = (words: string): string =>
        words
          .split(".")
          .map((word) => places[word] ?? (word.endsWith("Min]") ? "5" : "1"))
          .join(".");
      const leaves = readFileSync(SPECIFIED, "utf8")
        .trim()
        .split("\n")
        .slice(1)
        .map((line) => line.split("\t"))
        .filter(([, , type]) => type !== "OID");
      for (let from = 0; from < leaves.length; from += 80) {
        const some = leaves.slice(from, from + 80);
        const answers = await manager.get(...some.map(([suffix, , , words = ""]) => `${suffix}.${index(words)}`));
        expect(answers.map(({ type }, at) => [some[at]?.[1], type])).toEqual(
          some.map(([, name, type, , unit = ""]) => [
            name,
            type === "String" ? "STRING" : unit.endsWith("(signed)") ? "INTEGER" : "Gauge32",
          ]),
        );
      }
    }
    // SNMP-A13
    const socket = createSocket("udp4");
    for (const bytes of ["", "0", "3084ffffffff02", "302602010104067075626c6963a1190204"]) {
      socket.send(Buffer.from(bytes, "hex"), sharedPort, "127.0.0.1");
    }
    await expect
      .poll(async () => (await cluster.metrics()).sum("basalt_snmp_datagrams_total", { outcome: "malformed" }), {
        timeout: 60_000,
      })
      .toBeGreaterThanOrEqual(3);
    socket.close();
    expect(await readOne("1.2.0")).toBe("Basalt");
    expect((await cluster.metrics()).sum("basalt_snmp_variables_total")).toBeGreaterThan(700);
  },
);

played(
  "SNMP-03 SNMP-07 SNMP-08 SNMP-26 SNMP-40 SNMP-42 SNMP-A2 SNMP-A3 SNMP-A8 SNMP-A11 SNMP-A12 SNMP-386 REG-143: reloads, a restart, an unmounted disk, communities, version 1 and the MIB file",
  { ownEdge: { workers: 2, hostXml: "", vhostsXml: "" }, host: "kim.test" },
  async ({ edge }) => {
    const { cluster } = edge;
    const [kim] = cluster.configuration.vhosts;
    if (kim === undefined) throw new Error("no host");
    const load = (names: readonly string[], hostXml = snmpXml(ownPort, 'VHostCount="0"')) =>
      cluster.reload({ hostXml, vhosts: names.map((name) => ({ ...kim, name: `${name}.test` })) });
    const manager = snmpTool(ownPort);
    const names = async () => (await manager.walk("4.3.1.2")).map(({ name, value }) => [Number(name.slice(8)), value]);

    // SNMP-A1, SNMP-08: nothing is bound until a reload switches it on.
    const free = createSocket("udp4");
    await new Promise<void>((resolve, reject) => {
      free.once("error", reject);
      free.bind({ port: ownPort, address: "127.0.0.1" }, resolve);
    });
    await new Promise<void>((resolve) => free.close(resolve));
    await load(["kim", "lee", "park"]);
    expect(await names()).toEqual([
      [1, "kim.test"],
      [2, "lee.test"],
      [3, "park.test"],
    ]);
    // SNMP-A12
    const [kind, id, before] = await manager.get("1.10.3.1", "1.10.1.1", "1.10.1.2");
    expect([kind?.value, Number(id?.value) - Number(before?.value)]).toEqual(["2", 1]);
    // SNMP-A3, SNMP-A2
    await load(["kim", "park"]);
    await load(["kim", "park", "choi"], snmpXml(ownPort, 'VHostCount="5"'));
    expect(await names()).toEqual([
      ...[
        [1, "kim.test"],
        [2, "choi.test"],
        [3, "park.test"],
      ],
      ...[
        [4, ""],
        [5, ""],
      ],
    ]);
    await cluster.restartEverything();
    await until("the agent of the next primary answers", async () => (await names().catch(() => [])).length === 5);
    await load(["ahn", "choi", "park", "moon"]);
    expect(await names()).toEqual([
      ...[
        [1, "ahn.test"],
        [2, "choi.test"],
        [3, "park.test"],
        [4, "moon.test"],
      ],
    ]);

    // SNMP-A11
    const [disk = ""] = cluster.diskPaths;
    const [path, size, state] = await manager.get("2.18.1.2.1", "2.18.1.3.1", "2.18.1.8.1");
    expect([path?.value, state?.value]).toEqual([disk, "Normal"]);
    expect(Number(size?.value)).toBeGreaterThan(0);
    await cluster.api(`/command/unmount?disk=${encodeURIComponent(disk)}`);
    const status = async () => (await manager.get("2.18.1.8.1"))[0]?.value;
    await until("the disk is unmounted", async () => (await status()) === "Unmounted");

    // SNMP-386: version 1, sysUpTime.
    const old = snmpTool(ownPort, "public", "1");
    expect(await old.get("24.0").catch(() => "refused")).toBe("refused");
    expect(await old.get("2.24.0", "2.10.0", "3.10.5")).toHaveLength(3);
    const uptime = await old.say(
      "snmpget",
      "-v1",
      "-c",
      "public",
      "-On",
      "-m",
      "",
      `127.0.0.1:${ownPort}`,
      "1.3.6.1.2.1.1.3.0",
    );
    expect(uptime).toContain("Timeticks");

    // SNMP-A8, and REG-143: the backup of the configuration cannot be written.
    await rm(join(cluster.home, "conf"), { recursive: true });
    await writeFile(join(cluster.home, "conf"), "in the way");
    const communities = `<Allow>127.0.0.1</Allow><Community Name="example2" OID="Deny"><OID>${ROOT}.4.3.1.11.11.10.1-61</OID></Community>`;
    await load(["ahn"], snmpXml(ownPort, 'UnregisteredCommunity="Deny"', communities));
    const answers = await snmpTool(ownPort, "example2").get("4.3.1.11.11.10.9.5.1", "4.3.1.11.11.11.1.5.1");
    expect(answers.map(({ type }) => type)).toEqual([expect.stringContaining("No Such Object"), "Gauge32"]);
    const refused = await manager.say(
      "snmpget",
      ...["-v2c", "-c", "public", "-t", "1", "-r", "0", "-m", ""],
      `127.0.0.1:${ownPort}`,
      `${ROOT}.1.2.0`,
    );
    expect(refused).toContain("Timeout");

    // SNMP-07
    const mib = join(cluster.home, "BASALT-MIB.txt");
    await until("the MIB file is there", () => existsSync(mib));
    expect(await readFile(mib, "utf8")).toContain("edgeVhostTrafficClientHttpReqCount OBJECT-TYPE");
    if (isThere("snmptranslate")) {
      const folder = fileURLToPath(new URL("support/mibs", import.meta.url));
      const said = await manager.say(
        "snmptranslate",
        "-M",
        `${cluster.home}:${folder}`,
        "-m",
        "BASALT-MIB",
        "-On",
        "BASALT-MIB::edgeVhostName.1",
      );
      expect(said.trim()).toBe(`.${ROOT}.4.3.1.2.1`);
    }
  },
);
