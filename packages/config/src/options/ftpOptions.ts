import type { FtpClient, FtpTransfer } from "../contract.ts";
import { parsePort } from "../syntax/originAddress.ts";
import { findChild, type XmlElement } from "../xml/xmlElement.ts";
import { type AnyOption, listOption, type OptionTable, option } from "./option.ts";
import { duration, integer, oneOf, onOff, plainText, timeOfDay, type ValueType } from "./valueTypes.ts";
import { flattenTable, resolveOptions } from "./walkTable.ts";

const FTP_PORT = 21;
const MOST_HOURS = 24;

/** What `<Ftp>` says, an address and a schedule still as text. */
interface WrittenFtp extends Omit<FtpClient, "host" | "port" | "transfer"> {
  readonly address: string;
}

const clientName: ValueType<string> = {
  name: "name",
  allowed: "a unique name without comma, blank in front or behind and control characters",
  emptyIsValue: false,
  parse: (text) =>
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
    /^[^,\x00-\x1f\x7f]{1,253}$/.test(text) && text.trim() === text
      ? { ok: true, value: text }
      : { ok: false, message: `${JSON.stringify(text)} cannot be a name.` },
  format: (value) => value,
};

const parseFtpAddress = (text: string): Pick<FtpClient, "host" | "port"> | undefined => {
  const [, bracketed, plain, portText] = /^(?:\[([^\]\s]+)\]|([^:[\]\s/]+))(?::(\d+))?$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  const port = portText === undefined ? FTP_PORT : parsePort(portText);
  return host === undefined || port === undefined ? undefined : { host, port };
};

const ftpAddress: ValueType<string> = {
  name: "address",
  allowed: "{host} or {host}:{port}",
  emptyIsValue: false,
  parse: (text) =>
    parseFtpAddress(text) === undefined
      ? { ok: false, message: `${JSON.stringify(text)} is no address.` }
      : { ok: true, value: text },
  format: (value) => value,
};

/** Never shown, in messages neither. */
const password: ValueType<string> = {
  name: "text",
  allowed: "text on one line, or empty",
  emptyIsValue: true,
  parse: (text) =>
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
    /[\x00-\x1f\x7f]/.test(text)
      ? { ok: false, message: "The password holds control characters." }
      : { ok: true, value: text },
  format: (value) => (value === "" ? "" : "***"),
};

const uploadPath: ValueType<string> = {
  name: "path",
  allowed: "a path of %s, %e, %{time format}s, %{time format}e, %p, %v, %h, %% and text, that names no folder alone",
  emptyIsValue: false,
  parse: (text) => {
    const rest = text.replace(/%(?:%|[sepvh]|\{[^{}]+\}[se])/g, "");
    if (rest.includes("%")) return { ok: false, message: `${JSON.stringify(text)} has a token that does not exist.` };
    if (text.endsWith("/")) return { ok: false, message: `${JSON.stringify(text)} names no file.` };
    return plainText.parse(text);
  },
  format: (value) => value,
};

const hours = integer({ min: 1, max: MOST_HOURS }, "hours");

const transferTime: ValueType<string> = {
  name: "time",
  allowed: `nothing for Rotate, HH:MM for Static, hours (1 to ${MOST_HOURS}) for Interval`,
  emptyIsValue: true,
  parse: (text) =>
    text === "" || timeOfDay.parse(text).ok || hours.parse(text).ok
      ? { ok: true, value: text }
      : { ok: false, message: `${JSON.stringify(text)} is neither a time of day nor a number of hours.` },
  format: (value) => value,
};

const transferKind = oneOf("Rotate", "Static", "Interval");
const limit = duration({ min: 1, max: 86_400 });

/** Places are relative to `<Ftp>`. */
const FTP_TABLE: OptionTable<WrittenFtp> = {
  name: option("@Name", clientName, "", { doc: "Name by which logs refer to it.", spec: "LOG-175" }),
  mode: option("Mode", oneOf("Passive", "Active"), "Passive", {
    doc: "Who opens the connection of a transfer: this side, or the FTP server.",
    spec: "LOG-176",
  }),
  address: option("Address", ftpAddress, "", {
    doc: "Host, and its port unless that is 21.",
    defaultNote: "required",
    spec: "LOG-177",
  }),
  user: option("Account/ID", plainText, "", { doc: "User.", defaultNote: "anonymous", spec: "LOG-178" }),
  password: option("Account/Password", password, "", { doc: "Password.", spec: "LOG-178" }),
  passwordType: option("Account/Password@Type", oneOf("plain", "enc"), "plain", {
    doc: "`enc`: the password is what `/command/encryptpassword` answered.",
    spec: "LOG-178, LOG-179",
  }),
  connectTimeoutSeconds: option("ConnectTimeout", limit, 10, {
    doc: "Longest wait for a connection and the login.",
    spec: "LOG-180",
  }),
  transferTimeoutSeconds: option("TransferTimeout", limit, 600, {
    doc: "Longest time that a file may take.",
    spec: "LOG-181",
  }),
  trafficCapKilobytes: option("TrafficCap", integer({ min: 0, max: 100_000_000 }, "KB/s"), 0, {
    doc: "Upload bandwidth in KB a second; 0: without limit.",
    spec: "LOG-182",
  }),
  deleteUploaded: option("DeleteUploaded", onOff, false, {
    doc: "Whether a file is deleted when all its clients are done with it.",
    spec: "LOG-183",
  }),
  backupOnFail: option("BackupOnFail", onOff, false, {
    doc: "A file that cannot be sent is copied to `stonb/backup` and never sent again (ON), or sent again later (OFF).",
    spec: "LOG-184",
  }),
  uploadPath: option("UploadPath", uploadPath, "", {
    doc: "Template of the path.",
    defaultNote: "`/{virtual host}/{file name}`",
    spec: "LOG-185, LOG-186",
  }),
};

const transferRows = (element: "Transfer" | "TransferTime", attribute: "Time" | "Type"): readonly AnyOption[] =>
  flattenTable<Readonly<Record<string, string>>>({
    kind: option(`${element}@${attribute}`, transferKind, "Rotate", {
      doc: "When files are sent: at their rotation, once a day, or every so many hours.",
      spec: "LOG-187, LOG-188",
    }),
  });

const FTP_ROWS: readonly AnyOption[] = [
  ...flattenTable(FTP_TABLE),
  ...flattenTable<{ readonly one: string; readonly other: string }>({
    one: option("Transfer", transferTime, "", {
      doc: "Time of day for Static, hours for Interval.",
      spec: "LOG-187",
    }),
    other: option("TransferTime", transferTime, "", { doc: "As `<Transfer>`.", spec: "LOG-188" }),
  }),
  ...transferRows("Transfer", "Time"),
  ...transferRows("Transfer", "Type"),
  ...transferRows("TransferTime", "Type"),
];

/** The schedule that `<Transfer>` or `<TransferTime>` says; a text that names none when kind and time do not agree. */
export const readTransfer = (ftp: XmlElement): FtpTransfer | string => {
  const written = findChild(ftp, "Transfer") ?? findChild(ftp, "TransferTime");
  const kind = transferKind.parse(written?.attributes.get("Time") ?? written?.attributes.get("Type") ?? "Rotate");
  if (written === undefined || !kind.ok || kind.value === "Rotate") return { kind: "rotate" };
  if (kind.value === "Static") {
    const time = timeOfDay.parse(written.text);
    return time.ok ? { kind: "daily", minute: time.value } : "Static needs a time of day, HH:MM.";
  }
  const every = hours.parse(written.text);
  return every.ok ? { kind: "hourly", hours: every.value } : `Interval needs hours, 1 to ${MOST_HOURS}.`;
};

const readFtp = (element: XmlElement): FtpClient => {
  const { address, ...client } = resolveOptions(FTP_TABLE, element);
  const transfer = readTransfer(element);
  return {
    ...client,
    ...(parseFtpAddress(address) ?? { host: "", port: FTP_PORT }),
    transfer: typeof transfer === "string" ? { kind: "rotate" } : transfer,
  };
};

const formatTransfer = (transfer: FtpTransfer): string => {
  switch (transfer.kind) {
    case "rotate":
      return "Rotate";
    case "daily":
      return `Static ${timeOfDay.format(transfer.minute)}`;
    case "hourly":
      return `Interval ${transfer.hours}`;
  }
};

/** Goes into the info log when it changes: without the password. */
const formatFtp = (client: FtpClient): string =>
  [
    `${client.name}: ${client.mode} ${client.user === "" ? "anonymous" : client.user}@${client.host}:${client.port}`,
    `${client.uploadPath || "default path"} ${formatTransfer(client.transfer)}`,
    `ConnectTimeout ${client.connectTimeoutSeconds} TransferTimeout ${client.transferTimeoutSeconds}`,
    `TrafficCap ${client.trafficCapKilobytes} DeleteUploaded ${onOff.format(client.deleteUploaded)}`,
    `BackupOnFail ${onOff.format(client.backupOnFail)}`,
  ].join(" ");

/** Relative to `<Server>`. */
export const FTP_OPTION = listOption<FtpClient>("Ftp", {
  text: undefined,
  attributes: [],
  below: FTP_ROWS,
  default: [],
  doc: "A client that uploads rotated logs.",
  spec: "LOG-174, LOG-175",
  read: readFtp,
  format: formatFtp,
});
