export { AcmeAuthority, type AcmePlaces, startAcmeAuthority } from "./acme/acmeAuthority.ts";
export { type ExpectedBody, type ExpectedFields, expectResponse, PendingAnswer } from "./client/answer.ts";
export { type FetchAllOptions, type FetchOutcome, fetchAll, outcomeField, tallyOutcomes } from "./client/fetchAll.ts";
export {
  fetchOnce,
  RawClient,
  type RawClientOptions,
  type RequestSpec,
  rawClient,
  renderChunk,
  renderRequest,
} from "./client/rawClient.ts";
export { RawResponse, type ResponseHead } from "./client/response.ts";
export { type DnsAnswer, type DnsQueryRecord, startDns, TestDns } from "./dns/dnsServer.ts";
export type { AddressRecord } from "./dns/message.ts";
export type { ApiRequest, ControlAnswer, DiskReport, EdgeStatus, Envelope, RunningProcess } from "./edge/control.ts";
export { allocatedBytes, damageFile, filesBelow } from "./edge/diskFiles.ts";
export { type EdgeClock, type EdgeRequest, startEdge, TestEdge } from "./edge/edge.ts";
export { findFreePort } from "./edge/freePorts.ts";
export type { CommandOutcome } from "./edge/instance.ts";
export { type MetricSample, Metrics, readCounter } from "./edge/metrics.ts";
export type { DiskSpec, EdgeConfiguration, EdgeOptions, VhostSpec } from "./edge/options.ts";
export { isEdgeBuilt } from "./edge/program.ts";
export { startFtp, TestFtp, type TestFtpOptions } from "./ftp/ftpServer.ts";
export { type GarbageOptions, type GarbageTally, garbageConnections } from "./garbage/garbage.ts";
export { type DatEdition, type NumberedNetworks, writeGeoIpDat } from "./geo/geoIpDatWriter.ts";
export { writeMmdb } from "./geo/mmdbWriter.ts";
export type { NetworkTable } from "./geo/prefixTree.ts";
export type { Gate } from "./origin/gate.ts";
export {
  MisbehavingOrigin,
  type MisbehavingOriginOptions,
  type Misbehavior,
  type ReplyShape,
  startMisbehavingOrigin,
} from "./origin/misbehavingOrigin.ts";
export { type OriginPlace, type RequestMatch, startOrigin, TestOrigin } from "./origin/origin.ts";
export { type FileOptions, fileReply, type ReplyContent, type ReplyMaker, type RuleBuilder } from "./origin/reply.ts";
export type { OriginRequestRecord } from "./origin/request.ts";
export {
  type BodyInput,
  type BodySource,
  type PatternBody,
  patternBody,
  patternBytes,
  verifyPattern,
} from "./pattern.ts";
export { randomBytesOf, seededRandom } from "./random.ts";
export { type CertificateSpec, makeCertificate, type TestCertificate, type TestKeyType } from "./tls/certificates.ts";
export {
  makeOcspAnswer,
  makeOcspRefusal,
  type OcspAnswer,
  type OcspReply,
  type OcspResponder,
  type OcspStatus,
  startOcspResponder,
} from "./tls/ocspResponder.ts";
export { fetchHttps, type HttpsAnswer, type HttpsRequest } from "./tls/tlsClient.ts";
export { WireError, WireTimeoutError } from "./wire/byteReader.ts";
export { type FieldRecord, type FlatFields, fieldLines, fieldValue } from "./wire/fields.ts";
