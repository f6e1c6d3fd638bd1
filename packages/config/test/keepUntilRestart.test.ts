import { describe, expect, it } from "vitest";
import { diffConfigs, keepUntilRestart } from "../src/index.ts";
import { SERVER_OPTIONS } from "../src/options/serverOptions.ts";
import { flattenTable } from "../src/options/walkTable.ts";
import { accept, server, vhost, vhosts } from "./support.ts";

const configured = (cache: string) => accept({ "server.xml": server(`<Cache>${cache}</Cache>`) }, { generation: 8 });

describe("CFG-31 what a reload puts in service", () => {
  it("keeps what is tied to system resources and follows the rest", () => {
    const current = configured("<Workers>2</Workers><Storage><Disk>/a</Disk></Storage>");
    const next = configured("<Workers>3</Workers><Indexing>Disk</Indexing><EmergencyMode>ON</EmergencyMode><Storage/>");
    const served = keepUntilRestart(current, next);
    expect(served.server.cache).toMatchObject({ workers: 2, indexing: "Memory", emergencyMode: true });
    expect(served.server.cache.storage.disks).toEqual([{ path: "/a", quotaBytes: undefined }]);
    expect(Object.isFrozen(served.server.cache)).toBe(true);
  });

  it("CFG-40 follows the quota of a disk that stays", () => {
    const current = configured('<Storage><Disk Quota="5">/a</Disk><Disk Quota="6">/b</Disk></Storage>');
    const next = configured('<Storage><Disk Quota="7">/a</Disk><Disk>/c</Disk></Storage>');
    expect(keepUntilRestart(current, next).server.cache.storage.disks).toEqual([
      { path: "/a", quotaBytes: 7 * 1024 ** 3 },
      { path: "/b", quotaBytes: 6 * 1024 ** 3 },
    ]);
  });

  it("takes hosts and generation of the new configuration", () => {
    const next = accept({ "vhosts.xml": vhosts(vhost("", 'Name="b"')) }, { generation: 9 });
    expect(keepUntilRestart(accept(), next)).toEqual(next);
  });

  it("leaves exactly the changes that the table marks", () => {
    const current = configured("");
    const next = configured("<Workers>9</Workers><SyncStale>OFF</SyncStale><MemoryPath>/m</MemoryPath>");
    const pending = diffConfigs(keepUntilRestart(current, next), next);
    expect(pending.map(({ element, effect }) => [element, effect])).toEqual([
      ["Server/Cache/MemoryPath", "restart"],
      ["Server/Cache/Workers", "restart"],
    ]);
  });

  it("OPT-06 OPT-13 is a property of the option: the reference page and the reload read the same", () => {
    const atStart = flattenTable(SERVER_OPTIONS).filter(({ reload }) => reload === "restart");
    expect(atStart.map(({ at }) => at)).toEqual(
      expect.arrayContaining(["Cache/Storage/Disk", "Cache/Indexing", "Cache/MemoryPath", "Cache/Workers"]),
    );
  });
});
