import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openScene, type Scene } from "./scene.ts";

let scene: Scene;
beforeEach(async () => {
  scene = await openScene();
});
afterEach(() => scene.close());

const VERBS = ["purge", "expire", "expireafter", "hardpurge"] as const;

describe("purges by tag", () => {
  it.each(VERBS)("/command/%s takes tags, of one host or of all, as query and as form", async (verb) => {
    const tagged = { tags: ["a", "b|c", "ü"], vhost: undefined };
    const text = "tag=a|b%7Cc|%C3%BC|a";
    expect((await scene.ask(`/command/${verb}?${text}`)).status).toBe(200);
    expect((await scene.ask(`/command/${verb}?vhost=www.example.com&${text}`)).status).toBe(200);
    expect((await scene.ask(`/command/${verb}`, { method: "POST", body: `${text}\r\n` })).status).toBe(200);
    const asked = { verb, targets: "", tagged, seconds: 86_400 };
    const ofOne = { ...asked, tagged: { ...tagged, vhost: "www.example.com" } };
    expect(scene.control.purges).toEqual([asked, ofOne, asked]);
  });

  it("a tag in the query string of a target belongs to the target", async () => {
    await scene.ask("/command/purge?url=www.example.com/a?x&tag=b");
    expect(scene.control.purges).toEqual([{ verb: "purge", targets: "www.example.com/a?x&tag=b", seconds: 86_400 }]);
  });

  it.each(["tag=", "tag=|", "tag=a%20b", "tag=%zz", "tag=a&url=b.example/", "tag=a&soft=2", "tag=a&dryrun=yes"])(
    "PRG-18 %s is malformed: 400, and nothing is done",
    async (query) => {
      expect((await scene.ask(`/command/purge?${query}`)).status).toBe(400);
      expect(scene.control.purges).toEqual([]);
    },
  );
});

describe("soft purges and dry runs", () => {
  it.each(["url=a.com/x", "url=a.com/*|/b", "tag=x"])(
    "soft=1 expires what is meant by %s, in the name of purge",
    async (what) => {
      const { text } = await scene.ask(`/command/purge?soft=1&${what}`);
      expect(JSON.parse(text)).toMatchObject({ method: "purge", result: { Count: 24 } });
      expect(scene.control.purges).toMatchObject([{ verb: "expire" }]);
    },
  );

  it.each(VERBS.filter((verb) => verb !== "purge"))("soft=1 means nothing to %s: 400", async (verb) => {
    expect((await scene.ask(`/command/${verb}?soft=1&url=a.com/x`)).status).toBe(400);
  });

  it("dryrun=1 tells that it was one", async () => {
    const { text } = await scene.ask("/command/hardpurge?dryrun=1&url=a.com/x");
    expect(JSON.parse(text).result).toEqual({ Count: 24, Size: 3_747_491, Time: 12, DryRun: true });
    expect(scene.control.purges).toEqual([{ verb: "hardpurge", targets: "a.com/x", seconds: 86_400, isDryRun: true }]);
  });

  it("AWS-52 too many at a time are refused: 429", async () => {
    scene.control.purgeOutcome = { kind: "tooMany" };
    const { status, text } = await scene.ask("/command/purge?url=a.com/x");
    expect([status, JSON.parse(text)]).toMatchObject([
      429,
      { status: "Fail", result: "TooManyInvalidationsInProgress" },
    ]);
  });
});
