import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openScene, type Scene } from "./scene.ts";

let scene: Scene;
beforeEach(async () => {
  scene = await openScene();
});
afterEach(() => scene.close());

describe("graphs over the management port", () => {
  it("GRAPH-01 GRAPH-06 a picture is image/png", async () => {
    const { status, headers } = await scene.ask("/graph/cpu_day.png");
    expect([status, headers["content-type"], headers["content-length"]]).toEqual([200, "image/png", "4"]);
    expect(scene.control.asked).toEqual(['graph {"scope":"server","resource":"cpu","type":"day"}']);
  });

  it("GRAPH-03 of one virtual host, or of all together", async () => {
    await scene.ask("/graph/vhost/mem_week.png?vhost=site1.com");
    await scene.ask("/graph/vhost/mem_week.png");
    await scene.ask("/graph/vhost/mem_week.png?vhost=");
    const together = 'graph {"scope":"vhosts","resource":"mem","type":"week"}';
    expect(scene.control.asked).toEqual([
      'graph {"scope":"vhosts","resource":"mem","type":"week","vhost":"site1.com"}',
      together,
      together,
    ]);
  });

  it.each(["/graph", "/graph/", "/graph/none_day.png", "/graph/cpu_hour.png", "/graph/vhost/cpu_day.png"])(
    "GRAPH-06 404 for %s",
    async (path) => {
      expect((await scene.ask(path)).status).toBe(404);
      expect(scene.control.asked).toEqual([]);
    },
  );

  it("GRAPH-06 GRAPH-A2 404 for an unknown virtual host", async () => {
    scene.control.graphOutcome = { kind: "unknownVhost" };
    expect((await scene.ask("/graph/vhost/hitratio_day.png?vhost=unknown")).status).toBe(404);
  });

  it("GRAPH-05 503 while too many wait", async () => {
    scene.control.graphOutcome = { kind: "busy" };
    const { status, headers } = await scene.ask("/graph/cpu_day.png");
    expect([status, headers["retry-after"]]).toEqual([503, "2"]);
  });
});
