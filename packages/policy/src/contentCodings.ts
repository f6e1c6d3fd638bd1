import { crc32 } from "node:zlib";
import type { ContentCoding, VhostSettings } from "@basalt/config";
import { CODING_RANKS, FIELD } from "@basalt/http";
import type { CompressionDecision } from "./compression.ts";

/** The codings that a request is to be answered in, the best first; `flags` are those of its fields. */
export type CodingChoice = (flags: number) => readonly ContentCoding[];

export const NO_CODINGS: readonly ContentCoding[] = [];

const ACCEPTED = { gzip: FIELD.ACCEPTS_GZIP, br: FIELD.ACCEPTS_BROTLI, zstd: FIELD.ACCEPTS_ZSTD } as const;
const ACCEPTS_ANY = FIELD.ACCEPTS_GZIP | FIELD.ACCEPTS_BROTLI | FIELD.ACCEPTS_ZSTD;
const DECISIVE = ACCEPTS_ANY | (CODING_RANKS.mask << CODING_RANKS.shift);

const RANK_SHIFT = { gzip: CODING_RANKS.shift, br: CODING_RANKS.shift + 2, zstd: CODING_RANKS.shift + 4 } as const;
const RANK_MASK = 0b11;

const rankOf = (coding: ContentCoding, flags: number): number => (flags >>> RANK_SHIFT[coding]) & RANK_MASK;

/** Sorts stably, so that the order of `methods` decides between what the client likes equally (RFC 9110 12.5.3). */
const chooseCodings = (methods: readonly ContentCoding[], flags: number): readonly ContentCoding[] =>
  methods
    .filter((coding) => (flags & ACCEPTED[coding]) !== 0)
    .toSorted((left, right) => rankOf(left, flags) - rankOf(right, flags));

/** What the host may compress with: its methods, then those that only lines of compression.txt name. */
export const codingsOf = ({ options, conditions }: VhostSettings): readonly ContentCoding[] => {
  const named = conditions.compression.map(({ method }) => method).filter((method) => method !== undefined);
  return [...new Set([...options.compression.methods, ...named])];
};

/** CMP-07. The few answers that there can be are kept, so that a request makes nothing. */
export const compileCodingChoice = (vhost: VhostSettings): CodingChoice => {
  const methods = codingsOf(vhost);
  const known = new Map<number, readonly ContentCoding[]>();
  return (flags) => {
    if ((flags & ACCEPTS_ANY) === 0) return NO_CODINGS;
    const decisive = flags & DECISIVE;
    let choice = known.get(decisive);
    if (choice === undefined) {
      choice = chooseCodings(methods, flags);
      known.set(decisive, choice);
    }
    return choice;
  };
};

const BEST_LEVELS = { gzip: 9, br: 11, zstd: 19 } as const;

/** The smallest form that a coding gives. */
export const bestCompression = (coding: ContentCoding): CompressionDecision => ({ coding, level: BEST_LEVELS[coding] });

/** Tells copies of one source apart, across restarts and hosts: the same for the same bytes. */
export const compressionMark = ({ coding, level }: CompressionDecision): number => crc32(`${coding} ${level}`);
