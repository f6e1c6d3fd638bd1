import { describe, expect, it } from "vitest";
import { diffConfigs } from "../src/index.ts";
import { accept, type Files, server, vhost, vhosts } from "./support.ts";

const compare = (from: Files, to: Files) => diffConfigs(accept(from), accept(to, { generation: 8 }));

describe("differences between configurations", () => {
  it("are none between equal ones, cloned or not", () => {
    expect(compare({}, {})).toEqual([]);
    expect(diffConfigs(structuredClone(accept()), accept())).toEqual([]);
  });

  it("CFG-31 name the value, live, with the host's name", () => {
    const to = { "vhosts.xml": vhosts(vhost("<Options><AgeHeader>ON</AgeHeader></Options>")) };
    expect(compare({ "vhosts.xml": vhosts(vhost("")) }, to)).toEqual([
      { element: "Vhost[www.example.com]/Options/AgeHeader", from: "OFF", to: "ON", effect: "live" },
    ]);
  });

  it("CFG-31 OPT-06 say what needs a restart", () => {
    expect(compare({}, { "server.xml": server("<Cache><Storage/><Workers>2</Workers></Cache>") })).toEqual([
      { element: "Server/Cache/Storage/Disk", from: "/cache1/ (none), /cache2/ (none)", to: "", effect: "restart" },
      { element: "Server/Cache/Workers", from: "4", to: "2", effect: "restart" },
    ]);
  });

  it("CFG-40 CFG-31 follow a quota at once, other folders after a restart", () => {
    const disks = (content: string) => ({ "server.xml": server(`<Cache><Storage>${content}</Storage></Cache>`) });
    const before = disks('<Disk Quota="5">/a</Disk><Disk>/b</Disk>');
    expect(compare(before, disks('<Disk Quota="7">/a</Disk><Disk Quota="1">/b</Disk>'))).toEqual([
      { element: "Server/Cache/Storage/Disk", from: "/a (5), /b (none)", to: "/a (7), /b (1)", effect: "live" },
    ]);
    expect(compare(before, disks('<Disk>/b</Disk><Disk Quota="5">/a</Disk>'))).toMatchObject([{ effect: "restart" }]);
    expect(compare(before, disks('<Disk Quota="5">/a</Disk>'))).toMatchObject([{ effect: "restart" }]);
  });

  it.each([
    ["OPT-13", "Indexing", "<Indexing>Disk</Indexing>", "Memory", "Disk", "restart"],
    ["OPT-20", "HttpClientSession/Init", "<HttpClientSession><Init>9</Init></HttpClientSession>", "0", "9", "restart"],
    ["CFG-47", "Cleanup/Time", "<Cleanup><Time>23:05</Time></Cleanup>", "02:00", "23:05", "live"],
    ["OPT-61", "EmergencyMode", "<EmergencyMode>ON</EmergencyMode>", "OFF", "ON", "live"],
    ["OPT-80", "SyncStale", "<SyncStale>OFF</SyncStale>", "ON", "OFF", "live"],
  ])("CFG-31 %s says what a change of %s needs", (_, place, written, from, to, effect) => {
    expect(compare({ "server.xml": server("") }, { "server.xml": server(`<Cache>${written}</Cache>`) })).toEqual([
      { element: `Server/Cache/${place}`, from, to, effect },
    ]);
  });

  it("show a change of VHostDefault at every host that inherits it", () => {
    const hosts = vhosts(
      vhost("", 'Name="a"'),
      vhost("<Options><ViaHeader>ON</ViaHeader></Options>", 'Name="b"'),
      vhost("", 'Name="c"'),
    );
    const defaults = server("<VHostDefault><Options><ViaHeader>OFF</ViaHeader></Options></VHostDefault>");
    const changes = compare(
      { "server.xml": server(""), "vhosts.xml": hosts },
      { "server.xml": defaults, "vhosts.xml": hosts },
    );
    expect(changes.map((change) => change.element)).toEqual([
      "Vhost[a]/Options/ViaHeader",
      "Vhost[c]/Options/ViaHeader",
    ]);
  });

  it("CFG-56 show hosts that come and go", () => {
    expect(
      compare({ "vhosts.xml": vhosts(vhost("", 'Name="a"')) }, { "vhosts.xml": vhosts(vhost("", 'Name="b"')) }),
    ).toEqual([
      { element: "Vhost[b]", from: "absent", to: "present", effect: "live" },
      { element: "Vhost[a]", from: "present", to: "absent", effect: "live" },
    ]);
  });

  it("cover everything that a host says itself", () => {
    const from = vhosts(`<Vhost Name="a"><Origin><Address>1.1.1.1</Address></Origin></Vhost>`);
    const to = vhosts(`<Default>a</Default><Vhost Name="a" Status="Inactive"><Alias>b</Alias><Listen>*:81</Listen>
      <Origin><Address>1.1.1.2</Address><Address2>1.1.1.3</Address2></Origin>
      <OriginOptions><Recovery Cycle="5"/></OriginOptions></Vhost>`);
    expect(compare({ "vhosts.xml": from }, { "vhosts.xml": to })).toEqual([
      { element: "Vhosts/Default", from: "none", to: "a", effect: "live" },
      { element: "Vhost[a]@Status", from: "Active", to: "Inactive", effect: "live" },
      { element: "Vhost[a]/Alias", from: "", to: "b", effect: "live" },
      { element: "Vhost[a]/Listen", from: "*:80", to: "*:81", effect: "live" },
      { element: "Vhost[a]/Origin/Address", from: "1.1.1.1", to: "1.1.1.2", effect: "live" },
      { element: "Vhost[a]/Origin/Address2", from: "", to: "1.1.1.3", effect: "live" },
      { element: "Vhost[a]/OriginOptions/Recovery@Cycle", from: "10", to: "5", effect: "live" },
    ]);
  });

  it("look at what condition files do, not at where their lines stand", () => {
    const file = "svc/www.example.com/ttl.txt";
    expect(compare({ [file]: "/a, 5" }, { [file]: "# moved\n/a, 5" })).toEqual([]);
    expect(compare({ [file]: "/a, 5" }, { [file]: "/a, 6\n/b, 7" })).toEqual([
      { element: "Vhost[www.example.com]/ttl.txt", from: "1 rule", to: "2 rules", effect: "live" },
    ]);
  });
});
