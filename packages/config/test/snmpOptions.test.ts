import { describe, expect, it } from "vitest";
import { diffConfigs, parseOidRange } from "../src/index.ts";
import { accept, problemsOf, server, vhost, warningsOf } from "./support.ts";

const snmp = (content: string): string => server(`<Host>${content}</Host>`);

const settingsOf = (content: string) => accept({ "server.xml": snmp(content) }).server.host.snmp;

const wrongIn = (content: string): readonly (string | undefined)[] =>
  problemsOf({ "server.xml": snmp(content) }).map(({ element }) => element);

describe("<SNMP>", () => {
  it("SNMP-03 SNMP-05 SNMP-10 to SNMP-16, SNMP-42: what holds without it", () => {
    expect(settingsOf("")).toEqual({
      ...{ status: "Inactive", port: 161, address: "*", allow: [] },
      ...{ vhostCount: 0, vhostMinutes: 5, viewCount: 0, viewMinutes: 5, globalMinutes: 5, diskMinutes: 5 },
      ...{ configCount: 10, unregisteredCommunity: "Allow", communities: [] },
      ...{ root: "1.3.6.1.4.1.40001.1", manufacture: "Basalt", software: "Basalt", location: "" },
    });
  });

  it("SNMP-04 SNMP-43 SNMP-45: addresses, and communities with what they may read", () => {
    const content = `<SNMP Port="1161" Status="Active" UnregisteredCommunity="Deny">
      <Allow>192.168.5.1</Allow><Allow>192.168.5.10-200</Allow><Allow>192.168.6.0/24</Allow>
      <Allow>192.168.7.0/255.255.255.0</Allow>
      <Community Name="example1" OID="Allow"><OID>1.3.6.1.4.1.40001.1.4.1</OID><OID>1.3.6.1.2</OID></Community>
      <Community Name="example2" OID="Deny"><OID>1.3.6.1.4.1.40001.1.4.3.1.11.11.10.1-61</OID></Community>
      <Community Name="example3"/></SNMP>`;
    expect(settingsOf(content)).toMatchObject({
      ...{ port: 1161, status: "Active", unregisteredCommunity: "Deny" },
      allow: ["192.168.5.1", "192.168.5.10-200", "192.168.6.0/24", "192.168.7.0/255.255.255.0"],
      communities: [
        { name: "example1", access: "Allow", oids: ["1.3.6.1.4.1.40001.1.4.1", "1.3.6.1.2"] },
        { name: "example2", access: "Deny", oids: ["1.3.6.1.4.1.40001.1.4.3.1.11.11.10.1-61"] },
        { name: "example3", access: "Allow", oids: [] },
      ],
    });
    expect(warningsOf({ "server.xml": snmp(content) })).toEqual([]);
  });

  it("REG-332 SNMP-11 SNMP-13 SNMP-14 SNMP-15: minutes of 0 to 60", () => {
    const minutes = (value: number) =>
      `<SNMP VHostMin="${value}" ViewMin="${value}" GlobalMin="${value}" DiskMin="${value}"/>`;
    expect(settingsOf(minutes(0))).toMatchObject({
      ...{ vhostMinutes: 0, viewMinutes: 0, globalMinutes: 0, diskMinutes: 0 },
    });
    expect(settingsOf(minutes(60)).viewMinutes).toBe(60);
    expect(wrongIn(minutes(61)).length).toBe(4);
  });

  it("SNMP-41 root, maker and product are the operator's", () => {
    const own = '<SNMP Root="1.3.6.1.4.1.99999.4" Manufacture="Ours" Software="Cache" Location="Rack 4"/>';
    expect(settingsOf(own)).toMatchObject({
      ...{ root: "1.3.6.1.4.1.99999.4", manufacture: "Ours", software: "Cache", location: "Rack 4" },
    });
  });

  it.each([
    ["ConfCount of 0", '<SNMP ConfCount="0"/>', "Server/Host/SNMP@ConfCount"],
    ["ConfCount of 101", '<SNMP ConfCount="101"/>', "Server/Host/SNMP@ConfCount"],
    ["a negative VHostCount", '<SNMP VHostCount="-1"/>', "Server/Host/SNMP@VHostCount"],
    ["another Status", '<SNMP Status="ON"/>', "Server/Host/SNMP@Status"],
    ["no address", "<SNMP><Allow>here</Allow></SNMP>", "Server/Host/SNMP/Allow"],
    ["no OID", '<SNMP><Community Name="a"><OID>sysName</OID></Community></SNMP>', "Server/Host/SNMP/Community/OID"],
    ["a root elsewhere", '<SNMP Root="2.5.4"/>', "Server/Host/SNMP@Root"],
    ["a root above the system group", '<SNMP Root="1.3.6.1.2"/>', "Server/Host/SNMP@Root"],
    ["a root within the system group", '<SNMP Root="1.3.6.1.2.1.1.9"/>', "Server/Host/SNMP@Root"],
    ["the root of all makers", '<SNMP Root="1.3.6.1.4.1"/>', "Server/Host/SNMP@Root"],
    ["a root that is a range", '<SNMP Root="1.3.6.1.4.1-5"/>', "Server/Host/SNMP@Root"],
    ["a community without a name", "<SNMP><Community/></SNMP>", "Server/Host/SNMP/Community@Name"],
    ["a community twice", '<SNMP><Community Name="a"/><Community Name="a"/></SNMP>', "Server/Host/SNMP/Community@Name"],
    [
      "too many OIDs",
      `<SNMP><Community Name="a">${"<OID>1.3</OID>".repeat(201)}</Community></SNMP>`,
      "Server/Host/SNMP/Community/OID",
    ],
  ])("%s is refused", (_, content, element) => {
    expect(wrongIn(content)).toEqual([element]);
  });
});

describe("StaticIndex", () => {
  const hosts = (index: string) => accept({ "vhosts.xml": `<Vhosts>${vhost("", `Name="park.com"${index}`)}</Vhosts>` });

  it("SNMP-24 fixes the index of a host", () => {
    expect([hosts(""), hosts(' StaticIndex="10300"')].map(({ vhosts }) => vhosts[0]?.snmpIndex)).toEqual([0, 10_300]);
    expect(diffConfigs(hosts(""), hosts(' StaticIndex="9"'))).toEqual([
      { element: "Vhost[park.com]@StaticIndex", from: "0", to: "9", effect: "live" },
    ]);
  });

  it("is a positive number", () => {
    const file = `<Vhosts>${vhost("", 'Name="park.com" StaticIndex="0"')}</Vhosts>`;
    expect(problemsOf({ "vhosts.xml": file }).map(({ element }) => element)).toEqual(["Vhosts/Vhost@StaticIndex"]);
  });
});

describe("OIDs as they are written", () => {
  it.each([
    ["1.3.6", { parent: [1, 3], lastFrom: 6, lastTo: 6 }],
    [".1.3.6.1-61", { parent: [1, 3, 6], lastFrom: 1, lastTo: 61 }],
    ["1.4294967295", { parent: [1], lastFrom: 4_294_967_295, lastTo: 4_294_967_295 }],
    ["1.4294967296", undefined],
    ["1.5-4", undefined],
    ["1..3", undefined],
    ["1.3.", undefined],
    ["1-3.4", undefined],
    ["", undefined],
    [`1${".1".repeat(128)}`, undefined],
  ])("SNMP-44 SNMP-45 %s", (text, range) => {
    expect(parseOidRange(text)).toEqual(range);
  });
});
