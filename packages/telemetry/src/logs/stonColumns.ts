import type { ClientTransaction } from "../clientTransaction.ts";
import type { Xff } from "./accessFormat.ts";
import { clientText, sentBytes, userName } from "./accessFormat.ts";
import { joinedList } from "./escape.ts";
import { LineBuffer } from "./lineBuffer.ts";
import { dottedMoment } from "./moments.ts";
import { writeResponseInfo } from "./stonFormat.ts";

type Column = (transaction: ClientTransaction, atMs: number) => string;

const scratch = new LineBuffer(Buffer.allocUnsafeSlow(1024));

/** As `write` would leave it in a line. */
const rendered = (write: (line: LineBuffer) => void): string => {
  scratch.length = 0;
  write(scratch);
  return scratch.memory.toString("utf8", 0, scratch.length);
};

const field = (value: string | undefined): string => rendered((line) => line.field(value));

const beforeQuery = (target: string): string => {
  const query = target.indexOf("?");
  return query < 0 ? target : target.slice(0, query);
};

const behindQuery = (target: string): string | undefined => {
  const query = target.indexOf("?");
  return query < 0 ? undefined : target.slice(query + 1);
};

/** The fields of a line of `StonFormat` one by one, so that whoever wants one of them need not write the line. */
export const stonColumns = (xff: Xff): readonly Column[] => [
  (_, atMs) => dottedMoment(atMs).slice(0, 10),
  (_, atMs) => dottedMoment(atMs).slice(11),
  ({ serverIp }) => field(serverIp),
  ({ method }) => rendered((line) => line.part(method)),
  ({ target }) => field(beforeQuery(target)),
  ({ target }) => field(behindQuery(target)),
  ({ serverPort }) => String(serverPort),
  (transaction) => field(userName(transaction)),
  (transaction) => field(clientText(transaction, xff)),
  ({ fields }) => field(fields.get("user-agent")),
  ({ status }) => String(status),
  (transaction) => String(sentBytes(transaction)),
  ({ elapsedMs }) => String(Math.round(elapsedMs)),
  ({ fields }) => field(fields.get("referer")),
  (transaction) => rendered((line) => writeResponseInfo(line, transaction)),
  ({ fields }) => field(fields.get("range")?.replace(/^bytes=/i, "")),
  ({ result }) => result,
  ({ fields }) => field(joinedList(fields.get("accept-encoding") ?? "")),
  ({ sessionText }) => sessionText,
  ({ contentLength }) => (contentLength < 0 ? "-" : String(contentLength)),
];
