/** Branded quantities: a moment is not a duration, bytes are not seconds. The constructors are the only casts. */
declare const unit: unique symbol;

export type Seconds = number & { readonly [unit]: "seconds" };
export type Milliseconds = number & { readonly [unit]: "milliseconds" };
/** Wall-clock moment in milliseconds since 1970-01-01T00:00:00Z. */
export type EpochMs = number & { readonly [unit]: "epochMs" };
/** Moment of a clock that never goes backwards, in milliseconds since an arbitrary start. */
export type MonotonicMs = number & { readonly [unit]: "monotonicMs" };
export type Bytes = number & { readonly [unit]: "bytes" };

export const seconds = (value: number): Seconds => value as Seconds;
export const milliseconds = (value: number): Milliseconds => value as Milliseconds;
export const epochMs = (value: number): EpochMs => value as EpochMs;
export const monotonicMs = (value: number): MonotonicMs => value as MonotonicMs;
export const bytes = (value: number): Bytes => value as Bytes;

export const secondsToMs = (value: Seconds): Milliseconds => milliseconds(value * 1000);
export const addSeconds = (moment: EpochMs, duration: Seconds): EpochMs => epochMs(moment + duration * 1000);
