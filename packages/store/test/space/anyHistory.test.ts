import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DISK, MIB, MINUTE_MS, openHost } from "./fakeHost.ts";

const QUOTA_BYTES = 12 * MIB;
const WRITERS = 3;

const events = fc.array(
  fc.oneof(
    {
      weight: 12,
      arbitrary: fc.record({
        kind: fc.constant("store"),
        worker: fc.integer({ min: 0, max: 1 }),
        url: fc.integer({ min: 0, max: 60 }),
        bodyBytes: fc.integer({ min: 0, max: 260_000 }),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant("file"),
        url: fc.integer({ min: 60, max: 70 }),
        bodyBytes: fc.integer({ min: 1, max: 3 * MIB }),
        missingShare: fc.double({ min: 0, max: 1, noNaN: true }),
      }),
    },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant("touch"), url: fc.integer({ min: 0, max: 70 }) }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant("remove"), url: fc.integer({ min: 0, max: 70 }) }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant("wait"), minutes: fc.integer({ min: 0, max: 15 }) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("gone"), worker: fc.integer({ min: 0, max: 1 }) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("full") }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("cleanup"), ageDays: fc.integer({ min: 0, max: 1 }) }) },
  ),
  { minLength: 100, maxLength: 180 },
);

describe("whatever happens to a disk", () => {
  it("CFG-40 the quota holds, every row names bytes that are there, and the accounts agree with the disk", async () => {
    await fc.assert(
      fc.asyncProperty(events, async (history) => {
        const host = openHost({ quotaBytes: QUOTA_BYTES, objectLimit: 50 });
        const workers = [0, 1].map((worker) => host.workers[worker] ?? host.workers[0]);
        for (const event of history) {
          host.clock.nowMs += 1000;
          if (event.kind === "store") {
            await host.store(`/${event.url}`, event.bodyBytes, {}, workers[event.worker]);
          } else if (event.kind === "file") {
            const missingBytes = Math.floor(event.bodyBytes * event.missingShare);
            await host.storeFile(`/${event.url}`, event.bodyBytes, { missingBytes });
            await host.keeper.check();
          } else if (event.kind === "touch") {
            host.touch(`/${event.url}`);
          } else if (event.kind === "remove") {
            for (const row of [...host.index.rows.values()]) {
              if (row.url === `/${event.url}`) host.index.remove(row.key);
            }
          } else if (event.kind === "wait") {
            host.clock.nowMs += event.minutes * MINUTE_MS;
            await host.keeper.check();
          } else if (event.kind === "gone") {
            host.keeper.writerGone(`worker ${event.worker + 1}`);
            workers[event.worker]?.leaveSegments();
          } else if (event.kind === "full") {
            await host.keeper.diskFull(DISK);
          } else {
            const nowMs = host.clock.now();
            await host.keeper.cleanup({ ageDays: event.ageDays, emptyFolder: "keep", nowMs });
          }
          expect(host.fakes.bytesOn(DISK)).toBeLessThanOrEqual(QUOTA_BYTES + WRITERS * MIB);
          for (const { location } of host.index.rows.values()) {
            expect(host.fakes.segments.get(location.segment)?.records.has(location.offset)).toBe(true);
            if (location.file !== 0) expect(host.fakes.files.has(location.file)).toBe(true);
          }
        }
        for (const worker of ["worker 1", "worker 2"]) host.keeper.writerGone(worker);
        for (let second = 0; second < 4; second += 1) await host.keeper.check();
        const use = host.keeper.usage()[0];
        expect((use?.segmentBytes ?? 0) + (use?.fileBytes ?? 0)).toBe(host.fakes.bytesOn(DISK));
        expect(host.index.totals.objects).toBeLessThanOrEqual(50);
        expect(host.fakes.bytesOn(DISK)).toBeLessThanOrEqual(QUOTA_BYTES);
        expect(host.problems).toEqual([]);
      }),
      { numRuns: 15 },
    );
  });
});
