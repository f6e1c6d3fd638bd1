import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Plugin } from "esbuild";
import { bundleProgram } from "../../scripts/lib/bundleProgram.ts";
import { checkout } from "../lib/edge.ts";

/**
 * A build of Basalt that keeps no statistics, to find out what they cost: the same modules with the same bundler, but
 * the methods that count do nothing. The product has no such switch, which would itself be on the path of every hit.
 */

/** Methods of one class that do nothing in that build; none has a result that anybody needs. */
export interface UncountedClass {
  /** From the checkout. */
  readonly module: string;
  readonly className: string;
  readonly methods: readonly string[];
  /** What is off by that. */
  readonly covers: string;
}

/**
 * Left as it is: the figures of the system and of processes that the primary and its workers exchange once a second,
 * reports of counters (they are empty), and the question of a finished request whether its host has an access log.
 */
export const UNCOUNTED: readonly UncountedClass[] = [
  {
    module: "packages/server/src/requestAccount.ts",
    className: "RequestAccount",
    methods: ["begin", "responded", "end", "count", "countProgress"],
    covers:
      "all that is done at each request: three looks at the clock, which block counts (host, loopback, HTTPS), requests, " +
      "results, classes, bytes, times, histograms, the latency sketch, active sessions, folders",
  },
  {
    module: "packages/telemetry/src/counterBlock.ts",
    className: "CounterBlock",
    methods: ["add", "set"],
    covers: "every other counter and gauge: connections, TLS, HTTP/2, rejected requests, fills, origins, memory",
  },
  {
    module: "packages/telemetry/src/statistics/latencyCounters.ts",
    className: "LatencyCounters",
    methods: ["add"],
    covers: "latency sketches of origins",
  },
  {
    module: "packages/telemetry/src/statistics/folderCounters.ts",
    className: "FolderCounters",
    methods: ["addGrowth"],
    covers: "traffic by folder",
  },
  {
    module: "packages/telemetry/src/statistics/originCounters.ts",
    className: "OriginCounters",
    methods: ["add"],
    covers: "exchanges by origin",
  },
  {
    module: "packages/server/src/edgeServer.ts",
    className: "EdgeServer",
    methods: ["count"],
    covers: "once a second: the progress of long bodies and the sessions of each host",
  },
  {
    module: "packages/telemetry/src/statistics/statistics.ts",
    className: "Statistics",
    methods: ["endSecond"],
    covers: "once a second in the primary: seconds, minutes and windows of all hosts, the sample of the system",
  },
];

/** The module with those methods emptied. */
export const uncount = (source: string, { className, methods }: Omit<UncountedClass, "module" | "covers">): string =>
  `${source}\n${methods.map((method) => `${className}.prototype.${method} = () => undefined;`).join("\n")}\n`;

/** Under `apps/cli`, from where the packages are found, and where no tool looks for sources. */
const FOLDER = join(checkout, "apps", "cli", "node_modules", ".basalt-uncounted");

/** Makes the build; answers with the path of its program. */
export async function buildUncounted(): Promise<string> {
  const left = new Map(UNCOUNTED.map((each) => [join(checkout, each.module), each]));
  const replaced = new Set<string>();
  const plugin: Plugin = {
    name: "no statistics",
    setup: ({ onLoad }) => {
      onLoad({ filter: /\.ts$/ }, async ({ path }) => {
        const found = left.get(path);
        if (found === undefined) return undefined;
        replaced.add(path);
        return { contents: uncount(await readFile(path, "utf8"), found), loader: "ts" };
      });
    },
  };
  await bundleProgram(FOLDER, [plugin]);
  const missed = [...left.keys()].filter((path) => !replaced.has(path));
  if (missed.length > 0)
    throw new Error(`not in the program, so that its statistics would go on: ${missed.join(", ")}`);
  return join(FOLDER, "main.js");
}
