import { createCipheriv, createECDH, createHash, createHmac, randomBytes } from "node:crypto";
import net from "node:net";

const VERSION = Buffer.from([3, 3]);
/** ECDHE-ECDSA-AES128-GCM-SHA256 */
const SUITE = Buffer.from([0xc0, 0x2b]);
const RECORD = { changeCipherSpec: 20, handshake: 22, applicationData: 23 } as const;
const MESSAGE = {
  clientHello: 1,
  serverHello: 2,
  serverKeyExchange: 12,
  done: 14,
  keyExchange: 16,
  finished: 20,
} as const;

const number = (value: number, bytes: number): Buffer => {
  const buffer = Buffer.alloc(bytes);
  buffer.writeUIntBE(value, 0, bytes);
  return buffer;
};

const sized = (bytes: Buffer, lengthBytes: number): Buffer => Buffer.concat([number(bytes.length, lengthBytes), bytes]);

const record = (type: number, body: Buffer): Buffer => Buffer.concat([Buffer.from([type]), VERSION, sized(body, 2)]);

const message = (type: number, body: Buffer): Buffer => Buffer.concat([Buffer.from([type]), sized(body, 3)]);

const extension = (type: number, body: Buffer): Buffer => Buffer.concat([number(type, 2), sized(body, 2)]);

/** RFC 5246 5, with SHA-256. */
const pseudorandom = (secret: Buffer, label: string, seed: Buffer, bytes: number): Buffer => {
  const whole = Buffer.concat([Buffer.from(label, "latin1"), seed]);
  const hmac = (data: Buffer): Buffer => createHmac("sha256", secret).update(data).digest();
  let output = Buffer.alloc(0);
  for (let chain = hmac(whole); output.length < bytes; chain = hmac(chain)) {
    output = Buffer.concat([output, hmac(Buffer.concat([chain, whole]))]);
  }
  return output.subarray(0, bytes);
};

/**
 * A client of TLS 1.2 that sends its request together with its own Finished (RFC 7918), and reads nothing of what the
 * server sends from then on: neither its Finished nor an answer. It verifies nothing.
 */
export class FalseStartClient {
  readonly socket: net.Socket;
  /** Whole handshake messages of both sides, in their order. */
  readonly #transcript: Buffer[] = [];
  readonly #random = randomBytes(32);
  readonly #request: Buffer;
  #serverRandom = Buffer.alloc(0);
  #serverPoint = Buffer.alloc(0);
  #records = Buffer.alloc(0);
  #messages = Buffer.alloc(0);
  /** Its Finished and its request have left. */
  isSent = false;

  constructor(port: number, serverName: string, request: string) {
    this.#request = Buffer.from(request, "latin1");
    this.socket = net.connect({ port, host: "127.0.0.1" });
    this.socket.on("error", () => {});
    this.socket.on("data", (data) => this.#receive(data));
    this.socket.on("connect", () => {
      const hello = this.#hello(serverName);
      this.#transcript.push(hello);
      this.socket.write(record(RECORD.handshake, hello));
    });
  }

  #hello(serverName: string): Buffer {
    const name = Buffer.concat([Buffer.from([0]), sized(Buffer.from(serverName, "latin1"), 2)]);
    const extensions = Buffer.concat([
      extension(0, sized(name, 2)),
      extension(10, sized(number(23, 2), 2)),
      extension(11, sized(Buffer.from([0]), 1)),
      extension(13, sized(Buffer.from([4, 3]), 2)),
    ]);
    const body = [VERSION, this.#random, sized(Buffer.alloc(0), 1), sized(SUITE, 2), sized(Buffer.from([0]), 1)];
    return message(MESSAGE.clientHello, Buffer.concat([...body, sized(extensions, 2)]));
  }

  #receive(data: Buffer): void {
    if (this.isSent) throw new Error("it was to read no more");
    this.#records = Buffer.concat([this.#records, data]);
    while (this.#records.length >= 5) {
      const end = 5 + this.#records.readUInt16BE(3);
      if (this.#records.length < end) return;
      this.#messages = Buffer.concat([this.#messages, this.#records.subarray(5, end)]);
      this.#records = this.#records.subarray(end);
      this.#readMessages();
    }
  }

  #readMessages(): void {
    while (this.#messages.length >= 4) {
      const end = 4 + this.#messages.readUIntBE(1, 3);
      if (this.#messages.length < end) return;
      const whole = this.#messages.subarray(0, end);
      this.#messages = this.#messages.subarray(end);
      this.#transcript.push(whole);
      const body = whole.subarray(4);
      if (whole[0] === MESSAGE.serverHello) this.#serverRandom = body.subarray(2, 34);
      else if (whole[0] === MESSAGE.serverKeyExchange) this.#serverPoint = body.subarray(4, 4 + (body[3] ?? 0));
      else if (whole[0] === MESSAGE.done) this.#finish();
    }
  }

  #finish(): void {
    this.socket.pause();
    const own = createECDH("prime256v1");
    const keyExchange = message(MESSAGE.keyExchange, sized(own.generateKeys(), 1));
    this.#transcript.push(keyExchange);
    const premaster = own.computeSecret(this.#serverPoint);
    const master = pseudorandom(premaster, "master secret", Buffer.concat([this.#random, this.#serverRandom]), 48);
    const keys = pseudorandom(master, "key expansion", Buffer.concat([this.#serverRandom, this.#random]), 40);
    const hash = createHash("sha256").update(Buffer.concat(this.#transcript)).digest();
    const finished = message(MESSAGE.finished, pseudorandom(master, "client finished", hash, 12));
    const seal = (sequence: number, type: number, plain: Buffer): Buffer => {
      const explicit = number(sequence, 6);
      const nonce = Buffer.concat([Buffer.alloc(2), explicit]);
      const cipher = createCipheriv("aes-128-gcm", keys.subarray(0, 16), Buffer.concat([keys.subarray(32, 36), nonce]));
      cipher.setAAD(Buffer.concat([nonce, Buffer.from([type]), VERSION, number(plain.length, 2)]));
      const sealed = Buffer.concat([cipher.update(plain), cipher.final()]);
      return record(type, Buffer.concat([nonce, sealed, cipher.getAuthTag()]));
    };
    this.isSent = true;
    this.socket.write(
      Buffer.concat([
        record(RECORD.handshake, keyExchange),
        record(RECORD.changeCipherSpec, Buffer.from([1])),
        seal(0, RECORD.handshake, finished),
        seal(1, RECORD.applicationData, this.#request),
      ]),
    );
  }
}
