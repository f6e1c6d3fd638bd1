import type { OriginAddress } from "@basalt/config";
import type { Endpoint } from "./connector.ts";
import type { OriginSettings } from "./contract.ts";

/** Where a server of that address is reached, by TLS when the address says so. `text` is for error details. */
export const endpointOf = (
  { name, originOptions }: OriginSettings,
  address: OriginAddress,
  server: { readonly id: string; readonly ip: string },
): Endpoint => ({
  address: server.id,
  host: server.ip,
  port: address.port,
  tls:
    address.scheme === "https"
      ? {
          serverName: address.isIp ? name : address.host,
          alternativeName: address.isIp ? server.ip : undefined,
          verify: originOptions.tls.verify,
          caFile: originOptions.tls.caFile,
        }
      : undefined,
});
