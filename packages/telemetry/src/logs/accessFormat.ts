import type { ClientTransaction } from "../clientTransaction.ts";
import type { LineBuffer } from "./lineBuffer.ts";

/** How the lines of an access log look. */
export interface AccessFormat {
  /** `atMs`: moment of completion. */
  write(line: LineBuffer, transaction: ClientTransaction, atMs: number): void;
  /** What a file begins with, whole lines; empty for forms without. */
  header(ms: number): string;
}

/** What an origin did for a client transaction, as far as the form `elb` tells of it. */
export interface BackendFacts {
  readonly address: string;
  readonly port: number;
  readonly status: number;
  /** Epoch ms, with fractions. */
  readonly sentAtMs: number;
  /** 0: no response. */
  readonly firstByteAtMs: number;
}

export type Xff = "ON" | "OFF" | "TrimCIP";

/** The client as c-ip shows it (LOG-53). */
export const clientText = ({ fields, clientIp }: ClientTransaction, xff: Xff): string => {
  if (xff === "OFF") return clientIp;
  const forwarded = (fields.get("x-forwarded-for") ?? "").replace(/\s/g, "");
  if (forwarded === "") return clientIp;
  return xff === "ON" ? `${forwarded},${clientIp}` : forwarded;
};

/** Bytes of the response, head included; nothing was sent of a transaction without one (LOG-56). */
export const sentBytes = ({ status, headBytesSent, bodyBytesSent }: ClientTransaction): number =>
  status === 0 ? 0 : headBytesSent + bodyBytesSent;

/** LOG-65: the name of Basic authentication; nothing is said of its password. */
export const userName = ({ fields }: ClientTransaction): string | undefined => {
  const [, encoded] = /^basic +([A-Za-z0-9+/=]+)$/i.exec(fields.get("authorization") ?? "") ?? [];
  if (encoded === undefined) return undefined;
  const [name] = Buffer.from(encoded, "base64").toString("latin1").split(":");
  return name;
};
