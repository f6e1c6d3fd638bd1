import { VHOST_SLOT } from "../counterTable.ts";
import {
  attribute,
  BYTES_PER_SECOND,
  type Field,
  HUNDREDTHS,
  LEVEL,
  level,
  mean,
  PER_SECOND,
  rate,
  SHARE,
  SIGNED_SHARE,
  text,
} from "./field.ts";
import {
  CLIENT_CLASSES,
  CLIENT_RECEIVED,
  CLIENT_SENT,
  type ClassSlots,
  ORIGIN_CLASSES,
  ORIGIN_RECEIVED,
  ORIGIN_SENT,
} from "./slots.ts";

const classFields = <Facts>(side: "Origin" | "Client", classes: readonly ClassSlots[]): readonly Field<Facts>[] =>
  classes.flatMap(({ name, words, count, firstByteTime, completeTime }) => [
    attribute<Facts>(`${side}Res${name}Count`, PER_SECOND, rate(count), `${side}: ${words}.`),
    attribute<Facts>(
      `${side}Res${name}TimeRes`,
      HUNDREDTHS,
      mean(firstByteTime, count),
      `Mean time to the first byte of ${words}.`,
    ),
    attribute<Facts>(
      `${side}Res${name}TimeComplete`,
      HUNDREDTHS,
      mean(completeTime, count),
      `Mean time to the end of ${words}.`,
    ),
  ]);

const { fileSystem } = VHOST_SLOT;

/** What host, virtual hosts and views have alike (STAT-34 to STAT-39, STAT-42). */
export const summaryFields = <Facts>(): readonly Field<Facts>[] => [
  attribute("OriginSession", LEVEL, level([VHOST_SLOT.originSessions]), "Connections to origins."),
  attribute(
    "OriginActiveSession",
    LEVEL,
    rate([VHOST_SLOT.originSessionsActive]),
    "Connections to origins that carried data.",
  ),
  attribute("OriginInbound", BYTES_PER_SECOND, rate(ORIGIN_RECEIVED), "Received from origins."),
  attribute("OriginOutbound", BYTES_PER_SECOND, rate(ORIGIN_SENT), "Sent to origins."),
  attribute("OriginReqCount", PER_SECOND, rate([VHOST_SLOT.originRequests]), "Requests sent to origins."),
  ...classFields<Facts>("Origin", ORIGIN_CLASSES),
  attribute("ClientSession", LEVEL, level([VHOST_SLOT.clientSessions]), "Client connections."),
  attribute(
    "ClientActiveSession",
    LEVEL,
    rate([VHOST_SLOT.clientSessionsActive]),
    "Client connections that carried data.",
  ),
  attribute("ClientInbound", BYTES_PER_SECOND, rate(CLIENT_RECEIVED), "Received from clients."),
  attribute("ClientOutbound", BYTES_PER_SECOND, rate(CLIENT_SENT), "Sent to clients."),
  attribute("ClientReqCount", PER_SECOND, rate([VHOST_SLOT.clientRequests]), "Requests of clients."),
  ...classFields<Facts>("Client", CLIENT_CLASSES),
  attribute(
    "RequestHitRatio",
    SHARE,
    { kind: "requestHitRatio", results: VHOST_SLOT.cacheResult },
    "Requests that found an object.",
  ),
  attribute(
    "ByteHitRatio",
    SIGNED_SHARE,
    { kind: "byteHitRatio", sent: CLIENT_SENT, received: ORIGIN_RECEIVED },
    "What clients got beyond what origins sent, in relation to what clients got.",
  ),
  text(
    "FileSystem.RequestHitRatio",
    SHARE,
    { kind: "requestHitRatio", results: fileSystem.result },
    "The same for accesses through mounted folders.",
  ),
  text(
    "FileSystem.ByteHitRatio",
    SIGNED_SHARE,
    { kind: "byteHitRatio", sent: [fileSystem.sentBytes], received: ORIGIN_RECEIVED },
    "The same for what mounted folders gave.",
  ),
  text("FileSystem.Outbound", BYTES_PER_SECOND, rate([fileSystem.sentBytes]), "Read through mounted folders."),
  text("FileSystem.Session", "count (avg)", level([fileSystem.threads]), "Calls on mounted folders that run."),
];
