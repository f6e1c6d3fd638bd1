import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openScene, type Scene } from "./scene.ts";

let scene: Scene;
beforeEach(async () => {
  scene = await openScene();
});
afterEach(() => scene.close());

describe("/monitoring/logtrace", () => {
  it.each([
    ["info", "info undefined"],
    ["sys", "sys undefined"],
    ["deny", "deny undefined"],
    ["originerror", "originerror undefined"],
    ["access?vhost=site1.com", "access site1.com"],
    ["origin?vhost=site1.com", "origin site1.com"],
    ["monitoring?vhost=site1.com", "monitoring site1.com"],
    ["filesystem?vhost=site1.com", "filesystem site1.com"],
  ])("STAT-97 STAT-98 STAT-101 %s streams lines as plain text", async (path, asked) => {
    const { status, headers, text } = await scene.ask(`/monitoring/logtrace/${path}`);
    expect(status).toBe(200);
    expect(headers["content-type"]).toBe("text/plain; charset=utf-8");
    expect(headers["transfer-encoding"]).toBe("chunked");
    expect(text).toBe("a line\n");
    expect(scene.control.asked).toEqual([`traceLog ${asked}`]);
  });

  it("STAT-100 is recorded in the info log", async () => {
    await scene.ask("/monitoring/logtrace/access?vhost=site1.com");
    expect(scene.logged[0]).toBe("NOTICE log trace: access of site1.com, by 127.0.0.1");
  });

  it.each([
    ["access", 400],
    ["origin?vhost=", 400],
    ["access?vhost=nobody.com", 404],
    ["monitoring?vhost=%00", 404],
    ["nothing", 404],
  ])("STAT-101 answers %s with %i", async (path, expected) => {
    expect((await scene.ask(`/monitoring/logtrace/${path}`)).status).toBe(expected);
    expect(scene.control.asked).toEqual([]);
  });

  it("LOG-192 needs the role User", async () => {
    scene.allow(["127.0.0.1", "Looker"]);
    expect((await scene.ask("/monitoring/logtrace/info")).status).toBe(401);
    scene.allow(["127.0.0.1", "User"]);
    expect((await scene.ask("/monitoring/logtrace/info")).status).toBe(200);
  });

  it("answers 503 when too many are open", async () => {
    scene.control.traceLog = () => undefined;
    expect((await scene.ask("/monitoring/logtrace/info")).status).toBe(503);
  });
});
