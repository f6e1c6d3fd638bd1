import type { GraphQuestion } from "@basalt/management/graphs";

/** What was counted in some minutes, by the order of the series. */
export interface GraphWindow {
  readonly endedAtMs: number;
  readonly seconds: number;
  readonly server: Float32Array;
  /** All virtual hosts together. */
  readonly all: Float32Array;
}

export interface HostValues {
  readonly name: string;
  readonly values: Float32Array;
}

/** What the thread of the graphs does for the primary. */
export interface GraphService {
  readonly calls: {
    readonly draw: {
      readonly request: { readonly question: GraphQuestion; readonly untilMs: number };
      /** Undefined: there is no such graph. */
      readonly reply: Uint8Array | undefined;
    };
    /** Begins a window; the hosts of it follow, some at a time. */
    readonly record: { readonly request: GraphWindow; readonly reply: null };
    readonly recordHosts: {
      readonly request: Pick<GraphWindow, "endedAtMs" | "seconds"> & { readonly hosts: readonly HostValues[] };
      readonly reply: null;
    };
    /** The window is complete. */
    readonly tidy: { readonly request: { readonly nowMs: number }; readonly reply: null };
    readonly close: { readonly request: null; readonly reply: null };
  };
  readonly events: Record<never, never>;
}

export interface GraphOwner {
  readonly calls: Record<never, never>;
  readonly events: { readonly problem: { readonly text: string } };
}
