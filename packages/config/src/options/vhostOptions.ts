import type { VhostOptions } from "../contract.ts";
import { ACCESS_OPTIONS } from "./accessOptions.ts";
import { THROTTLING_OPTIONS, TRAFFIC_CAP_OPTIONS } from "./bandwidthOptions.ts";
import { COMPRESSION_OPTIONS } from "./compressionOptions.ts";
import { DIMS_OPTIONS } from "./dimsOptions.ts";
import { DRM_OPTIONS } from "./drmOptions.ts";
import { FILE_SYSTEM_OPTIONS } from "./fileSystemOptions.ts";
import { type OptionTable, option } from "./option.ts";
import { OVERLOAD_OPTIONS, SELECTION_OPTIONS } from "./selectionOptions.ts";
import { TRACING_OPTIONS } from "./tracingOptions.ts";
import { TRANSFORM_SHARE_OPTIONS } from "./transformOptions.ts";
import {
  duration,
  fieldNameList,
  httpStatus,
  integer,
  listOf,
  oneOf,
  onOff,
  plainFieldNameList,
  zeroOrHttpStatus,
} from "./valueTypes.ts";

const percent = integer({ min: 0, max: 100 }, "%");

/** A lifetime of a century is for ever; sums with the present time stay exact. */
const lifetime = duration({ min: 0, max: 3_153_600_000 });

/** Longest time-out; beyond 2^31 - 1 ms the timers of the runtime fire at once. */
const timeout = duration({ min: 1, max: 2_000_000 });

/** A body that is part of a key is held in memory whole. */
const MAX_POST_BYTES = 64 * 1024 ** 2;

const onOffRow = (at: string, defaultValue: boolean, spec: string, doc: string) =>
  option<boolean>(at, onOff, defaultValue, { doc, spec });

/** OFF by default, but ON where the profile is rfc9111. */
const onByStandardRow = (at: string, spec: string, doc: string) =>
  option<boolean>(at, onOff, false, { doc, spec, profileDefault: { rfc9111: true } });

const lifetimeRow = (at: string, defaultValue: number, spec: string, doc: string) =>
  option<number>(at, lifetime, defaultValue, { doc, spec });

const bypassOriginRows = (method: "Post" | "Get" | "Put") => ({
  originAffinity: onOffRow(
    `Bypass${method}Request@OriginAffinity`,
    true,
    "BYP-11",
    "Whether all bypassed requests of a client go to the same origin server.",
  ),
  isPrivate: onOffRow(
    `Bypass${method}Request@Private`,
    false,
    "BYP-12",
    "Whether a client connection has an origin connection of its own; both end together.",
  ),
});

/** Places are relative to `<Options>` of `<VHostDefault>` or `<Vhost>`. */
export const VHOST_OPTIONS: OptionTable<VhostOptions> = {
  access: ACCESS_OPTIONS,
  cachingProfile: option("CachingProfile", oneOf("guide", "rfc9111"), "guide", {
    doc: "`guide`: lifetimes by the guide's rules, every answer is shared. `rfc9111`: a conforming shared cache.",
    spec: "own element",
  }),
  ttl: {
    priority: option(
      "TTL@Priority",
      listOf("cc_nocache", "custom", "cc_maxage", "rescode"),
      ["cc_nocache", "custom", "cc_maxage", "rescode"],
      { doc: "Sources of a lifetime; the first that applies gives it.", spec: "TTL-22" },
    ),
    res2xx: {
      seconds: lifetimeRow("TTL/Res2xx", 1_800, "TTL-03", "Lifetime of a 2xx answer without its own."),
      ratio: option("TTL/Res2xx@Ratio", percent, 20, {
        doc: "By how much a lifetime grows with every 304.",
        spec: "TTL-04",
      }),
      max: lifetimeRow("TTL/Res2xx@Max", 86_400, "TTL-05", "Ceiling of a growing lifetime."),
    },
    noCache: {
      seconds: lifetimeRow(
        "TTL/NoCache",
        5,
        "TTL-06",
        "Lifetime of an answer with `no-cache`, `private` or `must-revalidate`.",
      ),
      ratio: option("TTL/NoCache@Ratio", percent, 0, { doc: "As `Ratio` of `<Res2xx>`.", spec: "TTL-07" }),
      max: lifetimeRow("TTL/NoCache@Max", 5, "TTL-07", "As `Max` of `<Res2xx>`."),
      maxAge: lifetimeRow(
        "TTL/NoCache@MaxAge",
        0,
        "TTL-08",
        "`max-age` that clients get instead of the origin's no-cache; 0 switches it off.",
      ),
    },
    res3xxSeconds: lifetimeRow("TTL/Res3xx", 300, "TTL-09", "Lifetime of a 3xx answer."),
    res4xxSeconds: lifetimeRow("TTL/Res4xx", 30, "TTL-10", "Lifetime of a 4xx answer."),
    res5xxSeconds: lifetimeRow("TTL/Res5xx", 30, "TTL-11", "Lifetime of a 5xx answer."),
    connectTimeoutSeconds: lifetimeRow(
      "TTL/ConnectTimeout",
      3,
      "TTL-12",
      "Lifetime given to an object, or to the failure itself, when the origin cannot be connected.",
    ),
    receiveTimeoutSeconds: lifetimeRow(
      "TTL/ReceiveTimeout",
      3,
      "TTL-13",
      "As `<ConnectTimeout>`, when a connected origin sends nothing.",
    ),
    originBusySeconds: lifetimeRow(
      "TTL/OriginBusy",
      3,
      "TTL-14",
      "Lifetime given to an expired object while the origin is overloaded.",
    ),
  },
  ttlExtensionBy4xx: onOffRow("TTLExtensionBy4xx", false, "TTL-23", "Whether a 4xx at renewal counts as 304."),
  ttlExtensionBy5xx: onOffRow("TTLExtensionBy5xx", true, "TTL-24", "Whether a 5xx at renewal counts as 304."),
  unvalidatableObjectResCode: option<number>("UnvalidatableObjectResCode", zeroOrHttpStatus, 0, {
    doc: "Status for an expired object while every origin is excluded; 0 serves the object. This version reads it and does not act on it yet.",
    spec: "TTL-25",
  }),
  refreshExpired: onOffRow("RefreshExpired", true, "TTL-28", "ON: clients wait for the renewal. OFF: it runs behind."),
  noCacheRequestExpire: onOffRow(
    "NoCacheRequestExpire",
    false,
    "TTL-37",
    "Whether a client's no-cache expires the object.",
  ),
  acceptEncoding: onOffRow("AcceptEncoding", true, "KEY-02", "Whether `Accept-Encoding` tells objects apart."),
  varyHeader: option("VaryHeader", fieldNameList, [], {
    doc: "Names in the origin's `Vary` that are honoured; `*` all of them, empty none.",
    spec: "KEY-09",
    profileDefault: { rfc9111: ["*"] },
  }),
  tagHeader: option("TagHeader", plainFieldNameList, ["surrogate-key", "cache-tag"], {
    doc: "Fields of the origin that name the tags of a response, for purges by tag; clients do not see them. Empty: none.",
    spec: "own element",
  }),
  caseSensitive: onOffRow("CaseSensitive", true, "KEY-04", "Whether the case of a URL matters."),
  applyQueryString: onOffRow("ApplyQueryString", true, "KEY-05", "Whether the query string is part of the key."),
  applyQueryStringCollective: onOffRow(
    "ApplyQueryString@Collective",
    false,
    "KEY-07",
    "Whether a purge of a URL covers it with every query string.",
  ),
  connectionHeader: option("ConnectionHeader", oneOf("keep-alive", "close"), "keep-alive", {
    doc: "`Connection` field of responses.",
    spec: "HTTP-01",
  }),
  clientKeepAliveSeconds: option<number>("ClientKeepAliveSec", timeout, 10, {
    doc: "An idle client connection is closed after this long.",
    spec: "HTTP-02",
  }),
  keepAliveHeader: onOffRow("KeepAliveHeader", true, "HTTP-03", "Whether a `Keep-Alive` field is sent."),
  keepAliveHeaderMax: option<number>("KeepAliveHeader@Max", integer({ min: 0, max: 1_000_000_000 }), 0, {
    doc: "Requests that a connection may make, counted down in `Keep-Alive`; 0 without limit.",
    spec: "HTTP-04",
  }),
  ageHeader: onByStandardRow("AgeHeader", "HTTP-12", "Whether an `Age` field is sent."),
  etagHeader: onOffRow("ETagHeader", true, "HTTP-18", "Whether an `ETag` field is sent."),
  originalHeader: onByStandardRow(
    "OriginalHeader",
    "HTTP-20",
    "Whether the origin's non-standard fields are stored and sent.",
  ),
  viaHeader: onOffRow("ViaHeader", true, "HTTP-24", "Whether a `Via` field is sent."),
  cacheStatusHeader: onByStandardRow(
    "CacheStatusHeader",
    "RFC 9211",
    "Whether `Cache-Status` tells what was done for a response.",
  ),
  serverHeader: onOffRow("ServerHeader", true, "HTTP-25", "Whether the origin's `Server` field is passed on."),
  lastModifiedCheck: option("LastModifiedCheck", oneOf("exact", "orlater"), "exact", {
    doc: "`If-Modified-Since` gives 304 when equal to, or also when later than, `Last-Modified`.",
    spec: "HTTP-26",
    profileDefault: { rfc9111: "orlater" },
  }),
  ifRange: onByStandardRow("IfRange", "HTTP-29", "Whether `If-Range` of clients is compared."),
  modifyHeader: {
    enabled: onOffRow("ModifyHeader", false, "HTTP-42", "Whether headers.txt applies to requests and responses."),
    firstOnly: onOffRow(
      "ModifyHeader@FirstOnly",
      false,
      "HTTP-43",
      "Whether only the first matching rule for requests, and the first for responses, applies.",
    ),
  },
  refreshExpiresHeader: {
    enabled: onOffRow("RefreshExpiresHeader", false, "HTTP-13", "Whether expires.txt decides `Expires`."),
    base: option("RefreshExpiresHeader@Base", oneOf("access", "modification"), "access", {
      doc: "Base of rules that name none: the moment of the request, or `Last-Modified`.",
      spec: "HTTP-14",
    }),
  },
  postRequest: {
    enabled: onOffRow("PostRequest", false, "KEY-11", "Whether a POST that is not bypassed is cached."),
    bodySensitive: onOffRow(
      "PostRequest@BodySensitive",
      true,
      "KEY-12",
      "Whether the body is part of the key; postbody.txt names the exceptions.",
    ),
    maxContentLengthBytes: option<number>(
      "PostRequest@MaxContentLength",
      integer({ min: 0, max: MAX_POST_BYTES }, "bytes"),
      102_400,
      { doc: "Longest body of a cached POST; with a longer one the connection is closed.", spec: "KEY-13" },
    ),
  },
  bypassNoCacheRequest: onOffRow("BypassNoCacheRequest", false, "BYP-03", "Whether no-cache requests are bypassed."),
  bypassPostRequest: onOffRow("BypassPostRequest", true, "BYP-04", "Whether POST is bypassed."),
  bypassGetRequest: onOffRow("BypassGetRequest", false, "BYP-05", "Whether GET is bypassed."),
  bypassPutRequest: onByStandardRow("BypassPutRequest", "BYP-17", "Whether PUT is bypassed; OFF answers 501."),
  bypassOrigin: {
    post: bypassOriginRows("Post"),
    get: bypassOriginRows("Get"),
    put: bypassOriginRows("Put"),
  },
  purge2Expire: option("Purge2Expire", oneOf("NONE", "ROOT", "PATTERN", "ALL"), "NONE", {
    doc: "Which purges are carried out as Expire, to spare the origin.",
    spec: "PRG-01",
  }),
  rootPurgeExpire: option("RootPurgeExpire", oneOf("ON", "PURGE", "EXPIRE", "OFF"), "ON", {
    doc: "Which operations may cover the whole content of the host.",
    spec: "PRG-02",
  }),
  resCodeNoCtrlTarget: option<number>("ResCodeNoCtrlTarget", httpStatus, 200, {
    doc: "Status of a purge call that found no object.",
    spec: "PRG-03",
  }),
  compression: COMPRESSION_OPTIONS,
  drm: DRM_OPTIONS,
  dims: DIMS_OPTIONS,
  transforms: TRANSFORM_SHARE_OPTIONS,
  tracing: TRACING_OPTIONS,
  trafficCap: TRAFFIC_CAP_OPTIONS,
  throttling: THROTTLING_OPTIONS,
  selection: SELECTION_OPTIONS,
  overload: OVERLOAD_OPTIONS,
  xffLimit: option<number>("XFFLimit", integer({ min: 0, max: 1_000 }), 0, {
    doc: "Most addresses in `X-Forwarded-For`; a request with more is answered 463. 0 without limit.",
    spec: "AWS-21",
  }),
  fileSystem: FILE_SYSTEM_OPTIONS,
};
