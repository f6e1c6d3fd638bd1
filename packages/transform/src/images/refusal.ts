import type { RefusalReason } from "../contract.ts";

/** Ends a conversion; `convertImage` turns it into an outcome, so it is seen by nobody else. */
export class ImageRefusal extends Error {
  readonly reason: RefusalReason;

  constructor(reason: RefusalReason, detail: string) {
    super(detail);
    this.reason = reason;
  }
}

export const refuseConversion = (detail: string): never => {
  throw new ImageRefusal("conversion", detail);
};

export const refuseSource = (detail: string): never => {
  throw new ImageRefusal("unreadable", detail);
};
