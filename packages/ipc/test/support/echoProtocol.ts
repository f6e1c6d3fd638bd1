/** What the process of the test offers, and what it tells. */
export interface Echo {
  readonly calls: {
    echo: {
      readonly request: { readonly bytes: Buffer };
      readonly reply: { readonly isBuffer: boolean; readonly bytes: Buffer };
    };
    fail: { readonly request: null; readonly reply: null };
    wait: { readonly request: null; readonly reply: null };
  };
  readonly events: { note: null };
}

export interface Home {
  readonly calls: Record<never, never>;
  readonly events: { ready: null };
}
