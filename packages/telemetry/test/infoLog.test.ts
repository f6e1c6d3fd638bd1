import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Clock, epochMs, monotonicMs } from "@basalt/types";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createInfoLog, markRequest } from "../src/index.ts";

const clock: Clock = {
  now: () => epochMs(new Date(2013, 7, 7, 21, 10, 42).getTime()),
  monotonic: () => monotonicMs(0),
};

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "basalt-log-"));
});
afterEach(() => rm(folder, { recursive: true }));

describe("the info log", () => {
  it("LOG-34 writes date, time, level and text in local time, creating its folder", async () => {
    const path = join(folder, "log", "info.log");
    const log = createInfoLog(path, clock);
    log.notice("Emergency mode inactivated.");
    log.warning("Emergency mode activated.");
    log.error("Disk failed.");
    await log.close();
    expect(await readFile(path, "utf8")).toBe(
      "2013-08-07 21:10:42 [NOTICE] Emergency mode inactivated.\n" +
        "2013-08-07 21:10:42 [WARNING] Emergency mode activated.\n" +
        "2013-08-07 21:10:42 [ERROR] Disk failed.\n",
    );
  });

  it("AWS-90 every line has a level, and the id of the request that it is about in one place", async () => {
    const path = join(folder, "info.log");
    const log = createInfoLog(path, clock);
    log.error(markRequest("unexpected: x", { sessionText: "18446744073709551615" }));
    log.error(markRequest("unexpected: y", { sessionText: "7", traceText: "1-5759e988-bd862e3fe1be46a994272793" }));
    log.notice(markRequest("of no request", undefined));
    await log.close();
    const lines = (await readFile(path, "utf8")).trim().split("\n");
    const read = lines.map((line) =>
      /^[\d-]{10} [\d:]{8} \[(NOTICE|WARNING|ERROR)\] (?:<session (\d+)(?: trace (\S+))?> )?(.*)$/.exec(line)?.slice(1),
    );
    expect(read).toEqual([
      ["ERROR", "18446744073709551615", undefined, "unexpected: x"],
      ["ERROR", "7", "1-5759e988-bd862e3fe1be46a994272793", "unexpected: y"],
      ["NOTICE", undefined, undefined, "of no request"],
    ]);
  });

  it("keeps an event on one line, without control characters, within a length", async () => {
    const path = join(folder, "info.log");
    const log = createInfoLog(path, clock);
    log.notice("a\r\nb\u001b[31m\u0000");
    log.notice("x".repeat(100_000));
    await log.close();
    const lines = (await readFile(path, "utf8")).split("\n");
    expect(lines[0]).toMatch(/\] a\\r\\nb\\x1b\[31m\\x00$/);
    expect(lines[1]?.length).toBeLessThan(9000);
    expect(lines).toHaveLength(3);
  });

  it("continues in a new file after reopen", async () => {
    const path = join(folder, "info.log");
    const log = createInfoLog(path, clock);
    log.notice("before");
    await log.flush();
    await rename(path, `${path}.moved`);
    log.reopen();
    log.notice("after");
    await log.close();
    expect(await readFile(path, "utf8")).toMatch(/\] after\n$/);
    expect(await readFile(`${path}.moved`, "utf8")).toMatch(/\] before\n$/);
  });

  it("LOG-175 tells of each file that is rotated, by its last name", async () => {
    const log = createInfoLog(join(folder, "info.log"), clock, { rotateBytes: 100 });
    log.configure({ enabled: true, type: "size", unit: [1], retention: 5, retentionDays: 0, compression: true });
    const rotated: string[] = [];
    log.onRotated((path) => rotated.push(path));
    for (const letter of "ab") {
      log.notice(letter.repeat(80));
      await log.flush();
    }
    await log.close();
    expect(rotated).toEqual([join(folder, "info_20130807_211042.log.gz")]);
    expect(await readdir(folder)).toContain("info_20130807_211042.log.gz");
  });

  it("LOG-02 LOG-15 rotates by size and keeps a number of files, named by their beginning", async () => {
    const path = join(folder, "info.log");
    const log = createInfoLog(path, clock, { rotateBytes: 100, keepFiles: 2 });
    for (let index = 0; index < 8; index += 1) {
      log.notice(`${index}`.repeat(40));
      await log.flush();
    }
    await log.close();
    expect((await readdir(folder)).sort()).toEqual([
      "info.log",
      "info_20130807_211042_6.log",
      "info_20130807_211042_7.log",
    ]);
    expect(await readFile(path, "utf8")).toContain("7777");
    expect(await readFile(join(folder, "info_20130807_211042_7.log"), "utf8")).toContain("6666");
  });

  it("never throws when the file cannot be written, bounds what waits, and reports what was dropped", async () => {
    const blocked = join(folder, "log");
    await writeFile(blocked, "a file where the folder should be");
    const path = join(blocked, "info.log");
    const log = createInfoLog(path, clock, { bufferBytes: 200 });
    for (let index = 0; index < 10; index += 1) {
      log.notice(`line ${index}`);
      await log.flush();
    }
    await rm(blocked);
    await mkdir(blocked);
    log.reopen();
    log.notice("the disk is back");
    await log.flush();
    log.notice("and goes on");
    await log.close();
    const text = await readFile(path, "utf8");
    expect(text).toContain("line 0\n");
    expect(text).toMatch(/\[WARNING\] \d+ lines of this log were dropped\./);
    expect(text).toContain("and goes on");
  });

  it("echoes every line when asked, and survives an echo that fails", async () => {
    const path = join(folder, "info.log");
    const echoed: string[] = [];
    const log = createInfoLog(path, clock, {
      echo: (line) => {
        echoed.push(line);
        throw new Error("closed terminal");
      },
    });
    log.notice("hello");
    await log.close();
    expect(echoed).toEqual(["2013-08-07 21:10:42 [NOTICE] hello\n"]);
    expect(await readFile(path, "utf8")).toBe(echoed[0]);
  });

  it("LOG-26 LOG-16 follows what is configured: by time, compressed, or without a file", async () => {
    let nowMs = new Date(2013, 7, 7, 21, 10, 42).getTime();
    const path = join(folder, "info.log");
    const log = createInfoLog(path, { now: () => epochMs(nowMs), monotonic: () => monotonicMs(0) });
    const heard: string[] = [];
    const end = log.listen((line) => heard.push(line));
    const settings = {
      enabled: true,
      type: "time",
      unit: [60],
      retention: 5,
      retentionDays: 0,
      compression: true,
    } as const;
    log.configure(settings);
    log.notice("first hour");
    await log.flush();
    nowMs += 3_600_000;
    log.notice("second hour");
    await log.flush();
    log.configure({ ...settings, enabled: false });
    log.notice("no file");
    end();
    log.notice("nobody");
    await log.close();
    expect((await readdir(folder)).sort()).toEqual(["info.log", "info_20130807_2100.log.gz"]);
    expect(await readFile(path, "utf8")).toMatch(/^2013-08-07 22:10:42 \[NOTICE\] second hour\n$/);
    expect(heard.map((line) => line.slice(29))).toEqual(["first hour\n", "second hour\n", "no file\n"]);
  });
});
