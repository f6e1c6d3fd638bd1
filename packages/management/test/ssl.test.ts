import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openScene, type Scene } from "./scene.ts";

let scene: Scene;
beforeEach(async () => {
  scene = await openScene();
});
afterEach(() => scene.close());

describe("/monitoring/ssl", () => {
  it.each([
    ["AES128-SHA:AES256-SHA", "AES128-SHA:AES256-SHA"],
    ["RC4+RSA:%2BHIGH", "RC4+RSA:+HIGH"],
  ])("TLS-16 STAT-07 lists the suites of %s", async (written, read) => {
    const { status, text } = await scene.ask(`/monitoring/ssl?ciphersuite=${written}`);
    expect(status).toBe(200);
    expect(JSON.parse(text)).toMatchObject({ method: "ssl", status: "OK", result: [{ Name: read, Kx: "RSA" }] });
  });

  it.each(["", "?ciphersuite=", "?ciphersuite=%ff", "?ciphersuite=none"])("TLS-16 refuses %j", async (query) => {
    expect((await scene.ask(`/monitoring/ssl${query}`)).status).toBe(400);
  });
});
