import type { Command } from "../command.ts";
import { parseWholeNumber } from "../command.ts";
import { askControl, readStatus } from "../controlClient.ts";
import type { Home } from "../home.ts";
import type { SortKey } from "../live/columns.ts";
import { compareSamples } from "../live/liveFigures.ts";
import { type LiveLook, runLive } from "../live/liveLoop.ts";
import { type LiveSample, readSample } from "../live/liveSample.ts";
import { MetricTable } from "../live/metricTable.ts";
import { renderTop } from "../live/renderTop.ts";
import type { KeyAction } from "../live/terminal.ts";

const MOST_TIMES = 1_000_000;

/** Of `-n`; undefined: without an end. */
export const timesOf = (option: string | undefined): number | undefined =>
  option === undefined ? undefined : parseWholeNumber(option, "-n", 1, MOST_TIMES);

const readMetrics = async (home: Home): Promise<LiveSample | undefined> => {
  const outcome = await askControl(home, "/metrics");
  if (outcome.kind !== "answered" || outcome.reply.status !== 200) return undefined;
  return readSample(new MetricTable(outcome.reply.text), performance.now());
};

export const top: Command = {
  name: "top",
  words: [],
  options: ["json", "lines"],
  doc: "Shows live figures of each virtual host; -n ends it after so many.",
  run: ({ home, options }) => {
    let before: LiveSample | undefined;
    let sort: SortKey = "requests";
    let skip = 0;

    const look = async (): Promise<LiveLook> => {
      const [after, status] = await Promise.all([readMetrics(home), readStatus(home)]);
      const earlier = before;
      before = after;
      if (after === undefined) return { kind: "absent", reason: `Basalt does not answer on ${home.path}.` };
      if (earlier === undefined) return { kind: "pending" };
      const figures = compareSamples(earlier, after);
      return {
        kind: "shown",
        json: { at: new Date().toISOString(), state: status?.state ?? null, ...figures },
        render: (room) => renderTop(status, figures, { ...room, sort, skip }),
      };
    };

    const scrolled = (lines: Extract<KeyAction, { kind: "scroll" }>["lines"], page: number): number => {
      if (lines === "start") return 0;
      const most = Math.max(0, (before?.hosts.size ?? 0) - 1);
      const by = lines === "page" ? page : lines === "pageBack" ? -page : lines;
      return Math.min(most, Math.max(0, skip + by));
    };

    return runLive({
      look,
      isJson: options.json,
      times: timesOf(options.lines),
      onKey: (action, { rows = 24 }) => {
        if (action.kind === "sort") {
          sort = action.by;
          skip = 0;
        } else if (action.kind === "scroll") {
          skip = scrolled(action.lines, Math.max(1, rows - 8));
        }
      },
    });
  },
};
