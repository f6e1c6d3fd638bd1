import { type CounterBlock, PROCESS_SLOT, type TlsFailure, tlsFailureSlot, tlsHandshakeSlot } from "@basalt/telemetry";
import { type AcmeChallenges, AnsweredChallenges, NO_CHALLENGES } from "./acmeChallenges.ts";
import type { OcspStaple, TlsPlan } from "./plan.ts";
import { SecureContexts, type TlsListener } from "./secureContexts.ts";
import { TicketKeys } from "./ticketKeys.ts";

/** What unfinished first messages of clients may take in all; real ones come in one or two pieces. */
const HELD_BYTES = 4 * 1024 * 1024;

/** A handshake under way. */
export interface Handshake {
  /** Of a first message that is not complete. */
  readonly heldBytes: number;
  /** Gives up. */
  fail(reason: TlsFailure): void;
}

const NO_TLS: TlsPlan = {
  listeners: [],
  ticketKeys: [],
  challenges: NO_CHALLENGES,
  handshakeTimeoutSeconds: 10,
  maxHandshakes: 1,
};

/** TLS of one worker: what is spoken where, and the handshakes under way. */
export class TlsService {
  readonly #counters: CounterBlock;
  readonly #ticketKeys = new TicketKeys();
  /** In the order in which they began. */
  readonly #underWay = new Set<Handshake>();
  #heldBytes = 0;
  #plan = NO_TLS;
  #contexts = new SecureContexts(NO_TLS, this.#ticketKeys);
  #challenges: AnsweredChallenges | undefined;

  constructor(counters: CounterBlock) {
    this.#counters = counters;
  }

  /** Handshakes that have chosen their certificate go on with it. */
  configure(plan: TlsPlan): void {
    this.#plan = plan;
    this.#ticketKeys.set(plan.ticketKeys);
    this.#contexts = new SecureContexts(plan, this.#ticketKeys);
    this.setChallenges(plan.challenges);
  }

  /** From now on these are answered, and no others. */
  setChallenges(challenges: AcmeChallenges): void {
    const answered = new AnsweredChallenges(challenges);
    this.#challenges = answered.isEmpty ? undefined : answered;
  }

  /** Undefined but for the moments in which an authority may ask. */
  get challenges(): AnsweredChallenges | undefined {
    return this.#challenges;
  }

  /** Until the next plan. */
  staple(staple: OcspStaple): void {
    this.#contexts.staple(staple);
  }

  setTicketKeys(keys: TlsPlan["ticketKeys"]): void {
    this.#ticketKeys.set(keys);
  }

  /** Undefined where no TLS is spoken. */
  listenerAt(localAddress: string, port: number): TlsListener | undefined {
    return this.#contexts.listenerAt(localAddress, port);
  }

  get handshakeTimeoutMs(): number {
    return this.#plan.handshakeTimeoutSeconds * 1000;
  }

  /** When there are too many, the one that has taken longest gives way: the new one may be quicker. */
  began(handshake: Handshake): void {
    this.#underWay.add(handshake);
    if (this.#underWay.size <= this.#plan.maxHandshakes) return;
    for (const oldest of this.#underWay) {
      oldest.fail("limit");
      return;
    }
  }

  /** `heldBytes` of a handshake has changed by so much; those that have waited longest give way when it is too much. */
  holds(changeBytes: number): void {
    this.#heldBytes += changeBytes;
    if (changeBytes <= 0) return;
    for (const oldest of this.#underWay) {
      if (this.#heldBytes <= HELD_BYTES) return;
      if (oldest.heldBytes > 0) oldest.fail("limit");
    }
  }

  succeeded(handshake: Handshake, protocol: string, isResumed: boolean): void {
    this.#underWay.delete(handshake);
    this.#counters.add(tlsHandshakeSlot(protocol), 1);
    if (isResumed) this.#counters.add(PROCESS_SLOT.tlsResumed, 1);
  }

  failed(handshake: Handshake, reason: TlsFailure): void {
    if (this.#underWay.delete(handshake)) this.#counters.add(tlsFailureSlot(reason), 1);
  }

  get handshakesUnderWay(): number {
    return this.#underWay.size;
  }
}
