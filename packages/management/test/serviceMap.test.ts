import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openScene, type Scene, SERVICE_MAP } from "./scene.ts";

let scene: Scene;
beforeEach(async () => {
  scene = await openScene();
});
afterEach(() => scene.close());

describe("/monitoring/servicemap", () => {
  it.each(["/monitoring/servicemap", "/monitoring/servicemap.json", "/monitoring/servicemap?vhost="])(
    "AWS-100 %s answers with nodes and edges of the last five minutes",
    async (path) => {
      const { status, text } = await scene.ask(path);
      expect(status).toBe(200);
      expect(JSON.parse(text)).toMatchObject({
        method: "servicemap",
        status: "OK",
        result: {
          time: "2026-09-03T14:30:00.000Z",
          seconds: 120,
          omitted: 0,
          nodes: SERVICE_MAP.nodes,
          edges: SERVICE_MAP.edges,
        },
      });
      expect(scene.control.asked).toEqual(["serviceMap 5 undefined"]);
    },
  );

  it("AWS-100 answers in XML too", async () => {
    const { headers, text } = await scene.ask("/monitoring/servicemap.xml");
    expect(headers["content-type"]).toBe("text/xml; charset=utf-8");
    expect(text).toContain("<name>10.0.0.1:80</name>");
    expect(text).toContain("<throttle>0.1</throttle>");
  });

  it("AWS-100 picks a host and minutes", async () => {
    expect((await scene.ask("/monitoring/servicemap?vhost=site1.com&min=60")).status).toBe(200);
    expect(scene.control.asked).toEqual(["serviceMap 60 site1.com"]);
  });

  it.each(["0", "61", "-1", "x", "", "1e1"])("AWS-100 refuses min=%s", async (minutes) => {
    expect((await scene.ask(`/monitoring/servicemap?min=${minutes}`)).status).toBe(400);
    expect(scene.control.asked).toEqual([]);
  });

  it("AWS-100 answers 404 for an unknown host", async () => {
    const { status, text } = await scene.ask("/monitoring/servicemap?vhost=nobody.com");
    expect(status).toBe(404);
    expect(JSON.parse(text)).toMatchObject({ method: "servicemap", status: "Fail" });
  });
});
