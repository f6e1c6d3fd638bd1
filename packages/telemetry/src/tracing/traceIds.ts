import { randomFillSync } from "node:crypto";

const POOL_BYTES = 4096;
const SPAN_ID_BYTES = 8;
/** Of a trace id, behind the time. */
const UNIQUE_BYTES = 12;

const pool = Buffer.allocUnsafeSlow(POOL_BYTES);
let used = POOL_BYTES;

const randomHex = (bytes: number): string => {
  if (used + bytes > POOL_BYTES) {
    randomFillSync(pool);
    used = 0;
  }
  used += bytes;
  return pool.toString("hex", used - bytes, used);
};

/** 16 hexadecimal digits, never all zero. */
export const makeSpanId = (): string => {
  const id = randomHex(SPAN_ID_BYTES);
  return /^0+$/.test(id) ? makeSpanId() : id;
};

/** 32 hexadecimal digits. The first 8 are the time in seconds, so that the same id can stand in both kinds of fields. */
export const makeTraceId = (nowMs: number): string => {
  const seconds = Math.floor(nowMs / 1000) % 2 ** 32;
  return seconds.toString(16).padStart(8, "0") + randomHex(UNIQUE_BYTES);
};

/** `1-{8 digits}-{24 digits}` (AWS-94). */
export const rootOf = (traceId: string): string => `1-${traceId.slice(0, 8)}-${traceId.slice(8)}`;
