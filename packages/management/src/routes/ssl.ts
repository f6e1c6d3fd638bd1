import { type Answer, fail, succeed } from "../answer.ts";
import type { Route } from "../route.ts";

const PARAMETER = "ciphersuite=";

/** Decoded by hand: a `+` of a cipher string is no blank. */
const cipherStringOf = (query: string): string | undefined => {
  const raw = query.split("&").find((part) => part.startsWith(PARAMETER));
  try {
    return raw === undefined ? undefined : decodeURIComponent(raw.slice(PARAMETER.length));
  } catch {
    return undefined;
  }
};

/** TLS-16. */
export const SSL_ROUTES: readonly Route[] = [
  {
    path: "/monitoring/ssl",
    methods: ["GET", "HEAD"],
    role: "User",
    channel: "any",
    doc: "Cipher suites that a cipher string of OpenSSL gives: ciphersuite={string}",
    parameters: [{ name: "ciphersuite", doc: "As in the attribute CipherSuite of Https.", isRequired: true }],
    answers: { 400: "The string gives no suite." },
    handle: async ({ query }, { control }): Promise<Answer> => {
      const text = cipherStringOf(query);
      if (text === undefined || text === "") {
        return fail("ssl", 400, "The parameter ciphersuite is missing or malformed.");
      }
      const outcome = await control.cipherSuites(text);
      return outcome.ok ? succeed("ssl", outcome.suites) : fail("ssl", 400, outcome.reason);
    },
  },
];
