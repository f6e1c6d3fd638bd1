import { createSystemResolver } from "@basalt/origin";
import type { OcspStaple } from "@basalt/server";
import type { Clock } from "@basalt/types";
import { RepeatedWork } from "../repeatedWork.ts";
import { fetchOcspAnswer } from "./fetchOcspAnswer.ts";
import { type KeptAnswer, OcspFiles } from "./ocspFiles.ts";
import { type OcspSubject, type OcspWish, ocspSubjectOf } from "./ocspSubject.ts";

const LONGEST_PAUSE_MS = 60 * 60_000;
/** Each failure doubles the wait for the next attempt. */
const FIRST_RETRY_MS = 60_000;
const LONGEST_RETRY_MS = 60 * 60_000;
/** Whatever a responder says of the end of its answers, it is not asked more often. */
const SHORTEST_REFRESH_MS = 60_000;
/** Share of an answer's remaining life after which the next one is fetched, at the earliest and at the latest. */
const REFRESH_FROM = 0.4;
const REFRESH_TO = 0.6;
/** Retries spread by so much around their time, so that the certificates of one responder do not ask together. */
const RETRY_SPREAD = 0.2;
/** Responders that are slow keep no others waiting for long. */
const AT_A_TIME = 8;

export interface OcspKeeperParts {
  readonly clock: Clock;
  readonly home: string;
  /** Of the configuration in service. */
  readonly wishes: () => readonly OcspWish[];
  /** `<DnsServer>` of the configuration; empty: those of the system. */
  readonly dnsServers: () => readonly string[];
  /** Workers are to send these from now on. */
  readonly onStaples: (staples: readonly OcspStaple[]) => void;
  readonly log: { notice(text: string): void; warning(text: string): void };
  /** From 0 to 1; `Math.random` when absent. */
  readonly random?: () => number;
  /** What a responder answers, unchecked; absent: it is asked by HTTP. */
  readonly fetchAnswer?: (subject: OcspSubject, body: Buffer, signal: AbortSignal) => Promise<Buffer>;
}

interface Held extends KeptAnswer {
  readonly refreshMs: number;
}

interface Failing {
  readonly failures: number;
  readonly retryMs: number;
}

/**
 * Fetches the OCSP responses that go out with certificates, and renews them long before they end. Whatever fails costs
 * the stapling alone, and that only when the response in service has ended.
 */
export class OcspKeeper {
  readonly #parts: OcspKeeperParts;
  readonly #files: OcspFiles;
  readonly #random: () => number;
  readonly #stopping = new AbortController();
  /** By `certificatePem`; undefined where nothing is to be asked. */
  #subjects = new Map<string, OcspSubject | undefined>();
  /** By id of the subject. */
  readonly #held = new Map<string, Held>();
  readonly #failing = new Map<string, Failing>();
  readonly #repeated = new RepeatedWork(() => this.#lookAfter());

  constructor(parts: OcspKeeperParts) {
    this.#parts = parts;
    this.#files = new OcspFiles(parts.home);
    this.#random = parts.random ?? Math.random;
  }

  /** What is to go out with certificates now, by `certificatePem`. */
  get staples(): ReadonlyMap<string, OcspStaple> {
    const staples = new Map<string, OcspStaple>();
    for (const [certificatePem, subject] of this.#subjects) {
      const held = subject === undefined ? undefined : this.#held.get(subject.id);
      if (held !== undefined) staples.set(certificatePem, stapleOf(certificatePem, held));
    }
    return staples;
  }

  /** Takes up what was fetched in an earlier life. */
  async recall(): Promise<void> {
    this.#learnSubjects();
    const ids = await this.#files.ids();
    for (const subject of this.#wanted()) {
      if (this.#held.has(subject.id) || !ids.has(subject.id)) continue;
      const kept = await this.#files.read(subject.id);
      if (kept !== undefined && kept.validToMs > this.#parts.clock.now()) this.#hold(subject, kept);
    }
  }

  /** A configuration is in service: its certificates are looked after from now on. */
  configured(): void {
    this.#repeated.soon();
  }

  stop(): void {
    this.#stopping.abort();
    this.#repeated.stop();
  }

  async #lookAfter(): Promise<number | undefined> {
    try {
      this.#tellHeld(this.#learnSubjects());
      await this.#forgetOthers();
      await this.#refreshDue();
    } catch (cause) {
      this.#parts.log.warning(`OCSP responses cannot be kept: ${messageOf(cause)}`);
    }
    const wanted = this.#wanted();
    if (wanted.length === 0) return undefined;
    const nowMs = this.#parts.clock.now();
    return Math.min(LONGEST_PAUSE_MS, ...wanted.map((subject) => Math.max(0, this.#dueMs(subject) - nowMs)));
  }

  /** Returns what was not known before. */
  #learnSubjects(): readonly string[] {
    const learned: string[] = [];
    const subjects = new Map<string, OcspSubject | undefined>();
    for (const wish of this.#parts.wishes()) {
      const { certificatePem, allow } = wish;
      const known = this.#subjects.get(certificatePem);
      if (this.#subjects.has(certificatePem)) {
        subjects.set(certificatePem, known === undefined ? undefined : { ...known, allow });
        continue;
      }
      learned.push(certificatePem);
      const outcome = describe(wish);
      if (!outcome.ok && outcome.reason !== undefined) this.#parts.log.notice(outcome.reason);
      subjects.set(certificatePem, outcome.ok ? outcome.subject : undefined);
    }
    this.#subjects = subjects;
    return learned;
  }

  /** A certificate may come with another chain, and its response is there. */
  #tellHeld(learned: readonly string[]): void {
    const { staples } = this;
    const told = learned.flatMap((certificatePem) => staples.get(certificatePem) ?? []);
    if (told.length > 0) this.#parts.onStaples(told);
  }

  /** One for each certificate, though several entries may have it. */
  #wanted(): readonly OcspSubject[] {
    const wanted = new Map<string, OcspSubject>();
    for (const subject of this.#subjects.values()) if (subject !== undefined) wanted.set(subject.id, subject);
    return [...wanted.values()];
  }

  async #forgetOthers(): Promise<void> {
    const wanted = new Set(this.#wanted().map(({ id }) => id));
    for (const known of [this.#held, this.#failing])
      for (const id of known.keys()) if (!wanted.has(id)) known.delete(id);
    await this.#files.removeAllBut(wanted);
  }

  #dueMs({ id }: OcspSubject): number {
    return this.#failing.get(id)?.retryMs ?? this.#held.get(id)?.refreshMs ?? 0;
  }

  async #refreshDue(): Promise<void> {
    const nowMs = this.#parts.clock.now();
    const due = this.#wanted().filter((subject) => this.#dueMs(subject) <= nowMs);
    const next = due.values();
    const work = async (): Promise<void> => {
      for (const subject of next) {
        if (this.#stopping.signal.aborted) return;
        await this.#refresh(subject);
      }
    };
    await Promise.all(Array.from({ length: Math.min(AT_A_TIME, due.length) }, work));
  }

  async #refresh(subject: OcspSubject): Promise<void> {
    const { clock, log, onStaples } = this.#parts;
    try {
      const { checkOcspAnswer, writeOcspRequest } = await import("./ocspAnswer.ts");
      const body = await writeOcspRequest(subject);
      const response = await this.#fetch(subject, body);
      const validToMs = await checkOcspAnswer(subject, response, clock.now());
      const held = { response, fetchedMs: clock.now(), validToMs };
      this.#hold(subject, held);
      onStaples(this.#pemsOf(subject).map((certificatePem) => stapleOf(certificatePem, held)));
      if (this.#failing.delete(subject.id)) log.notice(`OCSP response for ${subject.name} fetched again`);
      await this.#files
        .write(subject.id, response)
        .catch((cause: unknown) =>
          log.warning(`OCSP response for ${subject.name} cannot be kept: ${messageOf(cause)}`),
        );
    } catch (cause) {
      if (!this.#stopping.signal.aborted) this.#noteFailure(subject, messageOf(cause));
    }
  }

  #fetch(subject: OcspSubject, body: Buffer): Promise<Buffer> {
    const { signal } = this.#stopping;
    const { fetchAnswer, dnsServers } = this.#parts;
    if (fetchAnswer !== undefined) return fetchAnswer(subject, body, signal);
    const { responder, allow } = subject;
    const resolver = createSystemResolver({ servers: dnsServers() });
    return fetchOcspAnswer({ responder, body, allow, resolver, signal });
  }

  #hold({ id }: OcspSubject, kept: KeptAnswer): void {
    const share = REFRESH_FROM + (REFRESH_TO - REFRESH_FROM) * this.#random();
    const refreshMs = kept.fetchedMs + Math.max(SHORTEST_REFRESH_MS, (kept.validToMs - kept.fetchedMs) * share);
    this.#held.set(id, { ...kept, refreshMs });
  }

  /** Logged once until it works again. */
  #noteFailure({ id, name, responder }: OcspSubject, reason: string): void {
    const { clock, log } = this.#parts;
    const failures = (this.#failing.get(id)?.failures ?? 0) + 1;
    const waitMs = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** (failures - 1));
    const spread = 1 + RETRY_SPREAD * (2 * this.#random() - 1);
    this.#failing.set(id, { failures, retryMs: clock.now() + waitMs * spread });
    if (failures > 1) return;
    const held = this.#held.get(id);
    const meanwhile =
      held === undefined || held.validToMs <= clock.now()
        ? "none goes out meanwhile"
        : `the last one is valid until ${new Date(held.validToMs).toISOString()}`;
    log.warning(`OCSP response for ${name} not fetched from ${responder.host}: ${reason}; ${meanwhile}`);
  }

  #pemsOf({ id }: OcspSubject): readonly string[] {
    return [...this.#subjects].flatMap(([certificatePem, subject]) => (subject?.id === id ? [certificatePem] : []));
  }
}

const stapleOf = (certificatePem: string, { response, validToMs }: KeptAnswer): OcspStaple => ({
  certificatePem,
  ocspResponse: response,
  ocspValidToMs: validToMs,
});

/** What the library makes of a certificate must not end the primary. */
const describe = (wish: OcspWish): ReturnType<typeof ocspSubjectOf> => {
  try {
    return ocspSubjectOf(wish);
  } catch (cause) {
    return { ok: false, reason: `no OCSP response is fetched for a certificate: ${messageOf(cause)}` };
  }
};

const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));
