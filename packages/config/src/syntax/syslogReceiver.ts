import type { SyslogReceiver } from "../contract.ts";
import { parsePort } from "./originAddress.ts";

/** Numbers of RFC 5424 6.2.1, with the names of syslog.conf(5). */
const FACILITIES: ReadonlyMap<string, number> = new Map([
  ...["kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp"].map(
    (name, number) => [name, number] as const,
  ),
  ["security", 4],
  ...Array.from({ length: 8 }, (_, number) => [`local${number}`, 16 + number] as const),
]);

const SEVERITIES: ReadonlyMap<string, number> = new Map([
  ...["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"].map(
    (name, number) => [name, number] as const,
  ),
  ["panic", 0],
  ["error", 3],
  ["warn", 4],
]);

const SYSLOG_PORT = 514;

/** PRI of `facility.severity` (LOG-194); undefined for anything else. */
export const parsePriority = (text: string): number | undefined => {
  const [facility = "", severity = "", ...more] = text.trim().toLowerCase().split(".");
  const high = FACILITIES.get(facility);
  const low = SEVERITIES.get(severity);
  return high === undefined || low === undefined || more.length > 0 ? undefined : high * 8 + low;
};

/** `host`, `host:port`, `[ip]:port` (LOG-195). */
export const parseDestination = (text: string): { readonly host: string; readonly port: number } | undefined => {
  const [, bracketed, plain, portText] = /^(?:\[([^\]\s]+)\]|([^:[\]\s]+))(?::(\d+))?$/.exec(text.trim()) ?? [];
  const host = bracketed ?? plain;
  const port = portText === undefined ? SYSLOG_PORT : parsePort(portText);
  return host === undefined || port === undefined ? undefined : { host, port };
};

export const formatReceiver = ({ priority, host, port }: SyslogReceiver): string => `<${priority}> ${host}:${port}`;
