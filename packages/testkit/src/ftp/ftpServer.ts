import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { posix } from "node:path";

export interface TestFtpOptions {
  readonly user?: string;
  readonly password?: string;
  /** Answers a command instead of the server; undefined leaves it to it. */
  readonly answer?: (command: string) => string | undefined;
}

const LINE_END = "\r\n";

/** One control connection: only what an upload needs (RFC 959, RFC 2428). */
class FtpSession {
  readonly #control: Socket;
  readonly #owner: TestFtp;
  #folder = "/";
  #user = "";
  #isLoggedIn = false;
  #data: Promise<Socket> | undefined;
  #dataPlace: { readonly host: string; readonly port: number } | undefined;
  #listener: Server | undefined;

  constructor(control: Socket, owner: TestFtp) {
    this.#control = control;
    this.#owner = owner;
    control.on("error", () => {});
    control.on("close", () => this.#listener?.close());
    this.#reply("220 ready");
    let received = "";
    let answering = Promise.resolve();
    control.on("data", (bytes) => {
      received += bytes.toString();
      const lines = received.split(LINE_END);
      received = lines.pop() ?? "";
      for (const line of lines) answering = answering.then(() => this.#answer(line)).catch(() => this.#reply("451 no"));
    });
  }

  #reply(text: string): void {
    if (!this.#control.destroyed) this.#control.write(text + LINE_END);
  }

  async #answer(line: string): Promise<void> {
    this.#owner.commands.push(line.replace(/^PASS .*/, "PASS"));
    const own = this.#owner.options.answer?.(line);
    if (own !== undefined) return this.#reply(own);
    const [, verb = "", argument = ""] = /^(\S+) ?(.*)$/.exec(line) ?? [];
    switch (verb.toUpperCase()) {
      case "USER":
        this.#user = argument;
        return this.#reply("331 password");
      case "PASS":
        return this.#logIn(argument);
      case "OPTS":
      case "TYPE":
      case "STRU":
        return this.#reply("200 yes");
      case "QUIT":
        this.#reply("221 bye");
        this.#control.end();
        return;
      default:
        return this.#isLoggedIn ? this.#answerUser(verb.toUpperCase(), argument) : this.#reply("530 log in");
    }
  }

  async #answerUser(verb: string, argument: string): Promise<void> {
    const path = posix.resolve(this.#folder, argument);
    switch (verb) {
      case "MKD":
        this.#owner.folders.add(path);
        return this.#reply(`257 "${path}"`);
      case "CWD":
        if (!this.#owner.folders.has(path)) return this.#reply("550 no such folder");
        this.#folder = path;
        return this.#reply("250 there");
      case "EPSV":
        return this.#listen();
      case "PORT": {
        const numbers = argument.split(",").map(Number);
        return this.#connect(numbers.slice(0, 4).join("."), (numbers[4] ?? 0) * 256 + (numbers[5] ?? 0));
      }
      case "EPRT": {
        const [, , host = "", port = "0"] = argument.split("|");
        return this.#connect(host, Number(port));
      }
      case "STOR":
        return this.#store(path);
      default:
        return this.#reply("502 not here");
    }
  }

  #logIn(password: string): void {
    const { user = "log", password: wanted = "secret" } = this.#owner.options;
    this.#isLoggedIn = this.#user === user && password === wanted;
    this.#reply(this.#isLoggedIn ? "230 in" : "530 no such user");
  }

  async #listen(): Promise<void> {
    this.#listener?.close();
    const listener = createServer();
    this.#listener = listener;
    this.#data = once(listener, "connection").then(([socket]: Socket[]) => {
      if (socket === undefined) throw new Error("no connection");
      return socket;
    });
    listener.listen(0, "127.0.0.1");
    await once(listener, "listening");
    this.#reply(`229 here (|||${portOf(listener)}|)`);
  }

  #connect(host: string, port: number): void {
    // Connected only when there is something to send, as RFC 959 has it.
    this.#data = undefined;
    this.#dataPlace = { host, port };
    this.#reply("200 there");
  }

  async #store(path: string): Promise<void> {
    const isActive = this.#data === undefined && this.#dataPlace !== undefined;
    this.#reply("150 go on");
    const data = isActive ? connect(this.#dataPlace ?? { host: "", port: 0 }) : await this.#data;
    if (data === undefined) return this.#reply("425 no way");
    const chunks: Buffer[] = [];
    data.on("data", (chunk: Buffer) => chunks.push(chunk));
    data.on("error", () => {});
    await once(data, "close");
    this.#owner.files.set(path, Buffer.concat(chunks));
    this.#reply("226 stored");
  }
}

const portOf = (server: Server): number => {
  const address: AddressInfo | string | null = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
};

/** An FTP server on loopback that keeps what it is sent in memory. */
export class TestFtp {
  readonly options: TestFtpOptions;
  readonly files = new Map<string, Buffer>();
  readonly folders = new Set<string>(["/"]);
  /** In their order, without passwords. */
  readonly commands: string[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(options: TestFtpOptions, server: Server) {
    this.options = options;
    this.#server = server;
    server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
      new FtpSession(socket, this);
    });
  }

  get port(): number {
    return portOf(this.#server);
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

export const startFtp = async (options: TestFtpOptions = {}): Promise<TestFtp> => {
  const server = createServer();
  const ftp = new TestFtp(options, server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return ftp;
};
