import { randomBytes } from "node:crypto";
import type { SecureContext } from "node:tls";
import { answerTickets, type TicketAnswer } from "../driver/runtime.ts";
import type { TicketKey } from "./plan.ts";

/** What OpenSSL is told of a ticket (SSL_CTX_set_tlsext_ticket_key_cb). */
const UNKNOWN = 0;
const GOOD = 1;
/** Good, but the client is to get a new one. */
const GOOD_TO_RENEW = 2;

const PART_BYTES = 16;
const HMAC_BYTES = 32;
const NO_HMAC_KEY = Buffer.alloc(HMAC_BYTES);
const NO_AES_KEY = Buffer.alloc(PART_BYTES);

/** Random, unlike those of any other server. */
export const createTicketKey = (): TicketKey => ({
  name: randomBytes(PART_BYTES),
  hmacKey: randomBytes(HMAC_BYTES),
  aesKey: randomBytes(PART_BYTES),
});

/** The keys by which all workers encrypt sessions that clients keep; the same for all contexts of a process. */
export class TicketKeys {
  #keys: readonly TicketKey[] = [];

  /** The first encrypts, all decrypt. */
  set(keys: readonly TicketKey[]): void {
    this.#keys = keys;
  }

  attach(context: SecureContext): void {
    answerTickets(context, (name, isNew) => (isNew ? this.#encrypting() : this.#decrypting(name)));
  }

  #encrypting(): TicketAnswer {
    const [key] = this.#keys;
    if (key === undefined) return [UNKNOWN, NO_HMAC_KEY, NO_AES_KEY, NO_AES_KEY, NO_AES_KEY];
    return [GOOD, key.hmacKey, key.aesKey, key.name, randomBytes(PART_BYTES)];
  }

  #decrypting(name: Buffer): TicketAnswer {
    const index = this.#keys.findIndex((key) => name.equals(key.name));
    const key = this.#keys[index];
    if (key === undefined) return [UNKNOWN, NO_HMAC_KEY, NO_AES_KEY];
    return [index === 0 ? GOOD : GOOD_TO_RENEW, key.hmacKey, key.aesKey];
  }
}
