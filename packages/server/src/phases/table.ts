import type { RequestTrace } from "@basalt/telemetry";
import type { Exchange } from "../exchange.ts";
import { bypass } from "./bypass.ts";
import { checkAccess } from "./checkAccess.ts";
import { decideBypass } from "./decideBypass.ts";
import { deliver } from "./deliver.ts";
import { derive } from "./derive.ts";
import { deriveKey } from "./deriveKey.ts";
import { joinVariants } from "./joinVariants.ts";
import { lookup } from "./lookup.ts";
import { hit, miss, revalidate } from "./obtain.ts";
import { PHASE, type PhaseCode } from "./phase.ts";
import { receive } from "./receive.ts";
import { rewriteUrl } from "./rewriteUrl.ts";
import { selectVhost } from "./selectVhost.ts";

/** Does its work and names its successor, or WAIT when it will go on by itself (`Exchange.continueWith`). */
export type Phase = (exchange: Exchange) => PhaseCode;

type PhaseTable<Entry> = { readonly [code in Exclude<PhaseCode, typeof PHASE.WAIT | typeof PHASE.DONE>]: Entry };

/**
 * The life of a request, in order. Each phase is one function in a file of its own; a failure in any of them goes to
 * `deliver` as an error, or closes the connection when the answer has begun. `finish` is `Exchange.finish`: every path
 * ends there, so counting has one place.
 */
export const REQUEST_PHASES: PhaseTable<Phase> = [
  /** Sets the moment, refuses what no host could answer. */
  receive,
  /** An absolute-form target becomes origin-form, its host the request's; then the rules of `<URLRewrite>`. */
  rewriteUrl,
  /** By name, alias, pattern, default; then facade and sub-paths; unknown names are refused. */
  selectVhost,
  /** Limits and management methods of the host. */
  checkAccess,
  /** Cache, origin, or neither: by method and bypass rules. */
  decideBypass,
  /** Canonical URL and variant. */
  deriveKey,
  /** This worker's memory: fresh, stale or absent. */
  lookup,
  hit,
  revalidate,
  miss,
  bypass,
  /** The compressed copy instead of the object, where rules and client want it. */
  derive,
  /** One playlist of those of several sources, instead of an object. */
  joinVariants,
  /** Conditions, ranges, head and body. */
  deliver,
];

/** As traces call them; a bundle may name the functions otherwise. */
const PHASE_NAMES: PhaseTable<string> = [
  "receive",
  "rewriteUrl",
  "selectVhost",
  "checkAccess",
  "decideBypass",
  "deriveKey",
  "lookup",
  "hit",
  "revalidate",
  "miss",
  "bypass",
  "derive",
  "joinVariants",
  "deliver",
];

export const runPhases = (exchange: Exchange, from: PhaseCode): void => {
  const { ticket, trace } = exchange;
  if (trace?.isSampled === true) {
    runTraced(exchange, trace, from);
    return;
  }
  try {
    for (let phase: PhaseCode = from; phase !== PHASE.WAIT && phase !== PHASE.DONE; ) {
      phase = REQUEST_PHASES[phase](exchange);
    }
  } catch (cause) {
    exchange.fail(ticket, cause);
  }
};

const runTraced = (exchange: Exchange, trace: RequestTrace, from: PhaseCode): void => {
  const { ticket } = exchange;
  const { clock } = exchange.connection.server.parts;
  try {
    for (let phase: PhaseCode = from; phase !== PHASE.WAIT && phase !== PHASE.DONE; ) {
      trace.mark(PHASE_NAMES[phase], clock.monotonic());
      phase = REQUEST_PHASES[phase](exchange);
    }
  } catch (cause) {
    exchange.fail(ticket, cause);
  }
};
