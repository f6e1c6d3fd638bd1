import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openScene, type Scene } from "../scene.ts";

let scene: Scene;
beforeEach(async () => {
  scene = await openScene();
});
afterEach(() => scene.close());

const linesOf = (text: string): readonly string[] => text.split("\n").filter((line) => line !== "");

describe("live views outside a terminal", () => {
  it("top and status --watch print each second, as text or as an object with --json, until -n", async () => {
    await scene.basalt("start");
    const [plain, json, status, statusJson] = await Promise.all([
      scene.basalt("top", "-n", "1"),
      scene.basalt("top", "--json", "-n", "2"),
      scene.basalt("status", "--watch", "-n", "2"),
      scene.basalt("status", "--watch", "--json", "-n", "2"),
    ]);
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
    expect(status.out.match(/^state +Emergency$/gm)).toHaveLength(2);
    expect(linesOf(statusJson.out).map((line): unknown => JSON.parse(line))).toMatchObject([
      { running: true, objects: 5 },
      { running: true, objects: 5 },
    ]);
  });

  it("end with 3 where nothing runs, with 2 for a number that is none", async () => {
    const [absent, watched, wrong] = await Promise.all([
      scene.basalt("top", "--json"),
      scene.basalt("status", "--watch"),
      scene.basalt("top", "-n", "0"),
    ]);
    expect([absent.code, absent.out, watched.code, wrong.code]).toEqual([3, "", 3, 2]);
    expect(absent.error).toContain("Basalt does not answer");
  });
});
