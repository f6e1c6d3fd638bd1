import { readFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { AppendFile } from "../../src/logs/appendFile.ts";
import { type LogAppender, LogWriter, openAppendFile } from "../../src/logs/index.ts";
import { withFolder } from "./support.ts";

const NEVER = Number.POSITIVE_INFINITY;

const useFile = (appender: LogAppender, path: string, header = ""): void =>
  appender.setTarget({ targetAt: () => ({ path, untilMs: NEVER }), header: () => header }, { path, untilMs: NEVER });

const write = (appender: LogAppender, text: string, atMs = 0): boolean => {
  const line = appender.begin(atMs);
  if (line === undefined) return false;
  line.text(text);
  appender.end();
  return true;
};

/** A disk that takes so many bytes, and tells what is on it. */
class FakeDisk {
  room = NEVER;
  isStalled = false;
  readonly files = new Map<string, string>();
  readonly #waiting: (() => void)[] = [];

  readonly open = (path: string, header: string): Promise<AppendFile> => {
    if (!this.files.has(path)) this.files.set(path, header);
    return Promise.resolve({
      append: async (data) => {
        if (this.isStalled) await new Promise<void>((resolve) => this.#waiting.push(resolve));
        if (this.room <= 0) throw new Error("ENOSPC");
        const count = Math.min(this.room, data.length);
        this.room -= count;
        this.files.set(path, this.text(path) + Buffer.from(data.subarray(0, count)).toString("latin1"));
        return count;
      },
      takeBack: (tail) => {
        const text = this.text(path);
        if (text.endsWith(Buffer.from(tail).toString("latin1"))) {
          this.files.set(path, text.slice(0, text.length - tail.length));
          this.room += tail.length;
        }
        return Promise.resolve();
      },
      close: () => Promise.resolve(),
    });
  };

  text(path: string): string {
    return this.files.get(path) ?? "";
  }

  goOn(): void {
    this.isStalled = false;
    for (const resume of this.#waiting.splice(0)) resume();
  }
}

const sceneWith = (disk: FakeDisk, waitingBytes?: number) => {
  const told = { dropped: 0, problems: 0 };
  const writer = new LogWriter({
    open: disk.open,
    onDropped: (lines) => {
      told.dropped += lines;
    },
    onProblem: () => {
      told.problems++;
    },
    ...(waitingBytes === undefined ? {} : { waitingBytes }),
  });
  return { told, writer, appender: writer.createAppender() };
};

describe("lines on their way to a file", () => {
  it("LOG-31 are written together, in their order, behind the header", async () => {
    const disk = new FakeDisk();
    const { writer, appender } = sceneWith(disk);
    useFile(appender, "a.log", "#Fields: x\n");
    for (let index = 0; index < 1000; index++) expect(write(appender, `line ${index}`)).toBe(true);
    await writer.flush();
    const lines = Array.from({ length: 1000 }, (_, index) => `line ${index}\n`);
    expect(disk.text("a.log")).toBe(`#Fields: x\n${lines.join("")}`);
  });

  it("REG-301 LOG-27 take one of ten megabytes whole", async () => {
    const disk = new FakeDisk();
    const { writer, appender } = sceneWith(disk);
    useFile(appender, "a.log");
    write(appender, "x".repeat(10_000_000));
    write(appender, "y");
    await writer.flush();
    expect(disk.text("a.log").length).toBe(10_000_003);
  });

  it("LOG-14 go by their own time: the first line of the next period begins the next file", async () => {
    const disk = new FakeDisk();
    const { writer, appender } = sceneWith(disk);
    const targetAt = (ms: number) => ({
      path: `${Math.floor(ms / 100)}.log`,
      untilMs: (Math.floor(ms / 100) + 1) * 100,
    });
    appender.setTarget({ targetAt, header: () => "" }, targetAt(0));
    for (const atMs of [0, 50, 99, 100, 150, 420]) write(appender, String(atMs), appender.momentOf(atMs));
    await writer.flush();
    expect(Object.fromEntries(disk.files)).toEqual({ "0.log": "0\n50\n99\n", "1.log": "100\n150\n", "4.log": "420\n" });
  });

  it("never go back in time by a moment, but follow a clock that is set back", () => {
    const { appender } = sceneWith(new FakeDisk());
    expect([1000, 999.5, 1001, 500_000, 1000].map((ms) => appender.momentOf(ms))).toEqual([
      1000, 1000, 1001, 500_000, 1000,
    ]);
  });

  it("say when none is on the way to a file that is to be closed, lines in memory included", async () => {
    const disk = new FakeDisk();
    disk.isStalled = true;
    const { writer, appender } = sceneWith(disk);
    const released: string[] = [];
    useFile(appender, "old.log");
    write(appender, "old");
    useFile(appender, "new.log");
    appender.release("old.log", () => released.push(disk.text("old.log")));
    appender.release("never.log", () => released.push("never"));
    expect(released).toEqual(["never"]);
    write(appender, "new");
    const flushed = writer.flush();
    disk.goOn();
    await flushed;
    expect(released).toEqual(["never", "old\n"]);
    expect(disk.text("new.log")).toBe("new\n");
  });

  it("LOG-25 reach a listener although there is no file, and nothing else does", async () => {
    const disk = new FakeDisk();
    const { writer, appender } = sceneWith(disk);
    const heard: string[] = [];
    expect(write(appender, "nobody wants it")).toBe(false);
    appender.listener = (line) => heard.push(line.toString("latin1"));
    write(appender, "traced");
    useFile(appender, "a.log");
    write(appender, "both");
    await writer.flush();
    expect(heard).toEqual(["traced", "both"]);
    expect(disk.text("a.log")).toBe("both\n");
  });
});

describe("a disk that does not take lines", () => {
  it("LOG-31 costs lines, counted, and no memory beyond the bound, and nothing waits for it", async () => {
    const disk = new FakeDisk();
    disk.isStalled = true;
    const { told, writer, appender } = sceneWith(disk, 512 * 1024);
    useFile(appender, "a.log");
    const text = "x".repeat(1000);
    let taken = 0;
    for (let index = 0; index < 2000; index++) if (write(appender, text)) taken++;
    expect(taken).toBeLessThan(700);
    expect(told.dropped).toBe(2000 - taken);
    disk.goOn();
    await writer.flush();
    expect(disk.text("a.log").split("\n").length - 1).toBe(taken);
    expect(write(appender, "it goes on")).toBe(true);
  });

  it("LOG-31 leaves no torn line, wherever it is full, and has every line when there is room again", async () => {
    const lines = Array.from({ length: 40 }, (_, index) => `line ${index} ${"x".repeat(index)}`);
    const whole = lines.map((line) => `${line}\n`).join("");
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length), async (room) => {
        const disk = new FakeDisk();
        disk.room = room;
        const { told, writer, appender } = sceneWith(disk);
        useFile(appender, "a.log");
        for (const line of lines) write(appender, line);
        await writer.flush();
        expect(whole.startsWith(disk.text("a.log"))).toBe(true);
        expect(disk.text("a.log")).toMatch(/(^|\n)$/);
        expect(told.problems).toBe(room >= whole.length ? 0 : 1);
        disk.room = NEVER;
        await writer.close();
        expect(disk.text("a.log")).toBe(whole);
        expect(told.dropped).toBe(0);
      }),
      { numRuns: 60 },
    );
  });

  it("LOG-31 costs the lines of the log that is on it, not those of others", async () => {
    const disk = new FakeDisk();
    const told = { dropped: 0 };
    const writer = new LogWriter({
      open: (path, header) => (path === "bad.log" ? Promise.reject(new Error("EACCES")) : disk.open(path, header)),
      onDropped: (lines) => {
        told.dropped += lines;
      },
      onProblem: () => {},
      waitingBytes: 512 * 1024,
    });
    const [bad, good] = [writer.createAppender(), writer.createAppender()];
    useFile(bad, "bad.log");
    useFile(good, "good.log");
    write(bad, "first");
    await writer.flush();
    for (let index = 0; index < 2000; index++) write(bad, "x".repeat(1000));
    expect(told.dropped).toBeGreaterThan(0);
    for (let index = 0; index < 100; index++) expect(write(good, `line ${index}`)).toBe(true);
    await writer.close();
    expect(disk.text("good.log").split("\n").length - 1).toBe(100);
  });

  it("LOG-31 writes at the end of the process what came while another file was being written", async () => {
    const disk = new FakeDisk();
    const { told, writer, appender } = sceneWith(disk);
    const other = writer.createAppender();
    useFile(appender, "access.log");
    useFile(other, "origin.log");
    disk.isStalled = true;
    write(appender, "first");
    const flushed = writer.flush();
    write(other, "second");
    const closed = writer.close();
    disk.goOn();
    await Promise.all([flushed, closed]);
    expect(disk.text("origin.log")).toBe("second\n");
    expect(told.dropped).toBe(0);
  });

  it("counts what is lost when the process ends before there is room", async () => {
    const disk = new FakeDisk();
    disk.room = 0;
    const { told, writer, appender } = sceneWith(disk);
    useFile(appender, "a.log");
    for (let index = 0; index < 7; index++) write(appender, "x");
    await writer.close();
    expect(told.dropped).toBe(7);
  });
});

describe("a file of several processes", () => {
  it("LOG-29 begins with one header and holds the lines of all of them whole", () =>
    withFolder(async (folder) => {
      const path = join(folder, "deep", "access.log");
      const writers = Array.from(
        { length: 4 },
        () => new LogWriter({ open: openAppendFile, onDropped: () => {}, onProblem: () => {}, flushEveryMs: 1 }),
      );
      const appenders = writers.map((writer) => writer.createAppender());
      for (const appender of appenders) useFile(appender, path, "#Fields: a\n");
      for (let index = 0; index < 2000; index++) {
        for (const [process, appender] of appenders.entries())
          write(appender, `${process} ${index} ${"x".repeat(100)}`);
      }
      await Promise.all(writers.map((writer) => writer.close()));
      const lines = (await readFile(path, "latin1")).split("\n");
      expect(lines[0]).toBe("#Fields: a");
      expect(lines.length).toBe(8002);
      expect(new Set(lines.slice(1, -1)).size).toBe(8000);
      for (const line of lines.slice(1, -1)) expect(line).toMatch(/^[0-3] \d+ x{100}$/);
    }));

  it("takes back exactly what it is asked to, and nothing of another process", () =>
    withFolder(async (folder) => {
      const path = join(folder, "a.log");
      const file = await openAppendFile(path, "");
      await file.append(Buffer.from("whole\ntor"));
      await file.takeBack(Buffer.from("tor"));
      await file.append(Buffer.from("other\n"));
      await file.takeBack(Buffer.from("tor"));
      await file.takeBack(Buffer.from("x".repeat(100)));
      await file.close();
      expect(await readFile(path, "latin1")).toBe("whole\nother\n");
    }));
});
