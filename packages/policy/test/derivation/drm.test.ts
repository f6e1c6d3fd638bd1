import { hash } from "node:crypto";
import type { DrmKeyPart, DrmSettings } from "@basalt/config";
import { describe, expect, it } from "vitest";
import { compileDerivations } from "../../src/derivation/compileDerivations.ts";
import { compileDrm } from "../../src/derivation/compileDrm.ts";
import { drmIvOf, drmKeyOf, drmKeyText } from "../../src/derivation/drmKey.ts";
import type { Derivation, DerivationPlan, DerivationSource } from "../../src/index.ts";
import { DEFAULT_OPTIONS, queryLines, type VhostChanges, vhostWith } from "../settings.ts";

const DRM: DrmSettings = { ...DEFAULT_OPTIONS.drm, status: "Active", token: "ABC" };

const rulesOf = (drm: Partial<DrmSettings> = {}, options: VhostChanges["options"] = {}) =>
  compileDrm(vhostWith({ options: { ...options, drm: { ...DRM, ...drm } } }));

const derivationOf = (
  target: string,
  drm: Partial<DrmSettings> = {},
  options: VhostChanges["options"] = {},
): Derivation | undefined => rulesOf(drm, options)?.of({ target, get: () => undefined });

const SOURCE: DerivationSource = { status: 200, fields: [], sizeBytes: 11 };

const planOf = (
  target: string,
  drm: Partial<DrmSettings> = {},
  source: Partial<DerivationSource> = {},
): DerivationPlan | undefined => {
  const derivation = derivationOf(target, drm);
  return derivation === undefined ? undefined : rulesOf(drm)?.plan(derivation, { ...SOURCE, ...source });
};

const keyOf = (target: string, drm: Partial<DrmSettings> = {}): string | undefined => {
  const plan = planOf(target, drm);
  if (plan?.kind !== "operation" || plan.operation.kind !== "encrypt") return undefined;
  return Buffer.from(plan.operation.key).toString("latin1");
};

const KEYS: readonly (readonly [row: string, key: readonly DrmKeyPart[], expected: string])[] = [
  ["DRM-20", ["$Token"], "ABC"],
  ["DRM-21", ["$url", "$Token"], "/music/iu.mp3ABC"],
  ["DRM-22", ["$Token", "$filename1"], "ABCiu.mp3"],
  ["DRM-23", ["$filename2", "$Token", "$url"], "iuABC/music/iu.mp3"],
];

describe("which URLs ask for an encrypted form", () => {
  it.each([
    ["/music.mp3/drm", "/music.mp3", "/music.mp3/drm"],
    ["/a/b/music.mp3/drm", "/a/b/music.mp3", "/a/b/music.mp3/drm"],
    ["/music.mp3/drm?x=1", "/music.mp3?x=1", "/music.mp3?x=1/drm"],
    ["/music.mp3?x=1/drm", "/music.mp3?x=1", "/music.mp3?x=1/drm"],
    ["/drm/drm", "/drm", "/drm/drm"],
    ["http://www.example.com/music.mp3/drm", "/music.mp3", "/music.mp3/drm"],
  ])("DRM-02 DRM-03 HTTP-65 %s is made of %s and kept as %s", (target, sourceTarget, url) => {
    expect(derivationOf(target)).toMatchObject({ kind: "drm", url, sourceTarget, commands: "" });
  });

  it.each([
    ["/a.jpg/drm/drm", "/a.jpg", "failure"],
    ["/a.jpg/drm/dims/trim", "/a.jpg", "failure"],
    ["/a.jpg/drm?x=1/drm/dims/trim", "/a.jpg?x=1", "failure"],
    ["/a.jpg/dims/trim", "/a.jpg", "operation"],
    ["/a.jpg/drm", "/a.jpg", "operation"],
  ])("DRM-15 of %s the origin is asked for %s alone: %s", (target, sourceTarget, kind) => {
    const dims = { ...DEFAULT_OPTIONS.dims, status: "Active" } as const;
    const rules = compileDerivations(vhostWith({ options: { drm: DRM, dims } }));
    const derivation = rules?.of({ target, get: () => undefined });
    if (derivation === undefined) throw new Error(target);
    expect([derivation.sourceTarget, rules?.plan(derivation, SOURCE).kind]).toEqual([sourceTarget, kind]);
  });

  it.each(["/music.mp3", "/drm", "/music.mp3/drm/", "/music.mp3/drmx", "/xdrm", "/music.mp3/DRM", "/drm?x=1", "*"])(
    "DRM-03 HTTP-65 %s is an ordinary URL",
    (target) => {
      expect(derivationOf(target)).toBeUndefined();
    },
  );

  it("DRM-02 HTTP-65 by another keyword", () => {
    expect(derivationOf("/a.mp3/secret", { keyword: "secret" })?.url).toBe("/a.mp3/secret");
    expect(derivationOf("/a.mp3/drm", { keyword: "secret" })).toBeUndefined();
  });

  it("DRM-01 HTTP-64 HTTP-75 none while it is inactive", () => {
    expect(rulesOf({ status: "Inactive" })).toBeUndefined();
  });

  it("KEY-04 with CaseSensitive OFF in any case, and of one object of the cache", () => {
    const off = { caseSensitive: false };
    expect(derivationOf("/Music.mp3/DRM", {}, off)).toMatchObject({
      sourceTarget: "/Music.mp3",
      url: "/music.mp3/drm",
    });
    const urls = ["/Music.mp3/drm", "/music.mp3/drm"].map((target) => derivationOf(target, {}, off));
    expect(urls[0]?.selector).toBe(urls[1]?.selector);
    const byPath = ["/Music.mp3/drm", "/music.mp3/drm"].map((target) => derivationOf(target, { key: ["$url"] }, off));
    expect(byPath[0]?.url).toBe(byPath[1]?.url);
    expect(byPath[0]?.selector).not.toBe(byPath[1]?.selector);
  });

  it("KEY-05 without the query string where that is no part of the key", () => {
    expect(derivationOf("/a.mp3/drm?x=1", {}, { applyQueryString: false })?.url).toBe("/a.mp3/drm");
    const conditions = { querystring: queryLines("/a.mp3") };
    const rules = compileDrm(vhostWith({ options: { drm: DRM }, conditions }));
    expect(rules?.of({ target: "/a.mp3/drm?x=1", get: () => undefined })?.url).toBe("/a.mp3/drm");
  });
});

describe("keys", () => {
  it.each(KEYS)("%s HTTP-69 HTTP-70 DRM-09 joins %j to %s", (_row, key, expected) => {
    expect(keyOf("/music/iu.mp3/drm", { key })).toBe(expected);
  });

  it("DRM-24 HTTP-71 takes the binary value of a hash", () => {
    const key = KEYS[3]?.[1] ?? [];
    const text = "iuABC/music/iu.mp3";
    const hexOf = (keyHash: DrmSettings["keyHash"]): string =>
      Buffer.from(keyOf("/music/iu.mp3/drm", { key, keyHash }) ?? "", "latin1").toString("hex");
    expect(hexOf("MD5")).toBe("2f6078adb0b3a816352b1cdb8ef15af8");
    expect(hexOf("SHA-1")).toBe(hash("sha1", text));
    expect(hexOf("SHA-256")).toBe(hash("sha256", text));
  });

  it("DRM-10 leaves out the query string", () => {
    expect(keyOf("/music/iu.mp3/drm?x=1", { key: ["$url"] })).toBe("/music/iu.mp3");
    expect(keyOf("/music/iu.mp3?x=/y.z/drm", { key: ["$filename1"] })).toBe("iu.mp3");
  });

  it.each([
    ["/a.b.mp3", "a.b.mp3", "a.b"],
    ["/noextension", "noextension", "noextension"],
    ["/.hidden", ".hidden", ".hidden"],
    ["/folder/", "", ""],
    ["/caf%C3%A9.mp3", "caf%C3%A9.mp3", "caf%C3%A9"],
  ])("DRM-11 DRM-12 of %s: %j and %j", (path, first, second) => {
    expect(drmKeyText({ key: ["$filename1"], token: "" }, path)).toBe(first);
    expect(drmKeyText({ key: ["$filename2"], token: "" }, path)).toBe(second);
  });

  it("DRM-05 takes 1 to 256 bytes for RC4", () => {
    const lengthOf = (token: string): number | undefined => drmKeyOf({ ...DRM, token }, "/a")?.length;
    expect([lengthOf(""), lengthOf("x"), lengthOf("x".repeat(256)), lengthOf("x".repeat(257))]).toEqual([
      ...[undefined, 1, 256, undefined],
    ]);
    expect(planOf("/a.mp3/drm", { token: "x".repeat(257) })?.kind).toBe("failure");
  });

  it("DRM-13 takes 16 bytes for AES: a text of that length, or the beginning of a hash", () => {
    const aes = { ...DRM, algorithm: "AES-128-CTR", iv: "0".repeat(16) } as const;
    expect(drmKeyOf({ ...aes, token: "x".repeat(15) }, "/a")).toBeUndefined();
    expect(drmKeyOf({ ...aes, token: "x".repeat(17) }, "/a")).toBeUndefined();
    expect(drmKeyOf({ ...aes, token: "x".repeat(16) }, "/a")?.length).toBe(16);
    expect(drmKeyOf({ ...aes, keyHash: "SHA-256" }, "/a")).toEqual(
      new Uint8Array(hash("sha256", "ABC", "buffer").subarray(0, 16)),
    );
  });

  it.each([
    ["RC4", "anything", ""],
    ["AES-128-CTR", "0123456789abcdef", "30313233343536373839616263646566"],
    ["AES-128-CBC", "000102030405060708090A0B0C0D0E0F", "000102030405060708090a0b0c0d0e0f"],
    ["AES-128-CTR", "short", undefined],
    ["AES-128-CTR", "", undefined],
  ] as const)("DRM-06 HTTP-68 %s makes of the IV %j %s", (algorithm, iv, expected) => {
    const bytes = drmIvOf({ algorithm, iv });
    expect(bytes === undefined ? undefined : Buffer.from(bytes).toString("hex")).toBe(expected);
  });
});

describe("what is done with the source", () => {
  it("DRM-14 HTTP-67 encrypts it", () => {
    expect(planOf("/a.mp3/drm")).toMatchObject({
      kind: "operation",
      maxSourceBytes: 500 * 1024 ** 2,
      operation: { kind: "encrypt", algorithm: "RC4", iv: new Uint8Array(0) },
    });
    const aes = { algorithm: "AES-128-CBC", iv: "0".repeat(16), keyHash: "MD5" } as const;
    expect(planOf("/a.mp3/drm", aes)).toMatchObject({ operation: { algorithm: "AES-128-CBC" } });
  });

  it("DRM-04 HTTP-66 not where it is too large", () => {
    const megabyte = { maxSourceBytes: 1024 ** 2 };
    expect(planOf("/a.mp3/drm", megabyte, { sizeBytes: 1024 ** 2 })?.kind).toBe("operation");
    expect(planOf("/a.mp3/drm", megabyte, { sizeBytes: 1024 ** 2 + 1 })?.kind).toBe("failure");
    expect(planOf("/a.mp3/drm", megabyte, { sizeBytes: -1 })?.kind).toBe("operation");
  });

  it.each([404, 206, 301, 500])("DRM-15 not where the origin answered %d", (status) => {
    expect(planOf("/a.mp3/drm", {}, { status })?.kind).toBe("failure");
  });

  it("DRM-16 HTTP-76 what was encrypted under another key is another object", () => {
    const selectorOf = (drm: Partial<DrmSettings>): string | undefined => derivationOf("/a.mp3/drm", drm)?.selector;
    const changes: readonly Partial<DrmSettings>[] = [
      {},
      { token: "ABD" },
      { key: ["$url"] },
      { keyHash: "MD5" },
      { algorithm: "AES-128-CTR" },
      { iv: "x" },
    ];
    expect(new Set(changes.map(selectorOf)).size).toBe(changes.length);
    expect(selectorOf({})).toMatch(/^[\w-]{12}$/);
    expect(selectorOf({ maxSourceBytes: 1 })).toBe(selectorOf({}));
  });
});
