import type { ClientTransaction } from "../clientTransaction.ts";
import type { AccessFormat, BackendFacts, Xff } from "./accessFormat.ts";
import { albFormat } from "./albFormat.ts";
import { apacheFormat, iisFormat, jsonFormat } from "./commonFormats.ts";
import { compileCustomFormat } from "./customFormat.ts";
import { elbFormat } from "./elbFormat.ts";
import { linkedFormat } from "./linkColumn.ts";
import { StonFormat } from "./stonFormat.ts";
import { tracedFormat } from "./traceColumn.ts";

export interface AccessFormatOptions {
  readonly form: "ston" | "apache" | "iis" | "custom" | "json" | "elb" | "elb-ext" | "alb";
  readonly xff: Xff;
  /** Line of the form `custom`. */
  readonly customFormat: string;
  /** Name of the balancer in the forms `elb` and `alb`. */
  readonly balancer: string;
  /** Name and version of this software. */
  readonly software: string;
  readonly backendOf: (transaction: ClientTransaction) => BackendFacts | undefined;
  /** Requests have traces: the forms `ston` and `iis` have a field more. */
  readonly isTraced: boolean;
  /** Requests may be handed on by `<VhostLink>`: the same forms have a field for that (VHT-52). */
  readonly isLinked?: boolean;
}

/** LOG-54. An invalid custom format gives the form `ston` (LOG-81). */
export const compileAccessFormat = (options: AccessFormatOptions): AccessFormat => {
  const { form, xff, customFormat, balancer, software, backendOf, isTraced, isLinked = false } = options;
  const traced = (format: AccessFormat): AccessFormat => {
    const linked = isLinked ? linkedFormat(format) : format;
    return isTraced ? tracedFormat(linked) : linked;
  };
  switch (form) {
    case "ston":
      return traced(new StonFormat({ xff }));
    case "apache":
      return apacheFormat(xff);
    case "iis":
      return traced(iisFormat(xff, software));
    case "custom":
      return compileCustomFormat(customFormat, xff) ?? traced(new StonFormat({ xff }));
    case "json":
      return jsonFormat(xff);
    case "elb":
    case "elb-ext":
      return elbFormat({ name: balancer, isExtended: form === "elb-ext", backendOf });
    case "alb":
      return albFormat({ name: balancer, backendOf });
  }
};
