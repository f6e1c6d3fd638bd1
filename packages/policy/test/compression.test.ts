import type { ConditionFiles, VhostOptions } from "@basalt/config";
import { describe, expect, it } from "vitest";
import { compileCompression, compressedFields, withVaryOnEncoding } from "../src/index.ts";
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
  ])("HTTP-58 compresses %s with level %s by the first matching line", (url, level) => {
    expect(levelOf(GUIDE, url)).toBe(level);
  });

  it("HTTP-54 needs Compression and AcceptEncoding", () => {
    expect(levelOf(GUIDE, "/a.css", {}, {})).toBeUndefined();
    expect(levelOf(GUIDE, "/a.css", {}, { ...ON, acceptEncoding: false })).toBeUndefined();
    expect(compileCompression(vhostWith({ options: ON }))).toBeUndefined();
  });

  it("HTTP-56 takes the configured level as default", () => {
    const options = { compression: { ...ON.compression, level: 2 } };
    expect(levelOf(GUIDE, "/a.css", {}, options)).toBe(2);
  });

  it.each([
    [1 * KB, undefined],
    [2 * KB - 1, undefined],
    [2 * KB, 6],
    [2048 * KB, 6],
    [2048 * KB + 1, undefined],
    [3 * KB * KB, undefined],
  ])("HTTP-57 compresses %d bytes with level %s (A10 of spec 04)", (sizeBytes, level) => {
    expect(levelOf(GUIDE, "/a.css", { sizeBytes })).toBe(level);
  });

  it("HTTP-61 leaves alone what is encoded already", () => {
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
  it("HTTP-59 always names the coding, HTTP-62 adds Vary", () => {
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
