import type { EdgeConfig } from "@basalt/config";
import type { AcmeChallenges } from "@basalt/server";
import type { Clock } from "@basalt/types";
import { RepeatedWork } from "../repeatedWork.ts";
import { withinTime } from "../withinTime.ts";
import { type AcmeOrder, acmeOrdersOf, acmeStateOf } from "./acmeOrders.ts";
import type { Issuing } from "./issueCertificate.ts";

const CHECK_MS = 60 * 60_000;
/** Authorities allow few failures an hour: each failure doubles the wait for the next attempt. */
const FIRST_RETRY_MS = 60_000;
const LONGEST_RETRY_MS = 12 * 60 * 60_000;
/** An authority that does not answer, or has one wait for longer, is not to keep the other orders from their turn. */
const ORDER_LIMIT_MS = 15 * 60_000;

export interface AcmeKeeperParts {
  readonly clock: Clock;
  readonly config: () => EdgeConfig;
  /** Resolves when every worker shows these, and nothing else. */
  readonly show: (challenges: AcmeChallenges) => Promise<void>;
  /** What orders are carried out by; absent: ACME itself, loaded when there is something to be ordered. */
  readonly issuer?: AcmeIssuer;
  /** A file has another certificate. */
  readonly onRenewed: () => Promise<void>;
  readonly log: { notice(text: string): void; warning(text: string): void };
}

export interface AcmeIssuer {
  /** Puts a certificate in the file of the order, or rejects. */
  issueCertificate(order: AcmeOrder, issuing: Issuing): Promise<void>;
  /** Puts something there that can be served until then. */
  writeStandIn(order: AcmeOrder): Promise<void>;
}

interface Retry {
  readonly failures: number;
  readonly atMs: number;
}

/** Gets and renews the certificates of `<Acme>`, one after the other. */
export class AcmeKeeper {
  readonly #parts: AcmeKeeperParts;
  readonly #retries = new Map<string, Retry>();
  readonly #pages = new Map<string, AcmeChallenges["pages"][number]>();
  readonly #certificates = new Map<string, AcmeChallenges["certificates"][number]>();
  readonly #repeated = new RepeatedWork(() => this.#work());

  constructor(parts: AcmeKeeperParts) {
    this.#parts = parts;
  }

  get challenges(): AcmeChallenges {
    return { pages: [...this.#pages.values()], certificates: [...this.#certificates.values()] };
  }

  /** A configuration is in service: what it orders is looked after from now on. */
  configured(): void {
    this.#repeated.soon();
  }

  stop(): void {
    this.#repeated.stop();
  }

  async #work(): Promise<number | undefined> {
    const orders = acmeOrdersOf(this.#parts.config());
    for (const file of this.#retries.keys())
      if (orders.every((order) => order.file !== file)) this.#retries.delete(file);
    for (const order of orders) {
      if (this.#repeated.isStopped) return undefined;
      const nowMs = this.#parts.clock.now();
      if ((this.#retries.get(order.file)?.atMs ?? 0) > nowMs) continue;
      await this.#lookAfter(order, nowMs);
    }
    if (acmeOrdersOf(this.#parts.config()).length === 0) return undefined;
    const nowMs = this.#parts.clock.now();
    return Math.min(CHECK_MS, ...[...this.#retries.values()].map(({ atMs }) => Math.max(0, atMs - nowMs)));
  }

  async #lookAfter(order: AcmeOrder, nowMs: number): Promise<void> {
    const { log, onRenewed, clock } = this.#parts;
    const names = order.names.join(", ");
    try {
      const state = await acmeStateOf(order, nowMs);
      // One that has come after its attempt was given up is still to be put in service.
      if (state === "valid" && !this.#retries.has(order.file)) return;
      if (state !== "valid") await this.#issue(order, state === "none");
      // From now on another primary looks after it.
      if (this.#repeated.isStopped) return;
      await onRenewed();
      this.#retries.delete(order.file);
      log.notice(`certificate for ${names} issued by ${new URL(order.directory).host}`);
    } catch (cause) {
      const failures = (this.#retries.get(order.file)?.failures ?? 0) + 1;
      const waitMs = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** (failures - 1));
      this.#retries.set(order.file, { failures, atMs: clock.now() + waitMs });
      const reason = cause instanceof Error ? cause.message : String(cause);
      log.warning(`certificate for ${names} not issued: ${reason}; the next attempt follows in ${waitMs / 60_000} min`);
    }
  }

  async #issue(order: AcmeOrder, isFirst: boolean): Promise<void> {
    const issuer = this.#parts.issuer ?? (await import("./issueCertificate.ts"));
    if (isFirst && order.challenge === "tls-alpn-01") {
      // Without a certificate the port would not be served, and the authority could not ask there.
      await issuer.writeStandIn(order);
      await this.#parts.onRenewed();
    }
    await beforeLimit(issuer.issueCertificate(order, this.#issuing()));
  }

  #issuing(): Issuing {
    const show = (): Promise<void> => this.#parts.show(this.challenges);
    return {
      showPage: async (token, content) => {
        this.#pages.set(token, { token, content });
        await show();
      },
      showCertificate: async (name, certificate) => {
        this.#certificates.set(name, { name, ...certificate });
        await show();
      },
      hide: async (token, name) => {
        this.#pages.delete(token);
        this.#certificates.delete(name);
        await show();
      },
    };
  }
}

/** Who is late goes on for himself: what he puts in place is found by the next check. */
const beforeLimit = async (work: Promise<void>): Promise<void> => {
  let isOver = false;
  await withinTime(
    ORDER_LIMIT_MS,
    work.then(() => {
      isOver = true;
    }),
  );
  if (!isOver) throw new Error(`the authority has not come to an end within ${ORDER_LIMIT_MS / 60_000} min`);
};
