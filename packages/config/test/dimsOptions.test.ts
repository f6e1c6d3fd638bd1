import { describe, expect, it } from "vitest";
import { diffConfigs } from "../src/index.ts";
import { accept, acceptVhost, onlyVhost, problemsOf, server, vhost, vhosts, warningsOf } from "./support.ts";

const DEFAULTS = onlyVhost(accept({ "server.xml": "<Server/>" })).options.dims;

const dimsOf = (xml: string) => acceptVhost(`<Options>${xml}</Options>`).options.dims;

const filesWith = (xml: string) => ({ "vhosts.xml": vhosts(vhost(`<Options>${xml}</Options>`)) });

const NO_OFFSET = { x: 0, xIsPercent: false, y: 0, yIsPercent: false };

describe("<Dims>", () => {
  it("DIMS-01 to DIMS-05 DIMS-48 is off, with the defaults of the guide, and nothing beyond it is on", () => {
    expect(DEFAULTS).toEqual({
      status: "Inactive",
      keyword: "dims",
      maxSourceBytes: 10 * 1024 ** 2,
      onFailure: "message",
      firstFrameOnly: false,
      composites: [],
      byOriginal: [],
      annotations: [],
      extraCommands: false,
      formatAuto: [],
      presets: [],
      signatures: [],
      autoOrient: false,
      convertsToSrgb: false,
      stripsLocation: false,
      keepsSmaller: false,
      targetSimilarity: 0.985,
      maxPixels: 100_000_000,
      maxSidePixels: 65_535,
      maxFrames: 1_000,
    });
  });

  it("DIMS-01 to DIMS-06 reads the attributes; port is left over from old releases and ignored", () => {
    const xml =
      '<Dims Status="Active" Keyword="12AB" MaxSourceSize="3" OnFailure="redirect" FirstFrameOnly="ON" port="8500"/>';
    expect(dimsOf(xml)).toMatchObject({
      status: "Active",
      keyword: "12AB",
      maxSourceBytes: 3 * 1024 ** 2,
      onFailure: "redirect",
      firstFrameOnly: true,
    });
    expect(warningsOf(filesWith(xml))).toEqual([expect.stringContaining("Dims@port> No longer exists and is ignored")]);
  });

  it("DIMS-07 DIMS-70 to DIMS-74 reads the composites of the guide with their defaults", () => {
    const dims = dimsOf(`<Dims Status="Active" Keyword="dims">
      <Composite Name="water1" File="/img/small.jpg" />
      <Composite Name="water3" File="img/big.jpg" Gravity="se" Geometry="+10+10" Dissolve="50" />
      <Composite Name="water_ratio" File="/img/wmark_s.png" Gravity="s" Geometry="+0+15%" Dissolve="100" />
    </Dims>`);
    expect(dims.composites).toEqual([
      { name: "water1", file: "/img/small.jpg", gravity: "c", offset: NO_OFFSET, dissolve: 50 },
      {
        name: "water3",
        file: "/opt/edge/img/big.jpg",
        gravity: "se",
        offset: { ...NO_OFFSET, x: 10, y: 10 },
        dissolve: 50,
      },
      {
        name: "water_ratio",
        file: "/img/wmark_s.png",
        gravity: "s",
        offset: { ...NO_OFFSET, y: 15, yIsPercent: true },
        dissolve: 100,
      },
    ]);
  });

  it("DIMS-80 to DIMS-83 reads choices by the size of the source in their order", () => {
    const dims = dimsOf(`<Dims>
      <ByOriginal Name="size1">
        <Condition Width="1024" Height="768">/quality/50/</Condition>
        <Condition>/resize/1024x768/</Condition>
      </ByOriginal>
    </Dims>`);
    expect(dims.byOriginal).toEqual([
      {
        name: "size1",
        conditions: [
          { maxWidth: 1024, maxHeight: 768, commands: "/quality/50/" },
          { maxWidth: undefined, maxHeight: undefined, commands: "/resize/1024x768/" },
        ],
      },
    ]);
  });

  it("DIMS-110 DIMS-112 reads annotations with their defaults", () => {
    const dims = dimsOf(`<Dims>
      <Annotation Name="maintext">$QUERYSTRING[msg]\\n!</Annotation>
      <Annotation Name="sub" Font="DejaVu Serif" FontSize="24" FontColor="#ff8800" TextAlign="left" BackgroundColor="#FFFFFF"
        BackgroundWidth="Origin" BackgroundHeight="40" Gravity="s" Geometry="+0+5" Dissolve="100">x</Annotation>
    </Dims>`);
    expect(dims.annotations).toEqual([
      {
        name: "maintext",
        text: "$QUERYSTRING[msg]\\n!",
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
      },
      {
        name: "sub",
        text: "x",
        font: "DejaVu Serif",
        fontSize: 24,
        color: "#ff8800",
        align: "left",
        background: "#FFFFFF",
        backgroundWidth: "origin",
        backgroundHeight: 40,
        gravity: "s",
        offset: { ...NO_OFFSET, y: 5 },
        dissolve: 100,
      },
    ]);
  });

  it("issue 9 reads what goes beyond the guide", () => {
    const dims = dimsOf(`<Dims>
      <ExtraCommands>ON</ExtraCommands><FormatAuto>avif, webp</FormatAuto>
      <Preset Name="card">/resize/400x300/format/auto/</Preset>
      <Signature Key="a secret of some length"/>
      <AutoOrient>ON</AutoOrient><ColorProfile>srgb</ColorProfile><StripLocation>ON</StripLocation>
      <KeepSmaller>ON</KeepSmaller><TargetSimilarity>0.99</TargetSimilarity>
      <MaxPixels>50</MaxPixels><MaxSide>20000</MaxSide><MaxFrames>100</MaxFrames>
    </Dims>`);
    expect(dims).toMatchObject({
      extraCommands: true,
      formatAuto: ["avif", "webp"],
      presets: [{ name: "card", commands: "/resize/400x300/format/auto/" }],
      signatures: [{ secret: "a secret of some length", type: "plain" }],
      autoOrient: true,
      convertsToSrgb: true,
      stripsLocation: true,
      keepsSmaller: true,
      targetSimilarity: 0.99,
      maxPixels: 50_000_000,
      maxSidePixels: 20_000,
      maxFrames: 100,
    });
  });

  it("CFG-53 DIMS-07 is inherited value by value; composites and choices of a host replace the inherited ones", () => {
    const shared =
      '<Dims Status="Active" Keyword="pic"><Composite Name="a" File="/a.png"/><ByOriginal Name="b"><Condition>/quality/9/</Condition></ByOriginal></Dims>';
    const config = accept({
      "server.xml": server(`<VHostDefault><Options>${shared}</Options></VHostDefault>`),
      "vhosts.xml": vhosts(
        vhost("", 'Name="a"'),
        vhost('<Options><Dims MaxSourceSize="1"><Composite Name="c" File="/c.png"/></Dims></Options>', 'Name="b"'),
        vhost('<Options><Dims Status="Inactive"/></Options>', 'Name="c"'),
      ),
    });
    const seen = config.vhosts.map(({ options: { dims } }) => [
      dims.status,
      dims.keyword,
      dims.maxSourceBytes / 1024 ** 2,
      dims.composites.map(({ name }) => name),
      dims.byOriginal.map(({ name }) => name),
    ]);
    expect(seen).toEqual([
      ["Active", "pic", 10, ["a"], ["b"]],
      ["Active", "pic", 1, ["c"], ["b"]],
      ["Inactive", "pic", 10, ["a"], ["b"]],
    ]);
  });

  it("shows in a reload what has changed, and of a secret only that it has", () => {
    const before = accept(
      filesWith('<Dims><Composite Name="a" File="/a.png"/><Signature Key="the first long secret"/></Dims>'),
    );
    const after = accept(
      filesWith('<Dims><Composite Name="a" File="/b.png"/><Signature Key="the other long secret"/></Dims>'),
    );
    const changes = diffConfigs(before, after);
    expect(changes.map(({ element, effect }) => [element, effect])).toEqual([
      ["Vhost[www.example.com]/Options/Dims/Composite", "live"],
      ["Vhost[www.example.com]/Options/Dims/Signature", "live"],
    ]);
    expect(JSON.stringify(changes)).not.toContain("long secret");
  });
});

describe("an unsound <Dims> names line and element", () => {
  const inside = (content: string): string => `<Dims Status="Active">\n${content}\n</Dims>`;

  it.each([
    ["DIMS-01", '<Dims Status="On"/>', 1, "Dims@Status"],
    ["DIMS-02", '<Dims Keyword="a/b"/>', 1, "Dims@Keyword"],
    ["DIMS-02", '<Dims Keyword=".."/>', 1, "Dims@Keyword"],
    ["DIMS-03", '<Dims MaxSourceSize="0"/>', 1, "Dims@MaxSourceSize"],
    ["DIMS-04", '<Dims OnFailure="retry"/>', 1, "Dims@OnFailure"],
    ["DIMS-70", inside('<Composite Name="a/b" File="/a.png"/>'), 2, "Dims/Composite@Name"],
    ["DIMS-70", inside('<Composite File="/a.png"/>'), 2, "Dims/Composite@Name"],
    ["DIMS-70", inside('<Composite Name="a" File="/a"/>\n<Composite Name="a" File="/b"/>'), 3, "Dims/Composite@Name"],
    ["DIMS-70", inside('<Composite Name="a" File="/a">text</Composite>'), 2, "Dims/Composite"],
    ["DIMS-71", inside('<Composite Name="a"/>'), 2, "Dims/Composite@File"],
    ["DIMS-72", inside('<Composite Name="a" File="/a" Gravity="x"/>'), 2, "Dims/Composite@Gravity"],
    ["DIMS-73", inside('<Composite Name="a" File="/a" Geometry="10"/>'), 2, "Dims/Composite@Geometry"],
    ["DIMS-74", inside('<Composite Name="a" File="/a" Dissolve="101"/>'), 2, "Dims/Composite@Dissolve"],
    ["DIMS-80", inside('<ByOriginal Name="a/b"><Condition>/trim/</Condition></ByOriginal>'), 2, "Dims/ByOriginal@Name"],
    ["DIMS-80", inside('<ByOriginal Name="a"></ByOriginal>'), 2, "Dims/ByOriginal/Condition"],
    [
      "DIMS-81",
      inside('<ByOriginal Name="a">\n<Condition>/bogus/</Condition></ByOriginal>'),
      3,
      "Dims/ByOriginal/Condition",
    ],
    ["DIMS-81", inside('<ByOriginal Name="a"><Condition></Condition></ByOriginal>'), 2, "Dims/ByOriginal/Condition"],
    [
      "DIMS-81 itself",
      inside('<ByOriginal Name="a"><Condition>/byoriginal/a/</Condition></ByOriginal>'),
      2,
      "Dims/ByOriginal/Condition",
    ],
    [
      "DIMS-82",
      inside('<ByOriginal Name="a"><Condition Width="x">/trim/</Condition></ByOriginal>'),
      2,
      "Dims/ByOriginal/Condition@Width",
    ],
    ["DIMS-110", inside('<Annotation Name="a*b">x</Annotation>'), 2, "Dims/Annotation@Name"],
    ["DIMS-112", inside('<Annotation Name="a" FontColor="red">x</Annotation>'), 2, "Dims/Annotation@FontColor"],
    ["issue 9", inside('<Preset Name="a">/preset/a/</Preset>'), 2, "Dims/Preset"],
    ["issue 9", inside('<Signature Key="short"/>'), 2, "Dims/Signature@Key"],
    ["issue 9", inside("<Signature/>"), 2, "Dims/Signature@Key"],
    ["issue 9", inside("<FormatAuto>bmp</FormatAuto>"), 2, "Dims/FormatAuto"],
    ["DIMS-48", inside("<MaxSide>65536</MaxSide>"), 2, "Dims/MaxSide"],
  ])("%s %s", (_, xml, line, element) => {
    const places = problemsOf(filesWith(xml)).map((problem) => [problem.file, problem.line, problem.element]);
    expect(places).toContainEqual(["vhosts.xml", line, `Vhosts/Vhost/Options/${element}`]);
  });

  it("checks <VHostDefault> as well", () => {
    const xml = '<VHostDefault><Options>\n<Dims><Composite Name="a"/></Dims></Options></VHostDefault>';
    expect(problemsOf({ "server.xml": server(xml) })).toMatchObject([
      { file: "server.xml", line: 2, element: "Server/VHostDefault/Options/Dims/Composite@File" },
    ]);
  });

  it("DIMS-11 DIMS-20 warns of what can never be served", () => {
    const xml = `<CaseSensitive>OFF</CaseSensitive><Dims Status="Active" Keyword="STON">
      <Composite Name="water1" File="/w.png"/>
      <ByOriginal Name="a"><Condition>/composite/water2/annotation/b/</Condition></ByOriginal>
      <Preset Name="p">/format/auto/</Preset>
    </Dims>`;
    const warnings = warningsOf(filesWith(xml));
    expect(warnings).toHaveLength(4);
    expect(warnings[0]).toContain("There is no <Composite> water2: such requests fail. Did you mean water1?");
    expect(warnings[1]).toContain("There is no <Annotation> b");
    expect(warnings[2]).toContain("format/auto needs <FormatAuto>");
    expect(warnings[3]).toContain("the keyword STON is never found");
  });
});
