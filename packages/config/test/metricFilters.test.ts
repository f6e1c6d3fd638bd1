import { describe, expect, it } from "vitest";
import { acceptVhost, problemsOf, vhost, vhosts } from "./support.ts";

const filtersOf = (xml: string) => acceptVhost(`<Log>${xml}</Log>`).logs.metricFilters;

const messagesOf = (xml: string): readonly string[] =>
  problemsOf({ "vhosts.xml": vhosts(vhost(`<Log>${xml}</Log>`)) }).map(({ message }) => message);

describe("<MetricFilter>", () => {
  it("AWS-79 is read with its defaults", () => {
    expect(filtersOf('<MetricFilter Name="notfound">[..., status=404, bytes]</MetricFilter>')).toEqual([
      {
        name: "notfound",
        log: "access",
        pattern: "[..., status=404, bytes]",
        namespace: "basalt",
        metric: "notfound",
        value: "1",
        defaultValue: undefined,
      },
    ]);
  });

  it("AWS-79 is read with all its parts", () => {
    const xml =
      '<MetricFilter Name="slow" Log="AccessExtra" Namespace="shop/web" Metric="SlowBytes" Value="$.bytes_sent" Default="0"><![CDATA[{ $.time_taken_ms > 1000 && $.status < 500 }]]></MetricFilter>';
    expect(filtersOf(xml)).toEqual([
      {
        name: "slow",
        log: "accessextra",
        pattern: "{ $.time_taken_ms > 1000 && $.status < 500 }",
        namespace: "shop/web",
        metric: "SlowBytes",
        value: "$.bytes_sent",
        defaultValue: 0,
      },
    ]);
  });

  it.each([
    ["no name", "<MetricFilter>a</MetricFilter>", "A <MetricFilter> has no name."],
    ["a name twice", '<MetricFilter Name="a">a</MetricFilter><MetricFilter Name="a">b</MetricFilter>', "already"],
    ["AWS-82 a pattern that is none", '<MetricFilter Name="a">[a</MetricFilter>', "The pattern has something else"],
    ["a value that no line has", '<MetricFilter Name="a" Value="$b">[a, ...]</MetricFilter>', "has no field $b"],
    ["a value of words", '<MetricFilter Name="a" Value="$b">b</MetricFilter>', "has no field $b"],
    ["a value that is none", '<MetricFilter Name="a" Value="-1">b</MetricFilter>', "is no such value"],
    ["a name of other characters", '<MetricFilter Name="a b">b</MetricFilter>', "cannot be a name"],
  ])("%s is refused", (_, xml, message) => {
    expect(messagesOf(xml)).toEqual([expect.stringContaining(message)]);
  });

  it("fifty are the most", () => {
    const some = (count: number) =>
      Array.from({ length: count }, (_, index) => `<MetricFilter Name="f${index}">a</MetricFilter>`).join("");
    expect(messagesOf(some(50))).toEqual([]);
    expect(messagesOf(some(51))).toEqual(["There are too many filters."]);
  });
});
