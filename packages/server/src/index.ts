export type { AcceptListener, Acceptor, ClientSocket, SocketHandler } from "./driver/contract.ts";
export { bindListeningSocket, LISTEN_BACKLOG, receivedListeningSocket } from "./driver/listeningSocket.ts";
export { acceptRaw } from "./driver/rawTcp.ts";
export type { ListeningHandle } from "./driver/runtime.ts";
export { EdgeServer, type EdgeServerParts, type PurgeAnswer, type PurgeCall } from "./edgeServer.ts";
