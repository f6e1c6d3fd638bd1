import type { LineBuffer } from "./lineBuffer.ts";
import { dottedMoment, SecondText } from "./moments.ts";
import { type LoggedOriginTransaction, originFailure, writeFailureFacts } from "./originFormat.ts";

const ORIGIN_ERROR_FIELDS = "date time vhostname level s-domain s-ip cs-method cs-uri time-taken sc-error sc-resinfo";

/** Bad HTTP behaviour of an origin (LOG-42 to LOG-46). */
export type OriginWarning =
  | "ClosedWithoutResponse"
  | "ClosedWhenDownloading"
  | "NotPartialResponseOnRangeRequest"
  | "DifferentContentLengthOnRangeRequest"
  | "PartialResponseOnNormalRequest";

const lengthOf = (transaction: LoggedOriginTransaction): number | undefined => {
  const text = transaction.responseField("content-length");
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
};

/** What the range asked for comes to in a representation that ends where Content-Range says. */
const expectedLength = (asked: string, contentRange: string | undefined): number | undefined => {
  const [, first = "", last = ""] = /^bytes=(\d*)-(\d*)$/i.exec(asked) ?? [];
  const [, from, , total] = /^bytes (\d+)-(\d+)\/(\d+|\*)$/i.exec(contentRange ?? "") ?? [];
  if (from === undefined || total === undefined) return undefined;
  const size = total === "*" ? Number.POSITIVE_INFINITY : Number(total);
  if (first === "") return last === "" ? undefined : Math.min(Number(last), size);
  const end = Math.min(last === "" ? Number.POSITIVE_INFINITY : Number(last) + 1, size);
  return Number.isFinite(end) ? Math.max(0, end - Number(first)) : undefined;
};

/** Undefined: there is nothing to say of it. */
export const originWarning = (transaction: LoggedOriginTransaction): OriginWarning | undefined => {
  const { status, ended } = transaction;
  if (ended === "ORIGIN_CLOSED") return status === 0 ? "ClosedWithoutResponse" : "ClosedWhenDownloading";
  const asked = transaction.requestField("range");
  if (asked === undefined) return status === 206 ? "PartialResponseOnNormalRequest" : undefined;
  if (status >= 200 && status < 300 && status !== 206) return "NotPartialResponseOnRangeRequest";
  const length = lengthOf(transaction);
  const expected = expectedLength(asked, transaction.responseField("content-range"));
  const isOther = status === 206 && length !== undefined && expected !== undefined && length !== expected;
  return isOther ? "DifferentContentLengthOnRangeRequest" : undefined;
};

const responseInfo = (transaction: LoggedOriginTransaction): string | undefined => {
  if (transaction.status === 0) return undefined;
  const length = lengthOf(transaction);
  return length === undefined ? `Res=${transaction.status}` : `Res=${transaction.status},Len=${length}`;
};

/** Lines of the origin error log (LOG-38 to LOG-46). */
export class OriginErrorFormat {
  readonly #moment = new SecondText((ms) => dottedMoment(ms));

  header(): string {
    return `#Fields: ${ORIGIN_ERROR_FIELDS}\n`;
  }

  writeFailure(line: LineBuffer, transaction: LoggedOriginTransaction, atMs: number): void {
    this.#write(line, transaction, "ERROR", originFailure(transaction)?.word ?? "-", atMs);
  }

  writeWarning(line: LineBuffer, transaction: LoggedOriginTransaction, warning: OriginWarning, atMs: number): void {
    this.#write(line, transaction, "WARNING", warning, atMs);
  }

  /** LOG-40: `excluded from service`, `recovered back in service`, `Origin server list: …`. */
  writeComment(line: LineBuffer, vhost: string, text: string, atMs: number): void {
    line.text("#");
    this.#moment.write(line, atMs);
    line.text(` [${vhost}] `);
    line.plain(text);
  }

  #write(line: LineBuffer, transaction: LoggedOriginTransaction, level: string, word: string, atMs: number): void {
    this.#moment.write(line, atMs);
    line.text(` [${transaction.vhost}] [${level}] `);
    writeFailureFacts(line, transaction, word, responseInfo(transaction));
  }
}
