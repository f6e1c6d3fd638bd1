import type { AccessFormat } from "./accessFormat.ts";

const BLANK = 32;

/** The same lines with the hosts that requests were handed on to (VHT-52), for forms whose header names the fields. */
export const linkedFormat = (format: AccessFormat): AccessFormat => ({
  header: (ms) => format.header(ms).replace(/\n$/, " vhostlink\n"),
  write: (line, transaction, atMs) => {
    format.write(line, transaction, atMs);
    line.byte(BLANK);
    line.field(transaction.vhostLink);
  },
});
