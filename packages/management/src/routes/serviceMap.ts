import { type Answer, fail, succeed } from "../answer.ts";
import { parametersOf, parsePositive } from "../query.ts";
import type { Call, Route, RouteContext } from "../route.ts";

const MOST_MINUTES = 60;
const DEFAULT_MINUTES = 5;

const NO_SUCH_HOST = "No virtual host has this name.";
const MINUTES_WRONG = "The parameter min must be from 1 to 60.";

const showServiceMap = (call: Call, { control }: RouteContext): Answer => {
  const parameters = parametersOf(call);
  const text = parameters.get("min");
  const minutes = text === null ? DEFAULT_MINUTES : parsePositive(text, MOST_MINUTES);
  if (minutes === undefined) return fail("servicemap", 400, MINUTES_WRONG);
  const map = control.serviceMap(minutes, parameters.get("vhost") || undefined);
  if (map === undefined) return fail("servicemap", 404, NO_SUCH_HOST);
  const { endedAtMs, seconds, omitted, nodes, edges } = map;
  return succeed("servicemap", {
    time: endedAtMs === 0 ? null : new Date(endedAtMs).toISOString(),
    seconds,
    omitted,
    nodes: nodes.map((node) => ({ ...node })),
    edges: edges.map((edge) => ({ ...edge })),
  });
};

/** AWS-100. */
export const SERVICE_MAP_ROUTES: readonly Route[] = [
  {
    path: "/monitoring/servicemap",
    methods: ["GET", "HEAD"],
    role: "User",
    channel: "any",
    doc: "Who calls whom, with results and latency: clients, virtual hosts, origins: vhost={name}, min={1 to 60}",
    parameters: [
      { name: "vhost", doc: "Name of a virtual host; all with traffic without it." },
      { name: "min", doc: "Minutes up to now, 1 to 60; 5 without it.", kind: "whole" },
    ],
    answers: { 400: "`min` is no number from 1 to 60.", 404: NO_SUCH_HOST },
    handle: showServiceMap,
  },
];
