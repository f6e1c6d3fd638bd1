import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { checkout } from "../../infra/lib/edge.ts";
import { isRecord } from "../../infra/lib/json.ts";
import { findFreePort } from "../../infra/lib/ports.ts";
import { startProcess, stopProcess } from "../../infra/lib/processes.ts";

/** One series of an instant query. */
export interface Series {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface PrometheusServer {
  /** Answers of an instant query at this moment. */
  query(expression: string): Promise<readonly Series[]>;
  /** As `query`, until `holds` is true of it or time is up; what it said last. */
  queryUntil(expression: string, holds: (series: readonly Series[]) => boolean): Promise<readonly Series[]>;
  /** Rules by their last evaluation: what went wrong, none of it in the best case. */
  ruleProblems(): Promise<readonly string[]>;
  stop(): Promise<void>;
}

const LIMIT_MS = 30_000;
const rules = join(checkout, "infra", "prometheus");

const listAt = (value: unknown, key: string): readonly unknown[] => {
  const found = isRecord(value) ? value[key] : undefined;
  return Array.isArray(found) ? found : [];
};

const seriesOf = (value: unknown): Series => {
  const record = isRecord(value) ? value : {};
  const labels: Record<string, string> = {};
  for (const [name, text] of Object.entries(isRecord(record.metric) ? record.metric : {})) labels[name] = String(text);
  return { labels, value: Number(listAt(record, "value")[1]) };
};

/** A Prometheus of its own with our sample configuration, but for the target and the intervals. */
export const startPrometheus = async (managerPort: number): Promise<PrometheusServer> => {
  const folder = await mkdtemp(join(tmpdir(), "basalt-prometheus-"));
  const port = await findFreePort();
  const sample = await readFile(join(rules, "prometheus.yml"), "utf8");
  const configuration = sample
    .replaceAll(/_interval: \d+s/g, "_interval: 1s")
    .replace("127.0.0.1:10040", `127.0.0.1:${managerPort}`)
    .replaceAll(/- rules\//g, `- ${rules}/rules/`);
  await writeFile(join(folder, "prometheus.yml"), configuration);
  const started = startProcess("prometheus", [
    `--config.file=${join(folder, "prometheus.yml")}`,
    `--storage.tsdb.path=${join(folder, "data")}`,
    `--web.listen-address=127.0.0.1:${port}`,
  ]);
  const ask = async (path: string): Promise<unknown> => {
    const answer: unknown = await (await fetch(`http://127.0.0.1:${port}${path}`)).json();
    return isRecord(answer) ? answer.data : undefined;
  };
  const query = async (expression: string): Promise<readonly Series[]> =>
    listAt(await ask(`/api/v1/query?query=${encodeURIComponent(expression)}`), "result").map(seriesOf);
  const stop = async (): Promise<void> => {
    await stopProcess(started, 5_000);
    await rm(folder, { recursive: true, force: true });
  };
  const deadline = Date.now() + LIMIT_MS;
  while (
    !(await fetch(`http://127.0.0.1:${port}/-/ready`).then(
      ({ ok }) => ok,
      () => false,
    ))
  ) {
    if (Date.now() > deadline) {
      await stop();
      throw new Error(`Prometheus is not ready: ${started.output().slice(-2000)}`);
    }
    await delay(100);
  }
  return {
    query,
    queryUntil: async (expression, holds) => {
      for (const limit = Date.now() + LIMIT_MS; ; await delay(200)) {
        const series = await query(expression);
        if (holds(series) || Date.now() > limit) return series;
      }
    },
    ruleProblems: async () =>
      listAt(await ask("/api/v1/rules"), "groups")
        .flatMap((group) => listAt(group, "rules"))
        .filter((rule) => isRecord(rule) && rule.health === "err")
        .map((rule) => (isRecord(rule) ? `${String(rule.name)}: ${String(rule.lastError)}` : "")),
    stop,
  };
};
