import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { NO_BLOCK_COUNTERS, parseBlockDevices } from "../../src/system/blockDevices.ts";
import { parseProcessors } from "../../src/system/cpuInfo.ts";
import { type CpuTimes, countProcessors, cpuShares, parseCpuTimes, shareOfTicks } from "../../src/system/cpuTimes.ts";
import { parseLoadAverage } from "../../src/system/loadAverage.ts";
import { parseMemoryInfo } from "../../src/system/memoryInfo.ts";
import { mountOf, parseMounts } from "../../src/system/mounts.ts";
import { parseNetworkDevices } from "../../src/system/networkDevices.ts";
import { pageBytesOf } from "../../src/system/pageSize.ts";
import { parseProcessStat } from "../../src/system/processStat.ts";
import { parseEstablished, parseTcpSockets } from "../../src/system/sockets.ts";

const NO_TIMES: CpuTimes = { user: 0, nice: 0, system: 0, idle: 0, ioWait: 0, irq: 0, softIrq: 0, steal: 0 };

describe("/proc/stat", () => {
  it.each([
    [
      "6.x, ten columns",
      "cpu  100 2 50 800 20 0 7 3 9 1\ncpu0 50 1 25 400 10 0 4 1 5 1\ncpu1 50 1 25 400 10 0 3 2 4 0\nintr 8\nbtime 17\n",
      { user: 100, nice: 2, system: 50, idle: 800, ioWait: 20, irq: 0, softIrq: 7, steal: 3 },
      2,
    ],
    [
      "2.6.32, nine columns",
      "cpu  4705 356 584 3699176 23060 23 23 0 0\ncpu0 4705 356 584 3699176 23060 23 23 0 0\nintr 99\n",
      { user: 4705, nice: 356, system: 584, idle: 3_699_176, ioWait: 23_060, irq: 23, softIrq: 23, steal: 0 },
      1,
    ],
    ["2.4, four columns", "cpu  10 20 30 40\n", { ...NO_TIMES, user: 10, nice: 20, system: 30, idle: 40 }, 1],
    ["absent", "", NO_TIMES, 1],
    ["damaged", "cpu  x -3 1e9 40\n", { ...NO_TIMES, idle: 40 }, 1],
  ])("%s", (_, text, times, processors) => {
    expect(parseCpuTimes(text)).toEqual(times);
    expect(countProcessors(text)).toBe(processors);
  });

  it("STAT-45 gives shares in 0.01 %: wait is idle, interrupts and stolen time are kernel, niced is user", () => {
    const after = { user: 120, nice: 12, system: 60, idle: 860, ioWait: 40, irq: 2, softIrq: 4, steal: 2 };
    const before = { user: 100, nice: 2, system: 50, idle: 820, ioWait: 20, irq: 0, softIrq: 0, steal: 0 };
    expect(cpuShares(before, after)).toEqual({
      kernel: 1667,
      user: 2778,
      idle: 5555,
      nice: 926,
      ioWait: 1852,
      irq: 185,
      softIrq: 370,
      steal: 185,
    });
    expect(cpuShares(after, after)).toMatchObject({ kernel: 0, user: 0, idle: 0 });
    expect(shareOfTicks(27, before, after)).toBe(2500);
    expect(shareOfTicks(-5, before, after)).toBe(0);
    expect(shareOfTicks(5, after, after)).toBe(0);
  });

  it("the three shares are the whole, whatever was counted", () => {
    const ticks = fc.nat(1_000_000_000);
    const times = fc.record({
      user: ticks,
      nice: ticks,
      system: ticks,
      idle: ticks,
      ioWait: ticks,
      irq: ticks,
      softIrq: ticks,
      steal: ticks,
    });
    fc.assert(
      fc.property(times, times, (before, after) => {
        const { kernel, user, idle, ...parts } = cpuShares(before, after);
        expect([0, 10_000]).toContain(kernel + user + idle);
        for (const share of [kernel, user, idle, ...Object.values(parts)]) {
          expect(share).toBeGreaterThanOrEqual(0);
          expect(share).toBeLessThanOrEqual(10_000);
        }
      }),
    );
  });
});

describe("/proc/meminfo", () => {
  it.each([
    [
      "6.x",
      "MemTotal:       16308808 kB\nMemFree:         1024000 kB\nMemAvailable:   12000000 kB\nBuffers:           10 kB\nCached:            20 kB\nSwapTotal:       2097148 kB\nSwapFree:        2097144 kB\nHugePages_Total:       0\n",
      [16_308_808, 1_024_000, 12_000_000, 2_097_148, 2_097_144],
    ],
    [
      "2.6.32, without MemAvailable",
      "MemTotal:        8061912 kB\nMemFree:          300000 kB\nBuffers:          100000 kB\nCached:          4000000 kB\nSwapTotal:             0 kB\nSwapFree:              0 kB\n",
      [8_061_912, 300_000, 4_400_000, 0, 0],
    ],
    ["absent", "", [0, 0, 0, 0, 0]],
  ])("%s", (_, text, kilobytes) => {
    const [totalBytes, freeBytes, availableBytes, swapTotalBytes, swapFreeBytes] = kilobytes.map((kb) => kb * 1024);
    expect(parseMemoryInfo(text)).toEqual({ totalBytes, freeBytes, availableBytes, swapTotalBytes, swapFreeBytes });
  });
});

describe("/proc/diskstats", () => {
  const counters = (first: number) => Array.from({ length: 11 }, (_, column) => first + column);
  const expected = (first: number) =>
    Object.fromEntries(Object.keys(NO_BLOCK_COUNTERS).map((name, i) => [name, first + i]));

  it.each([
    ["2.6.32, eleven columns", "   8       0 sda ", ""],
    ["4.18, with discards", "   8       0 sda ", " 1 2 3 4"],
    ["5.5, with flushes", " 259       0 nvme0n1 ", " 1 2 3 4 5 6"],
    ["names with a slash", " 104       0 cciss/c0d0 ", ""],
  ])("STAT-47 %s", (_, front, behind) => {
    const [device] = parseBlockDevices(`${front}${counters(100).join(" ")}${behind}\n`);
    expect(device).toMatchObject({ ...expected(100), name: front.trim().split(/\s+/)[2] });
  });

  it("partitions of kernels before 2.6.25 have four columns", () => {
    expect(parseBlockDevices("   8       1 sda1 10 20 30 40\n")).toEqual([
      {
        major: 8,
        minor: 1,
        name: "sda1",
        ...NO_BLOCK_COUNTERS,
        reads: 10,
        readSectors: 20,
        writes: 30,
        writeSectors: 40,
      },
    ]);
  });

  it("takes no line that is no device, and reads back what it is given", () => {
    expect(parseBlockDevices("\n8 0\nx y z 1 2 3 4 5 6 7 8 9 10 11\n")).toEqual([]);
    const column = fc.nat(Number.MAX_SAFE_INTEGER);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(999), fc.nat(999), fc.array(column, { minLength: 11, maxLength: 17 }))),
        (rows) => {
          const text = rows.map(([major, minor, values]) => `${major} ${minor} d${major}x${minor} ${values.join(" ")}`);
          const devices = parseBlockDevices(text.join("\n"));
          expect(devices.map((device) => [device.major, device.minor, device.reads, device.weightedMs])).toEqual(
            rows.map(([major, minor, values]) => [major, minor, values[0], values[10]]),
          );
        },
      ),
    );
  });
});

describe("sockets", () => {
  const text = "sockets: used 290\nTCP: inuse 12 orphan 3 tw 40 alloc 17 mem 5\nUDP: inuse 4 mem 2\n";

  it("STAT-50 counts both families; what only the first file tells is for both", () => {
    expect(parseTcpSockets(text, "TCP6: inuse 8\nUDP6: inuse 1\n")).toEqual({
      inUse: 20,
      orphan: 3,
      timeWait: 40,
      allocated: 17,
      memoryPages: 5,
    });
    expect(parseTcpSockets("", "")).toEqual({ inUse: 0, orphan: 0, timeWait: 0, allocated: 0, memoryPages: 0 });
  });

  it("finds the established ones by the name of their column", () => {
    const snmp = [
      "Ip: Forwarding DefaultTTL",
      "Ip: 1 64",
      "Tcp: RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens PassiveOpens AttemptFails EstabResets CurrEstab InSegs",
      "Tcp: 1 200 120000 -1 9 8 7 6 55 4",
    ].join("\n");
    expect(parseEstablished(snmp)).toBe(55);
    expect(parseEstablished("Tcp: A B\nTcp: 1 2\n")).toBe(0);
    expect(parseEstablished("")).toBe(0);
  });
});

describe("the rest of /proc", () => {
  it.each([
    ["0.00 1.25 12.50 2/345 6789\n", [0, 125, 1250]],
    ["1000.99 0.01 3.3", [100_099, 1, 330]],
    ["", [0, 0, 0]],
    ["x 1.00 -1", [0, 100, 0]],
  ])("STAT-53 loadavg %j", (text, [minute1, minutes5, minutes15]) => {
    expect(parseLoadAverage(text)).toEqual({ minute1, minutes5, minutes15 });
  });

  it("the name of a program may look like the rest of the line", () => {
    const tail = "S 1 2 3 0 -1 4194304 1 2 3 4 111 222 0 0 20 0 11 0 5 6 777 18446744073709551615 1";
    const expected = { userTicks: 111, systemTicks: 222, residentPages: 777 };
    for (const name of ["node", "a) S 9 9 9", "two words", "(((", "line\nfeed"]) {
      expect(parseProcessStat(`4711 (${name}) ${tail}\n`)).toEqual(expected);
    }
    expect(parseProcessStat("")).toBeUndefined();
    expect(parseProcessStat("4711 (short) S 1 2")).toBeUndefined();
  });

  it.each([
    ["6.x", "    lo: 1 2 3 4 0 0 0 0 5 6 7 8 0 0 0 0\n"],
    ["2.6, no blank behind the colon", "    lo:1 2 3 4 0 0 0 0 5 6 7 8 0 0 0 0\n"],
  ])("net/dev of %s", (_, line) => {
    const head = "Inter-|   Receive  |  Transmit\n face |bytes packets|bytes packets\n";
    expect(parseNetworkDevices(head + line)).toEqual([
      {
        name: "lo",
        receivedBytes: 1,
        receivedPackets: 2,
        receivedErrors: 3,
        receivedDropped: 4,
        sentBytes: 5,
        sentPackets: 6,
        sentErrors: 7,
        sentDropped: 8,
      },
    ]);
  });

  it("an alias of a device has a colon in its name", () => {
    expect(parseNetworkDevices("eth0:1: 9 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n")[0]).toMatchObject({
      name: "eth0:1",
      receivedBytes: 9,
    });
  });

  it("mountinfo: folders with blanks, optional fields, the deepest and last mount counts", () => {
    const mounts = parseMounts(
      [
        "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw",
        "36 22 8:17 / /cache\\0401 rw shared:2 master:3 - xfs /dev/sdb1 rw",
        "37 22 0:40 / /cache2 rw - btrfs /dev/mapper/vg-data rw",
        "38 22 8:33 / /cache2 rw - ext4 /dev/sdc1 rw",
        "broken line",
      ].join("\n"),
    );
    expect(mounts).toHaveLength(4);
    expect(mountOf(mounts, "/cache 1/seg")).toMatchObject({ major: 8, minor: 17, fileSystem: "xfs" });
    expect(mountOf(mounts, "/cache2")).toMatchObject({ source: "/dev/sdc1" });
    expect(mountOf(mounts, "/cache22")).toMatchObject({ folder: "/" });
    expect(mountOf([], "/cache")).toBeUndefined();
  });

  it("the size of pages is an entry of the auxiliary vector", () => {
    const entry = (kind: bigint, value: bigint): Buffer => {
      const bytes = Buffer.alloc(16);
      bytes.writeBigUInt64LE(kind, 0);
      bytes.writeBigUInt64LE(value, 8);
      return bytes;
    };
    expect(pageBytesOf(Buffer.concat([entry(33n, 5n), entry(6n, 65_536n), entry(0n, 0n)]))).toBe(65_536);
    expect(pageBytesOf(entry(6n, 3n))).toBe(4096);
    expect(pageBytesOf(Buffer.alloc(7))).toBe(4096);
  });
});

describe("/proc/cpuinfo", () => {
  it("CFG-24 x86: one block per processor", () => {
    const block = (id: number) =>
      `processor\t: ${id}\nvendor_id\t: GenuineIntel\nmodel name\t: Intel(R) Xeon(R) CPU           E5606  @ 2.13GHz\ncpu MHz\t\t: 1200.000\ncache size\t: 8192 KB\nphysical id\t: 0\ncore id\t\t: ${id}\n`;
    expect(parseProcessors([0, 1, 2, 3].map(block).join("\n"))).toHaveLength(4);
    expect(parseProcessors(block(1))).toEqual([
      {
        id: 1,
        model: "Intel(R) Xeon(R) CPU           E5606  @ 2.13GHz",
        mhz: "1200.000",
        cache: "8192 KB",
        socket: 0,
        core: 1,
      },
    ]);
  });

  it("ARM names parts, not models; POWER has a clock", () => {
    const arm = "processor\t: 0\nBogoMIPS\t: 243.75\nCPU implementer\t: 0x41\nCPU part\t: 0xd0c\n";
    expect(parseProcessors(arm)[0]).toMatchObject({ model: "Neoverse-N1", mhz: "", cache: "" });
    expect(parseProcessors(arm.replace("0xd0c", "0xfff"))[0]?.model).toBe("ARM implementer 0x41 part 0xfff");
    const power = "processor\t: 0\ncpu\t\t: POWER8 (raw), altivec supported\nclock\t\t: 3425.000000MHz\n";
    expect(parseProcessors(power)[0]).toMatchObject({ model: "POWER8 (raw), altivec supported", mhz: "3425.000000" });
  });
});

it("no parser throws, whatever the text", () => {
  const words = fc.constantFrom(
    "cpu",
    "TCP:",
    "processor",
    ":",
    "\n",
    " ",
    "-",
    ")",
    "9999999999999999999999",
    "1",
    "Tcp:",
    "\t",
    "\\040",
  );
  const text = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.array(words).map((parts) => parts.join("")),
  );
  fc.assert(
    fc.property(text, (input) => {
      parseCpuTimes(input);
      countProcessors(input);
      parseMemoryInfo(input);
      parseBlockDevices(input);
      parseTcpSockets(input, input);
      parseEstablished(input);
      parseLoadAverage(input);
      parseProcessStat(input);
      parseProcessors(input);
      parseNetworkDevices(input);
      mountOf(parseMounts(input), "/a");
    }),
  );
});
