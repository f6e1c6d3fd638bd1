import { NotSummedYet } from "@basalt/telemetry";
import { unreachable } from "@basalt/types";
import { SNMP_LIMITS } from "./limits.ts";
import { type ErrorStatus, encodeAnswer, encodeVariable, type SnmpRequest, type SnmpVariable } from "./message.ts";
import type { FoundVariable, MibView } from "./mibView.ts";
import { type Oid, successorOf } from "./oid.ts";
import type { OidSet } from "./oidSet.ts";

export interface Answered {
  /** Undefined: there is no answer that fits. */
  readonly datagram: Buffer | undefined;
  readonly variables: number;
  /** A value could not be read. */
  readonly failure: unknown;
}

/** Room for all but the variables and the community, with lengths at their longest. */
const ENVELOPE_BYTES = 40;

/** What stops an answer at one of the variables asked for; `at` counts from 1. */
class Stop extends Error {
  readonly status: ErrorStatus;
  readonly at: number;

  constructor(status: ErrorStatus, at: number, cause?: unknown) {
    super(status, { cause });
    this.status = status;
    this.at = at;
  }
}

/** A walk skips what may not be read (SNMP-46). */
const firstVisible = (view: MibView, visible: OidSet, behind: Oid): FoundVariable | undefined => {
  for (let from: Oid | undefined = successorOf(behind); from !== undefined; ) {
    const found = view.firstFrom(from);
    if (found === undefined) return undefined;
    const allowed = visible.firstFrom(found.oid);
    if (allowed === found.oid) return found;
    from = allowed;
  }
  return undefined;
};

/** Values are read one by one, so that it is known whose reading failed. */
class AnswerWriter {
  readonly #view: MibView;
  readonly #visible: OidSet;
  readonly #request: SnmpRequest;
  readonly #parts: Buffer[] = [];
  #room: number;

  constructor(request: SnmpRequest, view: MibView, visible: OidSet) {
    this.#request = request;
    this.#view = view;
    this.#visible = visible;
    const most = request.kind === "getBulk" ? SNMP_LIMITS.bulkAnswerBytes : SNMP_LIMITS.answerBytes;
    this.#room = most - ENVELOPE_BYTES - request.community.length;
  }

  get count(): number {
    return this.#parts.length;
  }

  finish(): Buffer {
    return encodeAnswer(this.#request, { status: "noError", index: 0 }, Buffer.concat(this.#parts));
  }

  writeGet(): void {
    this.#request.oids.forEach((oid, index) => {
      const found = this.#visible.has(oid) ? this.#view.find(oid) : "noSuchObject";
      if (typeof found !== "string") this.#push(this.#read(found, index + 1), index + 1);
      else if (this.#request.version === "v1") throw new Stop("noSuchName", index + 1);
      else this.#push({ oid, value: found }, index + 1);
    });
  }

  writeNext(): void {
    this.#request.oids.forEach((oid, index) => {
      const next = this.#next(oid, index + 1);
      if (next.value === "endOfMibView" && this.#request.version === "v1") throw new Stop("noSuchName", index + 1);
      this.#push(next, index + 1);
    });
  }

  /** RFC 3416, 4.2.3: as many as fit, in whole variables. */
  writeBulk(nonRepeaters: number, maxRepetitions: number): void {
    const { oids } = this.#request;
    const once = oids.slice(0, nonRepeaters);
    for (const [index, oid] of once.entries()) {
      if (!this.#pushIfRoom(this.#next(oid, index + 1))) return;
    }
    let repeated = oids.slice(once.length);
    for (let round = 0; round < maxRepetitions && repeated.length > 0; round++) {
      const reached: Oid[] = [];
      let isAtEnd = true;
      for (const [index, oid] of repeated.entries()) {
        const next = this.#next(oid, once.length + index + 1);
        if (!this.#pushIfRoom(next)) return;
        isAtEnd &&= next.value === "endOfMibView";
        reached.push(next.oid);
      }
      if (isAtEnd) return;
      repeated = reached;
    }
  }

  #next(oid: Oid, index: number): SnmpVariable {
    const found = firstVisible(this.#view, this.#visible, oid);
    return found === undefined ? { oid, value: "endOfMibView" } : this.#read(found, index);
  }

  #read(found: FoundVariable, index: number): SnmpVariable {
    try {
      return { oid: found.oid, value: found.read() };
    } catch (cause) {
      if (cause instanceof NotSummedYet) throw cause;
      throw new Stop("genErr", index, cause);
    }
  }

  #push(variable: SnmpVariable, index: number): void {
    if (!this.#pushIfRoom(variable)) throw new Stop("tooBig", index);
  }

  #pushIfRoom(variable: SnmpVariable): boolean {
    const bytes = encodeVariable(variable);
    if (bytes.length > this.#room) return false;
    this.#room -= bytes.length;
    this.#parts.push(bytes);
    return true;
  }
}

/** Errors repeat the variables as they were asked for; tooBig names none of them, and in v2c repeats none (RFC 3416, 4.2.1). */
const refuse = (request: SnmpRequest, status: ErrorStatus, index: number): Buffer | undefined => {
  if (status !== "tooBig") return encodeAnswer(request, { status, index }, request.variables);
  const variables = request.version === "v1" ? request.variables : new Uint8Array(0);
  return encodeAnswer(request, { status, index: 0 }, variables);
};

/** SNMP-35: what is asked, of what may be seen. Throws NotSummedYet. */
export const answerRequest = (request: SnmpRequest, view: MibView, visible: OidSet): Answered => {
  const writer = new AnswerWriter(request, view, visible);
  try {
    if (request.oids.length > SNMP_LIMITS.variables) throw new Stop("tooBig", 0);
    switch (request.kind) {
      case "get":
        writer.writeGet();
        break;
      case "getNext":
        writer.writeNext();
        break;
      case "getBulk":
        writer.writeBulk(request.nonRepeaters, request.maxRepetitions);
        break;
      case "set":
        throw new Stop(request.version === "v1" ? "noSuchName" : "notWritable", request.oids.length === 0 ? 0 : 1);
      default:
        return unreachable(request);
    }
    return { datagram: writer.finish(), variables: writer.count, failure: undefined };
  } catch (cause) {
    if (!(cause instanceof Stop)) throw cause;
    return { datagram: refuse(request, cause.status, cause.at), variables: 0, failure: cause.cause };
  }
};
