import type { AccessFormat } from "./accessFormat.ts";
import type { LineBuffer } from "./lineBuffer.ts";

const BLANK = 32;

/** The header of a log whose lines end with the id of their trace. */
export const withTraceColumn = (header: string): string => header.replace(/\n$/, " trace-id\n");

export const writeTraceColumn = (line: LineBuffer, traceId: string | undefined): void => {
  line.byte(BLANK);
  line.field(traceId);
};

/** The same lines with one more field (AWS-101), for forms of fields between blanks whose header names them. */
export const tracedFormat = (format: AccessFormat): AccessFormat => ({
  header: (ms) => withTraceColumn(format.header(ms)),
  write: (line, transaction, atMs) => {
    format.write(line, transaction, atMs);
    writeTraceColumn(line, transaction.trace?.idText);
  },
});
