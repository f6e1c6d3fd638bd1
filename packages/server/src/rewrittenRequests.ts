import { EMPTY_FIELD_BLOCK, type FieldBlock, parseAbsoluteTarget } from "@basalt/http";
import { type ClientRewriter, hostNameOf, withHostField } from "@basalt/policy";

/** What a rule has made of a request; `malformed`: a host name that is none. */
export type Rewritten =
  | { readonly kind: "malformed" }
  | {
      readonly kind: "rewritten";
      /** Undefined: the host that was asked for stays. */
      readonly host: string | undefined;
      readonly target: string;
      readonly fields: FieldBlock;
      readonly isLoggedAsAsked: boolean;
    };

/**
 * What the rules of `<Vhosts><URLRewrite>` make of the requests of one connection. Clients repeat themselves: the last
 * outcome is kept, and so are the fields with another Host, which line writers know again by their identity.
 */
export class RewrittenRequests {
  #rewriter: ClientRewriter | undefined;
  #host: string | undefined;
  #target = "";
  #fields: FieldBlock = EMPTY_FIELD_BLOCK;
  #outcome: Rewritten | undefined;
  /** Fields with the host `#changedHost` instead of that of `#changedFrom`. */
  #changedFrom: FieldBlock | undefined;
  #changedHost = "";
  #changed: FieldBlock | undefined;

  of(rewriter: ClientRewriter, host: string | undefined, target: string, fields: FieldBlock): Rewritten | undefined {
    if (rewriter !== this.#rewriter || target !== this.#target || fields !== this.#fields || host !== this.#host) {
      this.#rewriter = rewriter;
      this.#host = host;
      this.#target = target;
      this.#fields = fields;
      this.#outcome = this.#rewrite(rewriter, host, target, fields);
    }
    return this.#outcome;
  }

  #rewrite(
    rewriter: ClientRewriter,
    host: string | undefined,
    target: string,
    fields: FieldBlock,
  ): Rewritten | undefined {
    const asked = host === undefined ? "" : hostNameOf(host);
    const made = rewriter(asked, target);
    if (made === undefined) return undefined;
    const { isLoggedAsAsked } = made;
    const isOther = made.host !== "" && made.host !== asked;
    if (!isOther) return { kind: "rewritten", host: undefined, target: made.target, fields, isLoggedAsAsked };
    if (parseAbsoluteTarget(`http://${made.host}/`) === undefined) return { kind: "malformed" };
    const changed = this.#withHost(fields, made.host);
    return { kind: "rewritten", host: made.host, target: made.target, fields: changed, isLoggedAsAsked };
  }

  #withHost(fields: FieldBlock, host: string): FieldBlock {
    if (this.#changed === undefined || this.#changedFrom !== fields || this.#changedHost !== host) {
      this.#changedFrom = fields;
      this.#changedHost = host;
      this.#changed = withHostField(fields, host);
    }
    return this.#changed;
  }
}
