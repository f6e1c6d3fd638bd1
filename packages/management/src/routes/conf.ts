import { CONDITION_FILE_NAMES } from "@basalt/config";
import { formatProblem } from "@basalt/types";
import { type Answer, fail, type JsonValue, PLAIN_TEXT, succeed, XML_TEXT } from "../answer.ts";
import { ARCHIVE_LIMITS } from "../configuration/configArchive.ts";
import { isFolderName } from "../configuration/configFileNames.ts";
import type { ConfigHistoryEntry, ConfigHistoryKey, UploadCode, UploadKind } from "../configuration/contract.ts";
import { readUploadedFile } from "../configuration/uploadedFile.ts";
import { parametersOf, parsePositive } from "../query.ts";
import type { Call, Route, RouteContext, RouteParameter } from "../route.ts";

const ARCHIVE_TYPE = "application/x-compressed";

const common = { role: "Admin", channel: "any" } as const;

/** CFG-75: keys and their order are the guide's, every value a string. */
const describeEntry = (entry: ConfigHistoryEntry): JsonValue => ({
  id: String(entry.id),
  "conf-date": entry.date,
  "conf-time": entry.time,
  type: entry.kind,
  size: String(entry.sizeBytes),
  hash: entry.hash,
  ver: entry.productVersion,
});

const listHistory = (entries: readonly ConfigHistoryEntry[]): Answer => ({
  kind: "bare",
  httpStatus: 200,
  json: { history: entries.map(describeEntry) },
});

const KEY_PARAMETERS: readonly RouteParameter[] = [
  { name: "hash", doc: "SHA-1 of a configuration in the history; it wins over id." },
  { name: "id", doc: "Id of an entry of the history.", kind: "whole" },
];

/** Undefined when neither is given, or the only one is no id. */
const readKey = (call: Call): ConfigHistoryKey | undefined => {
  const parameters = parametersOf(call);
  const hash = parameters.get("hash") || undefined;
  const id = parsePositive(parameters.get("id") ?? "", Number.MAX_SAFE_INTEGER);
  return hash === undefined && id === undefined ? undefined : { hash, id };
};

const NO_KEY = "The parameter hash or id is missing or malformed.";
const NO_ENTRY = "The history has no such configuration.";

const restore = async (call: Call, { control }: RouteContext): Promise<Answer> => {
  const key = readKey(call);
  if (key === undefined) return fail("restore", 500, NO_KEY);
  const outcome = await control.configuration.restore(key);
  switch (outcome.kind) {
    case "restored":
      return succeed("restore", outcome.hash);
    case "unknown":
      return fail("restore", 500, NO_ENTRY);
    case "failed":
      return fail("restore", 500, [...outcome.notes, ...outcome.problems.map(formatProblem)]);
  }
};

const download = async (call: Call, { control }: RouteContext): Promise<Answer> => {
  const key = readKey(call);
  const archive = key === undefined ? undefined : await control.configuration.archiveOf(key);
  if (archive === undefined) return fail("download", 404, key === undefined ? NO_KEY : NO_ENTRY);
  return {
    kind: "bytes",
    httpStatus: 200,
    contentType: ARCHIVE_TYPE,
    bytes: archive.bytes,
    headers: { "Content-Disposition": `attachment; filename="${archive.name}"` },
  };
};

/** CFG-78: the result is a code; what a person wants to know stands beside it. */
const answerUpload = (code: UploadCode | "E0001", details: readonly string[]): Answer => ({
  kind: "envelope",
  httpStatus: code === "E0000" ? 200 : 500,
  method: "uploadconfig",
  status: code === "E0000" ? "OK" : "Fail",
  result: code,
  ...(details.length === 0 ? {} : { details }),
});

const upload = async (kind: UploadKind, call: Call, { control, settings }: RouteContext): Promise<Answer> => {
  const file = call.upload === undefined ? undefined : readUploadedFile(call.upload, settings().uploadMultipartName);
  if (file === undefined) {
    return answerUpload("E0001", ["The request brings no file."]);
  }
  const { code, notes, problems } = await control.configuration.upload(kind, file);
  return answerUpload(code, [...notes, ...problems.map(formatProblem)]);
};

const uploadRoute = (kind: UploadKind): Route => ({
  ...common,
  path: kind === "archive" ? "/conf/upload" : `/conf/upload/${kind}`,
  methods: ["POST"],
  changes: true,
  doc:
    kind === "archive"
      ? "Puts a complete configuration in service: a .tgz in the form field confile, or as the body."
      : `Puts a ${kind} in service, plain or compressed: in the form field confile, or as the body.`,
  upload: { maxBytes: ARCHIVE_LIMITS.compressedBytes },
  answers: {
    500: "Nothing has changed: E0001 no file, E0002 not unpacked, E0003 XML not loaded, E0004 content wrong.",
  },
  handle: (call, context) => upload(kind, call, context),
});

const showXml = async (name: string, { control }: RouteContext): Promise<Answer> => {
  const bytes = await control.configuration.fileInService(name);
  if (bytes === undefined) return fail(name, 404, "There is no such file.");
  return { kind: "bytes", httpStatus: 200, contentType: XML_TEXT, bytes: Buffer.from(bytes) };
};

/** A host that has no such file has an empty one (CFG-62). */
const showConditions = async (name: string, call: Call, { control }: RouteContext): Promise<Answer> => {
  const vhost = parametersOf(call).get("vhost") ?? "";
  if (vhost === "") return fail(name, 400, "The parameter vhost is missing.");
  if (!control.vhostNames().includes(vhost)) return fail(name, 404, "No virtual host has this name.");
  const bytes = isFolderName(vhost) ? await control.configuration.fileInService(`svc/${vhost}/${name}`) : undefined;
  return { kind: "bytes", httpStatus: 200, contentType: PLAIN_TEXT, bytes: Buffer.from(bytes ?? "") };
};

/** The configuration in service, those before it, and the way from one to another (CFG-72 to CFG-81). */
export const CONF_ROUTES: readonly Route[] = [
  {
    ...common,
    path: "/conf/history",
    methods: ["GET", "HEAD"],
    doc: "Every configuration that came into service and is still kept.",
    handle: (_, { control }) => listHistory(control.configuration.history()),
  },
  {
    ...common,
    path: "/conf/latest",
    aliases: ["/conf/lastest"],
    methods: ["GET", "HEAD"],
    doc: "The last entry of the history alone.",
    handle: (_, { control }) => listHistory(control.configuration.history().slice(-1)),
  },
  {
    ...common,
    path: "/conf/restore",
    methods: ["GET", "POST"],
    changes: true,
    doc: "Puts a configuration of the history in service again: hash={SHA-1} or id={id}",
    parameters: KEY_PARAMETERS,
    answers: { 500: "Nothing has changed: there is no such configuration, or it cannot be put in service." },
    handle: restore,
  },
  {
    ...common,
    path: "/conf/download",
    methods: ["GET", "HEAD"],
    doc: "Sends a configuration of the history as .tgz: hash={SHA-1} or id={id}",
    parameters: KEY_PARAMETERS,
    contentType: ARCHIVE_TYPE,
    answers: { 404: "The history has no such configuration." },
    handle: download,
  },
  uploadRoute("archive"),
  uploadRoute("server.xml"),
  uploadRoute("vhosts.xml"),
  ...["server.xml", "vhosts.xml"].map(
    (name): Route => ({
      ...common,
      path: `/conf/${name}`,
      methods: ["GET", "HEAD"],
      doc: `The ${name} in service.`,
      contentType: XML_TEXT,
      handle: (_, context) => showXml(name, context),
    }),
  ),
  ...CONDITION_FILE_NAMES.map(
    (name): Route => ({
      ...common,
      path: `/conf/${name}`,
      methods: ["GET", "HEAD"],
      doc: `The ${name} in service: vhost={name}`,
      parameters: [{ name: "vhost", doc: "Name of a virtual host.", isRequired: true }],
      contentType: PLAIN_TEXT,
      answers: { 400: "No virtual host is named.", 404: "No virtual host has this name." },
      handle: (call, context) => showConditions(name, call, context),
    }),
  ),
];
