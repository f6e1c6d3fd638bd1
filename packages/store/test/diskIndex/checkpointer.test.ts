import { join } from "node:path";
import Database from "better-sqlite3";
import { describe, expect, it, vi } from "vitest";
import { Checkpointer } from "../../src/diskIndex/checkpointer.ts";
import { WalConnection, type WalGauge } from "../../src/diskIndex/walConnection.ts";
import { collectProblems } from "../support/samples.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";

/** A log whose length the scene decides; the thread works on a real file beside it. */
class PretendedLog extends WalConnection {
  readonly gauges: WalGauge[] = [];
  backfills = 0;
  restarts: boolean[] = [];

  override gauge(): WalGauge {
    const next = this.gauges.length > 1 ? this.gauges.shift() : this.gauges[0];
    return next ?? { frames: 0, backfilledFrames: 0 };
  }

  override backfill(): void {
    this.backfills += 1;
  }

  override restart(): boolean {
    return this.restarts.shift() ?? false;
  }
}

const openScene = (path = join(temporaryFolder(), "index.db"), threadPath = path) => {
  const database = new Database(path);
  database.pragma("journal_mode = WAL");
  const log = new PretendedLog(database, 100);
  const { problems, onProblem } = collectProblems();
  const onQuietEnd = vi.fn();
  const checkpointer = new Checkpointer(log, { path: threadPath, onProblem, onQuietEnd });
  return { database, log, problems, onQuietEnd, checkpointer };
};

describe("the checkpointer", () => {
  it("asks for quiet when the log is long, and ends it as soon as the log can begin anew", async () => {
    const { log, problems, onQuietEnd, checkpointer } = openScene();
    log.gauges.push({ frames: 20_000, backfilledFrames: 0 }, { frames: 20_000, backfilledFrames: 20_000 });
    log.restarts = [false, false, true];
    checkpointer.noteCommit();
    expect(checkpointer.quiet).toBe("none");
    await vi.waitFor(() => expect(checkpointer.quiet).toBe("preferred"), { timeout: 5000, interval: 5 });
    await checkpointer.quietEnd();
    expect([checkpointer.quiet, log.restarts, onQuietEnd.mock.calls.length]).toEqual(["none", [], 1]);
    checkpointer.close();
    expect(problems).toEqual([]);
  });

  it("insists on quiet when the log is very long, but not for more than its looks", async () => {
    const { log, onQuietEnd, checkpointer } = openScene();
    log.gauges.push({ frames: 70_000, backfilledFrames: 0 }, { frames: 70_000, backfilledFrames: 69_000 });
    checkpointer.noteCommit();
    await vi.waitFor(() => expect(checkpointer.quiet).toBe("needed"), { timeout: 5000, interval: 5 });
    await checkpointer.quietEnd();
    expect([checkpointer.quiet, onQuietEnd.mock.calls.length]).toEqual(["none", 1]);
    checkpointer.close();
  });

  it("insists on it until all is copied when rows come faster than the disk takes them", async () => {
    const { log, onQuietEnd, checkpointer } = openScene();
    const frames = 140_000;
    log.gauges.push({ frames, backfilledFrames: 0 });
    for (let look = 0; look < 40; look += 1) log.gauges.push({ frames, backfilledFrames: frames - 1000 });
    log.gauges.push({ frames, backfilledFrames: frames });
    log.restarts = [false, false, true];
    checkpointer.noteCommit();
    await vi.waitFor(() => expect(checkpointer.quiet).toBe("urgent"), { timeout: 5000, interval: 5 });
    await checkpointer.quietEnd();
    expect([checkpointer.quiet, log.restarts, onQuietEnd.mock.calls.length]).toEqual(["none", [], 1]);
    checkpointer.close();
  });

  it("says once that the file cannot be brought up to date, and goes on asking", async () => {
    const { log, problems, checkpointer } = openScene(undefined, join(temporaryFolder(), "gone", "index.db"));
    for (let commit = 1; commit < 6; commit += 1) {
      log.gauges.splice(0, 9, { frames: commit * 4000, backfilledFrames: 0 });
      checkpointer.noteCommit();
      await vi.waitFor(() => expect(problems).toHaveLength(1), { timeout: 5000, interval: 5 });
    }
    expect(problems[0]?.severity).toBe("warning");
    expect(checkpointer.quiet).toBe("none");
    checkpointer.close();
  });

  it("lets those who wait for the end of the quiet go on when it is closed", async () => {
    const { log, checkpointer } = openScene();
    log.gauges.push({ frames: 20_000, backfilledFrames: 0 });
    checkpointer.noteCommit();
    await vi.waitFor(() => expect(checkpointer.quiet).toBe("preferred"), { timeout: 5000, interval: 5 });
    const ended = checkpointer.quietEnd();
    checkpointer.close();
    await ended;
    checkpointer.noteCommit();
    expect(checkpointer.quiet).toBe("none");
  });

  it("begins a log anew that nobody looks at, and not one that a reader needs", () => {
    const path = join(temporaryFolder(), "index.db");
    const { database } = openScene(path);
    const wal = new WalConnection(database, 100);
    database.exec("CREATE TABLE t (x); INSERT INTO t VALUES (1)");
    expect(wal.gauge().frames).toBeGreaterThan(0);
    const reader = new Database(path, { readonly: true });
    reader.exec("BEGIN");
    reader.prepare("SELECT * FROM t").all();
    database.exec("INSERT INTO t VALUES (2)");
    wal.backfill();
    expect(wal.restart()).toBe(false);
    reader.exec("COMMIT");
    wal.backfill();
    const { frames, backfilledFrames } = wal.gauge();
    expect(backfilledFrames).toBe(frames);
    expect(wal.restart()).toBe(true);
    database.exec("INSERT INTO t VALUES (3)");
    expect(wal.gauge().frames).toBeLessThan(frames);
    reader.close();
    database.close();
  });
});
