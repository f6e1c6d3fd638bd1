import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { parseAddressExpression } from "@basalt/config";
import { type InfoLog, NotSummedYet, readableStack, type SnmpOutcome } from "@basalt/telemetry";
import { type CountryOf, matchesAddress } from "../access.ts";
import { answerRequest } from "./answerRequest.ts";
import { SNMP_LIMITS } from "./limits.ts";
import { LiveSource, type SnmpFeeds, type SnmpLayout } from "./liveSource.ts";
import { decodeMessage } from "./message.ts";
import { MibView } from "./mibView.ts";
import { compileCommunities, type OidSet } from "./oidSet.ts";

export interface SnmpAgentParts {
  readonly feeds: SnmpFeeds;
  readonly countryOf: CountryOf;
  readonly log: InfoLog;
  readonly monotonicMs: () => number;
  /** Each datagram once; `variables` are those of its answer. */
  readonly count: (outcome: SnmpOutcome, variables: number) => void;
}

interface Binding {
  readonly socket: Socket;
  readonly address: string;
  readonly port: number;
}

/** What a layout makes of requests. */
interface Serving {
  readonly view: MibView;
  readonly readableBy: (community: Buffer) => OidSet | undefined;
  readonly isAdmitted: (address: string) => boolean;
}

const servingOf = (layout: SnmpLayout, { feeds, countryOf }: SnmpAgentParts): Serving => {
  const { allow } = layout.settings;
  const expressions = allow.map(parseAddressExpression).filter((one) => one !== undefined);
  return {
    view: new MibView(new LiveSource(layout, feeds)),
    readableBy: compileCommunities(layout.settings),
    isAdmitted: (address) => expressions.some((one) => matchesAddress(one, address, countryOf)),
  };
};

/** The SNMP agent: one UDP socket, an answer for each request of those who may ask, nothing for all others. */
export class SnmpAgent {
  readonly #parts: SnmpAgentParts;
  #binding: Binding | undefined;
  #serving: Serving | undefined;
  #tokens: number = SNMP_LIMITS.requestsPerSecond;
  #tokensAtMs: number;
  #failuresLogged = 0;

  constructor(parts: SnmpAgentParts) {
    this.#parts = parts;
    this.#tokensAtMs = parts.monotonicMs();
  }

  /** Undefined while it does not listen. */
  get port(): number | undefined {
    return this.#binding?.socket.address().port;
  }

  /** In force when it resolves. A port that cannot be had is logged: it keeps nothing else from its service. */
  async configure(layout: SnmpLayout): Promise<void> {
    const { status, address, port } = layout.settings;
    const isSame = this.#binding?.address === address && this.#binding.port === port;
    if (status === "Inactive") {
      await this.close();
      return;
    }
    this.#serving = servingOf(layout, this.#parts);
    if (isSame) return;
    await this.#unbind();
    try {
      this.#binding = { socket: await this.#bind(address, port), address, port };
      this.#parts.log.notice(`SNMP agent on ${address}:${port}`);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      this.#parts.log.error(`SNMP agent: no socket on ${address}:${port}: ${reason}`);
    }
  }

  async close(): Promise<void> {
    if (this.#serving !== undefined) this.#parts.feeds.windows.setGroups([]);
    this.#serving = undefined;
    await this.#unbind();
  }

  async #unbind(): Promise<void> {
    const binding = this.#binding;
    this.#binding = undefined;
    if (binding !== undefined) await new Promise<void>((resolve) => binding.socket.close(resolve));
  }

  async #bind(address: string, port: number): Promise<Socket> {
    if (address !== "*") return await this.#listen(address, port);
    try {
      return await this.#listen("::", port);
    } catch (cause) {
      const hasNoIpv6 =
        cause instanceof Error && "code" in cause && /^EAFNOSUPPORT|^EADDRNOTAVAIL/.test(`${cause.code}`);
      if (!hasNoIpv6) throw cause;
      return await this.#listen("0.0.0.0", port);
    }
  }

  #listen(address: string, port: number): Promise<Socket> {
    return new Promise((resolve, reject) => {
      const socket = createSocket({ type: address.includes(":") ? "udp6" : "udp4" });
      socket.once("error", reject);
      socket.bind({ port, address, exclusive: true }, () => {
        socket.off("error", reject);
        socket.on("error", (error) => this.#parts.log.warning(`SNMP agent: ${error.message}`));
        socket.on("message", (datagram, from) => this.#receive(socket, datagram, from));
        resolve(socket);
      });
    });
  }

  #receive(socket: Socket, datagram: Buffer, from: RemoteInfo): void {
    const { count, monotonicMs } = this.#parts;
    const beganMs = monotonicMs();
    try {
      const { outcome, variables, answer } = this.#answer(datagram, from.address);
      count(outcome, variables);
      // Strangers take no share of those who may ask.
      if (outcome === "address" || outcome === "rate") return;
      // An answer that cannot be sent is like one that got lost.
      if (answer !== undefined && from.port > 0) socket.send(answer, from.port, from.address, () => undefined);
    } catch (cause) {
      // Without an answer a manager asks again, a moment later.
      const isEarly = cause instanceof NotSummedYet;
      count(isEarly ? "rate" : "failed", 0);
      if (!isEarly) this.#logFailure(cause);
    }
    const work = Math.max(0, monotonicMs() - beganMs) * SNMP_LIMITS.requestsPerBusyMs;
    // After a pause of the whole process it is silent for a second at most.
    this.#tokens = Math.max(-SNMP_LIMITS.requestsPerSecond, this.#tokens - work);
  }

  #answer(
    datagram: Buffer,
    address: string,
  ): { readonly outcome: SnmpOutcome; readonly variables: number; readonly answer: Buffer | undefined } {
    const drop = (outcome: SnmpOutcome) => ({ outcome, variables: 0, answer: undefined });
    const serving = this.#serving;
    if (serving?.isAdmitted(address) !== true) return drop("address");
    if (!this.#takeToken()) return drop("rate");
    if (datagram.length > SNMP_LIMITS.requestBytes) return drop("malformed");
    const message = decodeMessage(datagram);
    if (message.kind !== "request") return drop(message.kind);
    const visible = serving.readableBy(message.request.community);
    if (visible === undefined) return drop("community");
    const { datagram: answer, variables, failure } = answerRequest(message.request, serving.view, visible);
    if (failure !== undefined) this.#logFailure(failure);
    if (answer === undefined || answer.length > 2 * SNMP_LIMITS.answerBytes) return drop("tooBig");
    return { outcome: failure === undefined ? "answered" : "failed", variables, answer };
  }

  /** The same defect would be met again with every walk. */
  #logFailure(failure: unknown): void {
    this.#failuresLogged += 1;
    if (this.#failuresLogged <= 10) this.#parts.log.error(`SNMP agent: ${readableStack(failure)}`);
  }

  #takeToken(): boolean {
    const nowMs = this.#parts.monotonicMs();
    const { requestsPerSecond } = SNMP_LIMITS;
    const earned = ((nowMs - this.#tokensAtMs) / 1000) * requestsPerSecond;
    this.#tokens = Math.min(requestsPerSecond, this.#tokens + Math.max(0, earned));
    this.#tokensAtMs = nowMs;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
