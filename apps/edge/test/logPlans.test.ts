import { parseConfig } from "@basalt/config";
import { describe, expect, it } from "vitest";
import { configuredLogs, TRACED_FORM } from "../src/logs/logPlans.ts";

const HOSTS = [
  `<Vhost Name="a.test"><Origin><Address>o.test</Address></Origin><Options><Tracing Status="Active"/></Options></Vhost>`,
  `<Vhost Name="facade.test" Status="facade:a.test"/>`,
  `<Vhost Name="plain.test"><Origin><Address>o.test</Address></Origin></Vhost>`,
  `<Vhost Name="other.test" Status="facade:plain.test"/>`,
];

describe("the access log of a facade", () => {
  it("AWS-101 VHT-21 names the traces of its requests where those of its target have some", () => {
    const sources = new Map([
      ["server.xml", "<Server><Cache><Storage><Disk>/d/</Disk></Storage></Cache></Server>"],
      ["vhosts.xml", `<Vhosts>${HOSTS.join("")}</Vhosts>`],
    ]);
    const outcome = parseConfig(sources, { home: "/opt/edge", generation: 1, cores: 1, hostName: "edge" });
    if (!outcome.ok) throw new Error(JSON.stringify(outcome.problems));
    const traced = configuredLogs(outcome.config, "/opt/edge")
      .filter(({ plan }) => plan.kind === "access" && plan.form.endsWith(TRACED_FORM))
      .map(({ plan }) => plan.vhost);
    expect(traced).toEqual(["a.test", "facade.test"]);
  });
});

describe("logs that only some hosts have", () => {
  it("AWS-89 AWS-91 AWS-101 VHT-21 are planned for all, so that files from before are kept as long as they should be", () => {
    const on = "<Log><Detail>ON</Detail></Log>";
    const traced = '<Options><Tracing Status="Active"/></Options>';
    const origin = "<Origin><Address>o.test</Address></Origin>";
    const hosts = [
      `<Vhost Name="a.test">${origin}</Vhost>`,
      `<Vhost Name="facade.test" Status="facade:a.test">${on}</Vhost>`,
      `<Vhost Name="b.test">${origin}${traced}${on}</Vhost>`,
    ];
    const sources = new Map([
      ["server.xml", "<Server/>"],
      ["vhosts.xml", `<Vhosts>${hosts.join("")}</Vhosts>`],
    ]);
    const outcome = parseConfig(sources, { home: "/opt/edge", generation: 1, cores: 1, hostName: "edge" });
    if (!outcome.ok) throw new Error(JSON.stringify(outcome.problems));
    const plans = configuredLogs(outcome.config, "/opt/edge").map(({ plan }) => plan);
    const concerned = plans.filter(({ kind }) => kind === "detail" || kind === "trace");
    expect(concerned.map(({ id, isOn }) => [id, isOn])).toEqual([
      ["detail a.test", false],
      ["trace a.test", false],
      ["detail facade.test", true],
      ["detail b.test", true],
      ["trace b.test", true],
    ]);
  });
});
