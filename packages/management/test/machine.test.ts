import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openScene, type Scene } from "./scene.ts";

let scene: Scene;

beforeAll(async () => {
  scene = await openScene();
});
afterAll(() => scene.close());

const resultOf = async (path: string): Promise<unknown> => {
  const { status, text } = await scene.ask(path);
  expect(status).toBe(200);
  return JSON.parse(text);
};

describe("the machine", () => {
  it("REG-266 CFG-24 hwinfo: the keys of the guide, every leaf is text", async () => {
    expect(await resultOf("/monitoring/hwinfo")).toEqual({
      version: "2.5.16",
      method: "hwinfo",
      status: "OK",
      result: {
        OS: "Linux version 3.3.0",
        STON: "2.5.16",
        CPU: { ProcCount: "4", Model: "Intel(R) Xeon(R) CPU E5606 @ 2.13GHz", MHz: "1200.000", Cache: "8192 KB" },
        Memory: "8 GB",
        NIC: [
          {
            Dev: "eth1",
            Model: "Intel Corporation 82574L Gigabit Network Connection",
            IP: "192.168.0.13",
            MAC: "00:25:90:36:f4:cb",
          },
        ],
        Disk: [{ Dev: "sda", Model: "HP DG0146FAMWL (scsi)", Total: "238787584", Usage: "40181760" }],
      },
    });
  });

  it("STAT-07 OPEN-S13 cpuinfo lists each processor and the load averages", async () => {
    expect(await resultOf("/monitoring/cpuinfo")).toMatchObject({
      method: "cpuinfo",
      result: {
        ProcCount: 1,
        SystemLoadAverage: { Min1: 125, Min5: 50, Min15: 1 },
        Processor: [{ Id: 0, Model: "X", MHz: "1200.000", Cache: "8192 KB", Socket: 0, Core: 0 }],
      },
    });
  });

  it("STAT-07 OPEN-S13 cacheresource tells memory and disks of the cache", async () => {
    expect(await resultOf("/monitoring/cacheresource")).toMatchObject({
      method: "cacheresource",
      result: {
        Memory: { Total: 8000, Free: 4000, ContentLimit: 2000, ContentUsed: 1000, Cached: 900, CachedCount: 9 },
        Disk: [{ Path: "/cache1", Status: "Normal", Used: 900, Quota: 0, Available: 1_000_000 }],
        FileTotal: 5,
        SizeTotal: 500,
      },
    });
  });

  it("STAT-07 OPEN-S13 coldfiledist tells of all hosts or of one", async () => {
    expect(await resultOf("/monitoring/coldfiledist?vhost=site1.com")).toMatchObject({
      method: "coldfiledist",
      result: { FileTotal: 55, SizeTotal: 550 },
    });
    await resultOf("/monitoring/coldfiledist");
    expect(scene.control.asked).toEqual(["coldFiles site1.com", "coldFiles undefined"]);
    const { text } = await scene.ask("/monitoring/coldfiledist");
    const ages = [...text.matchAll(/"Age":"([^"]+)"/g)].map(([, age]) => age);
    expect(ages).toEqual(["1h", "6h", "12h", "1d", "3d", "7d", "14d", "30d", "60d", "90d", "over 90d"]);
    expect((await scene.ask("/monitoring/coldfiledist?vhost=nobody.com")).status).toBe(404);
  });

  it("WM-45, WM-46 clusterlist of a server in no cluster fails with nothing", async () => {
    const { status, text } = await scene.ask("/monitoring/clusterlist");
    expect([status, text]).toEqual([200, '{"version":"2.5.16","method":"clusterlist","status":"Fail","result":{}}']);
  });

  it("STAT-92 vhostslist names the hosts in the order of loading", async () => {
    expect(await resultOf("/monitoring/vhostslist")).toEqual({
      version: "2.5.16",
      method: "vhostslist",
      status: "OK",
      result: ["www.example.com", "www.foobar.com", "site1.com"],
    });
  });

  it.each(["hwinfo", "cpuinfo", "cacheresource", "coldfiledist", "vhostslist", "fileinfo"])(
    "CFG-21 %s.json is the call without suffix, .xml tells the same",
    async (name) => {
      const query = name === "fileinfo" ? "?url=www.example.com/a" : "";
      const plain = await scene.ask(`/monitoring/${name}${query}`);
      expect((await scene.ask(`/monitoring/${name}.json${query}`)).text).toBe(plain.text);
      const xml = await scene.ask(`/monitoring/${name}.xml${query}`);
      expect(xml.status).toBe(200);
      expect(xml.headers["content-type"]).toBe("text/xml; charset=utf-8");
      expect(xml.text).toContain(`<method>${name}</method>`);
    },
  );
});
