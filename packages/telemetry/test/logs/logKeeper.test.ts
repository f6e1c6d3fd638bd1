import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterEach, describe, expect, it, vi } from "vitest";
import {
  LogBook,
  LogKeeper,
  type LogKind,
  type LogPlan,
  LogWriter,
  logFileName,
  openAppendFile,
  type RotatedLog,
  rotationRule,
  SyslogSender,
  type SyslogTarget,
} from "../../src/logs/index.ts";
import { listLogFiles } from "../../src/logs/keptFiles.ts";
import { linesOf, namesIn, withFolder } from "./support.ts";

const MEGABYTE = 1024 ** 2;

const hosts: Host[] = [];
afterEach(() => Promise.all(hosts.splice(0).map((host) => host.close())));

const planIn = (folder: string, changes: Partial<LogPlan> = {}): LogPlan => ({
  id: "access a",
  kind: "access",
  vhost: "a",
  folder,
  isOn: true,
  rule: rotationRule("time", [1440]),
  retention: { files: 10, days: 0 },
  compress: false,
  ftp: [],
  form: "ston",
  ...changes,
});

/** An instance of one process: keeper, book and writer, under a clock that stands until it is moved. */
class Host {
  receivers: readonly SyslogTarget[] = [];
  nowMs: number;
  free: number | undefined;
  hasEarlierWriters = false;
  awaited: readonly string[] = [];
  readonly toldWrites: string[] = [];
  readonly rotated: RotatedLog[] = [];
  readonly keeper: LogKeeper;
  readonly #writer = new LogWriter({ open: openAppendFile, onDropped: () => {}, onProblem: () => {} });
  readonly #book: LogBook;
  #written = 0;

  constructor(nowMs: number, otherWriters: readonly number[] = []) {
    hosts.push(this);
    this.nowMs = nowMs;
    const now = () => this.nowMs;
    this.keeper = new LogKeeper({
      now,
      writers: () => [0, ...otherWriters],
      announce: (notices) => this.#book.apply(notices),
      onRotated: (file) => this.rotated.push(file),
      onProblem: () => {},
      hasEarlierWriters: () => this.hasEarlierWriters,
      isAwaited: (_, { path }) => this.awaited.includes(basename(path)),
      freeBytes: () => Promise.resolve(this.free),
    });
    this.#book = new LogBook({
      writer: this.#writer,
      syslog: new SyslogSender({ hostName: "h", tagPrefix: "STON", now, onDropped: () => {} }),
      onWritten: (log, path, bytes) => {
        this.toldWrites.push(log);
        this.keeper.noteWritten(log, path, bytes);
      },
      onReleased: (path) => this.keeper.noteClosed(0, path),
      onTraced: () => {},
    });
  }

  configure(...plans: readonly LogPlan[]): void {
    const notices = this.keeper.configure(plans);
    this.#book.configure(
      plans.map((plan) => ({ plan, receivers: this.receivers, header: () => "#Fields: x\n" })),
      notices,
    );
  }

  async line(text = `${this.#written++}`, log = "access a"): Promise<void> {
    this.#book.write(log, this.nowMs, (line) => line.text(text));
    await this.#writer.flush();
  }

  close(): Promise<void> {
    return this.#writer.close();
  }

  async settle(): Promise<void> {
    this.keeper.tick();
    await this.#writer.flush();
    await this.keeper.whenIdle();
  }
}

const at = (hour: number, minute: number, second = 0, day = 14): number =>
  new Date(2013, 0, day, hour, minute, second).getTime();

describe("rotation by time", () => {
  it("LOG-22 A1 of spec 10: with ten minutes from 02:18 files end at 02:20, 02:30 and 02:40", () =>
    withFolder(async (folder) => {
      const host = new Host(at(2, 18));
      host.configure(planIn(folder, { rule: rotationRule("time", [10]) }));
      for (const moment of [at(2, 18), at(2, 19, 59), at(2, 20), at(2, 29), at(2, 31), at(2, 40)]) {
        host.nowMs = moment;
        await host.line(String(moment));
        await host.settle();
      }
      expect(await namesIn(folder)).toEqual([
        "access_20130114_0210.log",
        "access_20130114_0220.log",
        "access_20130114_0230.log",
        "access_20130114_0240.log",
      ]);
      expect(await linesOf(join(folder, "access_20130114_0210.log"))).toEqual([at(2, 18), at(2, 19, 59)].map(String));
      expect(host.rotated.map(({ path, startMs, endMs }) => [path, startMs, endMs])).toEqual([
        [join(folder, "access_20130114_0210.log"), at(2, 10), at(2, 20)],
        [join(folder, "access_20130114_0220.log"), at(2, 20), at(2, 30)],
        [join(folder, "access_20130114_0230.log"), at(2, 30), at(2, 40)],
      ]);
    }));

  it("LOG-24 goes on with the file of its period after a restart, and makes none where nothing is written", () =>
    withFolder(async (folder) => {
      const rule = rotationRule("time", [60]);
      for (const moment of [at(3, 1), at(3, 59)]) {
        const host = new Host(moment);
        host.configure(planIn(folder, { rule }));
        await host.line(String(moment));
      }
      const idle = new Host(at(9, 0));
      idle.configure(planIn(folder, { rule }));
      idle.nowMs = at(12, 0);
      await idle.settle();
      expect(idle.rotated).toEqual([]);
      expect(await namesIn(folder)).toEqual(["access_20130114_0300.log"]);
      expect(await linesOf(join(folder, "access_20130114_0300.log"))).toHaveLength(2);
    }));
});

describe("rotation by size", () => {
  it("LOG-12 A2 of spec 10: by both, two and a half megabytes give two rotations, and midnight one more", () =>
    withFolder(async (folder) => {
      const host = new Host(at(10, 0));
      host.configure(planIn(folder, { rule: rotationRule("both", [1440, 1]) }));
      for (let index = 0; index < 25; index++) await host.line("x".repeat(MEGABYTE / 10 - 1));
      await host.settle();
      expect(await namesIn(folder)).toEqual([
        "access_20130114_000000.log",
        "access_20130114_100000.log",
        "access_20130114_100000_2.log",
      ]);
      expect(host.rotated).toHaveLength(2);
      host.nowMs = at(0, 0, 0, 15);
      await host.line("new day");
      await host.settle();
      expect(host.rotated).toHaveLength(3);
      expect(await linesOf(join(folder, "access_20130115_000000.log"))).toEqual(["new day"]);
    }));

  it("AWS-87 LOG-23 a file that begins is behind all others by name, also of another rule and when the clock goes back", () =>
    withFolder(async (folder) => {
      const host = new Host(at(3, 20, 30));
      const written: string[] = [];
      const write = async (): Promise<void> => {
        await host.line();
        await host.settle();
        written.push(basename(host.keeper.targetOf("access a")?.path ?? ""));
      };
      host.configure(planIn(folder, { rule: rotationRule("size", [1]) }));
      await write();
      host.configure(planIn(folder, { rule: rotationRule("time", [60]) }));
      await write();
      host.configure(planIn(folder, { rule: rotationRule("both", [60, 1]) }));
      await write();
      host.nowMs = at(3, 10);
      host.configure(planIn(folder, { rule: rotationRule("both", [60, 2]) }));
      await write();
      expect((await listLogFiles(folder, "access")).map(({ name }) => name)).toEqual(written);
      host.nowMs = at(4, 0, 1);
      await write();
      expect(written.at(-1)).toBe("access_20130114_040000.log");
    }));

  it("LOG-23 goes on with a file that has room after a restart", () =>
    withFolder(async (folder) => {
      const plan = planIn(folder, { rule: rotationRule("size", [1]) });
      const first = new Host(at(10, 0, 5));
      first.configure(plan);
      await first.line("a");
      const second = new Host(at(23, 0, 0, 20));
      second.configure(plan);
      await second.line("b");
      expect(await namesIn(folder)).toEqual(["access_20130114_100005.log"]);
      await second.line("x".repeat(MEGABYTE));
      await second.line("c");
      await second.settle();
      const third = new Host(at(23, 0, 9, 20));
      third.configure(plan);
      await third.line("d");
      expect(await namesIn(folder)).toEqual(["access_20130114_100005.log", "access_20130120_230000.log"]);
      expect(await linesOf(join(folder, "access_20130120_230000.log"))).toEqual(["c", "d"]);
    }));
});

describe("what becomes of rotated files", () => {
  const hourly = rotationRule("time", [60]);

  const runHours = async (host: Host, hours: number): Promise<void> => {
    for (let hour = 0; hour < hours; hour++) {
      host.nowMs = at(hour, 0);
      await host.line(`hour ${hour}`);
      await host.settle();
    }
  };

  it("LOG-15 A3 of spec 10: of five, Retention 3 keeps the newest three", () =>
    withFolder(async (folder) => {
      const host = new Host(at(0, 0));
      host.configure(planIn(folder, { rule: hourly, retention: { files: 3, days: 0 } }));
      await runHours(host, 6);
      expect(await namesIn(folder)).toEqual([
        "access_20130114_0200.log",
        "access_20130114_0300.log",
        "access_20130114_0400.log",
        "access_20130114_0500.log",
      ]);
    }));

  it("REG-297 LOG-15 by size the oldest goes first, though names of one second differ in their number alone", () =>
    withFolder(async (folder) => {
      const host = new Host(at(10, 0, 5));
      host.configure(planIn(folder, { rule: rotationRule("size", [1]), retention: { files: 3, days: 0 } }));
      for (let file = 1; file <= 12; file++) {
        await host.line(`${file} ${"x".repeat(MEGABYTE)}`);
        await host.settle();
      }
      await host.line("present");
      await host.settle();
      const names = await namesIn(folder);
      const numbers = await Promise.all(
        names.map(async (name) => (await linesOf(join(folder, name)))[0]?.split(" ")[0]),
      );
      expect(numbers.toSorted()).toEqual(["10", "11", "12", "present"]);
    }));

  it("REG-291 LOG-15 LOG-28 a clean-up of hundreds of files goes on while others delete, replace and add files in the folder", () =>
    withFolder(async (folder) => {
      const nameOf = (index: number): string => logFileName("access", at(0, index), hourly);
      for (let index = 0; index < 400; index++) await writeFile(join(folder, nameOf(index)), "old\n");
      await mkdir(join(folder, logFileName("access", at(0, 400), hourly)));
      const host = new Host(at(12, 0));
      host.free = 1000;
      for (let round = 0; round < 20; round++) {
        host.configure(
          planIn(folder, { rule: hourly, retention: { files: 300 - round * 10, days: 0 }, compress: round % 2 === 0 }),
        );
        const others = Promise.all(
          Array.from({ length: 20 }, (_, at) =>
            rm(join(folder, nameOf(round * 20 + at)), { force: true, recursive: true }),
          ),
        );
        host.nowMs += 3_600_000;
        await host.line(`round ${round}`);
        if (round % 5 === 4) host.keeper.keepSpace();
        await Promise.all([host.settle(), others]);
      }
      await host.settle();
      const ofLog = async () => (await namesIn(folder)).filter((name) => name.startsWith("access_2013011"));
      expect((await ofLog()).length).toBeLessThan(120);
      await host.line("still written");
      const plain = (await ofLog()).filter((name) => name.endsWith(".log"));
      const texts = await Promise.all(plain.map((name) => readFile(join(folder, name), "utf8").catch(() => "")));
      expect(texts.join("")).toContain("still written");
    }));

  it("LOG-15, LOG-174: a file that has still to be uploaded stays until it was", () =>
    withFolder(async (folder) => {
      const host = new Host(at(0, 0));
      host.awaited = ["access_20130114_0000.log"];
      host.configure(planIn(folder, { rule: hourly, retention: { files: 1, days: 0 } }));
      await runHours(host, 4);
      expect(await namesIn(folder)).toEqual([
        "access_20130114_0000.log",
        "access_20130114_0200.log",
        "access_20130114_0300.log",
      ]);
      host.awaited = [];
      host.nowMs = at(4, 0);
      await host.line();
      await host.settle();
      expect(await namesIn(folder)).toEqual(["access_20130114_0300.log", "access_20130114_0400.log"]);
    }));

  it("LOG-16: no line is there twice when the process ended between a compressed file and the end of the plain one", () =>
    withFolder(async (folder) => {
      const name = "access_20130113_2200.log";
      await writeFile(join(folder, name), "line\n");
      await writeFile(join(folder, `${name}.gz`), gzipSync("line\n"));
      const other = "access_20130113_2300.log";
      await writeFile(join(folder, other), "late\n");
      await writeFile(join(folder, `${other}.gz`), gzipSync("line\n"));
      const host = new Host(at(0, 0));
      host.configure(planIn(folder, { rule: hourly, compress: true }));
      await host.settle();
      expect(await namesIn(folder)).toEqual([`${name}.gz`, `${other}.gz`, "access_20130113_2300_2.log.gz"]);
      const late = await readFile(join(folder, "access_20130113_2300_2.log.gz"));
      expect(gunzipSync(late).toString()).toBe("late\n");
    }));

  it("AWS-89 AWS-A16 deletes files older than RetentionDays, those of an earlier run too", () =>
    withFolder(async (folder) => {
      for (const day of ["01", "10", "13"]) await writeFile(join(folder, `access_201301${day}_0000.log.gz`), "");
      await writeFile(join(folder, "other_20130101_0000.log"), "");
      const host = new Host(at(1, 0));
      host.configure(planIn(folder, { retention: { files: 10, days: 3 } }));
      await host.settle();
      expect(await namesIn(folder)).toEqual(["access_20130113_0000.log.gz", "other_20130101_0000.log"]);
    }));

  it("AWS-89: files of a log that is off, or that no file follows in, become too old all the same", () =>
    withFolder(async (folder) => {
      const retention = { files: 10, days: 3 };
      const off = planIn(folder, { id: "detail a", kind: "detail", isOn: false, retention });
      const quiet = planIn(folder, { rule: rotationRule("size", [1]), retention });
      const host = new Host(at(1, 0));
      await writeFile(join(folder, "detail_20130113_0000.log"), "old\n");
      await writeFile(join(folder, "access_20130113_000000.log"), "old\n".repeat(MEGABYTE / 4));
      host.configure(off, quiet);
      await host.line();
      for (const day of [14, 15]) {
        host.nowMs = at(2, 0, 0, day);
        host.keeper.keepSpace();
        await host.settle();
      }
      expect(await namesIn(folder)).toHaveLength(3);
      host.nowMs = at(2, 0, 0, 16);
      host.keeper.keepSpace();
      await host.settle();
      expect(await namesIn(folder)).toEqual(["access_20130114_010000.log"]);
    }));

  it("REG-290 LOG-16 A4 of spec 10: compressed files and the present one have every line, also what a crash has left", () =>
    withFolder(async (folder) => {
      await writeFile(join(folder, "access_20130113_0000.log"), "left over\n");
      await writeFile(join(folder, "access_20130112_0000.log.gz.tmp"), "half");
      const host = new Host(at(0, 0));
      host.configure(planIn(folder, { rule: hourly, compress: true }));
      await runHours(host, 4);
      const names = await namesIn(folder);
      expect(names).toEqual([
        "access_20130113_0000.log.gz",
        "access_20130114_0000.log.gz",
        "access_20130114_0100.log.gz",
        "access_20130114_0200.log.gz",
        "access_20130114_0300.log",
      ]);
      const texts = await Promise.all(
        names.slice(1, 4).map(async (name) => gunzipSync(await readFile(join(folder, name))).toString()),
      );
      expect(texts).toEqual([0, 1, 2].map((hour) => `#Fields: x\nhour ${hour}\n`));
      expect(host.rotated.map(({ path }) => path)).toEqual(names.slice(1, 4).map((name) => join(folder, name)));
    }));

  it("a draft of a new file stays while the process that writes it lives", () =>
    withFolder(async (folder) => {
      const drafts = [`access_20130114_0000.log.${process.pid}.0.tmp`, "access_20130114_0000.log.4194305.0.tmp"];
      for (const name of drafts) await writeFile(join(folder, name), "");
      const host = new Host(at(0, 0));
      host.configure(planIn(folder, { rule: hourly }));
      await host.settle();
      expect(await namesIn(folder)).toEqual(drafts.slice(0, 1));
    }));

  it("LOG-16 does not compress what processes of an earlier run may still write to", () =>
    withFolder(async (folder) => {
      const left = join(folder, "access_20130113_2300.log");
      await writeFile(left, "line\n");
      const host = new Host(at(0, 0));
      host.hasEarlierWriters = true;
      host.configure(planIn(folder, { rule: hourly, compress: true }));
      await host.settle();
      expect(await namesIn(folder)).toEqual(["access_20130113_2300.log"]);
      host.hasEarlierWriters = false;
      host.keeper.writerGone(-1);
      await host.settle();
      expect(await namesIn(folder)).toEqual(["access_20130113_2300.log.gz"]);
    }));

  it("LOG-189 a process that was being started while a file was closed is asked for its word too", () =>
    withFolder(async (folder) => {
      const host = new Host(at(0, 0), [7]);
      host.configure(planIn(folder, { rule: hourly }));
      await host.line();
      host.nowMs = at(1, 0);
      await host.settle();
      const closed = join(folder, "access_20130114_0000.log");
      const next = join(folder, "access_20130114_0100.log");
      const of = (writer: number) =>
        host.keeper.closingFor(writer).map(({ target, closing }) => [target?.path, closing]);
      expect(of(7)).toEqual([[next, closed]]);
      expect(of(8)).toEqual([]);
      host.keeper.noteClosed(7, closed);
      await host.settle();
      expect(host.rotated.map(({ path }) => path)).toEqual([closed]);
      expect(of(7)).toEqual([]);
    }));

  it("LOG-189 a file is closed only when every process has said so, or is gone", () =>
    withFolder(async (folder) => {
      const host = new Host(at(0, 0), [7, 8]);
      host.configure(planIn(folder, { rule: hourly, compress: true }));
      await host.line();
      const path = join(folder, "access_20130114_0000.log");
      host.nowMs = at(1, 0);
      await host.settle();
      expect(host.rotated).toEqual([]);
      host.keeper.noteClosed(7, path);
      await host.settle();
      expect(host.rotated).toEqual([]);
      host.keeper.writerGone(8);
      await host.settle();
      expect(host.rotated.map((file) => file.path)).toEqual([`${path}.gz`]);
    }));

  it("REG-299 LOG-28 when the disk runs short only access logs go, the one in use behind a new one", () =>
    withFolder(async (folder) => {
      const inFolder = join(folder, "a");
      await mkdir(inFolder);
      for (const kind of ["access", "origin"] satisfies LogKind[]) {
        for (const day of ["11", "12"]) await writeFile(join(inFolder, `${kind}_201301${day}_0000.log`), "old\n");
      }
      const host = new Host(at(5, 0));
      host.configure(planIn(inFolder), planIn(inFolder, { id: "origin a", kind: "origin" }));
      await host.line("present");
      host.free = 1000;
      host.keeper.keepSpace();
      await host.settle();
      expect(await namesIn(inFolder)).toEqual([
        "access_20130114_0000.log",
        "origin_20130111_0000.log",
        "origin_20130112_0000.log",
      ]);
      await host.line("in the new file");
      host.keeper.keepSpace();
      await host.settle();
      expect(await namesIn(inFolder)).not.toContain("access_20130114_0000.log");
      expect(await linesOf(join(inFolder, "access_20130114_0000_2.log"))).toEqual(["in the new file"]);
    }));
});

describe("receivers of syslog", () => {
  it("LOG-197 LOG-25 get the text of the file, also while the file is off", () =>
    withFolder(async (folder) => {
      const socket = createSocket("udp4").bind(0, "127.0.0.1");
      try {
        await once(socket, "listening");
        const received: string[] = [];
        socket.on("message", (bytes) => received.push(String(bytes)));
        const host = new Host(at(5, 0));
        host.receivers = [{ priority: 158, host: "127.0.0.1", port: socket.address().port }];
        const text = "2013-03-12 14:09:20 [example.com] [ERROR] - 192.168.0.14 GET /1.gif 1996 Connect-Timeout -";
        host.configure(planIn(folder));
        await host.line(text);
        host.configure({ ...planIn(folder), isOn: false });
        await host.line("suppressed");
        await vi.waitFor(() => expect(received).toHaveLength(2), 10_000);
        expect(received[0]?.endsWith(`: ${text}`)).toBe(true);
        expect(received[1]?.endsWith(": suppressed")).toBe(true);
        expect(await linesOf(join(folder, "access_20130114_0000.log"))).toEqual([text]);
      } finally {
        socket.close();
      }
    }));
});

describe("a reload", () => {
  it("LOG-23 LOG-26 another form has another file, also before a line has come to the disk", () =>
    withFolder(async (folder) => {
      const host = new Host(at(10, 0));
      const plan = planIn(folder, { compress: true });
      host.configure(plan);
      const names = ["ston", "json", "ston"].map((form) => {
        host.configure({ ...plan, form });
        return basename(host.keeper.targetOf(plan.id)?.path ?? "");
      });
      expect(names).toEqual(["access_20130114_0000.log", "access_20130114_0000_2.log", "access_20130114_0000_3.log"]);
    }));

  it("LOG-26 LOG-25 switches files off and on, to other folders and to other forms, at once", () =>
    withFolder(async (folder) => {
      const host = new Host(at(5, 0));
      const plan = planIn(join(folder, "one"));
      host.configure(plan);
      await host.line("first");
      host.configure({ ...plan, isOn: false });
      await host.line("suppressed");
      host.configure(plan);
      await host.line("on again");
      host.configure({ ...plan, form: "apache" });
      await host.line("other form");
      host.configure({ ...plan, form: "apache", folder: join(folder, "two") });
      await host.line("other folder");
      host.configure();
      await host.line("no such log");
      await host.settle();
      const one = join(folder, "one");
      expect(await namesIn(one)).toEqual([
        "access_20130114_0000.log",
        "access_20130114_0000_2.log",
        "access_20130114_0000_3.log",
      ]);
      expect(await linesOf(join(one, "access_20130114_0000.log"))).toEqual(["first"]);
      expect(await linesOf(join(one, "access_20130114_0000_2.log"))).toEqual(["on again"]);
      expect(await linesOf(join(one, "access_20130114_0000_3.log"))).toEqual(["other form"]);
      expect(await linesOf(join(folder, "two", "access_20130114_0000.log"))).toEqual(["other folder"]);
    }));
});

describe("files for uploads", () => {
  it("LOG-189 are not those of a period that processes have begun before the keeper", () =>
    withFolder(async (folder) => {
      const host = new Host(at(0, 0));
      host.configure(planIn(folder, { rule: rotationRule("time", [60]), ftp: ["a"] }));
      await host.line();
      host.nowMs = at(1, 0);
      await host.line();
      expect(await namesIn(folder)).toEqual(["access_20130114_0000.log", "access_20130114_0100.log"]);
      expect((await host.keeper.rotatedForUpload())[0]?.files).toEqual([]);
    }));

  it("LOG-189 are those that are closed, of logs with a client, the oldest first", () =>
    withFolder(async (folder) => {
      const ftp = ["backup1"];
      const names = ["access_20120625_0000.log.gz", "access_20120626_0000.log", "access_20120627_0000.log"];
      for (const name of names) await writeFile(join(folder, name), "line\n");
      const host = new Host(new Date(2012, 5, 27, 16).getTime());
      host.keeper.configure([planIn(folder, { ftp }), planIn(folder, { id: "dns a", kind: "dns" })]);
      const [found, ...others] = await host.keeper.rotatedForUpload();
      expect(others).toEqual([]);
      expect(found?.plan.id).toBe("access a");
      expect(found?.files).toEqual(
        [25, 26].map((day, index) => ({
          path: join(folder, names[index] ?? ""),
          startMs: new Date(2012, 5, day).getTime(),
          endMs: new Date(2012, 5, day + 1).getTime(),
        })),
      );
    }));
});

describe("files that are read while they grow", () => {
  it("AWS-87 may grow until every process has written its last line to them, and while others may not know", () =>
    withFolder(async (folder) => {
      const host = new Host(at(2, 18), [7]);
      host.configure(planIn(folder, { rule: rotationRule("time", [10]), compress: true }));
      await host.line();
      const path = join(folder, "access_20130114_0210.log");
      expect(host.keeper.mayGrow(path)).toBe(true);
      host.nowMs = at(2, 20);
      await host.line();
      await host.settle();
      expect(host.keeper.mayGrow(path)).toBe(true);
      host.keeper.noteClosed(7, path);
      await host.settle();
      expect(host.keeper.mayGrow(path)).toBe(false);
      expect(host.keeper.mayGrow(join(folder, "access_20130114_0220.log"))).toBe(true);
      host.hasEarlierWriters = true;
      expect(host.keeper.mayGrow(path)).toBe(true);
    }));

  it("AWS-86 each write to a log that is followed is told, also one that a reload has made so", () =>
    withFolder(async (folder) => {
      const host = new Host(at(2, 18));
      host.configure(planIn(folder));
      await host.line();
      expect(host.toldWrites).toEqual([]);
      host.configure(planIn(folder, { isFollowed: true }));
      await host.line();
      expect(host.toldWrites).toEqual(["access a"]);
    }));
});
