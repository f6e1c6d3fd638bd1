import { editOrigins, type OriginEdit, type OriginEditOutcome } from "@basalt/config";
import { formatProblem } from "@basalt/types";
import { type Answer, fail, succeed } from "../answer.ts";
import type { FileEdit } from "../configuration/contract.ts";
import { parametersOf, parsePositive } from "../query.ts";
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

const VHOSTS_FILE = "vhosts.xml";

/** AWS-31: by way of the configuration, so that the change is checked, has a history and stays. */
const editServers = async (call: Call, { control }: RouteContext): Promise<Answer> => {
  const parameters = parametersOf(call);
  const vhost = parameters.get("vhost") ?? "";
  const weight = parameters.has("weight") ? parsePositive(parameters.get("weight") ?? "", 1_000) : 1;
  if (weight === undefined) return fail("origins", 400, "The parameter weight is malformed.");
  const add = parameters.getAll("add").map((address) => ({ address, weight }));
  const remove = parameters.getAll("remove");
  if (vhost === "" || add.length + remove.length === 0) return fail("origins", 400, NOTHING_TO_EDIT);
  const { uploaded, result } = await control.configuration.edit(VHOSTS_FILE, (inService) =>
    editOf(inService, { vhost, add, remove }),
  );
  if (result.kind === "unknownVhost") return fail("origins", 404, NO_SUCH_HOST);
  if (result.kind === "refused") return fail("origins", 400, result.reason);
  if (uploaded !== undefined && uploaded.code !== "E0000") {
    return fail("origins", 500, [...uploaded.notes, ...uploaded.problems.map(formatProblem)]);
  }
  return succeed("origins", result.addresses);
};

const editOf = (inService: Uint8Array | undefined, edit: OriginEdit): FileEdit<OriginEditOutcome> => {
  if (inService === undefined) return { bytes: undefined, result: { kind: "unknownVhost" } };
  const before = new TextDecoder().decode(inService);
  const result = editOrigins(before, edit);
  const isChanged = result.kind === "edited" && result.text !== before;
  return { bytes: isChanged ? Buffer.from(result.text) : undefined, result };
};

const NOTHING_TO_EDIT = "The parameter vhost, or both add and remove, are missing.";

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
    path: "/command/origins",
    methods: ["GET", "POST"],
    role: "Admin",
    channel: "any",
    doc: "Adds and removes origin servers of a virtual host: vhost={name}&add={address}&remove={address}",
    changes: true,
    parameters: [
      { name: "vhost", doc: "Name of a virtual host.", isRequired: true },
      { name: "add", doc: "Address as in <Origin><Address>; may be repeated." },
      { name: "remove", doc: "Address as it stands there; may be repeated." },
      { name: "weight", doc: "Weight of those added.", kind: "whole" },
    ],
    answers: {
      400: "Nothing has changed: a parameter is missing or wrong.",
      404: NO_SUCH_HOST,
      500: "Nothing has changed: the configuration would be refused.",
    },
    handle: editServers,
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
