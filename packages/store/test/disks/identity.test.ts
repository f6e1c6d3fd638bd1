import { cpSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeMarker, MARKER_FILE, parseMarker } from "../../src/disks/diskMarker.ts";
import { diskHost, NumberTable, numbersOf, statesOf } from "./diskHost.ts";

describe("the identity of a disk over restarts", () => {
  it("CFG-39 stays when disks are reordered, removed and added", async () => {
    const host = diskHost(["a", "b", "c"]);
    const first = numbersOf(await host.start());
    expect(new Set(Object.values(first)).size).toBe(3);
    expect(numbersOf(await host.start(["c", "a", "b"]))).toEqual(first);
    expect(numbersOf(await host.start(["c"]))).toEqual({ c: first.c });
    const { d, ...rest } = numbersOf(await host.start(["d", "b", "c", "a"]));
    expect(rest).toEqual(first);
    expect(Object.values(first)).not.toContain(d);
    expect(host.index.retired).toEqual([]);
    expect(host.problems).toEqual([]);
  });

  it("goes with the content when a disk is mounted elsewhere, or two change places", async () => {
    const host = diskHost(["a", "b"]);
    const first = numbersOf(await host.start());
    renameSync(host.path("a"), host.path("moved"));
    expect(numbersOf(await host.start(["moved", "b"]))).toEqual({ moved: first.a, b: first.b });

    renameSync(host.path("moved"), host.path("x"));
    renameSync(host.path("b"), host.path("moved"));
    renameSync(host.path("x"), host.path("b"));
    expect(numbersOf(await host.start(["moved", "b"]))).toEqual({ moved: first.b, b: first.a });
    expect(host.index.retired).toEqual([]);
  });

  it("stays with the original when the folder was copied", async () => {
    const host = diskHost(["a"]);
    const { a } = numbersOf(await host.start());
    cpSync(host.path("a"), host.path("copy"), { recursive: true });
    const { copy, ...rest } = numbersOf(await host.start(["copy", "a"]));
    expect(rest).toEqual({ a });
    expect(copy).not.toBe(a);
  });

  it.each([
    ["is gone", (marker: string) => rmSync(marker)],
    ["is torn", (marker: string) => writeFileSync(marker, readFileSync(marker).subarray(0, 20))],
    ["is empty", (marker: string) => writeFileSync(marker, "")],
    ["is far too long", (marker: string) => writeFileSync(marker, Buffer.alloc(1_000_000, "["))],
    ["is of another program", (marker: string) => writeFileSync(marker, '{"format":1,"number":"1"}')],
  ])("CFG-44 ends when the marker %s: what lies there is invalid", async (_, damage) => {
    const host = diskHost(["a"]);
    const { a } = numbersOf(await host.start());
    damage(join(host.path("a"), MARKER_FILE));
    const registry = await host.start();
    expect(numbersOf(registry).a).not.toBe(a);
    expect(statesOf(registry)).toEqual(["Normal"]);
    expect(host.index.retired).toEqual([a]);
  });

  it("ends with the index: a new one knows nothing of what lies on the disks", async () => {
    const host = diskHost(["a", "b"]);
    await host.start();
    mkdirSync(join(host.path("a"), "seg", "2c"), { recursive: true });
    writeFileSync(join(host.path("a"), "seg", "2c", "300.seg"), "old");
    host.index = new NumberTable();
    const registry = await host.start(["b", "a"]);
    expect(statesOf(registry)).toEqual(["Normal", "Normal"]);
    const { a = 0, b = 0 } = numbersOf(registry);
    expect(registry.isOwnSegment(a, 300)).toBe(false);
    expect(registry.isOwnSegment(a, 301)).toBe(true);
    expect(registry.isOwnSegment(b, 1)).toBe(true);
    expect(registry.isOwnSegment(99, 1)).toBe(false);

    const again = await host.start(["a", "b"]);
    expect(numbersOf(again)).toEqual({ a, b });
    expect(again.isOwnSegment(a, 300)).toBe(false);
  });

  it("takes over the folder of an instance that is not running here", async () => {
    const host = diskHost(["a"]);
    await host.start();
    const stolen = readFileSync(join(host.path("a"), MARKER_FILE), "utf8");
    host.index = new NumberTable();
    await host.start();
    expect(readFileSync(join(host.path("a"), MARKER_FILE), "utf8")).not.toBe(stolen);
  });

  it("does not use a folder twice", async () => {
    const host = diskHost(["a"]);
    const twice = await host.start([{ path: host.path("a") }, { path: `${host.path("a")}/` }]);
    expect(statesOf(twice)).toEqual(["Normal", "Invalid"]);

    symlinkSync(host.path("a"), host.path("link"));
    const linked = await host.start(["a", "link"]);
    for (let turn = 0; turn < 4; turn += 1) await linked.check();
    expect(statesOf(linked).sort()).toEqual(["Invalid", "Normal"]);
    const given = host.index.given;
    await linked.check();
    expect(host.index.given).toBe(given);
    expect(host.messages()).toContainEqual(expect.stringContaining("another configured disk"));
  });
});

describe("a disk that cannot be used at the start", () => {
  it("CFG-41 is Invalid while the others serve, and is used when it can be, with its content", async () => {
    const host = diskHost(["a", "b"]);
    const first = numbersOf(await host.start());
    renameSync(host.path("a"), host.path("aside"));
    writeFileSync(host.path("a"), "a file where the folder should be");
    const registry = await host.start();
    expect(statesOf(registry)).toEqual(["Invalid", "Normal"]);
    expect(registry.disks[0]?.reason).not.toBe("");
    const given = host.index.given;
    await registry.check();
    await registry.check();
    expect(host.index.given).toBe(given);
    expect(host.problems.filter(({ file }) => file === host.path("a"))).toHaveLength(1);

    rmSync(host.path("a"));
    renameSync(host.path("aside"), host.path("a"));
    await registry.check();
    expect(numbersOf(registry)).toEqual(first);
    expect(host.changes).toEqual([`${first.a},${first.b}`]);
  });

  it("spends no number on a folder whose marker cannot be put down", async () => {
    const host = diskHost(["a"]);
    mkdirSync(join(host.path("a"), MARKER_FILE, "occupied"), { recursive: true });
    const registry = await host.start();
    const given = host.index.given;
    for (let turn = 0; turn < 3; turn += 1) await registry.check();
    expect(statesOf(registry)).toEqual(["Invalid"]);
    expect(host.index.given).toBe(given);
  });

  it("CFG-43 ends the server with selfkill when it is the only one", async () => {
    const host = diskHost(["a"]);
    writeFileSync(host.path("a"), "no folder");
    const registry = await host.start(["a"], "selfkill");
    await registry.check();
    expect(host.ends).toEqual(["end"]);
    expect(registry.inUse).toEqual([]);
  });
});

describe("markers", () => {
  const markers = fc.record({
    number: fc.maxSafeNat(),
    instance: fc.string(),
    firstSegment: fc.maxSafeNat(),
  });

  it("are read as they were written", () => {
    fc.assert(
      fc.property(markers, (marker) => {
        expect(parseMarker(encodeMarker(marker))).toEqual(marker);
      }),
    );
  });

  it("are refused in any other form, and never throw", () => {
    const texts = fc.oneof(
      fc.string(),
      fc.json(),
      fc
        .record({ format: fc.constant(1), number: fc.double(), instance: fc.string(), firstSegment: fc.double() })
        .map((value) => JSON.stringify(value)),
    );
    fc.assert(
      fc.property(texts, (text) => {
        const marker = parseMarker(text);
        if (marker !== undefined) expect(Number.isSafeInteger(marker.number) && marker.number >= 0).toBe(true);
      }),
    );
  });
});
