import type { Rejection } from "../../src/index.ts";

/** What a parser makes of the first message in some bytes. */
export type Reading =
  | {
      readonly kind: "accepted";
      readonly method: string;
      readonly target: string;
      readonly minorVersion: number;
      /** Flat name, value … as sent. */
      readonly fields: readonly string[];
      readonly body: string;
      readonly trailers: readonly string[];
      /** Bytes of the whole message, body and trailers included. */
      readonly length: number;
    }
  | { readonly kind: "rejected"; readonly rejection: Rejection }
  | { readonly kind: "incomplete" };
