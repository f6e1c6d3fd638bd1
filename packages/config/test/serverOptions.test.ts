import { describe, expect, it } from "vitest";
import { accept, problemsOf, server, vhosts, warningsOf } from "./support.ts";

const cacheOf = (content: string) => accept({ "server.xml": server(`<Cache>${content}</Cache>`) }).server.cache;
const hostOf = (content: string) => accept({ "server.xml": server(`<Host>${content}</Host>`) }).server.host;

describe("<Host>", () => {
  const host = hostOf(`
    <Name> stream_07 </Name>
    <Admin>admin@example.com</Admin>
    <Manager Port="20040" HttpMethod="off" Role="user" UploadMultipartName="upload">
        <Allow>192.168.1.1</Allow>
        <Allow Role="Admin">192.168.2.1-255</Allow>
        <Allow Role="User">192.168.3.0/24</Allow>
        <Allow Role="looker">192.168.4.0/255.255.255.0</Allow>
    </Manager>`);

  it("CFG-33 CFG-34 reads name and administrator without the white space around them", () => {
    expect([host.name, host.admin]).toEqual(["stream_07", "admin@example.com"]);
  });

  it("CFG-35 CFG-37 CFG-38 reads the attributes of <Manager>", () => {
    expect(host.manager).toMatchObject({ port: 20_040, httpMethod: false, uploadMultipartName: "upload" });
  });

  it("CFG-32 CFG-36 gives entries without a role that of <Manager>, in the order of the file", () => {
    expect(host.manager.allow).toEqual([
      { address: "192.168.1.1", role: "User" },
      { address: "192.168.2.1-255", role: "Admin" },
      { address: "192.168.3.0/24", role: "User" },
      { address: "192.168.4.0/255.255.255.0", role: "Looker" },
    ]);
  });
});

describe("<Cache>", () => {
  it("CFG-40 reads a quota in gigabytes", () => {
    const { disks } = cacheOf('<Storage><Disk Quota="100">/cache1</Disk><Disk>/cache2</Disk></Storage>').storage;
    expect(disks.map((disk) => disk.quotaBytes)).toEqual([100 * 1024 ** 3, undefined]);
  });

  it.each(["hang", "bypass", "selfkill"])("CFG-41 CFG-42 CFG-43 reads the failure rules with OnCrash %s", (word) => {
    const { storage } = cacheOf(`<Storage DiskFailSec="30" DiskFailCount="5" OnCrash="${word.toUpperCase()}"/>`);
    expect(storage).toMatchObject({ diskFailSeconds: 30, diskFailCount: 5, onCrash: word });
  });

  it.each([
    ["00:00", 0],
    ["02:00", 120],
    ["23:10", 1_390],
    ["23:59", 1_439],
  ])("CFG-47 reads the time of the cleanup: %s", (time, minutes) => {
    expect(cacheOf(`<Cleanup><Time> ${time} </Time></Cleanup>`).cleanup.timeMinutes).toBe(minutes);
  });

  it.each(["24:00", "12:60", "2:00", "0200", "02:00:00", "-1:00", "two", "٠٢:٠٠"])(
    "CFG-47 refuses the time of day %s",
    (time) => {
      const content = server(`<Cache><Cleanup><Time>${time}</Time></Cleanup></Cache>`);
      expect(problemsOf({ "server.xml": content })).toMatchObject([
        { element: "Server/Cache/Cleanup/Time", severity: "error" },
      ]);
    },
  );

  it("CFG-48 CFG-49 reads age and treatment of empty folders", () => {
    const { cleanup } = cacheOf("<Cleanup><Age>10</Age><EmptyFolder>KEEP</EmptyFolder></Cleanup>");
    expect(cleanup).toEqual({ timeMinutes: 120, ageDays: 10, emptyFolder: "keep" });
  });

  it("CFG-51 reads for how many days backups are kept, and refuses what is no number of days", () => {
    expect(cacheOf("<ConfigHistory>90</ConfigHistory>").configHistoryDays).toBe(90);
    for (const days of ["0", "-1", "1.5", "soon"]) {
      const content = server(`<Cache><ConfigHistory>${days}</ConfigHistory></Cache>`);
      expect(problemsOf({ "server.xml": content })).toMatchObject([{ element: "Server/Cache/ConfigHistory" }]);
    }
  });

  it("CFG-48 refuses an age that is no whole number of days", () => {
    for (const age of ["-1", "1.5", "1 day"]) {
      const content = server(`<Cache><Cleanup><Age>${age}</Age></Cleanup></Cache>`);
      expect(problemsOf({ "server.xml": content })).toHaveLength(1);
    }
  });

  it("OPT-10 OPT-61 OPT-80 reads the modes of the store", () => {
    const cache = cacheOf("<Indexing>disk</Indexing><EmergencyMode>ON</EmergencyMode><SyncStale>off</SyncStale>");
    expect(cache).toMatchObject({ indexing: "Disk", emergencyMode: true, syncStale: false });
  });

  it("OPT-20 OPT-21 reads the client sessions without a warning", () => {
    const content = "<HttpClientSession><Init>30000</Init><TopUp>2000</TopUp></HttpClientSession>";
    expect(cacheOf(content).httpClientSession).toEqual({ init: 30_000, topUp: 2_000 });
    expect(warningsOf({ "server.xml": server(`<Cache>${content}</Cache>`) })).toEqual([]);
  });

  it("CFG-45 CFG-46 OPT-15 OPT-16 reads the shares of memory", () => {
    const cache = cacheOf("<SystemMemoryRatio>50</SystemMemoryRatio><ContentMemoryRatio>60</ContentMemoryRatio>");
    expect([cache.systemMemoryRatio, cache.contentMemoryRatio]).toEqual([50, 60]);
  });

  it("OPT-17 cuts the system's share to 40 and says so", () => {
    const content = server("<Cache>\n<SystemFreeMemoryRatio>55</SystemFreeMemoryRatio></Cache>");
    expect(accept({ "server.xml": content }).server.cache.systemFreeMemoryRatio).toBe(40);
    expect(warningsOf({ "server.xml": content })).toEqual([
      "server.xml:2:1: warning: <Server/Cache/SystemFreeMemoryRatio> 55 is cut to 40.",
    ]);
  });

  it("REG-315 OPT-24 OPT-25 reads the limit of sockets, cut to 100000", () => {
    expect(cacheOf('<MaxSockets Reopen="50">90000</MaxSockets>')).toMatchObject({
      maxSockets: 90_000,
      maxSocketsReopen: 50,
    });
    expect(cacheOf("<MaxSockets>200000</MaxSockets>").maxSockets).toBe(100_000);
  });

  it("OPT-24 keeps the limit when only Reopen is written", () => {
    expect(cacheOf('<MaxSockets Reopen="50"/>')).toMatchObject({ maxSockets: 80_000, maxSocketsReopen: 50 });
  });

  it("CFG-50 reads the listen addresses", () => {
    expect(cacheOf("<Listen>10.10.10.10</Listen><Listen>127.0.0.2</Listen>").listen).toEqual([
      "10.10.10.10",
      "127.0.0.2",
    ]);
  });

  it("PRG-25 reads the kind of purge", () => {
    expect(cacheOf("<Purge>hard</Purge>").purge).toBe("Hard");
  });

  it("reads our own elements", () => {
    const cache = cacheOf(`
      <Workers>2</Workers><TransformThreads>3</TransformThreads>
      <TransformQueue>50</TransformQueue><TransformDeadline>1 min</TransformDeadline><TransformMemory>512</TransformMemory><MemoryPath>/mnt/memory</MemoryPath>
      <DrainSeconds>1 min</DrainSeconds>
      <ClientLimits>
        <TargetBytes>4096</TargetBytes><HeadBytes>16384</HeadBytes><FieldCount>64</FieldCount>
        <BodyBytes>1048576</BodyBytes><HeadTimeout>5</HeadTimeout><BodyTimeout>6</BodyTimeout>
        <SendTimeout>7 sec</SendTimeout>
      </ClientLimits>`);
    expect(cache).toMatchObject({
      workers: 2,
      transformThreads: 3,
      transforms: { queue: 50, deadlineSeconds: 60, memoryBytes: 512 * 1024 ** 2 },
      memoryPath: "/mnt/memory",
      drainSeconds: 60,
      clientLimits: {
        targetBytes: 4_096,
        headBytes: 16_384,
        fieldCount: 64,
        bodyBytes: 1_048_576,
        headTimeoutSeconds: 5,
        bodyTimeoutSeconds: 6,
        sendTimeoutSeconds: 7,
      },
    });
  });
});

describe("elements of the guide that are not active yet", () => {
  it("CFG-15 accepts ByClient, which would let clients choose the origin, with a warning", () => {
    const host = '<Vhost Name="a"><Origin ByClient="ON"><Address>1.1.1.1</Address></Origin></Vhost>';
    expect(warningsOf({ "vhosts.xml": vhosts(host) })).toEqual([
      "vhosts.xml:1:25: warning: <Vhosts/Vhost/Origin@ByClient> Not active in this version.",
    ]);
  });

  it("warns once for all places of an element", () => {
    const hosts = ["a", "b", "c"].map(
      (name) => `<Vhost Name="${name}"><Origin ByClient="ON"><Address>1.1.1.1</Address></Origin></Vhost>`,
    );
    expect(warningsOf({ "vhosts.xml": `<Vhosts>${hosts.join("")}</Vhosts>` })).toEqual([
      "vhosts.xml:1:25: warning: <Vhosts/Vhost/Origin@ByClient> Not active in this version (3 places).",
    ]);
  });

  it("ORG-25 ignores elements that the guide dropped, with a warning", () => {
    const content = server("<VHostDefault><OriginOptions><DNSBackup>ON</DNSBackup></OriginOptions></VHostDefault>");
    expect(warningsOf({ "server.xml": content })[0]).toContain("No longer exists and is ignored.");
  });
});
