import type { ClientTransaction } from "../clientTransaction.ts";
import { type AccessFormat, clientText, sentBytes, userName, type Xff } from "./accessFormat.ts";
import { asBytes, readableText } from "./escape.ts";
import type { LineBuffer } from "./lineBuffer.ts";
import { apacheMoment, SecondText, utcMoment } from "./moments.ts";

const BLANK = 32;
const QUOTE = 34;
const DASH = 45;

/** As Apache's own: quotes and backslashes with a backslash, other bytes than printable ones as `\xhh`. */
const apacheText = (value: string): string =>
  value.replace(/["\\]/g, "\\$&").replace(/[^ -~]/g, (character) => {
    const hex = character.charCodeAt(0).toString(16).padStart(2, "0");
    return `\\x${hex}`;
  });

const quoted = (line: LineBuffer, value: string | undefined): void => {
  line.byte(QUOTE);
  line.text(value === undefined || value === "" ? "-" : apacheText(value));
  line.byte(QUOTE);
};

/** The combined format (LOG-55). */
export const apacheFormat = (xff: Xff): AccessFormat => {
  const moment = new SecondText((ms) => apacheMoment(ms));
  return {
    header: () => "",
    write: (line, transaction, atMs) => {
      const { fields, method, target, httpVersion, status, bodyBytesSent } = transaction;
      line.field(clientText(transaction, xff));
      line.text(" - ");
      line.field(userName(transaction));
      line.byte(BLANK);
      moment.write(line, atMs);
      line.text(` "${apacheText(`${method} ${target} HTTP/${httpVersion}`)}" `);
      line.number(status);
      line.byte(BLANK);
      if (bodyBytesSent === 0) line.byte(DASH);
      else line.number(bodyBytesSent);
      line.byte(BLANK);
      quoted(line, fields.get("referer"));
      line.byte(BLANK);
      quoted(line, fields.get("user-agent"));
    },
  };
};

const IIS_FIELDS =
  "date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) sc-status sc-substatus sc-win32-status time-taken";

/** W3C extended, as IIS writes it: UTC (LOG-55). */
export const iisFormat = (xff: Xff, software: string): AccessFormat => {
  const moment = new SecondText((ms) => utcMoment(ms));
  return {
    header: (ms) => `#Software: ${asBytes(software)}\n#Version: 1.0\n#Date: ${utcMoment(ms)}\n#Fields: ${IIS_FIELDS}\n`,
    write: (line, transaction, atMs) => {
      const { fields, serverIp, serverPort, method, target, status, elapsedMs } = transaction;
      const query = target.indexOf("?");
      const columns = [
        serverIp,
        method,
        query < 0 ? target : target.slice(0, query),
        query < 0 ? "" : target.slice(query + 1),
        String(serverPort),
        userName(transaction),
        clientText(transaction, xff),
        fields.get("user-agent"),
      ];
      moment.write(line, atMs);
      for (const column of columns) {
        line.byte(BLANK);
        line.field(column);
      }
      line.byte(BLANK);
      line.number(status);
      line.text(" 0 0 ");
      line.number(Math.round(elapsedMs));
    },
  };
};

/** One object a line; fields that the request lacks are left out. Session ids are text: they are 64 bit. */
export const accessRecord = (transaction: ClientTransaction, atMs: number, xff: Xff) => {
  const { fields, target, bypassKind, contentLength, tls } = transaction;
  const query = target.indexOf("?");
  const field = (name: string): string | undefined => {
    const value = fields.get(name);
    return value === undefined ? undefined : readableText(value);
  };
  return {
    time: new Date(atMs).toISOString(),
    vhost: transaction.vhostName,
    host: transaction.host,
    server_ip: transaction.serverIp,
    server_port: transaction.serverPort,
    client: readableText(clientText(transaction, xff)),
    client_ip: transaction.clientIp,
    client_port: transaction.clientPort,
    user: userName(transaction),
    scheme: transaction.protocol,
    protocol: `HTTP/${transaction.httpVersion}`,
    tls: tls?.protocol,
    method: transaction.method,
    path: query < 0 ? target : target.slice(0, query),
    query: query < 0 ? undefined : target.slice(query + 1),
    referer: field("referer"),
    user_agent: field("user-agent"),
    range: field("range"),
    accept_encoding: field("accept-encoding"),
    status: transaction.status,
    cache_result: transaction.result,
    bypass: bypassKind === "none" ? undefined : bypassKind,
    bytes_received: transaction.requestHeadBytes + transaction.requestBodyBytes,
    bytes_sent: sentBytes(transaction),
    body_bytes_sent: transaction.bodyBytesSent,
    content_length: contentLength < 0 ? undefined : contentLength,
    content_encoding: transaction.contentCoding,
    first_byte_ms: round(transaction.firstByteMs),
    time_taken_ms: round(transaction.elapsedMs),
    is_complete: transaction.isComplete,
    session_id: transaction.sessionText,
    trace_id: transaction.trace?.idText,
  };
};

const round = (ms: number): number => Math.round(ms * 1000) / 1000;

export const jsonFormat = (xff: Xff): AccessFormat => ({
  header: () => "",
  write: (line, transaction, atMs) => line.text(asBytes(JSON.stringify(accessRecord(transaction, atMs, xff)))),
});
