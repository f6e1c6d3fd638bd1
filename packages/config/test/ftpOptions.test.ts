import { describe, expect, it } from "vitest";
import { diffConfigs } from "../src/index.ts";
import { accept, problemsOf, server, vhost, vhosts, warningsOf } from "./support.ts";

const client = (content = "", attributes = 'Name="backup1"'): string =>
  server(`<Ftp ${attributes}><Address>ftp.example.com</Address>${content}</Ftp>`);

const onlyClient = (xml: string) => accept({ "server.xml": xml }).server.ftp[0];

describe("<Ftp>", () => {
  it("LOG-175 to LOG-187 the defaults", () => {
    expect(onlyClient(client())).toEqual({
      name: "backup1",
      mode: "Passive",
      host: "ftp.example.com",
      port: 21,
      user: "",
      password: "",
      passwordType: "plain",
      connectTimeoutSeconds: 10,
      transferTimeoutSeconds: 600,
      trafficCapKilobytes: 0,
      deleteUploaded: false,
      backupOnFail: false,
      uploadPath: "",
      transfer: { kind: "rotate" },
    });
  });

  it("LOG-176 to LOG-186 the second client of the guide is read", () => {
    const xml = server(`<Ftp Name="backup2">
      <Mode>Active</Mode>
      <Address>192.168.0.14:2121</Address>
      <Account><ID>test</ID><Password Type="enc">dXR9k0xNUZVVYQsK5Bi1cg==</Password></Account>
      <ConnectTimeout>3</ConnectTimeout>
      <TransferTimeout>100</TransferTimeout>
      <TrafficCap>10240</TrafficCap>
      <DeleteUploaded>ON</DeleteUploaded>
      <BackupOnFail>ON</BackupOnFail>
      <UploadPath>/log_backup/%v/%s-%{%Y%m%d}e.%p.log</UploadPath>
      <Transfer Time="Static">04:00</Transfer>
    </Ftp>`);
    expect(onlyClient(xml)).toEqual({
      name: "backup2",
      mode: "Active",
      host: "192.168.0.14",
      port: 2121,
      user: "test",
      password: "dXR9k0xNUZVVYQsK5Bi1cg==",
      passwordType: "enc",
      connectTimeoutSeconds: 3,
      transferTimeoutSeconds: 100,
      trafficCapKilobytes: 10_240,
      deleteUploaded: true,
      backupOnFail: true,
      uploadPath: "/log_backup/%v/%s-%{%Y%m%d}e.%p.log",
      transfer: { kind: "daily", minute: 240 },
    });
  });

  it.each([
    ['<Transfer Time="Rotate"/>', { kind: "rotate" }],
    ['<Transfer Time="Interval">4</Transfer>', { kind: "hourly", hours: 4 }],
    ['<Transfer Type="static">04:00</Transfer>', { kind: "daily", minute: 240 }],
    ['<TransferTime Type="Static">23:59</TransferTime>', { kind: "daily", minute: 1439 }],
  ])("LOG-188 %s", (written, transfer) => {
    expect(onlyClient(client(written))?.transfer).toEqual(transfer);
  });

  it.each([
    ["no name", client("", ""), "An <Ftp> has no name."],
    ["LOG-175 a name twice", server('<Ftp Name="a"><Address>x</Address></Ftp>'.repeat(2)), "is taken by the <Ftp>"],
    ["no server", server('<Ftp Name="a"/>'), "The <Ftp> has no server."],
    ["an address that is none", server('<Ftp Name="a"><Address>ftp://x/</Address></Ftp>'), "is no address"],
    ["LOG-186 a token that does not exist", client("<UploadPath>/%x.log</UploadPath>"), "a token that does not exist"],
    ["a path of a folder", client("<UploadPath>/%v/</UploadPath>"), "names no file"],
    ["LOG-187 Static without a time", client('<Transfer Time="Static">4</Transfer>'), "Static needs a time of day"],
    ["LOG-187 Interval without hours", client('<Transfer Time="Interval">04:00</Transfer>'), "Interval needs hours"],
  ])("%s is refused", (_, xml, message) => {
    expect(problemsOf({ "server.xml": xml }).map((problem) => problem.message)).toEqual([
      expect.stringContaining(message),
    ]);
  });

  it("LOG-18 a log that names no client is warned of", () => {
    const files = {
      "server.xml": client(),
      "vhosts.xml": vhosts(vhost('<Log><Access Ftp="backup1, backup">ON</Access></Log>')),
    };
    expect(warningsOf(files)).toEqual([
      expect.stringContaining("There is no <Ftp> client backup. Did you mean backup1?"),
    ]);
    expect(accept(files).vhosts[0]?.logs.access.ftp).toEqual(["backup1", "backup"]);
  });

  it("LOG-179 no change says what the password is", () => {
    const account = (password: string) => client(`<Account><ID>me</ID><Password>${password}</Password></Account>`);
    const changes = diffConfigs(accept({ "server.xml": client() }), accept({ "server.xml": account("qwerty") }));
    expect(JSON.stringify(changes)).toContain("me@ftp.example.com:21");
    expect(JSON.stringify(changes)).not.toContain("qwerty");
  });
});
