import { describe, expect, it } from "vitest";
import { capped } from "../../src/upload/capped.ts";
import type { TransferTimes, UploadFile } from "../../src/upload/contract.ts";
import { dueAt } from "../../src/upload/schedule.ts";
import { uploadLine } from "../../src/upload/uploadLog.ts";
import { uploadPathOf } from "../../src/upload/uploadPath.ts";

const at = (day: number, hour: number, minute = 0): number => new Date(2014, 6, day, hour, minute).getTime();

describe("schedules", () => {
  it.each<[string, TransferTimes, number, number]>([
    ["rotate", { kind: "rotate" }, at(22, 17, 3), at(22, 17, 3)],
    ["Static later today", { kind: "daily", minute: 1_080 }, at(22, 17), at(22, 18)],
    ["Static at this moment", { kind: "daily", minute: 1_080 }, at(22, 18), at(22, 18)],
    ["Static tomorrow", { kind: "daily", minute: 240 }, at(22, 17), at(23, 4)],
    ["Static at the end of a month", { kind: "daily", minute: 240 }, at(31, 17), at(32, 4)],
    ["Interval of 4 hours", { kind: "hourly", hours: 4 }, at(22, 17, 3), at(22, 20)],
    ["Interval at its moment", { kind: "hourly", hours: 4 }, at(22, 16), at(22, 16)],
    ["Interval over midnight", { kind: "hourly", hours: 5 }, at(22, 22), at(23, 0)],
    ["Interval of a day", { kind: "hourly", hours: 24 }, at(22, 1), at(23, 0)],
  ])("LOG-187 %s", (_, times, queuedMs, dueMs) => {
    expect(dueAt(times, queuedMs)).toBe(dueMs);
  });
});

describe("paths", () => {
  const file: UploadFile = {
    path: "/log/example.com/access_20140722_0000.log",
    kind: "access",
    vhost: "example.com",
    startMs: at(22, 0),
    endMs: at(22, 23),
  };

  it.each([
    ["", "/example.com/access_20140722_0000.log"],
    ["/log_backup/%v/%s-%e.%p.log", "/log_backup/example.com/20140722_0000-20140722_2300.access.log"],
    ["/%h/%{%Y}s/%{%m-%d %H}e/%%p", "/edge-01/2014/07-22 23/%p"],
    ["%v.log", "/example.com.log"],
    ["/%{%Q}s", "/20140722_0000"],
  ])("LOG-185 LOG-186 %j gives %s", (template, path) => {
    expect(uploadPathOf(template, file, "edge-01")).toBe(path);
  });

  it("LOG-189 a compressed file keeps its ending", () => {
    const compressed = { ...file, path: `${file.path}.gz` };
    expect(uploadPathOf("", compressed, "edge-01")).toBe("/example.com/access_20140722_0000.log.gz");
    expect(uploadPathOf("/%v.log", compressed, "edge-01")).toBe("/example.com.log.gz");
    expect(uploadPathOf("/%v.gz", compressed, "edge-01")).toBe("/example.com.gz");
  });

  it("LOG-175 a log of the whole server has no folder of a host", () => {
    expect(uploadPathOf("", { ...file, vhost: "" }, "edge-01")).toBe("/access_20140722_0000.log");
    expect(uploadPathOf("", { ...file, vhost: "*unknown" }, "edge-01")).toBe("/unknown/access_20140722_0000.log");
  });
});

describe("lines of stonb.log", () => {
  const record = { localPath: "/log/a b", host: "::1", port: 21, remotePath: "/a\nb", bytes: 1, tookMs: 1.6 };

  it("LOG-10 LOG-190 stay one line of eight fields", () => {
    const line = uploadLine({ ...record, error: 'no "such"\r\nthing' }, at(22, 17));
    expect(line).toBe(`2014-07-22 17:00:00 /log/a%20b ftp://[::1]:21/a%0Ab 1 2 fail "no 'such' thing"`);
  });
});

describe("bandwidth", () => {
  it("LOG-182 chunks wait until those before have had their time", async () => {
    let now = 0;
    const clock = {
      now: () => now,
      pause: async (ms: number) => {
        now += ms;
      },
    };
    async function* chunks() {
      for (let count = 0; count < 20; count++) yield Buffer.alloc(1024);
    }
    let bytes = 0;
    for await (const chunk of capped(chunks(), 10_240, clock)) bytes += chunk.length;
    expect(bytes).toBe(20 * 1024);
    expect(now).toBe(1_900);
  });
});
