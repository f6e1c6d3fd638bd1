import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  FILE_SYSTEM_HEADER,
  FILE_SYSTEM_STATUSES,
  type FileSystemStatus,
  FileTransaction,
  fileSystemCodeOf,
  type LoggedFileAccess,
  writeFileSystemLine,
} from "../../src/logs/index.ts";
import { lineOf, MOMENT } from "./support.ts";

const access: LoggedFileAccess = {
  method: "READ",
  path: "/file.txt",
  status: "normal",
  bytes: 1_024_768,
  responseMs: 100,
  elapsedMs: 2000,
  result: "TCP_HIT",
  kind: "FILE",
  sessionId: 2n,
};

const lineWith = (changes: Partial<LoggedFileAccess>): string =>
  lineOf((line) => writeFileSystemLine(line, { ...access, ...changes }, MOMENT));

describe("the file system log", () => {
  it("LOG-149 LOG-151 LOG-153 writes the guide's line, its columns named in front", () => {
    expect(lineWith({})).toBe("2012.06.27 16:52:24 READ /file.txt 200 1024768 100 2000 TCP_HIT FILE 2");
    expect(FILE_SYSTEM_HEADER).toBe(
      "#Fields: date time cs-method cs-path sc-status sc-bytes response-time time-taken sc-cachehit attr session-id\n",
    );
  });

  it.each([
    ["LOG-154", "normal", 200, /^Normal/],
    ["LOG-155", "bypassNeeded", 301, /bypass/],
    ["LOG-156", "refused", 302, /refused/],
    ["LOG-157", "redirectNeeded", 303, /redirect/],
    ["LOG-158", "badRequest", 400, /Bad request/],
    ["LOG-159", "unknownVhost", 401, /virtual host/],
    ["LOG-160", "originFailed", 402, /from the origin failed/],
    ["LOG-161", "objectFailed", 500, /Initialisation of the object/],
    ["LOG-162", "openFailed", 501, /Opening the object/],
    ["LOG-163", "pathFailed", 502, /storage path/],
    ["LOG-164", "memoryFailed", 503, /Initialisation of memory/],
    ["LOG-165", "emergency", 504, /Emergency/],
    ["LOG-166", "fileTimeout", 600, /Timeout while waiting for the file/],
    ["LOG-167", "dataTimeout", 601, /Timeout while waiting for data/],
    ["LOG-168", "fileWaitFailed", 602, /Initialisation of the file failed while waiting/],
    ["LOG-169", "dataWaitFailed", 603, /Initialisation of data failed while waiting/],
    ["LOG-170", "wrongOffset", 701, /offset/],
    ["LOG-171", "regionFailed", 702, /region/],
    ["LOG-172", "outOfMemory", 703, /memory/],
    ["LOG-173", "sessionFailed", 704, /session with the origin/],
  ] as const)("%s %s is %i", (_, status, code, meaning) => {
    expect(fileSystemCodeOf(status)).toBe(code);
    expect(lineWith({ status }).split(" ")[4]).toBe(String(code));
    expect(FILE_SYSTEM_STATUSES.find(({ name }) => name === status)?.meaning).toMatch(meaning);
  });

  it("LOG-154 to LOG-173 has no other status, and none twice", () => {
    expect(new Set(FILE_SYSTEM_STATUSES.map(({ code }) => code)).size).toBe(20);
    expect(new Set(FILE_SYSTEM_STATUSES.map(({ name }) => name)).size).toBe(20);
  });

  it("LOG-30 keeps its eleven columns whatever a path is", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (path) => {
        const parts = {
          monotonicMs: () => 0,
          nextSession: () => 1n,
          log: (_: string, one: LoggedFileAccess) => lines.push(one),
        };
        const lines: LoggedFileAccess[] = [];
        FileTransaction.ofAttributes(parts, "a.test", path).end({ status: "normal", result: "TCP_HIT", kind: "FILE" });
        const [one] = lines;
        expect(one === undefined ? [] : lineWith(one).split(" ")).toHaveLength(11);
      }),
    );
  });
});

describe("a use of the file system", () => {
  const HIT = { status: "normal" satisfies FileSystemStatus, result: "TCP_HIT", kind: "FILE" } as const;

  const scene = () => {
    let nowMs = 1_000;
    let session = 2n ** 63n;
    const logged: LoggedFileAccess[] = [];
    const parts = {
      monotonicMs: () => nowMs,
      nextSession: () => ++session,
      log: (_: string, one: LoggedFileAccess) => logged.push(one),
    };
    const pass = (ms: number): void => {
      nowMs += ms;
    };
    return { parts, logged, pass };
  };

  it("LOG-148 LOG-150 LOG-151 is READ when something was read, logged at close with its times", () => {
    const { parts, logged, pass } = scene();
    const file = FileTransaction.ofFile(parts, "a.test", "/film.mp4");
    pass(100);
    file.connected();
    pass(50);
    file.connected();
    file.read(1_000);
    file.read(768);
    file.read(0);
    expect(logged).toEqual([]);
    pass(1_850);
    file.end(HIT);
    file.end(HIT);
    expect(logged).toEqual([
      {
        method: "READ",
        path: "/film.mp4",
        ...HIT,
        bytes: 1_768,
        responseMs: 100,
        elapsedMs: 2_000,
        sessionId: 2n ** 63n + 1n,
      },
    ]);
  });

  it("LOG-150 is OPEN when nothing was read, READ of an empty file, ATTR for getattr", () => {
    const { parts, logged, pass } = scene();
    const opened = FileTransaction.ofFile(parts, "a.test", "/a");
    pass(7);
    opened.end({ status: "originFailed", result: "TCP_MISS", kind: "FILE" });
    const empty = FileTransaction.ofFile(parts, "a.test", "/a");
    empty.read(0);
    empty.end(HIT);
    FileTransaction.ofAttributes(parts, "a.test", "/a").end({ ...HIT, kind: "FOLDER" });
    expect(logged.map(({ method, kind, responseMs, elapsedMs }) => [method, kind, responseMs, elapsedMs])).toEqual([
      ["OPEN", "FILE", 7, 7],
      ["READ", "FILE", 0, 0],
      ["ATTR", "FOLDER", 0, 0],
    ]);
  });

  it("LOG-152 has one unsigned id from open to close, and another for every getattr", () => {
    const { parts, logged } = scene();
    const file = FileTransaction.ofFile(parts, "a.test", "/a");
    const opened = file.sessionId;
    for (const _ of [1, 2]) FileTransaction.ofAttributes(parts, "a.test", "/a").end(HIT);
    file.read(5);
    file.end(HIT);
    const ids = logged.map(({ sessionId }) => sessionId);
    expect(new Set(ids).size).toBe(3);
    expect(ids.at(-1)).toBe(opened);
    expect(lineWith({ sessionId: opened }).split(" ").at(-1)).toBe("9223372036854775809");
    expect(lineWith({ sessionId: -1n }).split(" ").at(-1)).toBe("18446744073709551615");
  });
});
