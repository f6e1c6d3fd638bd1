import type { Role } from "@basalt/config";
import type { InfoLog } from "@basalt/telemetry";
import type { ManagerSettings } from "./access.ts";
import type { Answer } from "./answer.ts";
import type { Control } from "./contract.ts";

/** `socket`: the Unix socket of the home folder, used by the command line on the same host. */
export type Channel = "network" | "socket";

/** CFG-21, STAT-02: of a call below `/monitoring/`, by suffix or `type=`; JSON elsewhere. */
export type AnswerFormat = "json" | "xml";

export interface Caller {
  /** As the socket names it; `socket` for the Unix socket. */
  readonly address: string;
  readonly role: Role;
}

/** Body of a route that takes files. */
export interface UploadedBody {
  readonly contentType: string;
  readonly bytes: Buffer;
}

export interface Call {
  readonly channel: Channel;
  readonly caller: Caller;
  /** Without the suffix that names a format. */
  readonly path: string;
  readonly format: AnswerFormat;
  /** Raw text behind the question mark. */
  readonly query: string;
  /** Of a POST; empty otherwise, and on routes that take an upload. */
  readonly body: string;
  /** Only on routes with `upload`. */
  readonly upload?: UploadedBody;
}

export interface RouteContext {
  readonly control: Control;
  readonly log: InfoLog;
  readonly productVersion: string;
  readonly routes: readonly Route[];
  /** Those of `<Manager>`, as they are at the moment. */
  readonly settings: () => ManagerSettings;
}

export type RouteMethod = "GET" | "HEAD" | "POST";

export interface RouteParameter {
  readonly name: string;
  /** One sentence. */
  readonly doc: string;
  readonly isRequired?: boolean;
  /** Default `text`. */
  readonly kind?: "text" | "whole" | "flag";
  /** Its value is never logged. */
  readonly isSecret?: boolean;
}

/** `/help`, the OpenAPI document, access by role and the audit of changes all read this. */
export interface Route {
  readonly path: string;
  /** Other paths of the same function. */
  readonly aliases?: readonly string[];
  /** Whether every path below this one is the same function. */
  readonly takesPathsBelow?: boolean;
  readonly methods: readonly RouteMethod[];
  readonly role: Role;
  /** `socket`: unknown to the network. */
  readonly channel: "any" | "socket";
  /** One sentence for `/help`. */
  readonly doc: string;
  readonly parameters?: readonly RouteParameter[];
  /** What answers mean beyond 200, and those of a wrong method, role or path. */
  readonly answers?: Readonly<Record<number, string>>;
  /** Default: the envelope, as JSON in text/plain. */
  readonly contentType?: string;
  /** The body is taken as bytes, up to this many. Without it a POST is a form of at most 1 MB. */
  readonly upload?: { readonly maxBytes: number };
  /** Whether calls change something: each is written to the info log then (AWS-92). */
  readonly changes?: boolean;
  /** Says no to the suffixes and `type=` that every route below `/monitoring/` has. */
  readonly hasNoFormats?: boolean;
  readonly handle: (call: Call, context: RouteContext) => Answer | Promise<Answer>;
}

export const isOffered = (route: Route, channel: Channel): boolean => route.channel === "any" || channel === "socket";

export const hasFormats = ({ path, hasNoFormats }: Route): boolean =>
  path.startsWith("/monitoring/") && hasNoFormats !== true;
