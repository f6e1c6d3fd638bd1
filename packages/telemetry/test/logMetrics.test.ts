import { describe, expect, it } from "vitest";
import { CounterAggregate, LogMetricAggregate } from "../src/index.ts";
import { createMetrics } from "../src/prometheus.ts";

const NOW = 1_000 * 60_000;

const definition = (vhost: string, defaultValue?: number) => ({
  vhost,
  filter: "notfound",
  namespace: "shop",
  metric: "NotFound",
  defaultValue,
});

const counts = (vhost: string, lines: number, matches: number, sum = matches) => ({
  vhost,
  filter: "notfound",
  lines,
  matches,
  sum,
});

const sumsOf = (aggregate: LogMetricAggregate, nowMs = NOW) =>
  aggregate.series(nowMs).map(({ labels, matches, sum }) => [labels.vhost, matches, sum]);

describe("metrics out of logs", () => {
  it("AWS-79 reports of all processes are added up, also behind a reload", () => {
    const aggregate = new LogMetricAggregate();
    aggregate.configure([definition("a")]);
    aggregate.accept([counts("a", 10, 2)], NOW);
    aggregate.configure([definition("a"), definition("b")]);
    aggregate.accept([counts("a", 10, 1, 500), counts("gone", 1, 1)], NOW);
    expect(sumsOf(aggregate)).toEqual([["a", 3, 502]]);
  });

  it("AWS-79 with a default the series is there at once, and a minute without a match adds it", () => {
    const aggregate = new LogMetricAggregate();
    aggregate.configure([definition("a", 0), definition("b", 5)]);
    expect(sumsOf(aggregate)).toEqual([
      ["a", 0, 0],
      ["b", 0, 0],
    ]);
    aggregate.accept([counts("a", 3, 0), counts("b", 3, 0)], NOW);
    expect(sumsOf(aggregate, NOW + 60_000)).toEqual([
      ["a", 0, 0],
      ["b", 0, 5],
    ]);
    aggregate.accept([counts("b", 3, 1)], NOW + 61_000);
    expect(sumsOf(aggregate, NOW + 180_000)).toEqual([
      ["a", 0, 0],
      ["b", 1, 6],
    ]);
  });

  it("series are bounded: the rest is one sum, and what has a series keeps it", () => {
    const aggregate = new LogMetricAggregate(2);
    aggregate.configure(["a", "b", "c", "d"].map((vhost) => definition(vhost)));
    aggregate.accept(
      ["c", "a", "b", "d"].map((vhost) => counts(vhost, 1, 1)),
      NOW,
    );
    expect(sumsOf(aggregate)).toEqual([
      ["a", 1, 1],
      ["c", 1, 1],
      ["_other", 2, 2],
    ]);
  });

  it("Prometheus sees them", async () => {
    const aggregate = new LogMetricAggregate();
    aggregate.configure([definition("a")]);
    aggregate.accept([counts("a", 10, 2, 7.5)], NOW);
    const metrics = createMetrics(
      new CounterAggregate(),
      () => [],
      undefined,
      undefined,
      () => aggregate.series(NOW),
    );
    const text = await metrics.text();
    const labels = '{vhost="a",filter="notfound",namespace="shop",metric="NotFound"}';
    expect(text).toContain(`basalt_log_metric_total${labels} 7.5\n`);
    expect(text).toContain(`basalt_log_metric_matches_total${labels} 2\n`);
  });
});
