/** Content codings that responses can be compressed with here. */
export type ContentCoding = "gzip" | "br" | "zstd";

/** HTTP-54 to HTTP-57, CMP-01 to CMP-05, and what goes beyond the guide. */
export interface CompressionSettings {
  readonly enabled: boolean;
  /** The first is preferred among those that a client likes equally. */
  readonly methods: readonly ContentCoding[];
  /** As each coding counts: gzip 1 to 9, br 0 to 11, zstd 1 to 19. */
  readonly levels: { readonly gzip: number; readonly br: number; readonly zstd: number };
  readonly sourceMinBytes: number;
  readonly sourceMaxBytes: number;
  /** Whether what is asked for often is compressed once more, at the highest level, when there is nothing else to do. */
  readonly precompresses: boolean;
}
