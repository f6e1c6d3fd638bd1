export interface SamplePlan {
  /** A number: so many bytes, each of them counting up; or the bytes themselves. */
  readonly data: number | Uint8Array;
  readonly duration: number;
  /** Composition less decode time; 0 unless given. */
  readonly offset?: number;
  /** True unless given. */
  readonly isSync?: boolean;
  /** Index into `entries`; 0 unless given. */
  readonly entry?: number;
}

export interface EditPlan {
  /** Units of the movie. */
  readonly duration: number;
  /** Units of the track; -1: empty. */
  readonly mediaTime: number;
}

export interface TrackPlan {
  readonly handler: "vide" | "soun" | "text" | "sbtl" | "subt" | "meta" | "hint";
  /** Units per second. */
  readonly timescale: number;
  /** Sample entries, whole boxes. */
  readonly entries: readonly Uint8Array[];
  readonly samples: readonly SamplePlan[];
  readonly id?: number;
  readonly isEnabled?: boolean;
  readonly language?: string;
  readonly edits?: readonly EditPlan[];
  readonly hasLongEdits?: boolean;
  readonly widthPixels?: number;
  readonly heightPixels?: number;
  readonly rotationDegrees?: 0 | 90 | 180 | 270;
  /** Without a table of key frames all samples are: `auto` leaves it out where they are. */
  readonly syncTable?: "auto" | "always";
  readonly compositionVersion?: 0 | 1;
  /** `stz2` with fields of so many bits in place of `stsz`. */
  readonly narrowSizeBits?: 4 | 8 | 16;
  /** Data reference of its own, in place of one to this file. */
  readonly dataReference?: Uint8Array;
  /** More boxes of `trak` and of `stbl`. */
  readonly trackBoxes?: readonly Uint8Array[];
  readonly tableBoxes?: readonly Uint8Array[];
}

export interface MoviePlan {
  readonly tracks: readonly TrackPlan[];
  /** 1000 unless given. */
  readonly timescale?: number;
  /** Where the header stands; `first` unless given. */
  readonly header?: "first" | "last";
  /** Chunk positions of 64 bits. */
  readonly hasLongOffsets?: boolean;
  /** `mdat` with a size of 64 bits, or (as the last box) with size 0. */
  readonly media?: "short" | "long" | "toTheEnd";
  /** Samples of a chunk, tracks taking turns; 4 unless given. */
  readonly samplesPerChunk?: number;
  /** Boxes behind `ftyp`, in front of `mdat` and at the end of the file. */
  readonly boxesInFront?: readonly Uint8Array[];
  readonly boxesBeforeMedia?: readonly Uint8Array[];
  readonly boxesBehind?: readonly Uint8Array[];
  /** More boxes of `moov`. */
  readonly headerBoxes?: readonly Uint8Array[];
  /** False: the file has no `ftyp`. */
  readonly hasFileType?: boolean;
}

export interface BuiltMovie {
  readonly file: Uint8Array;
  /** For each track the position of each sample. */
  readonly positions: readonly (readonly number[])[];
}
