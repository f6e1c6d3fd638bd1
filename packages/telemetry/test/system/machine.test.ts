import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { findPciModel, parseDistribution } from "../../src/system/hardware.ts";
import { createSystemSampler, openKernelFiles, readHardware, SYSTEM_METRICS } from "../../src/system/index.ts";

const DISKSTATS = `   8       0 sda 1 2 3 4 5 6 7 8 9 10 11
   8       1 sda1 11 12 13 14 15 16 17 18 0 20 21
   8      17 sdb1 31 0 0 0 0 0 0 0 0 0 41 1 2 3 4
 253       2 dm-2 51 0 0 0 0 0 0 0 0 0 61
`;

const MOUNTINFO = `22 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw
36 22 8:17 / /cache1 rw - xfs /dev/sdb1 rw
37 22 0:40 / /cache2 rw - btrfs /dev/mapper/vg-data rw
38 22 0:41 / /dev/shm rw - tmpfs tmpfs rw
`;

const roots: string[] = [];

const rootWith = async (files: Readonly<Record<string, string>>): Promise<string> => {
  const root = await mkdtemp(join(tmpdir(), "basalt-system-"));
  roots.push(root);
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
  return root;
};

afterEach(async () => {
  await Promise.all(roots.splice(0).map((root) => rm(root, { recursive: true, force: true })));
});

describe("a sample of the machine", () => {
  it("STAT-47 finds the block device of each disk, by its number or its name, and none for tmpfs", async () => {
    const root = await rootWith({ "proc/diskstats": DISKSTATS, "proc/self/mountinfo": MOUNTINFO });
    await mkdir(join(root, "dev/mapper"), { recursive: true });
    await symlink("../dm-2", join(root, "dev/mapper/vg-data"));
    const { disks } = createSystemSampler(openKernelFiles(root)).sample(
      [],
      ["/cache1", "/cache2", "/dev/shm", "/nowhere"],
    );
    expect(disks.map(({ path, device, reads, weightedMs }) => [path, device, reads, weightedMs])).toEqual([
      ["/cache1", "sdb1", 31, 41],
      ["/cache2", "dm-2", 51, 61],
      ["/dev/shm", "", 0, 0],
      ["/nowhere", "sda1", 11, 21],
    ]);
  });

  it("absent files give zeros", async () => {
    const sample = createSystemSampler(openKernelFiles(await rootWith({}))).sample([1, 2], ["/cache1"]);
    const leaves = JSON.stringify(sample).match(/:-?[\d.]+/g) ?? [];
    expect(leaves.length).toBeGreaterThan(30);
    expect(new Set(leaves)).toEqual(new Set([":0"]));
  });

  it("STAT-46 adds up the processes of the instance", async () => {
    const stat = (user: number, system: number) =>
      `1 (node) S 1 2 3 0 -1 4194304 1 2 3 4 ${user} ${system} 0 0 20 0 11 0 5 6 100 0`;
    const root = await rootWith({ "proc/10/stat": stat(5, 6), "proc/11/stat": stat(7, 8) });
    const { processes } = createSystemSampler(openKernelFiles(root)).sample([10, 11, 12], []);
    expect(processes).toMatchObject({ userTicks: 12, systemTicks: 14 });
    expect(processes.residentBytes % 200).toBe(0);
    expect(processes.residentBytes).toBeGreaterThan(200 * 1024);
  });

  it("STAT-46 SNMP-86 SNMP-88: what a process has used stays used when it ends, so that the share of an hour is true", () => {
    const used = new Map<number, number>();
    const text = (path: string): string => {
      const ticks = used.get(Number(/^\/proc\/(\d+)\/stat$/.exec(path)?.[1] ?? 0));
      return ticks === undefined
        ? ""
        : `1 (node) S 1 2 3 0 -1 4194304 1 2 3 4 ${ticks} ${ticks} 0 0 20 0 11 0 5 6 100 0`;
    };
    const sampler = createSystemSampler({ text, link: () => "", names: () => [] });
    const after = (...ticks: readonly (readonly [pid: number, ticks: number])[]) => {
      used.clear();
      for (const [pid, amount] of ticks) used.set(pid, amount);
      const { userTicks, systemTicks } = sampler.sample([...used.keys()], []).processes;
      return [userTicks, systemTicks];
    };
    expect(after([1, 10], [2, 5_000])).toEqual([5_010, 5_010]);
    expect(after([1, 20], [3, 7])).toEqual([5_027, 5_027]);
    expect(after([1, 20], [3, 4])).toEqual([5_031, 5_031]);
    used.clear();
    const unread = sampler.sample([1, 3], []).processes;
    expect([unread.userTicks, ...after([1, 25], [3, 4])]).toEqual([5_031, 5_036, 5_036]);
  });

  it("reads the machine that it runs on", () => {
    const sample = createSystemSampler().sample([process.pid], ["/"]);
    expect(sample.cpu.user).toBeGreaterThan(0);
    expect(sample.memory.totalBytes).toBeGreaterThan(sample.memory.freeBytes);
    expect(sample.processes.residentBytes).toBeGreaterThan(1_000_000);
  });

  it("every metric has a name of its own and reads numbers", () => {
    const sample = createSystemSampler().sample([process.pid], ["/"]);
    expect(new Set(SYSTEM_METRICS.map(({ name }) => name)).size).toBe(SYSTEM_METRICS.length);
    for (const { name, kind, read } of SYSTEM_METRICS) {
      expect(name.endsWith("_total")).toBe(kind === "counter");
      for (const { value } of read(sample)) expect(value).toBeGreaterThanOrEqual(0);
    }
  });
});

describe("hardware", () => {
  it("REG-266 CFG-24 reads processors, memory, network and disks", async () => {
    const root = await rootWith({
      "proc/version": "Linux version 5.14.0 (builder) #1 SMP\n",
      "etc/os-release": 'ID=rocky\nPRETTY_NAME="Rocky Linux 9.3 (Blue Onyx)"\n',
      "proc/cpuinfo": "processor\t: 0\nmodel name\t: X\ncpu MHz\t\t: 1200.000\ncache size\t: 8192 KB\n",
      "proc/meminfo": "MemTotal:        8388608 kB\n",
      "proc/self/mountinfo": `${MOUNTINFO}39 36 8:17 /sub /elsewhere rw - xfs /dev/sdb1 rw\n`,
      "sys/class/net/lo/address": "00:00:00:00:00:00\n",
      "sys/class/net/eth1/address": "00:25:90:36:f4:cb\n",
      "sys/class/net/eth1/device/vendor": "0x8086\n",
      "sys/class/net/eth1/device/device": "0x10d3\n",
      "sys/class/net/eth1/device/uevent": "DRIVER=e1000e\nPCI_ID=8086:10D3\n",
      "sys/class/net/eth2/address": "00:25:90:36:f4:cc\n",
      "usr/share/misc/pci.ids": "8086  Intel Corporation\n\t10d3  82574L Gigabit Network Connection\n",
      "sys/block/sda/size": "41943040\n",
      "sys/block/sda/dev": "8:0\n",
      "sys/block/sda/sda1/dev": "8:1\n",
      "sys/block/sda/device/vendor": "HP      \n",
      "sys/block/sda/device/model": "DG0146FAMWL     \n",
      "sys/block/sdb/size": "100\n",
      "sys/block/sdb/sdb1/dev": "8:17\n",
      "sys/block/loop0/size": "0\n",
    });
    expect(readHardware(openKernelFiles(root))).toEqual({
      kernel: "Linux version 5.14.0 (builder) #1 SMP",
      distribution: "Rocky Linux 9.3 (Blue Onyx)",
      cpu: { processors: 1, model: "X", mhz: "1200.000", cache: "8192 KB" },
      memoryBytes: 8_589_934_592,
      network: [
        { device: "eth1", model: "Intel Corporation 82574L Gigabit Network Connection", mac: "00:25:90:36:f4:cb" },
        { device: "eth2", model: "", mac: "00:25:90:36:f4:cc" },
      ],
      disks: [
        { device: "sda", model: "HP DG0146FAMWL (scsi)", totalBytes: 21_474_836_480, folders: ["/"] },
        { device: "sdb", model: "sdb (scsi)", totalBytes: 51_200, folders: ["/cache1"] },
      ],
    });
  });

  it("a machine that shows nothing has no parts", async () => {
    const hardware = readHardware(openKernelFiles(await rootWith({})));
    expect(hardware).toMatchObject({ kernel: "", distribution: "", memoryBytes: 0, network: [], disks: [] });
  });

  it.each([
    ["8086", "10d3", "Intel Corporation 82574L Gigabit Network Connection"],
    ["8086", "ffff", "Intel Corporation device ffff"],
    ["1af4", "1041", "Red Hat, Inc. Virtio network device"],
    ["dead", "beef", ""],
  ])("pci.ids %s:%s", (vendor, device, model) => {
    const table =
      "# comment\n1af4  Red Hat, Inc.\n\t1041  Virtio network device\n\t\t1af4 1100  QEMU\n\n8086  Intel Corporation\n\t10d3  82574L Gigabit Network Connection\n\t\t8086 a01f  Desktop Adapter\n8087  Intel Corp.\n\tffff  No\n";
    expect(findPciModel(table, vendor, device)).toBe(model);
  });

  it.each([
    ['PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n', "Debian GNU/Linux 12 (bookworm)"],
    ["NAME=a\nPRETTY_NAME='CentOS Linux 7 (Core)'\n", "CentOS Linux 7 (Core)"],
    ["PRETTY_NAME=Alpine\n", "Alpine"],
    ["", ""],
  ])("os-release %j", (text, name) => {
    expect(parseDistribution(text)).toBe(name);
  });
});
