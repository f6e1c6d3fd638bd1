import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import type { Problem } from "@basalt/types";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import type { Invalidation } from "../src/protocol.ts";
import { createStaleLog, parseStaleLine } from "../src/staleLog.ts";
import { onEnd, temporaryFolder } from "./support/temporaryFolder.ts";

const purge = (version: number, url = `/${version}`): Invalidation => ({
  version,
  vhost: "www.example.com",
  target: { kind: "url", url },
  action: { kind: "purge" },
});

const home = () => {
  const path = join(temporaryFolder(), "stale.log");
  const problems: Problem[] = [];
  const scene = {
    path,
    problems,
    isOn: true,
    open: () => {
      const log = createStaleLog({ path, isOn: () => scene.isOn, onProblem: (problem) => problems.push(problem) });
      onEnd(() => log.close());
      return log;
    },
    text: () => readFileSync(path, "utf8"),
    versions: async () => (await scene.open().readAll()).map(({ version }) => version),
  };
  return scene;
};

describe("stale.log", () => {
  it("PRG-29, LOG-47, OPT-80 and OPT-81 keep every call for the next start, in order", async () => {
    const scene = home();
    const calls: Invalidation[] = [
      purge(1),
      { ...purge(2), target: { kind: "pattern", pattern: "/a*\u2028b\n" }, action: { kind: "expire" } },
      { ...purge(3), target: { kind: "collective", url: "/q" }, action: { kind: "hardpurge" } },
      { ...purge(4), action: { kind: "expireafter", untilMs: 1_760_000_000_000 } },
    ];
    const log = scene.open();
    for (const call of calls) await log.append(call);
    expect(await scene.open().readAll()).toEqual(calls);
    expect(scene.problems).toEqual([]);
  });

  it("OPT-82 ignores the log when SyncStale is OFF", async () => {
    const scene = home();
    await scene.open().append(purge(1));
    scene.isOn = false;
    await scene.open().append(purge(2));
    expect(await scene.versions()).toEqual([]);
    scene.isOn = true;
    expect(await scene.versions()).toEqual([1]);
  });

  it("OPT-83 and LOG-11 is blank when everything is in the index, and empty when it stays so, or is closed", async () => {
    const scene = home();
    const log = scene.open();
    await log.append(purge(1));
    await log.append(purge(2));
    await log.clear(2);
    expect(scene.text().trim()).toBe("");
    await log.clear(2);
    expect(scene.text()).toBe("");
    await log.append(purge(3));
    expect(await scene.versions()).toEqual([3]);
    await log.clear(Number.MAX_SAFE_INTEGER);
    await log.close();
    expect(scene.text()).toBe("");
  });

  it("OPT-83 has the size of what counts in it, whatever has been logged and forgotten", async () => {
    const scene = home();
    const log = scene.open();
    const url = `/${"long".repeat(250)}`;
    for (let version = 1; version <= 2000; version += 50) {
      await Promise.all(Array.from({ length: 50 }, (_, index) => log.append(purge(version + index, url))));
      await log.clear(version - 1);
    }
    expect(await scene.versions()).toEqual(Array.from({ length: 50 }, (_, index) => 1951 + index));
    expect(scene.text().length).toBeLessThanOrEqual(6 * 64 * 1024);
  });

  it("OPT-81 tells of every call that was not forgotten, wherever in the file it was written", async () => {
    const step = fc.oneof(
      fc.record({
        kind: fc.constant("append" as const),
        count: fc.integer({ min: 1, max: 20 }),
        letters: fc.nat(4000),
      }),
      fc.record({ kind: fc.constant("clear" as const), share: fc.double({ min: 0, max: 1, noNaN: true }) }),
      fc.record({ kind: fc.constant("reopen" as const) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        const scene = home();
        let log = scene.open();
        let newest = 0;
        let forgotten = 0;
        for (const taken of steps) {
          if (taken.kind === "append") {
            const url = `/${"x".repeat(taken.letters)}`;
            await Promise.all(Array.from({ length: taken.count }, () => log.append(purge(++newest, url))));
          } else if (taken.kind === "clear") {
            forgotten = Math.max(forgotten, Math.floor(newest * taken.share));
            await log.clear(forgotten);
          } else {
            await log.close();
            log = scene.open();
          }
          const expected = Array.from({ length: newest - forgotten }, (_, index) => forgotten + 1 + index);
          expect(await scene.versions()).toEqual(expected);
        }
      }),
      { numRuns: 6 },
    );
  }, 60_000);

  it("OPT-83 keeps what is newer than the index, also of the run before", async () => {
    const scene = home();
    const first = scene.open();
    for (const version of [4, 9, 6]) await first.append(purge(version));
    await first.close();
    const log = scene.open();
    await log.append(purge(12));
    await log.clear(6);
    expect(await scene.versions()).toEqual([9, 12]);
    await log.append(purge(13));
    expect(await scene.versions()).toEqual([9, 12, 13]);
    expect(existsSync(`${scene.path}.new`)).toBe(false);
  });

  it("OPT-81: whatever ends the process or the power, no call outlives a later one in the log, wherever their lines are", async () => {
    const scene = home();
    const lines = [purge(9), purge(8), purge(4), purge(5)].map((call) => `${JSON.stringify(call)}\n`);
    writeFileSync(scene.path, lines.join("\n\n"));
    const log = scene.open();
    await log.append(purge(10));
    const text = scene.text();
    const probe = await open(scene.path);
    const prototype: FileHandle = Object.getPrototypeOf(probe);
    await probe.close();
    const blanking = vi.spyOn(prototype, "write");
    const syncing = vi.spyOn(prototype, "datasync");
    await log.clear(9);
    expect(blanking.mock.calls.map((given) => given.at(3))).toEqual(
      [4, 5, 8, 9].map((version) => text.indexOf(`{"version":${version},`)),
    );
    // What is logged next must not reach the disk without it.
    expect(syncing.mock.invocationCallOrder[0]).toBeGreaterThan(blanking.mock.invocationCallOrder.at(-1) ?? 0);
    vi.restoreAllMocks();
    expect(await scene.versions()).toEqual([10]);
  });

  it("loses nothing that is appended while it is cleared", async () => {
    const scene = home();
    const log = scene.open();
    const work: Promise<void>[] = [];
    for (let version = 1; version <= 200; version += 1) {
      work.push(log.append(purge(version)));
      if (version % 20 === 0) work.push(log.clear(version - 10));
      if (version % 7 === 0) await work.at(-1);
    }
    await Promise.all(work);
    const kept = await scene.versions();
    expect(kept).toEqual(Array.from({ length: 10 }, (_, index) => 191 + index));
  });

  it("takes calls of the same moment with one write", async () => {
    const scene = home();
    const log = scene.open();
    const appends = Array.from({ length: 1000 }, (_, index) => log.append(purge(index + 1)));
    expect(new Set(appends).size).toBe(1);
    await Promise.all(appends);
    expect(await scene.versions()).toHaveLength(1000);
  });

  it("passes over a line that a crash has torn, and writes behind it", async () => {
    const scene = home();
    await scene.open().append(purge(1));
    appendFileSync(scene.path, JSON.stringify(purge(2)).slice(0, 40));
    expect(await scene.versions()).toEqual([1]);
    await scene.open().append(purge(3));
    expect(await scene.versions()).toEqual([1, 3]);
  });

  it.each([
    ["nothing", ""],
    ["blank lines", "\n\n\n"],
    ["zero bytes of a file that a power cut left", "\0".repeat(5000)],
    ["JSON of another kind", '[]\n{}\nnull\n"a"\n{"version":-1}\n'],
    ["a half-right line", `${JSON.stringify({ ...purge(1), target: { kind: "url" } })}\n`],
    ["a version that is no number", `${JSON.stringify({ ...purge(1), version: "1" })}\n`],
    ["an unknown action", `${JSON.stringify({ ...purge(1), action: { kind: "format" } })}\n`],
  ])("reads a log that holds %s as empty", async (_, text) => {
    const scene = home();
    writeFileSync(scene.path, text);
    expect(await scene.versions()).toEqual([]);
    await scene.open().append(purge(5));
    expect(await scene.versions()).toEqual([5]);
    const log = scene.open();
    await log.clear(5);
    await log.close();
    expect(scene.text()).toBe("");
  });

  it("never fails a purge when it cannot be written, and says so once", async () => {
    const scene = home();
    mkdirSync(scene.path);
    const log = scene.open();
    for (let version = 1; version <= 5; version += 1) await log.append(purge(version));
    await log.clear(3);
    expect(await log.readAll()).toEqual([]);
    expect(scene.problems).toEqual([expect.objectContaining({ severity: "error", file: scene.path })]);

    rmSync(scene.path, { recursive: true });
    await log.append(purge(6));
    expect(await scene.versions()).toEqual([6]);
    await log.close();
    expect(scene.problems).toHaveLength(1);
  });

  it("parses hostile lines without throwing, and its own without a change", () => {
    const text = fc.string({ unit: "binary" });
    const calls: fc.Arbitrary<Invalidation> = fc.record({
      version: fc.maxSafeNat(),
      vhost: text,
      target: fc.oneof(
        fc.record({ kind: fc.constantFrom("url" as const, "collective" as const), url: text }),
        fc.record({ kind: fc.constant("pattern" as const), pattern: text }),
      ),
      action: fc.oneof(
        fc.record({ kind: fc.constantFrom("purge" as const, "expire" as const, "hardpurge" as const) }),
        fc.record({ kind: fc.constant("expireafter" as const), untilMs: fc.maxSafeNat() }),
      ),
    });
    fc.assert(
      fc.property(calls, (call) => {
        expect(parseStaleLine(JSON.stringify(call))).toEqual(call);
      }),
    );
    fc.assert(
      fc.property(fc.oneof(text, fc.json()), (line) => {
        expect(parseStaleLine(line)?.version ?? 0).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});
