import { describe, expect, it } from "vitest";
import { diffConfigs } from "../src/index.ts";
import { accept, acceptVhost, onlyVhost, problemsOf, server, vhost, vhosts } from "./support.ts";

const DEFAULTS = onlyVhost(accept({ "server.xml": "<Server/>" }));

const withTracing = (xml: string) => ({ "vhosts.xml": vhosts(vhost(`<Options>${xml}</Options>`)) });

describe("<Tracing>", () => {
  it("AWS-94 AWS-98 AWS-99 AWS-102 is off, and samples 1/s and 5 % when it is on", () => {
    expect(DEFAULTS.options.tracing).toEqual({
      status: "Inactive",
      header: "both",
      fromClients: true,
      perSecond: 1,
      ratePercent: 5,
      rules: [],
      collector: { enabled: false, address: "127.0.0.1:2000" },
      otlp: "",
    });
    expect(DEFAULTS.logs.trace).toMatchObject({ enabled: true, type: "time", unit: [1440], retention: 10 });
  });

  it("AWS-95 AWS-99 is read, with rules by path in their order", () => {
    const { options, logs } = acceptVhost(
      '<Options><Tracing Status="active" Header="W3C" FromClients="OFF" PerSecond="10" Rate="0.125"><Rule PerSecond="2">/api/*</Rule><Rule Rate="100">*.m3u8</Rule><Collector Dest="[::1]">ON</Collector><Otlp>http://127.0.0.1:4318/v1/traces</Otlp></Tracing></Options><Log><Trace Type="size" Unit="5" Retention="2">ON</Trace></Log>',
    );
    expect(options.tracing).toEqual({
      status: "Active",
      header: "w3c",
      fromClients: false,
      perSecond: 10,
      ratePercent: 0.125,
      rules: [
        { path: "/api/*", perSecond: 2, ratePercent: 0 },
        { path: "*.m3u8", perSecond: 0, ratePercent: 100 },
      ],
      collector: { enabled: true, address: "[::1]:2000" },
      otlp: "http://127.0.0.1:4318/v1/traces",
    });
    expect(logs.trace).toMatchObject({ type: "size", unit: [5], retention: 2 });
  });

  it.each([
    ['<Tracing Status="On"/>', "Tracing@Status"],
    ['<Tracing Header="b3"/>', "Tracing@Header"],
    ['<Tracing Rate="101"/>', "Tracing@Rate"],
    ['<Tracing Rate="-1"/>', "Tracing@Rate"],
    ['<Tracing PerSecond="1.5"/>', "Tracing@PerSecond"],
    ["<Tracing><Rule>api</Rule></Tracing>", "Tracing/Rule"],
    ['<Tracing><Rule Rate="x">/</Rule></Tracing>', "Tracing/Rule@Rate"],
    ['<Tracing><Collector Dest="127.0.0.1:0">ON</Collector></Tracing>', "Tracing/Collector@Dest"],
    ['<Tracing><Collector Dest="[1.2.3.4]:1">ON</Collector></Tracing>', "Tracing/Collector@Dest"],
    ['<Tracing><Collector Dest="a b">ON</Collector></Tracing>', "Tracing/Collector@Dest"],
    ["<Tracing><Otlp>127.0.0.1:4318</Otlp></Tracing>", "Tracing/Otlp"],
    ["<Tracing><Otlp>file:///etc/passwd</Otlp></Tracing>", "Tracing/Otlp"],
    ["<Tracing><Otlp>http://user:secret@collector/</Otlp></Tracing>", "Tracing/Otlp"],
  ])("AWS-99 refuses %s", (xml, place) => {
    const problems = problemsOf(withTracing(xml));
    expect(problems.map(({ severity }) => severity)).toContain("error");
    expect(JSON.stringify(problems)).toContain(`Vhosts/Vhost/Options/${place}"`);
  });

  it("AWS-99 is inherited leaf by leaf, and changes live", () => {
    const defaults = server(
      '<VHostDefault><Options><Tracing Status="Active"><Otlp>http://collector/</Otlp></Tracing></Options></VHostDefault>',
    );
    const before = accept({ "server.xml": defaults });
    const after = accept({ "server.xml": defaults, ...withTracing('<Tracing Rate="50"><Otlp/></Tracing>') });
    expect(onlyVhost(after).options.tracing).toMatchObject({ status: "Active", ratePercent: 50, otlp: "" });
    expect(diffConfigs(before, after).filter(({ element }) => element.includes("Tracing"))).toEqual([
      { element: "Vhost[www.example.com]/Options/Tracing@Rate", from: "5", to: "50", effect: "live" },
      { element: "Vhost[www.example.com]/Options/Tracing/Otlp", from: "http://collector/", to: "", effect: "live" },
    ]);
  });
});
