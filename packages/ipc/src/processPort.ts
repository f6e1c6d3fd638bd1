import type { ChildProcess, SendHandle } from "node:child_process";
import type { Port, SocketHandle } from "./port.ts";

/** Boundary: the runtime types sendable handles more narrowly than the process channel accepts them. */
const sendable = (handle: SocketHandle | undefined): SendHandle | undefined => handle as SendHandle | undefined;

/** A sent message that the channel could not take is lost together with the channel: `onClose` tells. */
const ignoreSendError = (): void => {};

/** The parent's end of a forked process (fork it with `serialization: "advanced"`). */
export const portToChild = (child: ChildProcess): Port => ({
  post(message, handle) {
    if (child.connected) child.send({ basalt: message }, sendable(handle), {}, ignoreSendError);
  },
  onMessage(listener) {
    child.on("message", (envelope: unknown, handle: unknown) => {
      if (isEnvelope(envelope)) listener(envelope.basalt, handle);
    });
  },
  onClose(listener) {
    child.once("disconnect", listener);
  },
  close() {
    if (child.connected) child.disconnect();
  },
});

/** The child's end. Our messages travel in an envelope, so that the runtime's own cluster messages never mix in. */
export const portToParent = (): Port => ({
  post(message, handle) {
    if (process.connected) process.send?.({ basalt: message }, sendable(handle), {}, ignoreSendError);
  },
  onMessage(listener) {
    process.on("message", (envelope: unknown, handle: unknown) => {
      if (isEnvelope(envelope)) listener(envelope.basalt, handle);
    });
  },
  onClose(listener) {
    process.once("disconnect", listener);
  },
  close() {
    if (process.connected) process.disconnect();
  },
});

const isEnvelope = (value: unknown): value is { readonly basalt: unknown } =>
  typeof value === "object" && value !== null && "basalt" in value;
