import type { Command, CommandOptions } from "../command.ts";
import { askControl, callControl } from "../controlClient.ts";
import { type OriginReport, parseEnvelope, parseOriginReports } from "../envelope.ts";
import { EXIT } from "../exitCodes.ts";
import { formatTable, print, printError } from "../output.ts";
import { isDone, reportFailure } from "./outcome.ts";

const pathWithVhost = (path: string, { vhost }: CommandOptions): string =>
  vhost === undefined ? path : `${path}?vhost=${encodeURIComponent(vhost)}`;

const formatIp = ({ ip, ttlSeconds }: OriginReport["ips"][number]): string =>
  ttlSeconds === 0 ? ip : `${ip} (${ttlSeconds}s)`;

/** A table of addresses; below it the IPs, and why servers are out. */
export const formatOrigins = (reports: readonly OriginReport[]): string => {
  const rows = reports.flatMap(({ vhost, addresses }) =>
    addresses.map(({ address, role, state }) => [vhost, address, role, state]),
  );
  const ips = reports.flatMap(({ vhost, ips: all }) =>
    [true, false].flatMap((isActive) => {
      const listed = all.filter((entry) => entry.isActive === isActive).map(formatIp);
      return listed.length === 0 ? [] : [[vhost, isActive ? "active" : "inactive", listed.join(", ")]];
    }),
  );
  const out = reports.flatMap(({ vhost, out: all }) => all.map(({ server, reason }) => [vhost, server, reason]));
  return [
    formatTable([["virtual host", "address", "role", "state"], ...rows]),
    ...(ips.length === 0 ? [] : [formatTable([["virtual host", "IPs", "with the TTL that is left"], ...ips])]),
    ...(out.length === 0 ? [] : [formatTable([["virtual host", "out of service", "last failure"], ...out])]),
  ].join("\n\n");
};

export const origin: Command = {
  name: "origin",
  words: [],
  options: ["vhost", "json"],
  doc: "Shows which origin servers are in use, of all virtual hosts or of one.",
  run: async ({ home, options }) => {
    const outcome = await askControl(home, pathWithVhost("/monitoring/origin", options));
    if (outcome.kind !== "answered") return reportFailure(home, outcome);
    const { status, text } = outcome.reply;
    const envelope = status === 200 ? undefined : parseEnvelope(text);
    if (envelope !== undefined) return reportFailure(home, { kind: "answered", httpStatus: status, envelope });
    const reports = parseOriginReports(text);
    if (reports === undefined) {
      printError("The answer could not be read; the instance may be of another version.");
      return EXIT.failed;
    }
    print(options.json ? JSON.stringify(JSON.parse(text), undefined, 2) : formatOrigins(reports));
    return EXIT.done;
  },
};

export const resetorigin: Command = {
  name: "resetorigin",
  words: [],
  options: ["vhost"],
  doc: "Takes excluded origin servers in use again at once, of all virtual hosts or of one.",
  run: async ({ home, options }) => {
    const outcome = await callControl(home, pathWithVhost("/command/resetorigin", options));
    if (!isDone(outcome)) return reportFailure(home, outcome);
    print(`The origin servers of ${options.vhost ?? "all virtual hosts"} are in use again.`);
    return EXIT.done;
  },
};
