/** Which of the header fields, cookies or query parameters of a request count (AWS-54); `profile`: as without a word of it. */
export interface SelectedNames {
  readonly mode: "profile" | "none" | "list" | "all";
  /** For `list`; field names in lower case. */
  readonly names: readonly string[];
}

/** What of a request is part of the cache key and handed on to the origin. */
export interface RequestSelection {
  readonly headers: SelectedNames;
  readonly cookies: SelectedNames;
  readonly query: SelectedNames;
}

/** Requests in progress beyond which a page is shown instead (AWS-58). */
export interface OverloadSettings {
  /** Over all workers; 0: without limit. */
  readonly limit: number;
  /** Path on the host, or a whole URL; empty: the status alone. */
  readonly page: string;
}
