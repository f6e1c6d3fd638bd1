import { EdgeError, type ErrorCode } from "@basalt/types";
import type { Port, SocketHandle } from "./port.ts";

/** One direction of a protocol: what may be asked (`calls`) and what may be told (`events`). */
export interface Service {
  readonly calls: { readonly [name: string]: { readonly request: unknown; readonly reply: unknown } };
  readonly events: { readonly [name: string]: unknown };
}

type CallName<S extends Service> = keyof S["calls"] & string;
type EventName<S extends Service> = keyof S["events"] & string;
type Request<S extends Service, N extends CallName<S>> = S["calls"][N]["request"];
type Reply<S extends Service, N extends CallName<S>> = S["calls"][N]["reply"];

/** Everything a side must answer; the compiler insists on completeness. */
export type CallHandlers<S extends Service> = {
  readonly [N in CallName<S>]: (request: Request<S, N>) => Promise<Reply<S, N>> | Reply<S, N>;
};
export type EventHandlers<S extends Service> = {
  readonly [N in EventName<S>]: (event: S["events"][N], handle: SocketHandle | undefined) => void;
};

type Frame =
  | { readonly kind: "call"; readonly id: number; readonly name: string; readonly body: unknown }
  | { readonly kind: "reply"; readonly id: number; readonly body: unknown }
  | { readonly kind: "error"; readonly id: number; readonly code: ErrorCode; readonly detail: string }
  | { readonly kind: "event"; readonly name: string; readonly body: unknown };

interface Pending {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: EdgeError) => void;
}

/**
 * A typed conversation over a port: `Local` is what this side offers, `Remote` what the other side does.
 * A call fails with the EdgeError that its handler threw, or SHUTTING_DOWN when the other side is gone.
 */
export class Channel<Local extends Service, Remote extends Service> {
  readonly #port: Port;
  readonly #calls: CallHandlers<Local>;
  readonly #events: EventHandlers<Local>;
  readonly #pending = new Map<number, Pending>();
  readonly #closeListeners: (() => void)[] = [];
  #nextId = 1;
  #open = true;

  constructor(port: Port, calls: CallHandlers<Local>, events: EventHandlers<Local>) {
    this.#port = port;
    this.#calls = calls;
    this.#events = events;
    port.onMessage((message, handle) => this.#receive(frameOf(message), handleOf(handle)));
    port.onClose(() => this.#closed());
  }

  call<N extends CallName<Remote>>(name: N, request: Request<Remote, N>): Promise<Reply<Remote, N>> {
    if (!this.#open) return Promise.reject(new EdgeError("SHUTTING_DOWN", { detail: `channel closed before ${name}` }));
    const id = this.#nextId++;
    return new Promise<Reply<Remote, N>>((resolve, reject) => {
      this.#pending.set(id, { resolve: (value) => resolve(trusted<Reply<Remote, N>>(value)), reject });
      this.#post({ kind: "call", id, name, body: request });
    });
  }

  tell<N extends EventName<Remote>>(name: N, event: Remote["events"][N], handle?: SocketHandle): void {
    if (this.#open) this.#post({ kind: "event", name, body: event }, handle);
  }

  onClose(listener: () => void): void {
    if (this.#open) this.#closeListeners.push(listener);
    else listener();
  }

  get isOpen(): boolean {
    return this.#open;
  }

  close(): void {
    this.#port.close();
    this.#closed();
  }

  #post(frame: Frame, handle?: SocketHandle): void {
    this.#port.post(frame, handle);
  }

  #receive(frame: Frame, handle: SocketHandle | undefined): void {
    switch (frame.kind) {
      case "call":
        void this.#answer(frame.id, frame.name, frame.body);
        return;
      case "reply":
        this.#settle(frame.id)?.resolve(frame.body);
        return;
      case "error":
        this.#settle(frame.id)?.reject(new EdgeError(frame.code, { detail: frame.detail }));
        return;
      case "event":
        handlerOf<(event: unknown, handle: SocketHandle | undefined) => void>(this.#events, frame.name)?.(
          frame.body,
          handle,
        );
        return;
    }
  }

  async #answer(id: number, name: string, body: unknown): Promise<void> {
    try {
      const handler = handlerOf<(request: unknown) => unknown>(this.#calls, name);
      if (handler === undefined) throw new EdgeError("INTERNAL", { detail: `no such call: ${name}` });
      const reply = await handler(body);
      if (this.#open) this.#post({ kind: "reply", id, body: reply });
    } catch (cause) {
      const error = EdgeError.from(cause);
      if (this.#open) this.#post({ kind: "error", id, code: error.code, detail: error.detail });
    }
  }

  #settle(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    return pending;
  }

  #closed(): void {
    if (!this.#open) return;
    this.#open = false;
    for (const pending of this.#pending.values()) {
      pending.reject(new EdgeError("SHUTTING_DOWN", { detail: "the other process is gone" }));
    }
    this.#pending.clear();
    for (const listener of this.#closeListeners) listener();
  }
}

/*
 * Boundary: frames come from our own code in another process of the same version, over a private channel. Their types
 * are those of the shared protocol declaration, which no run-time check could make truer.
 */
const trusted = <T>(value: unknown): T => value as T;
const frameOf = (message: unknown): Frame => message as Frame;
const handleOf = (handle: unknown): SocketHandle | undefined =>
  typeof handle === "object" && handle !== null ? handle : undefined;
const handlerOf = <T>(handlers: object, name: string): T | undefined =>
  Object.hasOwn(handlers, name) ? ((handlers as Record<string, unknown>)[name] as T) : undefined;
