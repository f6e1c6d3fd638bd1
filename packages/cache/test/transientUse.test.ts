import { describe, expect, it } from "vitest";
import { type CachedObject, VARIANT } from "../src/index.ts";
import { TransientUse } from "../src/transientUse.ts";
import { madeBy, storedAs } from "./support/deriving.ts";
import { TestHost, type TestWorker } from "./support/host.ts";
import { turns, until } from "./support/waiting.ts";

const make = async (host: TestHost, worker: TestWorker): Promise<CachedObject> => {
  host.derive = (request) => storedAs(worker, request, Buffer.from("segment"));
  const source = await worker.fill("/film.mp4", "film");
  const request = madeBy(worker, source, "/mp4hls/0.ts");
  const operation = { kind: "media", format: "mp4", task: { kind: "relocate" } } as const;
  const derived = await worker.cache.derivations.obtain({ ...request, operation }).result;
  if (derived.kind !== "object") throw new Error(derived.kind);
  return derived.object;
};

describe("what workers tell of transient objects", () => {
  it("MEDIA-44: the first use by a worker is told at once, though another has made it long before", async () => {
    const host = new TestHost({ workers: 2 });
    const [first, second] = [host.worker(1), host.worker(2)];
    const object = await make(host, first);
    const rows = () => host.index.findVariants(first.vhost.name, object.url);
    await until(() => rows().length === 1);
    host.clock.advanceSeconds(14);
    const row = rows()[0];
    if (row === undefined) throw new Error("no row");
    const loaded = await second.cache.stored.load(second.vhost, VARIANT.DERIVED, object.name, row);
    if (loaded === undefined) throw new Error("not loaded");
    second.cache.noteTransient(second.vhost, loaded);
    second.cache.reportTouched();
    await turns(20);
    host.clock.advanceSeconds(4);
    host.coordinator.dropUnused();
    expect(rows()).toHaveLength(1);
  });

  it("the object itself is not held", async () => {
    const host = new TestHost();
    const worker = host.worker(1);
    const object = await make(host, worker);
    const told: string[] = [];
    const forgotten: string[] = [];
    const use = new TransientUse({
      isRead: () => false,
      touch: (key) => told.push(key.toString("latin1")),
      forget: (_vhost, _variant, name) => forgotten.push(name),
    });
    use.note(worker.vhost, object, 100);
    const again = await worker.cache.stored.load(worker.vhost, VARIANT.DERIVED, object.name, await rowOf(host, object));
    if (again === undefined) throw new Error("not loaded");
    use.note(worker.vhost, again, 104);
    expect(use.count).toBe(1);
    for (let second = 104; second < 120; second++) use.sweep(second);
    expect(told).toEqual([object.key.toString("latin1")]);
    expect(forgotten).toEqual([object.name]);
    expect(use.count).toBe(0);
  });
});

const rowOf = async (host: TestHost, object: CachedObject) => {
  await until(() => host.index.find(object.key) !== undefined);
  const row = host.index.find(object.key);
  if (row === undefined) throw new Error("no row");
  return row;
};
