import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { checkout } from "../../infra/lib/edge.ts";
import { parseMetrics } from "../../infra/lib/metrics.ts";
import { print } from "../../infra/lib/print.ts";
import { connectAsker } from "../../infra/lib/rawAsker.ts";
import { runCheck } from "./check.ts";
import { startPrometheus } from "./prometheusServer.ts";

if (["promtool", "prometheus"].some((command) => spawnSync(command, ["--version"]).status !== 0)) {
  print("skipped: Prometheus is not installed (Debian's prometheus package)");
  process.exit(0);
}

const folder = join(checkout, "infra", "prometheus");
const ruleFiles = ["recording.yml", "alerts.yml"].map((name) => join(folder, "rules", name));

const promtool = (...words: readonly string[]): string | undefined => {
  const { status, stdout, stderr } = spawnSync("promtool", words, { encoding: "utf8" });
  return status === 0 ? undefined : `${stdout}${stderr}`.trim();
};

/** Metrics of ours that rules and dashboard name; what the rules record has a colon in it. */
const namedMetrics = (): ReadonlySet<string> => {
  const texts = [...ruleFiles, join(folder, "dashboard.json")].map((path) => readFileSync(path, "utf8"));
  return new Set(texts.flatMap((text) => text.match(/(?<![\w:])basalt_[a-z0-9_]+(?![\w:])/g) ?? []));
};

/** What Prometheus makes of few requests between two scrapes is no exact share. */
const isNear = (value: number | undefined, expected: number): boolean =>
  value !== undefined && Math.abs(value - expected) < 0.02;

const HITS = 40;
const OBJECTS = 5;

await runCheck({ workers: 2 }, async ({ port, managerPort, expect }) => {
  for (const words of [
    ["check", "rules", ...ruleFiles],
    ["check", "config", join(folder, "prometheus.yml")],
    ["test", "rules", join(folder, "test", "rules.yml")],
  ]) {
    const complaint = promtool(...words);
    expect(complaint === undefined, `promtool ${words.slice(0, 2).join(" ")}: ${complaint ?? "no complaint"}`);
  }

  const prometheus = await startPrometheus(managerPort);
  try {
    const up = await prometheus.queryUntil('up{job="basalt"}', ([series]) => series?.value === 1);
    expect(up[0]?.value === 1, `up is ${up[0]?.value}`);

    // From connections of their own, so that both workers count.
    const askers = await Promise.all(Array.from({ length: 8 }, () => connectAsker(port)));
    for (let index = 0; index < OBJECTS; index++) await askers[0]?.ask(`/bytes/1024/${index}`);
    for (let index = 0; index < HITS; index++)
      await askers[index % askers.length]?.ask(`/bytes/1024/${index % OBJECTS}`);
    for (const asker of askers) asker.close();

    const requests = HITS + OBJECTS;
    const total = (name: string): string => `sum(${name}{vhost="rig.example"})`;
    for (const [expression, expected] of [
      [total("basalt_client_requests_total"), requests],
      [total("basalt_cache_results_total"), requests],
      ['sum(basalt_cache_results_total{vhost="rig.example", result="TCP_MISS"})', OBJECTS],
      [total("basalt_client_response_body_bytes_total"), requests * 1024],
      [total("basalt_client_response_seconds_count"), requests],
      ['sum(basalt_client_responses_total{vhost="rig.example", class="2xx"})', requests],
      [total("basalt_origin_requests_total"), OBJECTS],
    ] as const) {
      const [series] = await prometheus.queryUntil(expression, ([found]) => found?.value === expected);
      expect(series?.value === expected, `${expression} is ${series?.value}, ${expected} were sent`);
    }

    const ratios = await prometheus.queryUntil('vhost:basalt_hit_ratio:rate5m{vhost="rig.example"}', ([series]) =>
      isNear(series?.value, HITS / requests),
    );
    const hitRatio = ratios[0]?.value;
    expect(
      isNear(hitRatio, HITS / requests),
      `the recorded hit ratio is ${hitRatio}, ${HITS} of ${requests} were hits`,
    );
    const workers = await prometheus.query('count(basalt_process_resident_memory_bytes{process=~"worker-.*"})');
    expect(workers[0]?.value === 2, `${workers[0]?.value} workers report their memory`);
    const memory = await prometheus.query("basalt_system_memory_total_bytes");
    expect((memory[0]?.value ?? 0) > 1e8, `the machine has ${memory[0]?.value} bytes of memory`);
    const problems = await prometheus.ruleProblems();
    expect(problems.length === 0, `rules that failed: ${problems.join("; ") || "none"}`);
    const firing = await prometheus.query('ALERTS{alertstate="firing"}');
    expect(
      firing.length === 0,
      `alerts that fire: ${firing.map(({ labels }) => labels.alertname).join(", ") || "none"}`,
    );
  } finally {
    await prometheus.stop();
  }

  const scraped = await (await fetch(`http://127.0.0.1:${managerPort}/metrics`)).text();
  const known = new Set([...scraped.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name));
  for (const { name } of parseMetrics(scraped)) known.add(name);
  const missing = [...namedMetrics()].filter(
    (name) => !known.has(name) && !known.has(name.replace(/_(bucket|count|sum)$/, "")),
  );
  expect(
    missing.length === 0,
    `metrics that rules and dashboard name and nobody counts: ${missing.join(", ") || "none"}`,
  );
});
