import { type FullBacklog, fillBacklog } from "./fullBacklog.ts";
import { type OriginPlace, type RequestMatch, TestOrigin } from "./origin.ts";
import type { ReplyMaker, RuleBuilder } from "./reply.ts";

/** How an origin fails. What concerns a response holds for each request that matches, the rest for the whole origin. */
export type Misbehavior =
  /** Nobody listens. */
  | { readonly kind: "refuses" }
  /** Somebody listens and never accepts: a connect is neither answered nor refused. */
  | { readonly kind: "backlogFull" }
  /** Takes the request and says nothing. */
  | { readonly kind: "silent" }
  /** Takes the request and closes. */
  | { readonly kind: "hangsUp" }
  /** The content, up to so many bytes of its body. */
  | { readonly kind: "stalls" | "resets" | "closes"; readonly afterBytes: number }
  | { readonly kind: "garbage"; readonly pieces: () => Iterable<string> }
  | { readonly kind: "status"; readonly status: number }
  | { readonly kind: "drips"; readonly bytesPerSecond: number; readonly head: boolean }
  /** So long the other way, so long the right way, and again. */
  | { readonly kind: "flaps"; readonly everyMs: number; readonly between: Misbehavior };

export type ReplyShape = "length" | "chunked" | "untilClose";

export interface MisbehavingOriginOptions extends OriginPlace {
  /** What it answers as long as it behaves. */
  readonly content: ReplyMaker;
  /** `length` when absent. */
  readonly shape?: ReplyShape;
}

const CHUNK_BYTES = 4096;
const OUT_OF_ORDER = "out of order";

/** An origin that can be made to fail in one of many ways, and to recover, while requests are under way. */
export class MisbehavingOrigin {
  /** Records every request; further rules can be given there. */
  readonly site: TestOrigin;
  readonly #content: ReplyMaker;
  readonly #shape: ReplyShape;
  #backlog: FullBacklog | undefined;
  #flapping: NodeJS.Timeout | undefined;
  /** Switches follow one another. */
  #switching: Promise<void> = Promise.resolve();

  constructor({ content, shape, ...place }: MisbehavingOriginOptions) {
    this.site = new TestOrigin(place);
    this.#content = content;
    this.#shape = shape ?? "length";
  }

  /** Listens and behaves. */
  async start(): Promise<this> {
    await this.site.listen();
    this.#answer(() => true, undefined);
    return this;
  }

  /** From now on; a failure of single responses can be kept to some requests. Resolves when it has its effect. */
  misbehave(how: Misbehavior, match: RequestMatch = () => true): Promise<void> {
    return this.#switch(async () => {
      this.#stopFlapping();
      await this.#turn(how, match);
    });
  }

  /** Listens and answers again, on the same port. */
  behave(): Promise<void> {
    return this.#switch(async () => {
      this.#stopFlapping();
      await this.#recover();
    });
  }

  close(): Promise<void> {
    return this.#switch(async () => {
      this.#stopFlapping();
      await this.#endBacklog();
      await this.site.close();
    });
  }

  #switch(change: () => Promise<void>): Promise<void> {
    const changed = this.#switching.then(change);
    this.#switching = changed.catch(() => {});
    return changed;
  }

  async #turn(how: Misbehavior, match: RequestMatch): Promise<void> {
    switch (how.kind) {
      case "refuses":
        await this.#endBacklog();
        return await this.site.refuse();
      case "backlogFull":
        await this.site.refuse();
        this.#backlog ??= await fillBacklog(this.site.ip, this.site.port);
        return;
      case "flaps":
        await this.#turn(how.between, match);
        this.#flap(how.everyMs, how.between, match, false);
        return;
      default:
        await this.#listen();
        this.#answer(match, how);
    }
  }

  #flap(everyMs: number, between: Misbehavior, match: RequestMatch, isTurnToFail: boolean): void {
    this.#flapping = setTimeout(() => {
      const change = () => (isTurnToFail ? this.#turn(between, match) : this.#recover());
      const mine = this.#flapping;
      void this.#switch(async () => {
        if (this.#flapping !== mine) return;
        await change();
        this.#flap(everyMs, between, match, !isTurnToFail);
      });
    }, everyMs);
  }

  #stopFlapping(): void {
    clearTimeout(this.#flapping);
    this.#flapping = undefined;
  }

  async #recover(): Promise<void> {
    await this.#listen();
    this.#answer(() => true, undefined);
  }

  async #listen(): Promise<void> {
    await this.#endBacklog();
    await this.site.listen();
  }

  async #endBacklog(): Promise<void> {
    await this.#backlog?.release();
    this.#backlog = undefined;
  }

  #answer(match: RequestMatch, how: AnsweringMisbehavior | undefined): void {
    const rule = this.site.on(match);
    switch (how?.kind) {
      case undefined:
        this.#reply(rule);
        return;
      case "silent":
        this.#reply(rule).silent();
        return;
      case "hangsUp":
        rule.garbage(() => []);
        return;
      case "stalls":
        this.#reply(rule).stallAfter(how.afterBytes);
        return;
      case "resets":
        this.#reply(rule).resetAfter(how.afterBytes);
        return;
      case "closes":
        this.#reply(rule).closeAfter(how.afterBytes);
        return;
      case "garbage":
        rule.garbage(how.pieces);
        return;
      case "status":
        rule.reply(how.status, {}, OUT_OF_ORDER);
        return;
      case "drips":
        this.#reply(rule).drip(how.bytesPerSecond, { head: how.head });
        return;
    }
  }

  #reply(rule: RuleBuilder): RuleBuilder {
    const reply = rule.reply(this.#content);
    if (this.#shape === "chunked") reply.chunked([CHUNK_BYTES]);
    if (this.#shape === "untilClose") reply.untilClose();
    return reply;
  }
}

type AnsweringMisbehavior = Exclude<Misbehavior, { readonly kind: "refuses" | "backlogFull" | "flaps" }>;

export const startMisbehavingOrigin = (options: MisbehavingOriginOptions): Promise<MisbehavingOrigin> =>
  new MisbehavingOrigin(options).start();
