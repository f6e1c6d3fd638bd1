import type { AnnotationSettings, CompositeSettings, DimsSettings, VhostOptions } from "@basalt/config";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  compileDerivations,
  DERIVATION_FAILURE,
  type Derivation,
  type DerivationPlan,
  type DerivationRules,
  type DerivationSource,
  type ImageCommand,
  signCommands,
} from "../../src/index.ts";
import { DEFAULT_OPTIONS, vhostWith } from "../settings.ts";

const rulesWith = (
  dims: Partial<DimsSettings> = {},
  options: Partial<VhostOptions> = {},
): DerivationRules | undefined =>
  compileDerivations(
    vhostWith({ options: { ...options, dims: { ...DEFAULT_OPTIONS.dims, status: "Active", ...dims } } }),
  );

const rules = (dims: Partial<DimsSettings> = {}, options: Partial<VhostOptions> = {}): DerivationRules => {
  const compiled = rulesWith(dims, options);
  if (compiled === undefined) throw new Error("the function is off");
  return compiled;
};

const ask = (
  target: string,
  compiled = rules(),
  fields: Readonly<Record<string, string>> = {},
): Derivation | undefined => compiled.of({ target, get: (name) => fields[name] });

const asked = (target: string, compiled = rules(), fields: Readonly<Record<string, string>> = {}): Derivation => {
  const derivation = ask(target, compiled, fields);
  if (derivation === undefined) throw new Error(`${target} is an ordinary URL`);
  return derivation;
};

const IMAGE: DerivationSource = { status: 200, fields: ["Content-Type", "image/jpeg"], sizeBytes: 1_000 };

const planned = (
  target: string,
  compiled = rules(),
  source: Partial<DerivationSource> = {},
  fields: Readonly<Record<string, string>> = {},
): DerivationPlan => compiled.plan(asked(target, compiled, fields), { ...IMAGE, ...source });

const commandsOf = (plan: DerivationPlan): readonly ImageCommand[] => {
  if (plan.kind !== "operation" || plan.operation.kind !== "image") throw new Error(JSON.stringify(plan));
  return plan.operation.commands;
};

const NO_OFFSET = { x: 0, xIsPercent: false, y: 0, yIsPercent: false };

const composite = (name: string, file: string): CompositeSettings => ({
  name,
  file,
  gravity: "c",
  offset: NO_OFFSET,
  dissolve: 50,
});

const annotation = (name: string, text: string): AnnotationSettings => ({
  name,
  text,
  font: "sans",
  fontSize: 10,
  color: "#000000",
  align: "center",
  background: undefined,
  backgroundWidth: 0,
  backgroundHeight: 0,
  gravity: "c",
  offset: NO_OFFSET,
  dissolve: 50,
});

describe("DIMS URLs", () => {
  it("DIMS-01 are ordinary ones where the function is off", () => {
    expect(rulesWith({ status: "Inactive" })).toBeUndefined();
  });

  it.each<readonly [string, string, string, string | undefined, string]>([
    ["DIMS-08", "12AB", "/img.jpg/12AB/optimize", "/img.jpg", "optimize"],
    ["DIMS-08", "12AB", "/img.jpg/12AB/resize/500x500/", "/img.jpg", "resize/500x500/"],
    ["DIMS-02", "dims", "/img.jpg/12AB/optimize", undefined, ""],
    ["DIMS-01 no command", "dims", "/img.jpg", undefined, ""],
    ["DIMS-08 no slash behind it", "dims", "/img.jpg/dims", undefined, ""],
    ["DIMS-08 part of a name", "dims", "/img.jpg/adims/x", undefined, ""],
    ["REG-197 DIMS-10 with query string", "dims", "/img.jpg?v=2/dims/resize/10x10/", "/img.jpg?v=2", "resize/10x10/"],
    [
      "DIMS-10 acceptance example of spec 17",
      "STON",
      "/image.jpg?date=20140326/STON/composite/watermark1",
      "/image.jpg?date=20140326",
      "composite/watermark1",
    ],
    ["DIMS-10 the first counts", "dims", "/a.jpg/dims/trim/dims/trim", "/a.jpg", "trim/dims/trim"],
    ["DIMS-10 a folder of that name", "dims", "/dims/a.jpg", undefined, ""],
    ["DIMS-10 a picture in such a folder", "dims", "/dims/a.jpg/dims/trim", "/dims/a.jpg", "trim"],
    ["DIMS-08 absolute-form", "dims", "http://h.test/a.jpg/dims/trim", "/a.jpg", "trim"],
    ["DIMS-09 as the client wrote them", "dims", "/a.jpg/dims/crop/9x9%2B1%2B1", "/a.jpg", "crop/9x9%2B1%2B1"],
    ["DIMS-08 without the query string behind", "dims", "/a.jpg/dims/trim?t=5", "/a.jpg", "trim"],
  ])("%s: keyword %s in %s", (_, keyword, target, source, commands) => {
    const derivation = ask(target, rules({ keyword }));
    expect(derivation?.sourceTarget).toBe(source);
    expect(derivation?.commands ?? "").toBe(commands);
  });

  it.each<readonly [string, Partial<VhostOptions>, string, string]>([
    ["DIMS-14", { applyQueryString: true }, "/a.jpg/dims/trim/", "/a.jpg/dims/trim/"],
    ["DIMS-19", { applyQueryString: true }, "/img.jpg?s=5&t=3/dims/resize/2x2/", "/img.jpg?s=5&t=3/dims/resize/2x2/"],
    ["DIMS-19", { applyQueryString: false }, "/img.jpg?s=5&t=3/dims/resize/2x2/", "/img.jpg/dims/resize/2x2/"],
    ["DIMS-19 behind", { applyQueryString: true }, "/img.jpg/dims/trim?s=5", "/img.jpg/dims/trim?s=5"],
    ["DIMS-19 behind", { applyQueryString: false }, "/img.jpg/dims/trim?s=5", "/img.jpg/dims/trim"],
    ["DIMS-20", { caseSensitive: true }, "/IMG.jpg/dims/Trim", "/IMG.jpg/dims/Trim"],
    ["DIMS-20", { caseSensitive: false }, "/IMG.jpg/DIMS/Trim", "/img.jpg/dims/trim"],
  ])("%s is kept under its URL as it counts with %j: %s", (_, options, target, url) => {
    expect(asked(target, rules({}, options)).url).toBe(url);
  });

  it("DIMS-20 a keyword with capitals is never found where URLs are in lower case", () => {
    expect(rulesWith({ keyword: "12AB" }, { caseSensitive: false })).toBeUndefined();
    expect(asked("/A.jpg/DIMS/trim", rules({}, { caseSensitive: false })).sourceTarget).toBe("/A.jpg");
  });

  it("DIMS-04 DIMS-12 names the original where a failure leads back to it", () => {
    expect(asked("/a.jpg?v=1/dims/bogus/1/", rules({ onFailure: "redirect" })).redirectTarget).toBe("/a.jpg?v=1");
    expect(asked("/a.jpg/dims/bogus/1/").redirectTarget).toBeUndefined();
  });
});

describe("plans", () => {
  it("DIMS-03 DIMS-08 is a conversion with the limits of the host", () => {
    const plan = planned(
      "/a.jpg/dims/resize/200x200/format/png/",
      rules({ maxPixels: 5_000_000, maxSourceBytes: 9_000 }),
    );
    expect(plan).toMatchObject({
      kind: "operation",
      maxSourceBytes: 9_000,
      operation: {
        kind: "image",
        commands: [{ kind: "resize" }, { kind: "format", format: "png" }],
        settings: { maxPixels: 5_000_000, maxSidePixels: 65_535, maxFrames: 1_000, firstFrameOnly: false },
      },
    });
  });

  it.each<readonly [string, string, Partial<DerivationSource>, string]>([
    ["DIMS-13 404 at the origin", "trim", { status: 404 }, DERIVATION_FAILURE.SOURCE_MISSING],
    ["DIMS-13 302 at the origin", "trim", { status: 302 }, DERIVATION_FAILURE.SOURCE_MISSING],
    ["DIMS-03 DIMS-11 11 MB", "trim", { sizeBytes: 11 * 1024 ** 2 }, DERIVATION_FAILURE.SOURCE_TOO_LARGE],
    ["DIMS-11 DIMS-47 unknown", "bogus/1/", {}, DERIVATION_FAILURE.CONVERSION],
    ["DIMS-47 no size", "resize//", {}, DERIVATION_FAILURE.CONVERSION],
    ["DIMS-47 acceptance example of spec 17", "resize/", {}, DERIVATION_FAILURE.CONVERSION],
    ["DIMS-47 no command", "", {}, DERIVATION_FAILURE.CONVERSION],
    ["DIMS-48 acceptance example of spec 17", "thumbnail/0x0/", {}, DERIVATION_FAILURE.CONVERSION],
    ["DIMS-41 no such composite", "composite/none", {}, DERIVATION_FAILURE.CONVERSION],
    ["DIMS-42 no such choice", "byoriginal/none", {}, DERIVATION_FAILURE.CONVERSION],
    ["DIMS-110 no such text", "annotation/none", {}, DERIVATION_FAILURE.CONVERSION],
    ["issue 9 no such preset", "preset/none", {}, DERIVATION_FAILURE.CONVERSION],
    ["issue 9 signed where nothing is", `sign/${"a".repeat(64)}/trim`, {}, DERIVATION_FAILURE.CONVERSION],
    ["DIMS-10 of a result", "trim/dims/trim", {}, DERIVATION_FAILURE.CONVERSION],
  ])("%s: %s fails", (_, commands, source, reason) => {
    expect(planned(`/a.jpg/dims/${commands}`, rules(), source)).toMatchObject({ kind: "failure", reason });
  });

  it.each([
    ["bogus/1", 'There is no command "bogus".'],
    ["composite/none", "There is no <Composite> none."],
    ["annotation/none", "There is no <Annotation> none."],
    ["format/auto", "format/auto needs <FormatAuto>."],
    ["format/webp", "A command needs <ExtraCommands>."],
    ["resize/9x", undefined],
  ])("DIMS-47 %s: %s, for who runs the server", (commands, detail) => {
    const plan = planned(`/a.jpg/dims/${commands}`);
    expect(plan.kind === "failure" ? plan.detail : undefined).toBe(detail);
  });

  it("DIMS-10 what origins are asked for is never a DIMS URL, whatever clients send", () => {
    const piece = fc.constantFrom(
      "/dims/",
      "/dims",
      "dims/",
      "/",
      "?",
      "a.jpg",
      "trim",
      "%2F",
      "=",
      "&",
      "//",
      "*",
      ".",
    );
    const compiled = rules();
    const target = fc.array(piece, { maxLength: 20 }).map((pieces) => `/${pieces.join("")}`);
    fc.assert(
      fc.property(target, (text) => {
        const derivation = ask(text, compiled);
        expect(derivation === undefined).toBe(text.indexOf("/dims/", 1) < 0);
        if (derivation === undefined) return;
        expect(ask(derivation.sourceTarget, compiled)).toBeUndefined();
        expect(text.startsWith(`${derivation.sourceTarget}/dims/${derivation.commands}`)).toBe(true);
        expect(`${derivation.url}${derivation.selector}`).not.toMatch(/\s/);
        compiled.plan(derivation, IMAGE);
      }),
    );
  });

  it("DIMS-03 a source of exactly the size is converted, one of unknown length too", () => {
    expect(planned("/a.jpg/dims/trim", rules(), { sizeBytes: 10 * 1024 ** 2 }).kind).toBe("operation");
    expect(planned("/a.jpg/dims/trim", rules(), { sizeBytes: -1 }).kind).toBe("operation");
  });

  it("DIMS-95 a chain that changes nothing gives the source, unless the host changes all pictures", () => {
    expect(planned("/a.jpg/dims/invert/false")).toEqual({ kind: "unchanged" });
    expect(planned("/a.jpg/dims/invert/false", rules({ autoOrient: true })).kind).toBe("operation");
    expect(planned("/a.gif/dims/invert/false", rules({ firstFrameOnly: true })).kind).toBe("operation");
  });

  it("DIMS-05 DIMS-43 DIMS-93 a word about frames in the URL stands beside the setting", () => {
    const plan = planned("/a.gif/dims/firstframeonly/off/resize/2x2/", rules({ firstFrameOnly: true }));
    expect(plan).toMatchObject({ operation: { settings: { firstFrameOnly: true } } });
    expect(commandsOf(plan)[0]).toEqual({ kind: "firstFrameOnly", isOn: false });
  });

  it.each([
    "format/webp",
    "format/avif",
    "quality/auto",
    "autoorient/true",
    "resizecrop/9x9,attention",
    "describe/color",
  ])("issue 9 %s is a command only with <ExtraCommands>, or where the configuration has it", (command) => {
    const target = `/a.jpg/dims/${command}`;
    expect(planned(target).kind).toBe("failure");
    expect(planned(target, rules({ extraCommands: true })).kind).toBe("operation");
    const preset = rules({ presets: [{ name: "p", commands: command }] });
    expect(planned("/a.jpg/dims/preset/p/", preset).kind).toBe("operation");
  });
});

describe("what is called by name", () => {
  const composites = [composite("water1", "/w1.png"), composite("water2", "/w2.png"), composite("water3", "/w3.png")];
  const byOriginal = [
    {
      name: "size_water",
      conditions: [
        { maxWidth: 400, maxHeight: undefined, commands: "/composite/water1/" },
        { maxWidth: 800, maxHeight: 600, commands: "/composite/water2/" },
        { maxWidth: undefined, maxHeight: undefined, commands: "/composite/water3/" },
      ],
    },
  ];

  it("DIMS-41 DIMS-70 DIMS-71 a composite, with its place and opacity", () => {
    const plan = planned("/a.jpg/dims/composite/water2/", rules({ composites }));
    expect(commandsOf(plan)).toEqual([
      { kind: "composite", overlay: { file: "/w2.png", gravity: "c", offset: NO_OFFSET, dissolve: 50 } },
    ]);
  });

  it("DIMS-42 DIMS-81 to DIMS-83 DIMS-85 a choice, at its place in the chain, with all its conditions", () => {
    const plan = planned("/a.jpg/dims/trim/byoriginal/size_water/quality/9", rules({ composites, byOriginal }));
    const water = (file: string) => [{ kind: "composite", overlay: { file } }];
    expect(commandsOf(plan)).toMatchObject([
      { kind: "trim" },
      {
        kind: "byOriginal",
        choices: [
          { maxWidth: 400, maxHeight: undefined, commands: water("/w1.png") },
          { maxWidth: 800, maxHeight: 600, commands: water("/w2.png") },
          { maxWidth: undefined, maxHeight: undefined, commands: water("/w3.png") },
        ],
      },
      { kind: "quality" },
    ]);
  });

  it("DIMS-84 a choice of which nothing applies is a conversion all the same", () => {
    const only = [{ name: "s", conditions: [{ maxWidth: 1, maxHeight: undefined, commands: "/trim/" }] }];
    expect(planned("/a.jpg/dims/byoriginal/s", rules({ byOriginal: only })).kind).toBe("operation");
  });

  it("DIMS-20 names have no case where URLs have none", () => {
    const compiled = rules({ composites: [composite("Water", "/w.png")] }, { caseSensitive: false });
    expect(planned("/A.jpg/DIMS/Composite/WATER", compiled).kind).toBe("operation");
    expect(planned("/a.jpg/dims/composite/WATER", rules({ composites })).kind).toBe("failure");
  });

  it("issue 9 a preset, whose commands stand in its place", () => {
    const presets = [{ name: "card", commands: "/resize/4x4/composite/water1/" }];
    const plan = planned("/a.jpg/dims/preset/card/format/png", rules({ presets, composites }));
    expect(commandsOf(plan).map(({ kind }) => kind)).toEqual(["resize", "composite", "format"]);
  });

  it("shows a change of the configuration at once: results under another one are others", () => {
    const of = (dims: Partial<DimsSettings>, commands: string) =>
      asked(`/a.jpg/dims/${commands}`, rules(dims)).selector;
    expect(of({}, "trim")).toBe("");
    expect(of({ composites }, "trim")).toBe("");
    const before = of({ composites }, "composite/water1");
    expect(of({ composites }, "composite/water1")).toBe(before);
    expect(of({ composites: [composite("water1", "/new.png")] }, "composite/water1")).not.toBe(before);
    expect(of({ autoOrient: true }, "trim")).not.toBe("");
    expect(before).not.toMatch(/\s/);
  });
});

describe("annotations", () => {
  const annotations = [
    annotation("maintext", "$QUERYSTRING[msg]"),
    annotation("subtext", "Tag: $querystring[tag]\\nend"),
    annotation("fixed", "Sale"),
  ];

  const textsOf = (target: string, options: Partial<VhostOptions> = { applyQueryString: true }): readonly string[] => {
    const commands = commandsOf(planned(target, rules({ annotations }, options)));
    return commands
      .flatMap((command) => (command.kind === "annotation" ? command.annotations : []))
      .map(({ text }) => text);
  };

  it("DIMS-110 DIMS-111 several are joined, with the values of the query string in front of the keyword", () => {
    expect(textsOf("/a.jpg?msg=HelloWorld&tag=Event/dims/annotation/maintext*subtext")).toEqual([
      "HelloWorld",
      "Tag: Event\nend",
    ]);
  });

  it("DIMS-111 values are decoded; control characters are taken out, and the length has a bound", () => {
    expect(textsOf("/a.jpg?msg=50%25+%E6%B0%B4%00%0Ax/dims/annotation/maintext")).toEqual(["50% 水\nx"]);
    expect(textsOf("/a.jpg?msg=%FF%ZZ/dims/annotation/maintext")).toEqual(["%FF%ZZ"]);
    expect(textsOf(`/a.jpg?msg=${"x".repeat(5_000)}/dims/annotation/maintext`)[0]).toHaveLength(1_000);
  });

  it("DIMS-111 a key that is not there leaves its place empty; a text that is empty is not drawn", () => {
    expect(textsOf("/a.jpg/dims/annotation/subtext")).toEqual(["Tag: \nend"]);
    expect(planned("/a.jpg/dims/annotation/maintext", rules({ annotations })).kind).toBe("unchanged");
  });

  it("DIMS-19 DIMS-111 what is no part of the key is not drawn, since all requests share the result", () => {
    expect(textsOf("/a.jpg?tag=secret/dims/annotation/subtext", { applyQueryString: false })).toEqual(["Tag: \nend"]);
  });

  it("DIMS-111 a value is text, not a placeholder again", () => {
    expect(textsOf("/a.jpg?msg=$QUERYSTRING[tag]&tag=x/dims/annotation/maintext")).toEqual(["$QUERYSTRING[tag]"]);
  });
});

describe("format/auto", () => {
  const auto = rules({ formatAuto: ["avif", "webp"], presets: [{ name: "p", commands: "/trim/format/auto/" }] });
  const CHROME = { accept: "image/avif,image/webp,image/apng,image/*,*/*;q=0.8" };

  const formatOf = (accept: string | undefined, source: Partial<DerivationSource> = {}): string | undefined => {
    const fields: Readonly<Record<string, string>> = accept === undefined ? {} : { accept };
    const plan = planned("/a.jpg/dims/trim/format/auto", auto, source, fields);
    const command = commandsOf(plan).find(({ kind }) => kind === "format");
    return command?.kind === "format" ? command.format : undefined;
  };

  it.each([
    [CHROME.accept, "avif"],
    ["image/webp,*/*", "webp"],
    ["image/avif;q=0, image/webp;q=0.5", "webp"],
    ["IMAGE/AVIF", "avif"],
    ["image/avif;q=abc", undefined],
    ["*/*", undefined],
    ["image/*", undefined],
    ["", undefined],
    [undefined, undefined],
  ])("issue 9 Accept %j gives %s", (accept, format) => {
    expect(formatOf(accept)).toBe(format);
  });

  it("issue 9 an animation does not become a still picture", () => {
    const gif = { fields: ["content-type", "image/gif"] };
    expect(formatOf(CHROME.accept, gif)).toBe("webp");
    expect(formatOf("image/avif", gif)).toBeUndefined();
  });

  it("issue 9 keeps apart by Accept what depends on it, and nothing else", () => {
    expect(asked("/a.jpg/dims/format/auto", auto, CHROME)).toMatchObject({ variesOn: "accept" });
    expect(asked("/a.jpg/dims/preset/p", auto, CHROME)).toMatchObject({ variesOn: "accept" });
    expect(asked("/a.jpg/dims/format/%61uto", auto, CHROME)).toMatchObject({ variesOn: "accept" });
    expect(asked("/a.jpg/dims/trim", auto, CHROME)).toMatchObject({ variesOn: undefined, selector: "" });
    const selectors = [CHROME.accept, "image/webp", "*/*", "image/avif,image/webp"].map(
      (accept) => asked("/a.jpg/dims/format/auto", auto, { accept }).selector,
    );
    expect(new Set(selectors).size).toBe(3);
    expect(selectors[3]).toBe(selectors[0]);
  });

  it("issue 9 is no command unless formats are configured; alone it may leave the source as it is", () => {
    expect(planned("/a.jpg/dims/format/auto").kind).toBe("failure");
    expect(planned("/a.jpg/dims/format/auto", auto).kind).toBe("unchanged");
  });
});

describe("signed commands", () => {
  const first = { secret: "first secret of a host", type: "plain" } as const;
  const second = { secret: "second secret of a host", type: "plain" } as const;
  const signed = rules({ signatures: [first, second] });

  const signedTarget = (commands: string, key: { readonly secret: string } = first): string =>
    `/a.jpg?v=1/dims/sign/${signCommands(key, "/a.jpg?v=1/dims/", commands)}/${commands}`;

  it.each([
    ["one key", signedTarget("resize/2x2/"), "operation"],
    ["the other key", signedTarget("resize/2x2/", second), "operation"],
    ["in capitals", signedTarget("trim").replace(/[0-9a-f]{64}/, (hex) => hex.toUpperCase()), "operation"],
    ["no signature", "/a.jpg?v=1/dims/resize/2x2/", "failure"],
    ["another key", signedTarget("trim", { secret: "a secret of somebody else" }), "failure"],
    ["other commands", `${signedTarget("trim")}/optimize`, "failure"],
    ["another picture", signedTarget("trim").replace("/a.jpg", "/b.jpg"), "failure"],
    ["another query string", signedTarget("trim").replace("v=1", "v=2"), "failure"],
    ["a short signature", "/a.jpg/dims/sign/abcd/trim", "failure"],
    ["nothing behind it", signedTarget("trim").replace("/trim", ""), "failure"],
  ])("issue 9 %s: %s", (_, target, kind) => {
    expect(planned(target, signed).kind).toBe(kind);
  });

  it("issue 9 a request without a valid signature never meets the result of one", () => {
    const removed = rules({ signatures: [second] });
    const target = signedTarget("trim");
    expect(asked(target, signed).url).toBe(asked(target, removed).url);
    expect(asked(target, signed).selector).not.toBe(asked(target, removed).selector);
  });

  it.each([
    ["in capitals", signedTarget("trim").replace(/[0-9a-f]{64}/, (hex) => hex.toUpperCase())],
    ["with a query string behind the commands", `${signedTarget("trim")}?anything=1`],
  ])("issue 9 one signature makes one result: %s", (_, target) => {
    expect(planned(target, signed).kind).toBe("operation");
    expect(asked(target, signed).url).toBe(asked(signedTarget("trim"), signed).url);
  });

  it("issue 9 is an HMAC-SHA256 that any tool makes", () => {
    expect(signCommands({ secret: "0123456789abcdef" }, "/img.jpg/dims/", "resize/200x200/")).toBe(
      "f7464bae5fc9dbb15ece7e0a5cf7e7307b0acb2df0803363cfeef30b3ef62779",
    );
  });
});
