import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { checkout } from "../../lib/edge.ts";
import { UNCOUNTED, uncount } from "../uncounted.ts";

/** What a class that a module exports has under that name; undefined when any of the three is not there. */
const findMethod = (module: object, className: string, method: string): unknown => {
  const found: unknown = Reflect.get(module, className);
  if (typeof found !== "function") return undefined;
  return Object.getOwnPropertyDescriptor(found.prototype, method)?.value;
};

describe("a build without statistics", () => {
  const methods = UNCOUNTED.flatMap((each) => each.methods.map((method) => ({ ...each, method })));

  it.each(methods)("empties methods that exist: $method of $className", async ({ module, className, method }) => {
    const loaded: object = await import(/* @vite-ignore */ join(checkout, module));
    expect(typeof findMethod(loaded, className, method)).toBe("function");
  });

  it("leaves the rest of a class as it is", async () => {
    const source = "export class Tally { add() { return 1; } get() { return 2; } }";
    const emptied = uncount(source, { className: "Tally", methods: ["add"] });
    const { Tally } = await import(`data:text/javascript,${encodeURIComponent(emptied)}`);
    const tally = new Tally();
    expect([tally.add(), tally.get()]).toEqual([undefined, 2]);
  });
});
