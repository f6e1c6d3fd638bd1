import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openScene, type Scene } from "./scene.ts";

let scene: Scene;
beforeEach(async () => {
  scene = await openScene();
});
afterEach(() => scene.close());

describe("/monitoring/realtime and /monitoring/average", () => {
  it.each(["realtime", "average"])("STAT-01 STAT-07 %s answers without an envelope", async (kind) => {
    const { status, text } = await scene.ask(`/monitoring/${kind}`);
    expect([status, text]).toEqual([200, '{"Host":{"Name":"edge"}}']);
    expect(scene.control.statisticsQuestions).toEqual([{ span: { kind }, vhosts: undefined }]);
  });

  it("STAT-03 answers XML by suffix", async () => {
    const { headers, text } = await scene.ask("/monitoring/average.xml");
    expect(headers["content-type"]).toBe("text/xml; charset=utf-8");
    expect(text).toBe('<?xml version="1.0" encoding="UTF-8"?>\n<Host Name="edge"/>\n');
  });

  it.each([
    ["Looker", 401],
    ["User", 200],
    ["Admin", 200],
  ] as const)("A12 of spec 08 STAT-06: the role %s gets %i", async (role, expected) => {
    scene.allow(["127.0.0.1", role]);
    for (const kind of ["realtime", "average"]) expect((await scene.ask(`/monitoring/${kind}`)).status).toBe(expected);
  });

  it("picks virtual hosts and minutes", async () => {
    await scene.ask("/monitoring/average?vhost=a.com,%20b.com&min=5");
    expect(scene.control.statisticsQuestions).toEqual([
      { span: { kind: "minutes", minutes: 5 }, vhosts: ["a.com", "b.com"] },
    ]);
  });

  it.each(["0", "61", "-1", "x", "", "1e1"])("refuses min=%s", async (minutes) => {
    expect((await scene.ask(`/monitoring/average?min=${minutes}`)).status).toBe(400);
    expect(scene.control.statisticsQuestions).toEqual([]);
  });
});
