/** A sequential JPEG whose Huffman codes all have the same length: the encoder is simple, and its files are wasteful. */
export interface PlainComponent {
  readonly horizontal: number;
  readonly vertical: number;
}

export interface PlainJpeg {
  readonly width: number;
  readonly height: number;
  readonly components: readonly PlainComponent[];
  /** MCUs between restart markers; 0: none. */
  readonly restartInterval: number;
  readonly isInterleaved: boolean;
  /** DC and the 63 others of a block in zigzag order, by a counter of blocks. */
  readonly block: (index: number) => readonly number[];
}

const DC_SYMBOLS = Array.from({ length: 12 }, (_, size) => size);
const AC_SYMBOLS = [
  0,
  0xf0,
  ...Array.from({ length: 160 }, (_, index) => (Math.floor(index / 10) << 4) | ((index % 10) + 1)),
];

export const makePlainJpeg = (picture: PlainJpeg): Uint8Array<ArrayBuffer> => {
  const { width, height, components, restartInterval, isInterleaved } = picture;
  const out: number[] = [0xff, 0xd8];
  const segment = (marker: number, data: readonly number[]): void => {
    out.push(0xff, marker, (data.length + 2) >> 8, (data.length + 2) & 0xff, ...data);
  };
  segment(0xdb, [0, ...Array.from({ length: 64 }, (_, place) => 1 + (place >> 2))]);
  segment(0xc0, [
    8,
    ...[height >> 8, height & 0xff, width >> 8, width & 0xff],
    components.length,
    ...components.flatMap(({ horizontal, vertical }, index) => [index + 1, (horizontal << 4) | vertical, 0]),
  ]);
  segment(0xc4, [0x00, ...countsOf(4, DC_SYMBOLS.length), ...DC_SYMBOLS]);
  segment(0xc4, [0x10, ...countsOf(8, AC_SYMBOLS.length), ...AC_SYMBOLS]);
  if (restartInterval > 0) segment(0xdd, [restartInterval >> 8, restartInterval & 0xff]);

  const mostHorizontal = Math.max(...components.map(({ horizontal }) => horizontal));
  const mostVertical = Math.max(...components.map(({ vertical }) => vertical));
  const indices = components.map((_, index) => index);
  const groups = isInterleaved ? [indices] : indices.map((index) => [index]);
  let counter = 0;
  for (const group of groups) {
    segment(0xda, [group.length, ...group.flatMap((index) => [index + 1, 0]), 0, 63, 0]);
    const alone = group.length === 1 ? components[group[0] ?? 0] : undefined;
    const mcus =
      alone === undefined
        ? Math.ceil(width / (8 * mostHorizontal)) * Math.ceil(height / (8 * mostVertical))
        : Math.ceil(Math.ceil((width * alone.horizontal) / mostHorizontal) / 8) *
          Math.ceil(Math.ceil((height * alone.vertical) / mostVertical) / 8);
    let bits = "";
    let restarts = 0;
    const predictions = components.map(() => 0);
    const flush = (): void => {
      const padded = bits.padEnd(Math.ceil(bits.length / 8) * 8, "1");
      for (let at = 0; at < padded.length; at += 8) {
        const byte = Number.parseInt(padded.slice(at, at + 8), 2);
        out.push(byte);
        if (byte === 0xff) out.push(0);
      }
      bits = "";
    };
    for (let mcu = 0; mcu < mcus; mcu += 1) {
      if (restartInterval > 0 && mcu > 0 && mcu % restartInterval === 0) {
        flush();
        out.push(0xff, 0xd0 + (restarts % 8));
        restarts += 1;
        predictions.fill(0);
      }
      for (const index of group) {
        const { horizontal, vertical } = components[index] ?? { horizontal: 1, vertical: 1 };
        for (let block = 0; block < (alone === undefined ? horizontal * vertical : 1); block += 1) {
          const [dc = 0, ...ac] = picture.block(counter);
          counter += 1;
          bits += codeBlock(dc - (predictions[index] ?? 0), ac);
          predictions[index] = dc;
        }
      }
    }
    flush();
  }
  out.push(0xff, 0xd9);
  return Uint8Array.from(out);
};

const countsOf = (length: number, count: number): readonly number[] =>
  Array.from({ length: 16 }, (_, index) => (index + 1 === length ? count : 0));

const codeBlock = (difference: number, ac: readonly number[]): string => {
  let bits = fixed(DC_SYMBOLS.indexOf(sizeOf(difference)), 4) + valueBits(difference);
  let run = 0;
  ac.forEach((value) => {
    if (value === 0) {
      run += 1;
      return;
    }
    for (; run > 15; run -= 16) bits += fixed(AC_SYMBOLS.indexOf(0xf0), 8);
    bits += fixed(AC_SYMBOLS.indexOf((run << 4) | sizeOf(value)), 8) + valueBits(value);
    run = 0;
  });
  return run > 0 ? bits + fixed(0, 8) : bits;
};

const sizeOf = (value: number): number => 32 - Math.clz32(Math.abs(value));

const fixed = (value: number, length: number): string => value.toString(2).padStart(length, "0");

const valueBits = (value: number): string => {
  const size = sizeOf(value);
  return size === 0 ? "" : fixed(value < 0 ? value + (1 << size) - 1 : value, size);
};
