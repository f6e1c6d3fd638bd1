import { setTimeout as pause } from "node:timers/promises";
import type { TestDns } from "../dns/dnsServer.ts";
import type { TestEdge } from "../edge/edge.ts";
import type { VhostSpec } from "../edge/options.ts";
import { type MisbehavingOrigin, startMisbehavingOrigin } from "../origin/misbehavingOrigin.ts";
import { fileReply, type ReplyMaker } from "../origin/reply.ts";
import type { OriginRequestRecord } from "../origin/request.ts";
import { type PatternBody, patternBody } from "../pattern.ts";
import { type Answer, askOnce } from "./answer.ts";
import type { ObjectState, OriginFault, RequestKind } from "./catalogue.ts";
import { expectationOf, HEALTHY_LABEL } from "./expectation.ts";

export interface CellReport {
  readonly fault: OriginFault;
  readonly state: ObjectState;
  readonly kind: RequestKind;
  /** During the fault. */
  readonly answers: readonly Answer[];
  /** Requests for content that the origin saw during the fault, those to its sound server included. */
  readonly originRequests: number;
  /** Identities of POSTs that arrived more than once, at any time. */
  readonly repeatedPosts: readonly string[];
  /** From the end of the fault to the right answer; undefined when none came. */
  readonly healedMs: number | undefined;
  /** What the edge sent against RFC 9112. */
  readonly violations: readonly string[];
  /** Why the cell could not be played; empty when it was. */
  readonly trouble: string;
}

const PATH = "/object";
const ASK_FIELD = "X-Ask";
const BODY_BYTES = 48_000;
const OLD_SEED = 7;
const NEW_SEED = 8;
const CLIENTS_AT_ONCE = 2;
const PAUSE_MS = 350;
const HEAL_LIMIT_MS = 20_000;
const DNS_TTL_SECONDS = 1;
/** Added to the expected limit before the client itself gives up. */
const PATIENCE_MS = 10_000;
const MAX_AGE: Readonly<Record<ObjectState, number>> = { fresh: 3600, stale: 1, purged: 3600, absent: 1 };
const STALE_AFTER_MS = 2200;

/** Bypassed are requests with this field, in the words of bypass.txt. */
export const BYPASS_CONDITIONS = "$HEADER[x-way: bypass], bypass\n";

/** One fault, state of the object and kind of request, with a virtual host and servers of its own. */
export class FaultCell {
  readonly fault: OriginFault;
  readonly state: ObjectState;
  readonly kind: RequestKind;
  readonly vhost: VhostSpec;
  readonly #host: string;
  readonly #origin: MisbehavingOrigin;
  /** Where the name moves to, or the sound one beside the faulty one. */
  readonly #other: MisbehavingOrigin | undefined;
  readonly #dns: TestDns;
  readonly #content: VersionedContent;
  #asked = 0;

  private constructor(
    place: CellPlace,
    servers: { readonly origin: MisbehavingOrigin; readonly other: MisbehavingOrigin | undefined },
    content: VersionedContent,
  ) {
    this.fault = place.fault;
    this.state = place.state;
    this.kind = place.kind;
    this.#host = place.host;
    this.#dns = place.dns;
    this.#origin = servers.origin;
    this.#other = servers.other;
    this.#content = content;
    this.vhost = { name: place.host, origin: this.#addresses(), conditions: { "bypass.txt": BYPASS_CONDITIONS } };
  }

  static async open(place: CellPlace): Promise<FaultCell> {
    const { fault } = place;
    const content = new VersionedContent(fault.bodyBytes ?? BODY_BYTES, MAX_AGE[place.state]);
    const options = { content: content.reply, ...(fault.shape === undefined ? {} : { shape: fault.shape }) };
    const origin = await startMisbehavingOrigin(options);
    let other: MisbehavingOrigin | undefined;
    if (fault.hasSoundServer) other = await startMisbehavingOrigin(options);
    if (fault.domain === "moved") {
      other = await startMisbehavingOrigin({ ...options, ip: "127.0.0.2", port: origin.site.port });
    }
    const cell = new FaultCell(place, { origin, other }, content);
    cell.#introduceName();
    return cell;
  }

  /** Stores what the state needs, sets the fault in, asks for that long, ends the fault and waits for its end to show. */
  async play(edge: TestEdge, askForMs: number): Promise<CellReport> {
    try {
      await this.#prepare(edge);
    } catch (error) {
      return this.#report([], 0, undefined, error instanceof Error ? error.message : String(error));
    }
    this.#content.version = "new";
    const seenBefore = this.#seen().length;
    await this.#setIn();
    const answers: Answer[] = [];
    const end = performance.now() + Math.max(askForMs, this.fault.leastMs ?? 0);
    for (; performance.now() < end; await pause(PAUSE_MS)) {
      answers.push(...(await Promise.all(Array.from({ length: CLIENTS_AT_ONCE }, () => this.#ask(edge.port)))));
    }
    const originRequests = this.#seen().length - seenBefore;
    const healedMs = await this.#heal(edge.port);
    return this.#report(answers, originRequests, healedMs, "");
  }

  async close(): Promise<void> {
    await this.#origin.close();
    await this.#other?.close();
  }

  #report(
    answers: readonly Answer[],
    originRequests: number,
    healedMs: number | undefined,
    trouble: string,
  ): CellReport {
    return {
      fault: this.fault,
      state: this.state,
      kind: this.kind,
      answers,
      originRequests,
      repeatedPosts: repeated(this.#seen()),
      healedMs,
      violations: [...this.#origin.site.violations, ...(this.#other?.site.violations ?? [])],
      trouble,
    };
  }

  get #domain(): string {
    return `origin.${this.#host}`;
  }

  #addresses(): readonly string[] {
    const { address, port } = this.#origin.site;
    if (this.fault.domain !== undefined) return [`${this.#domain}:${port}`];
    return this.fault.hasSoundServer && this.#other !== undefined ? [address, this.#other.site.address] : [address];
  }

  #introduceName(): void {
    if (this.fault.domain === "never") this.#dns.answer(this.#domain, { kind: "nxdomain" });
    else if (this.fault.domain !== undefined) {
      this.#dns.addresses(this.#domain, [this.#origin.site.ip], DNS_TTL_SECONDS);
    }
  }

  async #prepare(edge: TestEdge): Promise<void> {
    if (this.state === "absent") return;
    const warm = await this.#askFor(edge.port, "GET cached");
    if (warm.label !== HEALTHY_LABEL.old) throw new Error(`${this.#host} could not be prepared: ${warm.label}`);
    if (this.state === "stale") await pause(STALE_AFTER_MS);
    if (this.state === "purged") await purge(edge, `${this.#host}${PATH}`);
  }

  async #setIn(): Promise<void> {
    const { how, domain } = this.fault;
    if (domain === "gone") this.#dns.answer(this.#domain, { kind: "nxdomain" });
    if (domain === "unanswered") this.#dns.answer(this.#domain, { kind: "silent" });
    if (domain === "moved" && this.#other !== undefined) {
      this.#dns.addresses(this.#domain, [this.#other.site.ip], DNS_TTL_SECONDS);
    }
    if (how !== undefined) await this.#origin.misbehave(how);
  }

  async #heal(port: number): Promise<number | undefined> {
    await this.#origin.behave();
    if (this.fault.domain !== undefined && this.fault.domain !== "moved") {
      this.#dns.addresses(this.#domain, [this.#origin.site.ip], DNS_TTL_SECONDS);
    }
    const isOldWanted = this.state === "fresh" && this.kind === "GET cached";
    const wanted = isOldWanted ? HEALTHY_LABEL.old : HEALTHY_LABEL.new;
    const started = performance.now();
    while (performance.now() - started < HEAL_LIMIT_MS) {
      const { label } = await this.#ask(port);
      if (label === wanted) return performance.now() - started;
      await pause(PAUSE_MS);
    }
    return undefined;
  }

  #ask(port: number): Promise<Answer> {
    return this.#askFor(port, this.kind);
  }

  #askFor(port: number, kind: RequestKind): Promise<Answer> {
    this.#asked += 1;
    const headers: Record<string, string> = { [ASK_FIELD]: String(this.#asked) };
    if (kind === "GET bypassed") headers["X-Way"] = "bypass";
    const isPost = kind === "POST bypassed";
    const spec = { path: PATH, host: this.#host, headers, ...(isPost ? { method: "POST", body: "a deed" } : {}) };
    const { limitMs } = expectationOf(this.fault, this.state, kind);
    return askOnce(port, spec, this.#content.digests, limitMs + PATIENCE_MS);
  }

  /** Requests for the content at all servers: probes ask for another path. */
  #seen(): OriginRequestRecord[] {
    return [this.#origin, this.#other].flatMap((server) => server?.site.seen(PATH) ?? []);
  }
}

export interface CellPlace {
  readonly fault: OriginFault;
  readonly state: ObjectState;
  readonly kind: RequestKind;
  /** Name of the virtual host. */
  readonly host: string;
  readonly dns: TestDns;
}

class VersionedContent {
  readonly digests: { readonly old: string; readonly new: string };
  version: "old" | "new" = "old";
  readonly #bodies: { readonly old: PatternBody; readonly new: PatternBody };
  readonly #maxAge: number;

  constructor(bodyBytes: number, maxAge: number) {
    this.#bodies = { old: patternBody(bodyBytes, OLD_SEED), new: patternBody(bodyBytes, NEW_SEED) };
    this.digests = { old: digestOf(this.#bodies.old), new: digestOf(this.#bodies.new) };
    this.#maxAge = maxAge;
  }

  readonly reply: ReplyMaker = (request) =>
    fileReply(request, this.#bodies[this.version], {
      etag: `"${this.version}"`,
      lastModified: this.version === "old" ? "Sat, 01 Mar 2025 08:00:00 GMT" : "Sun, 02 Mar 2025 08:00:00 GMT",
      fields: { "Cache-Control": `max-age=${this.#maxAge}` },
    });
}

const digests = new Map<string, string>();

const digestOf = (body: PatternBody): string => {
  const name = `${body.seed} ${body.size}`;
  const known = digests.get(name) ?? body.digest();
  digests.set(name, known);
  return known;
};

const repeated = (requests: readonly OriginRequestRecord[]): string[] => {
  const counts = new Map<string, number>();
  for (const request of requests) {
    const id = request.field(ASK_FIELD);
    if (request.method === "POST" && id !== undefined) counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  return [...counts].filter(([, count]) => count > 1).map(([id]) => id);
};

const purge = async (edge: TestEdge, target: string): Promise<void> => {
  for (const limit = Date.now() + 5000; ; await pause(20)) {
    const { result } = await edge.apiJson(`/command/purge?url=${target}`);
    const count: unknown = typeof result === "object" && result !== null ? Reflect.get(result, "Count") : undefined;
    if (count === 1) return;
    if (Date.now() > limit) throw new Error(`${target} could not be purged: ${JSON.stringify(result)}`);
  }
};
