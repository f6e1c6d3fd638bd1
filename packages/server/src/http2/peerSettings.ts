import {
  CODE,
  ConnectionError,
  INITIAL_WINDOW_BYTES,
  MOST_PAYLOAD_BYTES,
  MOST_PAYLOAD_OF_SETTINGS,
  MOST_WINDOW_BYTES,
  readUint31,
  SETTING,
} from "./frames.ts";
import { TABLE_BYTES } from "./hpack/decoder.ts";

const ENTRY_BYTES = 6;

/** Entries in one frame; clients have six. */
const MOST_ENTRIES = 32;

/** What the client has said of how it is to be served. */
export class PeerSettings {
  /** Of the answer of each stream. */
  windowBytes = INITIAL_WINDOW_BYTES;
  /** Of the table of its decoder. */
  tableBytes = TABLE_BYTES;

  /** Takes the payload of a SETTINGS frame (RFC 9113 6.5). Errors: ConnectionError. */
  take(buffer: Buffer, from: number, to: number): void {
    const byteCount = to - from;
    if (byteCount % ENTRY_BYTES !== 0) throw new ConnectionError(CODE.FRAME_SIZE_ERROR, "part of a setting");
    if (byteCount / ENTRY_BYTES > MOST_ENTRIES) throw new ConnectionError(CODE.ENHANCE_YOUR_CALM, "too many settings");
    for (let at = from; at < to; at += ENTRY_BYTES) {
      const isLarge = (buffer[at + 2] ?? 0) >= 0x80;
      const value = readUint31(buffer, at + 2) + (isLarge ? 2 ** 31 : 0);
      this.#takeEntry(((buffer[at] ?? 0) << 8) | (buffer[at + 1] ?? 0), value);
    }
  }

  #takeEntry(identifier: number, value: number): void {
    switch (identifier) {
      case SETTING.HEADER_TABLE_SIZE:
        this.tableBytes = value;
        return;
      case SETTING.ENABLE_PUSH:
        if (value > 1) throw new ConnectionError(CODE.PROTOCOL_ERROR, "ENABLE_PUSH is 0 or 1");
        return;
      case SETTING.INITIAL_WINDOW_SIZE:
        if (value > MOST_WINDOW_BYTES) throw new ConnectionError(CODE.FLOW_CONTROL_ERROR, "a window beyond the limit");
        this.windowBytes = value;
        return;
      case SETTING.MAX_FRAME_SIZE:
        if (value < MOST_PAYLOAD_BYTES || value > MOST_PAYLOAD_OF_SETTINGS) {
          throw new ConnectionError(CODE.PROTOCOL_ERROR, "a frame size that none may have");
        }
        return;
    }
  }
}
