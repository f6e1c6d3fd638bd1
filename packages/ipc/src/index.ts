export { type CallHandlers, Channel, type EventHandlers, type Service } from "./channel.ts";
export { createPortPair, type Port, type SocketHandle } from "./port.ts";
export { portToChild, portToParent } from "./processPort.ts";
export { portOverSocket } from "./socketPort.ts";
export { portToOwner, portToThread } from "./threadPort.ts";
