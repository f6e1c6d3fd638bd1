import { PRODUCT_NAME } from "@basalt/types";
import type { OriginOptions, UrlRewrite } from "../contract.ts";
import { findChild } from "../xml/xmlElement.ts";
import { listOption, type OptionTable, option } from "./option.ts";
import { DRAINING_OPTIONS, FORWARDED_OPTIONS, STICKY_OPTIONS } from "./originChoiceOptions.ts";
import {
  duration,
  fieldText,
  filePath,
  hostsOrNetworksList,
  integer,
  megabytes,
  oneOf,
  onOff,
  originPath,
  regularExpression,
  statusList,
  urlTemplate,
} from "./valueTypes.ts";

/** Longest time-out; beyond 2^31 - 1 ms the timers of the runtime fire at once. */
const MAX_TIMEOUT_SECONDS = 2_000_000;
const timeout = duration({ min: 1, max: MAX_TIMEOUT_SECONDS });
const count = { min: 1, max: 1_000_000 };

const timeoutRow = (at: string, defaultValue: number, spec: string, doc: string) =>
  option<number>(at, timeout, defaultValue, { doc, spec });

const onOffRow = (at: string, defaultValue: boolean, spec: string, doc: string) =>
  option<boolean>(at, onOff, defaultValue, { doc, spec });

/** Places are relative to `<OriginOptions>` of `<VHostDefault>` or `<Vhost>`. */
export const ORIGIN_OPTIONS: OptionTable<OriginOptions> = {
  connectTimeoutSeconds: timeoutRow("ConnectTimeout", 3, "ORG-01", "Longest wait for a connection."),
  receiveTimeoutSeconds: timeoutRow("ReceiveTimeout", 10, "ORG-02", "Longest silence of an origin that was asked."),
  bypassConnectTimeoutSeconds: timeoutRow(
    "BypassConnectTimeout",
    5,
    "BYP-13",
    "`<ConnectTimeout>` of bypassed requests.",
  ),
  bypassReceiveTimeoutSeconds: timeoutRow(
    "BypassReceiveTimeout",
    300,
    "BYP-13",
    "`<ReceiveTimeout>` of bypassed requests.",
  ),
  exclusion: option<number>("Exclusion", integer(count), 3, {
    doc: "Failures in a row that exclude an origin server.",
    spec: "ORG-03",
  }),
  recovery: {
    count: option<number>("Recovery", integer({ ...count, min: 0 }), 5, {
      doc: "Successful probes in a row that bring it back; 0 never does.",
      spec: "ORG-04",
    }),
    cycleSeconds: timeoutRow("Recovery@Cycle", 10, "ORG-05", "Time between probes."),
    uri: option<string>("Recovery@Uri", originPath, "/", { doc: "What a probe asks for.", spec: "ORG-06" }),
    resCodes: option<readonly number[]>("Recovery@ResCode", statusList, [], {
      doc: "Statuses that count as success; 0 for any.",
      spec: "ORG-07",
    }),
    log: onOffRow("Recovery@Log", true, "ORG-08", "Whether probes are written to the origin log."),
  },
  dnsMaxTtlSeconds: option<number>("DnsMaxTTL", duration({ min: 0, max: MAX_TIMEOUT_SECONDS }), 60, {
    doc: "Longest use of an IP address that a name server has named; 0 uses it as long as the name server says.",
    spec: "ORG-23",
  }),
  busySessionCount: option<number>("BusySessionCount", integer({ min: 1, max: 1_000_000_000 }), 100, {
    doc: "With more transactions in progress, over all workers, expired objects are not renewed; a very large value switches it off.",
    spec: "ORG-28, ORG-29",
  }),
  maxSessions: {
    count: option<number>("MaxSessions", integer({ min: 0, max: 1_000_000 }), 0, {
      doc: "Most transactions in progress, over all workers; 0 without limit. Further requests wait, as long as for a connection.",
      spec: "own element",
    }),
    queue: option<number>("MaxSessions@Queue", integer({ min: 0, max: 10_000_000 }), 10_000, {
      doc: "Most requests that wait; further ones are answered 503.",
      spec: "own element",
    }),
  },
  tls: {
    verify: onOffRow(
      "OriginTls@Verify",
      true,
      "own element",
      "Whether certificates of `https://` addresses are checked.",
    ),
    caFile: option<string>("OriginTls@CaFile", filePath, "", {
      doc: "PEM file with the authorities that certificates of `https://` addresses are checked against.",
      defaultNote: "the authorities that the runtime knows",
      spec: "own element",
    }),
  },
  reuseTimeoutSeconds: option<number>("ReuseTimeout", duration({ min: 0, max: MAX_TIMEOUT_SECONDS }), 60, {
    doc: "An idle origin connection is closed after this long; 0 never reuses one.",
    spec: "ORG-34",
  }),
  partBytes: option<number>("PartSize", megabytes({ min: 0, max: 10_240 }), 0, {
    doc: "How much is fetched at a time, from the position that a client asks for; 0 fetches whole bodies.",
    spec: "ORG-35",
  }),
  fullRangeInit: onOffRow(
    "FullRangeInit",
    false,
    "ORG-37, ORG-38",
    "Whether first downloads and renewals carry `Range: bytes=0-`.",
  ),
  ifRange: onOffRow("IfRange", false, "ORG-47", "Whether range requests to the origin carry `If-Range`."),
  balanceMode: option("BalanceMode", oneOf("RoundRobin", "Session", "Hash", "Latency"), "RoundRobin", {
    doc: "How one of several origin servers is chosen; `Latency` (not in the guide): the one that answers soonest.",
    spec: "ORG-30, AWS-33",
  }),
  draining: DRAINING_OPTIONS,
  sticky: STICKY_OPTIONS,
  forwarded: FORWARDED_OPTIONS,
  webSocketRedirect: onOffRow(
    "WebSocketRedirect",
    false,
    "AWS-43",
    "Whether a client that asks for a WebSocket is sent, by a 307, to an origin server that is chosen for it, instead of being tunnelled.",
  ),
  host: option<string>("Host", fieldText, "", {
    doc: "`Host` sent to the origin; `*` sends the client's.",
    defaultNote: "by the form of the address",
    spec: "ORG-42, CFG-12",
  }),
  hostBypass: onOffRow("Host@Bypass", true, "BYP-14", "Whether `<Host>` holds for bypassed requests too."),
  userAgent: option<string>("UserAgent", fieldText, PRODUCT_NAME, {
    doc: "`User-Agent` sent to the origin; `*` sends the client's.",
    spec: "ORG-43",
  }),
  userAgentBypass: onOffRow(
    "UserAgent@Bypass",
    false,
    "BYP-14",
    "Whether `<UserAgent>` holds for bypassed requests too.",
  ),
  xffClientIpOnly: onOffRow(
    "XFFClientIPOnly",
    false,
    "ORG-44",
    "Whether `X-Forwarded-For` carries only the first address.",
  ),
  xffClientIpOnlyBypass: onOffRow(
    "XFFClientIPOnly@Bypass",
    true,
    "BYP-14",
    "Whether `<XFFClientIPOnly>` holds for bypassed requests too.",
  ),
  wlProxyClientIp: onOffRow(
    "WLProxyClientIP",
    false,
    "ORG-45",
    "Whether the client's address is sent as `WL-Proxy-Client-IP`.",
  ),
  wlProxyClientIpBypass: onOffRow(
    "WLProxyClientIP@Bypass",
    true,
    "BYP-14",
    "Whether `<WLProxyClientIP>` holds for bypassed requests too.",
  ),
  originalETag: option<boolean>("OriginalETag", onOff, false, {
    doc: "Whether the origin's `ETag` is kept and used for renewal.",
    spec: "ORG-46",
    profileDefault: { rfc9111: true },
  }),
  wholeClientRequest: onOffRow(
    "WholeClientRequest",
    false,
    "ORG-39",
    "Whether the origin is asked with the client's URL unchanged.",
  ),
  urlRewrites: listOption<UrlRewrite>("URLRewrite", {
    text: undefined,
    attributes: [],
    children: [
      {
        name: "Pattern",
        type: regularExpression,
        doc: "Regular expression; matches anywhere in path and query string, matching takes linear time.",
      },
      {
        name: "Replace",
        type: urlTemplate,
        doc: "What is asked instead; `#1` to `#9` are the groups of the expression, `#0` is the whole URL.",
      },
    ],
    default: [],
    doc: "Another URL for requests that fill the cache; the first rule that matches counts. Neither the key nor bypassed requests are affected.",
    spec: "ORG-41, VHT-17",
    read: (element) => ({
      pattern: findChild(element, "Pattern")?.text ?? "",
      replace: findChild(element, "Replace")?.text ?? "",
    }),
    format: ({ pattern, replace }) => `${pattern} -> ${replace}`,
  }),
  redirectionTrace: {
    enabled: onOffRow(
      "RedirectionTrace",
      false,
      "ORG-55, VHT-40",
      "Whether a 301, 302, 303, 307 or 308 of the origin is followed, once, instead of stored.",
    ),
    allow: option<readonly string[]>("RedirectionTrace@Allow", hostsOrNetworksList, [], {
      doc: "Where a redirect may lead, beside the host's own origin servers and public addresses.",
      defaultNote: "none",
      spec: "own element",
    }),
  },
  modifyHeader: {
    enabled: onOffRow("ModifyHeader", false, "ORG-51", "Whether headers.txt applies to requests to the origin."),
    firstOnly: onOffRow(
      "ModifyHeader@FirstOnly",
      false,
      "ORG-52",
      "Whether only the first matching rule for requests to the origin applies.",
    ),
  },
};
