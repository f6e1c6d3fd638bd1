import { type Answer, fail, succeed } from "../answer.ts";
import { parametersOf } from "../query.ts";
import type { Call, Route, RouteContext, RouteParameter } from "../route.ts";

const VHOST: RouteParameter = { name: "vhost", doc: "Name of a virtual host; all without it." };

const NO_SUCH_HOST = "No virtual host has this name.";

/** An empty name means all hosts, as none does. */
const vhostOf = (call: Call): string | undefined => parametersOf(call).get("vhost") || undefined;

/** ORG-26 prints this body without an envelope; a failure has one (OPEN 7 of spec 05). */
const showOrigin = (call: Call, { control }: RouteContext): Answer => {
  const monitoring = control.originMonitoring(vhostOf(call));
  if (monitoring === undefined) return fail("origin", 404, NO_SUCH_HOST);
  return { kind: "bare", httpStatus: 200, json: { origin: monitoring.origin } };
};

const resetOrigin = (call: Call, { control, log }: RouteContext): Answer => {
  const vhost = vhostOf(call);
  if (!control.resetOrigin(vhost)) return fail("resetorigin", 404, NO_SUCH_HOST);
  log.notice(`The origin servers of ${vhost ?? "all virtual hosts"} were reset by the management API.`);
  return succeed("resetorigin", "");
};

/** State of origin servers. */
export const ORIGIN_ROUTES: readonly Route[] = [
  {
    path: "/monitoring/origin",
    methods: ["GET", "HEAD"],
    role: "User",
    channel: "any",
    doc: "Origin servers in use and excluded, of all virtual hosts or of vhost={name}",
    parameters: [VHOST],
    answers: { 404: NO_SUCH_HOST },
    handle: showOrigin,
  },
  {
    path: "/monitoring/dnslist",
    methods: ["GET", "HEAD"],
    role: "User",
    channel: "any",
    doc: "What the domains of origin servers resolve to.",
    handle: (_, { control }) =>
      succeed(
        "dnslist",
        control.dnsList().map(({ vhost, domain, ttlSeconds, ips }) => ({ vhost, domain, ttl: ttlSeconds, ip: ips })),
      ),
  },
  {
    path: "/command/resetorigin",
    methods: ["GET", "POST"],
    role: "Admin",
    channel: "any",
    doc: "Takes excluded origin servers in use again, of all virtual hosts or of vhost={name}",
    changes: true,
    parameters: [VHOST],
    answers: { 404: NO_SUCH_HOST },
    handle: resetOrigin,
  },
];
