/** The file is a database, but not one that this version may write to. */
export class UnusableIndexError extends Error {}
