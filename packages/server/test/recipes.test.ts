import { CachedObject, keyOfName, VARIANT } from "@basalt/cache";
import { encodeRecipe } from "@basalt/media";
import { describe, expect, it } from "vitest";
import { Recipes } from "../src/delivery/recipes.ts";

const MIB = 1024 * 1024;

const objectOf = (name: string, body: Buffer): CachedObject =>
  new CachedObject({
    key: keyOfName("www.example.com", VARIANT.DERIVED, name),
    head: {
      url: name,
      variant: "",
      selection: "",
      status: 200,
      fields: ["Content-Type", "audio/mpeg"],
      bodyBytes: body.length,
      storedAtMs: 0,
      validatedAtMs: 0,
      initialAgeSeconds: 0,
      bodyVersion: 1,
      sourceVersion: 1,
    },
    body,
    location: undefined,
    version: 1,
    freshUntilMs: 0,
    ttlSeconds: 0,
    updatedAtMs: 0,
    purged: false,
    expiredByForce: false,
  });

describe("recipes in memory", () => {
  it("MEDIA-70: sections that clients make up take no more memory than is meant for them, however short they are", () => {
    const recipes = new Recipes();
    const objects: CachedObject[] = [];
    const body = Buffer.from(encodeRecipe([{ kind: "source", start: 0, end: 1000 }]));
    for (let index = 0; index < 50_000; index++) {
      const object = objectOf(`/a.mp3?start=${index}`, body);
      objects.push(object);
      expect(recipes.keep(object, body)?.sizeBytes).toBe(1000);
    }
    const kept = objects.filter((object) => recipes.find(object) !== undefined);
    expect(kept.length).toBeGreaterThan(1000);
    expect(kept.reduce((bytes, object) => bytes + object.memoryBytes, 0)).toBeLessThan(33 * MIB);
    expect(recipes.find(objects.at(-1) ?? objectOf("/", body))).toBeDefined();
  });

  it("what is no recipe is not kept", () => {
    const recipes = new Recipes();
    const body = Buffer.from("no recipe");
    expect(recipes.keep(objectOf("/a", body), body)).toBeUndefined();
    expect(recipes.bytes).toBe(0);
  });

  it("MEDIA-70: one that two requests have made at the same time is held, and counted, once", () => {
    const recipes = new Recipes();
    const body = encodeRecipe([{ kind: "source", start: 0, end: 1000 }]);
    recipes.keep("1/1 /a", body);
    const { bytes } = recipes;
    recipes.keep("1/1 /b", body);
    for (let turn = 0; turn < 3; turn++) recipes.keep("1/1 /a", body);
    expect([recipes.bytes, recipes.find("1/1 /b")?.sizeBytes]).toEqual([2 * bytes, 1000]);
  });
});
