import type { AlarmSettings } from "@basalt/config";
import type { AlarmReport } from "@basalt/management";
import { AlarmWatch, type InfoLog, type MetricStatistics, type Statistics } from "@basalt/telemetry";
import { EdgeError } from "@basalt/types";

const CALL_LIMIT_MS = 5_000;

interface Watched {
  readonly settings: AlarmSettings;
  readonly watch: AlarmWatch;
  value: number | undefined;
  changedAtMs: number;
}

export interface AlarmsParts {
  readonly log: Pick<InfoLog, "notice" | "warning">;
  readonly post: (url: string, body: string) => Promise<void>;
  readonly hostName: () => string;
}

/** What a period without samples has no value of; sums are 0 then (AWS-76). */
const latestOf = (statistics: MetricStatistics, { statistic }: AlarmSettings): number | undefined => {
  const isKnown = statistics.SampleCount > 0 || statistic === "Sum" || statistic === "SampleCount";
  return isKnown ? statistics[statistic] : undefined;
};

/** The alarms of the configuration (AWS-75), looked at when a minute of the statistics has ended. */
export class Alarms {
  readonly #parts: AlarmsParts;
  #watched: readonly Watched[] = [];
  #minutes = 0;

  constructor(parts: AlarmsParts) {
    this.#parts = parts;
  }

  /** An alarm that stays as it is keeps its state. */
  configure(alarms: readonly AlarmSettings[], nowMs: number): void {
    const known = new Map(this.#watched.map((one) => [JSON.stringify(one.settings), one]));
    this.#watched = alarms.map(
      (settings) =>
        known.get(JSON.stringify(settings)) ?? {
          settings,
          watch: new AlarmWatch(settings),
          value: undefined,
          changedAtMs: nowMs,
        },
    );
  }

  minuteEnded(statistics: Pick<Statistics, "metricsOfMinutes">, nowMs: number): void {
    this.#minutes += 1;
    for (const one of this.#watched) {
      const { settings, watch } = one;
      if (this.#minutes % settings.periodMinutes !== 0) continue;
      const { total } = statistics.metricsOfMinutes(settings.periodMinutes, settings.vhost || undefined);
      one.value = latestOf(total[settings.metric], settings);
      const before = watch.state;
      if (!watch.observe(one.value)) continue;
      one.changedAtMs = nowMs;
      this.#tell(one, before);
    }
  }

  report(): readonly AlarmReport[] {
    return this.#watched.map(({ settings, watch, value, changedAtMs }) => ({
      Name: settings.name,
      State: watch.state,
      Vhost: settings.vhost,
      Metric: settings.metric,
      Statistic: settings.statistic,
      Minutes: settings.periodMinutes,
      Periods: settings.periods,
      Comparison: settings.comparison,
      Threshold: settings.threshold,
      Value: value ?? null,
      Changed: new Date(changedAtMs).toISOString(),
    }));
  }

  #tell({ settings, watch, value, changedAtMs }: Watched, before: AlarmReport["State"]): void {
    const { log, post, hostName } = this.#parts;
    const { name, vhost, metric, statistic, comparison, threshold, url } = settings;
    const { state } = watch;
    const of = `${vhost === "" ? "all hosts" : vhost} ${metric} ${statistic}`;
    const text = `alarm ${name}: ${state}, was ${before} (${of} ${value ?? "without data"}, ${comparison} ${threshold})`;
    if (state === "ALARM") log.warning(text);
    else log.notice(text);
    if (url === "") return;
    const body = {
      ...{ alarm: name, state, before, host: hostName(), vhost, metric, statistic, comparison, threshold },
      ...{ value: value ?? null, time: new Date(changedAtMs).toISOString() },
    };
    post(url, JSON.stringify(body)).catch((cause: unknown) => {
      log.warning(`alarm ${name}: the call failed: ${EdgeError.from(cause).detail}`);
    });
  }
}

/** Redirects are not followed: the call goes where the configuration says, or nowhere. */
export const postJson = async (url: string, body: string): Promise<void> => {
  const answer = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body,
    redirect: "manual",
    signal: AbortSignal.timeout(CALL_LIMIT_MS),
  });
  await answer.body?.cancel();
  if (answer.status >= 300) throw new EdgeError("INTERNAL", { detail: `status ${answer.status}` });
};
