export type { AccessFormat, BackendFacts, Xff } from "./accessFormat.ts";
export { type AccessFormatOptions, compileAccessFormat } from "./accessForms.ts";
export { type OpenAppendFile, openAppendFile } from "./appendFile.ts";
export { accessRecord } from "./commonFormats.ts";
export { detailLine, MOST_FIELD_BYTES, SECRET_FIELDS, secretFields } from "./detailFormat.ts";
export { asBytes } from "./escape.ts";
export { FILE_SYSTEM_HEADER, type LoggedFileAccess, writeFileSystemLine } from "./fileSystemFormat.ts";
export { FILE_SYSTEM_STATUSES, type FileSystemStatus, fileSystemCodeOf } from "./fileSystemStatus.ts";
export { type FileOutcome, FileTransaction, type FileTransactionParts } from "./fileTransaction.ts";
export { LineBuffer } from "./lineBuffer.ts";
export type { AppenderLog, LogAppender, LogTarget } from "./logAppender.ts";
export { type BookedLog, LogBook, type LogBookParts, type UnopenedLog } from "./logBook.ts";
export { LogKeeper, type LogKeeperParts } from "./logKeeper.ts";
export { rankOf, rankOfExchange, rankOfTransaction, type TransactionLevel } from "./logLevel.ts";
export {
  type LogKind,
  type LogNotice,
  type LogPlan,
  periodTarget,
  type RotatedFiles,
  type RotatedLog,
} from "./logPlan.ts";
export { LogWriter } from "./logWriter.ts";
export { OriginErrorFormat, type OriginWarning, originWarning } from "./originErrorFormat.ts";
export { type LoggedOriginTransaction, OriginFormat, originFailure } from "./originFormat.ts";
export { logFileName, parseLogFileName, periodAt, type RotationRule, rotationRule } from "./rotation.ts";
export {
  DENY_HEADER,
  DNS_HEADER,
  type LoggedResolution,
  writeDenyLine,
  writeDnsLine,
} from "./smallFormats.ts";
export { stonColumns } from "./stonColumns.ts";
export { StonFormat } from "./stonFormat.ts";
export { SyslogSender, type SyslogTarget } from "./syslog.ts";
export { tracedFormat, withTraceColumn, writeTraceColumn } from "./traceColumn.ts";
