import { CACHE_RESULTS } from "@basalt/types";
import { portBypassEndSlot, VHOST_SLOT } from "../counterTable.ts";
import type { FolderFacts, PortFacts } from "./facts.ts";
import {
  attribute,
  BYTES_PER_SECOND,
  type Field,
  fact,
  HUNDREDTHS,
  LEVEL,
  level,
  mean,
  PER_SECOND,
  rate,
  SHARE,
  summed,
  TOTAL,
  text,
  total,
} from "./field.ts";
import { CLIENT_CLASSES, type ClassSlots } from "./slots.ts";
import type { FieldSource } from "./sources.ts";

interface ByteSources<Facts> {
  /** Head and body. */
  readonly request: readonly number[];
  readonly requestBody: readonly number[];
  readonly responseHead: FieldSource<Facts>;
  readonly responseBody: readonly number[];
}

export const trafficBytes = <Facts>(prefix: string, bytes: ByteSources<Facts>): readonly Field<Facts>[] => [
  text(`${prefix}HttpReqHeaderSize`, BYTES_PER_SECOND, rate(bytes.request, bytes.requestBody), "Heads of requests."),
  text(`${prefix}HttpReqBodySize`, BYTES_PER_SECOND, rate(bytes.requestBody), "Bodies of requests."),
  text(`${prefix}HttpResHeaderSize`, BYTES_PER_SECOND, bytes.responseHead, "Heads of responses."),
  text(`${prefix}HttpResBodySize`, BYTES_PER_SECOND, rate(bytes.responseBody), "Bodies of responses."),
];

/** STAT-71, STAT-79. */
export const responseFields = <Facts>(prefix: string, classes: readonly ClassSlots[]): readonly Field<Facts>[] =>
  classes.flatMap(({ name, words, count, completed, firstByteTime, completeTime }) => {
    const place = `${prefix}Response.Res${name}`;
    return [
      ...summed<Facts>(`${place}.Count`, count, `${words}.`),
      ...summed<Facts>(`${place}.Completed`, completed, `${words} that were complete.`),
      text<Facts>(
        `${place}.TimeRes`,
        HUNDREDTHS,
        mean(firstByteTime, count),
        `Mean time to the first byte of ${words}.`,
      ),
      text<Facts>(`${place}.TimeComplete`, HUNDREDTHS, mean(completeTime, count), `Mean time to the end of ${words}.`),
    ];
  });

/** STAT-81, STAT-82, STAT-86. */
export const cacheResultFields = <Facts>(prefix: string, results: number): readonly Field<Facts>[] => [
  ...CACHE_RESULTS.map((result, index) =>
    attribute<Facts>(`${prefix}RequestHit.${result}`, PER_SECOND, rate([results + index]), `With ${result}.`),
  ),
  ...CACHE_RESULTS.map((result, index) =>
    attribute<Facts>(`${prefix}RequestHitSum.${result}`, TOTAL, total([results + index]), `Total with ${result}.`),
  ),
];

/** Of one folder of the client traffic. */
export const TRAFFIC_FIELDS: readonly Field<FolderFacts>[] = [
  attribute(
    "RequestHitRatio",
    SHARE,
    { kind: "requestHitRatio", results: VHOST_SLOT.cacheResult },
    "Requests that found an object.",
  ),
  text(
    "Path",
    "text",
    fact("folders", ({ path }) => path),
    "The folder; `/` for all with depth 0, `*` for those beyond the limit.",
  ),
  ...summed<FolderFacts>("HttpReqCount", [VHOST_SLOT.clientRequests], "requests of clients."),
  ...trafficBytes<FolderFacts>("", {
    request: [VHOST_SLOT.clientRequestBytes],
    requestBody: [VHOST_SLOT.clientRequestBodyBytes],
    responseHead: rate([VHOST_SLOT.clientResponseHeadBytes]),
    responseBody: [VHOST_SLOT.clientResponseBodyBytes],
  }),
  ...responseFields<FolderFacts>("", CLIENT_CLASSES),
  attribute("SSL.RecvSize", BYTES_PER_SECOND, rate([VHOST_SLOT.tlsReceivedBytes]), "Received over HTTPS."),
  attribute("SSL.SendSize", BYTES_PER_SECOND, rate([VHOST_SLOT.tlsSentBytes]), "Sent over HTTPS."),
  ...cacheResultFields<FolderFacts>("", VHOST_SLOT.cacheResult),
];

const hit = (name: string, slots: readonly number[], doc: string): Field<PortFacts> =>
  attribute(`Hit.${name}`, PER_SECOND, rate(slots), doc);

const bytes = (place: string, slot: number, doc: string): Field<PortFacts> =>
  attribute(place, BYTES_PER_SECOND, rate([slot]), doc);

/** Of one bypassed port (STAT-74). */
export const PORT_BYPASS_FIELDS: readonly Field<PortFacts>[] = [
  attribute(
    "SrcPort",
    "port",
    fact("configuration", ({ port }) => port),
    "Port on the edge.",
  ),
  attribute(
    "DestPort",
    "port",
    fact("configuration", ({ originPort }) => originPort),
    "Port on the origin.",
  ),
  text("Session", LEVEL, level([VHOST_SLOT.portBypassOpen]), "Connections open."),
  hit("Established", [VHOST_SLOT.portBypassConnections], "Connections relayed."),
  hit(
    "ClientClosed",
    [portBypassEndSlot("client"), portBypassEndSlot("idle")],
    "Ended by the client, or idle for too long.",
  ),
  hit("OriginClosed", [portBypassEndSlot("origin")], "Ended by the origin."),
  hit("OriginCT", [VHOST_SLOT.portBypassFailures], "Without a connection to the origin."),
  bytes("ClientTraffic.In", VHOST_SLOT.portBypassClientBytes, "Received from clients."),
  bytes("ClientTraffic.Out", VHOST_SLOT.portBypassOriginBytes, "Sent to clients."),
  bytes("OriginTraffic.In", VHOST_SLOT.portBypassOriginBytes, "Received from the origin."),
  bytes("OriginTraffic.Out", VHOST_SLOT.portBypassClientBytes, "Sent to the origin."),
];
