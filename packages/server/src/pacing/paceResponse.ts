import { type MediaFacts, scanMedia } from "@basalt/media";
import { isMediaPath, type Throttle } from "@basalt/policy";
import type { Connection } from "../connection.ts";
import type { Exchange } from "../exchange.ts";
import { composedFacts, streamFacts } from "./derivedFacts.ts";
import type { MediaBody } from "./mediaKnowledge.ts";
import { type SentResponse, ThrottledResponse } from "./throttledResponse.ts";
import type { TokenBucket } from "./tokenBucket.ts";

/**
 * Puts the limits of the virtual host in force for the response that is about to begin, and takes those of the last one
 * away. Call it before anything is written, by `Exchange.pace`.
 */
export const paceResponse = (exchange: Exchange): void => {
  const { connection, vhost } = exchange;
  const bandwidth = vhost?.bandwidth;
  const throttle = bandwidth?.throttling?.decide(exchange);
  const isLimited = throttle !== undefined || bandwidth?.gate !== undefined;
  if (bandwidth === undefined || !(isLimited || bandwidth.sessionBytesPerSecond !== undefined)) {
    connection.unpace();
    return;
  }
  connection.pace({
    response: throttle === undefined ? undefined : throttled(exchange, throttle),
    gate: bandwidth.gate,
    session: sessionBucket(connection, bandwidth.sessionBytesPerSecond),
  });
};

const sessionBucket = ({ session, server }: Connection, bytesPerSecond: number | undefined): TokenBucket | undefined =>
  bytesPerSecond === undefined ? undefined : session.bucket(bytesPerSecond, server.pacer.nowMs);

const throttled = (exchange: Exchange, throttle: Throttle): ThrottledResponse => {
  const { server } = exchange.connection;
  const isMedia = isMediaPath(exchange.path);
  const body = isMedia ? mediaBodyOf(exchange) : undefined;
  return new ThrottledResponse({
    throttle,
    nowMs: () => server.pacer.nowMs,
    response: () => (exchange.status === 0 ? undefined : sentResponseOf(exchange, isMedia, throttle.isMediaRate)),
    onFacts: (facts) => {
      if (body !== undefined) server.media.remember(body, facts);
    },
  });
};

const sentResponseOf = (exchange: Exchange, isMedia: boolean, needsRate: boolean): SentResponse => {
  const { object, source, status, contentLength, bodyStart, minorVersion } = exchange;
  const isRange = status === 206;
  const fileBytes = object?.bodyBytes ?? source?.totalBytes ?? (isRange ? -1 : contentLength);
  const ofStream = factsOfStream(exchange);
  return {
    headBytes: exchange.headBytesSent,
    // Behind a 101 come the bytes of a tunnel as they are.
    isChunked: contentLength < 0 && minorVersion === 1 && status !== 101,
    bodyStart: status === 200 || isRange ? bodyStart : -1,
    fileBytes,
    facts: ofStream ?? (isMedia ? knownFacts(exchange, needsRate) : undefined),
    isMedia: isMedia && ofStream === undefined,
  };
};

/** Undefined for what is not part of a stream. */
const factsOfStream = ({ derivation, object }: Exchange): MediaFacts | undefined => {
  const media = derivation?.media;
  if (media === undefined || object === undefined) return undefined;
  return streamFacts({ media, fields: object.fields, bodyBytes: object.bodyBytes });
};

const knownFacts = (exchange: Exchange, needsRate: boolean): MediaFacts | undefined => {
  const body = mediaBodyOf(exchange);
  if (body === undefined) return undefined;
  const { media } = exchange.connection.server;
  const known = media.find(body);
  if (known !== undefined || !needsRate || exchange.bodyStart === 0) return known;
  const facts = factsInMemory(exchange);
  if (facts !== undefined) media.remember(body, facts);
  return facts;
};

/** Of a file that is asked for from somewhere in the middle: as far as memory holds its beginning. */
const factsInMemory = ({ object, composed }: Exchange): MediaFacts | undefined => {
  if (composed !== undefined) return composedFacts(composed);
  const start = object?.body ?? object?.openBody?.peek(0);
  if (object === undefined || start === undefined) return undefined;
  const scanner = scanMedia(object.bodyBytes);
  scanner.push(0, start);
  return scanner.wants < 0 ? scanner.facts : undefined;
};

/** Undefined for what is not stored. */
const mediaBodyOf = ({ vhost, variant, name, object, sourceHead }: Exchange): MediaBody | undefined => {
  const version = object?.bodyVersion ?? sourceHead?.bodyVersion;
  if (vhost === undefined || version === undefined) return undefined;
  return { name: `${vhost.cache.index} ${variant} ${name}`, version };
};
