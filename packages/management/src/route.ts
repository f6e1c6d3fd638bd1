import type { Role } from "@basalt/config";
import type { InfoLog } from "@basalt/telemetry";
import type { Answer } from "./answer.ts";
import type { Control } from "./contract.ts";

/** `socket`: the Unix socket of the home folder, used by the command line on the same host. */
export type Channel = "network" | "socket";

export interface Call {
  readonly channel: Channel;
  readonly path: string;
  /** Raw text behind the question mark. */
  readonly query: string;
  /** Of a POST; empty otherwise. */
  readonly body: string;
}

export interface RouteContext {
  readonly control: Control;
  readonly log: InfoLog;
  readonly productVersion: string;
  readonly routes: readonly Route[];
}

export type RouteMethod = "GET" | "HEAD" | "POST";

export interface Route {
  readonly path: string;
  /** Other paths of the same function (CFG-21). */
  readonly aliases?: readonly string[];
  /** Whether every path below this one is the same function. */
  readonly takesPathsBelow?: boolean;
  readonly methods: readonly RouteMethod[];
  readonly role: Role;
  /** `socket`: unknown to the network. */
  readonly channel: "any" | "socket";
  /** One sentence for `/help`. */
  readonly doc: string;
  readonly handle: (call: Call, context: RouteContext) => Answer | Promise<Answer>;
}

export const isOffered = (route: Route, channel: Channel): boolean => route.channel === "any" || channel === "socket";
