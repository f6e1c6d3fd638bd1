import { hostname } from "node:os";

/** In front of the name of a log in the tag of syslog lines (LOG-196). */
export const TAG_PREFIX = "STON";

/** Own name as syslog shows it: without blanks, never empty. */
export const syslogName = (): string => hostname().replace(/\s/g, "") || "localhost";
