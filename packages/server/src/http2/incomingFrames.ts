import type { Http2Settings } from "@basalt/config";
import { PROCESS_SLOT, rejectionSlot } from "@basalt/telemetry";
import { ERROR_CODES } from "@basalt/types";
import type { ClientLimits } from "../edgeServer.ts";
import type { FloodGuard } from "./floodGuard.ts";
import type { FrameSink } from "./frameReader.ts";
import type { FrameSender } from "./frameSender.ts";
import {
  CODE,
  ConnectionError,
  FLAG,
  FRAME,
  FRAME_HEAD_BYTES,
  MOST_PAYLOAD_BYTES,
  MOST_WINDOW_BYTES,
  readUint31,
} from "./frames.ts";
import { HpackDecoder, TABLE_BYTES } from "./hpack/decoder.ts";
import { encodeFields } from "./hpack/encoder.ts";
import { PeerSettings } from "./peerSettings.ts";
import { isTrailerSection, RequestHeadReader } from "./requestHead.ts";
import { RequestMemo } from "./requestMemo.ts";
import type { ServedStreams } from "./servedStreams.ts";
import type { StreamRequest, StreamSocket } from "./streamSocket.ts";

/** Pseudo-fields of a request; the field limit is for the others. */
const PSEUDO_FIELDS = 4;

/** Compressed bytes of a field section: no list within the limits takes so many. */
const BLOCK_FACTOR = 2;

/** Frames that a field section may come in. */
const MOST_CONTINUATIONS = 64;

/** Streams that were ended before the client had: what it still sends on the latest of them is passed over. */
const KEPT_CUT_STREAMS = 1024;

/** What a stream costs in memory beside what it holds of bodies. */
const STREAM_BYTES = 4 * 1024;

/** What the frames of a client act upon. */
export interface IncomingOwner {
  readonly sender: FrameSender;
  readonly guard: FloodGuard;
  readonly streams: ServedStreams;
  readonly takesRequests: boolean;
  mayRead(): boolean;
  hasSaid(): void;
  serve(id: number, request: StreamRequest): void;
  /** The client takes more, of one stream or of all together. */
  windowOpened(stream: StreamSocket | undefined): void;
  noticeTaken(): void;
  clientLeaves(): void;
  count(slot: number, amount: number): void;
  endFlood(): void;
}

/** What the frames of a client mean, by the rules of RFC 9113; what breaks one that all depends on is a ConnectionError. */
export class IncomingFrames implements FrameSink {
  readonly peer = new PeerSettings();
  readonly #owner: IncomingOwner;
  readonly #settings: Http2Settings;
  readonly #decoder: HpackDecoder;
  readonly #heads = new RequestHeadReader();
  readonly #memo = new RequestMemo();
  readonly #mostBlockBytes: number;
  #hasSettings = false;
  /** Highest number of a stream of the client. */
  #lastStream = 0;
  /** A field section of which not all frames have come; 0: none. */
  #sectionStream = 0;
  #sectionEndsStream = false;
  #sectionPieces: Buffer[] = [];
  #sectionBytes = 0;
  /** The client takes the request back with the next frame, which has come already. */
  #isResetNext = false;
  /** By a GOAWAY of its own. */
  #hasClientLeft = false;
  readonly #cutStreams = new Set<number>();
  /** The DATA frame that is being read is out of the way already: nobody waits for it. */
  #isFrameTaken = false;
  /** What the client may still send of all bodies together, and what of them has been taken and not told. */
  #window: number;
  #unacknowledgedBytes = 0;

  constructor(owner: IncomingOwner, settings: Http2Settings, limits: Pick<ClientLimits, "headBytes" | "fieldCount">) {
    this.#owner = owner;
    this.#settings = settings;
    this.#decoder = new HpackDecoder({ bytes: limits.headBytes, count: limits.fieldCount + PSEUDO_FIELDS });
    this.#mostBlockBytes = Math.max(limits.headBytes * BLOCK_FACTOR, MOST_PAYLOAD_BYTES);
    this.#window = settings.connectionWindowBytes;
  }

  /** The last stream that was or may be served. */
  get lastStream(): number {
    return this.#lastStream;
  }

  mayRead(): boolean {
    return this.#owner.mayRead();
  }

  frame(type: number, flags: number, stream: number, buffer: Buffer, from: number, to: number, end: number): void {
    if (!this.#hasSettings && type !== FRAME.SETTINGS) throw protocolError("no SETTINGS at the beginning");
    if (this.#sectionStream !== 0 && (type !== FRAME.CONTINUATION || stream !== this.#sectionStream)) {
      throw protocolError("a frame within a field section");
    }
    switch (type) {
      case FRAME.HEADERS:
        this.#isResetNext = isResetOf(stream, buffer, to, end);
        this.#headers(flags, stream, buffer, from, to);
        return;
      case FRAME.CONTINUATION:
        this.#isResetNext = false;
        this.#continuation(flags, buffer, from, to);
        return;
      case FRAME.PRIORITY:
        if (stream === 0) throw protocolError("PRIORITY of no stream");
        if (to - from !== 5) this.#refuse(stream, CODE.FRAME_SIZE_ERROR);
        return;
      case FRAME.RST_STREAM:
        this.#resetStream(stream, to - from);
        return;
      case FRAME.SETTINGS:
        this.#takeSettings(flags, stream, buffer, from, to);
        return;
      case FRAME.PUSH_PROMISE:
        throw protocolError("a push of a client");
      case FRAME.PING:
        this.#ping(flags, stream, buffer, from, to);
        return;
      case FRAME.GOAWAY:
        if (stream !== 0) throw protocolError("GOAWAY on a stream");
        if (to - from < 8) throw sizeError("GOAWAY");
        this.#hasClientLeft = true;
        this.#owner.clientLeaves();
        return;
      case FRAME.WINDOW_UPDATE:
        this.#windowUpdate(stream, buffer, from, to);
        return;
    }
  }

  dataFrame(stream: number, payloadBytes: number, dataBytes: number): void {
    if (!this.#hasSettings || this.#sectionStream !== 0) throw protocolError("DATA at a moment without");
    if (stream === 0) throw protocolError("DATA of no stream");
    this.#window -= payloadBytes;
    if (this.#window < 0) throw new ConnectionError(CODE.FLOW_CONTROL_ERROR, "more than the connection's window");
    const socket = this.#owner.streams.find(stream);
    this.#isFrameTaken = socket === undefined;
    if (socket === undefined) {
      this.#checkClosed(stream);
      this.#take(payloadBytes);
      return;
    }
    socket.receiveWindow -= payloadBytes;
    if (socket.hasRequestEnded) this.#refuse(stream, CODE.STREAM_CLOSED);
    else if (socket.receiveWindow < 0) this.#refuse(stream, CODE.FLOW_CONTROL_ERROR);
    if (payloadBytes > dataBytes) this.bodyTaken(socket, payloadBytes - dataBytes);
  }

  data(stream: number, buffer: Buffer, from: number, to: number, isLast: boolean): void {
    const socket = this.#owner.streams.find(stream);
    if (socket === undefined) {
      // The stream may have ended since the frame began.
      if (!this.#isFrameTaken) this.#take(to - from);
      return;
    }
    this.#owner.guard.countBody(to - from);
    if (!socket.receive(buffer, from, to, isLast)) this.#countReset();
  }

  /** So much of what the client has sent is out of the way. */
  bodyTaken(stream: StreamSocket, byteCount: number): void {
    this.#take(byteCount);
    if (stream.hasRequestEnded || stream.isOver) return;
    stream.unacknowledgedBytes += byteCount;
    if (stream.unacknowledgedBytes * 2 < this.#settings.streamWindowBytes) return;
    stream.receiveWindow += stream.unacknowledgedBytes;
    this.#owner.sender.windowUpdate(stream.id, stream.unacknowledgedBytes);
    stream.unacknowledgedBytes = 0;
    this.#owner.hasSaid();
  }

  /** The stream is over before the client has sent its request whole: what is on its way is nobody's fault. */
  cutOff(stream: StreamSocket): void {
    if (!stream.hasRequestEnded) this.#owner.guard.countBody(Math.max(0, stream.receiveWindow));
    this.#noteCut(stream.id);
  }

  #noteCut(id: number): void {
    this.#cutStreams.add(id);
    if (this.#cutStreams.size <= KEPT_CUT_STREAMS) return;
    for (const oldest of this.#cutStreams) {
      this.#cutStreams.delete(oldest);
      return;
    }
  }

  #take(byteCount: number): void {
    this.#unacknowledgedBytes += byteCount;
    if (this.#unacknowledgedBytes * 2 < this.#settings.connectionWindowBytes) return;
    this.#window += this.#unacknowledgedBytes;
    this.#owner.sender.windowUpdate(0, this.#unacknowledgedBytes);
    this.#unacknowledgedBytes = 0;
    this.#owner.hasSaid();
  }

  #headers(flags: number, stream: number, buffer: Buffer, from: number, to: number): void {
    if ((stream & 1) === 0) throw protocolError("HEADERS of a stream that is no client's");
    let start = from;
    let end = to;
    if ((flags & FLAG.PADDED) !== 0) {
      end -= buffer[start] ?? 0;
      start += 1;
    }
    if ((flags & FLAG.PRIORITY) !== 0) start += 5;
    if (start > end || start > to) throw protocolError("HEADERS shorter than it says");
    const endsStream = (flags & FLAG.END_STREAM) !== 0;
    if ((flags & FLAG.END_HEADERS) !== 0) {
      this.#section(stream, buffer, start, end, endsStream);
      return;
    }
    this.#sectionStream = stream;
    this.#sectionEndsStream = endsStream;
    this.#sectionPieces = [Buffer.from(buffer.subarray(start, end))];
    this.#sectionBytes = end - start;
  }

  #continuation(flags: number, buffer: Buffer, from: number, to: number): void {
    const stream = this.#sectionStream;
    if (stream === 0) throw protocolError("CONTINUATION of nothing");
    this.#sectionBytes += to - from;
    this.#sectionPieces.push(Buffer.from(buffer.subarray(from, to)));
    if (this.#sectionBytes > this.#mostBlockBytes || this.#sectionPieces.length > MOST_CONTINUATIONS) {
      throw new ConnectionError(CODE.ENHANCE_YOUR_CALM, "a field section without an end");
    }
    if ((flags & FLAG.END_HEADERS) === 0) return;
    const block = Buffer.concat(this.#sectionPieces);
    this.#sectionStream = 0;
    this.#sectionPieces = [];
    this.#section(stream, block, 0, block.length, this.#sectionEndsStream);
  }

  #section(id: number, block: Buffer, from: number, to: number, endsStream: boolean): void {
    if (id > this.#lastStream) {
      this.#begin(id, block, from, to, endsStream);
      return;
    }
    const { fields } = this.#decoder.decode(block, from, to);
    const socket = this.#owner.streams.find(id);
    if (socket === undefined) this.#checkClosed(id);
    else if (socket.hasRequestEnded) this.#refuse(id, CODE.STREAM_CLOSED);
    else if (!endsStream || !isTrailerSection(fields)) this.#refuse(id, CODE.PROTOCOL_ERROR);
    else if (!socket.receiveEnd()) this.#countReset();
  }

  #begin(id: number, block: Buffer, from: number, to: number, endsStream: boolean): void {
    const { generation } = this.#decoder;
    const known = endsStream ? this.#memo.find(block, from, to, generation) : undefined;
    if (known === undefined) this.#beginAnew(id, block, from, to, endsStream);
    else if (this.#opens(id)) {
      this.#owner.guard.countHead(known.headBytes);
      this.#owner.serve(id, known);
    }
  }

  #beginAnew(id: number, block: Buffer, from: number, to: number, endsStream: boolean): void {
    const { generation } = this.#decoder;
    const list = this.#decoder.decode(block, from, to);
    if (!this.#opens(id)) return;
    const reading = this.#heads.read(list, endsStream);
    switch (reading.kind) {
      case "malformed":
        this.#owner.count(rejectionSlot("REQUEST_MALFORMED"), 1);
        this.#refuse(id, CODE.PROTOCOL_ERROR);
        return;
      case "connect":
        this.#answerAtOnce(id, "METHOD_NOT_IMPLEMENTED", endsStream);
        return;
      case "tooLarge":
        this.#answerAtOnce(id, "REQUEST_HEAD_TOO_LARGE", endsStream);
        return;
      case "request": {
        this.#owner.guard.countHead(reading.text.length);
        const request = this.#memo.remember(reading.text, reading);
        if (endsStream && this.#decoder.generation === generation) this.#memo.keep(block, from, to, generation);
        this.#owner.serve(id, request);
        return;
      }
    }
  }

  /** Whether a new stream is served. */
  #opens(id: number): boolean {
    const { streams } = this.#owner;
    if (!this.#owner.takesRequests) {
      // RFC 9113 6.8: the client knows that these are not served, unless it has said itself that it goes.
      if (this.#hasClientLeft) this.#refuse(id, CODE.REFUSED_STREAM);
      else this.#noteCut(id);
      return false;
    }
    this.#lastStream = id;
    this.#owner.count(PROCESS_SLOT.http2Streams, 1);
    if (this.#isResetNext) {
      this.#owner.count(PROCESS_SLOT.http2StreamsReset, 1);
      return false;
    }
    const { maxConcurrentStreams, connectionMemoryBytes } = this.#settings;
    if (streams.openCount < maxConcurrentStreams && this.#heldBytes < connectionMemoryBytes) return true;
    this.#refuse(id, CODE.REFUSED_STREAM);
    return false;
  }

  /** Of bodies that the engine has not taken, of answers that wait, and of the streams themselves. */
  get #heldBytes(): number {
    const { sender, streams } = this.#owner;
    const unread = this.#settings.connectionWindowBytes - this.#window - this.#unacknowledgedBytes;
    return unread + sender.waitingBytes + streams.openCount * STREAM_BYTES;
  }

  #answerAtOnce(id: number, code: "METHOD_NOT_IMPLEMENTED" | "REQUEST_HEAD_TOO_LARGE", endsStream: boolean): void {
    const { sender } = this.#owner;
    this.#owner.count(rejectionSlot(code), 1);
    const block = encodeFields([":status", String(ERROR_CODES[code].status), "content-length", "0"]);
    if (!sender.headers(id, block, true)) {
      this.#refuse(id, CODE.ENHANCE_YOUR_CALM);
      return;
    }
    if (!endsStream) {
      sender.resetStream(id, CODE.NO_ERROR);
      this.#noteCut(id);
    }
    this.#owner.hasSaid();
  }

  /** A stream error (RFC 9113 5.4.2): the client's doing, so it counts as if it had reset the stream itself. */
  #refuse(id: number, code: (typeof CODE)[keyof typeof CODE]): void {
    const socket = this.#owner.streams.find(id);
    if (socket === undefined) {
      this.#owner.sender.resetStream(id, code);
      this.#owner.hasSaid();
      this.#noteCut(id);
    } else socket.abandon(code);
    this.#countReset();
  }

  #resetStream(id: number, byteCount: number): void {
    if (byteCount !== 4) throw sizeError("RST_STREAM");
    if (id === 0 || id > this.#lastStream) this.#checkIdle(id);
    const socket = this.#owner.streams.find(id);
    socket?.wasReset();
    this.#countReset();
  }

  #countReset(): void {
    if (!this.#owner.guard.countReset()) this.#owner.endFlood();
  }

  #takeSettings(flags: number, stream: number, buffer: Buffer, from: number, to: number): void {
    if (stream !== 0) throw protocolError("SETTINGS of a stream");
    if ((flags & FLAG.ACK) !== 0) {
      if (from !== to) throw sizeError("SETTINGS");
      return;
    }
    this.#hasSettings = true;
    if (!this.#owner.guard.countSettings()) {
      this.#owner.endFlood();
      return;
    }
    const { windowBytes } = this.peer;
    this.peer.take(buffer, from, to);
    if (this.peer.tableBytes < TABLE_BYTES) this.#owner.sender.tableLowered();
    this.#owner.sender.settingsTaken();
    this.#owner.hasSaid();
    if (this.peer.windowBytes !== windowBytes) this.#changeWindows(this.peer.windowBytes - windowBytes);
  }

  /** A new initial window changes those of all streams (RFC 9113 6.9.2). */
  #changeWindows(changeBytes: number): void {
    for (const { socket } of this.#owner.streams.all()) {
      socket.sendWindow += changeBytes;
      if (socket.sendWindow > MOST_WINDOW_BYTES) throw windowError();
      if (changeBytes > 0) this.#owner.windowOpened(socket);
    }
  }

  #ping(flags: number, stream: number, buffer: Buffer, from: number, to: number): void {
    if (stream !== 0) throw protocolError("PING of a stream");
    if (to - from !== 8) throw sizeError("PING");
    if ((flags & FLAG.ACK) !== 0) {
      this.#owner.noticeTaken();
      return;
    }
    if (!this.#owner.guard.countPing()) {
      this.#owner.endFlood();
      return;
    }
    this.#owner.sender.ping(FLAG.ACK, buffer, from);
    this.#owner.hasSaid();
  }

  #windowUpdate(id: number, buffer: Buffer, from: number, to: number): void {
    if (to - from !== 4) throw sizeError("WINDOW_UPDATE");
    const byteCount = readUint31(buffer, from);
    const { sender, streams } = this.#owner;
    if (id === 0) {
      if (byteCount === 0) throw protocolError("a window of nothing");
      sender.window += byteCount;
      if (sender.window > MOST_WINDOW_BYTES) throw windowError();
      this.#owner.windowOpened(undefined);
      return;
    }
    const socket = streams.find(id);
    if (socket === undefined) {
      this.#checkIdle(id);
      return;
    }
    if (byteCount === 0) this.#refuse(id, CODE.PROTOCOL_ERROR);
    else {
      socket.sendWindow += byteCount;
      if (socket.sendWindow > MOST_WINDOW_BYTES) this.#refuse(id, CODE.FLOW_CONTROL_ERROR);
      else this.#owner.windowOpened(socket);
    }
  }

  /** Only HEADERS and PRIORITY may speak of a stream that has not been opened (RFC 9113 5.1). */
  #checkIdle(id: number): void {
    if ((id & 1) === 0 || (id > this.#lastStream && !this.#cutStreams.has(id))) {
      throw protocolError("a frame of a stream that is not open");
    }
  }

  /** Nothing may follow what the client has ended itself; what was cut off may be on its way still. */
  #checkClosed(id: number): void {
    this.#checkIdle(id);
    if (!this.#cutStreams.has(id)) throw new ConnectionError(CODE.STREAM_CLOSED, "a frame behind the end of a stream");
  }
}

const isResetOf = (stream: number, buffer: Buffer, at: number, end: number): boolean =>
  end - at > FRAME_HEAD_BYTES && buffer[at + 3] === FRAME.RST_STREAM && readUint31(buffer, at + 5) === stream;

const protocolError = (message: string): ConnectionError => new ConnectionError(CODE.PROTOCOL_ERROR, message);

const sizeError = (frame: string): ConnectionError =>
  new ConnectionError(CODE.FRAME_SIZE_ERROR, `a length that no ${frame} has`);

const windowError = (): ConnectionError =>
  new ConnectionError(CODE.FLOW_CONTROL_ERROR, "a window beyond what the protocol knows");
