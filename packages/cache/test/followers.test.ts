import { describe, expect, it } from "vitest";
import { Followers } from "../src/followers.ts";
import type { FillUpdate } from "../src/index.ts";
import { isSettled } from "./support/waiting.ts";

const ENDED: FillUpdate = { fillId: 1, kind: "ended", availableBytes: 5 };
const PROGRESS: FillUpdate = { fillId: 1, kind: "progress", availableBytes: 3, firstBlock: 0, checksums: [0] };
const SHARED: FillUpdate = {
  fillId: 1,
  kind: "shared",
  shared: { head: Buffer.alloc(0), disk: 0, file: 1, totalBytes: 5, availableBytes: 0, checksums: [] },
};

describe("followers of a fill", () => {
  it("get updates that overtook the reply which announces the fill, in their order", () => {
    const followers = new Followers();
    for (const update of [SHARED, PROGRESS, ENDED]) followers.receive(update);
    const seen: string[] = [];
    followers.follow(1, ({ kind }) => seen.push(kind));
    expect(seen).toEqual(["shared", "progress", "ended"]);
  });

  it("first waits for what decides, and what comes after it waits for follow", async () => {
    const followers = new Followers();
    const first = followers.first(1);
    followers.receive(PROGRESS);
    expect(await isSettled(first, 3)).toBe(false);
    followers.receive(SHARED);
    followers.receive(PROGRESS);
    followers.receive(ENDED);
    expect(await first).toEqual(SHARED);
    const seen: string[] = [];
    followers.follow(1, ({ kind }) => seen.push(kind));
    expect(seen).toEqual(["progress", "ended"]);
  });

  it("are told to fetch by themselves when no news can come any more, those who come later too", async () => {
    const followers = new Followers();
    const seen: string[] = [];
    followers.receive(SHARED);
    followers.follow(1, ({ kind }) => seen.push(kind));
    const waiting = followers.outcome(2);
    followers.cutOff();
    followers.follow(3, ({ kind }) => seen.push(kind));
    expect(seen).toEqual(["shared", "orphaned", "orphaned"]);
    expect(await waiting).toEqual({ fillId: 2, kind: "orphaned" });
    expect(await followers.first(4)).toEqual({ fillId: 4, kind: "orphaned" });
  });

  it("outcome is the end, whatever came before", async () => {
    const followers = new Followers();
    followers.receive(SHARED);
    const outcome = followers.outcome(1);
    followers.receive(PROGRESS);
    followers.receive({ fillId: 1, kind: "orphaned" });
    expect(await outcome).toMatchObject({ kind: "orphaned" });
  });

  it("updates of one fill do not reach those of another", () => {
    const followers = new Followers();
    const seen: number[] = [];
    followers.follow(2, ({ fillId }) => seen.push(fillId));
    followers.receive(ENDED);
    followers.receive({ ...ENDED, fillId: 2 });
    expect(seen).toEqual([2]);
  });
});
