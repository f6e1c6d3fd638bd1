import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { MARKER_FILE } from "../../src/disks/diskMarker.ts";
import type { DiskRegistry } from "../../src/disks/registryContract.ts";
import { diskHost, FAIL_COUNT, numbersOf, statesOf } from "./diskHost.ts";

const failOften = (registry: DiskRegistry, number: number | undefined, times = FAIL_COUNT): void => {
  for (let turn = 0; turn < times; turn += 1) registry.noteFailure(number ?? -1);
};

describe("failures", () => {
  it("CFG-41 and CFG-42 exclude a disk whose operations fail often within the period; its content may come back", async () => {
    const host = diskHost(["a", "b"]);
    const registry = await host.start();
    const { a, b } = numbersOf(registry);
    for (let turn = 0; turn < 5; turn += 1) {
      failOften(registry, a, FAIL_COUNT - 1);
      host.clock.advanceSeconds(61);
    }
    expect(statesOf(registry)).toEqual(["Normal", "Normal"]);
    failOften(registry, a);
    expect(statesOf(registry)).toEqual(["Invalid", "Normal"]);
    expect(registry.inUse.map(({ number }) => number)).toEqual([b]);
    expect(host.changes).toEqual([`${b}`]);
    expect(host.index.retired).toEqual([]);
    expect(host.messages()).toEqual([expect.stringContaining("excluded, state Invalid")]);
    failOften(registry, a, 100);
    await registry.check();
    expect(host.problems).toHaveLength(1);

    expect(numbersOf(await host.start())).toEqual({ a, b });
  });

  it("ignores failures of disks that are not in use", async () => {
    const registry = await diskHost(["a"]).start();
    failOften(registry, 4711);
    expect(statesOf(registry)).toEqual(["Normal"]);
  });
});

describe("loss of all disks", () => {
  it("CFG-43 hang uses the failed disks again, but not what the administrator unmounted", async () => {
    const host = diskHost(["a", "b", "c"]);
    const registry = await host.start();
    const { a, b } = numbersOf(registry);
    registry.unmount(host.path("c"));
    failOften(registry, a);
    failOften(registry, b);
    expect(statesOf(registry)).toEqual(["Normal", "Normal", "Unmounted"]);
    expect(numbersOf(registry)).toEqual({ a, b, c: undefined });
    expect(registry.isBypassing).toBe(false);
  });

  it("CFG-43 hang tells nobody when the only disk fails on and on, and does not fill the log", async () => {
    const host = diskHost(["a"]);
    const registry = await host.start();
    failOften(registry, numbersOf(registry).a, 1000);
    expect(host.changes).toEqual([]);
    expect(host.problems).toHaveLength(2);
    host.clock.advanceSeconds(61);
    failOften(registry, numbersOf(registry).a);
    expect(host.problems).toHaveLength(4);
  });

  it("CFG-43 bypass sends everything to the origin until a disk is back", async () => {
    const host = diskHost(["a", "b"]);
    const registry = await host.start(["a", "b"], "bypass");
    const { a, b } = numbersOf(registry);
    failOften(registry, a);
    expect(registry.isBypassing).toBe(false);
    failOften(registry, b);
    expect(registry.isBypassing).toBe(true);
    expect(registry.inUse).toEqual([]);
    await registry.check();
    expect(registry.isBypassing).toBe(true);
    host.clock.advanceSeconds(61);
    await registry.check();
    expect(registry.isBypassing).toBe(false);
    expect(numbersOf(registry)).toEqual({ a, b });
    expect(host.index.retired).toEqual([]);
  });

  it("CFG-43 selfkill ends the server once", async () => {
    const host = diskHost(["a", "b"]);
    const registry = await host.start(["a", "b"], "selfkill");
    const { a, b } = numbersOf(registry);
    failOften(registry, a);
    expect(host.ends).toEqual([]);
    failOften(registry, b);
    failOften(registry, a);
    registry.unmount(host.path("a"));
    expect(host.ends).toEqual(["end"]);
  });

  it("OPT-75 unmounting the last disk is no crash", async () => {
    const host = diskHost(["a"]);
    const registry = await host.start(["a"], "selfkill");
    registry.unmount(host.path("a"));
    expect(host.ends).toEqual([]);
  });
});

describe("the check of each second", () => {
  it("finds nothing to do on healthy disks", async () => {
    const host = diskHost(["a", "b"]);
    const registry = await host.start();
    await registry.check();
    expect([host.changes, host.problems, host.index.retired]).toEqual([[], [], []]);
  });

  it.each([
    ["the folder was removed", (path: string) => rmSync(path, { recursive: true })],
    ["the content was removed", (path: string) => rmSync(join(path, MARKER_FILE))],
    ["the marker was torn", (path: string) => writeFileSync(join(path, MARKER_FILE), '{"form')],
  ])("CFG-44 prepares a disk again when %s, and nothing of before is found", async (_, damage) => {
    const host = diskHost(["a", "b"]);
    const registry = await host.start();
    const { a, b } = numbersOf(registry);
    damage(host.path("a"));
    await registry.check();
    expect(host.index.retired).toEqual([a]);
    expect(statesOf(registry)).toEqual(["Normal", "Normal"]);
    const renewed = numbersOf(registry).a;
    expect(renewed).not.toBe(a);
    expect(host.changes).toEqual([`${b}`, `${renewed},${b}`]);
    expect(host.messages()).toEqual([expect.stringContaining("prepared again")]);
    expect(numbersOf(await host.start())).toEqual({ a: renewed, b });
  });

  it("gives way to another instance that took the folder", async () => {
    const host = diskHost(["a"]);
    const registry = await host.start();
    const { a } = numbersOf(registry);
    const other = diskHost([]);
    const thief = await other.start([{ path: host.path("a") }]);
    await registry.check();
    expect(statesOf(registry)).toEqual(["Invalid"]);
    expect(host.index.retired).toEqual([a]);
    expect(registry.disks[0]?.reason).toContain("another instance");
    await registry.check();
    await thief.check();
    expect(statesOf(thief)).toEqual(["Normal"]);
    expect(other.problems).toEqual([]);

    expect(await registry.mount(host.path("a"))).toEqual({ kind: "done" });
    await thief.check();
    expect(statesOf(thief)).toEqual(["Invalid"]);
  });

  it("knows another disk of ours that lies there now", async () => {
    const host = diskHost(["a", "spare"]);
    const before = numbersOf(await host.start());
    const registry = await host.start(["a"]);
    renameSync(host.path("a"), host.path("pulled"));
    renameSync(host.path("spare"), host.path("a"));
    await registry.check();
    expect(numbersOf(registry)).toEqual({ a: before.spare });
    expect(host.index.retired).toEqual([before.a]);
  });

  it("prepares a disk again that the index forgot", async () => {
    const host = diskHost(["a"]);
    const registry = await host.start();
    const { a = 0 } = numbersOf(registry);
    host.index.retireDisk(a);
    await registry.check();
    expect(numbersOf(registry).a).not.toBe(a);
    expect(statesOf(registry)).toEqual(["Normal"]);
  });

  it("tries a disk again whose folder cannot be made, without a number for each attempt", async () => {
    const host = diskHost(["a", "b"]);
    const registry = await host.start();
    rmSync(host.path("a"), { recursive: true });
    writeFileSync(host.path("a"), "in the way");
    await registry.check();
    expect(statesOf(registry)).toEqual(["Invalid", "Normal"]);
    const given = host.index.given;
    await registry.check();
    expect(host.index.given).toBe(given);
    rmSync(host.path("a"));
    await registry.check();
    expect(statesOf(registry)).toEqual(["Normal", "Normal"]);
  });
});

describe("mount and unmount", () => {
  it("OPT-75 unmount takes a disk out of use at once, and its content is gone for good", async () => {
    const host = diskHost(["a", "b"]);
    const registry = await host.start();
    const { a, b } = numbersOf(registry);
    expect(registry.unmount(host.path("a"))).toEqual({ kind: "done" });
    expect(statesOf(registry)).toEqual(["Unmounted", "Normal"]);
    expect(registry.inUse.map(({ number }) => number)).toEqual([b]);
    expect(host.index.retired).toEqual([a]);
    rmSync(host.path("a"), { recursive: true });
    await registry.check();
    expect(registry.unmount(host.path("a"))).toEqual({ kind: "done" });
    expect(statesOf(registry)).toEqual(["Unmounted", "Normal"]);
    expect(host.changes).toHaveLength(1);
    expect(host.problems).toEqual([]);
  });

  it("OPT-76 mount uses a disk again, without the content that it had", async () => {
    const host = diskHost(["a", "b"]);
    const registry = await host.start();
    const { a } = numbersOf(registry);
    mkdirSync(join(host.path("a"), "seg", "05"), { recursive: true });
    writeFileSync(join(host.path("a"), "seg", "05", "5.seg"), "records");
    registry.unmount(host.path("a"));
    expect(await registry.mount(`${host.path("a")}/`)).toEqual({ kind: "done" });
    expect(statesOf(registry)).toEqual(["Normal", "Normal"]);
    const renewed = numbersOf(registry).a ?? 0;
    expect(renewed).not.toBe(a);
    expect(registry.isOwnSegment(renewed, 5)).toBe(false);
    expect(readFileSync(join(host.path("a"), "seg", "05", "5.seg"), "utf8")).toBe("records");

    expect(await registry.mount(host.path("a"))).toEqual({ kind: "done" });
    expect(numbersOf(registry).a).toBe(renewed);
  });

  it("OPT-77 mount brings a failed disk back to Normal", async () => {
    const host = diskHost(["a", "b"]);
    const registry = await host.start();
    const { a } = numbersOf(registry);
    failOften(registry, a);
    expect(await registry.mount(host.path("a"))).toEqual({ kind: "done" });
    expect(statesOf(registry)).toEqual(["Normal", "Normal"]);
    expect(host.index.retired).toEqual([a]);
    failOften(registry, numbersOf(registry).a, FAIL_COUNT - 1);
    expect(statesOf(registry)).toEqual(["Normal", "Normal"]);
  });

  it("OPT-78 knows only the configured paths", async () => {
    const host = diskHost(["a"]);
    const registry = await host.start();
    for (const path of ["", "/", "a", host.path("b"), host.path("a/..")]) {
      expect(registry.unmount(path)).toEqual({ kind: "unknownDisk" });
      expect(await registry.mount(path)).toEqual({ kind: "unknownDisk" });
    }
    expect(statesOf(registry)).toEqual(["Normal"]);
  });

  it("tells why a folder cannot be mounted, and leaves it unmounted", async () => {
    const host = diskHost(["a"]);
    const registry = await host.start();
    registry.unmount(host.path("a"));
    rmSync(host.path("a"), { recursive: true });
    writeFileSync(host.path("a"), "no folder");
    expect(await registry.mount(host.path("a"))).toEqual({ kind: "failed", reason: expect.stringMatching(/\S/) });
    await registry.check();
    expect(statesOf(registry)).toEqual(["Unmounted"]);
  });

  it("OPT-79 calls that cross one another end in the state of the last", async () => {
    const host = diskHost(["a"]);
    const registry = await host.start();
    const path = host.path("a");
    registry.unmount(path);
    const calls = [registry.mount(path), registry.check()];
    registry.unmount(path);
    await Promise.all(calls);
    expect(statesOf(registry)).toEqual(["Unmounted"]);

    const crossing = [registry.mount(path), registry.mount(path), registry.check()];
    await Promise.all(crossing);
    await registry.check();
    expect(statesOf(registry)).toEqual(["Normal"]);
    const { a } = numbersOf(registry);
    expect(host.index.disks().filter((disk) => disk.path === path)).toEqual([{ number: a, path }]);
    expect(numbersOf(await host.start())).toEqual({ a });
  });

  it("CFG-27 clears all disks, also those that are not in use, and no state changes", async () => {
    const host = diskHost(["a", "b", "c"]);
    await host.start();
    const registry = await host.start(["a", "b"], "selfkill");
    const { a, b } = numbersOf(registry);
    failOften(registry, b);
    await registry.clear();
    await registry.check();
    expect(statesOf(registry)).toEqual(["Normal", "Invalid"]);
    expect(host.ends).toEqual([]);
    const renewed = numbersOf(registry).a;
    expect(renewed).not.toBe(a);
    const folders = [host.path("a"), host.path("b"), host.path("c")];
    const known = host.index.disks().filter(({ path }) => folders.includes(path));
    expect(known).toEqual([{ number: renewed, path: host.path("a") }]);

    const again = await host.start();
    expect(numbersOf(again).a).toBe(renewed);
    expect(numbersOf(again).b).not.toBe(b);
    expect(statesOf(again)).toEqual(["Normal", "Normal", "Normal"]);
  });

  it("CFG-40 takes over quotas on a reload", async () => {
    const host = diskHost([]);
    const path = host.path("a");
    const registry = await host.start([{ path, quotaBytes: 1000 }]);
    const number = numbersOf(registry).a;
    registry.configure([{ path: `${path}/`, quotaBytes: 2000 }, { path: host.path("new") }]);
    expect(registry.inUse).toEqual([{ number, path, quotaBytes: 2000 }]);
    registry.configure([{ path }]);
    expect(registry.inUse).toEqual([{ number, path }]);
    registry.configure([{ path }]);
    expect(host.changes).toHaveLength(2);
  });
});
