export type { AdmittedCounts } from "./access/rateLimiter.ts";
export type { RateReport } from "./access/rateLimits.ts";
export { DrainLimit } from "./drainLimit.ts";
export type { AcceptListener, Acceptor, ClientSocket, SocketHandler } from "./driver/contract.ts";
export { bindListeningSocket, LISTEN_BACKLOG, receivedListeningSocket } from "./driver/listeningSocket.ts";
export { acceptRaw } from "./driver/rawTcp.ts";
export type { ListeningHandle } from "./driver/runtime.ts";
export { openSendFile } from "./driver/sendFile.ts";
export {
  EdgeServer,
  type EdgeServerParts,
  type PurgeAnswer,
  type PurgeCall,
  type RequestTracing,
} from "./edgeServer.ts";
export { serveHttp2 } from "./http2/http2Connection.ts";
export {
  type InternalAnswer,
  type InternalRequest,
  InternalRequests,
  unanswered,
} from "./internal/internalRequests.ts";
export type { Pacer } from "./pacing/pacer.ts";
export type { CacheVhosts } from "./servedVhosts.ts";
export { nextSessionNumber, sessionIdOf } from "./sessionId.ts";
export { acceptTls, type Http2Listener, type TlsAcceptParts } from "./tls/acceptTls.ts";
export { ACME_PROTOCOL, type AcmeChallenges, NO_CHALLENGES } from "./tls/acmeChallenges.ts";
export { type CipherStringOutcome, readCipherString } from "./tls/cipherString.ts";
export { CIPHER_SUITES, type CipherSuite, describeSuite, orderSuites } from "./tls/cipherSuites.ts";
export {
  type KeyType,
  listenerKey,
  type OcspStaple,
  type TicketKey,
  TLS_VERSIONS,
  type TlsCertificate,
  type TlsIdentity,
  type TlsListenerPlan,
  type TlsPlan,
  type TlsVersion,
} from "./tls/plan.ts";
export { createContext } from "./tls/secureContexts.ts";
export { createTicketKey } from "./tls/ticketKeys.ts";
export { TlsService } from "./tls/tlsService.ts";
