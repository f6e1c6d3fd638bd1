import type { DeriveReply, DeriveRequest } from "@basalt/cache";
import { computeCacheKey } from "@basalt/store";
import { CounterBlock, VHOST_SLOT } from "@basalt/telemetry";
import { epochMs } from "@basalt/types";
import { describe, expect, it } from "vitest";
import { countedDerive, countedInvalidations } from "../src/contentCounting.ts";

const { compression } = VHOST_SLOT;

const LOCATION = { disk: 1, segment: 1, offset: 0, headBytes: 10, bodyBytes: 100, file: 0 };

const REQUEST: DeriveRequest = {
  id: 1,
  vhost: "a",
  source: { kind: "stored", location: LOCATION },
  operation: { kind: "compress", coding: "gzip", level: 6 },
  priority: "asked",
  maxSourceBytes: 100,
  head: Buffer.alloc(0),
  image: {
    key: computeCacheKey("a", "/", ""),
    vhost: "a",
    url: "/",
    version: 1,
    freshUntil: epochMs(0),
    ttl: 1,
    updatedAt: epochMs(0),
    flags: 0,
  },
};

const STORED: DeriveReply = { kind: "stored", location: { ...LOCATION, bodyBytes: 40 }, head: Buffer.alloc(0) };
const UNCHANGED: DeriveReply = { kind: "unchanged", reason: "not smaller" };

describe("content that the primary works on", () => {
  it.each([
    [STORED, [1, 1, 0, 100, 40]],
    [UNCHANGED, [1, 0, 0, 0, 0]],
    [undefined, [1, 0, 1, 100, 0]],
  ])("STAT-68 counts a compression that ends with %o", async (reply, expected) => {
    const counters = new CounterBlock();
    const derive = countedDerive(
      () => (reply === undefined ? Promise.reject(new Error("no")) : Promise.resolve(reply)),
      counters,
    );
    await derive(REQUEST).catch(() => undefined);
    const { requests, converted, failed, sourceBytes, resultBytes } = compression;
    const offset = counters.vhost("a");
    expect([requests, converted, failed, sourceBytes, resultBytes].map((slot) => counters.get(offset + slot))).toEqual(
      expected,
    );
  });

  it("STAT-59 counts what was purged, and what was expired", async () => {
    const counters = new CounterBlock();
    const counted = countedInvalidations(
      {
        measure: () => Promise.resolve([]),
        invalidateAll: () =>
          Promise.resolve([
            { count: 3, bytes: 1 },
            { count: 2, bytes: 1 },
          ]),
      },
      counters,
    );
    const target = { kind: "url", url: "/" } as const;
    await counted.invalidateAll([
      { vhost: "a", target, action: { kind: "purge" } },
      { vhost: "a", target, action: { kind: "expire" } },
    ]);
    const offset = counters.vhost("a");
    expect(counters.get(offset + VHOST_SLOT.purgedObjects)).toBe(3);
    expect(counters.get(offset + VHOST_SLOT.expiredObjects)).toBe(2);
  });
});
