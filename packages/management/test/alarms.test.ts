import { afterEach, beforeEach, expect, it } from "vitest";
import { ALARM, openScene, type Scene } from "./scene.ts";

let scene: Scene;
beforeEach(async () => {
  scene = await openScene();
});
afterEach(() => scene.close());

it("AWS-75 /monitoring/alarms lists the alarms with their states", async () => {
  const { status, text } = await scene.ask("/monitoring/alarms");
  expect(status).toBe(200);
  expect(JSON.parse(text)).toMatchObject({ method: "alarms", result: { alarms: [ALARM] } });
  expect((await scene.ask("/monitoring/alarms.xml")).text).toContain("<State>ALARM</State>");
});
