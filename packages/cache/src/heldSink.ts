import type { OriginExchange } from "@basalt/origin";
import type { EdgeError } from "@basalt/types";
import { ArrivingBytes } from "./arrivingBytes.ts";
import type { BodySink, SinkControl } from "./originFetch.ts";

/** Holds what arrives of a body until it is known where it goes; about `limitBytes` of it. */
export class HeldSink implements BodySink {
  readonly control: SinkControl;
  readonly bytes = new ArrivingBytes(0);
  readonly #limitBytes: number;
  #exchange: OriginExchange | undefined;
  #target: BodySink | undefined;
  #end: { readonly error: EdgeError | undefined } | undefined;

  constructor(control: SinkControl, limitBytes: number) {
    this.control = control;
    this.#limitBytes = limitBytes;
  }

  attach(exchange: OriginExchange): void {
    this.#exchange = exchange;
  }

  push(chunk: Buffer): boolean {
    if (this.#target !== undefined) return this.#target.push(chunk);
    this.bytes.push(chunk);
    return this.bytes.heldBytes < this.#limitBytes;
  }

  complete(): void {
    if (this.#target === undefined) this.#end = { error: undefined };
    else this.#target.complete();
  }

  fail(error: EdgeError): void {
    if (this.#target === undefined) this.#end = { error };
    else this.#target.fail(error);
  }

  /** From now on the body goes there; the target has taken over `bytes` already. */
  handTo(target: BodySink): void {
    this.#target = target;
    if (this.#exchange !== undefined) target.attach(this.#exchange);
    if (this.#end === undefined) this.#exchange?.resume();
    else if (this.#end.error === undefined) target.complete();
    else target.fail(this.#end.error);
  }
}
