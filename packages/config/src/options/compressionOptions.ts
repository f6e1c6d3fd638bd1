import type { CompressionSettings } from "../compressionContract.ts";
import { type OptionTable, option } from "./option.ts";
import { integer, kilobyteRange, listOf, onOff } from "./valueTypes.ts";

const sourceEnd = (end: "min" | "max", defaultKilobytes: number, doc: string) =>
  option("Compression@SourceSize", kilobyteRange(end), defaultKilobytes * 1024, {
    doc,
    defaultNote: `${defaultKilobytes} KB`,
    spec: "HTTP-57, CMP-05",
  });

/** Places are relative to `<Options>` of `<VHostDefault>` or `<Vhost>`. */
export const COMPRESSION_OPTIONS: OptionTable<CompressionSettings> = {
  enabled: option<boolean>("Compression", onOff, false, {
    doc: "Whether objects that compression.txt names are compressed.",
    spec: "HTTP-54, CMP-01",
  }),
  methods: option("Compression@Method", listOf("gzip", "br", "zstd"), ["gzip"], {
    doc: "Content codings; a client gets the one that it likes best, and the first of those that it likes equally.",
    spec: "HTTP-55, CMP-03",
  }),
  levels: {
    gzip: option<number>("Compression@Level", integer({ min: 1, max: 9 }), 6, {
      doc: "Level of gzip: 1 is fastest, 9 smallest.",
      spec: "HTTP-56, CMP-04",
    }),
    br: option<number>("Compression@BrotliLevel", integer({ min: 0, max: 11 }), 5, {
      doc: "Level of br: 0 is fastest, 11 smallest.",
      spec: "own attribute",
    }),
    zstd: option<number>("Compression@ZstdLevel", integer({ min: 1, max: 19 }), 6, {
      doc: "Level of zstd: 1 is fastest, 19 smallest.",
      spec: "own attribute",
    }),
  },
  sourceMinBytes: sourceEnd("min", 2, "First figure: smaller objects are not compressed."),
  sourceMaxBytes: sourceEnd("max", 2_048, "Second figure: larger objects are not compressed."),
  precompresses: option<boolean>("Compression@Precompression", onOff, false, {
    doc: "Whether copies that are asked for often are made again at the highest level while no transform is wanted.",
    spec: "own attribute",
  }),
};
