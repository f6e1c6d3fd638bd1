import { describe, expect, it } from "vitest";
import { parseConfig } from "../src/index.ts";

const outcomeOf = (alarms: string) => {
  const sources = new Map([
    ["server.xml", `<Server><Host>${alarms}</Host></Server>`],
    ["vhosts.xml", '<Vhosts><Vhost Name="a.com"><Origin><Address>10.0.0.1</Address></Origin></Vhost></Vhosts>'],
  ]);
  return parseConfig(sources, { home: "/opt/edge", generation: 1, cores: 1, hostName: "edge" });
};

const problemsOf = (alarms: string): readonly string[] => {
  const outcome = outcomeOf(alarms);
  return outcome.ok ? [] : outcome.problems.map(({ element }) => element ?? "");
};

describe("<Alarm>", () => {
  it("AWS-75 is a metric, a statistic, periods, a threshold and what is done about missing data", () => {
    const outcome = outcomeOf(`
      <Alarm Name="errors" Threshold="10"/>
      <Alarm Name="slow" Vhost="a.com" Metric="Latency" Statistic="p99.9" Minutes="5" Periods="3" Comparison="Above"
        Threshold="250.5" Missing="ignore" Url="https://alarms.example.com/x?y=1"/>`);
    expect(outcome.ok && outcome.config.server.host.alarms).toEqual([
      {
        ...{ name: "errors", vhost: "", metric: "Count", statistic: "Sum", periodMinutes: 1, periods: 1 },
        ...{ comparison: "AtLeast", threshold: 10, missing: "missing", url: "" },
      },
      {
        ...{ name: "slow", vhost: "a.com", metric: "Latency", statistic: "p99.9", periodMinutes: 5, periods: 3 },
        ...{ comparison: "Above", threshold: 250.5, missing: "ignore", url: "https://alarms.example.com/x?y=1" },
      },
    ]);
  });

  it.each([
    ["no name", '<Alarm Threshold="1"/>', "Server/Host/Alarm@Name"],
    ["a name twice", '<Alarm Name="a" Threshold="1"/><Alarm Name="a" Threshold="2"/>', "Server/Host/Alarm@Name"],
    ["no threshold", '<Alarm Name="a"/>', "Server/Host/Alarm@Threshold"],
    ["a percentile of a count", '<Alarm Name="a" Statistic="p99" Threshold="1"/>', "Server/Host/Alarm@Statistic"],
    ["no such metric", '<Alarm Name="a" Metric="Load" Threshold="1"/>', "Server/Host/Alarm@Metric"],
    ["a threshold below 0", '<Alarm Name="a" Threshold="-1"/>', "Server/Host/Alarm@Threshold"],
    ["a period of no length", '<Alarm Name="a" Minutes="0" Threshold="1"/>', "Server/Host/Alarm@Minutes"],
    ["another scheme", '<Alarm Name="a" Threshold="1" Url="file:///etc"/>', "Server/Host/Alarm@Url"],
  ])("AWS-75 refuses %s", (_, alarms, element) => {
    expect(problemsOf(alarms)).toEqual([element]);
  });
});
