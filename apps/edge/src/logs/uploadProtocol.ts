import type { UploadOutcome, UploadRequest } from "@basalt/telemetry/upload";

/** What the process that sends files offers to the primary. */
export interface UploadService {
  readonly calls: { upload: { readonly request: UploadRequest; readonly reply: UploadOutcome } };
  readonly events: Readonly<Record<never, never>>;
}

export interface UploadOwner {
  readonly calls: Readonly<Record<never, never>>;
  readonly events: Readonly<Record<never, never>>;
}
