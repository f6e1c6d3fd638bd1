import { describe, expect, it } from "vitest";
import { accept, onlyVhost, problemsOf, vhost } from "./support.ts";

const withOptions = (options: string): Readonly<Record<string, string>> => ({
  "vhosts.xml": `<Vhosts>${vhost(`<Options>${options}</Options>`)}</Vhosts>`,
});

const varyHeaderOf = (text: string): readonly string[] =>
  onlyVhost(accept(withOptions(`<VaryHeader>${text}</VaryHeader>`))).options.varyHeader;

describe("<VaryHeader>", () => {
  it.each([
    ["Accept", ["accept"]],
    ["Accept-Language , X-Device", ["accept-language", "x-device"]],
    ["*", ["*"]],
    ["Accept, *", ["*"]],
    ["", []],
  ])("KEY-09 reads `%s`", (text, expected) => {
    expect(varyHeaderOf(text)).toEqual(expected);
  });

  it.each(["Accept Language", "Accept,,X", "Accept: x", "Accept, accept"])("KEY-09 refuses `%s`", (text) => {
    expect(problemsOf(withOptions(`<VaryHeader>${text}</VaryHeader>`))).toHaveLength(1);
  });

  it("KEY-09 lets a host go back to none", () => {
    const config = accept({
      "server.xml": "<Server><VHostDefault><Options><VaryHeader>*</VaryHeader></Options></VHostDefault></Server>",
      ...withOptions("<VaryHeader></VaryHeader>"),
    });
    expect(onlyVhost(config).options.varyHeader).toEqual([]);
  });
});

describe("<CachingProfile>", () => {
  it("is guide or rfc9111, and nothing else", () => {
    const profileOf = (word: string) =>
      onlyVhost(accept(withOptions(`<CachingProfile>${word}</CachingProfile>`))).options.cachingProfile;
    expect(profileOf("rfc9111")).toBe("rfc9111");
    expect(profileOf("GUIDE")).toBe("guide");
    expect(problemsOf(withOptions("<CachingProfile>strict</CachingProfile>"))).toHaveLength(1);
  });
});
