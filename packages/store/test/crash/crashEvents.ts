/** What is lost when the process ends at a step: nothing that was written, all or some of what was not synced. */
export type CrashWay = "kill" | "cutAll" | "cutSome";

/** What the writing process tells before it dies, in order. */
export type CrashEvent =
  | { readonly kind: "id"; readonly of: "segment" | "file"; readonly id: number }
  /** A state of an object may be on the disks from now on. */
  | {
      readonly kind: "begun";
      readonly url: string;
      readonly version: number;
      readonly seed: number;
      readonly bodyBytes: number;
    }
  /** The call that stored it whole has resolved. */
  | { readonly kind: "stored"; readonly url: string; readonly version: number; readonly seed: number }
  /** It exists and its blocks come one by one. */
  | { readonly kind: "parted"; readonly url: string; readonly version: number; readonly seed: number }
  | { readonly kind: "block"; readonly url: string; readonly seed: number; readonly block: number }
  /** A new head took the place of the old. */
  | { readonly kind: "headed"; readonly url: string; readonly version: number; readonly seed: number }
  /** It may be absent from now on. */
  | { readonly kind: "leaving"; readonly url: string }
  /** It was removed, and the index was flushed since. */
  | { readonly kind: "removed"; readonly url: string; readonly version: number }
  | { readonly kind: "syncBegun" }
  | { readonly kind: "syncEnded" }
  /** A read gave something else than was stored. */
  | { readonly kind: "wrong"; readonly what: string }
  | { readonly kind: "problem"; readonly file: string; readonly message: string }
  /** The state of the disks at this step was set aside under that name; without a name the process dies now. */
  | { readonly kind: "point"; readonly step: number; readonly way: CrashWay; readonly name: string };

export const encodeEvent = (event: CrashEvent): string => `${JSON.stringify(event)}\n`;

/** Boundary parser: the lines come from our own process, whose last one may be torn. */
export const parseEvents = (output: string): CrashEvent[] => {
  const lines = output.split("\n");
  lines.pop();
  return lines.map((line) => JSON.parse(line) as CrashEvent);
};
