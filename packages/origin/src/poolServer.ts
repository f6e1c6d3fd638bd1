import type { OriginAddress } from "@basalt/config";
import { AddressConnections } from "./addressConnections.ts";
import type { ConnectionOptions } from "./connection.ts";
import type { OriginServer } from "./contract.ts";
import { type Candidate, hashText } from "./serverSelector.ts";

/** A server in service, as a worker uses it, with its connections. Replaced by another after a reset (ORG-27). */
export class PoolServer implements Candidate {
  readonly server: OriginServer;
  readonly address: OriginAddress;
  readonly options: ConnectionOptions;
  readonly connections: AddressConnections;
  readonly seed: number;

  constructor(server: OriginServer, address: OriginAddress, options: ConnectionOptions) {
    this.server = server;
    this.address = address;
    this.options = options;
    this.connections = new AddressConnections(options);
    this.seed = hashText(server.id);
  }

  get hasIdle(): boolean {
    return this.connections.hasIdle;
  }

  get id(): string {
    return this.server.id;
  }
}
