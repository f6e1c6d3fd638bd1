import { setImmediate as nextTurn } from "node:timers/promises";
import { type Answer, fail, XML_TEXT } from "../answer.ts";
import { splitTarget } from "../query.ts";
import type { Call, Route, RouteContext } from "../route.ts";
import type { StatisticsQuestion } from "../statisticsQuestion.ts";

const MOST_MINUTES = 60;

const VHOST_PARAMETER = { name: "vhost", doc: "Names of virtual hosts, with commas between them." } as const;

/** Work on an answer after which others have the event loop for a turn. */
const WORK_MS = 5;

const gather = async (pieces: Iterable<string>): Promise<Buffer> => {
  const gathered: Buffer[] = [];
  let beganMs = performance.now();
  for (const piece of pieces) {
    gathered.push(Buffer.from(piece, "utf8"));
    if (performance.now() - beganMs < WORK_MS) continue;
    await nextTurn();
    beganMs = performance.now();
  }
  return Buffer.concat(gathered);
};

const answer = async (call: Call, { control }: RouteContext, span: StatisticsQuestion["span"]): Promise<Answer> => {
  const names = splitTarget(call.query).parameters.get("vhost");
  const vhosts = names
    ?.split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
  const statistics = control.statistics({ span, vhosts });
  return call.format === "xml"
    ? { kind: "bytes", httpStatus: 200, contentType: XML_TEXT, bytes: await gather(statistics.xml()) }
    : { kind: "json", httpStatus: 200, bytes: await gather(statistics.json()) };
};

/** STAT-01 to STAT-05; without the envelope that other functions have (STAT-07). */
export const STATISTICS_ROUTES: readonly Route[] = [
  {
    path: "/monitoring/realtime",
    methods: ["GET", "HEAD"],
    role: "User",
    channel: "any",
    doc: "Statistics of the last second: vhost={name}[,{name}]",
    parameters: [VHOST_PARAMETER],
    handle: (call, context) => answer(call, context, { kind: "realtime" }),
  },
  {
    path: "/monitoring/average",
    methods: ["GET", "HEAD"],
    role: "User",
    channel: "any",
    doc: "Statistics of the last five minutes of the clock: vhost={name}[,{name}], min={1 to 60} for as many last minutes",
    parameters: [
      VHOST_PARAMETER,
      { name: "min", doc: "The last minutes, 1 to 60, instead of the window of five.", kind: "whole" },
    ],
    answers: { 400: "`min` is no number from 1 to 60." },
    handle: (call, context) => {
      const text = splitTarget(call.query).parameters.get("min");
      if (text === null) return answer(call, context, { kind: "average" });
      const minutes = /^\d{1,2}$/.test(text) ? Number(text) : 0;
      if (minutes < 1 || minutes > MOST_MINUTES) return fail("average", 400, "The parameter min must be from 1 to 60.");
      return answer(call, context, { kind: "minutes", minutes });
    },
  },
];
