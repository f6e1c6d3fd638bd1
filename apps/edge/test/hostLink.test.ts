import type { Invalidation } from "@basalt/cache";
import { Channel, createPortPair } from "@basalt/ipc";
import { EdgeError } from "@basalt/types";
import { describe, expect, it } from "vitest";
import { HostLink, type StandIn } from "../src/hostLink.ts";
import type { PrimaryService } from "../src/protocol.ts";
import { createStandIn } from "../src/standIn.ts";

interface Primary {
  readonly calls: PrimaryService["calls"];
  readonly events: Pick<PrimaryService["events"], "log">;
}

interface Nothing {
  readonly calls: Readonly<Record<never, never>>;
  readonly events: Readonly<Record<never, never>>;
}

const openLink = (acquire: StandIn["acquire"]) => {
  const [near, far] = createPortPair();
  const told: unknown[] = [];
  const link = new HostLink(new Channel<Nothing, PrimaryService>(near, {}, {}));
  const calls = { ...standInOf(link), acquire };
  const primary = new Channel<Primary, Nothing>(far, calls, { log: (entry) => void told.push(entry) });
  return { primary, link, told };
};

const REQUEST = { key: Buffer.alloc(16), vhost: "a", url: "/", heldVersion: 0, isAlone: false };

const standInOf = (link: HostLink, over: Partial<Parameters<typeof createStandIn>[0]> = {}): StandIn =>
  createStandIn({
    link,
    invalidate: async () => {},
    handOn: () => {},
    purge: async () => ({ status: 503, body: "" }),
    ...over,
  });

describe("a worker's way to its primary", () => {
  it("asks the primary as long as it is there, and remembers the latest version that it named", async () => {
    const { link } = openLink(() => ({ kind: "granted", fillId: 3, version: 41 }));
    expect(await link.call("acquire", REQUEST)).toEqual({ kind: "granted", fillId: 3, version: 41 });
    link.noteVersion(7);
    expect([link.newestVersion, link.isCutOff]).toEqual([41, false]);
  });

  it("makes calls that waited once more where the primary was cut off, and tells nobody anything", async () => {
    const { primary, link, told } = openLink(() => new Promise(() => {}));
    link.tell("log", { level: "notice", text: "before" });
    const waiting = link.call("acquire", REQUEST);
    await new Promise((resolve) => setImmediate(resolve));
    link.noteVersion(9);
    link.cutOff(standInOf(link));
    primary.close();
    expect(await waiting).toMatchObject({ kind: "granted" });
    link.tell("log", { level: "notice", text: "after" });
    await new Promise((resolve) => setImmediate(resolve));
    expect(told).toEqual([{ level: "notice", text: "before" }]);
  });

  it("fails as before where the primary ends and nobody stands in", async () => {
    const { primary, link } = openLink(() => new Promise(() => {}));
    const waiting = link.call("acquire", REQUEST);
    primary.close();
    await expect(waiting).rejects.toMatchObject({ code: "SHUTTING_DOWN" });
  });
});

describe("the stand-in of a primary that is gone", () => {
  const standIn = (over: Partial<Parameters<typeof createStandIn>[0]> = {}) => {
    const versions = { newestVersion: 20 };
    return {
      versions,
      service: createStandIn({
        ...{ link: versions },
        invalidate: async () => {},
        handOn: () => {},
        purge: async () => ({ status: 200, body: "{}" }),
        ...over,
      }),
    };
  };

  const versionOf = async (reply: ReturnType<StandIn["acquire"]>): Promise<number> => {
    const granted = await reply;
    if (granted.kind !== "granted") throw new Error(granted.kind);
    return granted.version;
  };

  it("grants every fetch under a version behind all that were given and before those of the next primary", async () => {
    const { service, versions } = standIn();
    const first = await versionOf(service.acquire(REQUEST));
    const second = await versionOf(service.acquire(REQUEST));
    expect(first).toBeGreaterThan(20);
    expect(second).toBeGreaterThan(first);
    expect(second).toBeLessThan(21);
    // The next primary has purged something as version 25: what is fetched from now on is newer than that.
    versions.newestVersion = 25;
    const third = await versionOf(service.acquire(REQUEST));
    expect(third > 25 && third < 26).toBe(true);
  });

  it("grants parts as they are asked for, under numbers of their own", async () => {
    const { service } = standIn();
    const part = await service.acquirePart({ key: REQUEST.key, file: 5, first: 2, end: 9 });
    expect(part).toMatchObject({ kind: "granted", first: 2, end: 9 });
    expect(await service.acquirePart({ key: REQUEST.key, file: 5, first: 2, end: 9 })).not.toEqual(part);
  });

  it("gives no place to store anything, and derives nothing", () => {
    const { service } = standIn();
    for (const call of [() => service.nextFile({ disk: 1 }), () => service.nextSegment({ disk: 1 })]) {
      expect(call).toThrow(EdgeError);
    }
  });

  it("RFC 9111 4.4 takes what an unsafe method has changed out of its own memory and hands it on", async () => {
    const applied: Invalidation[] = [];
    const handed: unknown[] = [];
    const { service } = standIn({
      invalidate: async (invalidation) => void applied.push(invalidation),
      handOn: (outdated) => handed.push(outdated),
    });
    expect(await service.outdated({ vhost: "a", urls: ["/x", "/y"] })).toBeNull();
    expect(applied.map(({ target, action }) => [target, action.kind])).toEqual([
      [{ kind: "url", url: "/x" }, "hardpurge"],
      [{ kind: "url", url: "/y" }, "hardpurge"],
    ]);
    expect(handed).toEqual([{ vhost: "a", urls: ["/x", "/y"] }]);
  });
});
