import { parseArgs } from "node:util";
import { formatTable, print } from "../../infra/lib/print.ts";
import {
  brokenRenewals,
  type CellReport,
  judgeCell,
  ORIGIN_FAULTS,
  runFaultMatrix,
  slowestMs,
  tally,
} from "../../packages/testkit/src/faults/index.ts";
import { runStoreCheck } from "./storeScene.ts";

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    /** Only the faults whose name contains this. */
    only: { type: "string", default: "" },
    /** How long each fault lasts. */
    seconds: { type: "string" },
    "at-once": { type: "string" },
    workers: { type: "string", default: "2" },
  },
});
const askForMs = Number(values.seconds ?? (values.quick ? 4 : 9)) * 1000;
const atOnce = Number(values["at-once"] ?? (values.quick ? 8 : 4));

const inSeconds = (ms: number | undefined): string => (ms === undefined ? "never" : (ms / 1000).toFixed(1));

const rowOf = (report: CellReport): string[] => [
  report.fault.name,
  report.state,
  report.kind,
  tally(report.answers),
  inSeconds(slowestMs(report.answers)),
  String(report.originRequests),
  inSeconds(report.healedMs),
];

const HEADING = ["fault", "object", "request", "the client saw", "slowest, s", "origin requests", "right again, s"];

await runStoreCheck(async ({ expect, target }) => {
  const faults = ORIGIN_FAULTS.filter(({ name }) => name.includes(values.only));
  const reports = await runFaultMatrix({ faults, askForMs, atOnce, workers: Number(values.workers) });
  print(formatTable([HEADING, ...reports.map(rowOf)]));
  print();
  for (const report of reports) {
    for (const finding of judgeCell(report)) {
      expect(false, `${report.fault.name}, ${report.state}, ${report.kind}: ${finding}`);
    }
  }
  const sound = reports.filter((report) => judgeCell(report).length === 0).length;
  expect(sound === reports.length, `${sound} of ${reports.length} cells as the specification has them`);
  const whole = reports.flatMap(({ answers }) => answers);
  expect(!whole.some(({ label }) => label.endsWith("wrong")), `${whole.length} answers, no cut body that looks whole`);
  const broken = reports.reduce((sum, report) => sum + brokenRenewals(report), 0);
  target(broken === 0, `answers cut although an older object was there: ${broken}`);
  const twice = reports.reduce((sum, { repeatedPosts }) => sum + repeatedPosts.length, 0);
  expect(twice === 0, `POSTs that arrived twice: ${twice}`);
});
