import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { numberAt, parseRecord, recordAt } from "../../infra/lib/json.ts";

export const goaccess = "/usr/bin/goaccess";

/** A form of the access log and somebody else who reads it. */
export interface AccessForm {
  readonly form: string;
  /** Elements beside `<Access>`. */
  readonly xml?: string;
  readonly reader: string;
  /** How many lines of the file were understood. */
  readonly read: (path: string, records: readonly string[]) => number;
}

/** The numbers of requests that goaccess takes for valid, by a format of its own language. */
const readByGoaccess =
  (...options: readonly string[]) =>
  (path: string): number => {
    const folder = mkdtempSync(join(tmpdir(), "basalt-goaccess-"));
    try {
      const report = join(folder, "report.json");
      execFileSync(goaccess, [path, "--no-global-config", "--no-progress", "-o", report, ...options], {
        stdio: "ignore",
      });
      return numberAt(recordAt(parseRecord(readFileSync(report, "utf8")), "general"), "valid_requests");
    } finally {
      rmSync(folder, { recursive: true });
    }
  };

/** As the documentation of the classic load balancer has it for queries over its logs. */
const ELB_LINE =
  /^([^ ]*) ([^ ]*) ([^ ]*):(\d*) ([^ ]*)[:-](\d*) ([-.\d]*) ([-.\d]*) ([-.\d]*) (|[-\d]*) (-|[-\d]*) ([-\d]*) ([-\d]*) "([^ ]*) ([^ ]*) (- |[^ ]*)"( "[^"]*" [^ ]* [^ ]*)?$/;

/** The same of the application balancer. */
const ALB_LINE =
  /^([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*):([0-9]*) ([^ ]*)[:-]([0-9]*) ([-.0-9]*) ([-.0-9]*) ([-.0-9]*) (|[-0-9]*) (-|[-0-9]*) ([-0-9]*) ([-0-9]*) "([^ ]*) (.*) (- |[^ ]*)" "([^"]*)" ([A-Z0-9-_]+) ([A-Za-z0-9.-]*) ([^ ]*) "([^"]*)" "([^"]*)" "([^"]*)" ([-.0-9]*) ([^ ]*) "([^"]*)" "([^"]*)" "([^ ]*)" "([^\s]+?)" "([^\s]+)" "([^ ]*)" "([^ ]*)" ?([^ ]*)?$/;

const W3C = "%d %t %^ %m %U %q %^ %e %h %u %s %^ %^ %L";
const OWN = '%d|%t|%h|"%r"|%s|%b';

const byGoaccess: readonly AccessForm[] = [
  { form: "apache", reader: "goaccess, COMBINED", read: readByGoaccess("--log-format=COMBINED") },
  {
    form: "iis",
    reader: "goaccess, W3C fields",
    read: readByGoaccess(`--log-format=${W3C}`, "--date-format=%Y-%m-%d", "--time-format=%H:%M:%S"),
  },
  {
    form: "custom",
    xml: '<AccessFormat>%{%Y-%m-%d}t|%{%H:%M:%S}t|%a|"%r"|%s|%b</AccessFormat>',
    reader: "goaccess, the same format in its words",
    read: readByGoaccess(`--log-format=${OWN}`, "--date-format=%Y-%m-%d", "--time-format=%H:%M:%S"),
  },
];

export const FORMS: readonly AccessForm[] = [
  ...(existsSync(goaccess) ? byGoaccess : []),
  {
    form: "json",
    reader: "JSON.parse",
    read: (_, records) => records.filter((line) => numberAt(parseRecord(line), "status") === 200).length,
  },
  ...(["elb", "elb-ext", "alb"] as const).map((form) => ({
    form,
    reader: "the published expression",
    read: (_: string, records: readonly string[]) =>
      records.filter((line) => (form === "alb" ? ALB_LINE : ELB_LINE).test(line)).length,
  })),
];
