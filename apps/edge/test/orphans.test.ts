import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Invalidation, ObjectCoordinator } from "@basalt/cache";
import type { PurgeCall } from "@basalt/server";
import { EdgeError } from "@basalt/types";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { HostLink } from "../src/hostLink.ts";
import { OrphanLife } from "../src/orphanLife.ts";
import { OrphanWorkers } from "../src/orphanWorkers.ts";
import { identify, type ProcessIdentity } from "../src/processIdentity.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "basalt-orphans-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const self = identify(process.pid);
const CALL: PurgeCall = {
  verb: "purge",
  target: "a/x",
  clientIp: "127.0.0.1",
  expireAfterSeconds: undefined,
  isOfMount: false,
};
const PURGE: Invalidation = { version: 30, vhost: "a", target: { kind: "url", url: "/x" }, action: { kind: "purge" } };

/** What the next primary remembers of its workers. */
class FakeCoordinator {
  readonly workers = new Map<number, Parameters<ObjectCoordinator["addWorker"]>[1]>();
  readonly outdatedUrls: string[] = [];
  behind = 0;

  startBehind(version: number): void {
    this.behind = Math.max(this.behind, version);
  }

  addWorker(id: number, channel: Parameters<ObjectCoordinator["addWorker"]>[1]): void {
    this.workers.set(id, channel);
  }

  removeWorker(id: number): void {
    this.workers.delete(id);
  }

  async outdated(_: string, urls: readonly string[]): Promise<null> {
    this.outdatedUrls.push(...urls);
    return null;
  }
}

const openPrimary = (expected: readonly ProcessIdentity[], arrivalLimitMs?: number) => {
  const log: string[] = [];
  const note = (text: string): void => void log.push(text);
  const path = join(folder, "orphan.sock");
  const orphans = new OrphanWorkers(path, expected, { notice: note, warning: note, error: note }, arrivalLimitMs);
  const coordinator = new FakeCoordinator();
  const gather = () => orphans.gather({ coordinator, purge: async ({ target }) => ({ status: 200, body: target }) });
  return { path, orphans, coordinator, gather, log };
};

const startOrphan = ({ isInService = true, isDraining = false, hasLauncher = true, launcher = self } = {}) => {
  const socketPath = join(folder, "orphan.sock");
  const deeds: string[] = [];
  const applied: Invalidation[] = [];
  const link = new HostLink({
    call: () => Promise.reject(new EdgeError("SHUTTING_DOWN")),
    tell: () => {},
  });
  link.noteVersion(20);
  const life = new OrphanLife({
    link,
    settings: () => ({ launcher: hasLauncher ? launcher : undefined, socketPath, drainMs: 5_000 }),
    seal: async () => void deeds.push("seal"),
    cutOff: () => deeds.push("cut off"),
    invalidate: async (invalidation) => void applied.push(invalidation),
    unlisten: (place) => deeds.push(`unlisten ${place}`),
    drain: (limitMs) => deeds.push(`drain ${limitMs}`),
    exit: () => deeds.push("exit"),
    print: (text) => deeds.push(`print ${text}`),
  });
  life.begin({ isInService, isDraining, reason: "the primary has ended" });
  return { life, link, deeds, applied };
};

const ADRIFT = ["seal", "cut off", "print the primary has ended: serves on without a primary"];

describe("issue 6, 6: workers between two primaries", () => {
  it("write nothing, find the next primary, learn of its purges and drain when it says so", async () => {
    const { deeds, applied, link } = startOrphan();
    expect(deeds).toEqual(ADRIFT);
    const { path, orphans, coordinator, gather } = openPrimary([self]);
    await gather();
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect([[...coordinator.workers.keys()], coordinator.behind]).toEqual([[-process.pid], 20]);
    await coordinator.workers.get(-process.pid)?.call("invalidate", [PURGE]);
    expect([applied, link.newestVersion]).toEqual([[PURGE], 30]);
    await orphans.unlisten(["127.0.0.1:80"]);
    void orphans.drain(50);
    await expect.poll(() => deeds).toEqual([...ADRIFT, "unlisten 127.0.0.1:80", "drain 50"]);
    orphans.leave();
  });

  it("hand on what unsafe methods have changed, and purges that came to them", async () => {
    const { link, applied } = startOrphan();
    await link.call("outdated", { vhost: "a", urls: ["/x"] });
    expect(applied).toHaveLength(1);
    const purging = link.call("purge", CALL);
    const { orphans, coordinator, gather } = openPrimary([self]);
    await gather();
    expect(await purging).toEqual({ status: 200, body: "a/x" });
    expect(coordinator.outdatedUrls).toEqual([]);
    void orphans.drain(50);
    await expect.poll(() => coordinator.outdatedUrls).toEqual(["/x"]);
    orphans.leave();
  });

  it("are used again when the next primary ends before its own workers serve", async () => {
    const { deeds } = startOrphan();
    const first = openPrimary([self]);
    await first.gather();
    first.orphans.leave();
    const second = openPrimary([self]);
    await second.gather();
    expect([...second.coordinator.workers.keys()]).toEqual([-process.pid]);
    expect(deeds).toEqual(ADRIFT);
    second.orphans.leave();
  });

  it("end at once when a primary that had them drain dies too: one generation, not two", async () => {
    const { deeds } = startOrphan();
    const { orphans, coordinator, gather } = openPrimary([self]);
    await gather();
    void orphans.drain(60_000);
    await expect.poll(() => deeds).toContain("drain 60000");
    for (const channel of coordinator.workers.values()) {
      if ("close" in channel && typeof channel.close === "function") channel.close();
    }
    await expect.poll(() => deeds).toContain("exit");
  });

  it("drain by themselves where nobody would start a next primary", () => {
    expect(startOrphan({ hasLauncher: false }).deeds).toEqual(["seal", "cut off", "drain 5000"]);
    const gone = startOrphan({ launcher: { pid: process.pid, startTicks: "1" } });
    return expect.poll(() => gone.deeds).toEqual([...ADRIFT, "drain 5000"]);
  });

  it("that did not serve alone yet only finish what they have", () => {
    expect(startOrphan({ isInService: false }).deeds).toEqual(["seal", "cut off", "drain 5000"]);
  });

  it("AWS-28: that drain already are given no other limit by the end of their primary", () => {
    expect(startOrphan({ isDraining: true }).deeds).toEqual(["seal", "cut off"]);
  });

  it("that do not answer are killed before anything can be purged", async () => {
    const stuck = spawn("sleep", ["60"]);
    const ended = once(stuck, "exit");
    const { orphans, gather, coordinator, log } = openPrimary([identify(stuck.pid ?? 0)], 50);
    await gather();
    await ended;
    expect(log.join()).toContain(`pid ${stuck.pid}, does not answer and is killed`);
    expect(coordinator.workers.size).toBe(0);
    orphans.leave();
  });
});
