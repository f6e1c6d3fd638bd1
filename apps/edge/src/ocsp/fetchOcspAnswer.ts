import { request } from "node:http";
import { isIP, type LookupFunction } from "node:net";
import type { OriginResolver } from "@basalt/origin";
import { allowedAddresses } from "@basalt/policy";

export const MOST_BYTES = 64 * 1024;
const LIMIT_MS = 10_000;

export interface FetchOcspOptions {
  readonly responder: URL;
  readonly body: Buffer;
  /** Hosts and networks that need not be public. */
  readonly allow: readonly string[];
  readonly resolver: OriginResolver;
  readonly signal: AbortSignal;
  readonly limitMs?: number;
}

/** Asks a responder by HTTP (RFC 6960, A.1). Rejects where no answer of a sane size comes in time; redirects are none. */
export const fetchOcspAnswer = async (options: FetchOcspOptions): Promise<Buffer> => {
  const { signal, limitMs = LIMIT_MS } = options;
  const ending = new AbortController();
  const end = (reason: string) => (): void => ending.abort(new Error(reason));
  const timer = setTimeout(end(`no answer within ${limitMs / 1000} s`), limitMs);
  const onStop = end("the server stops");
  signal.addEventListener("abort", onStop);
  if (signal.aborted) onStop();
  const ended = new Promise<never>((_, reject) => {
    const fail = (): void => reject(ending.signal.reason);
    ending.signal.addEventListener("abort", fail);
    if (ending.signal.aborted) fail();
  });
  try {
    return await Promise.race([ask(options, ending.signal), ended]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onStop);
    ending.abort();
  }
};

const ask = async (options: FetchOcspOptions, signal: AbortSignal): Promise<Buffer> => {
  const ips = await addressesOf(options);
  signal.throwIfAborted();
  return exchange(options, ips, signal);
};

const addressesOf = async ({ responder, resolver, allow }: FetchOcspOptions): Promise<readonly string[]> => {
  const host = hostOf(responder);
  const ips = isIP(host) === 0 ? await resolve(host, resolver) : [host];
  const allowed = allowedAddresses(host, ips, allow);
  if (allowed.length === 0)
    throw new Error(`its address ${ips[0] ?? host} is no public one, and OCSPAllow does not name it`);
  return allowed;
};

const hostOf = ({ hostname }: URL): string => hostname.replace(/^\[(.*)\]$/, "$1");

const resolve = async (host: string, resolver: OriginResolver): Promise<readonly string[]> => {
  const answers = await Promise.allSettled([resolver.resolve(host, 4), resolver.resolve(host, 6)]);
  const ips = answers.flatMap((answer) => (answer.status === "fulfilled" ? answer.value.map(({ ip }) => ip) : []));
  if (ips.length === 0) throw new Error("its name has no address");
  return ips;
};

/** To the very addresses that were looked at: a name may stand for others the next time. */
const exchange = (
  { responder, body }: FetchOcspOptions,
  ips: readonly string[],
  signal: AbortSignal,
): Promise<Buffer> => {
  const addresses = ips.map((address) => ({ address, family: isIP(address) }));
  const [first] = addresses;
  const lookup: LookupFunction = (_host, wanted, callback) => {
    if (wanted.all === true) callback(null, addresses);
    else callback(null, first?.address ?? "", first?.family ?? 0);
  };
  return new Promise((done, reject) => {
    const asking = request(
      {
        host: hostOf(responder),
        port: responder.port === "" ? 80 : responder.port,
        path: responder.pathname + responder.search,
        method: "POST",
        agent: false,
        lookup,
        signal,
        headers: {
          Host: responder.host,
          "Content-Type": "application/ocsp-request",
          "Content-Length": body.length,
          Accept: "application/ocsp-response",
        },
      },
      (response) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        response.on("error", reject);
        if (response.statusCode !== 200) {
          reject(new Error(`it answers with status ${response.statusCode ?? 0}`));
          response.destroy();
          return;
        }
        response.on("data", (chunk: Buffer) => {
          bytes += chunk.length;
          chunks.push(chunk);
          if (bytes <= MOST_BYTES) return;
          reject(new Error(`its answer is longer than ${MOST_BYTES} bytes`));
          response.destroy();
        });
        response.on("end", () => {
          if (response.complete) done(Buffer.concat(chunks));
        });
        response.on("close", () => reject(new Error("its answer breaks off")));
      },
    );
    asking.on("error", reject);
    asking.end(body);
  });
};
