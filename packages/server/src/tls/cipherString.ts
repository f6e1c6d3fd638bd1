import { Duplex } from "node:stream";
import { connect } from "node:tls";
import { CIPHER_SUITES, type CipherSuite } from "./cipherSuites.ts";
import { parseClientHello } from "./clientHello.ts";

export type CipherStringOutcome =
  | { readonly ok: true; readonly suites: readonly CipherSuite[] }
  | { readonly ok: false; readonly reason: string };

const BY_CODE: ReadonlyMap<number, CipherSuite> = new Map(CIPHER_SUITES.map((suite) => [suite.code, suite]));
const TLS_1_3_NAMES: ReadonlySet<string> = new Set(
  CIPHER_SUITES.filter(({ version }) => version === "TLSv1.3").map(({ name }) => name),
);

/**
 * What a cipher string of OpenSSL gives (TLS-14, TLS-16), in its order, of what the edge speaks. The library has no call
 * for that: what it would offer as a client tells. Suites of TLS 1.3 are in it only where the string names them.
 */
export const readCipherString = async (text: string): Promise<CipherStringOutcome> => {
  if (!/^[\w!:+@=.,\- ]+$/.test(text)) return { ok: false, reason: "no cipher string" };
  const named13 = text.split(/[:, ]+/).filter((name) => TLS_1_3_NAMES.has(name));
  const rest = text.split(/[:, ]+/).filter((name) => name !== "" && !TLS_1_3_NAMES.has(name) && !name.startsWith("@"));
  const suites13 = named13.flatMap((name) => CIPHER_SUITES.find((suite) => suite.name === name) ?? []);
  if (rest.length === 0) {
    return suites13.length === 0 ? { ok: false, reason: "no suite" } : { ok: true, suites: suites13 };
  }
  try {
    const hello = await offerOf([...rest, "@SECLEVEL=0"].join(":"));
    const parsed = parseClientHello(hello);
    const codes = parsed.kind === "hello" ? parsed.hello.suites : [];
    const suites = [...suites13, ...codes.flatMap((code) => BY_CODE.get(code) ?? [])];
    return suites.length === 0 ? { ok: false, reason: "none of its suites is available" } : { ok: true, suites };
  } catch (cause) {
    return { ok: false, reason: cause instanceof Error ? cause.message : String(cause) };
  }
};

/** The first message of a client with these suites; nothing is connected. */
const offerOf = (ciphers: string): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const sink = new Duplex({
      read: () => {},
      write: (data: Buffer, _encoding, done) => {
        resolve(data);
        done();
      },
    });
    const client = connect({ socket: sink, ciphers, minVersion: "TLSv1", maxVersion: "TLSv1.2", ca: [] });
    client.on("error", reject);
    // The message is written within the call, or behind it before anything else happens.
    setImmediate(() => client.destroy(new Error("no suite could be offered")));
  });
