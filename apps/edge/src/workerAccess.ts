import type { EdgeConfig } from "@basalt/config";
import { compileServiceAccess, type ServiceAccess } from "@basalt/policy";
import { CountryFolder } from "./geo/countryFolder.ts";

/** Text of the deny log for a client that has connected too often. */
const TOO_OFTEN = "ConnectionRate";

export interface WorkerAccessParts {
  readonly logDenied: (clientIp: string, rule: string) => void;
}

/** Who may connect to a worker (ACL-10), and where clients come from. */
export class WorkerAccess {
  readonly #parts: WorkerAccessParts;
  /** The primary reads the same files and tells the operator of them. */
  readonly #countries = new CountryFolder({ notice: () => {}, warning: () => {} });
  #serviceAccess: ServiceAccess | undefined;

  constructor(parts: WorkerAccessParts) {
    this.#parts = parts;
  }

  configure({ server }: EdgeConfig): void {
    const { serviceAccess } = server.host;
    this.#countries.setFolder(serviceAccess.geoIp);
    this.#serviceAccess = compileServiceAccess(serviceAccess);
  }

  readonly countryOf = (address: string): string | undefined => this.#countries.countryOf(address);

  readonly admits = (remoteAddress: string): boolean => {
    if (this.#serviceAccess === undefined) return true;
    const clientIp = plainAddress(remoteAddress);
    const { isAllowed, rule } = this.#serviceAccess(clientIp, this.#countries.countryOf);
    if (!isAllowed) this.#parts.logDenied(clientIp, rule);
    return isAllowed;
  };

  readonly noteTooOften = (remoteAddress: string): void => {
    this.#parts.logDenied(plainAddress(remoteAddress), TOO_OFTEN);
  };
}

/** IPv4 also where the socket is IPv6. */
const plainAddress = (address: string): string => (address.startsWith("::ffff:") ? address.slice(7) : address);
