import type { Method } from "@basalt/http";
import type { MediaFormat, MediaTask } from "@basalt/media";
import type { ImageTask } from "../dims/contract.ts";

/** What the transform host is asked to make of a stored body: plain data, the same for the same result. */
export type DeriveOperation =
  /** `level` as the coding counts it: gzip 1 to 9, br 0 to 11, zstd 1 to 22. */
  | { readonly kind: "compress"; readonly coding: "gzip" | "br" | "zstd"; readonly level: number }
  | ImageTask
  | {
      readonly kind: "encrypt";
      readonly algorithm: "RC4" | "AES-128-CTR" | "AES-128-CBC";
      readonly key: Uint8Array;
      /** Empty where the algorithm has none (DRM-06). */
      readonly iv: Uint8Array;
    }
  /** Of ranges of the source; what is made of it is not kept for long (MEDIA-01). */
  | { readonly kind: "media"; readonly format: MediaFormat; readonly task: MediaTask }
  /** What tasks on a film need to know of it, kept as long as the film. */
  | { readonly kind: "mediaIndex"; readonly format: MediaFormat };

/** A request whose URL asks for something made of another object of the host (DIMS-08, DRM-03). */
export interface Derivation {
  readonly kind: "dims" | "drm" | "media";
  /** Canonical URL of the result: it is kept, logged and purged under that. */
  readonly url: string;
  /** Tells results of one URL apart that depend on the request (`format/auto`); without blanks, mostly empty. */
  readonly selector: string;
  /** Path and query string of the object that it is made of, as the client wrote them. */
  readonly sourceTarget: string;
  /** What stands behind the keyword, as the client wrote it. */
  readonly commands: string;
  /** Where a request that cannot be converted is sent, if so configured (DIMS-12): path and query string. */
  readonly redirectTarget: string | undefined;
  /** The response depends on this field of the request and says so by Vary. */
  readonly variesOn: string | undefined;
  /** Of a derivation of media; there undefined where nothing has that name, whatever the source: `plan` says 404. */
  readonly media?: MediaDerivation;
  /**
   * Of a media URL that names several files, at least one: their playlists are joined. Nothing else is made then; the
   * source of the derivation is that of the first.
   */
  readonly variants?: readonly DerivationVariant[];
}

/** One of several files in a master playlist. */
export interface DerivationVariant {
  /** A master playlist of the file alone. */
  readonly derivation: Derivation;
  /** Path and query string of the playlist that it names: to whom that is refused, nothing is told of the file. */
  readonly playlistTarget: string;
}

export interface MediaDerivation {
  readonly format: MediaFormat;
  readonly task: MediaTask;
  /** Where nothing can be made of the source: it is served itself (MEDIA-06), or there is no such resource (404). */
  readonly otherwise: "source" | "absent";
  /** What the origin is asked for, if not `sourceTarget`: the client's URL with `<WholeClientRequest>` (MEDIA-79). */
  readonly originTarget: string | undefined;
}

export interface DerivationSource {
  readonly status: number;
  /** Flat, as stored. */
  readonly fields: readonly string[];
  /** -1 while it is not known. */
  readonly sizeBytes: number;
}

export type DerivationPlan =
  /** `maxSourceBytes`: longer ones are refused, also where the length is known only at the end. */
  | { readonly kind: "operation"; readonly operation: DeriveOperation; readonly maxSourceBytes: number }
  /** Nothing to be done: the source is the result. */
  | { readonly kind: "unchanged" }
  /**
   * `reason`: for the client (DIMS-11); `detail`: for who runs the server, where there is more to say; `status`: of the
   * answer, 500 where it is not given.
   */
  | { readonly kind: "failure"; readonly reason: string; readonly detail?: string; readonly status?: number };

export interface DerivationRequest {
  /** Undefined: GET. */
  readonly methodCode?: Method;
  /** Of a signed URL, which the target has no more: playlists give it to what they name. Empty: none. */
  readonly signedParameter?: string;
  /** Path and query string. */
  readonly target: string;
  /** Combined value of a field of the request. */
  readonly get: (lowerCaseName: string) => string | undefined;
}

/** Of one virtual host; compiled once per configuration. */
export interface DerivationRules {
  /** Undefined: the URL is an ordinary one. Runs for every request of a host that has the function on. */
  readonly of: (request: DerivationRequest) => Derivation | undefined;
  /** Decides when the source is there. */
  readonly plan: (derivation: Derivation, source: DerivationSource) => DerivationPlan;
}

/** What a client is told of a conversion that failed (DIMS-11). */
export const DERIVATION_FAILURE = {
  SOURCE_MISSING: "The original file was not successfully downloaded.",
  SOURCE_TOO_LARGE: "The original file size is too large.",
  SOURCE_UNREADABLE: "The original file loading failed.",
  CONVERSION: "Image converting failed or invalid DIMS command.",
  ABSENT: "There is no such part of the original file.",
  ENCRYPTION: "The original file could not be encrypted.",
  NO_SUCH_STREAM: "There is nothing of that name.",
} as const;
