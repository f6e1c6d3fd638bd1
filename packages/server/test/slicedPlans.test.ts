import { describe, expect, it } from "vitest";
import { SlicedPlans } from "../src/delivery/slicedPlans.ts";
import { turn } from "./support/waiting.ts";

describe("plans in slices", () => {
  it("MEDIA-70: have one slice of all of them in a turn of the event loop, each done once and one after the other", async () => {
    const plans = new SlicedPlans<string>();
    let slices = 0;
    function* work(name: string): Generator<undefined, string, undefined> {
      for (let slice = 0; slice < 3; slice++) {
        slices++;
        yield;
      }
      return name;
    }
    const done: string[] = [];
    const coming: Promise<unknown>[] = [];
    for (let index = 0; index < 8; index++) {
      expect(plans.isFull).toBe(false);
      coming.push(plans.finish(`/${index}`, work(`${index}`)).then((name) => done.push(name)));
    }
    expect([plans.isFull, plans.find("/7") !== undefined, plans.find("/8")]).toEqual([true, true, undefined]);
    for (let turns = 0; turns < 12; turns++) {
      const before = slices;
      await turn();
      expect(slices - before).toBeLessThanOrEqual(1);
    }
    await Promise.all(coming);
    expect(done.join("")).toBe("01234567");
    expect([slices, plans.isFull, plans.find("/0")]).toEqual([24, false, undefined]);
  });

  it("MEDIA-70: go on behind one that fails", async () => {
    const plans = new SlicedPlans<number>();
    // biome-ignore lint/correctness/useYield: it fails in its first slice.
    function* failing(): Generator<undefined, number, undefined> {
      throw new Error("no such film");
    }
    function* sound(): Generator<undefined, number, undefined> {
      yield;
      return 1;
    }
    const results = await Promise.allSettled([plans.finish("/a", failing()), plans.finish("/b", sound())]);
    expect(results.map(({ status }) => status)).toEqual(["rejected", "fulfilled"]);
    expect(plans.find("/a")).toBeUndefined();
  });
});
