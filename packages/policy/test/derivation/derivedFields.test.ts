import { describe, expect, it } from "vitest";
import { type Derivation, derivedFields } from "../../src/index.ts";

const SEGMENT: Derivation = {
  kind: "media",
  url: "/a.mp4/mp4hls/0.ts",
  selector: "",
  sourceTarget: "/a.mp4",
  commands: "",
  redirectTarget: undefined,
  variesOn: undefined,
};

describe("fields of what is made of a media file", () => {
  it("BW-24 says nothing of the playing time of its source", () => {
    const fields = ["Cache-Control", "max-age=60", "CMSD-Static", "d=4000", "Content-MD5", "x"];
    expect(derivedFields(fields, SEGMENT)).toEqual(["Cache-Control", "max-age=60"]);
  });
});
