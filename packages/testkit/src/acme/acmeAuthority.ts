import "reflect-metadata";
import { createHash, createPublicKey, type JsonWebKey, randomUUID, verify, webcrypto } from "node:crypto";
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http";
import { connect } from "node:tls";
import * as x509 from "@peculiar/x509";

/** How the authority reaches the edge, whatever the names are. */
export interface AcmePlaces {
  readonly httpPort: () => number;
  readonly tlsPort: () => number;
}

interface Challenge {
  readonly type: "http-01" | "tls-alpn-01";
  readonly token: string;
  status: "pending" | "valid" | "invalid";
}

interface Authorization {
  readonly name: string;
  readonly thumbprint: string;
  readonly challenges: readonly Challenge[];
}

interface Order {
  readonly names: readonly string[];
  readonly authorizations: readonly string[];
  certificate: string | undefined;
}

interface Signed {
  readonly account: string;
  readonly payload: unknown;
}

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const ACME_IDENTIFIER = Buffer.from("06082b0601050507011f", "hex");

/** A certificate authority that speaks ACME (RFC 8555) and looks whether the challenges are met. */
export class AcmeAuthority {
  readonly #server: Server;
  readonly #places: AcmePlaces;
  readonly #keys: webcrypto.CryptoKeyPair;
  readonly #root: x509.X509Certificate;
  readonly #nonces = new Set<string>();
  readonly #accounts = new Map<string, JsonWebKey>();
  readonly #authorizations = new Map<string, Authorization>();
  readonly #orders = new Map<string, Order>();
  /** Life of the certificates that are issued from now on. */
  lifeMs = 90 * 86_400_000;
  /** Every new order is refused. */
  isOutOfOrder = false;
  issued = 0;
  readonly attempts: string[] = [];

  constructor(server: Server, places: AcmePlaces, keys: webcrypto.CryptoKeyPair, root: x509.X509Certificate) {
    this.#server = server;
    this.#places = places;
    this.#keys = keys;
    this.#root = root;
    server.on("request", (message, response) => {
      this.#answer(message, response).catch((cause: unknown) => this.#send(response, 400, problem(String(cause))));
    });
  }

  get url(): string {
    const address = this.#server.address();
    return `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`;
  }

  get directory(): string {
    return `${this.url}/directory`;
  }

  get rootPem(): string {
    return this.#root.toString("pem");
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = message.url ?? "";
    if (path === "/directory") {
      const places = { newNonce: "/nonce", newAccount: "/account", newOrder: "/order" };
      this.#send(response, 200, Object.fromEntries(Object.entries(places).map(([key, at]) => [key, this.url + at])));
      return;
    }
    if (path === "/nonce") {
      this.#send(response, 200, undefined);
      return;
    }
    const { account, payload } = await this.#read(message, path);
    const [, kind = "", id = "", index = ""] = path.split("/");
    switch (kind) {
      case "account":
        this.#send(response, 201, { status: "valid" }, { Location: account });
        return;
      case "order":
        if (id === "") this.#newOrder(response, account, payload);
        else this.#send(response, 200, this.#describeOrder(id));
        return;
      case "authorization":
        this.#send(response, 200, this.#describeAuthorization(id));
        return;
      case "challenge": {
        const authorization = this.#authorizations.get(id);
        const challenge = authorization?.challenges[Number(index)];
        if (authorization === undefined || challenge === undefined) throw new Error("no such challenge");
        if (challenge.status === "pending" && isObject(payload)) await this.#validate(authorization, challenge);
        this.#send(response, 200, { ...challenge, url: this.url + path });
        return;
      }
      case "finalize":
        await this.#issue(id, payload);
        this.#send(response, 200, this.#describeOrder(id), { Location: `${this.url}/order/${id}` });
        return;
      case "certificate":
        this.#send(response, 200, this.#orders.get(id)?.certificate ?? "");
        return;
      default:
        this.#send(response, 404, problem("no such resource"));
    }
  }

  /** RFC 8555 6.2 to 6.5: signed by the account's key, for this URL, with a nonce that counts once. */
  async #read(message: IncomingMessage, path: string): Promise<Signed> {
    const chunks: Buffer[] = [];
    for await (const chunk of message) chunks.push(Buffer.from(chunk));
    const body: unknown = JSON.parse(Buffer.concat(chunks).toString());
    if (!isObject(body)) throw new Error("no signed request");
    const [head, payload, signature] = [textIn(body, "protected"), textIn(body, "payload"), textIn(body, "signature")];
    const fields: unknown = JSON.parse(Buffer.from(head, "base64url").toString());
    if (!isObject(fields)) throw new Error("no header");
    if (!this.#nonces.delete(textIn(fields, "nonce"))) throw new Error("badNonce");
    if (textIn(fields, "url") !== this.url + path) throw new Error("signed for another URL");
    const account = this.#accountOf(fields);
    const jwk = this.#accounts.get(account);
    if (jwk === undefined) throw new Error("no such account");
    const key = { key: createPublicKey({ key: jwk, format: "jwk" }), dsaEncoding: "ieee-p1363" } as const;
    if (!verify("sha256", Buffer.from(`${head}.${payload}`), key, Buffer.from(signature, "base64url"))) {
      throw new Error("bad signature");
    }
    return { account, payload: payload === "" ? undefined : JSON.parse(Buffer.from(payload, "base64url").toString()) };
  }

  #accountOf(fields: Record<string, unknown>): string {
    if (typeof fields.kid === "string") return fields.kid;
    if (!isObject(fields.jwk)) throw new Error("no key");
    const account = `${this.url}/account/${thumbprintOf(fields.jwk)}`;
    this.#accounts.set(account, fields.jwk);
    return account;
  }

  #newOrder(response: ServerResponse, account: string, payload: unknown): void {
    if (this.isOutOfOrder) {
      this.#send(response, 500, problem("out of order"));
      return;
    }
    const identifiers = isObject(payload) && Array.isArray(payload.identifiers) ? payload.identifiers : [];
    const names = identifiers.map((identifier) => textIn(identifier, "value"));
    const thumbprint = thumbprintOf(this.#accounts.get(account) ?? {});
    const authorizations = names.map((name) => {
      const id = randomUUID();
      const types = ["http-01", "tls-alpn-01"] as const;
      const challenges = types.map((type) => ({ type, token: randomUUID(), status: "pending" }) as const);
      this.#authorizations.set(id, {
        name,
        thumbprint,
        challenges: challenges.map((each): Challenge => ({ ...each })),
      });
      return id;
    });
    const id = randomUUID();
    this.#orders.set(id, { names, authorizations, certificate: undefined });
    this.#send(response, 201, this.#describeOrder(id), { Location: `${this.url}/order/${id}` });
  }

  #describeOrder(id: string): unknown {
    const order = this.#orders.get(id);
    if (order === undefined) throw new Error("no such order");
    const states = order.authorizations.map((each) => this.#stateOf(each));
    const isReady = states.every((state) => state === "valid");
    const isInvalid = states.includes("invalid");
    return {
      status: order.certificate !== undefined ? "valid" : isReady ? "ready" : isInvalid ? "invalid" : "pending",
      identifiers: order.names.map((value) => ({ type: "dns", value })),
      authorizations: order.authorizations.map((each) => `${this.url}/authorization/${each}`),
      finalize: `${this.url}/finalize/${id}`,
      ...(order.certificate === undefined ? {} : { certificate: `${this.url}/certificate/${id}` }),
    };
  }

  #stateOf(id: string): Challenge["status"] {
    const states = this.#authorizations.get(id)?.challenges.map(({ status }) => status) ?? [];
    return states.includes("valid") ? "valid" : states.includes("invalid") ? "invalid" : "pending";
  }

  #describeAuthorization(id: string): unknown {
    const authorization = this.#authorizations.get(id);
    if (authorization === undefined) throw new Error("no such authorization");
    return {
      identifier: { type: "dns", value: authorization.name },
      status: this.#stateOf(id),
      challenges: authorization.challenges.map((challenge, index) => ({
        ...challenge,
        url: `${this.url}/challenge/${id}/${index}`,
      })),
    };
  }

  async #validate({ name, thumbprint }: Authorization, challenge: Challenge): Promise<void> {
    const content = `${challenge.token}.${thumbprint}`;
    this.attempts.push(`${challenge.type} ${name}`);
    const isMet =
      challenge.type === "http-01"
        ? (await pageAt(this.#places.httpPort(), name, challenge.token)) === content
        : await showsCertificate(this.#places.tlsPort(), name, content);
    challenge.status = isMet ? "valid" : "invalid";
  }

  async #issue(id: string, payload: unknown): Promise<void> {
    const order = this.#orders.get(id);
    if (order === undefined || !isObject(payload)) throw new Error("no such order");
    if (!order.authorizations.every((each) => this.#stateOf(each) === "valid")) throw new Error("not ready");
    const csr = new x509.Pkcs10CertificateRequest(Buffer.from(textIn(payload, "csr"), "base64url"));
    const asked = namesIn(csr);
    if (!(await csr.verify()) || asked.toSorted().join() !== order.names.toSorted().join()) throw new Error("badCSR");
    const now = Date.now();
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: (++this.issued).toString(16).padStart(2, "0"),
      subject: `CN=${order.names[0] ?? ""}`,
      issuer: this.#root.subject,
      notBefore: new Date(now - 1_000),
      notAfter: new Date(now + this.lifeMs),
      publicKey: csr.publicKey,
      signingKey: this.#keys.privateKey,
      signingAlgorithm: ALGORITHM,
      extensions: [new x509.SubjectAlternativeNameExtension(order.names.map((value) => ({ type: "dns", value })))],
    });
    order.certificate = `${certificate.toString("pem")}\n${this.rootPem}\n`;
  }

  #send(response: ServerResponse, status: number, body: unknown, fields: Record<string, string> = {}): void {
    const nonce = randomUUID();
    this.#nonces.add(nonce);
    const isPem = typeof body === "string";
    response.writeHead(status, {
      "Replay-Nonce": nonce,
      "Content-Type": isPem
        ? "application/pem-certificate-chain"
        : status >= 400
          ? "application/problem+json"
          : "application/json",
      ...fields,
    });
    response.end(body === undefined ? "" : isPem ? body : JSON.stringify(body));
  }
}

export const startAcmeAuthority = async (places: AcmePlaces): Promise<AcmeAuthority> => {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: "01",
    name: "CN=Authority of the test kit",
    keys,
    signingAlgorithm: ALGORITHM,
    extensions: [new x509.BasicConstraintsExtension(true)],
  });
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return new AcmeAuthority(server, places, keys, root);
};

const ALTERNATIVE_NAMES = "2.5.29.17";

const namesIn = (csr: x509.Pkcs10CertificateRequest): readonly string[] => {
  const extension = csr.getExtension(ALTERNATIVE_NAMES);
  if (extension === null) return [];
  return new x509.SubjectAlternativeNameExtension(extension.rawData).names.toJSON().map(({ value }) => value);
};

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;

const textIn = (value: unknown, key: string): string => {
  const found = isObject(value) ? value[key] : undefined;
  if (typeof found !== "string") throw new Error(`no ${key}`);
  return found;
};

const problem = (detail: string) => ({
  type: detail.includes("badNonce") ? "urn:ietf:params:acme:error:badNonce" : "urn:ietf:params:acme:error:malformed",
  detail,
});

/** RFC 7638. */
const thumbprintOf = ({ crv, e, kty, n, x, y }: Record<string, unknown>): string =>
  createHash("sha256")
    .update(JSON.stringify(kty === "RSA" ? { e, kty, n } : { crv, kty, x, y }))
    .digest("base64url");

const pageAt = (port: number, host: string, token: string): Promise<string | undefined> =>
  new Promise((resolve) => {
    const path = `/.well-known/acme-challenge/${token}`;
    const asking = request({ host: "127.0.0.1", port, path, headers: { Host: host } }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => resolve(response.statusCode === 200 ? Buffer.concat(chunks).toString() : undefined));
    });
    asking.on("error", () => resolve(undefined));
    asking.end();
  });

/** RFC 8737 3. */
const showsCertificate = (port: number, servername: string, content: string): Promise<boolean> =>
  new Promise((resolve) => {
    const options = { host: "127.0.0.1", port, servername, ALPNProtocols: ["acme-tls/1"], rejectUnauthorized: false };
    const socket = connect(options, () => {
      const { raw, subjectaltname } = socket.getPeerCertificate();
      const digest = createHash("sha256").update(content).digest();
      const proof = Buffer.concat([ACME_IDENTIFIER, Buffer.from("0101ff04220420", "hex"), digest]);
      resolve(socket.alpnProtocol === "acme-tls/1" && subjectaltname === `DNS:${servername}` && raw.includes(proof));
      socket.destroy();
    });
    socket.on("error", () => resolve(false));
  });
