import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openScene, type Scene } from "../scene.ts";

let scene: Scene;
beforeEach(async () => {
  scene = await openScene();
});
afterEach(() => scene.close());

const linesOf = (text: string): readonly string[] => text.split("\n").filter((line) => line !== "");

describe("live views outside a terminal", () => {
  it("top prints a table each second, or an object with --json, until -n", async () => {
    await scene.basalt("start");
    const [plain, json] = await Promise.all([scene.basalt("top", "-n", "1"), scene.basalt("top", "--json", "-n", "2")]);
    expect(plain.code).toBe(0);
    expect(plain.out).toMatch(/^HOST +\*REQ\/s +HIT%/m);
    expect(plain.out).toMatch(/^b\.test +\S+ +90\.0/m);
    expect(plain.out.indexOf("b.test")).toBeLessThan(plain.out.indexOf("a.test"));
    const objects = linesOf(json.out).map((line): unknown => JSON.parse(line));
    expect(objects).toHaveLength(2);
    expect(objects[1]).toMatchObject({
      state: "Emergency",
      total: { hitRatio: 0.9 },
      hosts: [{ host: "a.test" }, { host: "b.test" }],
    });
  });

  it("status --watch prints the status anew each second", async () => {
    await scene.basalt("start");
    const [plain, json] = await Promise.all([
      scene.basalt("status", "--watch", "-n", "2"),
      scene.basalt("status", "--watch", "--json", "-n", "2"),
    ]);
    expect(plain.out.match(/^state +Emergency$/gm)).toHaveLength(2);
    expect(linesOf(json.out).map((line): unknown => JSON.parse(line))).toMatchObject([
      { running: true, objects: 5 },
      { running: true, objects: 5 },
    ]);
  });

  it("end with 3 where nothing runs", async () => {
    for (const words of [["top"], ["top", "--json"], ["status", "--watch"]]) {
      const { code, out, error } = await scene.basalt(...words);
      expect([code, out]).toEqual([3, ""]);
      expect(error).toContain("Basalt does not answer");
    }
  });

  it.each([[["top", "-n", "0"]], [["top", "-n", "x"]], [["top", "--watch"]]])(
    "%j is a wrong command line",
    async (words) => {
      expect((await scene.basalt(...words)).code).toBe(2);
    },
  );
});
