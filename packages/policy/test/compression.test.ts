import type { ConditionFiles, ContentCoding, VhostOptions } from "@basalt/config";
import { fieldBlockOf } from "@basalt/http";
import { describe, expect, it } from "vitest";
import { compileCodingChoice, compileCompression, compressedFields, withVaryOnEncoding } from "../src/index.ts";
import { compressionLines, DEFAULT_OPTIONS, vhostWith } from "./settings.ts";

const ON = { compression: { ...DEFAULT_OPTIONS.compression, enabled: true } };
const KB = 1024;

const levelOf = (
  lines: ConditionFiles["compression"],
  url: string,
  source: { readonly status?: number; readonly fields?: readonly string[]; readonly sizeBytes?: number } = {},
  options: Partial<VhostOptions> = ON,
): number | undefined =>
  compileCompression(vhostWith({ options, conditions: { compression: lines } }))?.(url, {
    status: source.status ?? 200,
    fields: source.fields ?? [],
    sizeBytes: source.sizeBytes ?? 10 * KB,
  })?.level;

const GUIDE = compressionLines(
  ["/sample.css", false],
  ["*.css", true],
  ["*.htm", true],
  ["*.xml", true, 9],
  ["*.js", true, 5],
);

describe("what is compressed", () => {
  it.each([
    ["/sample.css", undefined],
    ["/other.css", 6],
    ["/a.htm?x=1", 6],
    ["/a.xml", 9],
    ["/a.js", 5],
    ["/a.jpg", undefined],
  ])(
    "HTTP-58 CMP-20 CMP-21 CMP-22 CMP-23 CMP-24 compresses %s with level %s by the first matching line",
    (url, level) => {
      expect(levelOf(GUIDE, url)).toBe(level);
    },
  );

  it("HTTP-54 CMP-02 needs Compression and AcceptEncoding", () => {
    expect(levelOf(GUIDE, "/a.css", {}, {})).toBeUndefined();
    expect(levelOf(GUIDE, "/a.css", {}, { ...ON, acceptEncoding: false })).toBeUndefined();
    expect(compileCompression(vhostWith({ options: ON }))).toBeUndefined();
  });

  it("HTTP-56 takes the configured level as default", () => {
    const options = { compression: { ...ON.compression, levels: { ...ON.compression.levels, gzip: 2 } } };
    expect(levelOf(GUIDE, "/a.css", {}, options)).toBe(2);
  });

  it.each([
    [1 * KB, undefined],
    [2 * KB - 1, undefined],
    [2 * KB, 6],
    [2048 * KB, 6],
    [2048 * KB + 1, undefined],
    [3 * KB * KB, undefined],
  ])("HTTP-57 CMP-05 compresses %d bytes with level %s (A10 of spec 04)", (sizeBytes, level) => {
    expect(levelOf(GUIDE, "/a.css", { sizeBytes })).toBe(level);
  });

  it("HTTP-61 CMP-11 leaves alone what is encoded already", () => {
    expect(levelOf(GUIDE, "/a.css", { fields: ["Content-Encoding", "br"] })).toBeUndefined();
    expect(levelOf(GUIDE, "/a.css", { fields: ["content-encoding", "gzip"] })).toBeUndefined();
    expect(levelOf(GUIDE, "/a.css", { fields: ["Content-Encoding", "identity"] })).toBe(6);
  });

  it("HTTP-54 leaves alone what must not be transformed, parts, and other statuses", () => {
    expect(levelOf(GUIDE, "/a.css", { fields: ["Cache-Control", "no-transform"] })).toBeUndefined();
    expect(levelOf(GUIDE, "/a.css", { fields: ["Content-Range", "bytes 0-1/2"] })).toBeUndefined();
    expect(levelOf(GUIDE, "/a.css", { status: 404 })).toBeUndefined();
  });
});

describe("fields of the compressed copy", () => {
  it("HTTP-59 CMP-08 always names the coding, HTTP-62 adds Vary", () => {
    expect(compressedFields(["Content-Type", "text/css", "ETag", '"x"', "Content-Length", "9"])).toEqual([
      ...["Content-Type", "text/css", "ETag", 'W/"x"', "Content-Encoding", "gzip", "Vary", "Accept-Encoding"],
    ]);
  });

  it("HTTP-62 does not say Vary twice", () => {
    expect(withVaryOnEncoding(["Vary", "Accept, accept-encoding"])).toEqual(["Vary", "Accept, accept-encoding"]);
    expect(withVaryOnEncoding(["Vary", "*"])).toEqual(["Vary", "*"]);
    expect(withVaryOnEncoding(["Vary", "Accept"])).toEqual(["Vary", "Accept", "Vary", "Accept-Encoding"]);
  });
});

const CHOICES: readonly (readonly [accepted: string, methods: string, expected: string])[] = [
  ["gzip", "gzip", "gzip"],
  ["gzip, br, zstd", "gzip", "gzip"],
  ["gzip, deflate, br, zstd", "zstd,br,gzip", "zstd,br,gzip"],
  ["gzip, br", "zstd,br,gzip", "br,gzip"],
  ["zstd;q=0.5, br, gzip;q=0.8", "zstd,br,gzip", "br,gzip,zstd"],
  ["br;q=0, gzip;q=0.001", "br,gzip", "gzip"],
  ["gzip;q=0, *", "gzip,br", ""],
  ["*", "zstd,br,gzip", "gzip"],
  ["*;q=0", "gzip", ""],
  ["identity", "gzip,br", ""],
  ["identity;q=1, br;q=0.5", "gzip,br", "br"],
  ["x-gzip", "gzip", "gzip"],
  ["BR", "br,gzip", "br"],
  ["", "gzip", ""],
];

describe("which coding a client gets", () => {
  const choose = (accepted: string, methods: string, lines: ConditionFiles["compression"] = GUIDE): string => {
    const names = methods.split(",").map((name): ContentCoding => (name === "br" || name === "zstd" ? name : "gzip"));
    const options = { compression: { ...ON.compression, methods: names } };
    const choice = compileCodingChoice(vhostWith({ options, conditions: { compression: lines } }));
    const { flags } = fieldBlockOf(["Accept-Encoding", accepted]);
    expect(choice(flags)).toBe(choice(flags));
    return choice(flags).join(",");
  };

  it.each(CHOICES)("CMP-03 CMP-07 a client with %j and the methods %s: %s", (accepted, methods, expected) => {
    expect(choose(accepted, methods)).toBe(expected);
  });

  it("CMP-07 nothing for a client that does not say what it takes", () => {
    expect(compileCodingChoice(vhostWith({ options: ON }))(fieldBlockOf([]).flags)).toEqual([]);
  });

  it("CMP-24 a coding that a line names is one of the host's", () => {
    expect(choose("gzip, br", "gzip", compressionLines(["*.css", true, undefined, "br"]))).toBe("gzip,br");
  });
});

describe("codings and levels", () => {
  const METHODS: readonly ContentCoding[] = ["zstd", "br", "gzip"];
  const options = { compression: { ...ON.compression, methods: METHODS } };
  const decide = (lines: ConditionFiles["compression"], wanted: readonly ContentCoding[] | undefined): string => {
    const rules = compileCompression(vhostWith({ options, conditions: { compression: lines } }));
    const decision = rules?.("/a.css", { status: 200, fields: [], sizeBytes: 10 * KB }, wanted);
    return decision === undefined ? "none" : `${decision.coding} ${decision.level}`;
  };

  it.each([
    ["the coding that the client likes best, at its level", undefined, undefined, ["br", "zstd"], "br 5"],
    ["a level without a method counts for gzip", 9, undefined, ["gzip"], "gzip 9"],
    ["a level without a method says nothing of br", 9, undefined, ["br"], "br 5"],
    ["a method alone", undefined, "zstd", ["br", "gzip", "zstd"], "zstd 6"],
    ["a method with its level", 11, "br", ["zstd", "br"], "br 11"],
    ["a method that the client does not take", 11, "br", ["zstd", "gzip"], "none"],
    ["a client that takes nothing", undefined, undefined, [], "none"],
  ] as const)("CMP-23 CMP-24 %s", (_what, level, method, wanted, expected) => {
    expect(decide(compressionLines(["*.css", true, level, method]), wanted)).toBe(expected);
  });

  it("CMP-21 a coding that other lines name is not one of the default methods", () => {
    const only = { compression: ON.compression };
    const lines = compressionLines(["*.js", true, undefined, "br"], ["*.css", true]);
    const rules = compileCompression(vhostWith({ options: only, conditions: { compression: lines } }));
    const source = { status: 200, fields: [], sizeBytes: 10 * KB };
    expect(rules?.("/a.css", source, ["br", "gzip"])?.coding).toBe("gzip");
    expect(rules?.("/a.css", source, ["br"])).toBeUndefined();
    expect(rules?.("/a.js", source, ["br", "gzip"])?.coding).toBe("br");
  });

  it("CMP-01 leaves it to compression.txt which types are compressed", () => {
    expect(levelOf(compressionLines(["*.jpg", true]), "/a.jpg", { fields: ["Content-Type", "image/jpeg"] })).toBe(6);
  });

  it("CMP-08 a copy has no digest of the bytes of its source", () => {
    const fields = ["Content-MD5", "x", "Repr-Digest", "y", "Content-Digest", "z", "Age", "1"];
    expect(compressedFields(fields, "br")).toEqual(["Age", "1", "Content-Encoding", "br", "Vary", "Accept-Encoding"]);
  });
});
