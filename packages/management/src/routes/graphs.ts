import { type Answer, fail } from "../answer.ts";
import { parseGraphPath } from "../graphs/question.ts";
import { parametersOf } from "../query.ts";
import type { Call, Route, RouteContext } from "../route.ts";

const METHOD = "graph";
const NO_SUCH_GRAPH = "There is no such graph, or no virtual host has this name.";
const TOO_MANY = "Too many graphs are asked for at the moment.";
const RETRY_SECONDS = "2";

const showGraph = async (call: Call, { control }: RouteContext): Promise<Answer> => {
  const question = parseGraphPath(call.path, parametersOf(call).get("vhost") || undefined);
  if (question === undefined) return fail(METHOD, 404, NO_SUCH_GRAPH);
  const outcome = await control.graph(question);
  switch (outcome.kind) {
    case "picture":
      return { kind: "bytes", httpStatus: 200, contentType: "image/png", bytes: Buffer.from(outcome.png) };
    case "unknownVhost":
      return fail(METHOD, 404, NO_SUCH_GRAPH);
    case "busy":
      return { ...fail(METHOD, 503, TOO_MANY), headers: { "Retry-After": RETRY_SECONDS } };
  }
};

/** GRAPH-01 to GRAPH-06. */
export const GRAPH_ROUTES: readonly Route[] = [
  {
    path: "/graph",
    takesPathsBelow: true,
    methods: ["GET", "HEAD"],
    role: "Looker",
    channel: "any",
    doc: "A picture of the past: /graph/{resource}_{dash, day, week, month or year}.png of the server, /graph/vhost/{resource}_{…}.png of virtual hosts: vhost={name}",
    parameters: [{ name: "vhost", doc: "Name of a virtual host; all together without it." }],
    answers: {
      404: NO_SUCH_GRAPH,
      503: "Too many graphs are asked for at the moment.",
    },
    contentType: "image/png",
    handle: showGraph,
  },
];
