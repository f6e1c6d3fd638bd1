import { hash } from "node:crypto";
import type {
  AccessEntry,
  AccessOptions,
  BasicAuthentication,
  ConnectionRate,
  RateLimit,
  ServiceAccessSettings,
  SigningKey,
} from "../accessContract.ts";
import { describesAddresses, parseAddressExpression } from "../syntax/addressExpression.ts";
import type { XmlElement } from "../xml/xmlElement.ts";
import { listOption, type OptionTable, option } from "./option.ts";
import { duration, fieldText, httpStatus, integer, oneOf, onOff, plainText, type ValueType } from "./valueTypes.ts";

const quote = (text: string): string => JSON.stringify(text);

/** ACL-01 to ACL-05, and IPv6. */
export const addressExpression: ValueType<string> = {
  name: "address",
  allowed: describesAddresses,
  emptyIsValue: false,
  parse: (text) =>
    parseAddressExpression(text) === undefined
      ? { ok: false, message: `${quote(text)} is neither an address nor a country code.` }
      : { ok: true, value: text },
  format: (value) => value,
};

/** ACL-16: a folder of this machine. */
const localFolder: ValueType<string> = {
  name: "path",
  allowed: "a local folder, absolute or relative to the home folder, or empty",
  emptyIsValue: true,
  parse: (text) => {
    if (/^[A-Za-z][A-Za-z0-9+.-]*:\/\//.test(text)) return { ok: false, message: `${quote(text)} is no local folder.` };
    return text === "" ? { ok: true, value: "" } : plainText.parse(text);
  },
  format: (value) => value,
};

const urlPattern: ValueType<string> = {
  name: "URL",
  allowed: "a path, in which * stands for any run of characters",
  emptyIsValue: false,
  parse: (text) =>
    /^[/*][\x21-\x7e]*$/.test(text) ? { ok: true, value: text } : { ok: false, message: `${quote(text)} is no path.` },
  format: (value) => value,
};

const optionalField: ValueType<string> = {
  name: "name",
  allowed: "a field name, or empty for the address of the client",
  emptyIsValue: true,
  parse: (text) =>
    /^[!#$%&'*+\-.^_`|~0-9A-Za-z]*$/.test(text)
      ? { ok: true, value: text.toLowerCase() }
      : { ok: false, message: `${quote(text)} is not a field name.` },
  format: (value) => value,
};

const parameterName: ValueType<string> = {
  name: "name",
  allowed: "letters, digits, - and _",
  emptyIsValue: false,
  parse: (text) =>
    /^[A-Za-z0-9_-]{1,64}$/.test(text)
      ? { ok: true, value: text }
      : { ok: false, message: `${quote(text)} is no such name.` },
  format: (value) => value,
};

const LEAST_SECRET = 16;

const secret: ValueType<string> = {
  name: "secret",
  allowed: `printable ASCII of at least ${LEAST_SECRET} characters`,
  emptyIsValue: false,
  parse: (text) =>
    text.length >= LEAST_SECRET && /^[\x20-\x7e]*$/.test(text)
      ? { ok: true, value: text }
      : { ok: false, message: `The secret is no ${secret.allowed}.` },
  format: () => "(secret)",
};

/** Two bytes of a digest: shows that a secret has changed, and nothing of it. */
const fingerprint = (text: string): string => hash("sha256", text).slice(0, 4);

const allowedOrigin: ValueType<string> = {
  name: "origin",
  allowed: "*, null, or {scheme}://{host}[:{port}] whose host may begin with *.",
  emptyIsValue: false,
  parse: (text) =>
    /^(?:\*|null|https?:\/\/(?:\*\.)?[a-z0-9.-]+(?::\d{1,5})?|https?:\/\/\[[0-9a-f:.]+\](?::\d{1,5})?)$/i.test(text)
      ? { ok: true, value: text.toLowerCase() }
      : { ok: false, message: `${quote(text)} is no origin.` },
  format: (value) => value,
};

const count = integer({ min: 1, max: 1_000_000 });
const countOrNone = integer({ min: 0, max: 1_000_000 });
const period = duration({ min: 1, max: 86_400 });

/** Value of an attribute that may be absent or wrong; validation reports the latter. */
const attributeOr = <T>(element: XmlElement, name: string, type: ValueType<T>, absent: T): T => {
  const text = element.attributes.get(name);
  const outcome = text === undefined ? undefined : type.parse(text);
  return outcome?.ok ? outcome.value : absent;
};

const DEFAULT_REQUESTS = 100;

const readRateLimit = (element: XmlElement): RateLimit => {
  const requests = attributeOr(element, "Requests", count, DEFAULT_REQUESTS);
  return {
    url: element.text,
    requests,
    seconds: attributeOr(element, "Seconds", period, 1),
    burst: attributeOr(element, "Burst", count, requests),
    field: attributeOr(element, "Field", optionalField, ""),
  };
};

/** Places are relative to `<Options>` of `<VHostDefault>` or `<Vhost>`. */
export const ACCESS_OPTIONS: OptionTable<AccessOptions> = {
  accessControl: {
    enabled: option<boolean>("AccessControl", onOff, false, { doc: "Whether acl.txt applies.", spec: "ACL-20" }),
    default: option("AccessControl@Default", oneOf("Allow", "Deny"), "Allow", {
      doc: "What happens to requests that no line of acl.txt matches; lines without an action do the opposite.",
      spec: "ACL-21, ACL-41",
    }),
    denialCode: option<number>("AccessControl@DenialCode", httpStatus, 401, {
      doc: "Status of denied requests; no body is sent with it.",
      spec: "ACL-22",
    }),
  },
  maxRequestBodyBytes: option<number>("MaxRequestBody", integer({ min: 0, max: 2 ** 40 }, "bytes"), 0, {
    doc: "Longest body of a request; longer ones are answered 413. 0: only `<ClientLimits>` holds.",
    spec: "own element",
  }),
  rateLimits: listOption<RateLimit>("RateLimit", {
    text: urlPattern,
    attributes: [
      { name: "Requests", type: count, defaultNote: String(DEFAULT_REQUESTS), doc: "Requests of one client." },
      { name: "Seconds", type: period, defaultNote: "1", doc: "Within so much time." },
      { name: "Burst", type: count, defaultNote: "`Requests`", doc: "How many may come at once." },
      {
        name: "Field",
        type: optionalField,
        defaultNote: "the address of the client",
        doc: "Request field that tells clients apart; requests without it count by address.",
      },
    ],
    default: [],
    doc: "Requests to these URLs that a client may make, in all workers together; more are answered 429 with `Retry-After`.",
    spec: "own element",
    read: readRateLimit,
    format: ({ url, requests, seconds, burst, field }) =>
      `${url} (${requests} in ${seconds} s, burst ${burst}, by ${field === "" ? "address" : field})`,
  }),
  signedUrls: {
    enabled: option<boolean>("SignedUrls", onOff, false, {
      doc: "Whether the URLs of `<Url>` need a signature, as `basalt sign` makes it.",
      spec: "own element",
    }),
    parameter: option("SignedUrls@Parameter", parameterName, "token", {
      doc: "Query parameter that carries it; taken out before cache and origin are asked.",
      spec: "own element",
    }),
    denialCode: option<number>("SignedUrls@DenialCode", httpStatus, 403, {
      doc: "Status without a valid signature.",
      spec: "own element",
    }),
    expiredCode: option<number>("SignedUrls@ExpiredCode", httpStatus, 410, {
      doc: "Status when the signature is valid, but of the past.",
      spec: "own element",
    }),
    urls: listOption<string>("SignedUrls/Url", {
      text: urlPattern,
      attributes: [],
      default: [],
      doc: "URLs that need a signature.",
      spec: "own element",
      read: (element) => element.text,
      format: (item) => item,
    }),
    keys: listOption<SigningKey>("SignedUrls/Key", {
      text: secret,
      attributes: [
        { name: "Id", type: parameterName, defaultNote: "`1`", doc: "Stands in the signature, to tell keys apart." },
      ],
      default: [],
      doc: "Secret of signatures. The first makes new ones, all are valid: so a key is replaced without a break.",
      spec: "own element",
      read: (element) => ({ id: attributeOr(element, "Id", parameterName, "1"), secret: element.text }),
      format: ({ id, secret: text }) => `${id} (${fingerprint(text)})`,
    }),
  },
  basicAuthentication: listOption<BasicAuthentication>("BasicAuthentication", {
    text: urlPattern,
    attributes: [{ name: "Realm", type: fieldText, defaultNote: "`Restricted`", doc: "What browsers show." }],
    default: [],
    doc: "URLs for which name and password of a line of users.txt are asked.",
    spec: "own element",
    read: (element) => ({ url: element.text, realm: attributeOr(element, "Realm", fieldText, "Restricted") }),
    format: ({ url, realm }) => `${url} (${realm})`,
  }),
  cors: {
    enabled: option<boolean>("Cors", onOff, false, {
      doc: "Whether preflights are answered here and responses name the origin that may read them.",
      spec: "own element",
    }),
    credentials: option<boolean>("Cors@Credentials", onOff, false, {
      doc: "Whether pages may send cookies; not for the origin `*`.",
      spec: "own element",
    }),
    maxAgeSeconds: option<number>("Cors@MaxAge", duration({ min: 0, max: 86_400 }), 600, {
      doc: "How long browsers may remember the answer to a preflight.",
      spec: "own element",
    }),
    methods: option("Cors@Methods", fieldText, "GET, HEAD, POST", {
      doc: "`Access-Control-Allow-Methods` of preflights.",
      spec: "own element",
    }),
    allowHeaders: option("Cors@AllowHeaders", fieldText, "", {
      doc: "`Access-Control-Allow-Headers` of preflights.",
      defaultNote: "what the preflight asks for",
      spec: "own element",
    }),
    exposeHeaders: option("Cors@ExposeHeaders", fieldText, "", {
      doc: "`Access-Control-Expose-Headers` of responses; empty: not sent.",
      spec: "own element",
    }),
    origins: listOption<string>("Cors/Origin", {
      text: allowedOrigin,
      attributes: [],
      default: [],
      doc: "Sites whose pages may read responses.",
      spec: "own element",
      read: (element) => element.text.toLowerCase(),
      format: (item) => item,
    }),
  },
};

/** Places are relative to `<Server>`. */
export const SERVICE_ACCESS_OPTIONS: OptionTable<ServiceAccessSettings> = {
  default: option("Host/ServiceAccess@Default", oneOf("Allow", "Deny"), "Allow", {
    doc: "What happens to clients that no entry matches.",
    spec: "ACL-12",
  }),
  geoIp: option("Host/ServiceAccess@GeoIP", localFolder, "", {
    doc: "Folder of country databases (`*.mmdb`, or `GeoIP.dat` and its like). A file that is replaced takes effect by itself.",
    defaultNote: "none: no country is known",
    spec: "ACL-16",
  }),
  entries: listOption<AccessEntry>("Host/ServiceAccess/Allow", {
    alternates: ["Deny"],
    text: addressExpression,
    attributes: [],
    default: [],
    doc: "Clients that may, or with `<Deny>` may not, connect; the first entry that matches decides.",
    spec: "ACL-11",
    read: (element) => ({ action: element.name === "Deny" ? "Deny" : "Allow", address: element.text }),
    format: ({ action, address }) => `${action} ${address}`,
  }),
};

export const CONNECTION_RATE_OPTIONS: OptionTable<ConnectionRate> = {
  count: option<number>("Host/ConnectionRate", countOrNone, 0, {
    doc: "New connections that one client address may make, in all workers together; more are closed. 0: without limit.",
    spec: "own element",
  }),
  seconds: option<number>("Host/ConnectionRate@Seconds", period, 1, {
    doc: "Within so much time.",
    spec: "own element",
  }),
  burst: option<number>("Host/ConnectionRate@Burst", countOrNone, 0, {
    doc: "How many may come at once.",
    defaultNote: "0: as many as in the whole time",
    spec: "own element",
  }),
};
