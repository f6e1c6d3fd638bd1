import { brotliCompressSync, constants, gzipSync, zstdCompressSync } from "node:zlib";
import type { DeriveOperation } from "@basalt/policy";
import { unreachable } from "@basalt/types";
import type { TransformOutcome } from "../contract.ts";
import { cpuMsOf, ownBytes } from "./measured.ts";

type Compression = Extract<DeriveOperation, { readonly kind: "compress" }>;

/** RFC 9659: no client need take a window of more than 8 MB. */
const MAX_ZSTD_WINDOW_BITS = 23;

/**
 * Compresses a whole object. Equal sources give equal bytes: zlib writes no time and no name into the header, so the
 * variant's entity tag survives a restart.
 */
export const compressWhole = ({ coding, level }: Compression, source: Uint8Array<ArrayBuffer>): TransformOutcome => {
  const before = process.threadCpuUsage();
  const compressed = compressBytes(coding, level, source);
  const cpuMs = cpuMsOf(before);
  if (compressed.byteLength >= source.byteLength) {
    return { kind: "unchanged", reason: `${coding}: ${compressed.byteLength} of ${source.byteLength} bytes` };
  }
  return { kind: "done", body: ownBytes(compressed), contentType: undefined, cpuMs };
};

const compressBytes = (
  coding: Compression["coding"],
  level: number,
  source: Uint8Array<ArrayBuffer>,
): Buffer<ArrayBuffer> => {
  switch (coding) {
    case "gzip":
      return gzipSync(source, { level });
    case "br":
      return brotliCompressSync(source, {
        params: {
          [constants.BROTLI_PARAM_QUALITY]: level,
          [constants.BROTLI_PARAM_SIZE_HINT]: source.byteLength,
        },
      });
    case "zstd":
      return zstdCompressSync(source, {
        pledgedSrcSize: source.byteLength,
        params: {
          [constants.ZSTD_c_compressionLevel]: level,
          ...(source.byteLength > 2 ** MAX_ZSTD_WINDOW_BITS
            ? { [constants.ZSTD_c_windowLog]: MAX_ZSTD_WINDOW_BITS }
            : {}),
        },
      });
    default:
      return unreachable(coding);
  }
};
