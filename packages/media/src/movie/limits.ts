/** A header beyond this is not believed: 64 MB hold some hundred hours of film. */
export const MOST_HEADER_BYTES = 64 * 1024 * 1024;

/** All `moof` boxes of a file together. */
export const MOST_FRAGMENT_BYTES = 128 * 1024 * 1024;

export const MOST_TRACKS = 1024;

/** Of all tracks of a file. */
export const MOST_SAMPLES = 20_000_000;

/** Sample entries of one track. */
export const MOST_SAMPLE_ENTRIES = 256;
