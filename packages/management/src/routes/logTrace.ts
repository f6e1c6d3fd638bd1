import { type Answer, fail, PLAIN_TEXT } from "../answer.ts";
import type { TracedLog } from "../contract.ts";
import { parametersOf } from "../query.ts";
import type { Call, Route, RouteContext } from "../route.ts";

/** STAT-97; `sys`: everything that is handed to syslog, whatever log it is of (OPEN-S11). */
const GLOBAL_LOGS = [
  ["info", "info"],
  ["sys", "sys"],
  ["deny", "deny"],
  ["originerror", "originerror"],
] as const satisfies readonly (readonly [string, TracedLog])[];

/** STAT-98. */
const HOST_LOGS = [
  "access",
  "accessextra",
  "origin",
  "monitoring",
  "dns",
  "filesystem",
  "detail",
  "trace",
] as const satisfies readonly TracedLog[];

const begin = (log: TracedLog, vhost: string | undefined, call: Call, { control, log: info }: RouteContext): Answer => {
  const source = control.traceLog(log, vhost);
  if (source === undefined) return fail("logtrace", 503, "Too many traces are open.");
  // STAT-100.
  const name = vhost === undefined ? log : `${log} of ${vhost}`;
  info.notice(`log trace: ${name}, by ${call.caller.address}`);
  source.once("close", () => info.notice(`log trace ended: ${name}, by ${call.caller.address}`));
  return { kind: "stream", httpStatus: 200, contentType: PLAIN_TEXT, source };
};

const traceHost = (log: TracedLog, call: Call, context: RouteContext): Answer => {
  const vhost = parametersOf(call).get("vhost");
  if (vhost === null || vhost === "") return fail("logtrace", 400, "The parameter vhost is missing.");
  if (!context.control.vhostNames().includes(vhost)) return fail("logtrace", 404, "No virtual host has this name.");
  return begin(log, vhost, call, context);
};

const BUSY = { 503: "Too many traces are open." } as const;

/** Live traces of logs (LOG-191, LOG-192). */
export const LOG_TRACE_ROUTES: readonly Route[] = [
  ...GLOBAL_LOGS.map(
    ([name, log]): Route => ({
      path: `/monitoring/logtrace/${name}`,
      methods: ["GET"],
      role: "User",
      channel: "any",
      doc:
        log === "sys"
          ? "Lines of all logs as they are handed to syslog, until the caller closes the connection."
          : `New lines of the ${log} log as they are written, until the caller closes the connection.`,
      contentType: PLAIN_TEXT,
      hasNoFormats: true,
      answers: BUSY,
      handle: (call, context) => begin(log, undefined, call, context),
    }),
  ),
  ...HOST_LOGS.map(
    (log): Route => ({
      path: `/monitoring/logtrace/${log}`,
      methods: ["GET"],
      role: "User",
      channel: "any",
      doc: `New lines of the ${log} log of a virtual host, until the caller closes the connection.`,
      parameters: [{ name: "vhost", doc: "Name of the virtual host.", isRequired: true }],
      contentType: PLAIN_TEXT,
      hasNoFormats: true,
      answers: { ...BUSY, 404: "No virtual host has this name." },
      handle: (call, context) => traceHost(log, call, context),
    }),
  ),
];
